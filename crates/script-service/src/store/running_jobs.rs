//! Jobs as the process sees them that runs them: lease, checkpoint, end.

use super::{now, now_ms, signed};
use db_client::db_api::{ErrorCode, Params, Statement, Value};
use db_client::{DbClient, DbError, Rows as _, json_text};
use script_api::{Counters, JobKind, JobState, Progress};
use serde::Deserialize;
use service_kit::problem::Problem;

/// A job that this process has taken.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub id: i64,
    pub kind: JobKind,
    pub request: String,
    pub checkpoint: Checkpoint,
    pub cancel_requested: bool,
    /// How often in a row a process died while the job was where it is.
    pub deaths: u64,
}

/// How far an import is: what a process needs to go on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Checkpoint {
    /// The source being read; the first is 0.
    pub source: u64,
    /// Records of it that are done.
    pub source_read: u64,
    /// Batches written.
    pub batches: u64,
    /// Totals over all sources.
    pub counters: Counters,
    pub deleted: u64,
    pub notes: Vec<String>,
}

/// Marks running jobs whose process gave no sign of life as interrupted, and those of `owner` itself, which
/// runs none when it calls this. The former are taken to have died, and deaths in the same place are counted.
pub(crate) async fn interrupt_abandoned(db: &DbClient, owner: &str) -> Result<u64, DbError> {
    let result = db
        .execute(
            "UPDATE jobs SET state = 'interrupted', revision = revision + 1,
                deaths = CASE
                    WHEN owner = ?2 THEN deaths
                    WHEN died_at = source || ':' || source_read THEN deaths + 1
                    ELSE 1
                END,
                died_at = CASE WHEN owner = ?2 THEN died_at ELSE source || ':' || source_read END
            WHERE state = 'running' AND (lease_until_ms < ?1 OR owner = ?2)",
            [now_ms().into(), owner.into()],
        )
        .await?;
    Ok(result.rows_affected)
}

/// Takes the oldest job that waits, interrupted ones first; none of `but`.
pub(crate) async fn claim(
    db: &DbClient,
    owner: &str,
    lease_ms: u64,
    but: &[i64],
) -> Result<Option<Claimed>, DbError> {
    let result = db
        .execute(
            "UPDATE jobs SET state = 'running', owner = ?1, lease_until_ms = ?2,
                started_at = COALESCE(started_at, ?3), revision = revision + 1
            WHERE id = (
                SELECT id FROM jobs WHERE state IN ('queued', 'interrupted') AND given_up_at IS NULL AND id NOT IN (SELECT value FROM json_each(?4))
                    -- What is taken back may not be what an import finds there meanwhile.
                    AND NOT (kind = 'undo' AND EXISTS (
                        SELECT 1 FROM jobs AS other
                        WHERE other.state IN ('running', 'interrupted') AND other.kind = 'import'
                            AND other.given_up_at IS NULL
                    ))
                    AND NOT (kind = 'import' AND EXISTS (
                        SELECT 1 FROM jobs AS other WHERE other.state = 'running' AND other.kind = 'undo'
                    ))
                ORDER BY state = 'queued', id LIMIT 1
            )
            RETURNING id, kind, request, cancel_requested_at, source, source_read, batches, deleted, notes,
                IIF(died_at = source || ':' || source_read, deaths, 0) AS deaths,
                read, inserted, updated, moved, unchanged, rejected, skipped, warnings",
            [owner.into(), lease_until(lease_ms).into(), now().into(), serde_json::to_string(but).unwrap_or_default().into()],
        )
        .await?;
    Ok(result.rows_as::<ClaimedRow>()?.pop().map(Claimed::from))
}

/// A row of `jobs` that was claimed.
#[derive(Debug, Deserialize)]
struct ClaimedRow {
    id: i64,
    kind: JobKind,
    request: String,
    cancel_requested_at: Option<String>,
    source: u64,
    source_read: u64,
    batches: u64,
    deleted: u64,
    deaths: u64,
    #[serde(deserialize_with = "json_text")]
    notes: Vec<String>,
    #[serde(flatten)]
    counters: Counters,
}

