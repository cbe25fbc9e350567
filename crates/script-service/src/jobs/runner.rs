//! The runner: takes one job after the other, runs it, writes down how it ended.
//!
//! A running job has a lease that its process renews. A process that starts, or that finds a lease over,
//! marks the job `interrupted` and takes it up again from its checkpoint. db-service going away ends no job:
//! the runner waits until it is back.

use crate::analyses::catalog::Catalog;
use crate::analyses::job as analysis;
use crate::config::Config;
use crate::error::ApiError;
use crate::forecasts::job as forecast;
use crate::forecasts::request::ForecastRequest;
use crate::jobs::import;
use crate::jobs::store::{self, Beat, Claimed, Ending};
use crate::jobs::{replace, source, undo};
use db_client::db_api::ErrorCode;
use db_client::{DbClient, DbError};
use script_api::{AnalysisRequest, ImportRequest, JobKind, JobState, OnCancel, Progress};
use service_kit::problem::Problem;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tracing::{Instrument as _, error, info, info_span, warn};

/// How long the runner sleeps at most before it looks for jobs that other processes left.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// How often a job goes on after db-service took too long in the same place.
const MOST_TIMEOUTS: u32 = 3;

/// What requests and the runner tell each other.
#[derive(Debug)]
pub(crate) struct Signals {
    /// A job waits.
    submitted: Notify,
    /// The id of a job that changed.
    changes: broadcast::Sender<i64>,
    /// Ids of jobs whose end was asked for in this process.
    cancelled: Mutex<Vec<i64>>,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            submitted: Notify::new(),
            changes: broadcast::channel(256).0,
            cancelled: Mutex::default(),
        }
    }

    /// Says that `job` waits.
    pub(crate) fn submitted(&self, job: i64) {
        self.submitted.notify_one();
        self.changed(job);
    }

    /// Says that `job` changed.
    pub(crate) fn changed(&self, job: i64) {
        let _ = self.changes.send(job); // nobody listening is fine
    }

    /// Says that the end of `job` was asked for.
    pub(crate) fn cancelled(&self, job: i64) {
        self.cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(job);
        self.changed(job);
    }

    /// The ids of jobs that change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<i64> {
        self.changes.subscribe()
    }

    fn take_cancelled(&self, job: i64) -> bool {
        let mut cancelled = self.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        let before = cancelled.len();
        cancelled.retain(|id| *id != job);
        cancelled.len() < before
    }
}

/// How far the running job is; written by it, read by its heartbeat.
#[derive(Debug, Default)]
pub(crate) struct ProgressCell {
    phase: Mutex<Option<Cow<'static, str>>>,
    pub bytes: Arc<AtomicU64>,
    bytes_total: AtomicU64,
    /// One more than the number, 0 for none.
    rows_total: AtomicU64,
}

impl ProgressCell {
    /// A new phase begins.
    pub(crate) fn begin(&self, phase: impl Into<Cow<'static, str>>, rows_total: Option<u64>) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(phase.into());
        self.rows_total
            .store(rows_total.map_or(0, |rows| rows + 1), Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// The current source has so many bytes.
    pub(crate) fn set_bytes_total(&self, bytes: u64) {
        self.bytes_total.store(bytes, Ordering::Relaxed);
    }

    fn snapshot(&self) -> Progress {
        let total = self.bytes_total.load(Ordering::Relaxed);
        Progress {
            phase: self
                .phase
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_deref()
                .map(str::to_owned),
            bytes: self.bytes.load(Ordering::Relaxed).min(total),
            bytes_total: (total > 0).then_some(total),
            rows_total: self.rows_total.load(Ordering::Relaxed).checked_sub(1),
            ..Progress::default()
        }
    }
}

/// What a job has while it runs.
#[derive(Debug, Clone)]
pub(crate) struct JobContext {
    pub job: i64,
    pub db: DbClient,
    pub config: Arc<Config>,
    pub progress: Arc<ProgressCell>,
    signals: Arc<Signals>,
    cancel: Arc<AtomicBool>,
    lost: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
}

impl JobContext {
    /// Whether the job has to stop here.
    pub(crate) fn check_stop(&self) -> Result<(), Stop> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Stop::Lost);
        }
        if self.cancel.load(Ordering::Relaxed) || self.signals.take_cancelled(self.job) {
            return Err(Stop::Cancelled);
        }
        if *self.stopping.borrow() {
            return Err(Stop::ShuttingDown);
        }
        Ok(())
    }

    /// Waits until the job has to stop: for work that cannot ask by itself.
    pub(crate) async fn until_stop(&self) -> Stop {
        let mut changes = self.signals.subscribe();
        let mut stopping = self.stopping.clone();
        loop {
            if let Err(stop) = self.check_stop() {
                return stop;
            }
            tokio::select! {
                _ = changes.recv() => {}
                _ = stopping.changed() => {}
                // Another process may have taken the job.
                () = tokio::time::sleep(LONGEST_NAP) => {}
            }
        }
    }

    /// Says that the job's row changed.
    pub(crate) fn changed(&self) {
        self.signals.changed(self.job);
    }
}

