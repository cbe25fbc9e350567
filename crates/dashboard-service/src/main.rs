//! The program dashboard-service: settings, listener, [`dashboard_service::run`].

use anyhow::Context as _;
use clap::Parser;
use dashboard_service::Config;

/// The page that people look at: sales, imports, jobs and forecasts.
#[derive(Debug, Parser)]
#[command(name = "dashboard-service", version)]
struct Program {
    #[command(flatten)]
    config: Config,
    /// Asks the service that listens there whether it is ready, and ends: with 0 when it is.
    #[arg(long)]
    probe: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    service_kit::logging::start();
    let Program { config, probe } = Program::parse();
    if probe {
        return Ok(service_kit::probe(config.listen).await?);
    }
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen on {} (change it with --listen)", config.listen))?;
    dashboard_service::run(config, listener, service_kit::stop_signal()).await
}
