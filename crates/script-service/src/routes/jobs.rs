//! `/jobs`: history, one job, cancel.

use super::pages::PageSize;
use super::submit::small_body;
use crate::contract;
use crate::error::ApiError;
use crate::state::App;
use crate::store::jobs::{self as store, Selection};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LOCATION, ETAG, LINK, LOCATION, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use script_api::{CancelRequest, Job, JobKind, JobPage, JobState};
use serde::Deserialize;
use service_kit::extract::Path;
use service_kit::negotiation::{Has, client_has};
use service_kit::validation::{self, Asked, Fault, Query};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use utoipa::IntoParams;

/// How long the name of who cancels may be, in characters.
const MAX_BY: usize = 200;
/// How often a waiting request looks for a job that another process may run.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which jobs are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only jobs in this state.
    state: Option<JobState>,
    /// Only jobs of this kind.
    kind: Option<JobKind>,
    /// Only jobs that the schedule of this name made.
    schedule: Option<String>,
    /// How many jobs a page has: 50 unless said otherwise, at most 500.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    page_size: PageSize,
    /// Where the page begins: `next_page_token` of the page before.
    page_token: Option<String>,
}

/// The history of jobs, newest first.
#[utoipa::path(
    get,
    path = script_api::paths::JOBS,
    tag = "jobs",
    params(ListQuery),
    responses(
        (status = 200, description = "a page of jobs", body = JobPage),
        contract::OfList,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let page_size = query.page_size.get();
    let before = query.page_token.as_deref().map(parse_token).transpose()?;
    let mut jobs = store::list(
        &app.db,
        &Selection {
            state: query.state,
            kind: query.kind,
            schedule: query.schedule.clone(),
            before,
            limit: page_size + 1,
        },
    )
    .await?;
    let more = jobs.len() > page_size as usize;
    jobs.truncate(page_size as usize);
    app.tell(&mut jobs);
    let next_page_token = jobs.last().filter(|_| more).map(|job| token(job.id));
    let mut headers = HeaderMap::new();
    if let Some(token) = &next_page_token {
        let mut next = format!("</jobs?page_size={page_size}&page_token={token}");
        if let Some(state) = query.state {
            let _ = write!(next, "&state={state}"); // a String takes every write
        }
        if let Some(kind) = query.kind {
            let _ = write!(next, "&kind={}", kind.as_str());
        }
        if let Some(schedule) = &query.schedule {
            let schedule: String = url::form_urlencoded::byte_serialize(schedule.as_bytes()).collect();
            let _ = write!(next, "&schedule={schedule}");
        }
        next.push_str(">; rel=\"next\"");
        if let Ok(value) = HeaderValue::try_from(next) {
            headers.insert(LINK, value);
        }
    }
    Ok((
        headers,
        Json(JobPage {
            jobs,
            next_page_token,
        }),
    )
        .into_response())
}

/// The token of the page that begins after row `id`. Its form may change: callers only pass it on.
pub(super) fn token(id: i64) -> String {
    format!("b{id:x}")
}

/// The row after which a page begins.
pub(super) fn parse_token(token: &str) -> Result<i64, ApiError> {
    token
        .strip_prefix('b')
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .and_then(|id| i64::try_from(id).ok())
        .ok_or_else(|| Fault::parameter("page_token", "it is not one that a page gave").into())
}

/// One job.
#[utoipa::path(
    get,
    path = script_api::paths::JOB,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 304, description = "it did not change since the answer whose `ETag` was sent"),
        contract::OfOne,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = app.job(id).await?;
    // Whether an import can be taken back also depends on what others do, and what a job waits for is no row.
    let undo = job.undo.as_ref().and_then(|undo| undo.code);
    let undo = undo.map_or(String::new(), |code| format!("-{}", code as u8));
    let waiting = job.waiting.as_ref().map_or("", |_| "-w");
    let tag = format!("W/\"{}-{}{undo}{waiting}\"", job.id, job.revision);
    let mut response = if client_has(&headers, &tag) == Has::No {
        Json(job).into_response()
    } else {
        StatusCode::NOT_MODIFIED.into_response()
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// Ask for the end of a job.
///
/// A job that waits ends at once; one that runs ends after its batch. Asking again changes nothing.
#[utoipa::path(
    post,
    path = script_api::paths::JOB_CANCEL,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    request_body(content = Option<CancelRequest>, description = "who asks; may be left out"),
    responses(
        (status = 202, description = "its end was asked for", body = Job),
        contract::OfCancelling,
    )
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    request: Request,
) -> Result<Response, ApiError> {
    let client = request.headers().get(USER_AGENT).cloned();
    let body = small_body(request).await?;
    let asked: CancelRequest = if validation::is_nothing(&body) {
        CancelRequest::default()
    } else {
        validation::json(&body).and_then(Asked::whole)?
    };
    let by = match &asked.by {
        Some(by) if by.is_empty() || by.chars().count() > MAX_BY => {
            let reason = format!("a name has 1 to {MAX_BY} characters");
            return Err(Fault::at("/by", reason).into());
        }
        Some(by) => by.clone(),
        None => client
            .and_then(|client| client.to_str().ok().map(str::to_owned))
            .map_or_else(
                || "request".to_owned(),
                |client| client.chars().take(MAX_BY).collect(),
            ),
    };
    store::cancel(&app.db, id, &by).await?;
    app.signals.cancelled(id);
    let job = app.job(id).await?;
    Ok((StatusCode::ACCEPTED, Json(job)).into_response())
}

/// Go on with a job that was given up.
///
/// A job that db-service failed for too long (`--job-patience-s`) is `interrupted`, and waits for this request.
#[utoipa::path(
    post,
    path = script_api::paths::JOB_RESUME,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 202, description = "it goes on from where it was", body = Job),
        contract::OfResuming,
    )
)]
pub(crate) async fn resume(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<Response, ApiError> {
    store::resume(&app.db, id).await?;
    app.signals.submitted(id);
    Ok((StatusCode::ACCEPTED, Json(app.job(id).await?)).into_response())
}

/// The answer to a request that made job `id`, or that `repeated` one which did: the finished job when it is
/// done within `wait`, otherwise where to look for it.
pub(crate) async fn submitted(
    app: &App,
    id: i64,
    repeated: bool,
    wait: Option<Duration>,
) -> Result<Response, ApiError> {
    let job = match wait {
        Some(wait) => until_final(app, id, wait).await?,
        None => app.job(id).await?,
    };
    let location = format!("/jobs/{id}");
    let finished = wait.is_some() && job.state.is_final();
    let mut response = Json(job).into_response();
    *response.status_mut() = if finished {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location.clone());
        if finished {
            headers.insert(CONTENT_LOCATION, location);
        }
    }
    if let (true, Some(wait)) = (finished, wait) {
        if let Ok(applied) = HeaderValue::try_from(format!("wait={}", wait.as_secs())) {
            headers.insert("preference-applied", applied);
        }
    } else {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if repeated {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Job `id` once it is final, or as it is after `wait`.
async fn until_final(app: &App, id: i64, wait: Duration) -> Result<Job, ApiError> {
    let deadline = Instant::now() + wait;
    let mut signals = app.signals.subscribe();
    loop {
        let job = app.job(id).await?;
        let now = Instant::now();
        if job.state.is_final() || now >= deadline {
            return Ok(job);
        }
        let look = tokio::time::sleep_until((now + LOOK_EVERY).min(deadline));
        tokio::pin!(look);
        loop {
            tokio::select! {
                () = &mut look => break,
                other = signals.recv() => match other {
                    Ok(other) if other != id => {}
                    _ => break,
                },
            }
        }
    }
}
