//! `POST /jobs/import`: a request in JSON, or the files themselves.

use super::receive::{self, Received};
use super::submit::{self, Submitted, Wish, answer};
use crate::contract;
use crate::error::ApiError;
use crate::imports::request as rules;
use crate::jobs::upload_claims::Claim;
use crate::language::Language;
use crate::state::App;
use crate::store::jobs;
use crate::wire;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use script_api::{
    CreateMissing, DateOrder, DecimalMark, Format, ImportRequest, ImportTable, Job, Locale, MaxRejects, Mode,
    OnCancel, OnError, ReadOptions,
};
use serde::Deserialize;
use service_kit::validation::{Asked, Fault, Faults};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::IntoParams;

/// What a query string says about an import. All but `table` and `name` also hold for the sources of a JSON
/// body that do not say otherwise.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The table that the body goes to; the body is then one file.
    #[param(value_type = Option<ImportTable>)]
    table: Option<ImportTable>,
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
    /// The time zone of the shop, such as `Europe/Paris`.
    time_zone: Option<String>,
    /// `fr` or `en`.
    #[param(value_type = Option<Locale>)]
    locale: Option<Locale>,
    /// From column to header, as a JSON object.
    mapping: Option<String>,
    /// Whether amounts with more than two decimals are rejected.
    strict: Option<bool>,
    /// What is the same on all lines of sales, as a JSON object: `{"store":"Lyon"}`.
    constants: Option<String>,
    /// Answers to the questions of a preview, as a JSON object from their ids.
    answers: Option<String>,
    /// What one of another currency is worth, as a JSON object: `{"USD":0.92}`.
    rates: Option<String>,
    /// `none`, `products`, `stores` or `both`: what is made where lines of sales name what is not there.
    #[param(value_type = Option<CreateMissing>)]
    create_missing: Option<CreateMissing>,
    /// `en` or `fr`: the language of the questions of a preview; by default that of `Accept-Language`.
    #[param(value_type = Option<String>)]
    lang: Option<Language>,
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
            time_zone: self.time_zone.clone(),
            locale: self.locale,
            mapping: self.mapping().unwrap_or_default(),
            strict: self.strict.unwrap_or_default(),
            constants: object("constants", self.constants.as_deref()).unwrap_or_default(),
            answers: object("answers", self.answers.as_deref()).unwrap_or_default(),
            rates: self.rates().unwrap_or_default(),
            create_missing: self.create_missing.unwrap_or_default(),
        }
    }

    fn rates(&self) -> Result<BTreeMap<String, serde_json::Number>, Fault> {
        let Some(text) = &self.rates else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_str(text).map_err(|error| {
            Fault::parameter(
                "rates",
                format!("it must be a JSON object of numbers, such as {{\"USD\":0.92}}: {error}"),
            )
        })
    }

    fn mapping(&self) -> Result<BTreeMap<String, String>, Fault> {
        object("mapping", self.mapping.as_deref())
    }

    /// The language of what is told to people; `headers` are those of the request.
    pub(super) fn language(&self, headers: &HeaderMap) -> Language {
        self.lang.unwrap_or_else(|| Language::preferred(headers))
    }

    /// How rows meet those that are there.
    pub(super) fn mode(&self) -> Mode {
        self.mode.unwrap_or_default()
    }

    /// The table that the body goes to.
    pub(super) fn table(&self) -> Option<ImportTable> {
        self.table
    }

    /// What the file in the body is called, if the request says.
    pub(super) fn name(&self) -> Option<String> {
        self.name.clone()
    }

    /// What is wrong with it that its types do not say.
    pub(super) fn faults(&self) -> Faults {
        let options = wire::options(&self.options()).faults();
        let mut faults: Faults = options
            .into_iter()
            .map(|(name, reason)| Fault::parameter(name, reason))
            .collect();
        faults.take(self.mapping());
        faults.take(self.rates());
        for (code, reason) in rules::rate_faults(&self.options()) {
            faults.push(Fault::parameter("rates", format!("{code}: {reason}")));
        }
        faults.take(object("constants", self.constants.as_deref()));
        faults.take(object("answers", self.answers.as_deref()));
        // Whatever else it says, it is an import of its own.
        let mut import = ImportRequest::default();
        self.apply(&mut import);
        faults.extend(rules::faults(&import).into_iter().map(Fault::in_query));
        if import.mode.replaces() && self.table.is_some_and(|table| table != ImportTable::Sales) {
            faults.push(Fault::parameter("mode", "only sales can be replaced as a whole"));
        }
        faults
    }

    /// What concerns the whole import, put over `request`.
    pub(super) fn apply(&self, request: &mut ImportRequest) {
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

/// A parameter that is a JSON object of texts.
fn object(name: &'static str, text: Option<&str>) -> Result<BTreeMap<String, String>, Fault> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(text).map_err(|error| {
        let reason = match name {
            "mapping" => format!("it must be a JSON object from column to header: {error}"),
            _ => format!("it must be a JSON object of texts: {error}"),
        };
        Fault::parameter(name, reason)
    })
}