/// Why a job stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot be done.
    Failed(Problem),
    /// Its end was asked for.
    Cancelled,
    /// The process stops; the job goes on with the next one.
    ShuttingDown,
    /// Another process has it.
    Lost,
    /// db-service went away or took too long, or an earlier process's write came in between: it goes on from its
    /// checkpoint.
    Database(DbError),
    /// A fault of ours.
    Broken(anyhow::Error),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        // What a process wrote that was killed meanwhile is in the checkpoint by now.
        let took_too_long = error.code() == Some(ErrorCode::StatementTimeout);
        if error.is_retryable() || took_too_long || store::is_overtaken(&error) {
            Self::Database(error)
        } else {
            Self::Broken(error.into())
        }
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Database(error) => Self::from(error),
            ApiError::Internal(error) => Self::Broken(error),
            other => Self::Failed(other.into_problem()),
        }
    }
}

/// Runs jobs until `stopping` says so.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub db: DbClient,
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    pub signals: Arc<Signals>,
    pub owner: String,
    pub stopping: watch::Receiver<bool>,
    /// Where a job was, with how many batches, when db-service took too long, and how often it was there.
    pub timed_out: Option<((i64, u64), u32)>,
}

impl Runner {
    /// Takes one job after the other.
    pub(crate) async fn run(mut self) {
        while !*self.stopping.borrow() {
            match self.next().await {
                Ok(Some(job)) => {
                    let span = info_span!("job", id = job.id, kind = job.kind.as_str());
                    self.run_job(job).instrument(span).await;
                }
                Ok(None) => self.nap().await,
                Err(error) => {
                    warn!("jobs cannot be looked for: {error}");
                    self.wait_for_database().await;
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
        store::claim(&self.db, &self.owner, self.config.job_lease_ms).await
    }

    async fn nap(&mut self) {
        tokio::select! {
            () = self.signals.submitted.notified() => {}
            () = tokio::time::sleep(LONGEST_NAP) => {}
            _ = self.stopping.changed() => {}
        }
    }

    async fn wait_for_database(&mut self) {
        tokio::select! {
            () = self.db.wait_until_ready() => {}
            _ = self.stopping.changed() => {}
        }
    }

    async fn run_job(&mut self, job: Claimed) {
        info!("job {} begins", job.id);
        let context = JobContext {
            job: job.id,
            db: self.db.clone(),
            config: Arc::clone(&self.config),
            progress: Arc::default(),
            signals: Arc::clone(&self.signals),
            cancel: Arc::new(AtomicBool::new(job.cancel_requested)),
            lost: Arc::default(),
            stopping: self.stopping.clone(),
        };
        context.changed();
        let heartbeat = tokio::spawn(heartbeat(context.clone(), self.owner.clone()));
        let outcome = self.work(&context, &job).await;
        heartbeat.abort();
        let ending = match outcome {
            Ok(ending) => ending,
            Err(Stop::Failed(problem)) => {
                info!("job {} failed: {problem}", job.id);
                Ending {
                    state: JobState::Failed,
                    result: None,
                    error: Some(problem),
                }
            }
            Err(Stop::Cancelled) => match self.take_back(&job).await {
                Ok(result) => Ending {
                    state: JobState::Cancelled,
                    result,
                    error: None,
                },
                Err(error) if error.is_retryable() => {
                    // The request to cancel is in the job's row: whoever takes it up takes back what is left.
                    warn!(
                        "job {} waits for db-service to take back its rows: {error}",
                        job.id
                    );
                    self.wait_for_database().await;
                    return;
                }
                Err(error) => Ending {
                    state: JobState::Failed,
                    result: None,
                    error: Some(Problem::new(
                        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                        "rollback_failed",
                        format!(
                            "the import was cancelled, but what it wrote could not be taken back: {error}"
                        ),
                    )),
                },
            },
            Err(Stop::Broken(cause)) => {
                error!("job {} failed: {cause:#}", job.id);
                let detail = format!("{cause:#}");
                Ending {
                    state: JobState::Failed,
                    result: None,
                    error: Some(Problem::new(
                        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                        "internal",
                        detail,
                    )),
                }
            }
            Err(Stop::ShuttingDown) => {
                // The lease of this process is given up, so the next one need not wait for its end.
                if let Err(error) = store::interrupt_abandoned(&self.db, &self.owner).await {
                    warn!("job {} stays marked as running: {error}", job.id);
                }
                return;
            }
            Err(Stop::Lost) => {
                warn!("job {} was taken up by another process", job.id);
                return;
            }
            Err(Stop::Database(error)) if self.stands_still(&job, &error) => {
                error!("job {} failed: {error}", job.id);
                let detail = format!(
                    "{error}; it did so {MOST_TIMEOUTS} times in the same place. What is written before it stays; \
                     smaller batches (--batch-rows) take less time"
                );
                Ending {
                    state: JobState::Failed,
                    result: None,
                    error: Some(Problem::new(
                        axum::http::StatusCode::REQUEST_TIMEOUT,
                        "statement_timeout",
                        detail,
                    )),
                }
            }
            Err(Stop::Database(error)) => {
                warn!("job {} waits for db-service: {error}", job.id);
                self.wait_for_database().await;
                return;
            }
        };
        self.end(&job, &ending).await;
    }

    /// Whether `error` says, for the last time that is borne, that db-service takes too long in the same place of
    /// `job`. A machine that sleeps or is overloaded makes a batch too long once or twice.
    fn stands_still(&mut self, job: &Claimed, error: &DbError) -> bool {
        if error.code() != Some(ErrorCode::StatementTimeout) {
            return false;
        }
        let place = (job.id, job.checkpoint.batches);
        let times = match self.timed_out {
            Some((before, times)) if before == place => times + 1,
            _ => 1,
        };
        self.timed_out = Some((place, times));
        times >= MOST_TIMEOUTS
    }

    /// Takes back what a cancelled import wrote, if it asked for that; the result of the job then.
    async fn take_back(&self, job: &Claimed) -> Result<Option<String>, DbError> {
        let asked = job.kind == JobKind::Import
            && serde_json::from_str::<ImportRequest>(&job.request)
                .is_ok_and(|request| request.on_cancel == OnCancel::Rollback && !request.dry_run);
        if !asked {
            return Ok(None);
        }
        let rows = undo::roll_back(&self.db, job.id).await?;
        info!(rows, "took back {rows} rows of job {}", job.id);
        Ok(Some(serde_json::json!({ "rolled_back": rows }).to_string()))
    }

    async fn work(&self, context: &JobContext, job: &Claimed) -> Result<Ending, Stop> {
        context.check_stop()?;
        match job.kind {
            JobKind::Import => {
                let request: ImportRequest =
                    serde_json::from_str(&job.request).map_err(|error| Stop::Broken(error.into()))?;
                let counters = import::run(context, &request, job.checkpoint.clone()).await?;
                Ok(Ending {
                    state: if counters.rejected > 0 {
                        JobState::SucceededWithRejects
                    } else {
                        JobState::Succeeded
                    },
                    result: Some(import::result(&counters, request.dry_run)),
                    error: None,
                })
            }
            JobKind::Analysis => {
                let request: AnalysisRequest =
                    serde_json::from_str(&job.request).map_err(|error| Stop::Broken(error.into()))?;
                let result = analysis::run(&self.db, &self.catalog, job.id, &request).await?;
                Ok(Ending {
                    state: JobState::Succeeded,
                    result: Some(result),
                    error: None,
                })
            }
            JobKind::Forecast => {
                let request: ForecastRequest =
                    serde_json::from_str(&job.request).map_err(|error| Stop::Broken(error.into()))?;
                let result = forecast::run(context, &request).await?;
                Ok(Ending {
                    state: JobState::Succeeded,
                    result: Some(result),
                    error: None,
                })
            }
        }
    }

    /// Writes down how a job ended, however long db-service is away, and drops what it no longer needs.
    async fn end(&mut self, job: &Claimed, ending: &Ending) {
        let replaces = job.kind == JobKind::Import
            && serde_json::from_str::<ImportRequest>(&job.request)
                .is_ok_and(|request| request.mode.replaces());
        let staged_only = replaces && matches!(ending.state, JobState::Failed | JobState::Cancelled);
        while let Err(error) = store::finish(&self.db, job.id, &self.owner, ending, staged_only).await {
            if !error.is_retryable() || *self.stopping.borrow() {
                error!("the end of job {} cannot be written down: {error}", job.id);
                return;
            }
            self.wait_for_database().await;
        }
        info!(state = %ending.state, "job {} ended: {}", job.id, ending.state);
        // Who waits for the end need not wait for the cleaning up.
        self.signals.changed(job.id);
        if job.kind != JobKind::Import {
            return;
        }
        let clean_up = async {
            source::delete_uploads_of(&self.db, job.id).await?;
            replace::forget(&self.db, job.id).await?;
            undo::forget(&self.db, job.id).await
        };
        if let Err(error) = clean_up.await {
            warn!("the bytes of job {} are left over: {error}", job.id);
        }
    }
}

/// Renews the lease of a job and writes down its progress, until it is aborted.
async fn heartbeat(context: JobContext, owner: String) {
    let lease_ms = context.config.job_lease_ms;
    let pause = Duration::from_millis((lease_ms / 4).clamp(10, 500));
    loop {
        tokio::time::sleep(pause).await;
        let progress = context.progress.snapshot();
        match store::beat(&context.db, context.job, &owner, lease_ms, &progress).await {
            Ok(Beat::Ours { cancel_requested }) => {
                if cancel_requested {
                    context.cancel.store(true, Ordering::Relaxed);
                }
                context.changed();
            }
            Ok(Beat::Lost) => context.lost.store(true, Ordering::Relaxed),
            Err(error) => warn!("no sign of life could be given: {error}"),
        }
    }
}
