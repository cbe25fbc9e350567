//! Why the store does not give or keep what it was asked for, in words that know nothing of HTTP.

use db_client::DbError;

/// Why the store does not give or keep what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{what} {id} does not exist")]
    NotFound { what: &'static str, id: String },
    #[error("{limit} jobs are waiting already (--queue-limit)")]
    QueueFull { limit: u32 },
    #[error("a request with this idempotency key is still being received")]
    KeyInFlight,
    #[error("this idempotency key was used for another request, which made job {job}")]
    KeyReused { job: i64 },
    #[error("job {job} is finished: {state}")]
    Finished { job: i64, state: &'static str },
    #[error("job {job} takes an import back, and ends whole")]
    NotCancellable { job: i64 },
    #[error("job {job} is {state}, and waits for nobody to resume it")]
    NotResumable { job: i64, state: &'static str },
    #[error("there are {limit} schedules already")]
    TooManySchedules { limit: i64 },
    /// db-service gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}
