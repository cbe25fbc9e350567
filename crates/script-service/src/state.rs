//! What handlers share.

use crate::analyses::catalog::Catalog;
use crate::config::Config;
use crate::error::ApiError;
use crate::runner::Signals;
use db_client::DbClient;
use service_kit::metrics::HttpMetrics;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, watch};

/// What handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub db: DbClient,
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    pub signals: Arc<Signals>,
    pub metrics: HttpMetrics,
    /// Set once db-service was reached and the schema is up to date.
    pub ready: AtomicBool,
    /// Becomes true when the service stops.
    pub stopping: watch::Receiver<bool>,
    /// A permit for each comparison of models that may begin.
    pub comparisons: Semaphore,
    /// Idempotency keys of requests whose body is still coming in.
    receiving: Mutex<HashSet<String>>,
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
            ready: AtomicBool::new(false),
            stopping,
            receiving: Mutex::default(),
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

    /// Whether work can be done now: the schema is there, and db-service answers.
    pub(crate) async fn check(&self) -> Result<(), ApiError> {
        self.check_ready()?;
        Ok(self.db.ready().await?)
    }

    /// Marks the key of a request whose body is coming in, until the guard is dropped.
    pub(crate) fn receive<'a>(&'a self, key: Option<&str>) -> Result<Receiving<'a>, ApiError> {
        if let Some(key) = key {
            let mut receiving = self.receiving.lock().unwrap_or_else(PoisonError::into_inner);
            if !receiving.insert(key.to_owned()) {
                return Err(ApiError::KeyInFlight);
            }
        }
        Ok(Receiving {
            app: self,
            key: key.map(str::to_owned),
        })
    }
}

/// A request's claim on its idempotency key.
#[derive(Debug)]
pub(crate) struct Receiving<'a> {
    app: &'a App,
    key: Option<String>,
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            let mut receiving = self.app.receiving.lock().unwrap_or_else(PoisonError::into_inner);
            receiving.remove(key);
        }
    }
}
