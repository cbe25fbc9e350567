//! `POST /v1/explain`: how SQLite would run a statement.

use crate::contract;
use crate::engine::{Kind, Read};
use crate::error::ApiError;
use crate::request;
use crate::state::{App, Caller};
use axum::extract::{Request, State};
use db_api::{PlanNode, QueryRequest};
use std::sync::Arc;

/// Show the plan of a statement as a tree. The statement is not run.
#[utoipa::path(
    post,
    path = db_api::EXPLAIN,
    tag = "statements",
    request_body = QueryRequest,
    responses(
        (status = 200, description = "the steps", body = Vec<PlanNode>),
        contract::OfStatement,
    )
)]
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<axum::Json<Vec<PlanNode>>, ApiError> {
    let query: QueryRequest = request::json(&app.body(request.into_body()).await?)?;
    let ticket = app.ticket(Kind::Read, &query.sql, &caller);
    let read = Read {
        sql: query.sql,
        params: query.params,
        rights: Arc::clone(&caller.0),
        control: Arc::clone(&ticket.control),
        timeout: app.limits.statement_timeout(query.timeout_ms),
    };
    Ok(axum::Json(app.engine.explain(read).await?))
}
