//! `/schedules`: work that is asked for again and again.

use super::submit::{Submitted, Wish, answer, small_body};
use crate::contract;
use crate::error::ApiError;
use crate::schedules::definition::{self, next_due_ms};
use crate::schedules::{by_hand::run_now, shown::shown};
use crate::secrets::requests;
use crate::state::App;
use crate::store::StoreError;
use crate::store::schedules as store;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use script_api::{Job, Schedule, ScheduleList, ScheduleRequest};
use service_kit::extract::Path;
use service_kit::validation::{self, Asked};
use std::sync::Arc;

/// The schedules there are.
#[utoipa::path(
    get,
    path = script_api::paths::SCHEDULES,
    tag = "schedules",
    responses(
        (status = 200, description = "the schedules", body = ScheduleList),
        contract::OfList,
    )
)]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<ScheduleList>, ApiError> {
    let rows = store::list(&app.db).await?;
    let schedules = rows.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(Json(ScheduleList { schedules }))
}

/// One schedule.
#[utoipa::path(
    get,
    path = script_api::paths::SCHEDULE,
    tag = "schedules",
    params(("name" = String, Path, description = "the schedule", example = "nightly")),
    responses(
        (status = 200, description = "the schedule, with its next times and its last job", body = Schedule),
        contract::OfOne,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(shown(store::get(&app.db, &name).await?)?))
}

/// Make a schedule, or change it.
///
/// Doing it twice changes nothing. A time that comes while the job before it is not finished passes without a
/// job. Times that passed while no service ran are made up for by one job, for the last of them, unless
/// `catch_up` is false. A schedule whose definition changes begins anew: files that it watches are imported
/// again.
#[utoipa::path(
    put,
    path = script_api::paths::SCHEDULE,
    tag = "schedules",
    params(("name" = String, Path, description = "lower-case letters, digits, `-` and `_`", example = "nightly")),
    request_body(content = ScheduleRequest),
    responses(
        (status = 200, description = "it was there, and is now like this", body = Schedule),
        (status = 201, description = "it is new", body = Schedule),
        contract::OfScheduling,
    )
)]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    definition::check_name(&name)?;
    let asked: ScheduleRequest = validation::json(&small_body(request).await?).and_then(Asked::whole)?;
    let enabled = asked.enabled;
    let mut definition = definition::checked(asked, &app.catalog, &app.config.time_zone)?;
    let before = match store::find(&app.db, &name).await {
        Ok(template) => Some(template.request),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    definition.request = requests::sealed(&app.config, &definition.request, before.as_deref())?;
    let next_due_ms = next_due_ms(&definition.trigger)?;
    let is_new = store::put(&app.db, &name, &definition, enabled, next_due_ms).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown(store::get(&app.db, &name).await?)?)).into_response())
}

/// Delete a schedule. The jobs that it made stay.
#[utoipa::path(
    delete,
    path = script_api::paths::SCHEDULE,
    tag = "schedules",
    params(("name" = String, Path, description = "the schedule", example = "nightly")),
    responses(
        (status = 204, description = "it is gone"),
        contract::OfOne,
    )
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    store::delete(&app.db, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a job of a schedule now, whether it is due or not.
#[utoipa::path(
    post,
    path = script_api::paths::SCHEDULE_RUN,
    tag = "schedules",
    params(
        ("name" = String, Path, description = "the schedule, one with `cron`", example = "nightly"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        contract::OfRunning,
    )
)]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wish = Wish::of(&headers, &app.config)?;
    let (job, is_repeated) = run_now(&app.db, &app.config, &name, wish.key.as_deref()).await?;
    if !is_repeated {
        app.signals.submitted(job);
    }
    answer(&app, Submitted { job, is_repeated }, wish.wait).await
}
