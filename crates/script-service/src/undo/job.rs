//! The job that takes an import back.

use crate::analyses::catalog::Catalog;
use crate::error;
use crate::jobs::context::{JobContext, Stop};
use crate::jobs::kind::{Ended, Job};
use crate::store::overlaps;
use crate::store::undo::{conflicts, take_back};
use db_client::db_api::ErrorCode;
use db_client::{DbClient, DbError};
use script_api::{UndoConflict, UndoRequest};
use serde::{Deserialize, Serialize};
use service_kit::validation::{Fault, Faults};
use tracing::info;

/// What an undo job is asked to do.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct UndoJob {
    /// The import.
    pub job: i64,
    #[serde(flatten)]
    pub request: UndoRequest,
}

impl Job for UndoJob {
    const NAME: &'static str = "undo";

    fn faults(&self, _catalog: &Catalog) -> Faults {
        Faults::default()
    }

    fn not_repeatable(&self) -> Faults {
        Fault::at("/job", "an import is taken back once").into()
    }

    /// Takes the import back. A job that is taken up again finds what is done, and goes on behind it.
    async fn run(&self, context: &JobContext) -> Result<Ended, Stop> {
        let (db, by, of) = (&context.db, context.job, self.job);
        let mut left = Vec::new();
        if !take_back::is_begun(db, by, of).await? {
            context.progress.begin("checking", None);
            left = conflicts::find(db, of).await?;
            if !left.is_empty() && !self.request.partial {
                return Err(changed_since(of, &left));
            }
            context.check_stop()?;
            context.progress.begin("undoing", None);
            if let Err(error) = take_back::take_back(db, by, of, self.request.partial, &left).await {
                return Err(self.refused(db, error).await);
            }
        }
        context.progress.begin("undoing", None);
        take_back::take_away_lists(db, by, of).await?;
        take_back::say_relying(db, by, &overlaps::relying_on(db, of).await?).await?;
        context.changed_other(of);
        let undone = take_back::result(db, by).await?;
        let rows = undone.rows();
        info!(rows, left = left.len(), "took back {rows} rows of job {of}");
        Ok(Ended::whole(serde_json::to_string(&undone).unwrap_or_default()))
    }
}

impl UndoJob {
    /// Why nothing was taken back: somebody was faster, or what is there now does not go together with it.
    async fn refused(&self, db: &DbClient, error: DbError) -> Stop {
        match error.code() {
            Some(ErrorCode::PreconditionFailed) => match conflicts::find(db, self.job).await {
                Ok(found) if !found.is_empty() && !self.request.partial => changed_since(self.job, &found),
                Ok(_) => {
                    let detail = format!(
                        "job {} was taken back, or what it replaced dropped, meanwhile",
                        self.job
                    );
                    Stop::Failed(error::of_job("not_undoable", detail))
                }
                Err(error) => error.into(),
            },
            Some(ErrorCode::ConstraintViolation) => {
                let detail = format!(
                    "what was there before job {} does not go together with what is there now: {error}",
                    self.job
                );
                Stop::Failed(error::of_job("not_undoable", detail))
            }
            _ => error.into(),
        }
    }
}

/// Nothing was taken back, as `found` would not be.
fn changed_since(job: i64, found: &[UndoConflict]) -> Stop {
    let what: Vec<String> = found.iter().map(ToString::to_string).collect();
    let detail = format!(
        "nothing of job {job} was taken back: {}. `partial` leaves these and takes the others back",
        what.join("; ")
    );
    Stop::Failed(
        error::of_job("changed_since", detail)
            .with("conflicts", serde_json::to_value(found).unwrap_or_default()),
    )
}
