//! `POST /imports/preview`: what an import would make of a file.

use super::imports::ImportQuery;
use super::submit::{media_type, small_body};
use crate::contract;
use crate::error::ApiError;
use crate::imports::exports::{ExportOptions, LookError};
use crate::imports::fetch::{self, FetchError};
use crate::imports::ids::References;
use crate::imports::locate::Location;
use crate::imports::preview::{self, Look, PREVIEW_BYTES};
use crate::imports::{failure, keys, questions, request as rules, survey};
use crate::state::App;
use crate::store::references;
use crate::wire;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use futures_util::StreamExt as _;
use script_api::{ImportTable, Preview, SourceRequest};
use service_kit::validation::{self, Asked, Fault};
use std::io::Cursor;
use std::sync::Arc;
use tabular::SourceRead;
use tokio::runtime::Handle;

/// How much of an archive is kept for a look, in bytes.
const MAX_ARCHIVE_BYTES: u64 = 64 << 20;
/// With what files begin whose directory may stand at their end: archives and workbooks, and older workbooks.
const LOOKED_AT_WHOLE: [&[u8]; 2] = [b"PK\x03\x04", &[0xd0, 0xcf, 0x11, 0xe0]];
/// What a file may be that is looked at without `table`.
const BY_CONTENT: [ImportTable; 4] = [
    ImportTable::Sales,
    ImportTable::Products,
    ImportTable::Stores,
    ImportTable::Targets,
];

/// Say what an import would make of a file.
///
/// The body is one file with `?table=`, or one source in JSON with a `path` or a `url`. A file without `table` is taken
/// for sales, else for the list of products, stores or targets that it fits; `table` of the answer says which. Nothing is kept; only the
/// first 2 MiB are looked at, so the answer is there at once whatever the size, and of a URL no more is fetched.
/// An archive or a workbook is looked at as a whole, up to 64 MiB.
///
/// `questions` are what the file leaves open: `answers={"store":"Lyon"}` answers the question `store`, here and in the
/// import. One that has something `assumed` need not be answered.
#[utoipa::path(
    post,
    path = script_api::paths::IMPORTS_PREVIEW,
    tag = "jobs",
    params(
        ImportQuery,
        ("Accept-Language" = Option<String>, Header, description = "the language of questions, decisions and notes: English or French"),
    ),
    request_body(content(
        (SourceRequest = "application/json"),
        (service_kit::contract::Bytes = "text/csv"),
        (service_kit::contract::Bytes = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "decisions and the first rows", body = Preview),
        contract::OfLooking,
    )
)]
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    asked: Asked<ImportQuery>,
    request: Request,
) -> Result<Json<Preview>, ApiError> {
    let query = asked.value;
    let mut faults = asked.faults;
    faults.extend(query.faults());
    faults.or(())?;
    let (language, mode) = (query.language(request.headers()), query.mode());
    let media_type = media_type(request.headers());
    let is_request = matches!(
        media_type.as_str(),
        "" | "application/json" | "application/x-www-form-urlencoded"
    );
    let (tables, options, content) = match query.table() {
        Some(table) if media_type != "multipart/form-data" => {
            let head = head(request.into_body()).await?;
            (vec![table], query.options(), Content::Head(head))
        }
        None if !is_request && media_type != "multipart/form-data" => {
            let head = head(request.into_body()).await?;
            (BY_CONTENT.to_vec(), query.options(), Content::Head(head))
        }
        _ => {
            let body = small_body(request).await?;
            let Asked {
                value: source,
                mut faults,
            } = validation::json::<SourceRequest>(&body)?;
            faults.extend(rules::source_faults(&source));
            let content = match (&source.path, &source.url) {
                _ if !faults.is_empty() => return Err(faults.into()),
                (Some(path), None) => Content::Location(
                    Location::under(&app.config.data, path)
                        .map_err(|error| Fault::at("/path", format!("{error:#}")))?,
                ),
                (None, Some(url)) => Content::Head(fetch_head(&app, url).await?),
                _ => {
                    return Err(ApiError::Invalid(
                        "a preview needs `?table=` and a file, or a source with `path` or `url`".into(),
                    ));
                }
            };
            (vec![source.table], source.options, content)
        }
    };
    if let Content::Head(head) = &content
        && is_looked_at_whole(head)
        && head.len() as u64 >= MAX_ARCHIVE_BYTES
    {
        return Err(ApiError::Source {
            code: "too_large",
            detail:
                "an archive or a workbook is looked at as a whole, and this one has 64 MiB or more; a dry \
                     run reads all of an archive, and a sheet can be saved as CSV"
                    .into(),
        });
    }
    let is_settled = options.answers.contains_key(questions::KEYS);
    let asked = ExportOptions::of(&options, app.config.locale, &app.config.time_zone);
    let database = survey::database(&app.db).await?;
    let mut options = wire::options(&options);
    options.default_locale = app.config.locale;
    options
        .time_zone
        .get_or_insert_with(|| app.config.time_zone.clone());
    let mut known = References::default();
    references::products(&app.db, |id| {
        known.products.insert(id);
    })
    .await?;
    references::stores(&app.db, |id| {
        known.stores.insert(id);
    })
    .await?;
    let runtime = Handle::current();
    let looking = Arc::clone(&app);
    let looked = tokio::task::spawn_blocking(move || {
        first_that_fits(&tables, |table| {
            let wanted = Look {
                table,
                options: &options,
                asked: &asked,
                key_needed: survey::needs_key(table, mode),
                language,
                references: &known,
                database: &database,
            };
            look(&looking, &runtime, &content, &wanted)
        })
    })
    .await
    .map_err(|error| ApiError::Internal(error.into()))?;
    let mut looked = looked?;
    if looked.table == ImportTable::Sales && !mode.makes_keys() && !is_settled {
        let percent = app.config.max_moved_percent;
        let asked = keys::doubted(&app.db, &looked, percent).await?;
        looked
            .questions
            .extend(questions::told(asked.into_iter().collect(), language));
    }
    Ok(Json(looked))
}

