//! Which imports can be taken back, and once.

use super::UndoJob;
use crate::jobs::kind::Job as _;
use crate::store::jobs::{self, IdempotencyKey};
use crate::store::{StoreError, now};
use db_client::{DbClient, DbError, Rows as _};
use script_api::{Job, UndoCode};

/// Why an import is not taken back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UndoError {
    #[error("job {job} cannot be taken back: {why}")]
    NotUndoable { job: i64, why: String },
    #[error("job {job} cannot be taken back: {why}")]
    AlreadyUndone { job: i64, why: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for UndoError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// Refuses an import that cannot be taken back; what others changed is for the job to say.
pub(crate) fn check(job: &Job) -> Result<(), UndoError> {
    let id = job.id;
    let Some(undo) = &job.undo else {
        let why = "only imports can".to_owned();
        return Err(UndoError::NotUndoable { job: id, why });
    };
    let why = undo.reason.clone().unwrap_or_default();
    match undo.code {
        None | Some(UndoCode::ChangedSince) => Ok(()),
        Some(UndoCode::Undone | UndoCode::BeingUndone) => Err(UndoError::AlreadyUndone { job: id, why }),
        Some(UndoCode::NotFinished | UndoCode::NothingWritten | UndoCode::Expired) => {
            Err(UndoError::NotUndoable { job: id, why })
        }
    }
}

/// Puts `undo` into the queue, unless `limit` jobs wait there or another job takes the import back. A key that made a job
/// before gives that job; the flag says so.
pub(crate) async fn submit(
    db: &DbClient,
    undo: UndoJob,
    key: Option<&IdempotencyKey>,
    limit: u32,
) -> Result<(i64, bool), UndoError> {
    let request = serde_json::to_string(&undo).map_err(|error| StoreError::Internal(error.into()))?;
    let inserted = db
        .execute(
            "INSERT INTO jobs (kind, state, request, idempotency_key, fingerprint, created_at)
            SELECT ?1, 'queued', ?2, ?3, ?4, ?5
            WHERE (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?6
                AND NOT EXISTS (
                    SELECT 1 FROM jobs
                    WHERE state IN ('queued', 'running', 'interrupted') AND kind = ?1 AND request ->> '$.job' = ?7
                )
                AND (SELECT undone_by FROM jobs WHERE id = ?7) IS NULL
            RETURNING id",
            [
                UndoJob::NAME.into(),
                request.into(),
                key.map(|key| key.key.as_str()).into(),
                key.map(|key| key.fingerprint.as_str()).into(),
                now().into(),
                i64::from(limit).into(),
                undo.job.into(),
            ],
        )
        .await;
    match inserted {
        Ok(result) => {
            if let Some(id) = result.rows_as()?.pop() {
                return Ok((id, false));
            }
            // Whatever was not so when it was looked at is so by now.
            check(&jobs::get(db, undo.job).await?)?;
            Err(StoreError::QueueFull { limit }.into())
        }
        Err(error) => match key {
            // The same key came twice at once, and the other one was faster.
            Some(key) => match jobs::find_by_key(db, key).await? {
                Some(job) => Ok((job, true)),
                None => Err(error.into()),
            },
            None => Err(error.into()),
        },
    }
}
