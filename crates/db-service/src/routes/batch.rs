//! `POST /v1/batch`: a list of statements.

use crate::answer::write::{JsonWrite, Shape};
use crate::contract;
use crate::engine::Scope;
use crate::error::ApiError;
use crate::hrana::v1;
use crate::routes::execute::{Work, work_of};
use crate::state::{App, Caller};
use axum::extract::{Request, State};
use axum::response::Response;
use db_api::{BatchRequest, BatchResult};
use std::sync::Arc;

/// Run a list of statements in one transaction.
///
/// `atomic` is all or nothing; with `independent` a statement that fails leaves the others. `dry_run` rolls everything
/// back and answers what would have happened.
#[utoipa::path(
    post,
    path = db_api::BATCH,
    tag = "statements",
    request_body = BatchRequest,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "a repetition with the same key and body gets the first answer and writes nothing")),
    responses(
        (status = 200, description = "one outcome per statement", body = BatchResult),
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
        return super::hrana::batch_v1(&app, &caller, &bytes).await;
    }
    caller.needs(Scope::Write)?;
    let (request, key) = work_of::<BatchRequest>(&headers, &bytes)?;
    let first = request
        .statements
        .first()
        .map(|statement| statement.sql.clone())
        .unwrap_or_default();
    let text = match request.statements.len() {
        1 => first,
        count => format!("{first} … ({count} statements)"),
    };
    let max_rows = app.limits.rows(request.max_rows);
    let work = Work {
        route: db_api::BATCH,
        text,
        mode: request.mode,
        dry_run: request.dry_run,
        timeout: app.limits.batch_timeout(request.timeout_ms),
        sink: Box::new(JsonWrite::new(
            Shape::Many {
                dry_run: request.dry_run,
            },
            request.values,
            max_rows,
            app.limits.max_result_bytes,
        )),
        statements: request.statements,
    };
    work.run(&app, &caller, key, &bytes).await
}
