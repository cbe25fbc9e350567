//! Jobs as callers see them: the queue, one job, lists, the request to cancel.

use super::{StoreError, job_sources, now};
use crate::secrets::requests;
use db_client::db_api::{ErrorCode, Params};
use db_client::{DbClient, DbError, Rows as _, json_text};
use script_api::{
    AlreadyThere, Counters, Created, Job, JobKind, JobState, Progress, Undo, UndoCode, Waiting,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The columns of a job, as [`JobRow`] has them.
const JOB_COLUMNS: &str = "id, kind, state, created_at, started_at, finished_at, cancel_requested_at, \
    cancelled_by, phase, bytes, bytes_total, records_total, read, inserted, updated, moved, unchanged, rejected, skipped, \
    warnings, deleted, notes, request, result, error, revision, source_read, \
    (SELECT json_group_array(json_object('job', NULLIF(of_job, 0), 'lines', lines)) FROM ( \
        SELECT of_job, SUM(lines) AS lines FROM job_overlaps WHERE job_overlaps.job_id = jobs.id \
        GROUP BY of_job ORDER BY of_job)) AS already, \
    rejects_dropped_at, reject_text_dropped_at, given_up_at, \
    created_products, created_stores, undone_by, undo_dropped, \
    kind = 'import' AND COALESCE(request ->> '$.dry_run', 0) AS is_dry_run, \
    (SELECT MAX(undo.id) FROM jobs AS undo WHERE undo.state IN ('queued', 'running', 'interrupted') \
        AND undo.kind = 'undo' AND undo.request ->> '$.job' = jobs.id) AS being_undone_by, \
    EXISTS (SELECT 1 FROM sales_changed_since WHERE sales_changed_since.job_id = jobs.id) AS is_changed_by_hand, \
    (SELECT MIN(job_undo.job_id) FROM job_undo \
        WHERE of_job = jobs.id AND table_name = 'sales' AND job_undo.job_id <> jobs.id) AS changed_by, \
    (SELECT name FROM schedules WHERE schedules.id = jobs.schedule_id) AS schedule, occurrence";

/// A job to be put into the queue.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub kind: &'static str,
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

/// Puts `submission` into the queue, unless `limit` jobs wait there. A key that made a job before gives
/// that job; the flag says so.
pub(crate) async fn submit(
    db: &DbClient,
    submission: &Submission,
    limit: u32,
) -> Result<(i64, bool), StoreError> {
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
            [
                submission.kind.into(),
                submission.request.as_str().into(),
                key.into(),
                fingerprint.into(),
                now().into(),
                i64::from(limit).into(),
            ],
        )
        .await;
    match inserted {
        Ok(result) => match result.rows_as()?.pop() {
            Some(id) => Ok((id, false)),
            None => Err(StoreError::QueueFull { limit }),
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
pub(crate) async fn check_queue(db: &DbClient, limit: u32) -> Result<(), StoreError> {
    let waiting: Option<u32> = db
        .first_row(
            "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')",
            Params::default(),
        )
        .await?;
    if waiting.unwrap_or_default() < limit {
        Ok(())
    } else {
        Err(StoreError::QueueFull { limit })
    }
}

/// The job that `key` made before, if it did. Another request under the same key is an error.
pub(crate) async fn find_by_key(db: &DbClient, key: &IdempotencyKey) -> Result<Option<i64>, StoreError> {
    let made: Option<(i64, Option<String>)> = db
        .first_row(
            "SELECT id, fingerprint FROM jobs WHERE idempotency_key = ?1",
            [key.key.as_str().into()],
        )
        .await?;
    match made {
        None => Ok(None),
        Some((job, fingerprint)) if fingerprint.as_ref() == Some(&key.fingerprint) => Ok(Some(job)),
        Some((job, _)) => Err(StoreError::KeyReused { job }),
    }
}

/// Whether `key` made a job before.
pub(crate) async fn key_is_known(db: &DbClient, key: &str) -> Result<bool, DbError> {
    let made: Option<i64> = db
        .first_row("SELECT id FROM jobs WHERE idempotency_key = ?1", [key.into()])
        .await?;
    Ok(made.is_some())
}

/// The job `id`, its sources included.
pub(crate) async fn get(db: &DbClient, id: i64) -> Result<Job, StoreError> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?1");
    let row: Option<JobRow> = db.first_row(&sql, [id.into()]).await?;
    let mut job = Job::try_from(row.ok_or_else(|| StoreError::NotFound {
        what: "job",
        id: id.to_string(),
    })?)?;
    job.sources = job_sources::list(db, id).await?;
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
pub(crate) async fn list(db: &DbClient, selection: &Selection) -> Result<Vec<Job>, StoreError> {
    let rows: Vec<JobRow> = db
        .rows(
            &format!(
                "SELECT {JOB_COLUMNS} FROM jobs
                WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR id < ?3)
                    AND (?5 IS NULL OR schedule_id = (SELECT id FROM schedules WHERE name = ?5))
                ORDER BY id DESC LIMIT ?4"
            ),
            [
                selection.state.map(JobState::as_str).into(),
                selection.kind.map(JobKind::as_str).into(),
                selection.before.into(),
                i64::from(selection.limit).into(),
                selection.schedule.clone().into(),
            ],
        )
        .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// The `recent` newest jobs and all that are not finished, newest first, without their sources.
pub(crate) async fn list_live(db: &DbClient, recent: u32) -> Result<Vec<Job>, StoreError> {
    let rows: Vec<JobRow> = db
        .rows(
            &format!(
                "SELECT {JOB_COLUMNS} FROM jobs
                WHERE id IN (SELECT id FROM jobs ORDER BY id DESC LIMIT ?1)
                    OR state IN ('queued', 'running', 'interrupted')
                ORDER BY id DESC"
            ),
            [i64::from(recent).into()],
        )
        .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// Asks for the end of `job`. A job that waits ends at once; one that runs ends after its batch.
pub(crate) async fn cancel(db: &DbClient, job: i64, by: &str) -> Result<(), StoreError> {
    let result = db
        .execute(
            "UPDATE jobs SET
                cancel_requested_at = COALESCE(cancel_requested_at, ?2),
                cancelled_by = COALESCE(cancelled_by, ?3),
                state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
                given_up_at = NULL,
                finished_at = CASE WHEN state = 'queued' THEN ?2 ELSE finished_at END,
                revision = revision + 1
            WHERE id = ?1 AND state IN ('queued', 'running', 'interrupted')
                -- What is half taken back would be neither.
                AND (kind <> 'undo' OR state = 'queued')",
            [job.into(), now().into(), by.into()],
        )
        .await?;
    if result.rows_affected > 0 {
        return Ok(());
    }
    let found = get(db, job).await?;
    if found.state == JobState::Cancelled {
        return Ok(());
    }
    if !found.state.is_final() {
        return Err(StoreError::NotCancellable { job });
    }
    Err(StoreError::Finished {
        job,
        state: found.state.as_str(),
    })
}

/// Lets a job that was given up go on. An error when it was not.
pub(crate) async fn resume(db: &DbClient, job: i64) -> Result<(), StoreError> {
    let result = db
        .execute(
            "UPDATE jobs SET given_up_at = NULL, error = NULL, revision = revision + 1
            WHERE id = ?1 AND state = 'interrupted' AND given_up_at IS NOT NULL",
            [job.into()],
        )
        .await?;
    if result.rows_affected > 0 {
        return Ok(());
    }
    let found = get(db, job).await?;
    Err(StoreError::NotResumable {
        job,
        state: found.state.as_str(),
    })
}

/// A row of `jobs`.
#[derive(Debug, Deserialize)]
struct JobRow {
    id: i64,
    kind: JobKind,
    state: JobState,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    cancel_requested_at: Option<String>,
    cancelled_by: Option<String>,
    phase: Option<String>,
    bytes: u64,
    bytes_total: Option<u64>,
    records_total: Option<u64>,
    #[serde(flatten)]
    counters: Counters,
    deleted: u64,
    created_products: u64,
    created_stores: u64,
    #[serde(deserialize_with = "json_text")]
    already: Vec<AlreadyThere>,
    rejects_dropped_at: Option<String>,
    reject_text_dropped_at: Option<String>,
    given_up_at: Option<String>,
    #[serde(deserialize_with = "json_text")]
    notes: Vec<String>,
    request: String,
    result: Option<String>,
    error: Option<String>,
    revision: i64,
    source_read: u64,
    undone_by: Option<i64>,
    being_undone_by: Option<i64>,
    undo_dropped: bool,
    is_dry_run: bool,
    is_changed_by_hand: bool,
    changed_by: Option<i64>,
    schedule: Option<String>,
    occurrence: Option<String>,
}

impl TryFrom<JobRow> for Job {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        let raw =
            |json: String| RawValue::from_string(json).map_err(|error| StoreError::Internal(error.into()));
        Ok(Self {
            id: row.id,
            kind: row.kind,
            state: row.state,
            progress: progress_of(&row),
            undo: undo_of(&row),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            cancel_requested_at: row.cancel_requested_at,
            cancelled_by: row.cancelled_by,
            counters: row.counters,
            deleted: row.deleted,
            already: row.already,
            rejects_dropped_at: row.rejects_dropped_at,
            reject_text_dropped_at: row.reject_text_dropped_at,
            waiting: row.given_up_at.map(|at| Waiting {
                since: at,
                because: "db-service failed for too long; `error` says how".to_owned(),
                until: None,
            }),
            created: Created {
                products: row.created_products,
                stores: row.created_stores,
            },
            sources: Vec::new(),
            notes: row.notes,
            request: raw(requests::shown(row.request))?,
            result: row.result.map(raw).transpose()?,
            error: row.error.map(raw).transpose()?,
            schedule: row.schedule,
            occurrence: row.occurrence,
            revision: row.revision,
        })
    }
}

/// Whether an import can be taken back; until when is for others to say.
fn undo_of(row: &JobRow) -> Option<Undo> {
    if row.kind != JobKind::Import {
        return None;
    }
    let Counters {
        inserted, updated, ..
    } = row.counters;
    let written = inserted + updated + row.deleted + row.created_products + row.created_stores;
    let why = if !row.state.is_final() {
        Some((UndoCode::NotFinished, "it has not ended".to_owned()))
    } else if let Some(by) = row.undone_by {
        Some((UndoCode::Undone, format!("job {by} took it back")))
    } else if let Some(by) = row.being_undone_by {
        Some((UndoCode::BeingUndone, format!("job {by} takes it back")))
    } else if written == 0 || row.is_dry_run {
        Some((UndoCode::NothingWritten, "it wrote nothing".to_owned()))
    } else if row.undo_dropped {
        let reason = "what it replaced is no longer kept (--keep-undo-days, --keep-undo)";
        Some((UndoCode::Expired, reason.to_owned()))
    } else if row.is_changed_by_hand {
        let reason = "some of its rows were changed by SQL since; the others can be taken back";
        Some((UndoCode::ChangedSince, reason.to_owned()))
    } else {
        row.changed_by.map(|by| {
            let reason = format!(
                "job {by} changed or replaced some of its rows since; take that back first, or only the others"
            );
            (UndoCode::ChangedSince, reason)
        })
    };
    let (code, reason) = why.unzip();
    Some(Undo {
        possible: code.is_none(),
        code,
        reason,
        until: None,
        by_job: row.undone_by.or(row.being_undone_by),
    })
}

fn progress_of(row: &JobRow) -> Progress {
    let is_done = matches!(row.state, JobState::Succeeded | JobState::SucceededWithRejects);
    let rows = row.records_total.filter(|_| is_done).unwrap_or(row.source_read);
    let percent = match (row.records_total, row.bytes_total) {
        (Some(total), _) if total > 0 => Some((rows * 100 / total).min(100)),
        (_, Some(total)) if total > 0 => Some((row.bytes * 100 / total).min(100)),
        _ => None,
    };
    let rows_per_s = row.started_at.as_deref().and_then(|started| {
        let started: jiff::Timestamp = started.parse().ok()?;
        let ended = match &row.finished_at {
            Some(finished) => finished.parse().ok()?,
            None => jiff::Timestamp::now(),
        };
        let elapsed_ms = u64::try_from(ended.as_millisecond() - started.as_millisecond()).ok()?;
        (elapsed_ms > 0).then(|| row.counters.read * 1_000 / elapsed_ms)
    });
    Progress {
        phase: row.phase.clone(),
        bytes: row.bytes,
        bytes_total: row.bytes_total,
        rows,
        rows_total: row.records_total,
        rows_per_s,
        percent: percent.filter(|_| !row.state.is_final()),
    }
}
