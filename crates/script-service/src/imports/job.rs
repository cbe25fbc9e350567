//! Imports as jobs.

use super::{request, run, undo};
use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::jobs::context::{JobContext, Stop};
use crate::jobs::kind::{Ended, Job};
use crate::store::{staged_sales, uploads};
use db_client::DbError;
use script_api::{Counters, ImportRequest, JobState, Mode, OnCancel};
use service_kit::validation::{Fault, Faults};
use tracing::info;

impl Job for ImportRequest {
    const NAME: &'static str = "import";

    fn faults(&self, _catalog: &Catalog) -> Faults {
        request::faults(self)
    }

    fn not_set_by_callers(&self) -> Faults {
        request::not_set_by_callers(self)
    }

    fn not_repeatable(&self) -> Faults {
        let mut faults = Faults::default();
        if self.mode == Mode::Append {
            faults.push(Fault::at(
                "/mode",
                "`append` would add the same rows with every job; upsert, insert_new, replace_period and \
                 replace_all leave the same rows however often they are run",
            ));
        }
        faults
    }

    /// One without sources takes what the data folder has now.
    fn at_submission(mut self, config: &Config) -> Self {
        if self.sources.is_empty() {
            self.sources = request::configured_sources(&config.data);
        }
        self
    }

    async fn run(&self, context: &JobContext) -> Result<Ended, Stop> {
        let counters = match run::run(context, self).await {
            Ok(counters) => counters,
            // A question that the last lines left open: nothing of the lines before them stays.
            Err(Stop::Failed(problem)) if problem.code == "question_open" && !self.dry_run => {
                undo::roll_back(&context.db, context.job).await?;
                return Err(Stop::Failed(problem));
            }
            Err(stop) => return Err(stop),
        };
        Ok(Ended {
            state: if counters.rejected > 0 {
                JobState::SucceededWithRejects
            } else {
                JobState::Succeeded
            },
            result: result(&counters, self.dry_run),
        })
    }

    fn is_all_or_nothing(&self) -> bool {
        self.mode.replaces()
    }

    async fn take_back(&self, context: &JobContext) -> Result<Option<String>, DbError> {
        if self.on_cancel != OnCancel::Rollback || self.dry_run {
            return Ok(None);
        }
        let rows = undo::roll_back(&context.db, context.job).await?;
        info!(rows, "took back {rows} rows of job {}", context.job);
        Ok(Some(serde_json::json!({ "rolled_back": rows }).to_string()))
    }

    async fn clean_up(&self, context: &JobContext) -> Result<(), DbError> {
        let (db, job) = (&context.db, context.job);
        uploads::delete_of_job(db, job).await?;
        staged_sales::forget(db, job).await
    }
}

fn result(counters: &Counters, dry_run: bool) -> String {
    let mut result = serde_json::to_value(counters).unwrap_or_default();
    result["dry_run"] = dry_run.into();
    result.to_string()
}
