//! Waiting for a job: for its number, then for its end. Ctrl-C cancels it, and a service that is away is waited for.

use crate::interrupts::{Interrupted, Interrupts};
use crate::progress::Progress;
use crate::script_client::{Job, PATIENCE, ScriptClient, ScriptError};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How often the service is asked how far it is: soon at first, so that a small file does not wait.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// And then ever more seldom, up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

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
/// waiting. A service that is away is waited for up to [`PATIENCE`].
///
/// # Errors
///
/// [`Interrupted`]; [`ScriptError`] when the service stays away; both say what becomes of the job.
pub(super) async fn follow(
    client: &ScriptClient,
    job: Job,
    interrupts: &mut Interrupts,
    by: &str,
    progress: Progress,
    show: impl Fn(&Job, &mut Progress),
) -> anyhow::Result<Job> {
    let id = job.id;
    let following = Following {
        client,
        by,
        progress: RefCell::new(progress),
        cancelling: Cell::new(Cancelling::No),
        wake: Notify::new(),
    };
    let end = following.until_the_end(job, show);
    tokio::pin!(end);
    let mut presses = interrupts.presses();
    loop {
        if presses > 1 {
            return Err(following.left(id).into());
        }
        if presses == 1 {
            following.cancel(id);
        }
        presses = tokio::select! {
            job = &mut end => return job,
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

struct Following<'a> {
    client: &'a ScriptClient,
    by: &'a str,
    progress: RefCell<Progress>,
    cancelling: Cell<Cancelling>,
    /// There is something to do before the pause is over.
    wake: Notify,
}

impl Following<'_> {
    fn cancel(&self, id: i64) {
        if self.cancelling.get() == Cancelling::No {
            self.tell(&format!(
                "cancelling job {id}; press Ctrl-C again to leave it to itself"
            ));
            self.cancelling.set(Cancelling::Wanted);
            self.wake.notify_one();
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

    async fn until_the_end(&self, mut job: Job, show: impl Fn(&Job, &mut Progress)) -> anyhow::Result<Job> {
        let mut pause = FIRST_PAUSE;
        let mut silent: Option<Instant> = None;
        while !job.is_finished() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            let looked = self.look(job.id).await;
            match looked {
                Ok(now) => {
                    job = now;
                    silent = None;
                    let mut progress = self.progress.borrow_mut();
                    if self.cancelling.get() == Cancelling::No {
                        show(&job, &mut progress);
                    } else {
                        progress.say("Cancelling");
                        progress.stand();
                    }
                }
                Err(error) if error.may_pass() => {
                    let silent = *silent.get_or_insert_with(|| {
                        self.tell(&format!(
                            "script-service gives no answer; waiting for it up to {} s",
                            PATIENCE.as_secs()
                        ));
                        Instant::now()
                    });
                    if silent.elapsed() >= PATIENCE {
                        return Err(anyhow::Error::from(error).context(format!(
                            "no answer for {} s; job {} goes on by itself once script-service runs, and GET /jobs/{} \
                             says what becomes of it",
                            PATIENCE.as_secs(),
                            job.id,
                            job.id
                        )));
                    }
                    let mut progress = self.progress.borrow_mut();
                    progress.say("Waiting for script-service");
                    progress.stand();
                }
                Err(error) => anyhow::bail!("job {} cannot be followed any further: {error}", job.id),
            }
        }
        Ok(job)
    }

    /// The job as it is now, after the service was asked to cancel it if that is wanted.
    async fn look(&self, id: i64) -> Result<Job, ScriptError> {
        if self.cancelling.get() == Cancelling::Wanted {
            match self.client.cancel_job(id, self.by).await {
                Err(error) if error.may_pass() => return Err(error),
                // It ended before.
                Ok(()) | Err(ScriptError::Refused(_)) => self.cancelling.set(Cancelling::Asked),
                Err(error) => return Err(error),
            }
        }
        self.client.get_job(id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Unit;
    use serde_json::json;

    fn job(state: &str) -> Job {
        serde_json::from_value(json!({"id": 7, "state": state})).unwrap()
    }

    /// A service that is never there.
    fn away() -> ScriptClient {
        ScriptClient::new("http://127.0.0.1:9").unwrap()
    }

    async fn followed(interrupts: &mut Interrupts) -> anyhow::Result<Job> {
        let progress = Progress::start("Importing", Unit::Rows);
        follow(&away(), job("running"), interrupts, "test", progress, |_, _| {}).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_stays_away_is_given_up_and_the_job_is_named() {
        let began = Instant::now();

        let given_up = followed(&mut Interrupts::pressed(0)).await.unwrap_err();

        assert!(began.elapsed() >= PATIENCE);
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