impl From<ClaimedRow> for Claimed {
    fn from(row: ClaimedRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            request: row.request,
            cancel_requested: row.cancel_requested_at.is_some(),
            deaths: row.deaths,
            checkpoint: Checkpoint {
                source: row.source,
                source_read: row.source_read,
                batches: row.batches,
                deleted: row.deleted,
                notes: row.notes,
                counters: row.counters,
            },
        }
    }
}

fn lease_until(lease_ms: u64) -> i64 {
    now_ms().saturating_add(i64::try_from(lease_ms).unwrap_or(i64::MAX))
}

/// What a sign of life found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The job is this process's.
    Ours { cancel_requested: bool },
    /// Another process has it.
    Lost,
}

/// A sign of life of the process that runs `job`, with its progress.
pub(crate) async fn beat(
    db: &DbClient,
    job: i64,
    owner: &str,
    lease_ms: u64,
    progress: &Progress,
) -> Result<Beat, DbError> {
    let result = db
        .execute(
            "UPDATE jobs SET lease_until_ms = ?3, phase = ?4, bytes = ?5, bytes_total = ?6,
                records_total = ?7,
                revision = revision + (phase IS NOT ?4 OR bytes IS NOT ?5 OR records_total IS NOT ?7)
            WHERE id = ?1 AND owner = ?2 AND state = 'running'
            RETURNING cancel_requested_at IS NOT NULL AS cancel_requested",
            [
                job.into(),
                owner.into(),
                lease_until(lease_ms).into(),
                progress.phase.clone().into(),
                signed(progress.bytes),
                progress.bytes_total.map_or(Value::Null, signed),
                progress.rows_total.map_or(Value::Null, signed),
            ],
        )
        .await?;
    Ok(match result.rows_as()?.pop() {
        Some(cancel_requested) => Beat::Ours { cancel_requested },
        None => Beat::Lost,
    })
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub state: JobState,
    pub result: Option<String>,
    pub error: Option<Problem>,
}

impl Ending {
    /// It failed, as `problem` says.
    pub(crate) fn failed(problem: Problem) -> Self {
        Self {
            state: JobState::Failed,
            result: None,
            error: Some(problem),
        }
    }
}

/// Ends `job`, unless another process has it by now. With `nothing_is_left`, nothing of what it read is in the
/// tables.
pub(crate) async fn finish(
    db: &DbClient,
    job: i64,
    owner: &str,
    ending: &Ending,
    nothing_is_left: bool,
) -> Result<(), DbError> {
    let error = ending.error.clone().map(|problem| {
        let problem = problem.with("instance", format!("/jobs/{job}"));
        problem.to_json().to_string()
    });
    let finished = Statement::new(
        "UPDATE jobs SET state = ?3, finished_at = ?4, result = ?5, error = ?6, phase = NULL,
            lease_until_ms = NULL, revision = revision + 1
        WHERE id = ?1 AND owner = ?2 AND state = 'running'",
        [
            job.into(),
            owner.into(),
            ending.state.as_str().into(),
            now().into(),
            ending.result.clone().into(),
            error.into(),
        ],
    );
    let mut statements = vec![finished];
    if nothing_is_left {
        statements.extend(nothing_left(job, &[ending.state]));
    }
    db.transaction(statements).await.map(drop)
}

/// Leaves `job` of `owner` until somebody resumes it; `why` says what it waited for.
pub(crate) async fn give_up(db: &DbClient, job: i64, owner: &str, why: &Problem) -> Result<(), DbError> {
    let why = why.clone().with("instance", format!("/jobs/{job}"));
    db.execute(
        "UPDATE jobs SET state = 'interrupted', given_up_at = ?3, error = ?4, lease_until_ms = NULL, phase = NULL,
            revision = revision + 1
        WHERE id = ?1 AND state IN ('running', 'interrupted') AND owner = ?2",
        [job.into(), owner.into(), now().into(), why.to_json().to_string().into()],
    )
    .await
    .map(drop)
}

/// A statement that changes nothing and is refused unless `job` is where `checkpoint` says.
pub(crate) fn turn(job: i64, checkpoint: &Checkpoint) -> Statement {
    Statement::new(
        "UPDATE jobs SET batches = batches
        WHERE id = ?1 AND batches = ?2 AND source = ?3 AND source_read = ?4",
        [
            job.into(),
            signed(checkpoint.batches),
            signed(checkpoint.source),
            signed(checkpoint.source_read),
        ],
    )
    .must_change(1)
}

