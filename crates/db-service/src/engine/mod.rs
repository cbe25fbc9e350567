//! The seam between HTTP and storage.
//!
//! Routes speak to [`Engine`] and never see a connection; `sqlite` holds the one engine there is, and nothing beside it
//! knows rusqlite. Rows cross the seam as [`Cell`]s lent to a sink, so that an answer is
//! written straight from SQLite's memory.

mod control;
mod error;
mod rights;
mod shares;

pub(crate) use control::{Control, Kind, Registry, Ticket};
pub(crate) use error::EngineError;
pub(crate) use rights::{Columns, Rights, Scope, TableRights};
pub(crate) use shares::{Full, Party, Share, Shares};

use bytes::Bytes;
use db_api::{
    BatchMode, BulkReport, ColumnHead, OnConflict, OnError, Params, PlanNode, Statement, Table, TableSummary,
};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What a future of the engine looks like behind `dyn`.
pub(crate) type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// One value of a row, lent for the time of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A float that is not NaN.
    Real(f64),
    /// Text; mostly UTF-8, but SQLite does not see to it.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

/// Why a sink takes no more rows.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It has as many as it wants.
    Enough,
    /// The answer cannot go on.
    Failed(EngineError),
}

/// How a statement went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timing {
    /// From the request to the first step of the statement.
    pub queued: Duration,
    /// From the first step to the last row.
    pub ran: Duration,
    /// Whether the same statement on the same data may answer otherwise: it asks for the time, or chance.
    pub volatile: bool,
}

/// Where the rows of a read go. [`finish`](RowSink::finish) is called exactly once, whatever happens.
pub(crate) trait RowSink: Send {
    /// The columns, before the first row, and whether the statement is volatile.
    fn begin(&mut self, columns: Vec<ColumnHead>, volatile: bool) -> Result<(), Halt>;
    /// One row, as long as the columns.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt>;
    /// Forgets everything, since the statement runs anew; false when rows may have left already.
    fn restart(&mut self) -> bool;
    /// The end. An error that comes before `begin` is the whole answer.
    fn finish(self: Box<Self>, outcome: Result<Timing, EngineError>);
}

/// A read.
#[derive(Debug)]
pub(crate) struct Read {
    /// One statement.
    pub sql: String,
    /// Its parameters.
    pub params: Params,
    /// Who asks.
    pub rights: Arc<Rights>,
    /// Stops it.
    pub control: Arc<Control>,
    /// How long it may run, once it has its turn.
    pub timeout: Duration,
}

/// What one statement of a write did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effect {
    /// Rows inserted, updated or deleted.
    pub rows_affected: u64,
    /// The rowid of the last inserted row.
    pub last_insert_rowid: Option<i64>,
    /// How long it took.
    pub ran: Duration,
}

/// Where the outcome of a write goes: the engine calls it while the statements run, and keeps what
/// [`body`](WriteSink::body) gives under the idempotency key in the same transaction.
pub(crate) trait WriteSink: Send {
    /// Forgets everything: the statements run anew.
    fn reset(&mut self);
    /// A statement gives rows.
    fn columns(&mut self, columns: Vec<ColumnHead>) -> Result<(), Halt>;
    /// A row of it.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt>;
    /// A statement is done.
    fn done(&mut self, effect: Effect) -> Result<(), EngineError>;
    /// A statement failed and the others go on.
    fn failed(&mut self, error: &EngineError);
    /// How many rows the statements that are done have changed.
    fn rows_affected(&self) -> u64;
    /// The answer, when all are done.
    fn body(&mut self, ran: Duration) -> Bytes;
}

/// The key that makes a repeated write safe.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// What the caller sent, with the name of the token before it.
    pub key: String,
    /// Digest of the request.
    pub fingerprint: [u8; 32],
}

/// A write: statements that share a transaction.
pub(crate) struct Write {
    /// In order.
    pub statements: Vec<Statement>,
    /// Whether they share one fate.
    pub mode: BatchMode,
    /// Whether it is rolled back in the end.
    pub dry_run: bool,
    /// Who asks.
    pub rights: Arc<Rights>,
    /// Stops it.
    pub control: Arc<Control>,
    /// How long it may run, once it has its turn.
    pub timeout: Duration,
    /// Makes a repetition safe.
    pub idempotency: Option<Idempotency>,
    /// Where the outcome goes.
    pub sink: Box<dyn WriteSink>,
}

