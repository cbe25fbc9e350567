//! Takes imports, analyses and forecasts as jobs, runs them, answers with figures.
//!
//! It keeps no state of its own: jobs, rejects, uploads and results are rows in db-service, so it can be
//! killed at any moment and started again. [`run`] serves until it is told to stop: with a [`Config`], a listener, and a
//! future that ends it.
//!
//! | module | what it does |
//! | --- | --- |
//! | `routes` | what comes in: the route table, then one file per resource |
//! | `jobs`, `kinds` | what is done about it: the queue, leases, the trait that each kind of job has, their registry |
//! | `schedules` | what is done again and again |
//! | `imports` | how records become rows; the crate `tabular` reads files, `shop-exports` exports of shops |
//! | `undo` | imports taken back |
//! | `analyses` | how figures are computed, from a file of SQL each |
//! | `forecasts` | how forecasts are made and kept; the crate `forecast` has the models |
//! | `store` | the tables of all this, and the SQL over them |
//! | `error`, `problems` | each error with its status, and what its code means |
//! | `config`, `housekeeping` | the settings; what is dropped by age and by number |
//!
//! A first look: `routes/imports.rs`, then `jobs/runner.rs`, then `imports/mod.rs`.

mod analyses;
mod config;
mod contract;
mod day;
mod error;
mod forecasts;
mod housekeeping;
mod imports;
mod jobs;
mod kinds;
mod language;
mod migrations;
mod outages;
mod problems;
mod routes;
mod schedules;
mod secrets;
mod state;
mod store;
mod undo;
mod wire;

pub use config::Config;
pub use migrations::{apply as apply_migrations, apply_up_to as apply_migrations_up_to};

use analyses::catalog::Catalog;
use anyhow::Context as _;
use axum::response::IntoResponse;
use db_client::DbClient;
use error::ApiError;
use jobs::runner::Runner;
use outages::Outage;
use schedules::clock::Clock;
use service_kit::origin::OriginPolicy;
use service_kit::{Limits, Service};
use state::App;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

/// How long giving back the running job may take after the drain limit.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// The contract of the service, as it is served at `/openapi.json`.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    service_kit::service::contract(routes::described(), &problems::TYPES)
}

/// Answers on `listener` until `shutdown` is done. It answers at once; jobs and analyses wait until db-service
/// is ready and the schema is up to date. At the end, what is in flight finishes within the drain limit; a
/// running job stops after its batch and is taken up again by the next process.
///
/// # Errors
///
/// When the address of db-service is not a URL, when the schema cannot be brought up to date, or when the
/// listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let db = DbClient::new(&config.db_url, config.db_token.clone())?;
    let config = Arc::new(config);
    let catalog = Arc::new(Catalog::open(config.analyses.clone()));
    let (stop, stopping) = watch::channel(false);
    let app = Arc::new(App::new(db, Arc::clone(&config), catalog, stopping.clone()));
    let drain = Duration::from_millis(config.drain_ms);
    let service = Service {
        policy: OriginPolicy {
            allowed_origins: config.allow_origins.clone(),
            local_names_only: address.ip().is_loopback(),
        },
        ..Service::new(
            "script-service",
            routes::table(Arc::clone(&app)),
            problems::TYPES.into(),
            app.metrics.clone(),
            Limits {
                drain,
                stall: Duration::from_millis(config.stall_timeout_ms),
                header: Duration::from_millis(config.header_timeout_ms),
                connections: config.max_connections as usize,
                connections_per_address: config.max_connections_per_address as usize,
            },
        )
    };

    let stop = Arc::new(stop);
    let owner = random_id()?;
    let mut working = tokio::spawn(work(Arc::clone(&app), owner.clone(), stopping.clone()));
    let asked = Arc::clone(&stop);
    let shutdown = async move {
        let mut failed = stopping;
        tokio::select! {
            () = shutdown => {}
            _ = failed.wait_for(|stopping| *stopping) => {}
        }
        let _ = asked.send(true); // the runner may be gone already
    };
    let checked = Arc::clone(&app);
    let check = move || {
        let app = Arc::clone(&checked);
        async move {
            app.check()
                .await
                .map_err(|why| ApiError::from(why).into_response())
        }
    };
    let mut serving = std::pin::pin!(service.serve(listener, shutdown, check));
    let worked = tokio::select! {
        served = &mut serving => {
            served?;
            None
        }
        worked = &mut working => Some(worked),
    };
    let worked = if let Some(worked) = worked {
        let _ = stop.send(true); // it ended by itself, with an error
        serving.await?;
        worked
    } else if let Ok(worked) = tokio::time::timeout(drain, &mut working).await {
        worked
    } else {
        warn!(
            "the running batch did not finish within {} ms (--drain-ms)",
            config.drain_ms
        );
        working.abort();
        give_back(&app, &owner).await;
        Ok(Ok(()))
    };
    let worked = worked.context("the runner panicked")?;
    info!("script-service stopped");
    worked
}

