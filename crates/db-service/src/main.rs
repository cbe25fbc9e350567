//! The program db-service: settings, listener, [`db_service::run`].

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    service_kit::program(db_service::run).await
}
