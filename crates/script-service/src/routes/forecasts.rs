//! `/forecasts`: what was forecast, how right it was, and models compared on one window.

use super::analysis::{AnswerForm, wanted_form};
use super::jobs::{parse_token, token};
use super::pages::PageSize;
use crate::contract;
use crate::day::Day;
use crate::error::ApiError;
use crate::forecasts::history::{self, Scope};
use crate::forecasts::request::Plan;
use crate::forecasts::{ForecastFailure, accuracy, runs, wire, work};
use crate::state::App;
use crate::store::forecast_runs::RunSelection;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LINK, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use forecast::Model;
use script_api::{Accuracy, ForecastComparison, ForecastPage, ForecastRequest, ForecastRun, Gaps};
use serde::Deserialize;
use service_kit::extract::Path;
use service_kit::validation::{Asked, Fault, Faults, Query};
use std::sync::Arc;
use std::time::Duration;
use utoipa::IntoParams;

/// Which forecasts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only forecasts that this model made, or that it was asked for.
    model: Option<String>,
    /// Only forecasts of sales in stores of this region.
    region: Option<String>,
    /// Only forecasts of this product.
    product: Option<i64>,
    /// Only forecasts of this category.
    category: Option<String>,
    /// How many forecasts a page has: 50 unless said otherwise, at most 500.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    page_size: PageSize,
    /// Where the page begins: `next_page_token` of the page before.
    page_token: Option<String>,
    /// `json` or `csv`; by `Accept` unless given.
    #[param(inline)]
    format: Option<AnswerForm>,
}

/// The history of forecasts, newest first.
#[utoipa::path(
    get,
    path = script_api::paths::FORECASTS,
    tag = "forecasts",
    params(ListQuery),
    responses(
        (status = 200, description = "a page of forecasts", content(
            (ForecastPage = "application/json"),
            (String = "text/csv"),
        )),
        contract::OfListInForms,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
    uri: axum::http::Uri,
) -> Result<Response, ApiError> {
    let page_size = query.page_size.get();
    let selection = RunSelection {
        model: query.model,
        region: query.region,
        product: query.product,
        category: query.category,
        before: query.page_token.as_deref().map(parse_token).transpose()?,
        limit: page_size + 1,
    };
    let mut forecasts = runs::list(&app.db, &selection).await?;
    let more = forecasts.len() > page_size as usize;
    forecasts.truncate(page_size as usize);
    let next_page_token = forecasts.last().filter(|_| more).map(|run| token(run.id));
    let link = next_page_token.as_deref().map(|token| next_page(&uri, token));
    let form = wanted_form(query.format, &headers)?;
    let mut response = match form {
        AnswerForm::Json => Json(ForecastPage {
            forecasts,
            next_page_token,
        })
        .into_response(),
        AnswerForm::Csv => csv_response("forecasts", runs::list_csv(&forecasts))?,
    };
    if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(varying(response))
}

/// The same request with the token of the next page.
fn next_page(uri: &axum::http::Uri, token: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let kept: String = others
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page_token="))
        .flat_map(|pair| [pair, "&"])
        .collect();
    format!("</forecasts?{kept}page_token={token}>; rel=\"next\"")
}

/// In which form a forecast is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormQuery {
    /// `json` or `csv`; by `Accept` unless given.
    #[param(inline)]
    format: Option<AnswerForm>,
}

/// One forecast.
///
/// As CSV it is `date,value,lower_80,upper_80,lower_95,upper_95`, a line a day.
#[utoipa::path(
    get,
    path = script_api::paths::FORECAST,
    tag = "forecasts",
    params(("id" = i64, Path, description = "the forecast"), FormQuery),
    responses(
        (status = 200, description = "the forecast", content(
            (ForecastRun = "application/json"),
            (String = "text/csv"),
        )),
        contract::OfOneInForms,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<FormQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = runs::get(&app.db, id).await?;
    respond(run, wanted_form(query.format, &headers)?)
}

/// Which sales the forecast is to be of.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LatestQuery {
    /// The forecast of sales in stores of this region; of all regions unless given.
    region: Option<String>,
    /// The forecast of this product; of all products unless given.
    product: Option<i64>,
    /// The forecast of this category; of all categories unless given.
    category: Option<String>,
    /// Only a forecast that this model made, or that it was asked for.
    model: Option<String>,
    /// `json` or `csv`; by `Accept` unless given.
    #[param(inline)]
    format: Option<AnswerForm>,
}

/// The newest forecast of total revenue, or of a region, product or category.
#[utoipa::path(
    get,
    path = script_api::paths::FORECASTS_LATEST,
    tag = "forecasts",
    params(LatestQuery),
    responses(
        (status = 200, description = "the forecast", content(
            (ForecastRun = "application/json"),
            (String = "text/csv"),
        )),
        contract::OfOneInForms,
    )
)]
pub(crate) async fn latest(
    State(app): State<Arc<App>>,
    Query(query): Query<LatestQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let scope = Scope {
        region: query.region,
        product: query.product,
        category: query.category,
    };
    let run = runs::find_latest(&app.db, &scope, query.model.as_deref()).await?;
    let run = run.ok_or_else(|| ForecastFailure::NotFound("of these sales".to_owned()))?;
    respond(run, wanted_form(query.format, &headers)?)
}

