//! The program dashboard-service: settings, listener, [`dashboard_service::run`].

use anyhow::Context as _;
use clap::Parser as _;
use dashboard_service::Config;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    service_kit::logging::start();
    let config = Config::parse();
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen on {} (change it with --listen)", config.listen))?;
    dashboard_service::run(config, listener, service_kit::stop_signal()).await
}
