//! The runner: takes one job after the other, runs it, writes down how it ended. It knows kinds of jobs by the
//! registry that it is given.
//!
//! A running job has a lease that its process renews. A process that starts, or that finds a lease over,
//! marks the job `interrupted` and takes it up again from its checkpoint. db-service going away ends no job:
//! the runner waits until it is back.
//!
//! A job under which process after process dies is poison: it would end them all, for ever. After some deaths in the
//! same place it fails. A process runs one job at a time, so a death counts against the job that ran alone in it; a
//! process that is asked to stop gives its job back, and that counts against none.

use super::context::{JobContext, Signals, Stop, is_passing};
use super::kind::{AnyJob, Ended, Kind};
use super::lease;
use super::waits::Waits;
use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::error;
use crate::outages::Outage;
use crate::store::running_jobs::{self as store, Claimed, Ending};
use db_client::{DbClient, DbError};
use script_api::JobState;
use service_kit::problem::Problem;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{Instrument as _, error, info, info_span, warn};

/// How long the runner sleeps at most before it looks for jobs that other processes left.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// How often processes die under a job in the same place before it fails.
const MOST_DEATHS: u64 = 3;

/// Runs jobs until `stopping` says so.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub db: DbClient,
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    pub kinds: &'static [Kind],
    pub signals: Arc<Signals>,
    pub owner: String,
    pub stopping: watch::Receiver<bool>,
    /// Failures to look for jobs.
    pub outage: Outage,
    /// Failures in one place of a job, which goes on later.
    pub waiting: Outage,
    /// That place: the job, with how many batches.
    pub waits_at: Option<(i64, u64)>,
    /// What jobs wait for.
    pub waits: Arc<Waits>,
    /// A job that goes on after that time; others run meanwhile.
    pub resting: Option<(i64, Instant)>,
    /// Jobs whose end could not be kept: this process leaves them.
    pub abandoned: Vec<i64>,
}

/// Why `job` is not tried again.
fn died(job: &Claimed) -> Problem {
    let at = &job.checkpoint;
    error::of_job(
        "process_died",
        format!(
            "script-service died {} times while it ran this job in the same place, after record {} of source {}; the job \
             is not tried again. What was written before it stays. Look for memory that ran out, or try without what \
             comes next in that source",
            job.deaths,
            at.source_read,
            at.source + 1,
        ),
    )
}

/// A job that this process has, its request read.
struct Work {
    job: Claimed,
    context: JobContext,
    /// None when the stored request is not understood; the job fails then.
    asked: Option<Box<dyn AnyJob>>,
}

