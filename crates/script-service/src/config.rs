//! Every setting: default, unit, variable.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tabular::Convention;

/// How buyers of lines of sales are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Buyers {
    /// As a keyed pseudonym: the same person has the same, and nobody without the key finds out who it is.
    Pseudonym,
    /// As the file says: names, addresses of mail.
    AsWritten,
    /// Not at all.
    None,
}

/// Takes imports and analyses as jobs, runs them, answers with figures.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "script-service", version)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "SCRIPT_LISTEN", default_value = "127.0.0.1:5000")]
    pub listen: SocketAddr,
    /// Address of db-service.
    #[arg(long, env = "SCRIPT_DB_URL", default_value = "http://127.0.0.1:8080")]
    pub db_url: String,
    /// Token for db-service, with the right to write and to change the schema.
    #[arg(long, env = "SCRIPT_DB_TOKEN", hide_env_values = true)]
    pub db_token: Option<String>,
    /// Folder with the files that imports may name; nothing outside it is read.
    #[arg(long, env = "SCRIPT_DATA", default_value = "data")]
    pub data: PathBuf,
    /// File with the key by which addresses with credentials are sealed and buyers get their pseudonyms, 64 hexadecimal
    /// digits; made when it is first needed. `.script-service.key` in the data folder by default: not in the database,
    /// so not in its backups.
    #[arg(long, env = "SCRIPT_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// How buyers of lines of sales are kept: as `pseudonym`, `as_written`, or `none`.
    #[arg(long, env = "SCRIPT_BUYERS", value_enum, default_value_t = Buyers::Pseudonym)]
    pub buyers: Buyers,
    /// Folder with analyses of one's own, one `.sql` file each; read again when a file changes.
    #[arg(long, env = "SCRIPT_ANALYSES")]
    pub analyses: Option<PathBuf>,
    /// How ambiguous numbers and dates in files are read: `fr` or `en`.
    #[arg(long, env = "SCRIPT_LOCALE", value_parser = PossibleValuesParser::new(["fr", "en"]).try_map(|name| name.parse::<Convention>()), default_value_t = Convention::Fr)]
    pub locale: Convention,
    /// How many records of a file are written in one transaction.
    #[arg(long, env = "SCRIPT_BATCH_ROWS", default_value_t = 14_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub batch_rows: u32,
    /// How many percent of the sales whose ids a file names may be of another day, store or ticket than in the file;
    /// beyond, its ids are taken for none of the whole database, and an import asks (`keys`).
    #[arg(long, env = "SCRIPT_MAX_MOVED_PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub max_moved_percent: u32,
    /// How long a job waits for db-service that fails it in the same place, in seconds; then it is interrupted until
    /// it is resumed.
    #[arg(long, env = "SCRIPT_JOB_PATIENCE_S", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    pub job_patience_s: u64,
    /// How many jobs may wait; further ones are answered 503.
    #[arg(long, env = "SCRIPT_QUEUE_LIMIT", default_value_t = 100)]
    pub queue_limit: u32,
    /// How long a running job belongs to its process without a sign of life, in milliseconds; then another
    /// process takes it up.
    #[arg(long, env = "SCRIPT_JOB_LEASE_MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(50..))]
    pub job_lease_ms: u64,
    /// The time zone in which the times of schedules are meant that name none.
    #[arg(long, env = "SCRIPT_TIME_ZONE", default_value = "Europe/Paris", value_parser = time_zone)]
    pub time_zone: String,
    /// How long schedules and the files that they watch may go unseen, in milliseconds.
    #[arg(long, env = "SCRIPT_SCHEDULE_POLL_MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..))]
    pub schedule_poll_ms: u64,
    /// How long fitting the models of a forecast or of a comparison may take, in milliseconds.
    #[arg(long, env = "SCRIPT_FORECAST_TIMEOUT_MS", default_value_t = 60_000)]
    pub forecast_timeout_ms: u64,
    /// How many comparisons of models may run at once; further ones are answered 503.
    #[arg(long, env = "SCRIPT_COMPARISON_LIMIT", default_value_t = 2)]
    pub comparison_limit: u32,
    /// How long `Prefer: wait` may wait at most, in seconds.
    #[arg(long, env = "SCRIPT_MAX_WAIT_S", default_value_t = 60)]
    pub max_wait_s: u64,
    /// How large an upload or a fetched file may be, as it is sent, in bytes.
    #[arg(long, env = "SCRIPT_MAX_UPLOAD_BYTES", default_value_t = 2_147_483_648)]
    pub max_upload_bytes: u64,
    /// How long fetching a URL may take, in seconds.
    #[arg(long, env = "SCRIPT_FETCH_TIMEOUT_S", default_value_t = 300)]
    pub fetch_timeout_s: u64,
    /// How many redirects a URL may make.
    #[arg(long, env = "SCRIPT_MAX_REDIRECTS", default_value_t = 5)]
    pub max_redirects: u32,
    /// A private or loopback address that URLs may lead to, such as `192.168.1.20`; may be repeated. All
    /// others are refused.
    #[arg(
        long = "allow-private-address",
        env = "SCRIPT_ALLOW_PRIVATE_ADDRESSES",
        value_delimiter = ','
    )]
    pub allow_private_addresses: Vec<IpAddr>,
    /// A web page's origin that may call from a browser, such as `http://localhost:3000`; may be repeated.
    #[arg(long = "allow-origin", env = "SCRIPT_ALLOW_ORIGIN", value_delimiter = ',')]
    pub allow_origins: Vec<String>,
    /// For how many days a finished job is kept, with its sources; 0 means for ever. What it imported stays, and so
    /// do the jobs of schedules that watch files.
    #[arg(long, env = "SCRIPT_KEEP_JOBS_DAYS", default_value_t = 400)]
    pub keep_jobs_days: u32,
    /// How many finished jobs are kept; 0 means all.
    #[arg(long, env = "SCRIPT_KEEP_JOBS", default_value_t = 10_000)]
    pub keep_jobs: u64,
    /// For how many days after the end of its import a record that was not taken is kept, with its source text; 0
    /// means as long as its job.
    #[arg(long, env = "SCRIPT_KEEP_REJECTS_DAYS", default_value_t = 30)]
    pub keep_rejects_days: u32,
    /// For how many days after the end of its import the source text of a record that was not taken is kept, in which
    /// there may be names and addresses; 0 means as long as the record.
    #[arg(long, env = "SCRIPT_KEEP_REJECT_TEXT_DAYS", default_value_t = 7)]
    pub keep_reject_text_days: u32,
    /// For how many days after its end an import can be taken back; 0 means as long as its job is kept.
    #[arg(long, env = "SCRIPT_KEEP_UNDO_DAYS", default_value_t = 30)]
    pub keep_undo_days: u32,
    /// How many of the newest imports can be taken back; 0 means all.
    #[arg(long, env = "SCRIPT_KEEP_UNDO", default_value_t = 100)]
    pub keep_undo: u64,
    /// For how many days a kept answer of an analysis stays; 0 means for ever.
    #[arg(long, env = "SCRIPT_KEEP_RESULTS_DAYS", default_value_t = 400)]
    pub keep_results_days: u32,
    /// How many kept answers of analyses stay; 0 means all.
    #[arg(long, env = "SCRIPT_KEEP_RESULTS", default_value_t = 10_000)]
    pub keep_results: u64,
    /// For how many days a forecast is kept; 0 means for ever.
    #[arg(long, env = "SCRIPT_KEEP_FORECASTS_DAYS", default_value_t = 400)]
    pub keep_forecasts_days: u32,
    /// How many forecasts are kept; 0 means all.
    #[arg(long, env = "SCRIPT_KEEP_FORECASTS", default_value_t = 1_000)]
    pub keep_forecasts: u64,
    /// How long what is no longer kept may stay, in seconds.
    #[arg(long, env = "SCRIPT_HOUSEKEEPING_S", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..))]
    pub housekeeping_s: u64,
    /// How long a client may take for the next 64 KiB of a body, and how long it may take nothing of an answer, in
    /// milliseconds.
    #[arg(long, env = "SCRIPT_STALL_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub stall_timeout_ms: u64,
    /// How long a connection may take for the head of its next request, in milliseconds; then it is closed.
    #[arg(long, env = "SCRIPT_HEADER_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub header_timeout_ms: u64,
    /// How many connections may be open; further ones are answered 503.
    #[arg(long, env = "SCRIPT_MAX_CONNECTIONS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// How many of them may come from one address; a proxy before the service is one.
    #[arg(long, env = "SCRIPT_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,
    /// How long requests and the running batch may take to finish when the service stops, in milliseconds.
    #[arg(long, env = "SCRIPT_DRAIN_MS", default_value_t = 10_000)]
    pub drain_ms: u64,
}

