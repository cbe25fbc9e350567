//! Every error that a caller may see, with its status and code; `problems` says what the codes mean.

use crate::analyses::compute::ComputeError;
use crate::forecasts::request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use db_client::DbError;
use forecast::ForecastError;
use service_kit::faults::{Fault, Faults};
use service_kit::problem::Problem;
use tracing::error;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{what} {id} does not exist")]
    NotFound { what: &'static str, id: String },
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("the upload is larger than {limit} bytes (--max-upload-bytes)")]
    TooLarge { limit: u64 },
    #[error("{limit} jobs are waiting already (--queue-limit)")]
    QueueFull { limit: u32 },
    #[error("a request with this idempotency key is still being received")]
    KeyInFlight,
    #[error("this idempotency key was used for another request, which made job {job}")]
    KeyReused { job: i64 },
    #[error("job {job} is finished: {state}")]
    Finished { job: i64, state: &'static str },
    #[error("script-service is not ready: it waits for db-service")]
    NotReady,
    #[error("script-service is not ready: {0}")]
    StandsStill(String),
    #[error("{detail}")]
    Source { code: &'static str, detail: String },
    #[error("analysis `{name}`: {detail}")]
    Analysis { name: String, detail: String },
    #[error("{0}")]
    Faults(Faults),
    #[error("{0}")]
    NoForecast(String),
    #[error("the models were not fitted within {limit_ms} ms (--forecast-timeout-ms)")]
    ForecastTimeout { limit_ms: u64 },
    #[error("{limit} comparisons of models are running already (--comparison-limit)")]
    TooManyComparisons { limit: u32 },
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    #[error("nothing was replayed: {}", .0.join("; "))]
    Corrections(Vec<String>),
    #[error("{0}")]
    Refused(Problem),
    #[error("{}", if .0.is_retryable() { "db-service cannot be reached" } else { "internal error" })]
    Database(#[from] DbError),
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults)
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Faults(fault.into())
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<ForecastError> for ApiError {
    fn from(error: ForecastError) -> Self {
        match error {
            ForecastError::Request { .. } | ForecastError::UnknownModel { .. } => {
                request::fault_of(error).into()
            }
            other => Self::NoForecast(other.to_string()),
        }
    }
}

impl From<ComputeError> for ApiError {
    fn from(error: ComputeError) -> Self {
        match error {
            ComputeError::Question(faults) => Self::Faults(faults),
            ComputeError::Analysis { name, detail } => Self::Analysis { name, detail },
            ComputeError::Db(error) => Self::Database(error),
        }
    }
}

impl ApiError {
    /// Status, code and pause of every kind.
    fn status(&self) -> (StatusCode, &'static str, Option<u64>) {
        match self {
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found", None),
            Self::Invalid(_) | Self::Faults(_) | Self::Refused(_) => {
                (StatusCode::BAD_REQUEST, "invalid_request", None)
            }
            Self::NoForecast(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_forecast", None),
            Self::ForecastTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "forecast_timeout", None),
            Self::TooManyComparisons { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy", Some(5)),
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", None),
            Self::QueueFull { .. } => (StatusCode::SERVICE_UNAVAILABLE, "queue_full", Some(5)),
            Self::KeyInFlight => (StatusCode::CONFLICT, "idempotency_conflict", Some(1)),
            Self::KeyReused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", None),
            Self::Finished { .. } => (StatusCode::CONFLICT, "job_finished", None),
            Self::NotReady | Self::StandsStill(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(1)),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, code, None),
            Self::Corrections(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_corrections", None),
            Self::Source { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code, None),
            Self::Analysis { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "broken_analysis", None),
            Self::Database(error) if error.is_retryable() => {
                (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", Some(1))
            }
            Self::Database(_) | Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", None),
        }
    }

    /// The same error of a request whose fields came in the query string.
    pub(crate) fn in_query(self) -> Self {
        match self {
            Self::Faults(faults) => Self::Faults(faults.into_iter().map(Fault::in_query).collect()),
            other => other,
        }
    }

    /// The problem document.
    pub(crate) fn into_problem(self) -> Problem {
        let (status, code, retry_after_s) = self.status();
        match self {
            Self::Refused(problem) => return problem,
            Self::Faults(faults) => return faults.into(),
            Self::Database(ref cause) => error!("a request failed: {cause}"),
            Self::Internal(ref cause) => error!("a request failed: {cause:#}"),
            _ => {}
        }
        let mut problem = Problem::new(status, code, self.to_string());
        problem.retry_after_s = retry_after_s;
        match self {
            Self::Corrections(faults) => problem.with("errors", correction_faults(&faults)),
            _ => problem,
        }
    }
}

fn correction_faults(faults: &[String]) -> Vec<serde_json::Value> {
    faults
        .iter()
        .map(|fault| serde_json::json!({ "code": "bad_correction", "detail": fault }))
        .collect()
}

/// Why a job failed, with the status that a request with this fault would have had.
pub(crate) fn of_job(code: &'static str, detail: impl Into<String>) -> Problem {
    let status = match code {
        "internal" | "process_died" | "rollback_failed" => StatusCode::INTERNAL_SERVER_ERROR,
        "statement_timeout" => StatusCode::REQUEST_TIMEOUT,
        "changed_since" | "not_undoable" => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, code, detail)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into_problem().into_response()
    }
}
