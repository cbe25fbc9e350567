//! `POST /jobs/{id}/undo`: an import is taken back.

use super::submit::{Submitted, Wish, answer, fingerprint, small_body};
use crate::contract;
use crate::error::ApiError;
use crate::state::App;
use crate::store::jobs::{self, IdempotencyKey};
use crate::undo::{UndoJob, submission};
use axum::extract::{Request, State};
use axum::response::Response;
use script_api::{Job, UndoRequest};
use service_kit::extract::Path;
use service_kit::validation::{self, Asked};
use std::sync::Arc;

/// Take an import back.
///
/// What it added goes, what it changed or replaced comes back; products and stores that it made go where nothing else
/// refers to them. An import that failed or was cancelled on its way is taken back as far as it came. If others changed
/// some of its rows since, nothing is taken back, and the job says which rows, how many, and who changed them;
/// `{"partial": true}` leaves those. `undo` of a job says whether it can be taken back, and until when.
///
/// Try `curl -X POST localhost:5000/jobs/7/undo -H 'Prefer: wait=30'`.
#[utoipa::path(
    post,
    path = script_api::paths::JOB_UNDO,
    tag = "jobs",
    params(
        ("id" = i64, Path, description = "the import"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content = Option<UndoRequest>, description = "how; may be left out"),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job that takes it back; `Location` says where to look for it", body = Job),
        contract::OfUndoing,
    )
)]
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    request: Request,
) -> Result<Response, ApiError> {
    let wish = Wish::of(request.headers(), &app.config)?;
    let body = small_body(request).await?;
    let asked: UndoRequest = if validation::is_nothing(&body) {
        UndoRequest::default()
    } else {
        validation::json(&body).and_then(Asked::whole)?
    };
    let undo = UndoJob {
        job: id,
        request: asked,
    };
    let key = wish.key.map(|key| IdempotencyKey {
        key,
        fingerprint: fingerprint("undo", &id.to_string(), &asked.partial.to_string()),
    });
    let made_before = match &key {
        Some(key) => jobs::find_by_key(&app.db, key).await?,
        None => None,
    };
    let (job, is_repeated) = if let Some(job) = made_before {
        // A retry finds its job, though the import is taken back by now.
        (job, true)
    } else {
        submission::check(&jobs::get(&app.db, id).await?)?;
        submission::submit(&app.db, undo, key.as_ref(), app.config.queue_limit).await?
    };
    if !is_repeated {
        app.signals.submitted(job);
        app.signals.changed(id);
    }
    answer(&app, Submitted { job, is_repeated }, wish.wait).await
}
