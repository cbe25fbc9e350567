//! What handlers share.

use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::error::ApiError;
use crate::jobs::context::Signals;
use crate::outages::Outages;
use db_client::DbClient;
use service_kit::metrics::HttpMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Semaphore, watch};

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
            ready: AtomicBool::new(false),
            stopping,
        }
    }

    /// Refuses as long as the schema is not there.
    pub(crate) fn check_ready(&self) -> Result<(), ApiError> {
        if self.ready.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(ApiError::NotReady)
        }
    }

    /// Whether work can be done now: the schema is there, db-service is ready, and answers what loops ask.
    pub(crate) async fn check(&self) -> Result<(), ApiError> {
        self.check_ready()?;
        self.db.ready().await?;
        match self.outages.reason() {
            Some(reason) => Err(ApiError::StandsStill(reason)),
            None => Ok(()),
        }
    }
}
