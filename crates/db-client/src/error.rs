//! Why db-service gave no answer.

use db_api::{ErrorCode, Problem};

/// Why db-service gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// db-service answered with a problem.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// A streamed answer broke off; what came is not whole.
    #[error("the answer of db-service at {url} broke off: {why}")]
    BrokeOff {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// No connection, or it broke off before there was an answer.
    #[error("db-service at {url} cannot be reached: {why}")]
    Unreachable {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// An answer that is not db-service's.
    #[error("db-service gave an answer that cannot be read: {0}")]
    Broken(String),
    /// The address is not one.
    #[error("`{url}` is not the address of a db-service: {why}")]
    Address {
        /// What was given.
        url: String,
        /// The cause.
        why: String,
    },
}

impl DbError {
    /// The code of the problem, when db-service answered with one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.retryable,
            Self::Unreachable { .. } | Self::BrokeOff { .. } => true,
            Self::Broken(_) | Self::Address { .. } => false,
        }
    }
}

/// The message of the last error in a chain: the others only say that there is one.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
