//! The program db-service: settings, listener, [`db_service::run`].

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(db_service::STACK_BYTES)
        .enable_all()
        .build()?
        .block_on(service_kit::program(db_service::run))
}
