//! Forecasts that were made: the rows of `forecast_runs` and `forecast_points`.
//!
//! A run is written whole, in one transaction, and once for each job. Values are rounded to the cent here and
//! nowhere else, so that JSON, CSV and plain SQL agree.

use super::history::{History, HistoryWindow};
use super::request::{ForecastRequest, Gaps, Scope};
use crate::error::ApiError;
use crate::jobs::store::now;
use crate::params::positional;
use db_client::DbClient;
use db_client::db_api::{Params, Statement, Value};
use forecast::{Forecast, Interval, Point};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The unit of every value.
pub(crate) const UNIT: &str = "EUR";

/// Columns of a run in the order in which [`run_of`] reads them.
const RUN_COLUMNS: &str = "id, model, requested, label, horizon, data_from, data_to, region, product, category, \
    gaps, days_without_sales, levels, params, fit, metrics, warnings, notes, explanation, dataset_version, \
    created_at, job_id";

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
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let metrics = forecast.metrics.as_ref().map(json).transpose()?;
    let run = Statement::new(
        "INSERT INTO forecast_runs (model, requested, label, horizon, data_from, data_to, region, product,
            category, gaps, days_without_sales, levels, params, fit, metrics, warnings, notes, explanation,
            dataset_version, created_at, job_id)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
        ON CONFLICT (job_id) DO NOTHING",
        Params::Positional(vec![
            forecast.model.name().into(),
            forecast.requested.name().into(),
            forecast.fit.label.as_str().into(),
            count(forecast.points.len()).into(),
            history.window.from.to_string().into(),
            history.window.to.to_string().into(),
            request.scope.region.clone().into(),
            request.scope.product.into(),
            request.scope.category.clone().into(),
            request.gaps.as_str().into(),
            count(history.days_without_sales).into(),
            json(&request.levels)?.into(),
            json(&request.params)?.into(),
            json(&forecast.fit)?.into(),
            metrics.into(),
            json(&forecast.warnings)?.into(),
            json(&history.notes)?.into(),
            forecast.explanation.as_str().into(),
            history.dataset_version.into(),
            now().into(),
            job.into(),
        ]),
    );
    let points = Statement::new(
        "INSERT INTO forecast_points (run_id, date, value, bounds)
        SELECT forecast_runs.id, point.value ->> 'date', point.value ->> 'value', point.value -> 'bounds'
        FROM forecast_runs, json_each(?2) AS point
        WHERE forecast_runs.job_id = ?1
        ON CONFLICT (run_id, date) DO NOTHING",
        positional([job.into(), json(&points)?.into()]),
    );
    db.transaction(vec![run, points]).await?;
    Ok(())
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
    let run = find(db, "id = ?1", positional([id.into()])).await?;
    run.ok_or_else(|| ApiError::NotFound {
        what: "forecast",
        id: id.to_string(),
    })
}

/// The forecast that `job` made, if it did.
pub(crate) async fn find_by_job(db: &DbClient, job: i64) -> Result<Option<ForecastRun>, ApiError> {
    find(db, "job_id = ?1", positional([job.into()])).await
}

/// The newest forecast of exactly the sales of `scope`.
pub(crate) async fn find_latest(
    db: &DbClient,
    scope: &Scope,
    model: Option<&str>,
) -> Result<Option<ForecastRun>, ApiError> {
    find(
        db,
        "region IS ?1 AND product IS ?2 AND category IS ?3 AND (?4 IS NULL OR model = ?4 OR requested = ?4)",
        positional([
            scope.region.clone().into(),
            scope.product.into(),
            scope.category.clone().into(),
            model.into(),
        ]),
    )
    .await
}

/// The newest run for which `condition` holds, its points included.
async fn find(db: &DbClient, condition: &str, params: Params) -> Result<Option<ForecastRun>, ApiError> {
    let result = db
        .query(
            &format!("SELECT {RUN_COLUMNS} FROM forecast_runs WHERE {condition} ORDER BY id DESC LIMIT 1"),
            params,
        )
        .await?;
    let Some(row) = result.rows.first() else {
        return Ok(None);
    };
    let mut run = run_of(row)?;
    run.points = Some(points(db, run.id).await?);
    Ok(Some(run))
}

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunSelection {
    /// Only runs of this model, made by it or asked of it.
    pub model: Option<String>,
    pub scope: Scope,
    /// Only runs older than this one.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Runs, newest first, without their points.
pub(crate) async fn list(db: &DbClient, selection: &RunSelection) -> Result<Vec<ForecastRun>, ApiError> {
    let result = db
        .query(
            &format!(
                "SELECT {RUN_COLUMNS} FROM forecast_runs
                WHERE (?1 IS NULL OR model = ?1 OR requested = ?1) AND (?2 IS NULL OR region = ?2)
                    AND (?3 IS NULL OR product = ?3) AND (?4 IS NULL OR category = ?4)
                    AND (?5 IS NULL OR id < ?5)
                ORDER BY id DESC LIMIT ?6"
            ),
            positional([
                selection.model.clone().into(),
                selection.scope.region.clone().into(),
                selection.scope.product.into(),
                selection.scope.category.clone().into(),
                selection.before.into(),
                i64::from(selection.limit).into(),
            ]),
        )
        .await?;
    result.rows.iter().map(|row| Ok(run_of(row)?)).collect()
}

async fn points(db: &DbClient, run: i64) -> Result<Vec<Point>, ApiError> {
    let result = db
        .query(
            "SELECT date, value, bounds FROM forecast_points WHERE run_id = ?1 ORDER BY date",
            positional([run.into()]),
        )
        .await?;
    result.rows.iter().map(|row| Ok(point_of(row)?)).collect()
}

fn point_of(row: &[Value]) -> anyhow::Result<Point> {
    let text = |index: usize| row[index].as_str().unwrap_or_default();
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text(2))?;
    members.insert("date".into(), text(0).into());
    members.insert("value".into(), row[1].as_f64().into());
    Ok(serde_json::from_value(members.into())?)
}

fn run_of(row: &[Value]) -> anyhow::Result<ForecastRun> {
    let text = |index: usize| row[index].as_str().unwrap_or_default().to_owned();
    let raw = |index: usize| RawValue::from_string(text(index));
    let count = |index: usize| row[index].as_i64().unwrap_or_default().max(0).cast_unsigned();
    let metrics = row[15]
        .as_str()
        .map(|json| RawValue::from_string(json.to_owned()));
    Ok(ForecastRun {
        id: row[0].as_i64().unwrap_or_default(),
        model: text(1),
        requested: text(2),
        label: text(3),
        horizon: count(4),
        window: HistoryWindow {
            from: text(5).parse()?,
            to: text(6).parse()?,
        },
        region: row[7].as_str().map(str::to_owned),
        product: row[8].as_i64(),
        category: row[9].as_str().map(str::to_owned),
        gaps: Gaps::parse(&text(10))?,
        days_without_sales: count(11),
        levels: serde_json::from_str(&text(12))?,
        params: raw(13)?,
        fit: raw(14)?,
        metrics: metrics.transpose()?,
        warnings: raw(16)?,
        notes: serde_json::from_str(&text(17))?,
        explanation: text(18),
        unit: UNIT,
        points: None,
        dataset_version: row[19].as_i64().unwrap_or_default(),
        created_at: text(20),
        job_id: row[21].as_i64().unwrap_or_default(),
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
