//! Following a job to its end.

use crate::{ScriptClient, ScriptError};
use script_api::Job;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// How often the service is asked how far a job is: soon at first, so that a small file does not wait.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// And then ever more seldom, up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What is seen of a job that is followed.
#[derive(Debug)]
pub enum Sight<'a> {
    /// The job as it is now.
    Job(&'a Job),
    /// The service gives no answer; it is waited for.
    Silence {
        /// Whether it answered the time before.
        is_new: bool,
        /// What it failed with.
        why: &'a ScriptError,
    },
}

impl ScriptClient {
    /// Waits for the end of `job`, and shows `seen` every look at it. A service that is away is waited for up to
    /// [`Limits::patience`](crate::Limits::patience), and the log says so once.
    ///
    /// # Errors
    ///
    /// When the service stays away, or refuses to tell of the job.
    pub async fn follow(&self, mut job: Job, mut seen: impl FnMut(Sight<'_>)) -> Result<Job, ScriptError> {
        let patience = self.limits().patience;
        let mut pause = FIRST_PAUSE;
        let mut silent: Option<Instant> = None;
        while !job.state.is_final() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.job(job.id).await {
                Ok(now) => {
                    job = now;
                    silent = None;
                    seen(Sight::Job(&job));
                }
                Err(why) if why.is_retryable() => {
                    let is_new = silent.is_none();
                    if is_new {
                        warn!(job = job.id, "waiting for script-service: {why}");
                    }
                    if silent.get_or_insert_with(Instant::now).elapsed() >= patience {
                        return Err(why);
                    }
                    seen(Sight::Silence { is_new, why: &why });
                }
                Err(why) => return Err(why),
            }
        }
        Ok(job)
    }

    /// Asks for the end of job `id` in the name of `by`, again while the service is away, up to
    /// [`Limits::patience`](crate::Limits::patience). A job that has ended meanwhile needs no asking.
    pub async fn cancel_surely(&self, id: i64, by: &str) -> Result<(), ScriptError> {
        let patience = self.limits().patience;
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.cancel(id, by).await {
                Err(error) if error.is_retryable() && began.elapsed() < patience => {}
                // A refusal: it ended before.
                Ok(()) | Err(ScriptError::Refused(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
