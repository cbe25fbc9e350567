//! `/v1/query`: one read-only statement.

use crate::answer::json::JsonSink;
use crate::answer::stream::{Form, Piece, StreamSink};
use crate::contract;
use crate::engine::{EngineError, Kind, Read, Ticket, Timing};
use crate::error::{ApiError, not_modified};
use crate::negotiation::form;
use crate::request;
use crate::state::{App, Caller, server_timing};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};
use axum::response::Response;
use bytes::Bytes;
use db_api::{QueryRequest, QueryResult, ValueForm};
use futures_util::Stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use service_kit::negotiation::{Has, client_has};
use service_kit::validation::{Asked, Fault};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use utoipa::IntoParams;

/// The header with the times of an answer.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the form of an answer depends on, besides its coding.
const VARIES: HeaderValue = HeaderValue::from_static("accept, authorization");

/// A statement in a query string.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueryString {
    /// One read-only statement.
    #[param(example = "SELECT id, name FROM products WHERE id = ?")]
    sql: String,
    /// Its parameters as JSON: a list, or an object of names.
    #[param(example = "[1]")]
    params: Option<String>,
    /// `plain` or `tagged`.
    #[serde(default)]
    values: ValueForm,
    /// How long the statement may take, in milliseconds.
    #[param(minimum = 1)]
    timeout_ms: Option<u64>,
    /// How many rows a JSON answer may hold.
    max_rows: Option<u64>,
}

/// Run one read-only statement.
///
/// The form of the answer follows `Accept`: JSON in one piece, NDJSON or CSV as a stream of any size.
#[utoipa::path(
    post,
    path = db_api::QUERY,
    tag = "statements",
    request_body = QueryRequest,
    responses(
        (status = 200, description = "columns and rows", content(
            (QueryResult = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 304, description = "the client has this answer: `If-None-Match` names its tag"),
        contract::OfStatement,
    )
)]
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = app.body(body).await?;
    let query: QueryRequest = request::json(&bytes)?;
    answer(&app, &caller, &parts.headers, parts.version, query, &bytes).await
}