impl Runner {
    /// Takes one job after the other.
    pub(crate) async fn run(mut self) {
        while !*self.stopping.borrow() {
            match self.next().await {
                Ok(Some(job)) => {
                    self.outage.over();
                    let span = info_span!("job", id = job.id, kind = job.kind.as_str());
                    self.run_job(job).instrument(span).await;
                }
                Ok(None) => {
                    self.outage.over();
                    self.nap().await;
                }
                Err(error) => {
                    let pause = self.outage.failed(&error);
                    self.wait_for_database(pause).await;
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<Claimed>, DbError> {
        let interrupted = store::interrupt_abandoned(&self.db, &self.owner).await?;
        if interrupted > 0 {
            info!(
                jobs = interrupted,
                "{interrupted} jobs were interrupted and go on"
            );
        }
        let resting = self.resting.filter(|(_, until)| *until > Instant::now());
        let but: Vec<i64> = self
            .abandoned
            .iter()
            .copied()
            .chain(resting.map(|(job, _)| job))
            .collect();
        store::claim(&self.db, &self.owner, self.config.job_lease_ms, &but).await
    }

    async fn nap(&mut self) {
        let rest = self
            .resting
            .map(|(_, until)| until.saturating_duration_since(Instant::now()));
        let nap = rest
            .filter(|rest| !rest.is_zero())
            .map_or(LONGEST_NAP, |rest| rest.min(LONGEST_NAP));
        tokio::select! {
            () = self.signals.until_submitted() => {}
            () = tokio::time::sleep(nap) => {}
            _ = self.stopping.changed() => {}
        }
    }

    /// Waits for `pause`, then until db-service is ready: it may be ready and answer errors all the same.
    async fn wait_for_database(&mut self, pause: Duration) {
        let ready = async {
            tokio::time::sleep(pause).await;
            self.db.wait_until_ready().await;
        };
        tokio::select! {
            () = ready => {}
            _ = self.stopping.changed() => {}
        }
    }

    async fn run_job(&mut self, job: Claimed) {
        info!("job {} begins", job.id);
        let (work, parsed) = self.prepare(job);
        work.context.changed();
        let heartbeat = tokio::spawn(lease::keep(work.context.clone(), self.owner.clone()));
        let outcome = match (&work.asked, parsed) {
            _ if work.job.deaths >= MOST_DEATHS => Err(Stop::Failed(died(&work.job))),
            (Some(asked), Ok(())) => match work.context.check_stop() {
                Ok(()) => asked.run(&work.context).await,
                Err(stop) => Err(stop),
            },
            (_, parsed) => Err(Stop::Broken(
                parsed
                    .err()
                    .unwrap_or_else(|| anyhow::anyhow!("its kind is unknown")),
            )),
        };
        heartbeat.abort();
        if !matches!(outcome, Err(Stop::Database(_))) {
            self.waits.over(work.job.id);
        }
        let ending = match outcome {
            Ok(Ended { state, result }) => Some(Ending {
                state,
                result: Some(result),
                error: None,
            }),
            Err(stop) => self.stopped(&work, stop).await,
        };
        if let Some(ending) = ending {
            self.end(&work, &ending).await;
        }
    }

    /// What `job` needs to run. `Err` says why its request is not understood.
    fn prepare(&self, job: Claimed) -> (Work, anyhow::Result<()>) {
        let context = JobContext {
            job: job.id,
            db: self.db.clone(),
            config: Arc::clone(&self.config),
            catalog: Arc::clone(&self.catalog),
            progress: Arc::default(),
            checkpoint: job.checkpoint.clone(),
            signals: Arc::clone(&self.signals),
            cancel: Arc::new(AtomicBool::new(job.cancel_requested)),
            lost: Arc::default(),
            stopping: self.stopping.clone(),
        };
        let kind = self.kinds.iter().find(|kind| kind.name == job.kind.as_str());
        let (asked, parsed) = match kind.map(|kind| kind.stored(&job.request)).transpose() {
            Ok(asked) => (asked, Ok(())),
            Err(error) => (None, Err(error.into())),
        };
        let work = Work { job, context, asked };
        (work, parsed)
    }

    /// How a job ends that stopped early; none when it goes on later, here or in another process.
    async fn stopped(&mut self, work: &Work, stop: Stop) -> Option<Ending> {
        let id = work.job.id;
        match stop {
            Stop::Failed(problem) => {
                info!("job {id} failed: {problem}");
                Some(Ending::failed(problem))
            }
            Stop::Cancelled => self.cancelled(work).await,
            Stop::Broken(cause) => {
                error!("job {id} failed: {cause:#}");
                Some(Ending::failed(error::of_job("internal", format!("{cause:#}"))))
            }
            Stop::ShuttingDown => {
                // The lease of this process is given up, so the next one need not wait for its end.
                if let Err(error) = store::interrupt_abandoned(&self.db, &self.owner).await {
                    warn!("job {id} stays marked as running: {error}");
                }
                None
            }
            Stop::Lost => {
                warn!("job {id} was taken up by another process");
                None
            }
            Stop::Database(error) => {
                self.rest(&work.job, &error).await;
                None
            }
        }
    }

    /// Lets `job` rest before it goes on from where it failed with `error`: the longer, the more often it failed there.
    /// When it did so for too long, it is given up until somebody resumes it.
    async fn rest(&mut self, job: &Claimed, error: &DbError) {
        let pause = self.next_pause(job, error);
        let patience = Duration::from_secs(self.config.job_patience_s);
        let (id, batches) = (job.id, job.checkpoint.batches);
        let waited = self.waits.failed(id, batches, error.to_string(), patience);
        if waited >= patience && self.give_up(job, error).await {
            return;
        }
        self.resting = Some((id, Instant::now() + pause));
        self.signals.changed(id);
    }

    /// Leaves `job` until somebody resumes it; whether that could be written down.
    async fn give_up(&mut self, job: &Claimed, error: &DbError) -> bool {
        let detail = format!(
            "db-service failed the job in the same place for {} s (--job-patience-s): {error}. What is written before it \
             stays; POST /jobs/{}/resume goes on from there",
            self.config.job_patience_s, job.id
        );
        let why = error::of_job("waited_too_long", detail);
        match store::give_up(&self.db, job.id, &self.owner, &why).await {
            Ok(()) => {
                error!("job {} is given up until it is resumed: {error}", job.id);
                self.waits.over(job.id);
                self.waiting.over();
                self.signals.changed(job.id);
                true
            }
            Err(error) => {
                warn!("job {} cannot be given up yet: {error}", job.id);
                false
            }
        }
    }

    /// Waits before the end of `job`, which failed with `error`, is tried again.
    async fn pause_at(&mut self, job: &Claimed, error: &DbError) {
        let pause = self.next_pause(job, error);
        self.wait_for_database(pause).await;
    }

    fn next_pause(&mut self, job: &Claimed, error: &DbError) -> Duration {
        let place = Some((job.id, job.checkpoint.batches));
        if self.waits_at != place {
            self.waiting.over();
            self.waits_at = place;
        }
        self.waiting
            .failed(&format_args!("db-service failed job {}: {error}", job.id))
    }

    /// Takes back what a cancelled job wrote, if it asked for that; how it ends then.
    async fn cancelled(&mut self, work: &Work) -> Option<Ending> {
        let taken_back = match &work.asked {
            Some(asked) => asked.take_back(&work.context).await,
            None => Ok(None),
        };
        match taken_back {
            Ok(result) => Some(Ending {
                state: JobState::Cancelled,
                result,
                error: None,
            }),
            Err(error) if is_passing(&error) => {
                // The request to cancel is in the job's row: whoever takes it up takes back what is left.
                self.pause_at(&work.job, &error).await;
                None
            }
            Err(error) => Some(Ending::failed(error::of_job(
                "rollback_failed",
                format!("the job was cancelled, but what it wrote could not be taken back: {error}"),
            ))),
        }
    }

    /// Writes down how a job ended, however long db-service is away, and drops what it no longer needs.
    async fn end(&mut self, work: &Work, ending: &Ending) {
        let job = &work.job;
        let unfinished = matches!(ending.state, JobState::Failed | JobState::Cancelled);
        let nothing_is_left =
            unfinished && work.asked.as_ref().is_some_and(|asked| asked.is_all_or_nothing());
        let mut kept = Cow::Borrowed(ending);
        let began = Instant::now();
        let patience = Duration::from_secs(self.config.job_patience_s);
        while let Err(error) = store::finish(&self.db, job.id, &self.owner, &kept, nothing_is_left).await {
            if *self.stopping.borrow() {
                error!("the end of job {} could not be kept: {error}", job.id);
                return;
            }
            if is_passing(&error) && began.elapsed() < patience {
                self.pause_at(job, &error).await;
            } else if matches!(kept, Cow::Borrowed(_)) {
                // What it found cannot be kept; that it ended can.
                error!("the end of job {} could not be kept: {error}", job.id);
                let detail = format!("the job was done, but how it ended could not be kept: {error}");
                kept = Cow::Owned(Ending::failed(error::of_job("end_not_kept", detail)));
            } else {
                error!("job {} is left as it is: {error}", job.id);
                if !self.give_up(job, &error).await {
                    self.abandoned.push(job.id);
                }
                return;
            }
        }
        let ending = kept.as_ref();
        self.waiting.over();
        info!(state = %ending.state, "job {} ended: {}", job.id, ending.state);
        // Who waits for the end need not wait for the cleaning up.
        self.signals.changed(job.id);
        if let Some(asked) = &work.asked
            && let Err(error) = asked.clean_up(&work.context).await
        {
            warn!("what job {} no longer needs is left over: {error}", job.id);
        }
    }
}
