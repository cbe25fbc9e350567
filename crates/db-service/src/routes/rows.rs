//! `POST /v1/tables/{table}/rows`: bulk insert.

use crate::contract;
use crate::engine::{Bulk, BulkDone, BulkSource, EngineError, Kind, Scope, Timing};
use crate::error::ApiError;
use crate::request;
use crate::routes::query::SERVER_TIMING;
use crate::state::{App, Caller, idempotency, server_timing};
use crate::upload::{Coding, CsvRows, JsonRows, NdjsonRows, Spool, Unpacked};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use db_api::{BulkReport, ErrorCode, OnConflict, OnError, Table, ValueForm};
use serde::Deserialize;
use service_kit::extract::Path;
use service_kit::validation::{Asked, Fault};
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::IntoParams;

/// How rows are taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowsOptions {
    /// What a row does whose key is there already.
    #[serde(default)]
    #[param(inline)]
    on_conflict: OnConflict,
    /// What a row does that cannot be taken.
    #[serde(default)]
    #[param(inline)]
    on_error: OnError,
    /// Roll everything back and answer what would have happened.
    #[serde(default)]
    dry_run: bool,
    /// The character between the fields of a CSV body; `,` by default, `tab` for a tab.
    #[param(pattern = r#"^(tab|[\x00-\x09\x0b\x0c\x0e-!#-\x7f])$"#)]
    delimiter: Option<String>,
    /// How values are written in a CSV body: `plain` by the types of the columns, `tagged` as `GET /v1/query` writes them
    /// with `values=tagged`, where each field says itself what it is.
    #[serde(default)]
    #[param(inline)]
    values: ValueForm,
}

/// The form of a body.
#[derive(Debug, Clone, Copy)]
enum BodyForm {
    Csv(u8),
    Ndjson,
    Json,
}

/// Insert rows in bulk, in one transaction.
///
/// The body is CSV with a header line, one JSON object a line, or a JSON array of objects, optionally compressed
/// (`Content-Encoding: gzip` or `zstd`). It is kept on disk until it is whole, so a slow upload holds up nobody.
#[utoipa::path(
    post,
    path = db_api::TABLE_ROWS,
    tag = "tables",
    params(
        ("table" = String, Path, description = "the table", example = "sales"),
        RowsOptions,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "a repetition with the same key and body gets the first answer and writes nothing"),
    ),
    request_body(content(
        (service_kit::contract::Bytes = "text/csv"),
        (service_kit::contract::Bytes = "application/x-ndjson"),
        (Vec<serde_json::Value> = "application/json"),
    )),
    responses(
        (status = 200, description = "how many rows were taken", body = BulkReport),
        contract::OfRows,
    )
)]
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(table): Path<String>,
    asked: Asked<RowsOptions>,
    request: Request,
) -> Result<Response, ApiError> {
    caller.needs(Scope::Write)?;
    let headers = request.headers().clone();
    let Asked {
        value: options,
        mut faults,
    } = asked;
    let delimiter = faults.take(options.delimiter.as_deref().map(delimiter).transpose());
    let key = faults.take(request::idempotency_key(&headers));
    let (Some(delimiter), Some(key), true) = (delimiter, key, faults.is_empty()) else {
        return Err(faults.into());
    };
    let form = form(&headers, delimiter)?;
    let coding = Coding::of(&headers)?;
    // Whoever may not write there, or names no table, is told so before the body is taken.
    let known = app
        .engine
        .get_table(table.clone(), Arc::clone(&caller.0), Duration::ZERO)
        .await;
    if !caller.0.may_insert_and_delete(&table) {
        return Err(ApiError::Refused(
            ErrorCode::Forbidden,
            format!(
                "{} (scope {}) may not insert into {table}",
                caller.0.who(),
                caller.0.scope.as_str()
            ),
        ));
    }
    let known = known?;
    let ticket = app.ticket(Kind::Bulk, &format!("bulk insert into {table}"), &caller);
    let path_and_query = request
        .uri()
        .path_and_query()
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let spool = Spool {
        room: &app.spools,
        folder: &app.temp_folder,
        party: caller.1,
        limits: &app.limits,
    };
    let body = spool.keep(request.into_body()).await?;
    let whole_at = Instant::now();
    let idempotency = key.map(|key| idempotency(&key, &caller.0, &path_and_query, &body.digest));
    let body = body.unpacked(coding, app.limits.max_bulk_bytes, Arc::clone(&ticket.control));
    let longest_row = app.limits.max_body_bytes;
    let source = move || source(longest_row, &known, form, options.values, body);
    // The header is unpacked and read.
    let source = tokio::task::spawn_blocking(source)
        .await
        .map_err(EngineError::broken)??;
    let bulk = Bulk {
        table,
        on_conflict: options.on_conflict,
        on_error: options.on_error,
        dry_run: options.dry_run,
        max_errors: usize::try_from(app.limits.max_row_errors).unwrap_or(usize::MAX),
        rights: Arc::clone(&caller.0),
        control: Arc::clone(&ticket.control),
        idempotency,
    };
    match app.engine.bulk(bulk, source).await? {
        BulkDone::Report(report) => {
            let ran = Duration::from_secs_f64(report.elapsed_ms / 1_000.0);
            let timing = Timing {
                queued: whole_at.elapsed().saturating_sub(ran),
                ran,
                volatile: true,
            };
            app.metrics.ran(db_api::TABLE_ROWS, Kind::Bulk, timing);
            let mut response = Json(report).into_response();
            response
                .headers_mut()
                .insert(SERVER_TIMING, server_timing(timing));
            Ok(response)
        }
        BulkDone::Replayed(body) => {
            let mut response = body.into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(
                HeaderName::from_static(db_api::IDEMPOTENT_REPLAYED),
                HeaderValue::from_static("true"),
            );
            Ok(response)
        }
    }
}

/// The character between two fields.
fn delimiter(given: &str) -> Result<u8, Fault> {
    match given.as_bytes() {
        b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(Fault::parameter(
            "delimiter",
            "it must be one ASCII character other than a quote or a line end, or `tab`",
        )),
    }
}

fn form(headers: &HeaderMap, delimiter: Option<u8>) -> Result<BodyForm, ApiError> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    match media_type.as_deref() {
        Some("text/csv" | "text/tab-separated-values") => {
            let default = if media_type.as_deref() == Some("text/csv") {
                b','
            } else {
                b'\t'
            };
            Ok(BodyForm::Csv(delimiter.unwrap_or(default)))
        }
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => Ok(BodyForm::Ndjson),
        Some("application/json") => Ok(BodyForm::Json),
        other => Err(ApiError::Refused(
            ErrorCode::UnsupportedMediaType,
            format!(
                "Content-Type must be text/csv, application/x-ndjson or application/json, not {}",
                other.unwrap_or("absent")
            ),
        )),
    }
}

fn source(
    longest_row: u64,
    table: &Table,
    form: BodyForm,
    values: ValueForm,
    body: Unpacked,
) -> Result<Box<dyn BulkSource>, EngineError> {
    Ok(match form {
        BodyForm::Csv(delimiter) => Box::new(CsvRows::open(body, delimiter, values, longest_row, table)?),
        BodyForm::Ndjson => Box::new(NdjsonRows::new(body, longest_row, table)),
        BodyForm::Json => Box::new(JsonRows::new(body, longest_row, table)),
    })
}
