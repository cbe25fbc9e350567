//! `/healthz`, `/readyz`, `/metrics`.

use crate::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use service_kit::problem::Problem;

/// The process answers.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// script-service answers, so pages hold figures.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    match app.script.get::<Value>("/readyz", &[]).await {
        Ok(_) => Json(json!({"status": "ready"})).into_response(),
        Err(cause) => {
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", cause.to_string());
            problem.retry_after_s = Some(1);
            problem.into_response()
        }
    }
}

/// Requests by route, counted and timed.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    app.metrics.render()
}
