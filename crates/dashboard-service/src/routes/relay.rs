//! `/api/..`: what the script of a page asks of script-service, sent on as it is and answered as it comes, so
//! that the page talks to one origin. Only the routes of the table are relayed.

use crate::App;
use crate::error;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::response::Response;

/// What of a request is sent on.
const REQUEST_HEADERS: [&str; 8] = [
    "accept",
    "accept-language",
    "content-type",
    "content-length",
    "content-encoding",
    "idempotency-key",
    "last-event-id",
    "prefer",
];
/// What of an answer is passed on.
const ANSWER_HEADERS: [&str; 7] = [
    "content-type",
    "content-disposition",
    "cache-control",
    "etag",
    "location",
    "retry-after",
    "x-accel-buffering",
];

/// Sends the request on. Body and answer stream, so size and length of time do not matter.
pub(crate) async fn send(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let target = target.strip_prefix("/api").unwrap_or(&target);
    let headers = REQUEST_HEADERS
        .into_iter()
        .filter_map(|name| Some((name, parts.headers.get(name)?.to_str().ok()?.to_owned())))
        .collect();
    let body = script_client::Body::wrap_stream(body.into_data_stream());
    match app.script.forward(parts.method, target, headers, body).await {
        Ok(answer) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            for name in ANSWER_HEADERS {
                if let Some(value) = answer.headers().get(name) {
                    response
                        .headers_mut()
                        .insert(HeaderName::from_static(name), value.clone());
                }
            }
            *response.body_mut() = Body::from_stream(answer.bytes_stream());
            response
        }
        Err(cause) => error::not_relayed(&cause),
    }
}
