//! `GET /v1/limits`.

use crate::config::Limits;
use crate::contract;
use crate::state::{App, Caller};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// Show the limits in force, under the names that errors use.
#[utoipa::path(
    get,
    path = db_api::LIMITS,
    tag = "operations",
    responses((status = 200, description = "the limits", body = Limits), contract::OfService)
)]
pub(crate) async fn get(State(app): State<Arc<App>>, _caller: Caller) -> Json<Limits> {
    Json(app.limits.clone())
}
