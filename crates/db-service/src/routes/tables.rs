//! `/v1/tables`: the schema.

use crate::contract;
use crate::error::{ApiError, not_modified};
use crate::state::{App, Caller};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use db_api::{Table, TableList};
use serde::Serialize;
use service_kit::extract::Path;
use service_kit::negotiation::{Has, client_has};
use std::sync::Arc;
use std::time::Duration;

/// How long counting the rows of a table may take.
const COUNT_FOR: Duration = Duration::from_millis(500);

/// List tables and views; a token that is limited to tables sees those only.
#[utoipa::path(
    get,
    path = db_api::TABLES,
    tag = "tables",
    responses(
        (status = 200, description = "tables and views, by name", body = TableList),
        (status = 304, description = "the client has this answer"),
        contract::OfTables,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    tagged(&app, &caller, &headers, db_api::TABLES, async {
        Ok(TableList {
            tables: app.engine.list_tables(Arc::clone(&caller.0)).await?,
        })
    })
    .await
}

/// Show one table: columns, keys, indexes, triggers, row count.
#[utoipa::path(
    get,
    path = db_api::TABLE,
    tag = "tables",
    params(("table" = String, Path, description = "the table or view", example = "sales")),
    responses(
        (status = 200, description = "the table", body = Table),
        (status = 304, description = "the client has this answer"),
        contract::OfTable,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Path(table): Path<String>,
) -> Result<Response, ApiError> {
    let question = format!("{}/{table}", db_api::TABLES);
    tagged(&app, &caller, &headers, &question, async {
        Ok(app
            .engine
            .get_table(table, Arc::clone(&caller.0), COUNT_FOR)
            .await?)
    })
    .await
}

/// An answer with its tag, or 304 for a client that has it.
async fn tagged<T: Serialize>(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    question: &str,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<Response, ApiError> {
    let etag = app.etag(&caller.0, question.as_bytes());
    let has = client_has(headers, &etag);
    let mut kept = HeaderMap::new();
    kept.insert(VARY, HeaderValue::from_static("authorization"));
    kept.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        kept.insert(ETAG, etag);
    }
    if has == Has::This {
        return Ok(not_modified(kept));
    }
    let answer = answer.await?;
    if has == Has::Any {
        return Ok(not_modified(kept));
    }
    Ok((kept, Json(answer)).into_response())
}
