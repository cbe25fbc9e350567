//! Why a statement gave no answer, in words that know nothing of HTTP: what to do about it over HTTP is added at the
//! edge.

use db_api::{BulkReport, ErrorCode};
use sqlite_budget::Refusal;
use std::io::ErrorKind;
use std::time::Duration;

/// Why a statement gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum EngineError {
    /// SQLite refuses the text of the statement.
    #[error("{message}")]
    Sql {
        message: String,
        sqlite_code: &'static str,
        offset: Option<u64>,
    },
    /// There is no statement in the text.
    #[error("there is no statement: the text is empty or only a comment")]
    NoStatement,
    /// There is more than one statement in the text.
    #[error("there is more than one statement")]
    ManyStatements,
    /// The parameters do not fit the statement.
    #[error("{0}")]
    Parameters(String),
    /// The request cannot be done as it is put.
    #[error("{0}")]
    Invalid(String),
    /// The rights do not allow it; the text names the object.
    #[error("{0}")]
    Denied(String),
    /// The rights are limited to tables, and it would show others.
    #[error("{0}")]
    Hidden(String),
    /// A transaction, or a file, that only reads would be written to.
    #[error("{0}")]
    ReadOnly(String),
    /// What is run only to read would write.
    #[error("only reads are taken here, and {0}")]
    OnlyReads(String),
    /// It begins or ends a transaction where there is one already.
    #[error("{0}: a request is a transaction already")]
    OwnTransaction(String),
    /// It would leave something on a connection that others use.
    #[error("{0}")]
    NeedsSession(String),
    /// A constraint of the schema does not hold.
    #[error("{message}")]
    Constraint {
        message: String,
        sqlite_code: &'static str,
    },
    /// It changed another number of rows than it must.
    #[error(
        "the statement changed {changed} rows and must change {wanted} (must_change); nothing was written"
    )]
    Precondition { changed: u64, wanted: u64 },
    /// It took too long.
    #[error("the statement was stopped after {} ms, its time limit (statement_timeout_ms, timeout_ms)", limit.as_millis())]
    Timeout { limit: Duration },
    /// The client took too long.
    #[error("the client took no data for {} ms (stall_timeout_ms)", limit.as_millis())]
    Stalled { limit: Duration },
    /// The client took nothing while others waited.
    #[error("the client took no data for {} ms while other reads waited (crowded_stall_ms)", limit.as_millis())]
    Crowded { limit: Duration },
    /// It was stopped.
    #[error("the statement was stopped: {0}")]
    Cancelled(&'static str),
    /// It took longer than the moment it was given to run at once.
    #[error("the statement was interrupted")]
    Overrun,
    /// The answer is too large.
    #[error("the answer is larger than {limit_bytes} bytes (max_result_bytes)")]
    ResultTooLarge { limit_bytes: u64 },
    /// Something in the request is too large.
    #[error("{0}")]
    TooLarge(String),
    /// Too many wait.
    #[error("{0}")]
    Overloaded(String),
    /// A transaction that has read an older state of the data wants to write.
    #[error(
        "the transaction has read data that another write has changed since, so it cannot write; roll back and \
         run it again, or open it with BEGIN IMMEDIATE"
    )]
    Stale,
    /// An interactive transaction took too long and was rolled back.
    #[error(
        "the transaction was rolled back: it was open for more than {} ms ({name}); run it again", limit.as_millis()
    )]
    TransactionTimeout { limit: Duration, name: &'static str },
    /// It read for so long that the log could not start anew.
    #[error(
        "the read was ended: while it went on the write-ahead log could not start anew and grew to its limit of \
         {limit_bytes} bytes (max_wal_kept_bytes); run it again"
    )]
    SnapshotTooOld { limit_bytes: u64 },
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopping,
    /// No table or view of that name.
    #[error("there is no table or view `{name}`")]
    NoTable { name: String },
    /// The error has taken the whole transaction of a session with it.
    #[error("{0}; the transaction was rolled back, and none of its statements took effect")]
    RolledBack(Box<EngineError>),
    /// An error before has rolled the transaction back, so the session runs nothing more of it.
    #[error(
        "the transaction was rolled back by an earlier error, so nothing of it is kept and this statement was not \
         run; send ROLLBACK, then run the transaction again"
    )]
    Aborted,
    /// Rows of a bulk insert cannot be taken; nothing was written.
    #[error("{}", first_row_error(.report))]
    Rows {
        report: Box<BulkReport>,
        constraint: bool,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request; use a new key for a new request")]
    KeyReused,
    /// The request was done before, and its answer was too large to be kept.
    #[error(
        "the request with this idempotency key was done before and changed {rows} rows; its answer was larger than \
         {limit_bytes} bytes (max_kept_answer_bytes) and was not kept; nothing was done again"
    )]
    AnswerNotKept { rows: u64, limit_bytes: u64 },
    /// What is written would not be found again.
    #[error("{0}: nothing is written any more; stop the service, put the file back, and start it again")]
    Lost(String),
    /// What may be kept on the disk for a while is taken.
    #[error("{0}; nothing was written")]
    NoRoom(String),
    /// Its pages, or its foreign keys, are not whole.
    #[error("the database fails its check: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("the disk is full; nothing was written")]
    DiskFull,
    /// One statement of several failed.
    #[error("{error}")]
    AtStatement { index: u64, error: Box<EngineError> },
    /// One set of parameters of several failed.
    #[error("parameter set {index}: {error}")]
    AtSet { index: u64, error: Box<EngineError> },
    /// The unforeseen; the log has the cause.
    #[error("internal error")]
    Broken {
        cause: String,
        sqlite_code: Option<&'static str>,
    },
}

