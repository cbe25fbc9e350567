//! What handlers share.

use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::jobs::context::Signals;
use crate::jobs::waits::Waits;
use crate::outages::Outages;
use crate::store::{StoreError, jobs};
use db_client::{DbClient, DbError};
use jiff::{SignedDuration, Timestamp};
use script_api::{Job, UndoCode};
use service_kit::metrics::HttpMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Semaphore, watch};

/// Why no work can be done now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    #[error("script-service is not ready: it waits for db-service")]
    Starting,
    #[error("script-service is not ready: {0}")]
    StandsStill(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub db: DbClient,
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    pub signals: Arc<Signals>,
    pub metrics: HttpMetrics,
    /// What keeps the service from its work.
    pub outages: Arc<Outages>,
    /// What jobs of this process wait for.
    pub waits: Arc<Waits>,
    /// Set once db-service was reached and the schema is up to date.
    pub ready: AtomicBool,
    /// Becomes true when the service stops.
    pub stopping: watch::Receiver<bool>,
    /// A permit for each comparison of models that may begin.
    pub comparisons: Semaphore,
}

impl App {
    pub(crate) fn new(
        db: DbClient,
        config: Arc<Config>,
        catalog: Arc<Catalog>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            db,
            comparisons: Semaphore::new(config.comparison_limit as usize),
            config,
            catalog,
            signals: Arc::new(Signals::new()),
            metrics: HttpMetrics::new("script"),
            outages: Arc::default(),
            waits: Arc::default(),
            ready: AtomicBool::new(false),
            stopping,
        }
    }

    /// Job `id`, its sources included.
    pub(crate) async fn job(&self, id: i64) -> Result<Job, StoreError> {
        let mut job = jobs::get(&self.db, id).await?;
        self.tell(std::slice::from_mut(&mut job));
        Ok(job)
    }

    /// Says of jobs what they wait for, and of imports until when they can be taken back.
    pub(crate) fn tell(&self, jobs: &mut [Job]) {
        for job in jobs.iter_mut().filter(|job| !job.state.is_final()) {
            job.waiting = self.waits.of(job.id).or(job.waiting.take());
        }
        let days = i64::from(self.config.keep_undo_days);
        for job in jobs.iter_mut().filter(|_| days > 0) {
            let finished = job
                .finished_at
                .as_deref()
                .and_then(|at| at.parse::<Timestamp>().ok());
            let until = finished.and_then(|at| at.checked_add(SignedDuration::from_hours(24 * days)).ok());
            if let (Some(undo), Some(until)) = (&mut job.undo, until)
                && matches!(undo.code, None | Some(UndoCode::ChangedSince))
            {
                undo.until = Some(until.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
            }
        }
    }

    /// Refuses as long as the schema is not there.
    pub(crate) fn check_ready(&self) -> Result<(), NotReady> {
        if self.ready.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(NotReady::Starting)
        }
    }

    /// Whether work can be done now: the schema is there, db-service is ready, and answers what loops ask.
    pub(crate) async fn check(&self) -> Result<(), NotReady> {
        self.check_ready()?;
        self.db.ready().await.map_err(|error| match error {
            DbError::Refused(problem) => NotReady::StandsStill(format!("db-service: {}", problem.detail)),
            error => error.into(),
        })?;
        match self.outages.reason() {
            Some(reason) => Err(NotReady::StandsStill(reason)),
            None => Ok(()),
        }
    }
}
