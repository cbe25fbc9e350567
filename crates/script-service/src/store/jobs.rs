//! The rows of jobs in db-service.

use crate::error::ApiError;
use crate::params::positional;
use db_client::db_api::{ErrorCode, Params, QueryResult, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::{Counters, Job, JobKind, JobSource, JobState, Progress};
use serde_json::value::RawValue;
use service_kit::problem::Problem;

/// Columns of a job in the order in which [`job_of`] reads them.
const JOB_COLUMNS: &str = "id, kind, state, created_at, started_at, finished_at, cancel_requested_at, \
    cancelled_by, phase, bytes, bytes_total, records_total, read, inserted, updated, unchanged, rejected, \
    warnings, deleted, notes, request, result, error, revision, source_read, \
    (SELECT name FROM schedules WHERE schedules.id = jobs.schedule_id), occurrence";

/// A job to be put into the queue.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub kind: JobKind,
    /// Its arguments, as JSON.
    pub request: String,
    pub key: Option<IdempotencyKey>,
}

/// A key and what it was sent with.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey {
    pub key: String,
    pub fingerprint: String,
}

/// A job that this process has taken.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub id: i64,
    pub kind: JobKind,
    pub request: String,
    pub checkpoint: Checkpoint,
    pub cancel_requested: bool,
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