fn first_row_error(report: &BulkReport) -> String {
    match report.errors.first() {
        Some(error) => {
            let column = error
                .column
                .as_ref()
                .map(|column| format!(", column `{column}`"))
                .unwrap_or_default();
            format!(
                "nothing was written: line {}{column}: {}",
                error.line, error.reason
            )
        }
        None => "nothing was written: a row cannot be taken".to_owned(),
    }
}

impl EngineError {
    /// The unforeseen.
    pub(crate) fn broken(cause: impl std::fmt::Display) -> Self {
        Self::Broken {
            cause: cause.to_string(),
            sqlite_code: None,
        }
    }

    /// The disk refuses.
    pub(crate) fn from_disk(cause: &std::io::Error) -> Self {
        match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::broken(cause),
        }
    }

    /// The statement got no memory, or its answer no room.
    pub(crate) fn out_of_memory(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stopped => Self::Overrun,
            Refusal::Statement { limit } => Self::TooLarge(format!(
                "the statement needs more than {limit} bytes of memory (max_statement_memory_bytes)"
            )),
            Refusal::Process { limit } => Self::Overloaded(format!(
                "all statements together need more than {limit} bytes of memory (max_memory_bytes); try again"
            )),
        }
    }

    /// Nothing came of it within the time that a request may wait.
    pub(crate) fn no_turn(limit_ms: u64) -> Self {
        Self::Overloaded(format!("no turn came within {limit_ms} ms (queue_wait_ms)"))
    }

    /// The same, of statement `index` of `count`.
    pub(crate) fn at_statement(self, index: usize, count: usize) -> Self {
        if count > 1 {
            Self::AtStatement {
                index: index as u64,
                error: Box::new(self),
            }
        } else {
            self
        }
    }

    /// The same, of parameter set `index`.
    pub(crate) fn at_set(self, index: usize) -> Self {
        Self::AtSet {
            index: index as u64,
            error: Box::new(self),
        }
    }

    /// Which statement of a batch, else which set of parameters, failed.
    pub(crate) fn statement_index(&self) -> Option<u64> {
        match self {
            Self::AtStatement { index, .. } | Self::AtSet { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// The error without its place in a request.
    pub(crate) fn inner(&self) -> &Self {
        match self {
            Self::AtStatement { error, .. } | Self::AtSet { error, .. } | Self::RolledBack(error) => {
                error.inner()
            }
            _ => self,
        }
    }

    /// The stable name of the error.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Sql { .. } | Self::NoStatement | Self::ManyStatements => ErrorCode::InvalidSql,
            Self::Parameters(_) => ErrorCode::InvalidParameters,
            Self::Invalid(_) | Self::Aborted | Self::OwnTransaction(_) | Self::NeedsSession(_) => {
                ErrorCode::InvalidRequest
            }
            Self::Denied(_) | Self::Hidden(_) => ErrorCode::Forbidden,
            Self::ReadOnly(_) | Self::OnlyReads(_) => ErrorCode::ReadOnly,
            Self::Constraint { .. } | Self::Rows { constraint: true, .. } => ErrorCode::ConstraintViolation,
            Self::Precondition { .. } => ErrorCode::PreconditionFailed,
            Self::Timeout { .. } | Self::TransactionTimeout { .. } => ErrorCode::StatementTimeout,
            Self::Stalled { .. } | Self::Crowded { .. } => ErrorCode::UploadTimeout,
            Self::Cancelled(_) | Self::Overrun => ErrorCode::Cancelled,
            Self::ResultTooLarge { .. } => ErrorCode::ResultTooLarge,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Overloaded(_) | Self::Stale => ErrorCode::Overloaded,
            Self::SnapshotTooOld { .. } => ErrorCode::SnapshotTooOld,
            Self::Stopping => ErrorCode::ShuttingDown,
            Self::NoTable { .. } => ErrorCode::NotFound,
            Self::Rows { .. } => ErrorCode::InvalidRows,
            Self::KeyReused => ErrorCode::IdempotencyMismatch,
            Self::AnswerNotKept { .. } => ErrorCode::AnswerNotKept,
            Self::Lost(_) => ErrorCode::DatabaseLost,
            Self::Damaged(_) => ErrorCode::DatabaseDamaged,
            Self::NoRoom(_) | Self::DiskFull => ErrorCode::DiskFull,
            Self::AtStatement { error, .. } | Self::AtSet { error, .. } | Self::RolledBack(error) => {
                error.code()
            }
            Self::Broken { .. } => ErrorCode::Internal,
        }
    }

    /// SQLite's extended result code by name, where SQLite spoke.
    pub(crate) fn sqlite_code(&self) -> Option<&'static str> {
        match self {
            Self::Sql { sqlite_code, .. } | Self::Constraint { sqlite_code, .. } => Some(sqlite_code),
            Self::Denied(_) | Self::Hidden(_) => Some("SQLITE_AUTH"),
            Self::ReadOnly(_) | Self::OnlyReads(_) => Some("SQLITE_READONLY"),
            Self::Timeout { .. } | Self::Cancelled(_) | Self::Overrun | Self::SnapshotTooOld { .. } => {
                Some("SQLITE_INTERRUPT")
            }
            Self::DiskFull => Some("SQLITE_FULL"),
            Self::AtStatement { error, .. } | Self::AtSet { error, .. } | Self::RolledBack(error) => {
                error.sqlite_code()
            }
            Self::Broken { sqlite_code, .. } => *sqlite_code,
            _ => None,
        }
    }
}