/// Run one read-only statement given in the query string.
#[utoipa::path(
    get,
    path = db_api::QUERY,
    tag = "statements",
    params(QueryString),
    responses(
        (status = 200, description = "columns and rows", content(
            (QueryResult = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 304, description = "the client has this answer: `If-None-Match` names its tag"),
        contract::OfQuery,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    version: Version,
    asked: Asked<QueryString>,
) -> Result<Response, ApiError> {
    let Asked {
        value: text,
        mut faults,
    } = asked;
    let params = faults.take(text.params.as_deref().map(request::params).transpose());
    if text.timeout_ms == Some(0) {
        faults.push(Fault::parameter(
            "timeout_ms",
            "it must be at least 1; leave it out for the most the service allows",
        ));
    }
    let params = faults.or(params)?.flatten().unwrap_or_default();
    let query = QueryRequest {
        sql: text.sql,
        params,
        values: text.values,
        timeout_ms: text.timeout_ms,
        max_rows: text.max_rows,
    };
    let question = serde_json::to_vec(&query).map_err(EngineError::broken)?;
    answer(&app, &caller, &headers, version, query, &question).await
}

async fn answer(
    app: &Arc<App>,
    caller: &Caller,
    headers: &HeaderMap,
    version: Version,
    query: QueryRequest,
    question: &[u8],
) -> Result<Response, ApiError> {
    let form = form(headers, query.values)?;
    // A tag names one form of the answer.
    let etag = app.etag(&caller.0, (form.map(Form::media_type), question));
    let has = client_has(headers, &etag);
    if has == Has::This {
        return Ok(not_modified(tag(&etag)));
    }
    let ticket = app.ticket(Kind::Read, &query.sql, caller);
    let timeout = match form {
        None => app.limits.statement_timeout(query.timeout_ms),
        Some(_) => app.limits.stream_timeout(query.timeout_ms),
    };
    let max_rows = app.limits.rows(query.max_rows);
    let values = query.values;
    let read = Read {
        sql: query.sql,
        params: query.params,
        rights: Arc::clone(&caller.0),
        control: Arc::clone(&ticket.control),
        timeout,
    };
    let mut response = match form {
        None => in_one_piece(app, ticket, read, values, max_rows, &etag).await?,
        Some(form) => streamed(app, ticket, read, form, &etag).await?,
    };
    if has == Has::Any {
        // Whether there is an answer at all is known only now.
        return Ok(not_modified(tag(&etag)));
    }
    if matches!(form, Some(Form::Csv(_))) && version < Version::HTTP_11 {
        let broken_off = with_length(&mut response, app.limits.max_result_bytes).await;
        return broken_off.map_or(Ok(response), Err);
    }
    Ok(response)
}

async fn in_one_piece(
    app: &App,
    _ticket: Ticket,
    read: Read,
    values: ValueForm,
    max_rows: u64,
    etag: &str,
) -> Result<Response, ApiError> {
    let (sink, body) = JsonSink::new(values, max_rows, app.limits.max_result_bytes);
    app.engine.read(read, sink);
    let (body, timing) = body.await.map_err(lost)??;
    app.metrics.ran(db_api::QUERY, Kind::Read, timing);
    let mut response = Response::new(Body::from(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(SERVER_TIMING, server_timing(timing));
    say_how_to_keep(headers, timing, etag);
    Ok(response)
}

async fn streamed(
    app: &Arc<App>,
    ticket: Ticket,
    read: Read,
    form: Form,
    etag: &str,
) -> Result<Response, ApiError> {
    let stall = Duration::from_millis(app.limits.stall_timeout_ms);
    let (sink, stream) = StreamSink::new(form, Arc::clone(&ticket.control), stall);
    app.engine.read(read, sink);
    let timing = stream.began.await.map_err(lost)??;
    app.metrics.ran(db_api::QUERY, Kind::Read, timing);
    app.metrics.open_streams.inc();
    let chunks = Chunks {
        pieces: stream.pieces,
        last_words: stream.last_words,
        ended: false,
        flushed: true,
        failure: None,
        _ticket: ticket,
        app: Arc::clone(app),
    };
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(SERVER_TIMING, server_timing(timing));
    say_how_to_keep(headers, timing, etag);
    Ok(response)
}

/// Reads the body whole, so that it goes with its length; gives the error when it breaks off. Before HTTP/1.1 an answer
/// without a length ends with its connection, broken off or not, and CSV has no trailer that tells.
async fn with_length(response: &mut Response, most: u64) -> Option<ApiError> {
    let body = std::mem::take(response.body_mut());
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let error = match Limited::new(body, limit).collect().await {
        Ok(whole) => {
            *response.body_mut() = Body::from(whole.to_bytes());
            return None;
        }
        Err(error) => error,
    };
    if error.is::<LengthLimitError>() {
        return Some(EngineError::ResultTooLarge { limit_bytes: most }.into());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(error) = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref()?.downcast_ref::<EngineError>())
        {
            return Some(error.clone().into());
        }
        cause = error.source();
    }
    Some(EngineError::broken(error).into())
}

fn lost(_: tokio::sync::oneshot::error::RecvError) -> EngineError {
    EngineError::broken("a reading thread ended without an answer")
}

/// What a cache has to know of an answer.
fn say_how_to_keep(headers: &mut HeaderMap, timing: Timing, etag: &str) {
    if timing.volatile {
        headers.insert(VARY, VARIES);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else {
        headers.extend(tag(etag));
    }
}

/// The headers of an answer that a client may keep and ask for again.
fn tag(etag: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(VARY, VARIES);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    headers
}

/// The chunks of a streamed answer. Dropped when the client has them all or is gone, and the read ends with it.
struct Chunks {
    pieces: tokio::sync::mpsc::Receiver<Piece>,
    last_words: Arc<OnceLock<Bytes>>,
    ended: bool,
    /// Whether the server had a moment to send the chunk before.
    flushed: bool,
    /// Why the answer breaks off, when the chunk before is sent.
    failure: Option<std::io::Error>,
    _ticket: Ticket,
    app: Arc<App>,
}

impl Stream for Chunks {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(failure) = self.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        let piece = match self.pieces.poll_recv(context) {
            Poll::Pending => {
                self.flushed = true;
                return Poll::Pending;
            }
            Poll::Ready(piece) => piece,
        };
        let failure = match piece {
            Some(Piece::Chunk(chunk)) => {
                self.flushed = false;
                return Poll::Ready(Some(Ok(chunk)));
            }
            Some(Piece::End) => {
                self.ended = true;
                return Poll::Ready(None);
            }
            None if self.ended => return Poll::Ready(None),
            None if self.last_words.get().is_some() => {
                self.ended = true;
                return Poll::Ready(self.last_words.get().cloned().map(Ok));
            }
            Some(Piece::Failed(error)) => std::io::Error::other(error),
            None => std::io::Error::other("the answer broke off"),
        };
        self.ended = true;
        if self.flushed {
            return Poll::Ready(Some(Err(failure)));
        }
        // An error makes the server drop what it has not sent, the head included: it sends while it waits.
        self.failure = Some(failure);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.app.metrics.open_streams.dec();
    }
}
