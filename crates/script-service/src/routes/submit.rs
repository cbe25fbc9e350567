//! `POST /jobs/import`, `POST /jobs/analysis` and `POST /jobs/forecast`.

use super::idempotency;
use super::jobs::submitted;
use crate::analyses;
use crate::error::ApiError;
use crate::forecasts::request::ForecastRequest;
use crate::jobs::import;
use crate::jobs::receiving::Claim;
use crate::jobs::source::{self, Upload, UploadWriter};
use crate::jobs::store::{self, IdempotencyKey, Submission};
use crate::params::positional;
use crate::state::App;
use crate::wire;
use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::response::Response;
use futures_util::StreamExt as _;
use script_api::{
    AnalysisRequest, DateOrder, DecimalMark, Format, ImportRequest, Job, JobKind, Locale, MaxRejects, Mode,
    OnCancel, OnError, Problem, ReadOptions, SourceRequest, Table, UploadRef,
};
use serde::Deserialize;
use service_kit::extract::body_within;
use service_kit::faults::{self, Asked, Fault, Faults};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use utoipa::IntoParams;

/// How large a JSON request may be, in bytes.
const MAX_JSON_BYTES: usize = 1 << 20;

/// What a query string says about an import. All but `table` and `name` also hold for the sources of a JSON
/// body that do not say otherwise.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The table that the body goes to; the body is then one file.
    #[param(value_type = Option<Table>)]
    table: Option<Table>,
    /// What the file is called.
    name: Option<String>,
    /// `upsert`, `insert_new`, `append`, `replace_period` or `replace_all`.
    #[param(value_type = Option<Mode>)]
    mode: Option<Mode>,
    /// `skip` or `abort`.
    on_error: Option<OnError>,
    /// A number, or a percentage such as `2%`.
    max_rejects: Option<String>,
    /// Says what would happen and changes nothing.
    dry_run: Option<bool>,
    /// `keep` or `rollback`: what becomes of what is written when the import is cancelled.
    on_cancel: Option<OnCancel>,
    /// Fetches a URL again even where its server says that nothing changed.
    force: Option<bool>,
    /// `csv`, `ndjson`, `json`, `xlsx` or `ods`.
    #[param(value_type = Option<Format>)]
    format: Option<Format>,
    /// Such as `windows-1252`.
    encoding: Option<String>,
    /// One ASCII character, or `tab`.
    delimiter: Option<String>,
    /// One ASCII character, or `none`.
    quote: Option<String>,
    /// The sheet of a workbook.
    sheet: Option<String>,
    /// How many lines, or rows of a sheet, stand before the header.
    skip_lines: Option<u64>,
    /// `comma` or `point`.
    #[param(value_type = Option<DecimalMark>)]
    decimal: Option<DecimalMark>,
    /// `day_first` or `month_first`.
    #[param(value_type = Option<DateOrder>)]
    date_order: Option<DateOrder>,
    /// `fr` or `en`.
    #[param(value_type = Option<Locale>)]
    locale: Option<Locale>,
    /// From column to header, as a JSON object.
    mapping: Option<String>,
    /// Whether amounts with more than two decimals are rejected.
    strict: Option<bool>,
}

impl ImportQuery {
    /// How the file in the body is read.
    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            quote: self.quote.clone(),
            sheet: self.sheet.clone(),
            skip_lines: self.skip_lines,
            decimal: self.decimal,
            date_order: self.date_order,
            locale: self.locale,
            mapping: self.mapping().unwrap_or_default(),
            strict: self.strict.unwrap_or_default(),
        }
    }

    fn mapping(&self) -> Result<BTreeMap<String, String>, Fault> {
        let Some(text) = &self.mapping else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_str(text).map_err(|error| {
            let reason = format!("it must be a JSON object from column to header: {error}");
            Fault::parameter("mapping", reason)
        })
    }

    /// The table that the body goes to.
    pub(super) fn table(&self) -> Option<Table> {
        self.table
    }

    /// What is wrong with it that its types do not say.
    pub(super) fn faults(&self) -> Faults {
        let options = wire::options(&self.options()).faults();
        let mut faults: Faults = options
            .into_iter()
            .map(|(name, reason)| Fault::parameter(name, reason))
            .collect();
        faults.take(self.mapping());
        // Whatever else it says, it is an import of its own.
        let mut import = ImportRequest::default();
        self.apply(&mut import);
        faults.extend(import::faults(&import).into_iter().map(Fault::in_query));
        if import.mode.replaces() && self.table.is_some_and(|table| table != Table::Sales) {
            faults.push(Fault::parameter("mode", "only sales can be replaced as a whole"));
        }
        faults
    }

    /// What concerns the whole import, put over `request`.
    fn apply(&self, request: &mut ImportRequest) {
        if let Some(mode) = self.mode {
            request.mode = mode;
        }
        if let Some(on_error) = self.on_error {
            request.on_error = on_error;
        }
        if let Some(dry_run) = self.dry_run {
            request.dry_run = dry_run;
        }
        if let Some(on_cancel) = self.on_cancel {
            request.on_cancel = on_cancel;
        }
        if let Some(force) = self.force {
            request.force = force;
        }
        if let Some(limit) = &self.max_rejects {
            request.max_rejects = Some(match limit.parse() {
                Ok(count) => MaxRejects::Count(count),
                Err(_) => MaxRejects::Percent(limit.clone()),
            });
        }
    }
}

