//! The route table.

mod analysis;
mod events;
mod forecasts;
mod idempotency;
mod imports;
mod jobs;
mod pages;
mod preview;
mod receive;
mod rejects;
mod schedules;
mod submit;
mod summary;
mod undo;

use crate::error::ApiError;
use crate::state::App;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use service_kit::contract::with_schema;
use std::sync::Arc;
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
                .title("script-service")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Imports files of sales, products, stores and targets as jobs, and answers with figures: revenue by \
                     product, region and day, growth, seasonality, targets, forecasts. Errors are problem documents (RFC 9457).",
                ))
                .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build())),
        )
        // Where this document came from.
        .servers(Some([Server::new("/")]))
        .components(Some(
            with_schema::<script_api::Problem>(ComponentsBuilder::new()).build(),
        ))
        .tags(Some([
            tag("jobs", "work that is done in the background"),
            tag("schedules", "work that is asked for again and again"),
            tag("analyses", "figures computed from the sales"),
            tag("forecasts", "what the next days may bring"),
            tag("operations", "health and metrics"),
        ]))
        .build()
}

/// The routes that need the database.
fn work() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(imports::import))
        .routes(routes!(preview::preview))
        .routes(routes!(submit::analysis))
        .routes(routes!(submit::forecast))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::resume))
        .routes(routes!(undo::undo))
        .routes(routes!(summary::get))
        .routes(routes!(rejects::list))
        .routes(routes!(rejects::replay))
        .routes(routes!(events::of_job))
        .routes(routes!(events::of_all))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::get, schedules::put, schedules::delete))
        .routes(routes!(schedules::run))
        .routes(routes!(analysis::results))
        .routes(routes!(analysis::compute))
        .routes(routes!(forecasts::list))
        .routes(routes!(forecasts::latest))
        .routes(routes!(forecasts::compare))
        .routes(routes!(forecasts::get))
        .routes(routes!(forecasts::accuracy))
        .layer(DefaultBodyLimit::disable())
}

/// The routes that answer in any case.
fn always() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(analysis::list))
}

/// Every route of which the contract speaks, those of every service excepted.
pub(crate) fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(head()).merge(work()).merge(always())
}

/// Every route, for `app`: those that need the database wait until it is ready.
pub(crate) fn table(app: Arc<App>) -> OpenApiRouter {
    let work = work().layer(middleware::from_fn_with_state(Arc::clone(&app), when_ready));
    OpenApiRouter::with_openapi(head())
        .merge(work)
        .merge(always())
        .with_state(app)
}

async fn when_ready(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.check_ready() {
        Ok(()) => next.run(request).await,
        Err(why) => ApiError::from(why).into_response(),
    }
}