/// The answer of a write, after its commit is on disk.
#[derive(Debug)]
pub(crate) struct Written {
    /// The body.
    pub body: Bytes,
    /// Whether it is the answer of an earlier request with the same key.
    pub replayed: bool,
    /// How long it took.
    pub timing: Timing,
}

/// A row of a bulk insert, owned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BulkRow {
    /// Where it begins in the body; the first line is 1.
    pub line: u64,
    /// Which of the batch's shapes it has.
    pub shape: usize,
    /// Its values begin here in the batch's `values`.
    pub start: usize,
}

/// Rows of a bulk insert, and those that could not be read.
#[derive(Debug, Default)]
pub(crate) struct BulkBatch {
    /// Sets of columns that the rows have, each by name; an index stays valid for the whole source.
    pub new_shapes: Vec<Vec<String>>,
    /// Whether a header names the columns of all rows, so that a mistake in it is one of the whole body.
    pub has_header: bool,
    /// The rows, in order.
    pub rows: Vec<BulkRow>,
    /// The values of all rows, one after the other.
    pub values: Vec<db_api::Value>,
    /// Rows that could not be read.
    pub unreadable: Vec<db_api::RowError>,
    /// How many rows could not be read.
    pub unreadable_count: u64,
}

/// Reads a body into batches. It runs on a thread of its own.
pub(crate) trait BulkSource: Send {
    /// Gives every batch to `emit`, in order, until that answers false. The body is read from its beginning, however
    /// often it was read before.
    fn read(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> Result<(), EngineError>;
}

/// A bulk insert.
pub(crate) struct Bulk {
    /// The table, as the caller writes it.
    pub table: String,
    /// What a row does whose key is there.
    pub on_conflict: OnConflict,
    /// What a row does that cannot be taken.
    pub on_error: OnError,
    /// Whether it is rolled back in the end.
    pub dry_run: bool,
    /// How many errors the report lists.
    pub max_errors: usize,
    /// Who asks.
    pub rights: Arc<Rights>,
    /// Stops it.
    pub control: Arc<Control>,
    /// Makes a repetition safe.
    pub idempotency: Option<Idempotency>,
}

/// The answer of a bulk insert.
#[derive(Debug)]
pub(crate) enum BulkDone {
    /// It ran.
    Report(BulkReport),
    /// The answer of an earlier request with the same key, as JSON.
    Replayed(Bytes),
}

/// A request to a session: who asks, and what stops it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Who asks.
    pub rights: &'a Arc<Rights>,
    /// Stops it.
    pub control: &'a Arc<Control>,
    /// Ends the wait for the writer when the client goes away.
    pub gone: &'a CancellationToken,
    /// How long the statement may run when it only reads, once it has its turn.
    pub read_timeout: Duration,
    /// How long it may run otherwise.
    pub write_timeout: Duration,
}

/// A statement for a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionStatement<'a> {
    /// Its text.
    pub sql: &'a str,
    /// Values by position; those beyond what the statement takes are left out.
    pub positional: &'a [db_api::Value],
    /// Values by name, with or without the prefix.
    pub named: &'a [(String, db_api::Value)],
}

/// Where the rows of a session's statement go.
pub(crate) trait SessionSink {
    /// The columns, none for a statement without rows. `holds_up_writers` says that no one else can write before
    /// the statement ends, so the rows must not wait for their client.
    fn begin(&mut self, columns: Vec<ColumnHead>, holds_up_writers: bool) -> Result<(), Halt>;
    /// One row, as long as the columns.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt>;
}

/// What a statement is, without running it.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    /// The parameters by name, with prefix; none for a bare `?`.
    pub params: Vec<Option<String>>,
    /// The columns.
    pub columns: Vec<ColumnHead>,
    /// Whether it is `EXPLAIN`.
    pub is_explain: bool,
    /// Whether it only reads.
    pub is_readonly: bool,
}

/// What a session keeps between two requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SessionState {
    /// Since when a transaction is open.
    pub transaction_since: Option<Instant>,
    /// Whether it has read, so that the log cannot start anew.
    pub has_read: bool,
    /// Since when it holds the writer.
    pub writer_since: Option<Instant>,
    /// Whether a transaction that an error has rolled back waits for its caller to end it.
    pub aborted: bool,
    /// Whether the connection has state of its own: temporary tables, attached databases, pragmas.
    pub traces: bool,
}

