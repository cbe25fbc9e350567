//! Every error that a caller may see, with its status and code; `problems` says what the codes mean.
//!
//! Below the routes, errors are kinds and words; here each gets its status, for requests and for jobs that failed.

use crate::analyses::compute::ComputeError;
use crate::forecasts::ForecastFailure;
use crate::imports::replay::ReplayError;
use crate::jobs::context::Stop;
use crate::problems;
use crate::schedules::by_hand::NoJob;
use crate::secrets::KeyError;
use crate::state::NotReady;
use crate::store::StoreError;
use crate::undo::submission::UndoError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use db_client::DbError;
use db_client::db_api::ErrorCode;
use service_kit::problem::Problem;
use service_kit::validation::{Fault, Faults};
use tracing::error;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Faults(Faults),
    #[error("{0}")]
    Refused(Problem),
    #[error("{0}")]
    Unsupported(String),
    #[error("the upload is larger than {limit} bytes (--max-upload-bytes)")]
    TooLarge { limit: u64 },
    #[error("{detail}")]
    Source { code: &'static str, detail: String },
    #[error("{limit} comparisons of models are running already (--comparison-limit)")]
    TooManyComparisons { limit: u32 },
    #[error(transparent)]
    NotReady(NotReady),
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Compute(ComputeError),
    #[error(transparent)]
    Forecast(ForecastFailure),
    #[error(transparent)]
    Replay(ReplayError),
    #[error(transparent)]
    Undo(UndoError),
    #[error("{}", in_words(.0))]
    Database(#[from] DbError),
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        Self::NotReady(NotReady::StandsStill(error.to_string()))
    }
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

impl From<NotReady> for ApiError {
    fn from(error: NotReady) -> Self {
        match error {
            NotReady::Database(error) => Self::Database(error),
            other => Self::NotReady(other),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => Self::Database(error),
            StoreError::Internal(error) => Self::Internal(error),
            other => Self::Store(other),
        }
    }
}

impl From<NoJob> for ApiError {
    fn from(error: NoJob) -> Self {
        match error {
            NoJob::Watches(_) => Self::Invalid(error.to_string()),
            NoJob::Store(error) => error.into(),
        }
    }
}

impl From<ComputeError> for ApiError {
    fn from(error: ComputeError) -> Self {
        match error {
            ComputeError::Question(faults) => Self::Faults(faults),
            ComputeError::Db(error) => Self::Database(error),
            ComputeError::Internal(error) => Self::Internal(error),
            other => Self::Compute(other),
        }
    }
}

impl From<ForecastFailure> for ApiError {
    fn from(error: ForecastFailure) -> Self {
        match error {
            ForecastFailure::Asked(faults) => Self::Faults(faults),
            ForecastFailure::Database(error) => Self::Database(error),
            ForecastFailure::Internal(error) => Self::Internal(error),
            other => Self::Forecast(other),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error.into(),
            ReplayError::Internal(error) => Self::Internal(error),
            other => Self::Replay(other),
        }
    }
}

impl From<UndoError> for ApiError {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::Store(error) => error.into(),
            other => Self::Undo(other),
        }
    }
}

