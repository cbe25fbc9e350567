//! `/v1/queries`: what runs now.

use crate::contract;
use crate::engine::Scope;
use crate::error::ApiError;
use crate::state::{App, Caller};
use axum::Json;
use axum::extract::State;
use axum::response::NoContent;
use db_api::{ErrorCode, RunningStatements};
use service_kit::extract::Path;
use std::sync::Arc;

/// List the statements that run or wait now, oldest first.
#[utoipa::path(
    get,
    path = db_api::QUERIES,
    tag = "operations",
    responses(
        (status = 200, description = "what runs now", body = RunningStatements),
        contract::OfAdministration,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<RunningStatements>, ApiError> {
    caller.needs(Scope::Admin)?;
    Ok(Json(RunningStatements {
        queries: app.registry.list(),
    }))
}

/// Stop a running statement.
#[utoipa::path(
    delete,
    path = db_api::RUNNING_QUERY,
    tag = "operations",
    params(("id" = u64, Path, description = "from `GET /v1/queries`")),
    responses(
        (status = 204, description = "it stops; its caller is answered 499"),
        contract::OfAdministration,
    )
)]
pub(crate) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<NoContent, ApiError> {
    caller.needs(Scope::Admin)?;
    if app.registry.stop(id) {
        Ok(NoContent)
    } else {
        Err(ApiError::Refused(
            ErrorCode::NotFound,
            format!("no statement {id} is running"),
        ))
    }
}
