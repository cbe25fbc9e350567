//! Errors in Hrana's words.

use super::encode::push_json;
use crate::engine::EngineError;
use std::borrow::Cow;

/// Why a statement of a request failed; the rest of the request goes on.
#[derive(Debug)]
pub(crate) struct StatementError {
    message: String,
    code: &'static str,
    extended_code: Option<&'static str>,
}

impl StatementError {
    /// An error of the protocol itself.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code,
            extended_code: None,
        }
    }

    /// The stable name of the error.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// Appends it as JSON.
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"message\":");
        push_json(out, &self.message);
        out.extend_from_slice(b",\"code\":");
        push_json(out, self.code);
        if let Some(code) = self.extended_code {
            out.extend_from_slice(b",\"extended_code\":");
            push_json(out, code);
        }
        out.push(b'}');
    }
}

impl From<EngineError> for StatementError {
    fn from(error: EngineError) -> Self {
        if let EngineError::Broken { cause, .. } = error.inner() {
            tracing::error!(%cause, "a statement failed for an unforeseen reason");
        }
        let message = match &error {
            EngineError::ManyStatements => {
                "there is more than one statement; send a `batch`, or a `sequence`".to_owned()
            }
            EngineError::ResultTooLarge { limit_bytes } => format!(
                "the answer is larger than {limit_bytes} bytes (max_result_bytes); read it through /v3/cursor, \
                 which has no such limit"
            ),
            EngineError::Hidden(words) => format!("{words}; GET /v1/tables lists those it may use"),
            other => other.to_string(),
        };
        let extended_code = error.sqlite_code();
        let code = match error.inner() {
            EngineError::NoStatement => "SQL_NO_STATEMENT",
            EngineError::ManyStatements => "SQL_MANY_STATEMENTS",
            EngineError::Parameters(_) => "ARGS_INVALID",
            EngineError::Sql { message, .. } if is_syntax(message) => "SQL_PARSE_ERROR",
            EngineError::Stale | EngineError::Overloaded(_) => "TRANSACTION_BUSY",
            EngineError::TransactionTimeout { .. } => "TRANSACTION_TIMEOUT",
            EngineError::Aborted => "TRANSACTION_ABORTED",
            EngineError::SnapshotTooOld { .. } => "SNAPSHOT_TOO_OLD",
            EngineError::ResultTooLarge { .. } => "RESPONSE_TOO_LARGE",
            EngineError::TooLarge(_) => "SQLITE_TOOBIG",
            EngineError::Invalid(_) | EngineError::OwnTransaction(_) | EngineError::NeedsSession(_) => {
                "SQL_INPUT_ERROR"
            }
            _ => extended_code.map_or("SQLITE_UNKNOWN", base),
        };
        Self {
            message,
            code,
            extended_code,
        }
    }
}

/// Whether SQLite's parser has spoken, and not its compiler.
fn is_syntax(message: &str) -> bool {
    ["syntax error", "incomplete input", "unrecognized token"]
        .iter()
        .any(|words| message.contains(words))
}

/// The base code of an extended one: `SQLITE_CONSTRAINT` of `SQLITE_CONSTRAINT_UNIQUE`.
fn base(extended: &'static str) -> &'static str {
    let end = extended
        .match_indices('_')
        .nth(1)
        .map_or(extended.len(), |(at, _)| at);
    &extended[..end]
}

/// Why a request as a whole is refused. The stream that it names, if any, is not used further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is not what the protocol allows.
    #[error("{0}")]
    Protocol(String),
    /// Its stream has ended, and the text says why.
    #[error("{0}")]
    Expired(Cow<'static, str>),
    /// Its stream was one of a process that has ended.
    #[error(
        "the stream is gone, since the service has been started anew: its transaction was rolled back and none of \
         its statements took effect; open a new stream and run the transaction again"
    )]
    Lost,
    /// There is no such stream.
    #[error(
        "there is no stream of this baton: it is not from the latest answer, or its stream ended long ago; open a \
         new stream"
    )]
    Unknown,
    /// The engine says why.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// Its only statement failed.
    #[error("{}", .0.message)]
    Statement(StatementError),
    /// The request did not arrive, or its caller is not known.
    #[error("{}", .0.detail)]
    Request(service_kit::problem::Problem),
}

impl From<service_kit::problem::Problem> for Refusal {
    fn from(problem: service_kit::problem::Problem) -> Self {
        Self::Request(problem)
    }
}
