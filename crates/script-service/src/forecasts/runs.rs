//! Forecasts that were made, as callers see them.
//!
//! Values are rounded to the cent when they are kept, so that JSON, CSV and plain SQL agree.

use super::history::{History, HistoryWindow};
use super::request::{ForecastRequest, Gaps, Scope};
use crate::error::ApiError;
use crate::store::forecast_runs::{self as store, NewRun, PointRow, RunRow, RunSelection};
use db_client::DbClient;
use forecast::{Forecast, Interval, Point};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The unit of every value.
pub(crate) const UNIT: &str = "EUR";

/// A forecast that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForecastRun {
    /// Its id.
    pub id: i64,
    /// The model that made it.
    #[schema(example = "arima")]
    pub model: String,
    /// The model that was asked for, such as `auto`.
    #[schema(example = "arima")]
    pub requested: String,
    /// The model with its order or form, for people.
    #[schema(example = "ARIMA(5,1,0)")]
    pub label: String,
    /// One sentence: which model, and why it.
    pub explanation: String,
    /// Days that were forecast.
    pub horizon: u64,
    /// The days of the history.
    pub window: HistoryWindow,
    /// Only sales in stores of this region; null for all.
    pub region: Option<String>,
    /// Only sales of this product; null for all.
    pub product: Option<i64>,
    /// Only sales of products of this category; null for all.
    pub category: Option<String>,
    /// What a day without sales counted as.
    #[schema(inline)]
    pub gaps: Gaps,
    /// Days of the history without sales.
    pub days_without_sales: u64,
    /// Levels of the intervals in percent.
    pub levels: Vec<f64>,
    /// Settings that were asked for.
    #[schema(value_type = Object)]
    pub params: Box<RawValue>,
    /// Estimated parameters and criteria.
    #[schema(value_type = Object)]
    pub fit: Box<RawValue>,
    /// Accuracy of the model on the end of the history: `mae`, `rmse`, `smape`, `mase`, `coverage`; null when
    /// the history is too short.
    #[schema(value_type = Option<Object>)]
    pub metrics: Option<Box<RawValue>>,
    /// What a reader should know: `code` and `detail` each.
    #[schema(value_type = Vec<Object>)]
    pub warnings: Box<RawValue>,
    /// Where the history is not what was asked for.
    pub notes: Vec<String>,
    /// The unit of the values.
    #[schema(example = "EUR")]
    pub unit: &'static str,
    /// The values, one a day; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ForecastPoint>>)]
    pub points: Option<Vec<Point>>,
    /// The state of the data that was read.
    pub dataset_version: i64,
    /// When it was made.
    pub created_at: String,
    /// The job that made it.
    pub job_id: i64,
}

/// The forecast of a day. Other levels have members of the same form, such as `lower_97.5`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForecastPoint {
    /// The day.
    #[schema(example = "2023-12-01")]
    date: String,
    /// The forecast in EUR.
    #[schema(example = 28_450.0)]
    value: f64,
    /// Lower bound of the 80 % interval.
    lower_80: Option<f64>,
    /// Upper bound of the 80 % interval.
    upper_80: Option<f64>,
    /// Lower bound of the 95 % interval.
    lower_95: Option<f64>,
    /// Upper bound of the 95 % interval.
    upper_95: Option<f64>,
}

impl ForecastRun {
    /// Which sales it is about.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            region: self.region.clone(),
            product: self.product,
            category: self.category.clone(),
        }
    }
}

/// A point as it is sent to the database.
#[derive(Serialize)]
struct StoredPoint {
    date: Date,
    value: f64,
    bounds: serde_json::Map<String, serde_json::Value>,
}

/// Keeps `forecast` as the one of `job`. Done twice, it keeps the first.
pub(crate) async fn insert(
    db: &DbClient,
    job: i64,
    request: &ForecastRequest,
    history: &History,
    forecast: &Forecast,
) -> Result<(), ApiError> {
    let points: Vec<StoredPoint> = forecast.points.iter().map(stored).collect();
    let run = NewRun {
        model: forecast.model.name(),
        requested: forecast.requested.name(),
        label: &forecast.fit.label,
        horizon: forecast.points.len(),
        data_from: history.window.from.to_string(),
        data_to: history.window.to.to_string(),
        region: request.scope.region.as_deref(),
        product: request.scope.product,
        category: request.scope.category.as_deref(),
        gaps: request.gaps.as_str(),
        days_without_sales: history.days_without_sales,
        levels: json(&request.levels)?,
        params: json(&request.params)?,
        fit: json(&forecast.fit)?,
        metrics: forecast.metrics.as_ref().map(json).transpose()?,
        warnings: json(&forecast.warnings)?,
        notes: json(&history.notes)?,
        explanation: &forecast.explanation,
        dataset_version: history.dataset_version,
        points: json(&points)?,
    };
    Ok(store::insert(db, job, run).await?)
}

fn stored(point: &Point) -> StoredPoint {
    let mut bounds = serde_json::Map::new();
    for Interval { level, lower, upper } in &point.intervals {
        bounds.insert(format!("lower_{level}"), to_the_cent(*lower).into());
        bounds.insert(format!("upper_{level}"), to_the_cent(*upper).into());
    }
    StoredPoint {
        date: point.date,
        value: to_the_cent(point.value),
        bounds,
    }
}

