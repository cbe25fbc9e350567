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
use service_kit::contract::with_schema;
use std::sync::Arc;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server};
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
                .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build())),
        )
        // Where this document came from.
        .servers(Some([Server::new("/")]))
        .components(Some(
            with_schema::<hrana::HranaError>(with_schema::<db_api::Problem>(ComponentsBuilder::new()))
                .security_scheme(
                    "token",
                    SecurityScheme::Http(
                        HttpBuilder::new()
                            .scheme(HttpAuthScheme::Bearer)
                            .description(Some(
                                "A token of the file that `--tokens` names. A service without tokens takes requests without.",
                            ))
                            .build(),
                    ),
                )
                .build(),
        ))
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
