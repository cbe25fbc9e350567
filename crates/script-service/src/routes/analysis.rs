//! `/analysis`: what there is, one answer, answers that were kept.

use super::pages::PageSize;
use crate::analyses::answer::Answer;
use crate::analyses::catalog::Analysis;
use crate::analyses::compute::{self, ComputeError};
use crate::analyses::header::DeclaredColumn;
use crate::analyses::job::keep;
use crate::analyses::question::{self, Filters, Question};
use crate::analyses::render::{self, CsvDialect};
use crate::analyses::rounding::Rounding;
use crate::analyses::window::{Comparison, WindowQuery};
use crate::contract;
use crate::error::ApiError;
use crate::state::App;
use crate::store::daily_sums;
use crate::store::results::{self, ResultRow};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use script_api::{
    AnalysisDescription, AnalysisList, AnswerDocument, BrokenAnalysis, KeptResult, KeptResults,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use service_kit::extract::Path;
use service_kit::negotiation::{Form, Has, JSON, choose, client_has};
use service_kit::validation::{Asked, Fault, Query};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Lines of CSV.
pub(super) const CSV: Form = Form::of("text", "csv");

/// What is asked of an analysis. An analysis's own parameters come under their own names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComputeQuery {
    /// First day, `YYYY-MM-DD`.
    #[param(format = Date)]
    from: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    #[param(format = Date)]
    to: Option<String>,
    /// `last_30_days` (any number of days), `month`, `quarter`, `year`, `2023-11`, `2023-Q4`, `2023` or `all`.
    period: Option<String>,
    /// The day that counts as today; the latest sale date by default.
    #[param(format = Date)]
    as_of: Option<String>,
    /// What the window is compared with: `previous` (the window before it) or `year_before`.
    #[serde(default)]
    #[param(inline)]
    compare: Comparison,
    /// Only sales in stores of this region.
    region: Option<String>,
    /// Only sales in this store.
    store: Option<i64>,
    /// Only sales of this product.
    product: Option<i64>,
    /// Only sales of products of this category.
    category: Option<String>,
    /// How many rows at most.
    limit: Option<u64>,
    /// How shares are rounded: `nearest`, so that they may sum to 100.1, or `largest_remainder`, so that they
    /// sum to 100.0.
    #[serde(default)]
    #[param(inline)]
    rounding: Rounding,
    /// `json` or `csv`; by `Accept` unless given.
    #[param(inline)]
    format: Option<AnswerForm>,
    /// The flavour of CSV: `standard` or `fr`.
    #[serde(default)]
    #[param(inline)]
    dialect: CsvDialect,
    /// Keeps the answer in `analysis_results`.
    #[serde(default)]
    save: bool,
    /// `sums` (the daily sums) or `lines` (every sale line: slower, the same figures).
    #[serde(default)]
    #[param(inline)]
    source: SumSource,
    /// The analysis's own parameters.
    #[serde(flatten)]
    #[param(ignore)]
    own: BTreeMap<String, String>,
}

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerForm {
    Json,
    Csv,
}

/// Where an answer takes its sums from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SumSource {
    #[default]
    Sums,
    Lines,
}

/// The analyses there are.
#[utoipa::path(
    get,
    path = script_api::paths::ANALYSES,
    tag = "analyses",
    responses(
        (status = 200, description = "the analyses", body = AnalysisList),
        contract::OfList,
    )
)]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<AnalysisList>, ApiError> {
    let (analyses, broken) = app.catalog.checked(&app.db).await?;
    let described = |columns: &[DeclaredColumn]| columns.iter().map(DeclaredColumn::described).collect();
    let describe = |analysis: &Arc<Analysis>| AnalysisDescription {
        name: analysis.name.clone(),
        title: analysis.header.title.clone(),
        titles: analysis.header.titles.clone(),
        description: analysis.header.description.clone(),
        descriptions: analysis.header.descriptions.clone(),
        built_in: analysis.built_in,
        default_window: analysis.header.window,
        parameters: analysis.header.parameters.clone(),
        columns: described(&analysis.header.columns),
        figures: described(&analysis.header.figures),
        chart: analysis.header.chart.clone(),
    };
    Ok(Json(AnalysisList {
        analyses: analyses.iter().map(describe).collect(),
        broken: broken
            .into_iter()
            .map(|broken| BrokenAnalysis {
                file: broken.file,
                errors: broken.errors,
            })
            .collect(),
    }))
}

