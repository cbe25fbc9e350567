//! `/healthz`, `/readyz`, `/metrics`: how a service is.

use crate::metrics::HttpMetrics;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The answer of a check.
type Checking = Pin<Box<dyn Future<Output = Result<(), Response>> + Send>>;

/// What the routes need of their service.
#[derive(Clone)]
pub(crate) struct Health {
    check: Arc<dyn Fn() -> Checking + Send + Sync>,
    metrics: HttpMetrics,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

impl Health {
    /// The service is ready when `check` says so; an `Err` is the answer that says why not.
    pub(crate) fn new<F>(check: impl Fn() -> F + Send + Sync + 'static, metrics: HttpMetrics) -> Self
    where
        F: Future<Output = Result<(), Response>> + Send + 'static,
    {
        Self {
            check: Arc::new(move || Box::pin(check())),
            metrics,
        }
    }
}

/// Where readiness is asked for.
pub(crate) const READYZ: &str = "/readyz";

/// The routes, with their part of the contract.
pub(crate) fn routes() -> OpenApiRouter<Health> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
struct Healthy {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

const OK: Healthy = Healthy {
    status: "ok",
    version: env!("CARGO_PKG_VERSION"),
};

/// The process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, description = "the process answers", body = Healthy)),
    security(()),
)]
async fn healthz() -> Json<Healthy> {
    Json(OK)
}

/// The service can do its work, and so can what it needs for it.
#[utoipa::path(
    get,
    path = READYZ,
    tag = "operations",
    responses(
        (status = 200, description = "requests can be answered", body = Healthy)
    ),
    security(()),
)]
async fn readyz(State(health): State<Health>) -> Result<Json<Healthy>, Response> {
    (health.check)().await?;
    Ok(Json(OK))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "metrics", content_type = "text/plain", body = String)),
    security(()),
)]
async fn metrics(State(health): State<Health>) -> Response {
    health.metrics.render()
}
