//! `/events` and `/jobs/{id}/events`: jobs as they change (server-sent events).
//!
//! The stream is a live view of `/jobs/{id}`, never the truth: every `progress` event is a whole snapshot,
//! and its id is the job's revision, so a client that was away goes on with `Last-Event-ID`. A finished job
//! ends its stream with `end`. The ids of the stream of all jobs are times, in milliseconds since 1970.

use crate::contract;
use crate::error::ApiError;
use crate::outages::Outage;
use crate::state::App;
use crate::store::jobs as store;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use script_api::Job;
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
/// How far the clocks of processes that run jobs may lie apart, in milliseconds.
const CLOCKS_DIFFER_MS: i64 = 5_000;
/// How many finished jobs the stream of all jobs looks at.
const RECENT_JOBS: u32 = 50;

/// One job as it changes.
///
/// Events `progress` carry the whole job and its revision as id; `end` is the last one. A reconnect after it
/// (`Last-Event-ID`) is answered 204, which tells a browser to stop.
#[utoipa::path(
    get,
    path = script_api::paths::JOB_EVENTS,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 200, description = "events", content_type = "text/event-stream", body = serde_json::Value),
        (status = 204, description = "the job is finished and the client knows its end"),
        contract::OfOne,
    )
)]
pub(crate) async fn of_job(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let changes = app.signals.subscribe();
    let job = app.job(id).await?;
    // An id that this job cannot have given is another stream's: the client knows nothing then.
    let known = last_event_id(&headers).filter(|known| *known <= job.revision);
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
        outage: Outage::apart("reading a job for its events"),
    };
    let events = stream::unfold(state, async |mut state| {
        let event = state.next().await?;
        Some((Ok::<_, Infallible>(event), state))
    });
    Ok(sse(events))
}

/// All jobs as they change.
///
/// Events `progress` and `end` carry a whole job; on connect come the jobs that are not finished, and after a
/// break (`Last-Event-ID`) those too that finished meanwhile. A job may come twice as it is.
#[utoipa::path(
    get,
    path = script_api::paths::EVENTS,
    tag = "jobs",
    responses(
        (status = 200, description = "events", content_type = "text/event-stream", body = serde_json::Value),
        contract::OfList,
    )
)]
pub(crate) async fn of_all(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let changes = app.signals.subscribe();
    let away_since = last_event_id(&headers)
        .and_then(|known| Timestamp::from_millisecond(known.saturating_sub(CLOCKS_DIFFER_MS)).ok());
    let missed = |job: &Job| {
        let finished = job
            .finished_at
            .as_deref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        finished
            .zip(away_since)
            .is_some_and(|(finished, since)| finished >= since)
    };
    let seen = store::list_live(&app.db, RECENT_JOBS)
        .await?
        .iter()
        .filter(|job| job.state.is_final() && !missed(job))
        .map(|job| (job.id, job.revision))
        .collect();
    let state = AllJobs {
        app,
        changes,
        seen,
        running: Vec::new(),
        outage: Outage::apart("reading jobs for their events"),
    };
    let events = stream::unfold((state, true), async |(mut state, first)| {
        let events = state.next(first).await?;
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

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    let value = headers.get("last-event-id")?.to_str().ok()?;
    value.trim().parse().ok()
}

fn event(job: &Job, id: i64) -> Event {
    let name = if job.state.is_final() { "end" } else { "progress" };
    Event::default()
        .event(name)
        .id(id.to_string())
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
    outage: Outage,
}

impl OneJob {
    /// The next event, once the job has changed; `None` after the last one, and when the service stops.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(last) = self.last {
                tokio::time::sleep_until(last + LEAST_PAUSE).await;
            }
            if *self.app.stopping.borrow() {
                return None;
            }
            match self.app.job(self.id).await {
                Ok(job) if job.revision > self.seen => {
                    self.seen = job.revision;
                    self.last = Some(Instant::now());
                    self.ended = job.state.is_final();
                    return Some(event(&job, job.revision));
                }
                Ok(_) => self.outage.over(),
                // db-service may be away for a while; the stream goes on when it is back.
                Err(error) => pause(&self.app, self.outage.failed(&error)).await,
            }
            wait_for_change(&self.app, &mut self.changes, Some(self.id)).await;
        }
    }
}

struct AllJobs {
    app: Arc<App>,
    changes: Receiver<i64>,
    /// The revision of each listed job that was sent last.
    seen: BTreeMap<i64, i64>,
    /// Jobs that were not finished when they were sent last.
    running: Vec<i64>,
    outage: Outage,
}

impl AllJobs {
    /// The next events, at least one; `None` when the service stops.
    async fn next(&mut self, first: bool) -> Option<Vec<Event>> {
        let mut wait = !first;
        loop {
            if wait {
                wait_for_change(&self.app, &mut self.changes, None).await;
                tokio::time::sleep(LEAST_PAUSE).await;
                while self.changes.try_recv().is_ok() {}
            }
            wait = true;
            if *self.app.stopping.borrow() {
                return None;
            }
            // Taken before the jobs are read: what changes later is newer than the id.
            let id = Timestamp::now().as_millisecond();
            let mut jobs = match store::list_live(&self.app.db, RECENT_JOBS).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    pause(&self.app, self.outage.failed(&error)).await;
                    continue;
                }
            };
            self.outage.over();
            self.app.tell(&mut jobs);
            let listed: BTreeMap<i64, i64> = jobs.iter().map(|job| (job.id, job.revision)).collect();
            // A job that ended while others pushed it out of the list has its end to come.
            let gone: Vec<i64> = self
                .running
                .iter()
                .copied()
                .filter(|id| !listed.contains_key(id))
                .collect();
            for id in gone {
                if let Ok(job) = self.app.job(id).await {
                    jobs.push(job);
                }
            }
            jobs.sort_by_key(|job| job.id);
            self.running = jobs
                .iter()
                .filter(|job| !job.state.is_final())
                .map(|job| job.id)
                .collect();
            jobs.retain(|job| self.seen.get(&job.id).is_none_or(|seen| *seen < job.revision));
            self.seen = listed;
            if jobs.is_empty() {
                continue;
            }
            return Some(jobs.iter().map(|job| event(job, id)).collect());
        }
    }
}

/// Waits for `pause`, or until the service stops.
async fn pause(app: &App, pause: Duration) {
    let mut stopping = app.stopping.clone();
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

/// Done when `job` (any, for `None`) changed here, when it is time to look for changes elsewhere, or when the
/// service stops.
async fn wait_for_change(app: &App, signals: &mut Receiver<i64>, job: Option<i64>) {
    let look = tokio::time::sleep(LOOK_EVERY);
    tokio::pin!(look);
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            () = &mut look => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
            id = signals.recv() => match (id, job) {
                (Ok(id), Some(job)) if id != job => {}
                _ => return,
            },
        }
    }
}
