//! What is dropped by age and by number: old jobs, rejects, undo data, results and forecasts.
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

/// Drops the source text of the rejects of jobs that ended before `before`, and says so in the jobs.
pub(crate) async fn drop_reject_text(db: &DbClient, before: Option<String>) -> Result<u64, DbError> {
    let said = "UPDATE jobs SET reject_text_dropped_at = ?3, revision = revision + 1
        WHERE finished_at < ?1 AND ?2 = ?2 AND rejected > 0 AND reject_text_dropped_at IS NULL";
    say_dropped(db, said, before.clone()).await?;
    let sql = format!(
        "UPDATE job_rejects SET raw = '', value = NULL WHERE (job_id, source, record) IN (
            SELECT job_id, job_rejects.source, record FROM job_rejects JOIN jobs ON jobs.id = job_id
            WHERE finished_at < ?1 AND ?2 = ?2 AND raw <> ''
            LIMIT {PIECE}
        )"
    );
    in_pieces(db, &sql, before, None).await
}

/// Says in jobs that something of them is dropped, before it is.
async fn say_dropped(db: &DbClient, sql: &str, before: Option<String>) -> Result<(), DbError> {
    let params = [
        Value::from(before.unwrap_or_default()),
        Value::Integer(0),
        super::now().into(),
    ];
    db.execute(sql, params).await.map(drop)
}

/// Drops the rejects of jobs that ended before `before`, and says so in the jobs. Returns how many.
pub(crate) async fn drop_rejects(db: &DbClient, before: Option<String>) -> Result<u64, DbError> {
    let said = "UPDATE jobs SET rejects_dropped_at = ?3, revision = revision + 1
        WHERE finished_at < ?1 AND ?2 = ?2 AND rejected > 0 AND rejects_dropped_at IS NULL";
    say_dropped(db, said, before.clone()).await?;
    let sql = format!(
        "DELETE FROM job_rejects WHERE (job_id, source, record) IN (
            SELECT job_id, job_rejects.source, record FROM job_rejects JOIN jobs ON jobs.id = job_id
            WHERE finished_at < ?1 AND ?2 = ?2
            LIMIT {PIECE}
        )"
    );
    in_pieces(db, &sql, before, None).await
}

/// Drops what is kept for taking back imports that ended before `before`, and all but the newest `most` that wrote
/// something, and what nobody needs any more.
pub(crate) async fn drop_undo(
    db: &DbClient,
    before: Option<String>,
    most: Option<u64>,
) -> Result<(), DbError> {
    const KEPT: &str =
        "kind = 'import' AND finished_at IS NOT NULL AND undo_dropped = 0 AND undone_by IS NULL
        AND inserted + updated + deleted + created_products + created_stores > 0
        AND COALESCE(request ->> '$.dry_run', 0) = 0";
    let sql = format!(
        "UPDATE jobs SET undo_dropped = 1, revision = revision + 1 WHERE id IN (
            SELECT id FROM jobs
            WHERE {KEPT}
                AND (finished_at < ?1 OR id <= (SELECT id FROM jobs WHERE {KEPT} ORDER BY id DESC LIMIT 1 OFFSET ?2))
                AND NOT EXISTS (
                    SELECT 1 FROM jobs AS undo
                    WHERE undo.state IN ('queued', 'running', 'interrupted') AND undo.kind = 'undo'
                        AND undo.request ->> '$.job' = jobs.id
                )
            ORDER BY id LIMIT {PIECE}
        )"
    );
    in_pieces(db, &sql, before, most).await?;
    for (table, key) in [
        ("job_undo", "(job_id, table_name, row_key)"),
        ("sales_changed_since", "(job_id, sale_id)"),
    ] {
        let next = format!("SELECT MIN(job_id) FROM {table} WHERE job_id > ?1");
        let is_needed = "SELECT id FROM jobs WHERE id = ?1 AND undo_dropped = 0";
        let columns = key.trim_matches(['(', ')']);
        let drop = format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE job_id = ?1 LIMIT {PIECE})"
        );
        let mut job = i64::MIN;
        loop {
            let found: Option<Option<i64>> = db.first_row(&next, [job.into()]).await?;
            let Some(found) = found.flatten() else {
                break;
            };
            job = found;
            let needed: Option<i64> = db.first_row(is_needed, [job.into()]).await?;
            while needed.is_none() && db.execute(&drop, [job.into()]).await?.rows_affected > 0 {}
        }
    }
    Ok(())
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
