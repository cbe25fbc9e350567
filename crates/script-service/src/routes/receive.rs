//! The body of an import as it comes in: a request in JSON, one file, or the files of a form.

use super::imports::ImportQuery;
use super::submit::{MAX_JSON_BYTES, media_type, small_body};
use crate::error::ApiError;
use crate::imports::pieces::{Upload, UploadWriter};
use crate::imports::request as rules;
use crate::state::App;
use crate::store::uploads;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use futures_util::{Stream, StreamExt as _};
use script_api::{ImportRequest, ImportTable, ReadOptions, SourceRequest, UploadRef};
use serde::Deserialize;
use service_kit::validation::{self, Asked, Fault, Faults};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The part of a form that says how its files are read.
const OPTIONS_PART: &str = "options";

/// What a request for an import held.
pub(super) struct Received {
    pub import: ImportRequest,
    /// The files in it, kept.
    pub uploads: Vec<Upload>,
    /// What its content is recognised by.
    pub content: String,
}

/// What the body of `request` stands for. What is wrong with a request in JSON is added to `faults`; files are not
/// received when there are some already. Without `keep` the bytes of files are only counted and digested.
pub(super) async fn receive(
    app: &App,
    query: &ImportQuery,
    request: Request,
    keep: bool,
    faults: &mut Faults,
) -> Result<Received, ApiError> {
    let media_type = media_type(request.headers());
    let is_form = media_type == "multipart/form-data";
    let is_json = matches!(
        media_type.as_str(),
        "" | "application/json" | "application/x-www-form-urlencoded"
    );
    let is_file = query.table().is_some() && !is_form;
    if is_form || is_file || (has_body(request.headers()) && !is_json) {
        std::mem::take(faults).or(())?;
    }
    match query.table() {
        _ if is_form => form(app, query, request, keep).await,
        Some(table) => file(app, query, table, request, keep).await,
        None if has_body(request.headers()) && !is_json => Err(ApiError::Unsupported(format!(
            "a body of type {media_type} needs `?table=` (products, stores, targets or sales); a request in JSON \
             names its sources"
        ))),
        None => json(app, request, faults).await,
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

/// A request in JSON, or none, which means the configured sources.
async fn json(app: &App, request: Request, faults: &mut Faults) -> Result<Received, ApiError> {
    let body = small_body(request).await?;
    let mut import = ImportRequest::default();
    if !validation::is_nothing(&body) {
        match validation::json(&body) {
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
    faults.extend(rules::not_set_by_callers(&import));
    let content = serde_json::to_string(&import).map_err(|error| ApiError::Internal(error.into()))?;
    if import.sources.is_empty() {
        import.sources = rules::configured_sources(&app.config.data);
    }
    if import.sources.is_empty() && faults.is_empty() {
        return Err(ApiError::Invalid(format!(
            "the data folder {} has no products.csv, stores.csv, targets.csv or sales.csv; name a source, such as \
             {{\"sources\":[{{\"table\":\"sales\",\"url\":\"https://example.org/sales.csv\"}}]}}",
            app.config.data.display()
        )));
    }
    Ok(Received {
        import,
        uploads: Vec::new(),
        content,
    })
}

/// The body is one file for `table`.
async fn file(
    app: &App,
    query: &ImportQuery,
    table: ImportTable,
    request: Request,
    keep: bool,
) -> Result<Received, ApiError> {
    let broken = |error: axum::Error| ApiError::Invalid(format!("the body did not arrive whole: {error}"));
    let body: Body = request.into_body();
    let upload = upload(app, body.into_data_stream(), broken, keep).await?;
    let name = query.name().unwrap_or_else(|| format!("{table} (upload)"));
    Ok(Received {
        import: ImportRequest {
            sources: vec![uploaded(table, name, query.options(), &upload)],
            ..ImportRequest::default()
        },
        content: upload.digest.clone(),
        uploads: vec![upload],
    })
}

/// The files of a form; each part is named after its table, or `file` with `?table=`. A part `options` before them says
/// how each is read; the query string holds for those of which it says nothing.
async fn form(app: &App, query: &ImportQuery, request: Request, keep: bool) -> Result<Received, ApiError> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| ApiError::Invalid(error.body_text()))?;
    let mut received = Received {
        import: ImportRequest::default(),
        uploads: Vec::new(),
        content: String::new(),
    };
    if let Err(error) = parts(app, query, &mut form, keep, &mut received).await {
        forget(app, &received.uploads).await;
        return Err(error);
    }
    if received.uploads.is_empty() {
        return Err(ApiError::Invalid("the form has no file".into()));
    }
    // Parents first, whatever the order of the parts.
    let place = |source: &SourceRequest| ImportTable::ALL.iter().position(|table| *table == source.table);
    received.import.sources.sort_by_key(place);
    Ok(received)
}

async fn parts(
    app: &App,
    query: &ImportQuery,
    form: &mut Multipart,
    keep: bool,
    received: &mut Received,
) -> Result<(), ApiError> {
    let invalid = |error: MultipartError| ApiError::Invalid(error.body_text());
    let mut options = Vec::new().into_iter();
    while let Some(part) = form.next_field().await.map_err(invalid)? {
        let part_name = part.name().unwrap_or_default().to_owned();
        if part_name == OPTIONS_PART {
            if !received.uploads.is_empty() {
                return Err(ApiError::Invalid(
                    "the part `options` comes before the files".into(),
                ));
            }
            options = options_of(part, received).await?.into_iter();
            continue;
        }
        let table = ImportTable::parse(&part_name).or(query.table()).ok_or_else(|| {
            ApiError::Invalid(format!(
                "the part `{part_name}` is named after no table: products, stores, targets or sales"
            ))
        })?;
        let name = part.file_name().unwrap_or(&part_name).to_owned();
        let upload = upload(app, part, invalid, keep).await?;
        let _ = writeln!(received.content, "{table}:{}", upload.digest); // a String takes every write
        let source = uploaded(
            table,
            name,
            options.next().unwrap_or_else(|| query.options()),
            &upload,
        );
        received.import.sources.push(source);
        received.uploads.push(upload);
    }
    match options.next() {
        None => Ok(()),
        Some(_) => Err(ApiError::Invalid(
            "the part `options` says of more files than come".into(),
        )),
    }
}

/// The part `options` of a form: how its files are read, one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormOptions {
    files: Vec<FileOptions>,
}

#[derive(Deserialize)]
struct FileOptions {
    #[serde(flatten)]
    options: ReadOptions,
    #[serde(flatten)]
    unknown: BTreeMap<String, serde_json::Value>,
}

async fn options_of(part: Field<'_>, received: &mut Received) -> Result<Vec<ReadOptions>, ApiError> {
    let mut text = Vec::new();
    let mut stream = std::pin::pin!(part);
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| ApiError::Invalid(error.body_text()))?;
        text.extend_from_slice(&bytes);
        if text.len() > MAX_JSON_BYTES {
            return Err(ApiError::Invalid(
                "the part `options` is longer than 1 MiB of JSON".into(),
            ));
        }
    }
    let asked: Asked<FormOptions> = validation::json(&text)?;
    let FormOptions { files } = asked.whole()?;
    let mut unknown = Faults::default();
    for (index, file) in files.iter().enumerate() {
        for name in file.unknown.keys() {
            let reason = format!("unknown field `{name}`: a file has no such option");
            unknown.push(Fault::unknown_field(format!("/files/{index}/{name}"), reason));
        }
    }
    unknown.or(())?;
    received.content.push_str(&String::from_utf8_lossy(&text));
    received.content.push('\n');
    Ok(files.into_iter().map(|file| file.options).collect())
}

