//! `POST /v1/execute`: one statement that may write.

use crate::answer::write::{JsonWrite, Shape};
use crate::contract;
use crate::engine::{Kind, Scope, Write};
use crate::error::ApiError;
use crate::hrana::v1;
use crate::request::{self, Body};
use crate::routes::query::SERVER_TIMING;
use crate::state::{App, Caller, idempotency, server_timing};
use axum::body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use db_api::{BatchMode, ExecuteRequest, ExecuteResult, Statement};
use service_kit::validation::Faults;
use std::sync::Arc;
use std::time::Duration;

/// Run one statement that may write.
///
/// It is answered when its commit is on disk. `params_many` runs it once per set of parameters, all in one
/// transaction. An `Idempotency-Key` makes a repetition safe.
#[utoipa::path(
    post,
    path = db_api::EXECUTE,
    tag = "statements",
    request_body = ExecuteRequest,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "a repetition with the same key and body gets the first answer and writes nothing")),
    responses(
        (status = 200, description = "rows changed, and RETURNING rows", body = ExecuteResult),
        contract::OfWrite,
    )
)]
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let bytes = app.body(body).await?;
    if v1::is_version_1(&bytes) {
        return super::hrana::execute_v1(&app, &caller, &bytes).await;
    }
    caller.needs(Scope::Write)?;
    let (request, key) = work_of::<ExecuteRequest>(&headers, &bytes)?;
    let max_rows = app.limits.rows(request.max_rows);
    let work = Work {
        route: db_api::EXECUTE,
        text: request.sql.clone(),
        mode: BatchMode::Atomic,
        dry_run: request.dry_run,
        timeout: app.limits.statement_timeout(request.timeout_ms),
        sink: Box::new(JsonWrite::new(
            Shape::One,
            request.values,
            max_rows,
            app.limits.max_result_bytes,
        )),
        statements: vec![Statement {
            sql: request.sql,
            params: request.params,
            params_many: request.params_many,
            must_change: request.must_change,
        }],
    };
    work.run(&app, &caller, key, &bytes).await
}

/// The body of a write and its idempotency key, refused with all that is wrong with either.
pub(super) fn work_of<T: Body>(headers: &HeaderMap, body: &[u8]) -> Result<(T, Option<String>), Faults> {
    let mut faults = Faults::default();
    let key = faults.take(request::idempotency_key(headers));
    match (faults.take(request::json(body)), key) {
        (Some(request), Some(key)) => Ok((request, key)),
        _ => Err(faults),
    }
}

/// A write on its way to the engine.
pub(super) struct Work {
    /// For the metrics, and part of what makes two requests the same.
    pub route: &'static str,
    /// What `GET /v1/queries` shows.
    pub text: String,
    /// The statements.
    pub statements: Vec<Statement>,
    /// Whether they share one fate.
    pub mode: BatchMode,
    /// Whether they are rolled back in the end.
    pub dry_run: bool,
    /// How long they may run.
    pub timeout: Duration,
    /// Where the outcome goes.
    pub sink: Box<JsonWrite>,
}

impl Work {
    /// Runs it; the answer comes when its commit is on disk.
    pub(super) async fn run(
        self,
        app: &App,
        caller: &Caller,
        key: Option<String>,
        body: &[u8],
    ) -> Result<Response, ApiError> {
        let ticket = app.ticket(Kind::Write, &self.text, caller);
        let idempotency = key.map(|key| {
            let mut digest = blake3::Hasher::new();
            digest.update(body);
            idempotency(&key, &caller.0, self.route, &digest)
        });
        let write = Write {
            statements: self.statements,
            mode: self.mode,
            dry_run: self.dry_run,
            rights: Arc::clone(&caller.0),
            control: Arc::clone(&ticket.control),
            timeout: self.timeout,
            idempotency,
            sink: self.sink,
        };
        let written = app.engine.write(write).await?;
        app.metrics.ran(self.route, Kind::Write, written.timing);
        let mut response = Response::new(body::Body::from(written.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(SERVER_TIMING, server_timing(written.timing));
        if written.replayed {
            headers.insert(
                HeaderName::from_static(db_api::IDEMPOTENT_REPLAYED),
                HeaderValue::from_static("true"),
            );
        }
        Ok(response)
    }
}