/// Status, code and pause in seconds.
type Verdict = (StatusCode, &'static str, Option<u64>);

const INVALID: Verdict = (StatusCode::BAD_REQUEST, "invalid_request", None);
const INTERNAL: Verdict = (StatusCode::INTERNAL_SERVER_ERROR, "internal", None);
const NOT_FOUND: Verdict = (StatusCode::NOT_FOUND, "not_found", None);

fn of_store(error: &StoreError) -> Verdict {
    match error {
        StoreError::NotFound { .. } => NOT_FOUND,
        StoreError::QueueFull { .. } => (StatusCode::SERVICE_UNAVAILABLE, "queue_full", Some(5)),
        StoreError::KeyInFlight => (StatusCode::CONFLICT, "idempotency_conflict", Some(1)),
        StoreError::KeyReused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", None),
        StoreError::Finished { .. } => (StatusCode::CONFLICT, "job_finished", None),
        StoreError::NotCancellable { .. } => (StatusCode::CONFLICT, "not_cancellable", None),
        StoreError::NotResumable { .. } => (StatusCode::CONFLICT, "not_resumable", None),
        StoreError::TooManySchedules { .. } => INVALID,
        StoreError::Database(error) => of_database(error),
        StoreError::Internal(_) => INTERNAL,
    }
}

fn of_analysis(error: &ComputeError) -> Verdict {
    match error {
        ComputeError::Question(_) => INVALID,
        ComputeError::Analysis { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "broken_analysis", None),
        ComputeError::NotFound(_) => NOT_FOUND,
        ComputeError::Db(error) => of_database(error),
        ComputeError::Internal(_) => INTERNAL,
    }
}

fn of_forecast(error: &ForecastFailure) -> Verdict {
    match error {
        ForecastFailure::Asked(_) => INVALID,
        ForecastFailure::NoForecast(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_forecast", None),
        ForecastFailure::Timeout { .. } => (StatusCode::REQUEST_TIMEOUT, "forecast_timeout", None),
        ForecastFailure::NotFound(_) => NOT_FOUND,
        ForecastFailure::Database(error) => of_database(error),
        ForecastFailure::Internal(_) => INTERNAL,
    }
}

fn of_replay(error: &ReplayError) -> Verdict {
    match error {
        ReplayError::TooMany => INVALID,
        ReplayError::Corrections(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_corrections", None),
        ReplayError::NotReplayable(_) => (StatusCode::CONFLICT, "not_replayable", None),
        ReplayError::AlreadyReplayed(_) => (StatusCode::CONFLICT, "already_replayed", None),
        ReplayError::Store(error) => of_store(error),
        ReplayError::Internal(_) => INTERNAL,
    }
}

fn of_undo(error: &UndoError) -> Verdict {
    match error {
        UndoError::NotUndoable { .. } => (StatusCode::CONFLICT, "not_undoable", None),
        UndoError::AlreadyUndone { .. } => (StatusCode::CONFLICT, "already_undone", None),
        UndoError::Store(error) => of_store(error),
    }
}

fn of_database(error: &DbError) -> Verdict {
    if error.code() == Some(ErrorCode::DiskFull) {
        (StatusCode::INSUFFICIENT_STORAGE, "disk_full", Some(1))
    } else if error.code() == Some(ErrorCode::StatementTimeout) {
        (StatusCode::REQUEST_TIMEOUT, "statement_timeout", None)
    } else if error.is_retryable() {
        (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", Some(1))
    } else {
        INTERNAL
    }
}

impl ApiError {
    /// Status, code and pause of every kind.
    fn verdict(&self) -> Verdict {
        match self {
            Self::Invalid(_) | Self::Faults(_) | Self::Refused(_) => INVALID,
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", None),
            Self::Source { code, .. } => (problems::find(&problems::all(), code).status, code, None),
            Self::TooManyComparisons { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy", Some(5)),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(1)),
            Self::Store(error) => of_store(error),
            Self::Compute(error) => of_analysis(error),
            Self::Forecast(error) => of_forecast(error),
            Self::Replay(error) => of_replay(error),
            Self::Undo(error) => of_undo(error),
            Self::Database(error) => of_database(error),
            Self::Internal(_) => INTERNAL,
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
        let (status, code, retry_after_s) = self.verdict();
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
            Self::Replay(ReplayError::Corrections(faults)) => {
                problem.with("errors", correction_faults(&faults))
            }
            _ => problem,
        }
    }
}

/// What callers are told of an error of db-service.
fn in_words(error: &DbError) -> String {
    match error {
        DbError::Refused(problem)
            if matches!(problem.code, ErrorCode::DiskFull | ErrorCode::StatementTimeout) =>
        {
            format!("db-service: {}", problem.detail)
        }
        error if error.is_retryable() => "db-service cannot be reached".to_owned(),
        _ => "internal error".to_owned(),
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
    Problem::new(problems::find(&problems::all(), code).status, code, detail)
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Database(error) => Self::from(error),
            ApiError::Internal(error) => Self::Broken(error),
            other => Self::Failed(other.into_problem()),
        }
    }
}

impl From<ForecastFailure> for Stop {
    fn from(error: ForecastFailure) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ComputeError> for Stop {
    fn from(error: ComputeError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into_problem().into_response()
    }
}
