//! The sources of imports: where they come from, what was decided about them, what became of their records.

use super::{now, signed};
use db_client::db_api::{Statement, Value};
use db_client::{DbClient, DbError, json_text};
use script_api::{Counters, Decisions, ImportReport, JobSource};
use serde::Deserialize;

/// Bytes of a source that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct KeptBytes {
    pub upload_id: String,
    pub upload_bytes: u64,
}

/// What a server said of a version of a file, to ask whether there is a newer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// A row of `job_sources`.
#[derive(Debug, Deserialize)]
struct SourceRow {
    table_name: String,
    origin: String,
    digest: Option<String>,
    records: Option<u64>,
    #[serde(deserialize_with = "json_text")]
    decisions: Option<Decisions>,
    #[serde(flatten)]
    counters: Counters,
    #[serde(deserialize_with = "json_text")]
    report: Option<ImportReport>,
    same_content_as: Option<i64>,
    finished_at: Option<String>,
}

impl From<SourceRow> for JobSource {
    fn from(row: SourceRow) -> Self {
        Self {
            table: row.table_name,
            origin: row.origin,
            digest: row.digest,
            records: row.records,
            decisions: row.decisions,
            counters: row.counters,
            report: row.report,
            same_content_as: row.same_content_as,
            finished_at: row.finished_at,
        }
    }
}

/// The sources of `job` in their order.
pub(crate) async fn list(db: &DbClient, job: i64) -> Result<Vec<JobSource>, DbError> {
    let rows: Vec<SourceRow> = db
        .rows(
            "SELECT table_name, origin, digest, records, decisions, read, inserted, updated, moved, unchanged,
                rejected, skipped, warnings, report, finished_at,
                (SELECT MAX(earlier.job_id) FROM job_sources AS earlier
                    JOIN jobs ON jobs.id = earlier.job_id
                    WHERE earlier.digest = job_sources.digest AND earlier.table_name = job_sources.table_name
                        AND earlier.job_id < job_sources.job_id
                        AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0 AND jobs.undone_by IS NULL
                        AND jobs.state IN ('succeeded', 'succeeded_with_rejects')) AS same_content_as
            FROM job_sources WHERE job_id = ?1 ORDER BY source",
            [job.into()],
        )
        .await?;
    Ok(rows.into_iter().map(JobSource::from).collect())
}

/// A statement that makes the row of source number `source`, unless there is one.
pub(crate) fn insert(job: i64, source: u64, table: &str, origin: &str, upload: Option<&str>) -> Statement {
    Statement::new(
        "INSERT INTO job_sources (job_id, source, table_name, origin, upload_id)
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        [
            job.into(),
            signed(source),
            table.into(),
            origin.into(),
            upload.into(),
        ],
    )
}

/// The bytes that were fetched for a source, if they were.
pub(crate) async fn fetched(db: &DbClient, job: i64, source: u64) -> Result<Option<KeptBytes>, DbError> {
    db.first_row(
        "SELECT upload_id, upload_bytes FROM job_sources
        WHERE job_id = ?1 AND source = ?2 AND upload_id IS NOT NULL AND upload_bytes IS NOT NULL",
        [job.into(), signed(source)],
    )
    .await
}

/// Keeps which bytes were fetched for a source, and what the server said of them.
pub(crate) async fn set_fetched(
    db: &DbClient,
    job: i64,
    source: u64,
    kept: &KeptBytes,
    validators: &Validators,
    asked: &str,
) -> Result<(), DbError> {
    db.execute(
        "UPDATE job_sources SET upload_id = ?3, upload_bytes = ?4, etag = ?5, last_modified = ?6, asked = ?7,
            removals = (SELECT removals FROM dataset WHERE id = 1)
        WHERE job_id = ?1 AND source = ?2",
        [
            job.into(),
            signed(source),
            kept.upload_id.as_str().into(),
            signed(kept.upload_bytes),
            validators.etag.clone().into(),
            validators.last_modified.clone().into(),
            asked.into(),
        ],
    )
    .await
    .map(drop)
}

