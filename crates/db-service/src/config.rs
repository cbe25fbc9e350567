//! Every setting of db-service: flag, variable, default and unit.

use clap::{Args, Parser, ValueEnum};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Puts a SQLite file on the network.
#[derive(Debug, Clone, Parser)]
#[command(name = "db-service", version)]
pub struct Config {
    /// Address to listen on. Without a token file only a loopback address is accepted.
    #[arg(long, env = "DB_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The SQLite file; it is made when there is none.
    #[arg(long, env = "DB_DATABASE", default_value = "data/sales.db")]
    pub database: PathBuf,
    /// Token file (TOML); read again when it changes. Without it every caller on this machine may do
    /// everything.
    #[arg(long, env = "DB_TOKENS")]
    pub tokens: Option<PathBuf>,
    /// Lets everybody who reaches this address do everything: listens on other than loopback addresses
    /// without tokens.
    #[arg(long, env = "DB_ALLOW_EVERYBODY_WITHOUT_TOKENS", default_value_t = false)]
    pub allow_everybody_without_tokens: bool,
    /// A web page's origin that may call from a browser, such as `http://localhost:3000`; may be repeated.
    #[arg(long = "allow-origin", env = "DB_ALLOW_ORIGIN", value_delimiter = ',')]
    pub allow_origins: Vec<String>,
    /// When an answered write is on disk: `full` survives power loss, `normal` survives a crash of the
    /// process only.
    #[arg(long, env = "DB_SYNCHRONOUS", value_enum, default_value_t = Synchronous::Full)]
    pub synchronous: Synchronous,
    /// Takes `"text"` in double quotes for a text where there is no column of that name, as SQLite did in the past. A
    /// mistyped column is then no error.
    #[arg(long, env = "DB_ALLOW_DOUBLE_QUOTED_TEXTS", default_value_t = false)]
    pub allow_double_quoted_texts: bool,
    /// Folder for what is kept for a while: bodies of bulk inserts, and the temporary files of statements that sort much.
    /// That of the database unless it is given.
    #[arg(long, env = "DB_TEMP_FOLDER")]
    pub temp_folder: Option<PathBuf>,
    /// When a backup is made by itself: minute, hour, day of month, month and day of week, such as `30 2 * * *`. Never
    /// unless it is given.
    #[arg(long, env = "DB_BACKUP_SCHEDULE")]
    pub backup_schedule: Option<String>,
    /// Folder for backups that are made by themselves, best on another disk; `backups` beside the database unless it is
    /// given.
    #[arg(long, env = "DB_BACKUP_FOLDER")]
    pub backup_folder: Option<PathBuf>,
    /// How many of these backups stay; 0 means all.
    #[arg(long, env = "DB_KEEP_BACKUPS", default_value_t = 14)]
    pub keep_backups: usize,
    /// For how many days one of these backups stays, the newest always; 0 means for ever.
    #[arg(long, env = "DB_KEEP_BACKUPS_DAYS", default_value_t = 0)]
    pub keep_backups_days: u32,
    /// When every page of the database is looked at (`PRAGMA quick_check`), written like `--backup-schedule`; `off` for
    /// never.
    #[arg(long, env = "DB_CHECK_SCHEDULE", default_value = "30 4 * * 0")]
    pub check_schedule: String,
    /// The time zone in which these times are meant.
    #[arg(long, env = "DB_TIME_ZONE", default_value = "Europe/Paris")]
    pub time_zone: String,
    /// The limits.
    #[command(flatten)]
    pub limits: Limits,
}

/// When a write counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// Every commit is synced to disk before it is answered.
    Full,
    /// The disk may lag behind by some commits.
    Normal,
}

