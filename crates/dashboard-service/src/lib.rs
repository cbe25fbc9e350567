//! dashboard-service: pages for people. It reads script-service over HTTP, starts jobs through it, and holds
//! neither state nor SQL: two copies of it behind one address are as good as one.
//!
//! | module | what it does |
//! | --- | --- |
//! | `routes/` | one file per page, the relay to script-service, assets and exports |
//! | `answer`, `forecast` | what analyses and forecasts answer |
//! | `filter` | which sales a page is about; the query string is the state |
//! | `table`, `figure` | what is shown as rows, and what is drawn |
//! | `format`, `language`, `words` | numbers, dates and words in French and English |
//! | `page` | from a view to a document, or to what the script puts into the page |
//! | `error` | what is shown instead of what was asked for, with its status |
//! | `assets`, `policy` | what the page is made of, and what a browser may do with it |

mod answer;
mod assets;
mod config;
mod error;
mod figure;
mod filter;
mod forecast;
mod format;
mod labels;
mod language;
mod page;
mod policy;
mod reasons;
mod routes;
mod table;
mod words;

pub use config::Config;

use axum::routing::any;
use script_client::ScriptClient;
use service_kit::metrics::HttpMetrics;
use service_kit::origin::OriginPolicy;
use service_kit::{Limits, Service};
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::info;

/// What every handler may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// script-service.
    pub(crate) script: ScriptClient,
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
        script: client(&config)?,
    };
    let service = Service {
        missing: any(page::missing),
        policy: OriginPolicy {
            allowed_origins: Vec::new(),
            local_names_only: address.ip().is_loopback(),
        },
        headers: policy::headers(),
        ..Service::new(
            "dashboard-service",
            routes::table().with_state(app.clone()).into(),
            error::PROBLEMS.into(),
            HttpMetrics::new("dashboard"),
            Limits {
                drain: Duration::from_millis(config.drain_ms),
                stall: Duration::from_millis(config.stall_timeout_ms),
                header: Duration::from_millis(config.header_timeout_ms),
                connections: config.max_connections as usize,
                connections_per_address: config.max_connections_per_address as usize,
            },
        )
    };
    info!(
        script = config.script_url,
        "dashboard-service shows what script-service answers"
    );
    let check = move || {
        let script = app.script.clone();
        // Pages hold figures when script-service answers.
        async move { script.ready().await.map_err(error::not_ready) }
    };
    service.serve(listener, shutdown, check).await?;
    info!("dashboard-service stopped");
    Ok(())
}

/// A client of script-service within the settings' limits.
fn client(config: &Config) -> anyhow::Result<ScriptClient> {
    let answer = Duration::from_millis(config.answer_timeout_ms);
    let limits = script_client::Limits {
        connect: Duration::from_secs(2),
        answer,
        look: answer,
        ..script_client::Limits::default()
    };
    Ok(ScriptClient::with_limits(&config.script_url, limits)?)
}
