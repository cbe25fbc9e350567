//! Taking back what a cancelled import wrote, for imports that ask for it (`on_cancel: rollback`): as an undo job does,
//! but for what others changed meanwhile.

use crate::store::running_jobs;
use crate::store::undo::take_back;
use db_client::{DbClient, DbError};

/// Puts back everything that `job` changed, and takes away what it added. Returns how many rows that were.
pub(super) async fn roll_back(db: &DbClient, job: i64) -> Result<u64, DbError> {
    take_back::take_back(db, job, job, true, &[]).await?;
    take_back::take_away_lists(db, job, job).await?;
    let undone = take_back::result(db, job).await?;
    db.transaction(running_jobs::taken_back(job)).await?;
    Ok(undone.rows())
}
