//! The tables of script-service and the SQL over them; rows are types, by the names of their columns.
//!
//! | file | what it is about |
//! | --- | --- |
//! | `jobs` | jobs as callers see them: the queue, one job, lists, the request to cancel |
//! | `running_jobs` | jobs as their process sees them: lease, checkpoint, end |
//! | `job_sources` | the sources of imports |
//! | `uploads` | the bytes of uploads and fetched files, in pieces |
//! | `upload_claims` | idempotency keys of uploads that are coming in |
//! | `rejects` | records that imports did not take, and their replays |
//! | `retention` | what is dropped by age and by number |
//! | `rows` | statements that write rows of imports, whatever their table |
//! | `sales` | sales that an import adds |
//! | `staged_sales` | sales that take the place of others |
//! | `undo` | what imports take back |
//! | `overlaps` | lines that were there already, by the import that had written them |
//! | `references` | ids that rows may refer to |
//! | `daily_sums` | the sums by day and the state of the data |
//! | `analysis_sources` | what an analysis reads in place of the daily sums where there are filters |
//! | `history` | revenue by day, for forecasts |
//! | `results` | answers of analyses that were kept |
//! | `forecast_runs` | forecasts that were made |
//! | `schedules` | schedules, and the jobs that they made |
//! | `error` | why the store does not give or keep what it was asked for |

pub(crate) mod analysis_sources;
pub(crate) mod daily_sums;
mod error;
pub(crate) mod forecast_runs;
pub(crate) mod history;
pub(crate) mod job_sources;
pub(crate) mod jobs;
pub(crate) mod overlaps;
pub(crate) mod references;
pub(crate) mod rejects;
pub(crate) mod results;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod running_jobs;
pub(crate) mod sales;
pub(crate) mod schedules;
pub(crate) mod staged_sales;
pub(crate) mod undo;
pub(crate) mod upload_claims;
pub(crate) mod uploads;

pub(crate) use error::StoreError;

use db_client::db_api::{BatchOutcome, BatchRequest, Value};
use db_client::{DbClient, DbError};

/// The time of now as tables hold it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A count as SQLite has it.
fn signed(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Runs a batch that the same `key` makes only once. `Err` when one of its statements was refused.
pub(crate) async fn run(db: &DbClient, request: &BatchRequest, key: &str) -> Result<(), DbError> {
    let result = db.batch(request, key).await?;
    for outcome in result.results {
        if let BatchOutcome::Error(problem) = outcome {
            return Err(DbError::Refused(Box::new(problem)));
        }
    }
    Ok(())
}