/// What `look` makes of the content as the first of `tables` that it fits; why it is not the first where it fits none.
fn first_that_fits(
    tables: &[ImportTable],
    look: impl Fn(ImportTable) -> Result<Preview, ApiError>,
) -> Result<Preview, ApiError> {
    let mut refused = None;
    for (place, table) in tables.iter().enumerate() {
        match look(*table) {
            // A list of something else may have an `id` and a `name` too.
            Ok(seen) if place > 0 && seen.decisions.mapping.len() < seen.decisions.ignored_headers.len() => {}
            Ok(seen) => return Ok(seen),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| ApiError::Invalid("no table was asked for".into())))
}

/// What is looked at.
enum Content {
    Head(Bytes),
    Location(Location),
}

fn look(app: &App, runtime: &Handle, content: &Content, wanted: &Look<'_>) -> Result<Preview, ApiError> {
    let open = || -> std::io::Result<Box<dyn SourceRead>> {
        Ok(match content {
            Content::Head(bytes) => Box::new(Cursor::new(bytes.clone())),
            Content::Location(location) => location.open(&app.db, runtime)?,
        })
    };
    preview::preview(&open, wanted).map_err(|error| match error {
        LookError::Survey(error) => ApiError::Source {
            code: failure::survey_code(&error),
            detail: error.to_string(),
        },
        LookError::NoSales(fault) => ApiError::Source {
            code: fault.code,
            detail: fault.message,
        },
    })
}

/// The beginning of what `url` gives.
async fn fetch_head(app: &App, url: &str) -> Result<Bytes, ApiError> {
    fetch::parse(url).map_err(|error| ApiError::Invalid(error.to_string()))?;
    fetch::head(&app.config, url, wanted)
        .await
        .map_err(|error| match error {
            FetchError::Refused(detail) => ApiError::Source {
                code: "fetch_failed",
                detail,
            },
            FetchError::Db(error) => error.into(),
        })
}

/// How much of a source is wanted that begins with `head`, in bytes.
fn wanted(head: &[u8]) -> u64 {
    if is_looked_at_whole(head) {
        MAX_ARCHIVE_BYTES
    } else {
        PREVIEW_BYTES
    }
}

/// Whether only all of the content that begins with `head` can be looked at.
fn is_looked_at_whole(head: &[u8]) -> bool {
    LOOKED_AT_WHOLE.iter().any(|magic| head.starts_with(magic))
}

/// The beginning of a body; the rest is not waited for.
async fn head(body: Body) -> Result<Bytes, ApiError> {
    let mut head = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(bytes) = stream.next().await {
        let bytes =
            bytes.map_err(|error| ApiError::Invalid(format!("the body did not arrive whole: {error}")))?;
        head.extend_from_slice(&bytes);
        if head.len() as u64 >= wanted(&head) {
            break;
        }
    }
    Ok(head.into())
}