/// Import files.
///
/// Without a body: the configured sources, which are the sample data by default. A JSON body names sources by
/// path under the data folder or by URL. With `?table=`, or as `multipart/form-data` whose parts are named
/// after tables, the files themselves are the body.
///
/// Try `curl -X POST localhost:5000/jobs/import`, or
/// `curl -T sales.csv 'localhost:5000/jobs/import?table=sales' -X POST -H 'Prefer: wait=30'`.
#[utoipa::path(
    post,
    path = script_api::paths::JOBS_IMPORT,
    tag = "jobs",
    params(
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content(
        (ImportRequest = "application/json"),
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/octet-stream"),
        (String = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        (status = "default", description = "an error", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    asked: Asked<ImportQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = asked.value;
    let mut faults = asked.faults;
    faults.extend(query.faults());
    let headers = request.headers().clone();
    let key = idempotency::key(&headers)?;
    let wait = idempotency::wait(&headers, app.config.max_wait_s);
    let receiving = app.receive(key.as_deref())?;
    let known = match &key {
        Some(key) => key_is_known(&app, key).await?,
        None => false,
    };
    if !known {
        store::check_queue(&app.db, app.config.queue_limit).await?;
    }
    // Of a repeated upload only the digest is needed.
    let claim = match &key {
        Some(key) if !known => Some(Claim::take(&app.db, key).await?),
        _ => None,
    };
    let outcome = receive_and_submit(&app, &query, request, key, !known, faults).await;
    drop(receiving);
    if let Some(claim) = claim
        && let Err(error) = claim.release().await
    {
        tracing::warn!("an idempotency key stays taken until its lease ends: {error}");
    }
    let (job, repeated) = outcome?;
    submitted(&app, job, repeated, wait).await
}

/// The job of an import whose body comes in now, and whether an earlier request made it. Without `keep` the bytes
/// of its files are not kept.
async fn receive_and_submit(
    app: &App,
    query: &ImportQuery,
    request: Request,
    key: Option<String>,
    keep: bool,
    mut faults: Faults,
) -> Result<(i64, bool), ApiError> {
    let uri = request.uri().to_string();
    let (mut import, uploads, content) = receive(app, query, request, keep, &mut faults).await?;
    query.apply(&mut import);
    faults.extend(import::faults(&import));
    if !faults.is_empty() {
        forget(app, &uploads).await;
        return Err(faults.into());
    }
    let submission = Submission {
        kind: JobKind::Import,
        request: serde_json::to_string(&import).map_err(|error| ApiError::Internal(error.into()))?,
        key: key.map(|key| IdempotencyKey {
            key,
            fingerprint: fingerprint("import", &uri, &content),
        }),
    };
    let made = store::submit(&app.db, &submission, app.config.queue_limit).await;
    match &made {
        Ok((job, false)) => app.signals.submitted(*job),
        Ok((_, true)) | Err(_) => forget(app, &uploads).await,
    }
    made
}

/// Compute analyses and keep the answers.
#[utoipa::path(
    post,
    path = script_api::paths::JOBS_ANALYSIS,
    tag = "jobs",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content = Option<AnalysisRequest>, description = "which analyses; all built-in ones without a body"),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        (status = "default", description = "an error", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn analysis(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let key = idempotency::key(&headers)?;
    let wait = idempotency::wait(&headers, app.config.max_wait_s);
    let _receiving = app.receive(key.as_deref())?;
    let body = small_body(request).await?;
    let Asked {
        value: asked,
        mut faults,
    } = if body.is_empty() {
        Asked {
            value: AnalysisRequest::default(),
            faults: Faults::default(),
        }
    } else {
        faults::json(&body)?
    };
    faults.extend(analyses::job::faults(&asked, &app.catalog));
    faults.or(())?;
    let request = serde_json::to_string(&asked).map_err(|error| ApiError::Internal(error.into()))?;
    let submission = Submission {
        kind: JobKind::Analysis,
        key: key.map(|key| IdempotencyKey {
            key,
            fingerprint: fingerprint("analysis", "", &request),
        }),
        request,
    };
    let (job, repeated) = store::submit(&app.db, &submission, app.config.queue_limit).await?;
    app.signals.submitted(job);
    submitted(&app, job, repeated, wait).await
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
        ("Idempotency-Key" = Option<String>, Header, description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content = Option<ForecastRequest>, description = "what to forecast, and how"),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        (status = "default", description = "an error", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn forecast(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let key = idempotency::key(&headers)?;
    let wait = idempotency::wait(&headers, app.config.max_wait_s);
    let _receiving = app.receive(key.as_deref())?;
    let asked = ForecastRequest::parse(&small_body(request).await?)?;
    let request = serde_json::to_string(&asked).map_err(|error| ApiError::Internal(error.into()))?;
    let submission = Submission {
        kind: JobKind::Forecast,
        key: key.map(|key| IdempotencyKey {
            key,
            fingerprint: fingerprint("forecast", "", &request),
        }),
        request,
    };
    let (job, repeated) = store::submit(&app.db, &submission, app.config.queue_limit).await?;
    app.signals.submitted(job);
    submitted(&app, job, repeated, wait).await
}

/// What a request under an idempotency key is recognised by.
pub(super) fn fingerprint(kind: &str, uri: &str, content: &str) -> String {
    blake3::hash(format!("{kind}\n{uri}\n{content}").as_bytes())
        .to_hex()
        .to_string()
}

async fn key_is_known(app: &App, key: &str) -> Result<bool, ApiError> {
    let result = app
        .db
        .query(
            "SELECT 1 FROM jobs WHERE idempotency_key = ?1",
            positional([key.into()]),
        )
        .await?;
    Ok(!result.rows.is_empty())
}

/// The request that a body stands for, the uploads in it, and what its content is recognised by. What is wrong
/// with a request in JSON is added to `faults`; files are not received when there are some already.
async fn receive(
    app: &App,
    query: &ImportQuery,
    request: Request,
    keep: bool,
    faults: &mut Faults,
) -> Result<(ImportRequest, Vec<Upload>, String), ApiError> {
    let media_type = media_type(request.headers());
    if media_type == "multipart/form-data" {
        std::mem::take(faults).or(())?;
        return receive_parts(app, query, request, keep).await;
    }
    if let Some(table) = query.table {
        std::mem::take(faults).or(())?;
        let name = query.name.clone().unwrap_or_else(|| format!("{table} (upload)"));
        let options = query.options();
        let upload = receive_file(app, request.into_body(), keep).await?;
        let content = upload.digest.clone();
        let import = ImportRequest {
            sources: vec![uploaded(table, name, options, &upload)],
            ..ImportRequest::default()
        };
        return Ok((import, vec![upload], content));
    }
    let has_body = request.headers().contains_key(TRANSFER_ENCODING)
        || request
            .headers()
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0");
    if has_body
        && !matches!(
            media_type.as_str(),
            "" | "application/json" | "application/x-www-form-urlencoded"
        )
    {
        std::mem::take(faults).or(())?;
        return Err(ApiError::Unsupported(format!(
            "a body of type {media_type} needs `?table=` (products, stores, targets or sales); a request in JSON \
             names its sources"
        )));
    }
    let body = small_body(request).await?;
    let mut import = ImportRequest::default();
    if !body.is_empty() {
        match faults::json(&body) {
            Ok(asked) => {
                import = asked.value;
                faults.extend(asked.faults);
            }
            Err(of_body) => {
                faults.extend(of_body);
                return Err(std::mem::take(faults).into());
            }
        }
    }
    faults.extend(import::not_set_by_callers(&import));
    let content = serde_json::to_string(&import).map_err(|error| ApiError::Internal(error.into()))?;
    if import.sources.is_empty() {
        import.sources = import::configured_sources(&app.config.data);
    }
    if import.sources.is_empty() && faults.is_empty() {
        return Err(ApiError::Invalid(format!(
            "the data folder {} has no products.csv, stores.csv, targets.csv or sales.csv; name a source, such as \
             {{\"sources\":[{{\"table\":\"sales\",\"url\":\"https://example.org/sales.csv\"}}]}}",
            app.config.data.display()
        )));
    }
    Ok((import, Vec::new(), content))
}

/// The files of a form; each part is named after its table, or `file` with `?table=`.
async fn receive_parts(
    app: &App,
    query: &ImportQuery,
    request: Request,
    keep: bool,
) -> Result<(ImportRequest, Vec<Upload>, String), ApiError> {
    let invalid = |error: axum::extract::multipart::MultipartError| ApiError::Invalid(error.body_text());
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| ApiError::Invalid(error.body_text()))?;
    let mut sources = Vec::new();
    let mut uploads = Vec::new();
    let mut content = String::new();
    let outcome = async {
        while let Some(mut part) = form.next_field().await.map_err(invalid)? {
            let part_name = part.name().unwrap_or_default().to_owned();
            let table = match Table::parse(&part_name) {
                Some(table) => table,
                None => query.table.ok_or_else(|| {
                    ApiError::Invalid(format!(
                        "the part `{part_name}` is named after no table: products, stores, targets or sales"
                    ))
                })?,
            };
            let name = part.file_name().unwrap_or(&part_name).to_owned();
            let mut writer = UploadWriter::new(app.db.clone(), keep)?;
            while let Some(bytes) = part.chunk().await.map_err(invalid)? {
                if writer.bytes() + bytes.len() as u64 > app.config.max_upload_bytes {
                    writer.abandon().await?;
                    return Err(ApiError::TooLarge {
                        limit: app.config.max_upload_bytes,
                    });
                }
                writer.push(&bytes).await?;
            }
            let upload = writer.finish().await?;
            let _ = writeln!(content, "{table}:{}", upload.digest); // a String takes every write
            sources.push(uploaded(table, name, query.options(), &upload));
            uploads.push(upload);
        }
        Ok(())
    }
    .await;
    if let Err(error) = outcome {
        forget(app, &uploads).await;
        return Err(error);
    }
    if sources.is_empty() {
        return Err(ApiError::Invalid("the form has no file".into()));
    }
    // Parents first, whatever the order of the parts.
    sources.sort_by_key(|source| Table::ALL.iter().position(|table| *table == source.table));
    let import = ImportRequest {
        sources,
        ..ImportRequest::default()
    };
    Ok((import, uploads, content))
}

fn uploaded(table: Table, name: String, options: ReadOptions, upload: &Upload) -> SourceRequest {
    SourceRequest {
        upload: Some(UploadRef {
            id: upload.id.clone(),
            bytes: upload.bytes,
            name,
        }),
        options,
        ..SourceRequest::new(table)
    }
}

async fn receive_file(app: &App, body: Body, keep: bool) -> Result<Upload, ApiError> {
    let limit = app.config.max_upload_bytes;
    let mut writer = UploadWriter::new(app.db.clone(), keep)?;
    let mut stream = body.into_data_stream();
    while let Some(bytes) = stream.next().await {
        let bytes = match bytes {
            Ok(bytes) if writer.bytes() + bytes.len() as u64 <= limit => bytes,
            Ok(_) => {
                writer.abandon().await?;
                return Err(ApiError::TooLarge { limit });
            }
            Err(error) => {
                writer.abandon().await?;
                return Err(ApiError::Invalid(format!(
                    "the body did not arrive whole: {error}"
                )));
            }
        };
        writer.push(&bytes).await?;
    }
    Ok(writer.finish().await?)
}

/// Drops uploads that no job needs. What is left over after a failure is dropped at the next start.
pub(super) async fn forget(app: &App, uploads: &[Upload]) {
    for upload in uploads {
        if let Err(error) = source::delete_upload(&app.db, &upload.id).await {
            tracing::warn!("an upload is left over: {error}");
        }
    }
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
