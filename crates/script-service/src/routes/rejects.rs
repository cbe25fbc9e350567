//! `/jobs/{id}/rejects`: the records that were not taken.

use super::analysis::CSV;
use super::receive::forget;
use super::submit::{Submitted, Wish, answer, fingerprint};
use crate::analyses::render::CsvDialect;
use crate::contract;
use crate::error::ApiError;
use crate::imports::corrections;
use crate::imports::replay::{self, ReplayError, ReplayOptions};
use crate::state::App;
use crate::store::jobs::{self, IdempotencyKey};
use crate::store::rejects;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use db_client::DbClient;
use futures_util::{Stream, stream};
use script_api::{CorrectedRecord, Job, Mode, RejectList, RejectedRecord};
use serde::Deserialize;
use service_kit::extract::{Path, body_within};
use service_kit::negotiation::{Form, JSON, choose};
use service_kit::validation::Query;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How many rejects are read at once.
const PAGE: i64 = 5_000;
/// How large corrections may be, in bytes.
const MAX_CORRECTIONS_BYTES: usize = 64 << 20;
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
    /// The flavour of CSV: `standard` or `fr`.
    #[serde(default)]
    #[param(inline)]
    dialect: CsvDialect,
}

/// The records that a job did not take, with line, source text and reason.
#[utoipa::path(
    get,
    path = script_api::paths::JOB_REJECTS,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job"), RejectsQuery),
    responses(
        (status = 200, description = "the records", content(
            (RejectList = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        contract::OfOneInForms,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<RejectsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    jobs::get(&app.db, id).await?;
    let form = match query.format {
        Some(form) => form,
        None => wanted_form(&headers)?,
    };
    let (media_type, extension) = match form {
        RejectsForm::Json => {
            let mut rejects = rejects::page(&app.db, id, (-1, 0), MAX_JSON + 1).await?;
            let limit = usize::try_from(MAX_JSON).unwrap_or(usize::MAX);
            let truncated = rejects.len() > limit;
            rejects.truncate(limit);
            let list = Json(RejectList {
                job: id,
                rejects,
                truncated,
            });
            return Ok(([(VARY, "accept")], list).into_response());
        }
        RejectsForm::Ndjson => ("application/x-ndjson", "ndjson"),
        RejectsForm::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let disposition = format!("attachment; filename=\"rejects-{id}.{extension}\"");
    let head: [(HeaderName, String); 3] = [
        (VARY, "accept".to_owned()),
        (CONTENT_TYPE, media_type.to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    let body = Body::from_stream(stream_all(app.db.clone(), id, form, query.dialect));
    Ok((head, body).into_response())
}

/// The form that `Accept` asks for.
fn wanted_form(headers: &HeaderMap) -> Result<RejectsForm, ApiError> {
    // NDJSON has three names.
    let [one, two, three] = ["x-ndjson", "ndjson", "jsonl"].map(|name| Form::of("application", name));
    Ok(match choose(headers, &[JSON, CSV, one, two, three])? {
        0 => RejectsForm::Json,
        1 => RejectsForm::Csv,
        _ => RejectsForm::Ndjson,
    })
}

/// How rejects are replayed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplayQuery {
    /// What happens to rows whose key is in the table already; as in the job itself unless given.
    #[param(value_type = Option<Mode>)]
    mode: Option<Mode>,
    /// Says what would happen and changes nothing.
    #[serde(default)]
    dry_run: bool,
    /// Replays also what was replayed before.
    #[serde(default)]
    again: bool,
}

/// Import corrected rejects.
///
/// The body is what `/jobs/{id}/rejects` gave, as CSV or NDJSON, with `raw` (the whole source text) or `value`
/// (the column at fault) corrected; NDJSON may also have `values`, an object from column to text. Lines that
/// were taken out are left alone. Without a body all rejects are tried again as they are, for instance once the
/// products that they lacked are there. Each reject is replayed once; what is rejected again stands among the
/// rejects of the new job, and can be replayed from there.
///
/// Try `curl localhost:5000/jobs/7/rejects?format=csv -o rejects.csv`, correct the file, then
/// `curl -T rejects.csv -X POST localhost:5000/jobs/7/rejects/replay -H 'Prefer: wait=30'`.
#[utoipa::path(
    post,
    path = script_api::paths::JOB_REJECTS_REPLAY,
    tag = "jobs",
    params(
        ("id" = i64, Path, description = "the job whose rejects they are"),
        ReplayQuery,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content(
        (service_kit::contract::Bytes = "text/csv"),
        (service_kit::contract::Bytes = "application/x-ndjson"),
        (Vec<CorrectedRecord> = "application/json"),
    )),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job that imports them; `Location` says where to look for it", body = Job),
        contract::OfReplaying,
    )
)]
pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<ReplayQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let wish = Wish::of(request.headers(), &app.config)?;
    let uri = request.uri().to_string();
    let body = body_within(request.into_body(), MAX_CORRECTIONS_BYTES, "64 MiB").await?;
    let key = wish.key.map(|key| IdempotencyKey {
        key,
        fingerprint: fingerprint("replay", &uri, blake3::hash(&body).to_hex().as_str()),
    });
    let made_before = match &key {
        Some(key) => jobs::find_by_key(&app.db, key).await?,
        None => None,
    };
    let made = match made_before {
        // A retry finds its job, though its rejects are replayed by now.
        Some(job) => Submitted {
            job,
            is_repeated: true,
        },
        None => prepare_and_submit(&app, id, &query, body, key).await?,
    };
    answer(&app, made, wish.wait).await
}

async fn prepare_and_submit(
    app: &App,
    id: i64,
    query: &ReplayQuery,
    body: Bytes,
    key: Option<IdempotencyKey>,
) -> Result<Submitted, ApiError> {
    let job = jobs::get(&app.db, id).await?;
    let corrections = tokio::task::spawn_blocking(move || corrections::parse(&body))
        .await
        .map_err(|error| ApiError::Internal(error.into()))?
        .map_err(ReplayError::Corrections)?;
    let options = ReplayOptions {
        mode: query.mode,
        dry_run: query.dry_run,
        again: query.again,
    };
    let prepared = replay::prepare(&app.db, &job, corrections, options).await?;
    let limit = app.config.queue_limit;
    let made = replay::submit(&app.db, id, &prepared, query.again, key.as_ref(), limit).await;
    match &made {
        Ok((job, false)) => app.signals.submitted(*job),
        Ok((_, true)) | Err(_) => forget(app, &prepared.uploads).await,
    }
    let (job, is_repeated) = made?;
    Ok(Submitted { job, is_repeated })
}

/// All rejects, page by page, so memory stays flat whatever their number.
fn stream_all(
    db: DbClient,
    job: i64,
    form: RejectsForm,
    dialect: CsvDialect,
) -> impl Stream<Item = Result<Bytes, anyhow::Error>> + Send + 'static {
    stream::try_unfold(Some((-1, 0)), move |after| {
        let db = db.clone();
        async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let records = rejects::page(&db, job, after, PAGE).await?;
            let next = records
                .last()
                .filter(|_| i64::try_from(records.len()) == Ok(PAGE))
                .map(|last| (last.source, last.record));
            let bytes = match form {
                RejectsForm::Csv => csv_page(&records, after == (-1, 0), dialect)?,
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

fn csv_page(
    records: &[RejectedRecord],
    with_header: bool,
    dialect: CsvDialect,
) -> Result<Vec<u8>, anyhow::Error> {
    let is_french = dialect == CsvDialect::Fr;
    let mut bytes = Vec::new();
    if is_french && with_header {
        bytes.extend_from_slice("\u{feff}".as_bytes());
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(if is_french { b';' } else { b',' })
        .has_headers(false)
        .terminator(csv::Terminator::CRLF)
        .from_writer(bytes);
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
            "replayed_by",
        ])?;
    }
    for record in records {
        writer.serialize(record)?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}
