//! dashboard-service: pages for people. It reads script-service over HTTP, starts jobs through it, and holds
//! neither state nor SQL: two copies of it behind one address are as good as one.
//!
//! | module | what it does |
//! | --- | --- |
//! | `routes/` | one file per page, the relay to script-service, assets and exports |
//! | `script` | asks script-service; the only place that knows its paths and time limit |
//! | `answer` | what analyses answer |
//! | `filter` | which sales a page is about; the query string is the state |
//! | `table`, `figure` | what is shown as rows, and what is drawn |
//! | `format`, `locale` | numbers, dates and words in French and English |
//! | `page` | from a view to a document, or to what the script puts into the page |
//! | `assets`, `policy` | what the page is made of, and what a browser may do with it |

mod answer;
mod assets;
mod config;
mod figure;
mod filter;
mod format;
mod labels;
mod locale;
mod page;
mod policy;
mod routes;
mod script;
mod table;

pub use config::Config;

use axum::middleware;
use script::Script;
use service_kit::origin::{self, OriginPolicy};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::info;

/// What every handler may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// script-service.
    pub(crate) script: Script,
    /// Requests, counted and timed.
    pub(crate) metrics: service_kit::metrics::HttpMetrics,
}

/// Answers on `listener` until `shutdown` is done, then finishes what is in flight within the drain limit.
///
/// # Errors
///
/// When the address of script-service is not one, or the listener fails for good.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let app = App {
        script: Script::new(&config)?,
        metrics: service_kit::metrics::HttpMetrics::new("dashboard"),
    };
    let policy = Arc::new(OriginPolicy {
        allowed_origins: Vec::new(),
        local_names_only: address.ip().is_loopback(),
    });
    let metrics = app.metrics.clone();
    let router = routes::router(app)
        .layer(middleware::from_fn_with_state(policy, origin::guard))
        .layer(middleware::from_fn(policy::headers))
        .layer(middleware::from_fn_with_state(
            metrics,
            service_kit::metrics::record,
        ));
    info!(
        script = config.script_url,
        "dashboard-service answers on http://{address}"
    );
    let drain = Duration::from_millis(config.drain_ms);
    service_kit::serve(listener, router, shutdown, drain, service_kit::STALL).await?;
    info!("dashboard-service stopped");
    Ok(())
}