fn to_the_cent(value: f64) -> f64 {
    // Adding 0 takes the sign from a zero.
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    if rounded.is_finite() { rounded } else { value }
}

fn json(value: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(|error| ApiError::Internal(error.into()))
}

/// The forecast `id`, its points included.
pub(crate) async fn get(db: &DbClient, id: i64) -> Result<ForecastRun, ApiError> {
    let run = whole(db, store::find(db, id).await?).await?;
    run.ok_or_else(|| ApiError::NotFound {
        what: "forecast",
        id: id.to_string(),
    })
}

/// The forecast that `job` made, if it did, its points included.
pub(crate) async fn find_by_job(db: &DbClient, job: i64) -> Result<Option<ForecastRun>, ApiError> {
    whole(db, store::find_by_job(db, job).await?).await
}

/// The newest forecast of exactly the sales of `scope`, its points included.
pub(crate) async fn find_latest(
    db: &DbClient,
    scope: &Scope,
    model: Option<&str>,
) -> Result<Option<ForecastRun>, ApiError> {
    let (region, category) = (scope.region.as_deref(), scope.category.as_deref());
    let found = store::find_latest(db, region, scope.product, category, model).await?;
    whole(db, found).await
}

/// Runs, newest first, without their points.
pub(crate) async fn list(db: &DbClient, selection: &RunSelection) -> Result<Vec<ForecastRun>, ApiError> {
    let rows = store::list(db, selection).await?;
    rows.into_iter().map(|row| Ok(run_of(row)?)).collect()
}

/// The run that `row` holds, with its points.
async fn whole(db: &DbClient, row: Option<RunRow>) -> Result<Option<ForecastRun>, ApiError> {
    let Some(row) = row else {
        return Ok(None);
    };
    let mut run = run_of(row)?;
    let points = store::points(db, run.id).await?;
    let points = points.into_iter().map(point_of).collect::<anyhow::Result<_>>()?;
    run.points = Some(points);
    Ok(Some(run))
}

fn point_of(row: PointRow) -> anyhow::Result<Point> {
    let mut members = row.bounds;
    members.insert("date".into(), row.date.into());
    members.insert("value".into(), row.value.into());
    Ok(serde_json::from_value(members.into())?)
}

fn run_of(row: RunRow) -> anyhow::Result<ForecastRun> {
    Ok(ForecastRun {
        id: row.id,
        model: row.model,
        requested: row.requested,
        label: row.label,
        horizon: row.horizon,
        window: HistoryWindow {
            from: row.data_from.parse()?,
            to: row.data_to.parse()?,
        },
        region: row.region,
        product: row.product,
        category: row.category,
        gaps: Gaps::parse(&row.gaps)?,
        days_without_sales: row.days_without_sales,
        levels: row.levels,
        params: RawValue::from_string(row.params)?,
        fit: RawValue::from_string(row.fit)?,
        metrics: row.metrics.map(RawValue::from_string).transpose()?,
        warnings: RawValue::from_string(row.warnings)?,
        notes: row.notes,
        explanation: row.explanation,
        unit: UNIT,
        points: None,
        dataset_version: row.dataset_version,
        created_at: row.created_at,
        job_id: row.job_id,
    })
}

/// The values of a run as CSV: `date,value,lower_80,upper_80,..`.
pub(crate) fn csv(run: &ForecastRun) -> Result<Vec<u8>, csv::Error> {
    let points = run.points.as_deref().unwrap_or_default();
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let levels = points.first().map(|point| point.intervals.as_slice());
    let mut head = vec!["date".to_owned(), "value".to_owned()];
    for Interval { level, .. } in levels.unwrap_or_default() {
        head.extend([format!("lower_{level}"), format!("upper_{level}")]);
    }
    writer.write_record(&head)?;
    for point in points {
        let mut record = vec![point.date.to_string(), format!("{:.2}", point.value)];
        for Interval { lower, upper, .. } in &point.intervals {
            record.extend([format!("{lower:.2}"), format!("{upper:.2}")]);
        }
        writer.write_record(&record)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Runs as CSV, a line each.
pub(crate) fn list_csv(runs: &[ForecastRun]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record([
        "id",
        "created_at",
        "model",
        "requested",
        "label",
        "horizon",
        "from",
        "to",
        "region",
        "product",
        "category",
        "gaps",
        "days_without_sales",
        "dataset_version",
        "job_id",
    ])?;
    for run in runs {
        writer.write_record([
            run.id.to_string(),
            run.created_at.clone(),
            run.model.clone(),
            run.requested.clone(),
            run.label.clone(),
            run.horizon.to_string(),
            run.window.from.to_string(),
            run.window.to.to_string(),
            run.region.clone().unwrap_or_default(),
            run.product.map(|product| product.to_string()).unwrap_or_default(),
            run.category.clone().unwrap_or_default(),
            run.gaps.as_str().to_owned(),
            run.days_without_sales.to_string(),
            run.dataset_version.to_string(),
            run.job_id.to_string(),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
