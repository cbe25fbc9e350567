//! Records that imports did not take, and which of them were replayed.

use super::signed;
use db_client::db_api::{Params, QueryRequest, Statement, Value};
use db_client::{DbClient, DbError, Rows as _};
use script_api::{RejectGroup, RejectedRecord};
use serde::Deserialize;

/// The condition on a row of `job_rejects` that a job has it that wrote something, or still may.
const IS_REPLAYED: &str = "replayed_by IS NOT NULL AND EXISTS (
    SELECT 1 FROM jobs WHERE jobs.id = replayed_by
        AND (state NOT IN ('failed', 'cancelled') OR inserted + updated + unchanged > 0)
)";

/// The places in parameter 2, a JSON list of source and record.
const CHOSEN: &str = "(SELECT value ->> 0, value ->> 1 FROM json_each(?2))";

/// A reject to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewReject<'a> {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
    pub raw: &'a str,
    pub column: Option<&'static str>,
    pub value: Option<&'a str>,
    pub code: &'static str,
    pub message: &'a str,
}

/// A statement that keeps `rejects` of a source; none when there are none. Keeping them twice keeps them once.
pub(crate) fn insert<'a>(
    job: i64,
    source: u64,
    rejects: impl Iterator<Item = NewReject<'a>>,
) -> Option<Statement> {
    let rows: Vec<Params> = rejects
        .map(|reject| {
            Params::Positional(vec![
                job.into(),
                signed(source),
                signed(reject.record),
                signed(reject.line),
                signed(reject.byte_offset),
                reject.raw.into(),
                reject.column.into(),
                reject.value.into(),
                reject.code.into(),
                reject.message.into(),
            ])
        })
        .collect();
    (!rows.is_empty()).then(|| Statement {
        sql: "INSERT INTO job_rejects
                (job_id, source, record, line, byte_offset, raw, column_name, value, code, message)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT DO NOTHING"
            .to_owned(),
        params_many: Some(rows),
        ..Statement::default()
    })
}