/// Takes a job back to where nothing was read. What it wrote stays: it is for jobs that only look.
pub(crate) async fn begin_again(db: &DbClient, job: i64, checkpoint: &mut Checkpoint) -> Result<(), DbError> {
    *checkpoint = Checkpoint {
        // The keys of batches count on: those that are known are not used again.
        batches: checkpoint.batches,
        ..Checkpoint::default()
    };
    db.transaction(vec![
        Statement::new("DELETE FROM job_rejects WHERE job_id = ?1", [job.into()]),
        Statement::new("DELETE FROM job_overlaps WHERE job_id = ?1", [job.into()]),
        Statement::new(
            "UPDATE job_sources SET read = 0, inserted = 0, updated = 0, moved = 0, unchanged = 0, rejected = 0, skipped = 0,
                warnings = 0, finished_at = NULL
            WHERE job_id = ?1",
            [job.into()],
        ),
        self::checkpoint(job, checkpoint),
    ])
    .await
    .map(drop)
}

/// Statements that say of `job`, if it is in one of `states`, and of its sources that nothing of what they read is
/// in the tables: only what was read and rejected still counts.
pub(crate) fn nothing_left(job: i64, states: &[JobState]) -> [Statement; 2] {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let states = serde_json::to_string(&states).unwrap_or_default();
    [
        "UPDATE jobs SET inserted = 0, updated = 0, moved = 0, unchanged = 0, revision = revision + 1
        WHERE id = ?1 AND state IN (SELECT value FROM json_each(?2))",
        "UPDATE job_sources SET inserted = 0, updated = 0, moved = 0, unchanged = 0
        WHERE job_id = ?1
            AND (SELECT state FROM jobs WHERE id = ?1) IN (SELECT value FROM json_each(?2))",
    ]
    .map(|sql| Statement::new(sql, [job.into(), states.as_str().into()]))
}

/// Statements that say of a running `job` that nothing of what it wrote is in the tables.
pub(crate) fn taken_back(job: i64) -> Vec<Statement> {
    let made = Statement::new(
        "UPDATE jobs SET created_products = (SELECT COUNT(*) FROM products WHERE made_by_job = ?1),
            created_stores = (SELECT COUNT(*) FROM stores WHERE made_by_job = ?1), revision = revision + 1
        WHERE id = ?1",
        [job.into()],
    );
    nothing_left(job, &[JobState::Running])
        .into_iter()
        .chain([made])
        .collect()
}

/// A statement that says how many records `job` has read and rejected, which takes none.
pub(crate) fn set_read(job: i64, counters: &Counters) -> Statement {
    Statement::new(
        "UPDATE jobs SET read = ?2, rejected = ?3, revision = revision + 1 WHERE id = ?1",
        [job.into(), signed(counters.read), signed(counters.rejected)],
    )
}

/// Whether a batch was refused because another process wrote it, or one behind it: `turn` did not find
/// the job where it was, or the same batch came before with other content.
pub(crate) fn is_overtaken(error: &DbError) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::PreconditionFailed | ErrorCode::IdempotencyMismatch)
    )
}

/// A statement of the checkpoint's new state, to be part of a batch.
pub(crate) fn checkpoint(job: i64, checkpoint: &Checkpoint) -> Statement {
    let counters = checkpoint.counters;
    Statement::new(
        "UPDATE jobs SET source = ?2, source_read = ?3, batches = ?4, read = ?5, inserted = ?6,
            updated = ?7, unchanged = ?8, rejected = ?9, warnings = ?10, deleted = ?11, notes = ?12, skipped = ?13, moved = ?14,
            revision = revision + 1
        WHERE id = ?1",
        Params::Positional(vec![
            job.into(),
            signed(checkpoint.source),
            signed(checkpoint.source_read),
            signed(checkpoint.batches),
            signed(counters.read),
            signed(counters.inserted),
            signed(counters.updated),
            signed(counters.unchanged),
            signed(counters.rejected),
            signed(counters.warnings),
            signed(checkpoint.deleted),
            serde_json::to_string(&checkpoint.notes)
                .unwrap_or_else(|_| "[]".into())
                .into(),
            signed(counters.skipped),
            signed(counters.moved),
        ]),
    )
}
