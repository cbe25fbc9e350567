//! Waiting for a job: for its number, then for its end. Ctrl-C cancels it, and a service that is away is waited for.

use crate::interrupts::{Interrupted, Interrupts};
use crate::progress::ProgressLine;
use script_client::script_api::Job;
use script_client::{ScriptClient, ScriptError, Sight};
use std::cell::{Cell, RefCell};
use tokio::sync::Notify;

/// Waits for `submission`, which makes a job, and which Ctrl-C ends before `is_sent` says that the service has all
/// of it. After that the job is to be cancelled, so its number is waited for until Ctrl-C is pressed again.
///
/// # Errors
///
/// [`Interrupted`], and what `submission` fails with.
pub(super) async fn submitted(
    interrupts: &mut Interrupts,
    is_sent: impl Fn() -> bool,
    submission: impl Future<Output = anyhow::Result<Job>>,
) -> anyhow::Result<Job> {
    tokio::pin!(submission);
    loop {
        let presses = tokio::select! {
            job = &mut submission => return job,
            presses = interrupts.next() => presses,
        };
        let why = if !is_sent() {
            "interrupted before all of it was sent: nothing was imported"
        } else if presses > 1 {
            "interrupted before script-service answered: it may have made a job all the same; GET /jobs lists them"
        } else {
            continue;
        };
        return Err(Interrupted(why.to_owned()).into());
    }
}

/// Waits for the end of `job`; `show` puts each state of it on the progress.
///
/// Ctrl-C asks the service to cancel it, in the name of `by`, and the waiting goes on; pressed again, it ends the
/// waiting. A service that is away is waited for as long as the client has patience.
///
/// # Errors
///
/// [`Interrupted`]; [`ScriptError`] when the service stays away; both say what becomes of the job.
pub(super) async fn follow(
    client: &ScriptClient,
    job: Job,
    interrupts: &mut Interrupts,
    by: &str,
    progress: ProgressLine,
    show: impl Fn(&Job, &mut ProgressLine),
) -> anyhow::Result<Job> {
    let id = job.id;
    let following = Following {
        progress: RefCell::new(progress),
        patience_s: client.limits().patience.as_secs(),
        cancelling: Cell::new(Cancelling::No),
        wanted: Notify::new(),
    };
    let end = client.follow(job, |sight| following.see(&sight, &show));
    let cancel = async {
        following.wanted.notified().await;
        if client.cancel_surely(id, by).await.is_ok() {
            following.cancelling.set(Cancelling::Asked);
        }
        // If the service stays away, that ends the waiting for the job.
        std::future::pending::<()>().await;
    };
    tokio::pin!(end, cancel);
    let mut presses = interrupts.presses();
    loop {
        if presses > 1 {
            return Err(following.left(id).into());
        }
        if presses == 1 {
            following.cancel(id);
        }
        presses = tokio::select! {
            job = &mut end => return job.map_err(|error| following.given_up(id, error)),
            () = &mut cancel => presses,
            presses = interrupts.next() => presses,
        };
    }
}

/// How far the cancelling of a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    /// Nobody wants it.
    No,
    /// The service is to be asked.
    Wanted,
    /// The service knows.
    Asked,
}

struct Following {
    progress: RefCell<ProgressLine>,
    patience_s: u64,
    cancelling: Cell<Cancelling>,
    /// The job is to be cancelled.
    wanted: Notify,
}

impl Following {
    fn cancel(&self, id: i64) {
        if self.cancelling.get() == Cancelling::No {
            self.tell(&format!(
                "cancelling job {id}; press Ctrl-C again to leave it to itself"
            ));
            self.cancelling.set(Cancelling::Wanted);
            self.wanted.notify_one();
        }
    }

    fn left(&self, id: i64) -> Interrupted {
        Interrupted(match self.cancelling.get() {
            Cancelling::Asked => format!("left job {id}, which is being cancelled"),
            Cancelling::No | Cancelling::Wanted => {
                format!("left job {id}, which may go on: script-service did not say that it is cancelled")
            }
        })
    }