/// Compute an analysis now.
///
/// Without a window it is about the 30 days that end on the latest sale, or about what the analysis says. The
/// answer has an `ETag` that changes with the data.
#[utoipa::path(
    get,
    path = script_api::paths::ANALYSIS,
    tag = "analyses",
    params(("name" = String, Path, description = "the analysis", example = "region"), ComputeQuery),
    responses(
        (status = 200, description = "the answer", content(
            (AnswerDocument = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "the data did not change since the answer whose `ETag` was sent"),
        contract::OfComputing,
    )
)]
pub(crate) async fn compute(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    asked: Asked<ComputeQuery>,
    uri: axum::http::Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let analysis = app
        .catalog
        .find(&name)
        .ok_or_else(|| ComputeError::NotFound(name.clone()))?;
    let query = asked.value;
    let form = wanted_form(query.format, &headers)?;
    let (dialect, save) = (query.dialect, query.save);
    let question = asked_for(query);
    let mut faults = asked.faults;
    if question.limit.is_some_and(|limit| i64::try_from(limit).is_err()) {
        let most = format!("it must be a whole number from 0 to {}", i64::MAX);
        faults.push(Fault::parameter("limit", most));
    }
    faults.extend(
        question::faults(&analysis, &question)
            .into_iter()
            .map(Fault::in_query),
    );
    faults.or(())?;
    let state = daily_sums::current_state(&app.db).await?;
    let tag = tag(&analysis, state.version, form, &uri);
    let has = if save { Has::No } else { client_has(&headers, &tag) };
    if has == Has::This {
        return Ok(with_caching(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let composed = compute::answer(&app.db, &analysis, &question).await?;
    if save {
        keep(&app.db, &composed, None).await?;
    }
    let answer = composed.answer;
    let tag = self::tag(&analysis, answer.dataset_version, form, &uri);
    if has == Has::Any {
        // Whether there is an answer at all is known only now.
        return Ok(with_caching(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    Ok(with_caching(respond(&answer, form, dialect)?, &tag))
}

fn asked_for(query: ComputeQuery) -> Question {
    Question {
        window: WindowQuery {
            from: query.from,
            to: query.to,
            period: query.period,
            as_of: query.as_of,
            compare: query.compare,
        },
        filters: Filters {
            region: query.region,
            store: query.store,
            product: query.product,
            category: query.category,
        },
        limit: query.limit,
        rounding: query.rounding,
        from_lines: query.source == SumSource::Lines,
        parameters: query.own,
    }
}

/// The form that is asked for: by name, or else by `Accept`.
pub(super) fn wanted_form(named: Option<AnswerForm>, headers: &HeaderMap) -> Result<AnswerForm, ApiError> {
    if let Some(form) = named {
        return Ok(form);
    }
    Ok(match choose(headers, &[JSON, CSV])? {
        0 => AnswerForm::Json,
        _ => AnswerForm::Csv,
    })
}

fn respond(answer: &Answer, form: AnswerForm, dialect: CsvDialect) -> Result<Response, ApiError> {
    Ok(match form {
        AnswerForm::Json => Json(answer).into_response(),
        AnswerForm::Csv => {
            let bytes = render::csv(answer, dialect).map_err(|error| ApiError::Internal(error.into()))?;
            let disposition = format!("attachment; filename=\"{}.csv\"", answer.analysis);
            let head = [
                (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (CONTENT_DISPOSITION, disposition),
            ];
            (head, bytes).into_response()
        }
    })
}

/// Changes with the data, the request and the analysis. It is a weak one, since the answer may be compressed.
fn tag(analysis: &Analysis, version: i64, form: AnswerForm, uri: &axum::http::Uri) -> String {
    let mut pairs: Vec<&str> = uri.query().unwrap_or_default().split('&').collect();
    pairs.sort_unstable();
    let text = format!(
        "{version}\n{}\n{}\n{form:?}\n{}\n{}",
        analysis.name,
        analysis.digest,
        pairs.join("&"),
        env!("CARGO_PKG_VERSION")
    );
    format!("W/\"{}\"", &blake3::hash(text.as_bytes()).to_hex()[..32])
}

fn with_caching(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Which kept answers are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultsQuery {
    /// Only answers of this analysis.
    analysis: Option<String>,
    /// How many at most: 50 unless said otherwise, at most 500.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    page_size: PageSize,
    /// Only answers older than the one with this id: the last id of the page before.
    before: Option<i64>,
}

/// The answers that were kept, newest first.
#[utoipa::path(
    get,
    path = script_api::paths::ANALYSIS_RESULTS,
    tag = "analyses",
    params(ResultsQuery),
    responses(
        (status = 200, description = "the answers", body = KeptResults),
        contract::OfList,
    )
)]
pub(crate) async fn results(
    State(app): State<Arc<App>>,
    Query(query): Query<ResultsQuery>,
) -> Result<Json<KeptResults>, ApiError> {
    let limit = query.page_size.get();
    let rows = results::list(&app.db, query.analysis, query.before, limit).await?;
    let results = rows.into_iter().map(kept).collect::<Result<_, _>>()?;
    Ok(Json(KeptResults { results }))
}

fn kept(row: ResultRow) -> Result<KeptResult, ApiError> {
    Ok(KeptResult {
        id: row.id,
        analysis_type: row.analysis_type,
        result_value: row.result_value,
        result_details: RawValue::from_string(row.result_details)
            .map_err(|error| ApiError::Internal(error.into()))?,
        created_at: row.created_at,
        job_id: row.job_id,
    })
}