/// Keeps the bytes of `stream`, unless they are too many or break off: then nothing of them is left.
async fn upload<E>(
    app: &App,
    stream: impl Stream<Item = Result<Bytes, E>>,
    broken: impl Fn(E) -> ApiError,
    keep: bool,
) -> Result<Upload, ApiError> {
    let limit = app.config.max_upload_bytes;
    let mut writer = UploadWriter::new(app.db.clone(), keep)?;
    let mut stream = std::pin::pin!(stream);
    while let Some(bytes) = stream.next().await {
        let bytes = match bytes {
            Ok(bytes) if writer.bytes() + bytes.len() as u64 <= limit => bytes,
            Ok(_) => {
                writer.abandon().await?;
                return Err(ApiError::TooLarge { limit });
            }
            Err(error) => {
                writer.abandon().await?;
                return Err(broken(error));
            }
        };
        writer.push(&bytes).await?;
    }
    Ok(writer.finish().await?)
}

fn uploaded(table: ImportTable, name: String, options: ReadOptions, upload: &Upload) -> SourceRequest {
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

/// Drops uploads that no job needs. What is left over after a failure is dropped at the next start.
pub(super) async fn forget(app: &App, uploads: &[Upload]) {
    for upload in uploads {
        if let Err(error) = uploads::delete(&app.db, &upload.id).await {
            tracing::warn!("an upload is left over: {error}");
        }
    }
}
