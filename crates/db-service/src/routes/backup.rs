//! `GET /v1/backup`: a consistent copy.

use crate::contract;
use crate::engine::{Kind, Scope, Ticket};
use crate::error::ApiError;
use crate::state::{App, Caller};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use futures_util::StreamExt as _;
use service_kit::contract::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many chunks may wait for the client.
const CHUNKS_AHEAD: usize = 4;

/// Copy the database while writes go on. The copy shows one moment and passes `PRAGMA integrity_check`.
#[utoipa::path(
    get,
    path = db_api::BACKUP,
    tag = "operations",
    responses(
        (status = 200, description = "a SQLite file", content_type = "application/vnd.sqlite3", body = Bytes),
        contract::OfBackup,
    )
)]
pub(crate) async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    caller.needs(Scope::Admin)?;
    let ticket = app.ticket(Kind::Backup, "backup", &caller);
    let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
    let began = app.engine.backup(Arc::clone(&ticket.control), chunks);
    let length = ticket
        .control
        .turn_within(app.limits.queue_wait_ms, began)
        .await??;
    let mut response = Response::new(Body::from_stream(chunks_of(received, ticket)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.sqlite3"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"comptoir-backup.db\""),
    );
    Ok(response)
}

/// The chunks, together with the ticket that stops the copy when its client is gone.
fn chunks_of(
    received: mpsc::Receiver<std::io::Result<bytes::Bytes>>,
    ticket: Ticket,
) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> {
    futures_util::stream::unfold((received, ticket), async |(mut received, ticket)| {
        received.recv().await.map(|chunk| (chunk, (received, ticket)))
    })
    .boxed()
}
