//! `/v2`, `/v3`: the Hrana protocol of libSQL and Turso, in JSON.
//!
//! Bodies are read whatever their content type says, since some clients send none.

use crate::contract;
use crate::error::ApiError;
use crate::hrana::error::Refusal;
use crate::hrana::{cursor, pipeline, v1};
use crate::state::{App, Caller};
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, NoContent, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Requests on a stream, as the Hrana protocol means them.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "bodies are read by the protocol's own rules; this is for the contract"
)]
struct HranaPipeline {
    /// The stream, as the answer before named it; null for a new one.
    baton: Option<String>,
    /// What to do, in order: each has its `type`.
    #[schema(value_type = Vec<Object>)]
    requests: Vec<serde_json::Value>,
}

/// A batch on a stream, as the Hrana protocol means it.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "bodies are read by the protocol's own rules; this is for the contract"
)]
struct HranaCursor {
    /// The stream, as the answer before named it; null for a new one.
    baton: Option<String>,
    /// Its `steps`, each with a `stmt` and perhaps a `condition`.
    #[schema(value_type = Object)]
    batch: serde_json::Value,
}

/// Why a request of the Hrana protocol is refused as a whole; its stream has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HranaError {
    /// What went wrong, and what to do.
    #[schema(example = "the stream has expired")]
    message: String,
    /// The same: some clients show this one.
    error: String,
    /// The stable name of the error, in capitals.
    #[schema(example = "STREAM_EXPIRED")]
    code: String,
}

/// Say that version 2 of the Hrana protocol is spoken here.
#[utoipa::path(
    get,
    path = "/v2",
    tag = "hrana",
    responses((status = 204, description = "`POST /v2/pipeline` takes JSON")),
    security(()),
)]
pub(crate) async fn v2() -> NoContent {
    NoContent
}

/// Say that version 3 of the Hrana protocol is spoken here.
#[utoipa::path(
    get,
    path = "/v3",
    tag = "hrana",
    responses((status = 204, description = "`POST /v3/pipeline` and `POST /v3/cursor` take JSON")),
    security(()),
)]
pub(crate) async fn v3() -> NoContent {
    NoContent
}

/// Run requests on a stream, as clients of version 2 send them.
#[utoipa::path(
    post,
    path = db_api::HRANA_V2_PIPELINE,
    tag = "hrana",
    request_body(
        content = HranaPipeline,
        description = "what to run, on which stream",
        example = json!({"baton": null, "requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]}),
    ),
    responses(
        (status = 200, description = "`{baton, base_url, results}`: a result for every request, in order", body = Object),
        contract::OfHrana,
    )
)]
pub(crate) async fn pipeline_v2(state: State<Arc<App>>, request: Request) -> Response {
    answer_pipeline(state.0, db_api::HRANA_V2_PIPELINE, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

/// Run requests on a stream.
///
/// `execute`, `batch`, `sequence`, `describe`, `store_sql`, `close_sql`, `get_autocommit`, `close`. A stream is a
/// connection with its own transaction; the baton in the answer names it in the next request.
#[utoipa::path(
    post,
    path = db_api::HRANA_V3_PIPELINE,
    tag = "hrana",
    request_body(
        content = HranaPipeline,
        description = "what to run, on which stream",
        example = json!({"baton": null, "requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]}),
    ),
    responses(
        (status = 200, description = "`{baton, base_url, results}`: a result for every request, in order", body = Object),
        contract::OfHrana,
    )
)]
pub(crate) async fn pipeline_v3(state: State<Arc<App>>, request: Request) -> Response {
    answer_pipeline(state.0, db_api::HRANA_V3_PIPELINE, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

/// Run a batch on a stream and get its rows as lines of JSON while it runs.
#[utoipa::path(
    post,
    path = db_api::HRANA_V3_CURSOR,
    tag = "hrana",
    request_body(
        content = HranaCursor,
        description = "what to run, on which stream",
        example = json!({"baton": null, "batch": {"steps": [{"stmt": {"sql": "SELECT 1"}}]}}),
    ),
    responses(
        (status = 200, description = "first `{baton, base_url}`, then an entry a line; the last is `replication_index`", body = String, content_type = "application/x-ndjson"),
        contract::OfHrana,
    )
)]
pub(crate) async fn cursor_v3(State(app): State<Arc<App>>, request: Request) -> Response {
    let answered = async {
        let (caller, body) = open(&app, request).await?;
        let lines = cursor::answer(&app, &caller, db_api::HRANA_V3_CURSOR, &body)
            .await
            .map_err(refused)?;
        Ok(typed("application/x-ndjson", lines))
    };
    answered.await.unwrap_or_else(|refusal: Response| refusal)
}

/// `POST /v1/execute` as version 1 means it.
pub(super) async fn execute_v1(app: &Arc<App>, caller: &Caller, body: &[u8]) -> Result<Response, ApiError> {
    let answer = v1::execute(app, caller, body).await.map_err(ApiError::Hrana)?;
    Ok(typed("application/json", Body::from(Bytes::from(answer))))
}

/// `POST /v1/batch` as version 1 means it.
pub(super) async fn batch_v1(app: &Arc<App>, caller: &Caller, body: &[u8]) -> Result<Response, ApiError> {
    let answer = v1::batch(app, caller, body).await.map_err(ApiError::Hrana)?;
    Ok(typed("application/json", Body::from(Bytes::from(answer))))
}

async fn answer_pipeline(app: Arc<App>, route: &'static str, request: Request) -> Result<Response, Response> {
    let (caller, body) = open(&app, request).await?;
    let answer = pipeline::answer(&app, &caller, route, &body)
        .await
        .map_err(refused)?;
    Ok(typed("application/json", Body::from(Bytes::from(answer))))
}

/// Who asks, and the body.
async fn open(app: &Arc<App>, request: Request) -> Result<(Caller, Bytes), Response> {
    let (mut parts, body) = request.into_parts();
    let caller = match Caller::from_request_parts(&mut parts, app).await {
        Ok(caller) => caller,
        Err(refusal) => return Err(in_words_of_hrana(refusal).await),
    };
    let body = app.body(body).await.map_err(|problem| refused(problem.into()))?;
    Ok((caller, body))
}

fn refused(refusal: Refusal) -> Response {
    ApiError::Hrana(refusal).into_response()
}

/// A refusal as a problem document, in the words that Hrana clients look for.
async fn in_words_of_hrana(refusal: Response) -> Response {
    let (mut parts, body) = refusal.into_parts();
    let document: serde_json::Value = match body.collect().await {
        Ok(body) => serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
        Err(_) => serde_json::Value::Null,
    };
    let detail = document["detail"].as_str().unwrap_or("refused");
    let body = serde_json::json!({ "message": detail, "error": detail, "code": document["code"] });
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(body.to_string()))
}

fn typed(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
