//! Why there is no forecast, in words that know nothing of HTTP.

use super::request;
use db_client::DbError;
use forecast::ForecastError;
use service_kit::validation::{Fault, Faults};

/// Why there is no forecast, or no answer about one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForecastFailure {
    /// What was asked makes no sense.
    #[error("{0}")]
    Asked(Faults),
    /// The history does not allow it.
    #[error("{0}")]
    NoForecast(String),
    #[error("the models were not fitted within {limit_ms} ms (--forecast-timeout-ms)")]
    Timeout { limit_ms: u64 },
    #[error("forecast {0} does not exist")]
    NotFound(String),
    /// db-service gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

impl From<Faults> for ForecastFailure {
    fn from(faults: Faults) -> Self {
        Self::Asked(faults)
    }
}

impl From<Fault> for ForecastFailure {
    fn from(fault: Fault) -> Self {
        Self::Asked(fault.into())
    }
}

impl From<ForecastError> for ForecastFailure {
    fn from(error: ForecastError) -> Self {
        match error {
            ForecastError::Request { .. } | ForecastError::UnknownModel { .. } => {
                request::fault_of(error).into()
            }
            other => Self::NoForecast(other.to_string()),
        }
    }
}