/// The limits, listed at `GET /v1/limits` under the names of the fields.
#[derive(Debug, Clone, Args, Serialize, utoipa::ToSchema)]
pub struct Limits {
    /// How long a statement may run, in milliseconds.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT_MS", default_value_t = 30_000)]
    pub statement_timeout_ms: u64,
    /// The most that `timeout_ms` of a batch may ask for, in milliseconds: one that replaces millions of rows at
    /// once takes longer than a statement should.
    #[arg(long, env = "DB_BATCH_TIMEOUT_MS", default_value_t = 600_000)]
    pub batch_timeout_ms: u64,
    /// How long a streamed answer may hold its read transaction, sending included, in milliseconds.
    #[arg(long, env = "DB_STREAM_TIMEOUT_MS", default_value_t = 600_000)]
    pub stream_timeout_ms: u64,
    /// How long a client may take for the next 64 KiB of a streamed answer or of a body, in milliseconds.
    #[arg(long, env = "DB_STALL_TIMEOUT_MS", default_value_t = 30_000)]
    pub stall_timeout_ms: u64,
    /// How many rows a JSON answer may hold; NDJSON and CSV have no such limit.
    #[arg(long, env = "DB_MAX_ROWS", default_value_t = 100_000)]
    pub max_rows: u64,
    /// How large a JSON answer may be, in bytes; NDJSON and CSV have no such limit.
    #[arg(long, env = "DB_MAX_RESULT_BYTES", default_value_t = 67_108_864)]
    pub max_result_bytes: u64,
    /// How long the text of a statement may be, in bytes.
    #[arg(long, env = "DB_MAX_SQL_BYTES", default_value_t = 1_000_000)]
    pub max_sql_bytes: u64,
    /// How many SELECTs and VALUES the text of a statement may hold: what stands inside of each other, or is built on
    /// each other, takes stack when it is compiled.
    #[arg(long, env = "DB_MAX_SELECTS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    pub max_selects: u64,
    /// How long the texts of all tables, views, triggers and indexes may be together, in bytes: a chain of them takes
    /// stack when it is compiled.
    #[arg(long, env = "DB_MAX_SCHEMA_BYTES", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=4_000_000))]
    pub max_schema_bytes: u64,
    /// How deep views, triggers and keys that cascade may build on each other: what reads or writes the last of them
    /// makes SQLite compile them all, one inside of the other.
    #[arg(long, env = "DB_MAX_SCHEMA_DEPTH", default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=500))]
    pub max_schema_depth: u64,
    /// How large one text or blob may be, in bytes.
    #[arg(long, env = "DB_MAX_VALUE_BYTES", default_value_t = 67_108_864)]
    pub max_value_bytes: u64,
    /// How long a pattern of LIKE or GLOB may be, in bytes.
    #[arg(long, env = "DB_MAX_PATTERN_BYTES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=50_000))]
    pub max_pattern_bytes: u64,
    /// How large a text or blob may be in a statement that uses LIKE or GLOB, in bytes: a pattern is compared at every
    /// place of a text, and no time limit can stop it there.
    #[arg(long, env = "DB_MAX_MATCHED_BYTES", default_value_t = 1_048_576, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub max_matched_bytes: u64,
    /// Takes `snippet()` of FTS, which compares every match in a text with every other: no time limit stops it there.
    #[arg(long, env = "DB_ALLOW_SNIPPET", default_value_t = false)]
    pub allow_snippet: bool,
    /// How much memory one statement may take, the answer that is kept until it is sent included, in bytes.
    #[arg(long, env = "DB_MAX_STATEMENT_MEMORY_BYTES", default_value_t = 268_435_456, value_parser = clap::value_parser!(u64).range(1_048_576..))]
    pub max_statement_memory_bytes: u64,
    /// How much memory all statements, connections and kept answers together may take, in bytes. A statement that holds
    /// more than 4 MiB gets no more when three quarters are taken, so that there is room for others.
    #[arg(long, env = "DB_MAX_MEMORY_BYTES", default_value_t = 1_073_741_824, value_parser = clap::value_parser!(u64).range(67_108_864..))]
    pub max_memory_bytes: u64,
    /// How large a JSON request, or a row of a bulk insert, may be, in bytes.
    #[arg(long, env = "DB_MAX_BODY_BYTES", default_value_t = 67_108_864)]
    pub max_body_bytes: u64,
    /// How large the body of a bulk insert may be, decompressed, in bytes.
    #[arg(long, env = "DB_MAX_BULK_BYTES", default_value_t = 17_179_869_184)]
    pub max_bulk_bytes: u64,
    /// How large all bodies of bulk inserts that are kept on the disk at once may be together, as they were sent, in bytes.
    #[arg(long, env = "DB_MAX_SPOOL_BYTES", default_value_t = 17_179_869_184)]
    pub max_spool_bytes: u64,
    /// How many rejected rows a bulk insert lists.
    #[arg(long, env = "DB_MAX_ROW_ERRORS", default_value_t = 100)]
    pub max_row_errors: u64,
    /// How many connections read at once; each slow or long read holds one.
    #[arg(long, env = "DB_READ_CONNECTIONS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub read_connections: u32,
    /// How many reads may wait for a connection.
    #[arg(long, env = "DB_READ_QUEUE", default_value_t = 4_096)]
    pub read_queue: u64,
    /// How long a client may take nothing of a streamed answer while others wait for what it holds, in milliseconds.
    #[arg(long, env = "DB_CROWDED_STALL_MS", default_value_t = 2_000)]
    pub crowded_stall_ms: u64,
    /// How much one token, and one address, may take of what all callers share, in percent: of `read_connections`,
    /// `read_queue`, `write_queue`, `max_streams` and `max_spool_bytes`.
    #[arg(long, env = "DB_CALLER_SHARE_PERCENT", default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub caller_share_percent: u64,
    /// How many writes may wait for the writer.
    #[arg(long, env = "DB_WRITE_QUEUE", default_value_t = 1_024)]
    pub write_queue: u64,
    /// How many writes may share a commit; with 1 each has its own.
    #[arg(long, env = "DB_MAX_GROUP_WRITES", default_value_t = 512)]
    pub max_group_writes: u64,
    /// How long a request may wait for its turn before it is answered 503, in milliseconds.
    #[arg(long, env = "DB_QUEUE_WAIT_MS", default_value_t = 15_000)]
    pub queue_wait_ms: u64,
    /// How long an interactive transaction may be idle while it holds the writer, in milliseconds.
    #[arg(long, env = "DB_TRANSACTION_IDLE_MS", default_value_t = 5_000)]
    pub transaction_idle_ms: u64,
    /// How long an interactive transaction may hold the writer in all, in milliseconds.
    #[arg(long, env = "DB_TRANSACTION_TOTAL_MS", default_value_t = 60_000)]
    pub transaction_total_ms: u64,
    /// How long an interactive stream without the writer may be idle, in milliseconds.
    #[arg(long, env = "DB_STREAM_IDLE_MS", default_value_t = 60_000)]
    pub stream_idle_ms: u64,
    /// How many interactive streams may be open.
    #[arg(long, env = "DB_MAX_STREAMS", default_value_t = 128)]
    pub max_streams: u64,
    /// A statement that takes longer is logged with its plan, in milliseconds.
    #[arg(long, env = "DB_SLOW_STATEMENT_MS", default_value_t = 1_000)]
    pub slow_statement_ms: u64,
    /// How long the answer to an idempotency key is kept, in hours.
    #[arg(long, env = "DB_IDEMPOTENCY_HOURS", default_value_t = 168)]
    pub idempotency_hours: u64,
    /// How large an answer may be to be kept under its idempotency key, in bytes. When a larger one is asked for again,
    /// the error `answer_not_kept` says how many rows were changed.
    #[arg(long, env = "DB_MAX_KEPT_ANSWER_BYTES", default_value_t = 1_048_576)]
    pub max_kept_answer_bytes: u64,
    /// How large the write-ahead log may grow before the writer waits a moment for readers so that it can start
    /// anew, in bytes; a read that goes on for longer keeps what it sees until `max_wal_kept_bytes` is reached.
    #[arg(long, env = "DB_MAX_WAL_BYTES", default_value_t = 67_108_864)]
    pub max_wal_bytes: u64,
    /// How large the log may grow, in bytes, while reads keep it from starting anew: then they are ended, the oldest
    /// first, with the error `snapshot_too_old`. A single write may make it larger. 0 means twice `max_wal_bytes`.
    #[arg(long, env = "DB_MAX_WAL_KEPT_BYTES", default_value_t = 0)]
    pub max_wal_kept_bytes: u64,
    /// How fast a backup reads, in MiB a second; 0 means as fast as the disk.
    #[arg(long, env = "DB_BACKUP_MIB_PER_S", default_value_t = 200)]
    pub backup_mib_per_s: u64,
    /// How long a connection may take for the head of its next request, in milliseconds; then it is closed.
    #[arg(long, env = "DB_HEADER_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub header_timeout_ms: u64,
    /// How many connections may be open; further ones are answered 503.
    #[arg(long, env = "DB_MAX_CONNECTIONS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// How many of them may come from one address; a proxy before the service is one.
    #[arg(long, env = "DB_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,
    /// How long requests in flight may take to finish when the service stops, in milliseconds.
    #[arg(long, env = "DB_DRAIN_MS", default_value_t = 10_000)]
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Config::parse_from(["db-service"]).limits
    }
}

