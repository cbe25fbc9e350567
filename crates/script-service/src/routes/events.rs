//! `/events` and `/jobs/{id}/events`: jobs as they change (server-sent events).
//!
//! The stream is a live view of `/jobs/{id}`, never the truth: every `progress` event is a whole snapshot,
//! and its id is the job's revision, so a client that was away goes on with `Last-Event-ID`. A finished job
//! ends its stream with `end`.

use crate::error::{ApiError, ProblemDocument};
use crate::jobs::Job;
use crate::jobs::store::{self, Selection};
use crate::state::App;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use service_kit::extract::Path;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;

/// The shortest time between two events of a stream: four a second.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// How often a stream looks for what other processes change.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a silent stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many jobs the stream of all jobs looks at.
const RECENT_JOBS: u32 = 50;

/// One job as it changes.
///
/// Events `progress` carry the whole job and its revision as id; `end` is the last one. A reconnect after it
/// (`Last-Event-ID`) is answered 204, which tells a browser to stop.
#[utoipa::path(
    get,
    path = "/jobs/{id}/events",
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 200, description = "events", content_type = "text/event-stream", body = String),
        (status = 204, description = "the job is finished and the client knows its end"),
        (status = "default", description = "an error", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn of_job(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let changes = app.signals.subscribe();
    let job = store::get(&app.db, id).await?;
    let known = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<i64>().ok());
    if job.state.is_final() && known.is_some_and(|known| known >= job.revision) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let state = OneJob {
        app,
        id,
        changes,
        seen: known.unwrap_or(-1),
        last: None,
        ended: false,
    };
    let events = stream::unfold(state, async |mut state| {
        let event = state.next().await?;
        Some((Ok::<_, Infallible>(event), state))
    });
    Ok(sse(events))
}

/// All jobs as they change.
///
/// Events `progress` and `end` carry a whole job; on connect come the jobs that are not finished.
#[utoipa::path(
    get,
    path = "/events",
    tag = "jobs",
    responses(
        (status = 200, description = "events", content_type = "text/event-stream", body = String),
        (status = "default", description = "an error", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn of_all(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let changes = app.signals.subscribe();
    let recent = recent(&app).await?;
    let seen = recent
        .iter()
        .filter(|job| job.state.is_final())
        .map(|job| (job.id, job.revision))
        .collect();
    let state = AllJobs { app, changes, seen };
    let events = stream::unfold((state, true), async |(mut state, first)| {
        let events = state.next(first).await;
        Some((
            stream::iter(events.into_iter().map(Ok::<_, Infallible>)),
            (state, false),
        ))
    });
    Ok(sse(events.flatten()))
}

fn sse(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn event(job: &Job) -> Event {
    let name = if job.state.is_final() { "end" } else { "progress" };
    Event::default()
        .event(name)
        .id(job.revision.to_string())
        .json_data(job)
        .unwrap_or_default()
}

struct OneJob {
    app: Arc<App>,
    id: i64,
    changes: Receiver<i64>,
    seen: i64,
    last: Option<Instant>,
    ended: bool,
}

impl OneJob {
    /// The next event, once the job has changed; `None` after the last one.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(last) = self.last {
                tokio::time::sleep_until(last + LEAST_PAUSE).await;
            }
            // db-service may be away for a while; the stream goes on when it is back.
            if let Ok(job) = store::get(&self.app.db, self.id).await
                && job.revision > self.seen
            {
                self.seen = job.revision;
                self.last = Some(Instant::now());
                self.ended = job.state.is_final();
                return Some(event(&job));
            }
            wait_for_change(&mut self.changes, Some(self.id)).await;
        }
    }
}

struct AllJobs {
    app: Arc<App>,
    changes: Receiver<i64>,
    /// The revision of each job that was sent last.
    seen: BTreeMap<i64, i64>,
}

impl AllJobs {
    /// The next events, at least one.
    async fn next(&mut self, first: bool) -> Vec<Event> {
        let mut wait = !first;
        loop {
            if wait {
                wait_for_change(&mut self.changes, None).await;
                tokio::time::sleep(LEAST_PAUSE).await;
                while self.changes.try_recv().is_ok() {}
            }
            wait = true;
            let Ok(mut jobs) = recent(&self.app).await else {
                continue;
            };
            jobs.reverse();
            jobs.retain(|job| self.seen.get(&job.id).is_none_or(|seen| *seen < job.revision));
            if jobs.is_empty() {
                continue;
            }
            self.seen.extend(jobs.iter().map(|job| (job.id, job.revision)));
            while self.seen.len() > 4 * RECENT_JOBS as usize {
                self.seen.pop_first();
            }
            return jobs.iter().map(event).collect();
        }
    }
}

async fn recent(app: &App) -> Result<Vec<Job>, ApiError> {
    store::list(
        &app.db,
        &Selection {
            limit: RECENT_JOBS,
            ..Selection::default()
        },
    )
    .await
}

/// Done when `job` (any, for `None`) changed here, or when it is time to look for changes elsewhere.
async fn wait_for_change(signals: &mut Receiver<i64>, job: Option<i64>) {
    let look = tokio::time::sleep(LOOK_EVERY);
    tokio::pin!(look);
    loop {
        tokio::select! {
            () = &mut look => return,
            id = signals.recv() => match (id, job) {
                (Ok(id), Some(job)) if id != job => {}
                _ => return,
            },
        }
    }
}