/// The time of now as jobs store it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Puts `submission` into the queue, unless `limit` jobs wait there. A key that made a job before gives
/// that job; the flag says so.
pub(crate) async fn submit(
    db: &DbClient,
    submission: &Submission,
    limit: u32,
) -> Result<(i64, bool), ApiError> {
    if let Some(key) = &submission.key
        && let Some(job) = find_by_key(db, key).await?
    {
        return Ok((job, true));
    }
    let (key, fingerprint) = match &submission.key {
        Some(key) => (Some(key.key.as_str()), Some(key.fingerprint.as_str())),
        None => (None, None),
    };
    let inserted = db
        .execute(
            "INSERT INTO jobs (kind, state, request, idempotency_key, fingerprint, created_at)
            SELECT ?1, 'queued', ?2, ?3, ?4, ?5
            WHERE (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?6
            RETURNING id",
            positional([
                submission.kind.as_str().into(),
                submission.request.as_str().into(),
                key.into(),
                fingerprint.into(),
                now().into(),
                i64::from(limit).into(),
            ]),
        )
        .await;
    match inserted {
        Ok(result) => match result.rows.first().and_then(|row| row[0].as_i64()) {
            Some(id) => Ok((id, false)),
            None => Err(ApiError::QueueFull { limit }),
        },
        Err(DbError::Refused(problem)) if problem.code == ErrorCode::ConstraintViolation => {
            // The same key came twice at once, and the other one was faster.
            let key = submission.key.as_ref();
            match key {
                Some(key) => match find_by_key(db, key).await? {
                    Some(job) => Ok((job, true)),
                    None => Err(DbError::Refused(problem).into()),
                },
                None => Err(DbError::Refused(problem).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses when `limit` jobs wait, before the bytes of another one are received.
pub(crate) async fn check_queue(db: &DbClient, limit: u32) -> Result<(), ApiError> {
    let waiting = db
        .query(
            "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')",
            positional([]),
        )
        .await?;
    let waiting = waiting.rows.first().and_then(|row| row[0].as_i64());
    if waiting.unwrap_or_default() < i64::from(limit) {
        Ok(())
    } else {
        Err(ApiError::QueueFull { limit })
    }
}

/// The job that `key` made before, if it did. Another request under the same key is an error.
pub(crate) async fn find_by_key(db: &DbClient, key: &IdempotencyKey) -> Result<Option<i64>, ApiError> {
    let result = db
        .query(
            "SELECT id, fingerprint FROM jobs WHERE idempotency_key = ?1",
            positional([key.key.as_str().into()]),
        )
        .await?;
    let Some(row) = result.rows.first() else {
        return Ok(None);
    };
    let job = row[0].as_i64().unwrap_or_default();
    if row[1].as_str() == Some(&key.fingerprint) {
        Ok(Some(job))
    } else {
        Err(ApiError::KeyReused { job })
    }
}

/// The job `id`, its sources included.
pub(crate) async fn get(db: &DbClient, id: i64) -> Result<Job, ApiError> {
    let result = db
        .query(
            &format!("SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?1"),
            positional([id.into()]),
        )
        .await?;
    let row = result.rows.first().ok_or_else(|| ApiError::NotFound {
        what: "job",
        id: id.to_string(),
    })?;
    let mut job = job_of(row).map_err(ApiError::Internal)?;
    job.sources = sources(db, id).await?;
    Ok(job)
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
    /// Only jobs that the schedule of this name made.
    pub schedule: Option<String>,
    /// Only jobs older than this one.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Jobs, newest first, without their sources.
pub(crate) async fn list(db: &DbClient, selection: &Selection) -> Result<Vec<Job>, ApiError> {
    let result = db
        .query(
            &format!(
                "SELECT {JOB_COLUMNS} FROM jobs
                WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR id < ?3)
                    AND (?5 IS NULL OR schedule_id = (SELECT id FROM schedules WHERE name = ?5))
                ORDER BY id DESC LIMIT ?4"
            ),
            positional([
                selection.state.map(JobState::as_str).into(),
                selection.kind.map(JobKind::as_str).into(),
                selection.before.into(),
                i64::from(selection.limit).into(),
                selection.schedule.clone().into(),
            ]),
        )
        .await?;
    jobs_of(&result)
}

/// The `recent` newest jobs and all that are not finished, newest first, without their sources.
pub(crate) async fn list_live(db: &DbClient, recent: u32) -> Result<Vec<Job>, ApiError> {
    let result = db
        .query(
            &format!(
                "SELECT {JOB_COLUMNS} FROM jobs
                WHERE id IN (SELECT id FROM jobs ORDER BY id DESC LIMIT ?1)
                    OR state IN ('queued', 'running', 'interrupted')
                ORDER BY id DESC"
            ),
            positional([i64::from(recent).into()]),
        )
        .await?;
    jobs_of(&result)
}

fn jobs_of(result: &QueryResult) -> Result<Vec<Job>, ApiError> {
    let jobs = result.rows.iter().map(|row| job_of(row));
    jobs.collect::<anyhow::Result<_>>().map_err(ApiError::Internal)
}

async fn sources(db: &DbClient, job: i64) -> Result<Vec<JobSource>, ApiError> {
    let result = db
        .query(
            "SELECT table_name, origin, digest, records, decisions, read, inserted, updated, unchanged,
                rejected, warnings, finished_at,
                (SELECT MAX(earlier.job_id) FROM job_sources AS earlier
                    JOIN jobs ON jobs.id = earlier.job_id
                    WHERE earlier.digest = job_sources.digest AND earlier.table_name = job_sources.table_name
                        AND earlier.job_id < job_sources.job_id
                        AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0
                        AND jobs.state IN ('succeeded', 'succeeded_with_rejects'))
            FROM job_sources WHERE job_id = ?1 ORDER BY source",
            positional([job.into()]),
        )
        .await?;
    Ok(result
        .rows
        .iter()
        .map(|row| JobSource {
            table: text(&row[0]).unwrap_or_default(),
            origin: text(&row[1]).unwrap_or_default(),
            digest: text(&row[2]),
            records: row[3].as_i64().map(i64::cast_unsigned),
            decisions: row[4].as_str().and_then(|json| serde_json::from_str(json).ok()),
            counters: counters_of(&row[5..11]),
            finished_at: text(&row[11]),
            same_content_as: row[12].as_i64(),
        })
        .collect())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn count(value: &Value) -> u64 {
    value.as_i64().unwrap_or_default().max(0).cast_unsigned()
}

fn counters_of(row: &[Value]) -> Counters {
    Counters {
        read: count(&row[0]),
        inserted: count(&row[1]),
        updated: count(&row[2]),
        unchanged: count(&row[3]),
        rejected: count(&row[4]),
        warnings: count(&row[5]),
    }
}

fn job_of(row: &[Value]) -> anyhow::Result<Job> {
    let raw = |value: &Value| -> anyhow::Result<Option<Box<RawValue>>> {
        value
            .as_str()
            .map(|json| RawValue::from_string(json.to_owned()))
            .transpose()
            .map_err(Into::into)
    };
    let name = |index: usize| row[index].as_str().unwrap_or_default();
    let state = JobState::parse(name(2)).ok_or_else(|| anyhow::anyhow!("unknown state `{}`", name(2)))?;
    let counters = counters_of(&row[12..18]);
    let rows_total = row[11].as_i64().map(i64::cast_unsigned);
    let done = matches!(state, JobState::Succeeded | JobState::SucceededWithRejects);
    let rows = rows_total.filter(|_| done).unwrap_or_else(|| count(&row[24]));
    let bytes = count(&row[9]);
    let bytes_total = row[10].as_i64().map(i64::cast_unsigned);
    let started_at = text(&row[4]);
    let finished_at = text(&row[5]);
    let percent = match (rows_total, bytes_total) {
        (Some(total), _) if total > 0 => Some((rows * 100 / total).min(100)),
        (_, Some(total)) if total > 0 => Some((bytes * 100 / total).min(100)),
        _ => None,
    };
    let rows_per_s = started_at.as_deref().and_then(|started| {
        let started: jiff::Timestamp = started.parse().ok()?;
        let ended = match &finished_at {
            Some(finished) => finished.parse().ok()?,
            None => jiff::Timestamp::now(),
        };
        let elapsed_ms = u64::try_from(ended.as_millisecond() - started.as_millisecond()).ok()?;
        (elapsed_ms > 0).then(|| counters.read * 1_000 / elapsed_ms)
    });
    Ok(Job {
        id: row[0].as_i64().unwrap_or_default(),
        kind: JobKind::parse(name(1)).ok_or_else(|| anyhow::anyhow!("unknown kind `{}`", name(1)))?,
        state,
        created_at: name(3).to_owned(),
        started_at,
        finished_at,
        cancel_requested_at: text(&row[6]),
        cancelled_by: text(&row[7]),
        progress: Progress {
            phase: text(&row[8]),
            bytes,
            bytes_total,
            rows,
            rows_total,
            rows_per_s,
            percent: if state.is_final() { None } else { percent },
        },
        counters,
        deleted: count(&row[18]),
        sources: Vec::new(),
        notes: serde_json::from_str(name(19)).unwrap_or_default(),
        request: raw(&row[20])?.unwrap_or_else(|| RawValue::NULL.to_owned()),
        result: raw(&row[21])?,
        error: raw(&row[22])?,
        schedule: text(&row[25]),
        occurrence: text(&row[26]),
        revision: row[23].as_i64().unwrap_or_default(),
    })
}

/// Marks running jobs whose process gave no sign of life as interrupted, and those of `owner` itself, which
/// runs none when it calls this.
pub(crate) async fn interrupt_abandoned(db: &DbClient, owner: &str) -> Result<u64, DbError> {
    let result = db
        .execute(
            "UPDATE jobs SET state = 'interrupted', revision = revision + 1
            WHERE state = 'running' AND (lease_until_ms < ?1 OR owner = ?2)",
            positional([now_ms().into(), owner.into()]),
        )
        .await?;
    Ok(result.rows_affected)
}

/// Takes the oldest job that waits, interrupted ones first.
pub(crate) async fn claim(db: &DbClient, owner: &str, lease_ms: u64) -> Result<Option<Claimed>, DbError> {
    let result = db
        .execute(
            "UPDATE jobs SET state = 'running', owner = ?1, lease_until_ms = ?2,
                started_at = COALESCE(started_at, ?3), revision = revision + 1
            WHERE id = (
                SELECT id FROM jobs WHERE state IN ('queued', 'interrupted')
                ORDER BY state = 'queued', id LIMIT 1
            )
            RETURNING id, kind, request, cancel_requested_at, source, source_read, batches, deleted, notes,
                read, inserted, updated, unchanged, rejected, warnings",
            positional([owner.into(), lease_until(lease_ms).into(), now().into()]),
        )
        .await?;
    Ok(result.rows.first().and_then(|row| {
        Some(Claimed {
            id: row[0].as_i64()?,
            kind: JobKind::parse(row[1].as_str()?)?,
            request: text(&row[2])?,
            cancel_requested: !row[3].is_null(),
            checkpoint: Checkpoint {
                source: count(&row[4]),
                source_read: count(&row[5]),
                batches: count(&row[6]),
                deleted: count(&row[7]),
                notes: row[8]
                    .as_str()
                    .and_then(|json| serde_json::from_str(json).ok())
                    .unwrap_or_default(),
                counters: counters_of(&row[9..15]),
            },
        })
    }))
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
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let result = db
        .execute(
            "UPDATE jobs SET lease_until_ms = ?3, phase = ?4, bytes = ?5, bytes_total = ?6,
                records_total = ?7,
                revision = revision + (phase IS NOT ?4 OR bytes IS NOT ?5 OR records_total IS NOT ?7)
            WHERE id = ?1 AND owner = ?2 AND state = 'running'
            RETURNING cancel_requested_at IS NOT NULL",
            positional([
                job.into(),
                owner.into(),
                lease_until(lease_ms).into(),
                progress.phase.clone().into(),
                signed(progress.bytes).into(),
                progress.bytes_total.map(signed).into(),
                progress.rows_total.map(signed).into(),
            ]),
        )
        .await?;
    Ok(match result.rows.first() {
        Some(row) => Beat::Ours {
            cancel_requested: row[0].as_i64() == Some(1),
        },
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
        positional([
            job.into(),
            owner.into(),
            ending.state.as_str().into(),
            now().into(),
            ending.result.clone().into(),
            error.into(),
        ]),
    );
    let mut statements = vec![finished];
    if nothing_is_left {
        statements.extend(nothing_left(job, &[ending.state]));
    }
    db.transaction(statements).await.map(drop)
}

/// Asks for the end of `job`. A job that waits ends at once; one that runs ends after its batch.
pub(crate) async fn cancel(db: &DbClient, job: i64, by: &str) -> Result<(), ApiError> {
    let result = db
        .execute(
            "UPDATE jobs SET
                cancel_requested_at = COALESCE(cancel_requested_at, ?2),
                cancelled_by = COALESCE(cancelled_by, ?3),
                state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
                finished_at = CASE WHEN state = 'queued' THEN ?2 ELSE finished_at END,
                revision = revision + 1
            WHERE id = ?1 AND state IN ('queued', 'running', 'interrupted')",
            positional([job.into(), now().into(), by.into()]),
        )
        .await?;
    if result.rows_affected > 0 {
        return Ok(());
    }
    let found = get(db, job).await?;
    if found.state == JobState::Cancelled {
        return Ok(());
    }
    Err(ApiError::Finished {
        job,
        state: found.state.as_str(),
    })
}

/// A count as SQLite has it.
fn signed(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A statement that fails unless `job` is where `checkpoint` says.
pub(crate) fn turn_statement(job: i64, checkpoint: &Checkpoint) -> Statement {
    Statement::new(
        "UPDATE jobs SET batches = NULL WHERE id = ?1 AND (batches, source, source_read) <> (?2, ?3, ?4)",
        positional([
            job.into(),
            signed(checkpoint.batches),
            signed(checkpoint.source),
            signed(checkpoint.source_read),
        ]),
    )
}

/// Takes a job back to where nothing was read. What it wrote stays: it is for jobs that only look.
pub(crate) async fn begin_again(db: &DbClient, job: i64, checkpoint: &mut Checkpoint) -> Result<(), DbError> {
    *checkpoint = Checkpoint {
        // The keys of batches count on: those that are known are not used again.
        batches: checkpoint.batches,
        ..Checkpoint::default()
    };
    db.transaction(vec![
        Statement::new(
            "DELETE FROM job_rejects WHERE job_id = ?1",
            positional([job.into()]),
        ),
        Statement::new(
            "UPDATE job_sources SET read = 0, inserted = 0, updated = 0, unchanged = 0, rejected = 0,
                warnings = 0, finished_at = NULL
            WHERE job_id = ?1",
            positional([job.into()]),
        ),
        checkpoint_statement(job, checkpoint),
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
        "UPDATE jobs SET inserted = 0, updated = 0, unchanged = 0, revision = revision + 1
        WHERE id = ?1 AND state IN (SELECT value FROM json_each(?2))",
        "UPDATE job_sources SET inserted = 0, updated = 0, unchanged = 0
        WHERE job_id = ?1
            AND (SELECT state FROM jobs WHERE id = ?1) IN (SELECT value FROM json_each(?2))",
    ]
    .map(|sql| Statement::new(sql, positional([job.into(), states.as_str().into()])))
}

/// A statement that says how many records `job` has read and rejected, which takes none.
pub(crate) fn read_statement(job: i64, counters: &Counters) -> Statement {
    Statement::new(
        "UPDATE jobs SET read = ?2, rejected = ?3, revision = revision + 1 WHERE id = ?1",
        positional([job.into(), signed(counters.read), signed(counters.rejected)]),
    )
}

/// Whether a batch was refused because another process wrote it, or one behind it: `turn_statement` did not find
/// the job where it was, or the same batch came before with other content.
pub(crate) fn is_overtaken(error: &DbError) -> bool {
    match error {
        DbError::Refused(problem) => match problem.code {
            ErrorCode::IdempotencyMismatch => true,
            ErrorCode::ConstraintViolation => problem.detail.ends_with("jobs.batches"),
            _ => false,
        },
        _ => false,
    }
}

/// A statement of the checkpoint's new state, to be part of a batch.
pub(crate) fn checkpoint_statement(job: i64, checkpoint: &Checkpoint) -> Statement {
    let counters = checkpoint.counters;
    Statement::new(
        "UPDATE jobs SET source = ?2, source_read = ?3, batches = ?4, read = ?5, inserted = ?6,
            updated = ?7, unchanged = ?8, rejected = ?9, warnings = ?10, deleted = ?11, notes = ?12,
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
        ]),
    )
}