impl service_kit::Settings for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

impl Config {
    /// The defaults, for `database`.
    #[must_use]
    pub fn for_database(database: impl Into<PathBuf>) -> Self {
        Self {
            database: database.into(),
            ..Self::parse_from(["db-service"])
        }
    }
}

impl Config {
    /// The folder of the database.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.database.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// Where what is kept for a while is kept.
    pub(crate) fn temp_folder(&self) -> PathBuf {
        self.temp_folder.clone().unwrap_or_else(|| self.folder())
    }
}

impl Limits {
    /// How long a statement may run: what the request asks for, at most the limit.
    #[must_use]
    pub(crate) fn statement_timeout(&self, asked_ms: Option<u64>) -> Duration {
        Duration::from_millis(asked_ms.unwrap_or(u64::MAX).min(self.statement_timeout_ms))
    }

    /// How long a batch may run: what the request asks for, at most its own limit; without asking as long as a
    /// statement.
    #[must_use]
    pub(crate) fn batch_timeout(&self, asked_ms: Option<u64>) -> Duration {
        Duration::from_millis(asked_ms.map_or(self.statement_timeout_ms, |asked| {
            asked.min(self.batch_timeout_ms)
        }))
    }

    /// How long a streamed answer may hold its read transaction.
    #[must_use]
    pub(crate) fn stream_timeout(&self, asked_ms: Option<u64>) -> Duration {
        Duration::from_millis(asked_ms.unwrap_or(u64::MAX).min(self.stream_timeout_ms))
    }

    /// How large the log may grow while reads keep it from starting anew.
    #[must_use]
    pub(crate) fn wal_kept_bytes(&self) -> u64 {
        match self.max_wal_kept_bytes {
            0 => self.max_wal_bytes.saturating_mul(2),
            given => given.max(self.max_wal_bytes),
        }
    }

    /// How many rows a JSON answer may hold: what the request asks for, at most the limit.
    #[must_use]
    pub(crate) fn rows(&self, asked: Option<u64>) -> u64 {
        asked.unwrap_or(u64::MAX).min(self.max_rows)
    }
}
