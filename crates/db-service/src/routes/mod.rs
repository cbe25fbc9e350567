//! The route table.

mod backup;
mod batch;
mod execute;
mod explain;
mod hrana;
mod limits;
mod queries;
mod query;
mod rows;
mod tables;

use crate::state::App;
use axum::extract::DefaultBodyLimit;
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
pub(crate) fn table() -> OpenApiRouter<Arc<App>> {
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
}
