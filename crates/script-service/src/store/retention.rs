//! What is dropped by age and by number: old jobs, rejects, results and forecasts.
//!
//! Each statement drops a piece, so that none holds the writer for long.

use db_client::db_api::Value;
use db_client::{DbClient, DbError};

/// How many rows a statement drops at most.
const PIECE: u64 = 500;

/// Finished jobs that are no longer needed: those of a schedule that watches files stay, as they say which files
/// had their job.
const FINISHED: &str = "finished_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM schedules WHERE schedules.id = jobs.schedule_id AND watch IS NOT NULL
)";

/// Drops finished jobs that ended before `before`, and all but the newest `most`, with their sources and rejects.
/// `None` sets no bound. Returns how many.
pub(crate) async fn drop_jobs(
    db: &DbClient,
    before: Option<String>,
    most: Option<u64>,
) -> Result<u64, DbError> {
    let sql = format!(
        "DELETE FROM jobs WHERE id IN (
            SELECT id FROM jobs
            WHERE {FINISHED}
                AND (finished_at < ?1
                    OR id <= (SELECT id FROM jobs WHERE {FINISHED} ORDER BY id DESC LIMIT 1 OFFSET ?2))
            ORDER BY id LIMIT {PIECE}
        )"
    );
    in_pieces(db, &sql, before, most).await
}

/// Drops the rejects of jobs that ended before `before`. Returns how many.
pub(crate) async fn drop_rejects(db: &DbClient, before: Option<String>) -> Result<u64, DbError> {
    let sql = format!(
        "DELETE FROM job_rejects WHERE (job_id, source, record) IN (
            SELECT job_id, job_rejects.source, record FROM job_rejects JOIN jobs ON jobs.id = job_id
            WHERE finished_at < ?1 AND ?2 = ?2
            LIMIT {PIECE}
        )"
    );
    in_pieces(db, &sql, before, None).await
}

/// Drops answers of analyses made before `before`, and all but the newest `most`. Returns how many.
pub(crate) async fn drop_results(
    db: &DbClient,
    before: Option<String>,
    most: Option<u64>,
) -> Result<u64, DbError> {
    in_pieces(db, &of_age_or_number("analysis_results"), before, most).await
}

/// Drops forecasts made before `before`, and all but the newest `most`. Returns how many.
pub(crate) async fn drop_forecasts(
    db: &DbClient,
    before: Option<String>,
    most: Option<u64>,
) -> Result<u64, DbError> {
    in_pieces(db, &of_age_or_number("forecast_runs"), before, most).await
}

fn of_age_or_number(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE id IN (
            SELECT id FROM {table}
            WHERE created_at < ?1 OR id <= (SELECT id FROM {table} ORDER BY id DESC LIMIT 1 OFFSET ?2)
            ORDER BY id LIMIT {PIECE}
        )"
    )
}

/// Runs `sql` until it drops nothing more.
async fn in_pieces(
    db: &DbClient,
    sql: &str,
    before: Option<String>,
    most: Option<u64>,
) -> Result<u64, DbError> {
    // No time is before the empty text, and no table has so many rows.
    let before = before.unwrap_or_default();
    let most = most.map_or(i64::MAX, |most| i64::try_from(most).unwrap_or(i64::MAX));
    let mut dropped = 0;
    loop {
        let params = [Value::from(before.as_str()), Value::Integer(most)];
        let piece = db.execute(sql, params).await?.rows_affected;
        dropped += piece;
        if piece == 0 {
            return Ok(dropped);
        }
    }
}
