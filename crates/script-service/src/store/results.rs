//! Answers of analyses that were kept: the rows of `analysis_results`.

use db_client::{DbClient, DbError, Rows as _};
use serde::Deserialize;

/// An answer that was kept.
#[derive(Debug, Deserialize)]
pub(crate) struct ResultRow {
    pub id: i64,
    pub analysis_type: String,
    pub result_value: Option<f64>,
    /// The whole answer, as JSON.
    pub result_details: String,
    pub created_at: String,
    pub job_id: Option<i64>,
}

/// An answer to be kept.
#[derive(Debug)]
pub(crate) struct NewResult<'a> {
    pub analysis: &'a str,
    pub headline: Option<f64>,
    /// The whole answer, as JSON.
    pub details: String,
    pub computed_at: &'a str,
    pub job: Option<i64>,
}

/// Keeps an answer, once for a job and an analysis; its id if it is new.
pub(crate) async fn insert(db: &DbClient, result: NewResult<'_>) -> Result<Option<i64>, DbError> {
    let kept = db
        .execute(
            "INSERT INTO analysis_results (analysis_type, result_value, result_details, created_at, job_id)
            SELECT ?1, ?2, ?3, ?4, ?5
            WHERE NOT EXISTS (SELECT 1 FROM analysis_results WHERE analysis_type = ?1 AND job_id = ?5)
            RETURNING id",
            [
                result.analysis.into(),
                result.headline.into(),
                result.details.into(),
                result.computed_at.into(),
                result.job.into(),
            ],
        )
        .await?;
    Ok(kept.rows_as()?.pop())
}

/// The answers of `analysis` (of all, for none) that are older than `before`, newest first.
pub(crate) async fn list(
    db: &DbClient,
    analysis: Option<String>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<ResultRow>, DbError> {
    db.rows(
        "SELECT id, analysis_type, result_value, result_details, created_at, job_id
        FROM analysis_results
        WHERE (?1 IS NULL OR analysis_type = ?1) AND (?2 IS NULL OR id < ?2)
        ORDER BY id DESC LIMIT ?3",
        [analysis.into(), before.into(), i64::from(limit).into()],
    )
    .await
}
