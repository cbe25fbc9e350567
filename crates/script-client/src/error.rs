//! Why script-service gave no answer.

use script_api::{Problem, codes};
use std::time::Duration;

/// Why script-service gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ScriptError {
    /// No connection.
    #[error("script-service at {url} cannot be reached: {why}")]
    Unreachable {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// The connection broke off: the request may have been done.
    #[error("the connection to script-service at {url} was lost: {why}")]
    Lost {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// No answer came in time: the request may have been done.
    #[error("script-service at {url} did not answer within {} ms", limit.as_millis())]
    TimedOut {
        /// The address.
        url: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The connection broke off before the service had all of the request: nothing was done.
    #[error(
        "the connection to script-service at {url} broke off before all of it was sent, so nothing was imported: {why}"
    )]
    Cut {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// It answered with a problem document.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// An answer that is not script-service's.
    #[error("script-service gave an answer that cannot be read: {0}")]
    Broken(String),
    /// The address is not one.
    #[error("`{url}` is not the address of a script-service: {why}")]
    Address {
        /// What was given.
        url: String,
        /// The cause.
        why: String,
    },
}

impl ScriptError {
    /// The problem that it answered with, if it did.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The status that it answered with, if it did with a problem.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.problem().map(|problem| problem.status)
    }

    /// Whether there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the service does not do what the request asks for, and says why.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status) && status != 408)
    }

    /// Whether the answer took too long: this client or the service gave up.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!(self, Self::TimedOut { .. }) || matches!(self.status(), Some(408 | 504))
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::TimedOut { .. } | Self::Cut { .. } => true,
            Self::Refused(problem) => problem.retryable,
            Self::Broken(_) | Self::Address { .. } => false,
        }
    }

    /// Whether the request may have been done although there is no answer.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::TimedOut { .. })
    }

    /// Whether a service is away: script-service itself, or db-service, which it needs.
    #[must_use]
    pub fn is_of_a_missing_service(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::TimedOut { .. } | Self::Cut { .. } => true,
            Self::Refused(problem) => {
                [codes::NOT_READY, codes::DATABASE_UNAVAILABLE].contains(&problem.code.as_str())
            }
            Self::Broken(_) | Self::Address { .. } => false,
        }
    }

    /// Whether the request asks for what there is not, or in a way that cannot be understood.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                [codes::INVALID_REQUEST, codes::NOT_FOUND].contains(&problem.code.as_str())
            }
            Self::Address { .. } => true,
            _ => false,
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
