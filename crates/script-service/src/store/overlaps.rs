//! Lines of imports that were there already, by the import that had written them.

use super::signed;
use db_client::db_api::{Params, Statement};
use db_client::{DbClient, DbError};
use script_api::AlreadyThere;
use std::collections::BTreeMap;

/// A statement that adds the lines of a source that were there already, by job (0: none); none for no lines.
pub(crate) fn add(job: i64, source: u64, already: &BTreeMap<i64, u64>) -> Option<Statement> {
    let rows = already.iter().map(|(of_job, lines)| {
        Params::Positional(vec![job.into(), signed(source), (*of_job).into(), signed(*lines)])
    });
    (!already.is_empty()).then(|| Statement {
        sql: "INSERT INTO job_overlaps (job_id, source, of_job, lines) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (job_id, source, of_job) DO UPDATE SET lines = lines + excluded.lines"
            .to_owned(),
        params_many: Some(rows.collect()),
        ..Statement::default()
    })
}

/// The lines of a source of `job` that were there already.
pub(crate) async fn of_source(db: &DbClient, job: i64, source: u64) -> Result<Vec<AlreadyThere>, DbError> {
    db.rows(
        "SELECT NULLIF(of_job, 0) AS job, lines FROM job_overlaps WHERE job_id = ?1 AND source = ?2 ORDER BY of_job",
        [job.into(), signed(source)],
    )
    .await
}

/// The imports that left out lines because `job` had brought them.
pub(crate) async fn relying_on(db: &DbClient, job: i64) -> Result<Vec<AlreadyThere>, DbError> {
    db.rows(
        "SELECT job_id AS job, SUM(lines) AS lines FROM job_overlaps JOIN jobs ON jobs.id = job_id
        WHERE of_job = ?1 AND jobs.undone_by IS NULL AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0
        GROUP BY job_id ORDER BY job_id",
        [job.into()],
    )
    .await
}
