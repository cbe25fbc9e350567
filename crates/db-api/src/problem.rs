//! Errors on the wire: problem documents of RFC 9457 with a stable code.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The stable name of an error. Programs match on it; `detail` is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the body, the query string or a header is not what the route takes.
    InvalidRequest,
    /// 400: SQLite refuses the text of the statement.
    InvalidSql,
    /// 400: the parameters do not fit the statement.
    InvalidParameters,
    /// 401: no token, or one that is not known.
    Unauthorized,
    /// 403: the token does not allow it; the detail names the object.
    Forbidden,
    /// 403: the route only reads and the statement would write.
    ReadOnly,
    /// 404: no such route, table or statement.
    NotFound,
    /// 405: the route exists with another method.
    MethodNotAllowed,
    /// 406: no form that the client accepts can be given.
    NotAcceptable,
    /// 408: the statement took longer than its limit.
    StatementTimeout,
    /// 408: the body did not arrive in time.
    UploadTimeout,
    /// 409: a constraint of the schema does not hold.
    ConstraintViolation,
    /// 409: a request with the same idempotency key is still running.
    IdempotencyConflict,
    /// 409: the request with this idempotency key was done before, and its answer was too large to be kept.
    AnswerNotKept,
    /// 412: a statement of the batch changed another number of rows than it must (`must_change`).
    PreconditionFailed,
    /// 413: the body or the text of a statement is larger than its limit.
    TooLarge,
    /// 413: the answer is larger than its limit.
    ResultTooLarge,
    /// 415: a content type or encoding that the route does not read.
    UnsupportedMediaType,
    /// 422: rows of a bulk insert cannot be taken.
    InvalidRows,
    /// 422: the idempotency key was used for another request.
    IdempotencyMismatch,
    /// 499: the statement was stopped by an administrator or because its client went away.
    Cancelled,
    /// 503: the queue is full or the wait was too long.
    Overloaded,
    /// 503: the read kept the write-ahead log from starting anew for too long.
    SnapshotTooOld,
    /// 503: the service is stopping.
    ShuttingDown,
    /// 503: the database file was removed or replaced while the service has it open; nothing is written any more.
    DatabaseLost,
    /// 500: the database is damaged, or its foreign keys are broken.
    DatabaseDamaged,
    /// 507: the disk is full.
    DiskFull,
    /// 500: a fault of the service; the log has the cause.
    Internal,
}

impl ErrorCode {
    /// All of them, in the order in which they are declared.
    pub const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::InvalidSql,
        Self::InvalidParameters,
        Self::Unauthorized,
        Self::Forbidden,
        Self::ReadOnly,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::StatementTimeout,
        Self::UploadTimeout,
        Self::ConstraintViolation,
        Self::IdempotencyConflict,
        Self::AnswerNotKept,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::ResultTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidRows,
        Self::IdempotencyMismatch,
        Self::Cancelled,
        Self::Overloaded,
        Self::SnapshotTooOld,
        Self::ShuttingDown,
        Self::DatabaseLost,
        Self::DatabaseDamaged,
        Self::DiskFull,
        Self::Internal,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidSql => "invalid_sql",
            Self::InvalidParameters => "invalid_parameters",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::ReadOnly => "read_only",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::StatementTimeout => "statement_timeout",
            Self::UploadTimeout => "upload_timeout",
            Self::ConstraintViolation => "constraint_violation",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::AnswerNotKept => "answer_not_kept",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::ResultTooLarge => "result_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidRows => "invalid_rows",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::Cancelled => "cancelled",
            Self::Overloaded => "overloaded",
            Self::SnapshotTooOld => "snapshot_too_old",
            Self::ShuttingDown => "shutting_down",
            Self::DatabaseLost => "database_lost",
            Self::DatabaseDamaged => "database_damaged",
            Self::DiskFull => "disk_full",
            Self::Internal => "internal",
        }
    }
}