    fn tell(&self, line: &str) {
        self.progress.borrow().tell(line);
    }

    /// Puts what is seen of the job on the progress.
    fn see(&self, sight: &Sight<'_>, show: impl Fn(&Job, &mut ProgressLine)) {
        match sight {
            Sight::Job(job) if self.cancelling.get() == Cancelling::No => {
                show(job, &mut self.progress.borrow_mut());
            }
            Sight::Job(_) => self.stand("Cancelling"),
            Sight::Silence { is_new, .. } => {
                if *is_new {
                    self.tell(&format!(
                        "script-service does not answer; waiting for it up to {} s",
                        self.patience_s
                    ));
                }
                self.stand("Waiting for script-service");
            }
        }
    }

    fn stand(&self, what: &str) {
        let mut progress = self.progress.borrow_mut();
        progress.say(what);
        progress.stand();
    }

    fn given_up(&self, id: i64, error: ScriptError) -> anyhow::Error {
        let context = if error.is_retryable() {
            format!(
                "no answer for {} s; job {id} goes on by itself once script-service runs, and GET /jobs/{id} says \
                 what becomes of it",
                self.patience_s
            )
        } else {
            format!("job {id} cannot be followed any further")
        };
        anyhow::Error::from(error).context(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::progress::Unit;
    use serde_json::json;
    use tokio::time::Instant;

    fn job(state: &str) -> Job {
        fixtures::job(&json!({"state": state}))
    }

    /// A service that is never there.
    fn away() -> ScriptClient {
        ScriptClient::new("http://127.0.0.1:9").unwrap()
    }

    async fn followed(interrupts: &mut Interrupts) -> anyhow::Result<Job> {
        let progress = ProgressLine::start("Importing", Unit::Rows);
        follow(&away(), job("running"), interrupts, "test", progress, |_, _| {}).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_stays_away_is_given_up_and_the_job_is_named() {
        let began = Instant::now();

        let given_up = followed(&mut Interrupts::pressed(0)).await.unwrap_err();

        assert!(began.elapsed() >= away().limits().patience);
        assert!(
            format!("{given_up:#}").contains("job 7 goes on by itself"),
            "{given_up:#}"
        );
        let cause = given_up.downcast_ref::<ScriptError>();
        assert!(
            matches!(cause, Some(ScriptError::Unreachable { .. })),
            "{given_up:#}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_nobody_could_cancel_may_go_on() {
        let left = followed(&mut Interrupts::pressed(2)).await.unwrap_err();

        assert_eq!(
            left.downcast_ref::<Interrupted>().unwrap().to_string(),
            "left job 7, which may go on: script-service did not say that it is cancelled"
        );
    }

    #[tokio::test]
    async fn an_upload_ends_with_ctrl_c_and_nothing_was_imported() {
        let never = std::future::pending::<anyhow::Result<Job>>();
        let mut interrupts = Interrupts::waiting_to_be_pressed(1);

        let ended = submitted(&mut interrupts, || false, never).await.unwrap_err();

        assert!(ended.is::<Interrupted>());
        assert!(ended.to_string().contains("nothing was imported"), "{ended}");
    }

    #[tokio::test]
    async fn a_file_that_is_sent_is_waited_for_until_ctrl_c_is_pressed_again() {
        let answer = async {
            tokio::task::yield_now().await;
            Ok(job("queued"))
        };
        let mut once = Interrupts::waiting_to_be_pressed(1);
        let made = submitted(&mut once, || true, answer).await.unwrap();
        assert_eq!((made.id, once.presses()), (7, 1));

        let never = std::future::pending::<anyhow::Result<Job>>();
        let mut twice = Interrupts::waiting_to_be_pressed(2);
        let left = submitted(&mut twice, || true, never).await.unwrap_err();
        assert!(left.to_string().contains("it may have made a job"), "{left}");
    }
}
