//! Which imports can be taken back, and once.

use super::UndoJob;
use crate::jobs::kind::Job as _;
use crate::store::jobs::{self, IdempotencyKey};
use crate::store::{self, StoreError};
use db_client::{DbClient, DbError};
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
    let inserted = store::undo::submission::insert(db, UndoJob::NAME, &request, undo.job, key, limit).await;
    match inserted {
        Ok(Some(id)) => Ok((id, false)),
        Ok(None) => {
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