/// How right a forecast was.
///
/// Errors over the days that have come, and each day beside what came. While none has come it says so and has
/// no errors.
#[utoipa::path(
    get,
    path = script_api::paths::FORECAST_ACCURACY,
    tag = "forecasts",
    params(("id" = i64, Path, description = "the forecast")),
    responses(
        (status = 200, description = "the forecast against what came", body = Accuracy),
        contract::OfOne,
    )
)]
pub(crate) async fn accuracy(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Json<Accuracy>, ApiError> {
    let run = runs::get(&app.db, id).await?;
    Ok(Json(accuracy::measure(&app.db, run).await?))
}

/// What is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// Models, separated by commas; all of them unless given. `seasonal_naive` always takes part.
    #[param(example = "arima,ets,prophet")]
    models: Option<String>,
    /// First day of the history; the first sale by default.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Day>,
    /// Last day of the history; the latest sale by default.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Day>,
    /// Days in each window of the backtest, 1 to 3660; 7 by default.
    #[param(minimum = 1, maximum = 3660)]
    horizon: Option<usize>,
    /// Windows of the backtest, 1 to 52; 4 by default.
    #[param(minimum = 1, maximum = 52)]
    windows: Option<usize>,
    /// Only sales in stores of this region.
    region: Option<String>,
    /// Only sales of this product.
    product: Option<i64>,
    /// Only sales of products of this category.
    category: Option<String>,
    /// What a day without sales counts as: `zero` (the default) or `missing`.
    #[param(inline)]
    gaps: Option<Gaps>,
}

/// Compare models on the end of one history.
///
/// Each model forecasts the last windows from what was before them, and is measured against what came. Nothing
/// is kept.
#[utoipa::path(
    get,
    path = script_api::paths::FORECASTS_COMPARE,
    tag = "forecasts",
    params(CompareQuery),
    responses(
        (status = 200, description = "the models, best first", body = ForecastComparison),
        contract::OfComparing,
    )
)]
pub(crate) async fn compare(
    State(app): State<Arc<App>>,
    query: Asked<CompareQuery>,
) -> Result<Json<ForecastComparison>, ApiError> {
    let mut faults = query.faults;
    let models = faults.take(query.value.models()).unwrap_or_default();
    let (plan, more) = Plan::of(&query.value.request());
    faults.extend(more.into_iter().map(Fault::in_query));
    if plan.models.windows == 0 {
        faults.push(Fault::parameter("windows", "0 windows compare nothing"));
    }
    faults.or(())?;
    let _permit = app
        .comparisons
        .try_acquire()
        .map_err(|_| ApiError::TooManyComparisons {
            limit: app.config.comparison_limit,
        })?;
    let history = history::read(&app.db, &plan.history)
        .await
        .map_err(|error| ApiError::from(error).in_query())?;
    let (series, horizon) = (history.series, plan.models.horizon);
    let limit = Duration::from_millis(app.config.forecast_timeout_ms);
    let compared = work::off_thread(limit, move |stop| {
        forecast::compare(&series, &models, &plan.models, &mut |_| {}, stop)
    })
    .await?;
    let (candidates, chosen, explanation) = wire::comparison_said(compared);
    Ok(Json(ForecastComparison {
        window: history.window,
        horizon,
        gaps: plan.history.gaps,
        days_without_sales: history.days_without_sales,
        candidates,
        chosen,
        explanation,
        notes: history.notes,
        unit: runs::UNIT.to_owned(),
        dataset_version: history.dataset_version,
    }))
}

impl CompareQuery {
    fn models(&self) -> Result<Vec<Model>, Faults> {
        let Some(names) = &self.models else {
            return Ok(Model::ALL.into());
        };
        let mut faults = Faults::default();
        let mut models = Vec::new();
        for name in names.split(',') {
            let refuse = |reason: String| Fault::parameter("models", reason);
            match name.parse::<Model>() {
                Ok(Model::Auto) => {
                    faults.push(refuse("auto is a choice among models, not one of them".into()));
                }
                Ok(model) => models.push(model),
                Err(error) => faults.push(refuse(error.to_string())),
            }
        }
        faults.or(models)
    }

    fn request(self) -> ForecastRequest {
        ForecastRequest {
            horizon: self.horizon,
            windows: self.windows,
            from: self.from.map(|day| day.0),
            to: self.to.map(|day| day.0),
            gaps: self.gaps,
            region: self.region,
            product: self.product,
            category: self.category,
            ..ForecastRequest::default()
        }
    }
}

fn respond(run: ForecastRun, form: AnswerForm) -> Result<Response, ApiError> {
    let response = match form {
        AnswerForm::Json => Json(run).into_response(),
        AnswerForm::Csv => csv_response(&format!("forecast-{}", run.id), runs::csv(&run))?,
    };
    Ok(varying(response))
}

fn csv_response(name: &str, csv: Result<Vec<u8>, csv::Error>) -> Result<Response, ApiError> {
    let bytes = csv.map_err(|error| ApiError::Internal(error.into()))?;
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ),
    ];
    Ok((head, bytes).into_response())
}

fn varying(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
