//! The program dashboard-service: settings, listener, [`dashboard_service::run`].

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    service_kit::program(dashboard_service::run).await
}