impl service_kit::Settings for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

impl Config {
    /// The default settings for the db-service at `db_url` and the files in `data`; the environment is not
    /// read.
    #[must_use]
    pub fn for_db(db_url: &str, data: PathBuf) -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000),
            db_url: db_url.to_owned(),
            db_token: None,
            data,
            key_file: None,
            buyers: Buyers::Pseudonym,
            analyses: None,
            locale: Convention::Fr,
            batch_rows: 14_000,
            max_moved_percent: 10,
            job_patience_s: 86_400,
            queue_limit: 100,
            job_lease_ms: 3_000,
            time_zone: "Europe/Paris".to_owned(),
            schedule_poll_ms: 1_000,
            forecast_timeout_ms: 60_000,
            comparison_limit: 2,
            max_wait_s: 60,
            max_upload_bytes: 2_147_483_648,
            fetch_timeout_s: 300,
            max_redirects: 5,
            allow_private_addresses: Vec::new(),
            allow_origins: Vec::new(),
            keep_jobs_days: 400,
            keep_jobs: 10_000,
            keep_rejects_days: 30,
            keep_reject_text_days: 7,
            keep_undo_days: 30,
            keep_undo: 100,
            keep_results_days: 400,
            keep_results: 10_000,
            keep_forecasts_days: 400,
            keep_forecasts: 1_000,
            housekeeping_s: 3_600,
            stall_timeout_ms: 30_000,
            header_timeout_ms: 30_000,
            max_connections: 4_096,
            max_connections_per_address: 1_024,
            drain_ms: 10_000,
        }
    }
}

fn time_zone(name: &str) -> Result<String, String> {
    jiff::tz::TimeZone::get(name)
        .map(|_| name.to_owned())
        .map_err(|_| "the name of a time zone looks like Europe/Paris or UTC".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn the_defaults_are_said_alike_in_both_places() {
        let parsed = Config::parse_from(["script-service"]);
        let made = Config::for_db("http://127.0.0.1:8080", PathBuf::from("data"));

        assert_eq!(format!("{parsed:?}"), format!("{made:?}"));
    }
}
