//! `/healthz`, `/readyz`, `/metrics`.

use crate::error::ApiError;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use script_api::Problem;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

const OK: Health = Health {
    status: "ok",
    version: env!("CARGO_PKG_VERSION"),
};

/// The process answers.
#[utoipa::path(
    get,
    path = script_api::paths::HEALTHZ,
    tag = "operations",
    responses((status = 200, description = "the process answers", body = Health))
)]
pub(crate) async fn healthz() -> Json<Health> {
    Json(OK)
}

/// db-service is ready and the schema is up to date.
#[utoipa::path(
    get,
    path = script_api::paths::READYZ,
    tag = "operations",
    responses(
        (status = 200, description = "jobs can be taken", body = Health),
        (status = "default", description = "not now; the detail says why", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>, ApiError> {
    app.check_ready()?;
    app.db.ready().await?;
    Ok(Json(OK))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = script_api::paths::METRICS,
    tag = "operations",
    responses((status = 200, description = "metrics", content_type = "text/plain", body = String))
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.render()
}