/// What the server said of the version of `url` that was imported last into `table`. Nothing where a new import could
/// do more than that one: it was asked for otherwise (`asked`), left records out, did not come to its end, or rows were
/// deleted since.
pub(crate) async fn validators(
    db: &DbClient,
    url: &str,
    table: &str,
    asked: &str,
) -> Result<Validators, DbError> {
    let found: Option<Validators> = db
        .first_row(
            "SELECT etag, last_modified FROM (
                SELECT job_sources.etag, job_sources.last_modified, job_sources.asked, job_sources.removals,
                    job_sources.rejected, job_sources.finished_at, jobs.state, jobs.undone_by
                FROM job_sources
                JOIN jobs ON jobs.id = job_sources.job_id
                WHERE job_sources.origin = ?1 AND job_sources.table_name = ?2 AND job_sources.digest IS NOT NULL
                    AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0
                ORDER BY jobs.id DESC, job_sources.source DESC LIMIT 1
            )
            WHERE asked = ?3 AND rejected = 0 AND finished_at IS NOT NULL AND state = 'succeeded' AND undone_by IS NULL
                AND removals = (SELECT removals FROM dataset WHERE id = 1)",
            [url.into(), table.into(), asked.into()],
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// The digest of a source when it was surveyed, if it was.
pub(crate) async fn digest(db: &DbClient, job: i64, source: u64) -> Result<Option<String>, DbError> {
    let digest: Option<Option<String>> = db
        .first_row(
            "SELECT digest FROM job_sources WHERE job_id = ?1 AND source = ?2",
            [job.into(), signed(source)],
        )
        .await?;
    Ok(digest.flatten())
}

/// The latest other job that imported content with this `digest` into `table`.
pub(crate) async fn same_content(
    db: &DbClient,
    job: i64,
    table: &str,
    digest: &str,
) -> Result<Option<i64>, DbError> {
    db.first_row(
        "SELECT job_sources.job_id FROM job_sources JOIN jobs ON jobs.id = job_sources.job_id
        WHERE digest = ?1 AND table_name = ?2 AND job_sources.job_id <> ?3
            AND jobs.state IN ('succeeded', 'succeeded_with_rejects')
            AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0 AND jobs.undone_by IS NULL
        ORDER BY job_sources.job_id DESC LIMIT 1",
        [digest.into(), table.into(), job.into()],
    )
    .await
}

/// A statement that keeps what the survey of a source found.
pub(crate) fn set_survey(
    job: i64,
    source: u64,
    digest: &str,
    records: u64,
    decisions: &Decisions,
) -> Statement {
    Statement::new(
        "UPDATE job_sources SET digest = ?3, records = ?4, decisions = ?5 WHERE job_id = ?1 AND source = ?2",
        [
            job.into(),
            signed(source),
            digest.into(),
            signed(records),
            serde_json::to_string(decisions).unwrap_or_default().into(),
        ],
    )
}

/// How lines of sales are made of the records of a source, as JSON, if that was decided.
pub(crate) async fn plan(db: &DbClient, job: i64, source: u64) -> Result<Option<String>, DbError> {
    let plan: Option<Option<String>> = db
        .first_row(
            "SELECT plan FROM job_sources WHERE job_id = ?1 AND source = ?2",
            [job.into(), signed(source)],
        )
        .await?;
    Ok(plan.flatten())
}

/// A statement that keeps how lines of sales are made of the records of a source, and what it holds.
pub(crate) fn set_plan(job: i64, source: u64, plan: &str, report: &ImportReport) -> Statement {
    Statement::new(
        "UPDATE job_sources SET plan = ?3, report = ?4 WHERE job_id = ?1 AND source = ?2",
        [
            job.into(),
            signed(source),
            plan.into(),
            serde_json::to_string(report).unwrap_or_default().into(),
        ],
    )
}

/// A statement that adds `counters` to those of a source.
pub(crate) fn add_counters(job: i64, source: u64, counters: &Counters) -> Statement {
    Statement::new(
        "UPDATE job_sources SET read = read + ?3, inserted = inserted + ?4, updated = updated + ?5,
            unchanged = unchanged + ?6, rejected = rejected + ?7, warnings = warnings + ?8,
            skipped = skipped + ?9, moved = moved + ?10
        WHERE job_id = ?1 AND source = ?2",
        [
            job.into(),
            signed(source),
            signed(counters.read),
            signed(counters.inserted),
            signed(counters.updated),
            signed(counters.unchanged),
            signed(counters.rejected),
            signed(counters.warnings),
            signed(counters.skipped),
            signed(counters.moved),
        ],
    )
}

/// A statement that says that a source is done.
pub(crate) fn finish(job: i64, source: u64) -> Statement {
    let params: [Value; 3] = [job.into(), signed(source), now().into()];
    Statement::new(
        "UPDATE job_sources SET finished_at = ?3 WHERE job_id = ?1 AND source = ?2",
        params,
    )
}
