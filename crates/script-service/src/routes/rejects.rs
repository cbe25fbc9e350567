//! `/jobs/{id}/rejects`: the records that were not taken.

use crate::error::{ApiError, ProblemDocument};
use crate::jobs::store;
use crate::params::positional;
use crate::state::App;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use db_client::db_api::{QueryRequest, QueryResult, Value};
use db_client::{DbClient, DbError};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use service_kit::extract::{Path, Query};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How many rejects are read at once.
const PAGE: i64 = 5_000;
/// How many rejects a JSON answer has at most.
const MAX_JSON: i64 = 10_000;

/// A form of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RejectsForm {
    Json,
    Ndjson,
    Csv,
}

/// In which form rejects are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RejectsQuery {
    /// `json` (the first 10,000), `ndjson` or `csv` (all of them); by `Accept` unless given.
    #[param(inline)]
    format: Option<RejectsForm>,
}

/// A record that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedRecord {
    /// Which source of the job, the first being 0.
    source: i64,
    /// What the source is called.
    origin: String,
    /// The physical line where the record begins; the header is line 1.
    line: i64,
    /// The number of the record, the first after the header being 1.
    record: i64,
    /// Where it begins, in bytes of the text decoded to UTF-8.
    byte_offset: i64,
    /// Its source text, at most 4 KiB.
    raw: String,
    /// The column at fault, when one is.
    column: Option<String>,
    /// The text found there.
    value: Option<String>,
    /// What is wrong: a stable name.
    #[schema(example = "unknown_product")]
    code: String,
    /// The same in words.
    message: String,
}

/// The rejects of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectList {
    /// The job.
    job: i64,
    /// In the order of sources and records.
    rejects: Vec<RejectedRecord>,
    /// Whether there are more; `?format=ndjson` has all of them.
    truncated: bool,
}

/// The records that a job did not take, with line, source text and reason.
#[utoipa::path(
    get,
    path = "/jobs/{id}/rejects",
    tag = "jobs",
    params(("id" = i64, Path, description = "the job"), RejectsQuery),
    responses(
        (status = 200, description = "the records", content(
            (RejectList = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = "default", description = "an error", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<RejectsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    store::get(&app.db, id).await?;
    let accept = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    let form = query.format.unwrap_or(if accept.contains("text/csv") {
        RejectsForm::Csv
    } else if accept.contains("ndjson") {
        RejectsForm::Ndjson
    } else {
        RejectsForm::Json
    });
    let (media_type, extension) = match form {
        RejectsForm::Json => {
            let mut rejects = records(&page(&app.db, id, (-1, 0), MAX_JSON + 1).await?);
            let limit = usize::try_from(MAX_JSON).unwrap_or(usize::MAX);
            let truncated = rejects.len() > limit;
            rejects.truncate(limit);
            return Ok(Json(RejectList {
                job: id,
                rejects,
                truncated,
            })
            .into_response());
        }
        RejectsForm::Ndjson => ("application/x-ndjson", "ndjson"),
        RejectsForm::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let disposition = format!("attachment; filename=\"rejects-{id}.{extension}\"");
    let head: [(HeaderName, String); 2] = [
        (CONTENT_TYPE, media_type.to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    let body = Body::from_stream(stream_all(app.db.clone(), id, form));
    Ok((head, body).into_response())
}

async fn page(db: &DbClient, job: i64, after: (i64, i64), limit: i64) -> Result<QueryResult, DbError> {
    db.query_request(&QueryRequest {
        sql: "SELECT job_rejects.source, origin, line, record, byte_offset, raw, column_name, value, code, message
            FROM job_rejects
            JOIN job_sources ON job_sources.job_id = job_rejects.job_id AND job_sources.source = job_rejects.source
            WHERE job_rejects.job_id = ?1 AND (job_rejects.source, record) > (?2, ?3)
            ORDER BY job_rejects.source, record LIMIT ?4"
            .to_owned(),
        params: positional([job.into(), after.0.into(), after.1.into(), limit.into()]),
        ..QueryRequest::default()
    })
    .await
}

fn records(page: &QueryResult) -> Vec<RejectedRecord> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    page.rows
        .iter()
        .map(|row| RejectedRecord {
            source: row[0].as_i64().unwrap_or_default(),
            origin: text(&row[1]).unwrap_or_default(),
            line: row[2].as_i64().unwrap_or_default(),
            record: row[3].as_i64().unwrap_or_default(),
            byte_offset: row[4].as_i64().unwrap_or_default(),
            raw: text(&row[5]).unwrap_or_default(),
            column: text(&row[6]),
            value: text(&row[7]),
            code: text(&row[8]).unwrap_or_default(),
            message: text(&row[9]).unwrap_or_default(),
        })
        .collect()
}

/// All rejects, page by page, so memory stays flat whatever their number.
fn stream_all(
    db: DbClient,
    job: i64,
    form: RejectsForm,
) -> impl Stream<Item = Result<Bytes, anyhow::Error>> + Send + 'static {
    stream::try_unfold(Some((-1, 0)), move |after| {
        let db = db.clone();
        async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let records = records(&page(&db, job, after, PAGE).await?);
            let next = records
                .last()
                .filter(|_| i64::try_from(records.len()) == Ok(PAGE))
                .map(|last| (last.source, last.record));
            let bytes = match form {
                RejectsForm::Csv => csv_page(&records, after == (-1, 0))?,
                RejectsForm::Json | RejectsForm::Ndjson => ndjson_page(&records)?,
            };
            Ok(Some((Bytes::from(bytes), next)))
        }
    })
}

fn ndjson_page(records: &[RejectedRecord]) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn csv_page(records: &[RejectedRecord], with_header: bool) -> Result<Vec<u8>, anyhow::Error> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    if with_header {
        writer.write_record([
            "source",
            "origin",
            "line",
            "record",
            "byte_offset",
            "raw",
            "column",
            "value",
            "code",
            "message",
        ])?;
    }
    for record in records {
        writer.serialize(record)?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}
