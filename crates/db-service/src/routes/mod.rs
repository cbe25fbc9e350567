//! The route table.

mod backup;
mod batch;
mod execute;
mod explain;
mod health;
mod hrana;
mod limits;
mod queries;
mod query;
mod rows;
mod tables;

use crate::state::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse as _;
use db_api::ErrorCode;
use std::sync::Arc;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder, Server};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is said of the whole contract.
fn head() -> OpenApi {
    let tag = |name: &str, description: &str| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    };
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("db-service")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "An HTTP gateway that owns a SQLite file: parameterised SQL, transactions, streamed bulk insert, \
                     streamed answers, rights. Errors are problem documents (RFC 9457).",
                ))
                .license(Some(License::new("MIT"))),
        )
        .servers(Some([Server::new("http://localhost:8080")]))
        .tags(Some([
            tag("statements", "SQL in, rows out"),
            tag("tables", "the schema, and rows in bulk"),
            tag("hrana", "the protocol of the libSQL and Turso SDKs: interactive transactions on streams"),
            tag("operations", "what runs, limits, backup, health"),
        ]))
        .build()
}

/// Every route, with its part of the contract.
fn table() -> OpenApiRouter<Arc<App>> {
    let statements = OpenApiRouter::new()
        .routes(routes!(query::get, query::post))
        .routes(routes!(execute::post))
        .routes(routes!(batch::post))
        .routes(routes!(explain::post))
        .routes(routes!(hrana::pipeline_v2))
        .routes(routes!(hrana::pipeline_v3))
        .routes(routes!(hrana::cursor_v3));
    let upload = OpenApiRouter::new()
        .routes(routes!(rows::post))
        .layer(DefaultBodyLimit::disable());
    OpenApiRouter::with_openapi(head())
        .merge(statements)
        .merge(upload)
        .routes(routes!(tables::list))
        .routes(routes!(tables::get))
        .routes(routes!(queries::list))
        .routes(routes!(queries::stop))
        .routes(routes!(limits::get))
        .routes(routes!(hrana::v2))
        .routes(routes!(hrana::v3))
        .routes(routes!(backup::get))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The contract.
pub(crate) fn contract() -> OpenApi {
    table().into_openapi()
}

/// Every route and the explorer.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, contract) = table().split_for_parts();
    router
        .merge(service_kit::docs::routes(contract))
        .merge(service_kit::problem_types::routes())
        .fallback(async || refused(ErrorCode::NotFound, "there is no such route; /docs lists them"))
        .method_not_allowed_fallback(async || {
            refused(
                ErrorCode::MethodNotAllowed,
                "this route exists with another method; /docs lists them",
            )
        })
        .with_state(app)
}

fn refused(code: ErrorCode, detail: &str) -> axum::response::Response {
    crate::error::ApiError::Refused(code, detail.to_owned()).into_response()
}
