//! The program script-service: settings, listener, [`script_service::run`].

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    service_kit::program(script_service::run).await
}