/// A page of the rejects of `job`, in the order of sources and records: those behind source and record of `after`.
pub(crate) async fn page(
    db: &DbClient,
    job: i64,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<RejectedRecord>, DbError> {
    let params: [Value; 4] = [job.into(), after.0.into(), after.1.into(), limit.into()];
    let page = db
        .query_request(&QueryRequest {
            sql: "SELECT job_rejects.source AS source, origin, line, record, byte_offset, raw,
                    column_name AS \"column\", value, code, message, replayed_by
                FROM job_rejects
                JOIN job_sources ON job_sources.job_id = job_rejects.job_id AND job_sources.source = job_rejects.source
                WHERE job_rejects.job_id = ?1 AND (job_rejects.source, record) > (?2, ?3)
                ORDER BY job_rejects.source, record LIMIT ?4"
                .to_owned(),
            params: params.into(),
            ..QueryRequest::default()
        })
        .await?;
    page.rows_as()
}

/// The rejects of `job`, those of a kind together, the most frequent first.
pub(crate) async fn groups(db: &DbClient, job: i64) -> Result<Vec<RejectGroup>, DbError> {
    // Beside MIN(line), SQLite takes the other columns from the row that has the least line.
    db.rows(
        "SELECT source, code, column_name AS \"column\", COUNT(*) AS records, MIN(line) AS first_line, message
        FROM job_rejects WHERE job_id = ?1
        GROUP BY source, code, column_name
        ORDER BY records DESC, source, first_line, code, column_name",
        [job.into()],
    )
    .await
}

/// A reject that may be replayed.
#[derive(Debug, Deserialize)]
pub(crate) struct KeptReject {
    pub source: i64,
    pub record: i64,
    pub raw: String,
    pub column_name: Option<String>,
    pub value: Option<String>,
    pub code: String,
    pub is_replayed: bool,
}

/// A page of the rejects of `job` with what a replay needs to know: those behind source and record of `after`.
pub(crate) async fn page_to_replay(
    db: &DbClient,
    job: i64,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<KeptReject>, DbError> {
    let params: [Value; 4] = [job.into(), after.0.into(), after.1.into(), limit.into()];
    let page = db
        .query_request(&QueryRequest {
            sql: format!(
                "SELECT source, record, raw, column_name, value, code, {IS_REPLAYED} AS is_replayed
                FROM job_rejects WHERE job_id = ?1 AND (source, record) > (?2, ?3)
                ORDER BY source, record LIMIT ?4"
            ),
            params: params.into(),
            ..QueryRequest::default()
        })
        .await?;
    page.rows_as()
}

/// The import that replays rejects.
#[derive(Debug)]
pub(crate) struct NewReplay<'a> {
    /// The job whose rejects they are.
    pub of: i64,
    /// Source and record of each.
    pub places: &'a [(i64, i64)],
    /// Its arguments and its notes, as JSON.
    pub request: &'a str,
    pub notes: &'a str,
    /// Takes rejects that were replayed before too.
    pub again: bool,
    /// Changes nothing, so the rejects are not noted with it.
    pub dry_run: bool,
}

/// Puts a replay into the queue and notes it with its rejects, in one transaction; its id. None when `limit` jobs wait,
/// or when rejects were replayed meanwhile.
pub(crate) async fn insert_replay(
    db: &DbClient,
    replay: &NewReplay<'_>,
    key: Option<&super::jobs::IdempotencyKey>,
    limit: u32,
) -> Result<Option<i64>, DbError> {
    let places = serde_json::to_string(replay.places).unwrap_or_default();
    let insert = Statement::new(
        format!(
            "INSERT INTO jobs (kind, state, request, idempotency_key, fingerprint, created_at, notes)
            SELECT 'import', 'queued', ?3, ?4, ?5, ?6, ?7
            WHERE (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?8
                AND (?9 OR NOT EXISTS (
                    SELECT 1 FROM job_rejects
                    WHERE job_id = ?1 AND (source, record) IN {CHOSEN} AND {IS_REPLAYED}
                ))
            RETURNING id"
        ),
        [
            replay.of.into(),
            places.as_str().into(),
            replay.request.into(),
            key.map(|key| key.key.as_str()).into(),
            key.map(|key| key.fingerprint.as_str()).into(),
            super::now().into(),
            replay.notes.into(),
            i64::from(limit).into(),
            i64::from(replay.again).into(),
        ],
    );
    // The request names an upload that nothing else has, so it finds the job.
    let mark = Statement::new(
        format!(
            "UPDATE job_rejects SET replayed_by = made.id
            FROM (SELECT MAX(id) AS id FROM jobs WHERE request = ?3 AND kind = 'import') AS made
            WHERE made.id IS NOT NULL AND job_id = ?1 AND (source, record) IN {CHOSEN}"
        ),
        [replay.of.into(), places.into(), replay.request.into()],
    );
    let mut statements = vec![insert];
    if !replay.dry_run {
        statements.push(mark);
    }
    let made = db.transaction(statements).await?.into_iter().next();
    Ok(made
        .map(db_client::Rows::rows_as)
        .transpose()?
        .and_then(|mut ids| ids.pop()))
}

/// Whether none of the rejects of `job` at `places` has been replayed by now.
pub(crate) async fn are_free(db: &DbClient, job: i64, places: &[(i64, i64)]) -> Result<bool, DbError> {
    let places = serde_json::to_string(places).unwrap_or_default();
    let sql = format!(
        "SELECT record FROM job_rejects
        WHERE job_id = ?1 AND (source, record) IN {CHOSEN} AND {IS_REPLAYED} LIMIT 1"
    );
    let replayed: Option<i64> = db.first_row(&sql, [job.into(), places.into()]).await?;
    Ok(replayed.is_none())
}