/// A connection of one caller, with its own transaction. Everything here blocks; dropping it rolls back.
pub(crate) trait Session: Send {
    /// Runs one statement. What writes waits for the writer; what reads waits for nobody.
    fn run(
        &mut self,
        call: &Call<'_>,
        statement: SessionStatement<'_>,
        sink: &mut dyn SessionSink,
    ) -> Result<Effect, EngineError>;
    /// Compiles one statement.
    fn describe(&mut self, call: &Call<'_>, sql: &str) -> Result<Description, EngineError>;
    /// What it keeps.
    fn state(&self) -> SessionState;
}

/// How the engine is doing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stats {
    /// Reads that wait for a connection.
    pub reads_queued: u64,
    /// Connections that read.
    pub read_connections: u64,
    /// Writes that wait for the writer.
    pub writes_queued: u64,
    /// Commits so far.
    pub commits: u64,
    /// Writes so far that these commits hold.
    pub writes: u64,
    /// Size of the write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Size of the database file, in bytes.
    pub database_bytes: u64,
    /// Checkpoints so far.
    pub checkpoints: u64,
}

/// The reads whose transactions keep the log from starting anew.
pub(crate) trait OpenReads: Send + Sync {
    /// Ends half of the transactions that read, the oldest first, since the log has grown to `limit_bytes`. It blocks
    /// while they are rolled back.
    fn end_oldest(&self, limit_bytes: u64) -> Ended;
    /// Ends the answer whose client has taken nothing for longest, when that is `limit` or more, since others wait; one
    /// of the same caller where `caller` says which. False when there is none.
    fn end_stalled(&self, limit: Duration, caller: Option<Party>) -> bool;
}

/// What became of reads that had to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Told so now.
    pub now: usize,
    /// Told so before, and not done yet.
    pub before: usize,
}

/// Storage: reads beside each other, writes one after the other.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Runs one read-only statement on a thread of the engine and feeds `sink`.
    fn read(&self, read: Read, sink: Box<dyn RowSink>);
    /// Runs statements that may write, and answers when their commit is on disk.
    fn write(&self, write: Write) -> EngineFuture<'_, Written>;
    /// Inserts rows into a table, in one transaction.
    fn bulk(&self, bulk: Bulk, source: Box<dyn BulkSource>) -> EngineFuture<'_, BulkDone>;
    /// A connection for one caller. It blocks while a new one is opened.
    fn session(&self) -> Result<Box<dyn Session>, EngineError>;
    /// Tables and views that `rights` may see, by name.
    fn list_tables(&self, rights: Arc<Rights>) -> EngineFuture<'_, Vec<TableSummary>>;
    /// One table that `rights` may see; rows that may be read are counted for at most `count_for`.
    fn get_table(&self, name: String, rights: Arc<Rights>, count_for: Duration) -> EngineFuture<'_, Table>;
    /// The plan of a statement.
    fn explain(&self, read: Read) -> EngineFuture<'_, Vec<PlanNode>>;
    /// A consistent copy, in chunks, checked unless it is asked for `unchecked`; the first message says how large it is.
    fn backup(
        &self,
        control: Arc<Control>,
        unchecked: bool,
        chunks: mpsc::Sender<std::io::Result<Bytes>>,
    ) -> oneshot::Receiver<Result<u64, EngineError>>;
    /// A consistent copy in the file `name` of `folder`, which appears when it has passed its check; where it is, and its
    /// size in bytes.
    fn backup_to(
        &self,
        control: Arc<Control>,
        folder: PathBuf,
        name: String,
    ) -> EngineFuture<'_, (PathBuf, u64)>;
    /// Whether every page of the database is whole.
    fn quick_check(&self, control: Arc<Control>) -> EngineFuture<'_, ()>;
    /// Changes with every commit that changes data.
    fn data_version(&self) -> u64;
    /// How it is doing.
    fn stats(&self) -> Stats;
    /// Whether a write would succeed now: the database is open, writable, and the disk has room.
    fn check(&self) -> EngineFuture<'_, ()>;
    /// Finishes the writes in the queue, checkpoints and closes.
    fn close(&self) -> EngineFuture<'_, ()>;
}
