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
use serde::Deserialize;
use service_kit::contract::Bytes;
use service_kit::validation::Asked;
use std::sync::Arc;
use tokio::sync::mpsc;
use utoipa::IntoParams;

/// How many chunks may wait for the client.
const CHUNKS_AHEAD: usize = 4;

/// How a copy is given.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BackupOptions {
    /// Give the copy though the database fails its check, to save what can be saved.
    #[serde(default)]
    unchecked: bool,
}

/// Copy the database while writes go on.
///
/// The copy shows one moment. It is sent when it has passed its check: `PRAGMA quick_check`, `PRAGMA foreign_key_check`,
/// and as many rows in every table as the database.
#[utoipa::path(
    get,
    path = db_api::BACKUP,
    tag = "operations",
    params(BackupOptions),
    responses(
        (status = 200, description = "a SQLite file", content_type = "application/vnd.sqlite3", body = Bytes),
        contract::OfBackup,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked<BackupOptions>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Admin)?;
    let Asked {
        value: options,
        faults,
    } = asked;
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let ticket = app.ticket(Kind::Backup, "backup", &caller);
    let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
    let began = app
        .engine
        .backup(Arc::clone(&ticket.control), options.unchecked, chunks);
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
