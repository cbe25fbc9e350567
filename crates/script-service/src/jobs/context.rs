//! What a job has while it runs: its progress, who may stop it, and why it stops.

use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::store::running_jobs::{self as store, Checkpoint};
use db_client::db_api::ErrorCode;
use db_client::{DbClient, DbError};
use script_api::Progress;
use service_kit::problem::Problem;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};

/// How long work that waits for a stop goes without a look whether another process has its job.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

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

    /// Done when a job waits.
    pub(super) async fn until_submitted(&self) {
        self.submitted.notified().await;
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

    pub(super) fn snapshot(&self) -> Progress {
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
    pub catalog: Arc<Catalog>,
    pub progress: Arc<ProgressCell>,
    /// Where the job was when this process took it up.
    pub checkpoint: Checkpoint,
    pub(super) signals: Arc<Signals>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) lost: Arc<AtomicBool>,
    pub(super) stopping: watch::Receiver<bool>,
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
                () = tokio::time::sleep(LONGEST_WAIT) => {}
            }
        }
    }

    /// Says that the row of another job changed.
    pub(crate) fn changed_other(&self, job: i64) {
        self.signals.changed(job);
    }

    /// Says that the job's row changed.
    pub(crate) fn changed(&self) {
        self.signals.changed(self.job);
    }
}

/// Whether what failed with `error` may go well later: db-service is away, took too long, or its disk is full.
pub(crate) fn is_passing(error: &DbError) -> bool {
    let passes = matches!(
        error.code(),
        Some(ErrorCode::StatementTimeout | ErrorCode::DiskFull)
    );
    passes || error.is_retryable()
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
        if is_passing(&error) || store::is_overtaken(&error) {
            Self::Database(error)
        } else {
            Self::Broken(error.into())
        }
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}
