//! db-service: an HTTP gateway that owns a SQLite file.
//!
//! [`run`] serves until it is told to stop: with a [`Config`], a listener, and a future that ends it. `main.rs`,
//! `comptoir up` and tests call it alike. [`restore`] puts a backup in place of a database that nobody has open.
//!
//! | module | what it does |
//! | --- | --- |
//! | `routes/` | the route table, then one file per resource: a request is taken apart, the engine asked, its answer written |
//! | `hrana/` | the protocol of libSQL's SDKs over the same engine |
//! | `tokens` | who may do what |
//! | `engine/` | the seam: what can be asked of a database, in words without HTTP |
//! | `sqlite/` | the engine: one thread that writes, several that read, rights, backups; what knows rusqlite |
//! | `answer/`, `upload/` | rows to JSON, NDJSON and CSV, and back |
//! | `error` | each error with its status and code |
//! | `config` | every setting, with its limit and unit |
//! | `metrics` | what `/metrics` says beyond what all services say |
//!
//! A first look: `routes/query.rs`, then `engine/mod.rs`, then `sqlite/mod.rs`.

mod answer;
mod config;
mod contract;
mod engine;
mod error;
mod hrana;
mod integers;
mod metrics;
mod negotiation;
mod open_reads;
mod request;
mod routes;
mod sqlite;
mod state;
mod tokens;
mod upkeep;
mod upload;

pub use config::{Config, Limits, Synchronous};
pub use sqlite::{Restored, Verified, restore, verify};
pub use tokens::new_token;

use anyhow::bail;
use axum::response::IntoResponse as _;
use engine::Engine;
use error::ApiError;
use open_reads::AllReads;
use service_kit::origin::OriginPolicy;
use service_kit::{Limits as ServiceLimits, Service};
use sqlite::SqliteEngine;
use state::App;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokens::Tokens;
use tokio::net::TcpListener;
use tracing::{info, warn};
use upkeep::Upkeep;

/// How large the stack of a thread is that runs SQL, in bytes: SQLite compiles what stands inside of each other by calling
/// itself. The limits of a statement and of the schema (`max_selects`, `max_schema_bytes`) keep it within that. The
/// program gives the threads of its runtime as much.
pub const STACK_BYTES: usize = 64 << 20;

/// The contract of the service, as it is served at `/openapi.json`.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    service_kit::service::contract(routes::table(), &error::problem_types())
}

/// Opens the database and answers on `listener` until `shutdown` is done; then finishes what is in flight, within
/// the drain limit, writes the log back into the database and closes it.
///
/// # Errors
///
/// When the database or the token file cannot be opened, or when the service would be open to others without
/// tokens.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let tokens = Arc::new(match &config.tokens {
        Some(file) => Tokens::read(file)?,
        None if address.ip().is_loopback() || config.allow_everybody_without_tokens => Tokens::none(),
        None => bail!(
            "{address} can be reached from other machines and there is no token file: give one with --tokens, \
             listen on a loopback address, or say --allow-everybody-without-tokens"
        ),
    });
    let reads = Arc::new(AllReads::default());
    let engine: Arc<dyn Engine> = Arc::new(SqliteEngine::open(&config, reads.clone())?);
    let policy = OriginPolicy {
        allowed_origins: config.allow_origins.clone(),
        local_names_only: config.tokens.is_none() && !config.allow_everybody_without_tokens,
    };
    let follower = config
        .tokens
        .clone()
        .map(|file| tokio::spawn(Arc::clone(&tokens).follow(file)));
    let app = Arc::new(App::new(&config, Arc::clone(&engine), tokens, &reads));
    let upkeep = tokio::spawn(Upkeep::new(&config, Arc::clone(&app))?.run());
    let service = Service {
        policy,
        // Copies of the database gain little and have a known length.
        packed: &["application/vnd.sqlite3"],
        ..Service::new(
            "db-service",
            routes::table().with_state(Arc::clone(&app)),
            error::problem_types(),
            app.metrics.http.clone(),
            ServiceLimits {
                drain: Duration::from_millis(config.limits.drain_ms),
                stall: Duration::from_millis(config.limits.stall_timeout_ms),
                header: Duration::from_millis(config.limits.header_timeout_ms),
                connections: config.limits.max_connections as usize,
                connections_per_address: config.limits.max_connections_per_address as usize,
            },
        )
    };
    info!(database = %config.database.display(), "db-service has opened its database");
    let streams = Arc::clone(&app.streams);
    let shutdown = async move {
        shutdown.await;
        // No request can reach an idle stream any more, and its transaction would hold up those in flight.
        streams.close().await;
    };
    let drain = Duration::from_millis(config.limits.drain_ms);
    let check = move || {
        let engine = Arc::clone(&app.engine);
        async move {
            engine
                .check()
                .await
                .map_err(|error| ApiError::from(error).into_response())
        }
    };
    service.serve(listener, shutdown, check).await?;
    upkeep.abort();
    if let Some(follower) = follower {
        follower.abort();
    }
    if tokio::time::timeout(drain, engine.close()).await.is_err() {
        warn!(
            "the writer did not finish within {} ms (drain_ms)",
            config.limits.drain_ms
        );
    }
    info!("db-service stopped");
    Ok(())
}