/// Waits for db-service, brings the schema up to date, then runs jobs until `stopping` says so.
async fn work(app: Arc<App>, owner: String, mut stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut stopped = stopping.clone();
    tokio::select! {
        prepared = prepare(&app) => prepared?,
        _ = stopped.wait_for(|stopping| *stopping) => return Ok(()),
    }
    stopping.mark_unchanged();
    match app.catalog.checked(&app.db).await {
        Ok((_, broken)) => {
            for (file, error) in broken
                .iter()
                .flat_map(|broken| broken.errors.iter().map(|error| (&broken.file, error)))
            {
                warn!(%file, "not an analysis: {error}");
            }
        }
        Err(error) => warn!("the files of analyses could not be tried: {error}"),
    }
    let runner = Runner {
        db: app.db.clone(),
        config: Arc::clone(&app.config),
        catalog: Arc::clone(&app.catalog),
        kinds: &kinds::KINDS,
        signals: Arc::clone(&app.signals),
        owner,
        stopping,
        outage: app.outages.of("looking for jobs"),
        waiting: Outage::apart("a job"),
        waits: Arc::clone(&app.waits),
        waits_at: None,
        resting: None,
        abandoned: Vec::new(),
    };
    let clock = Clock::new(
        app.db.clone(),
        Arc::clone(&app.config),
        Arc::clone(&app.signals),
        app.outages.of("looking for due schedules"),
        runner.stopping.clone(),
    );
    let housekeeping = housekeeping::run(app.db.clone(), Arc::clone(&app.config), runner.stopping.clone());
    tokio::join!(runner.run(), clock.run(), housekeeping);
    Ok(())
}

/// Gives back the job that `owner` was running when it was stopped: it did not die of it.
async fn give_back(app: &App, owner: &str) {
    let given_back = store::running_jobs::interrupt_abandoned(&app.db, owner);
    match tokio::time::timeout(GIVE_BACK, given_back).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!("the running job stays marked as running until its lease ends: {error}"),
        Err(_) => warn!("the running job stays marked as running until its lease ends"),
    }
}

async fn prepare(app: &App) -> anyhow::Result<()> {
    let mut outage = app.outages.of("bringing the schema up to date");
    loop {
        app.db.wait_until_ready().await;
        match migrations::apply(&app.db).await {
            Ok(()) => break,
            // db-service went away again while the schema was made.
            Err(error)
                if error
                    .downcast_ref::<db_client::DbError>()
                    .is_some_and(db_client::DbError::is_retryable) =>
            {
                let pause = outage.failed(&format_args!("{error:#}"));
                tokio::time::sleep(pause).await;
            }
            Err(error) => return Err(error).context("bring the schema up to date"),
        }
    }
    app.ready.store(true, Ordering::Release);
    info!("script-service is ready");
    Ok(())
}

/// A name that nothing else has.
fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
