//! `/openapi.json` and its explorer under `/docs`, both out of the binary.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Routes that serve `contract` at `/openapi.json` and Swagger UI at `/docs`. Nothing is fetched from
/// elsewhere: the badge of the public validator is switched off.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(contract: OpenApi) -> Router<S> {
    SwaggerUi::new("/docs")
        .url("/openapi.json", contract)
        .config(Config::default().validator_url("none").try_it_out_enabled(true))
        .into()
}
