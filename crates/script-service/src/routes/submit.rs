//! `POST /jobs/analysis` and `POST /jobs/forecast`, and what all requests for jobs have in common.

use super::idempotency;
use super::jobs::submitted;
use crate::config::Config;
use crate::contract;
use crate::error::ApiError;
use crate::jobs::kind;
use crate::secrets::requests;
use crate::state::App;
use crate::store::jobs::{self, IdempotencyKey, Submission};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use script_api::{AnalysisRequest, ForecastRequest, Job};
use service_kit::extract::body_within;
use service_kit::validation::Asked;
use std::sync::Arc;
use std::time::Duration;

/// How large a JSON request may be, in bytes.
pub(super) const MAX_JSON_BYTES: usize = 1 << 20;

/// How a request wants its job: under which key, and whether it waits for the end.
pub(super) struct Wish {
    pub key: Option<String>,
    pub wait: Option<Duration>,
}

impl Wish {
    /// What `headers` say.
    pub(super) fn of(headers: &HeaderMap, config: &Config) -> Result<Self, ApiError> {
        Ok(Self {
            key: idempotency::key(headers)?,
            wait: idempotency::wait(headers, config.max_wait_s),
        })
    }
}

/// A job that a request made, or that an earlier one made under the same key.
pub(super) struct Submitted {
    pub job: i64,
    pub is_repeated: bool,
}

/// The answer to a request that made `made`.
pub(super) async fn answer(app: &App, made: Submitted, wait: Option<Duration>) -> Result<Response, ApiError> {
    submitted(app, made.job, made.is_repeated, wait).await
}

/// Compute analyses and keep the answers.
#[utoipa::path(
    post,
    path = script_api::paths::JOBS_ANALYSIS,
    tag = "jobs",
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content = Option<AnalysisRequest>, description = "which analyses; all built-in ones without a body"),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        contract::OfSubmitting,
    )
)]
pub(crate) async fn analysis(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    submit::<AnalysisRequest>(&app, request).await
}

/// Forecast daily revenue and keep the forecast.
///
/// Without a body: a week of total revenue after the latest sale, by the model that did best on the end of the
/// history. The result of the finished job is the forecast; `GET /forecasts/{id}` has it too, as CSV if you like.
///
/// Try `curl -X POST localhost:5000/jobs/forecast -H 'Prefer: wait=30' -d '{"model":"arima"}'`.
#[utoipa::path(
    post,
    path = script_api::paths::JOBS_FORECAST,
    tag = "jobs",
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content = Option<ForecastRequest>, description = "what to forecast, and how"),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        contract::OfSubmitting,
    )
)]
pub(crate) async fn forecast(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    submit::<ForecastRequest>(&app, request).await
}

/// Makes the job that the body of `request` asks for.
async fn submit<J: kind::Job>(app: &App, request: Request) -> Result<Response, ApiError> {
    let wish = Wish::of(request.headers(), &app.config)?;
    let Asked { value, mut faults } = J::parse(&small_body(request).await?)?;
    faults.extend(value.faults(&app.catalog));
    faults.or(())?;
    let content = serde_json::to_string(&value).map_err(|error| ApiError::Internal(error.into()))?;
    let made = put(app, &value, wish.key, "", &content).await?;
    answer(app, made, wish.wait).await
}

/// Puts `job` into the queue. Under a `key`, the same `uri` and `content` give the job that they made before.
pub(super) async fn put<J: kind::Job>(
    app: &App,
    job: &J,
    key: Option<String>,
    uri: &str,
    content: &str,
) -> Result<Submitted, ApiError> {
    let submission = Submission {
        kind: J::NAME,
        request: requests::sealed(
            &app.config,
            &serde_json::to_string(job).map_err(|error| ApiError::Internal(error.into()))?,
            None,
        )?,
        key: key.map(|key| IdempotencyKey {
            key,
            fingerprint: fingerprint(J::NAME, uri, content),
        }),
    };
    let (job, is_repeated) = jobs::submit(&app.db, &submission, app.config.queue_limit).await?;
    if !is_repeated {
        app.signals.submitted(job);
    }
    Ok(Submitted { job, is_repeated })
}

/// What a request under an idempotency key is recognised by.
pub(super) fn fingerprint(kind: &str, uri: &str, content: &str) -> String {
    blake3::hash(format!("{kind}\n{uri}\n{content}").as_bytes())
        .to_hex()
        .to_string()
}

/// A request in JSON.
pub(super) async fn small_body(request: Request) -> Result<axum::body::Bytes, ApiError> {
    body_within(request.into_body(), MAX_JSON_BYTES, "1 MiB of JSON")
        .await
        .map_err(ApiError::from)
}

pub(super) fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