/// Import files.
///
/// Without a body: the configured sources, which are the sample data by default. A JSON body names sources by
/// path under the data folder or by URL. With `?table=`, or as `multipart/form-data` whose parts are named
/// after tables, the files themselves are the body; a part `options` before them, in JSON, says how each is read:
/// `{"files": [{"answers": {"store": "Lyon"}}, {}]}`.
///
/// Try `curl -X POST localhost:5000/jobs/import`, or
/// `curl -T sales.csv 'localhost:5000/jobs/import?table=sales' -X POST -H 'Prefer: wait=30'`.
#[utoipa::path(
    post,
    path = script_api::paths::JOBS_IMPORT,
    tag = "jobs",
    params(
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "makes a retry safe: the same key gives the same job"),
        ("Prefer" = Option<String>, Header, description = "`wait=30` waits up to 30 seconds for the end"),
    ),
    request_body(content(
        (ImportRequest = "application/json"),
        (service_kit::contract::Bytes = "text/csv"),
        (service_kit::contract::Bytes = "application/x-ndjson"),
        (service_kit::contract::Bytes = "application/octet-stream"),
        (String = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "the finished job: `Prefer: wait` was given and it was done in time", body = Job),
        (status = 202, description = "the job; `Location` says where to look for it", body = Job),
        contract::OfImporting,
    )
)]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    asked: Asked<ImportQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let wish = Wish::of(request.headers(), &app.config)?;
    let known = match &wish.key {
        Some(key) => jobs::key_is_known(&app.db, key).await?,
        None => false,
    };
    if !known {
        jobs::check_queue(&app.db, app.config.queue_limit).await?;
    }
    let claim = match &wish.key {
        Some(key) if !known => Some(Claim::take(&app.db, key).await?),
        _ => None,
    };
    // Of a repeated upload only the digest is needed.
    let made = receive_and_submit(&app, asked, request, wish.key, !known).await;
    if let Some(claim) = claim
        && let Err(error) = claim.release().await
    {
        tracing::warn!("an idempotency key stays taken until its lease ends: {error}");
    }
    answer(&app, made?, wish.wait).await
}

/// The job of an import whose body comes in now. Without `keep` the bytes of its files are not kept.
async fn receive_and_submit(
    app: &App,
    asked: Asked<ImportQuery>,
    request: Request,
    key: Option<String>,
    keep: bool,
) -> Result<Submitted, ApiError> {
    let Asked {
        value: query,
        mut faults,
    } = asked;
    faults.extend(query.faults());
    let uri = request.uri().to_string();
    let Received {
        mut import,
        uploads,
        content,
    } = receive::receive(app, &query, request, keep, &mut faults).await?;
    query.apply(&mut import);
    faults.extend(rules::faults(&import));
    let made = match faults.or(()) {
        Ok(()) => submit::put(app, &import, key, &uri, &content).await,
        Err(faults) => Err(faults.into()),
    };
    if !matches!(
        made,
        Ok(Submitted {
            is_repeated: false,
            ..
        })
    ) {
        receive::forget(app, &uploads).await;
    }
    made
}