impl ErrorCode {
    /// What it means and what to do, in a sentence; what stands between backticks is code.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InvalidRequest => {
                "The request is not what the route takes; `errors` lists every fault with its place."
            }
            Self::InvalidSql => "SQLite refuses the text of the statement; `sql_offset` says where.",
            Self::InvalidParameters => {
                "The parameters do not fit the statement: their number, their names or their types. The detail says which."
            }
            Self::Unauthorized => {
                "There is no token, or one that is not known: send `Authorization: Bearer` and a token of the file that \
                 `--tokens` names; `comptoir token new` makes one."
            }
            Self::Forbidden => {
                "The token, or the page that sent the request, is not allowed to do this; the detail names the object."
            }
            Self::ReadOnly => {
                "The route only reads, and the statement would write: send it to `/v1/execute`."
            }
            Self::NotFound => {
                "There is no such table, statement or route; `/v1/tables` and `/docs` list those there are."
            }
            Self::MethodNotAllowed => "The route exists with another method; `/docs` shows which.",
            Self::NotAcceptable => {
                "The answer cannot be given in a form or coding that the client takes; the detail lists those there are."
            }
            Self::StatementTimeout => {
                "The statement took longer than its limit and was stopped; what it wrote was rolled back. Ask for less, or \
                 for more time with `timeout_ms`, within the limits that `/v1/limits` shows."
            }
            Self::UploadTimeout => {
                "The request did not arrive in time; the detail names the limit. Nothing was written; send it again."
            }
            Self::ConstraintViolation => {
                "A constraint of the schema does not hold; the statement changed nothing."
            }
            Self::IdempotencyConflict => {
                "A request with this idempotency key is still being received; try again when it is done."
            }
            Self::AnswerNotKept => {
                "The request with this idempotency key was done before; its answer was larger than \
                 `max_kept_answer_bytes` and was not kept. The detail says how many rows it changed. Nothing was done \
                 again."
            }
            Self::PreconditionFailed => {
                "A statement changed another number of rows than `must_change` says: somebody else was faster. \
                 Nothing was written; read the rows again."
            }
            Self::TooLarge => {
                "The body, or the text of a statement, is larger than its limit; the detail states it."
            }
            Self::ResultTooLarge => "The answer is larger than its limit; ask for less, or stream it.",
            Self::UnsupportedMediaType => {
                "The route does not read bodies of this `Content-Type` or `Content-Encoding`; the detail lists those it reads."
            }
            Self::InvalidRows => {
                "Rows of a bulk insert cannot be taken; `errors` lists them. Nothing was written."
            }
            Self::IdempotencyMismatch => "The idempotency key was used for another request; use a new key.",
            Self::Cancelled => {
                "The statement was stopped by an administrator, or because its client went away."
            }
            Self::Overloaded => "The queue is full, or the wait was too long; try again after `Retry-After`.",
            Self::SnapshotTooOld => {
                "The read was ended: while it went on the write-ahead log could not start anew and grew to \
                 `max_wal_kept_bytes`. Run it again, ask for less, or read what is sent faster."
            }
            Self::ShuttingDown => "The service is stopping; try again when it has started anew.",
            Self::DatabaseLost => {
                "The database file, or its log, was removed or replaced while db-service has it open. Nothing is \
                 written any more: stop the service, put the file back, and start it again."
            }
            Self::DatabaseDamaged => {
                "The database fails its check, by its pages or by its foreign keys; the detail says where. No copy of it is \
                 given unless it is asked for with `unchecked=true`. Restore the last backup that passed, or repair the rows."
            }
            Self::DiskFull => {
                "The disk of db-service is full, or what may be kept there for a while is taken; the detail says which. \
                 Nothing was written; try again when there is room."
            }
            Self::Internal => "A fault of the service, not of the request; its log has the cause.",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error answer, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of error, as a URI reference; `about:blank` refines nothing beyond the status.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable name of the error.
    pub code: ErrorCode,
    /// What went wrong, where, and what to do.
    pub detail: String,
    /// SQLite's extended result code by name, where SQLite spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "SQLITE_CONSTRAINT_UNIQUE")]
    pub sqlite_code: Option<String>,
    /// Byte offset of the fault in the statement, where SQLite knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_offset: Option<u64>,
    /// Which statement of a batch, or which parameter set, the first being 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_index: Option<u64>,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// Every fault of the request with its place, or the rows at fault of a bulk insert.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemError>,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ProblemError {
    /// A row of a bulk insert.
    Row(crate::RowError),
    /// A part of the request.
    Request(RequestFault),
}

/// A part of a request that is at fault. One of `pointer`, `parameter` and `header` says where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestFault {
    /// In the body: a JSON pointer (RFC 6901); empty for the body as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/params/0")]
    pub pointer: Option<String>,
    /// A parameter of the path or of the query string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// A header of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// `unknown_field`, `missing_field` or `invalid_value`.
    #[schema(example = "invalid_value")]
    pub code: String,
    /// What is wrong and what to do.
    pub detail: String,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_code_is_its_json() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn all_codes_are_all() {
        let schema = serde_json::to_value(<ErrorCode as utoipa::PartialSchema>::schema()).unwrap();

        assert_eq!(schema["enum"], serde_json::json!(ErrorCode::ALL));
    }
}
