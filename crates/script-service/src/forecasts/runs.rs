//! Forecasts that were made, as callers see them.
//!
//! Values are rounded to the cent when they are kept, so that JSON, CSV and plain SQL agree.

use super::ForecastFailure;
use super::history::{History, Scope};
use super::request::Plan;
use super::wire;
use crate::store::forecast_runs::{self as store, NewRun, PointRow, RunRow, RunSelection};
use db_client::DbClient;
use forecast::Forecast;
use jiff::civil::Date;
use script_api::{ForecastInterval, ForecastPoint, ForecastRun, Gaps, HistoryWindow};
use serde::Serialize;

/// The unit of every value.
pub(crate) const UNIT: &str = "EUR";

/// Which sales `run` is about.
pub(crate) fn scope(run: &ForecastRun) -> Scope {
    Scope {
        region: run.region.clone(),
        product: run.product,
        category: run.category.clone(),
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
    plan: &Plan,
    history: &History,
    forecast: Forecast,
) -> Result<(), ForecastFailure> {
    let Forecast {
        model,
        requested,
        fit,
        points,
        warnings,
        metrics,
        explanation,
    } = forecast;
    let points: Vec<StoredPoint> = points
        .into_iter()
        .map(|point| stored(&wire::point_said(point)))
        .collect();
    let warnings: Vec<_> = warnings.into_iter().map(wire::warning_said).collect();
    let fit = wire::fit_said(fit);
    let scope = &plan.history.scope;
    let run = NewRun {
        model: model.name(),
        requested: requested.name(),
        label: &fit.label,
        horizon: points.len(),
        data_from: history.window.from.to_string(),
        data_to: history.window.to.to_string(),
        region: scope.region.as_deref(),
        product: scope.product,
        category: scope.category.as_deref(),
        gaps: plan.history.gaps.as_str(),
        days_without_sales: history.days_without_sales,
        levels: json(&plan.models.levels)?,
        params: json(&wire::params_said(&plan.models.params))?,
        fit: json(&fit)?,
        metrics: metrics
            .map(|metrics| json(&wire::metrics_said(metrics)))
            .transpose()?,
        warnings: json(&warnings)?,
        notes: json(&history.notes)?,
        explanation: &explanation,
        dataset_version: history.dataset_version,
        points: json(&points)?,
    };
    Ok(store::insert(db, job, run).await?)
}

fn stored(point: &ForecastPoint) -> StoredPoint {
    let mut bounds = serde_json::Map::new();
    for ForecastInterval { level, lower, upper } in &point.intervals {
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

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// The forecast `id`, its points included.
pub(crate) async fn get(db: &DbClient, id: i64) -> Result<ForecastRun, ForecastFailure> {
    let run = whole(db, store::find(db, id).await?).await?;
    run.ok_or_else(|| ForecastFailure::NotFound(id.to_string()))
}

/// The forecast that `job` made, if it did, its points included.
pub(crate) async fn find_by_job(db: &DbClient, job: i64) -> Result<Option<ForecastRun>, ForecastFailure> {
    whole(db, store::find_by_job(db, job).await?).await
}

/// The newest forecast of exactly the sales of `scope`, its points included.
pub(crate) async fn find_latest(
    db: &DbClient,
    scope: &Scope,
    model: Option<&str>,
) -> Result<Option<ForecastRun>, ForecastFailure> {
    let (region, category) = (scope.region.as_deref(), scope.category.as_deref());
    let found = store::find_latest(db, region, scope.product, category, model).await?;
    whole(db, found).await
}

/// Runs, newest first, without their points.
pub(crate) async fn list(
    db: &DbClient,
    selection: &RunSelection,
) -> Result<Vec<ForecastRun>, ForecastFailure> {
    let rows = store::list(db, selection).await?;
    rows.into_iter().map(|row| Ok(run_of(row)?)).collect()
}

/// The run that `row` holds, with its points.
async fn whole(db: &DbClient, row: Option<RunRow>) -> Result<Option<ForecastRun>, ForecastFailure> {
    let Some(row) = row else {
        return Ok(None);
    };
    let mut run = run_of(row)?;
    let points = store::points(db, run.id).await?;
    let points = points.into_iter().map(point_of).collect::<anyhow::Result<_>>()?;
    run.points = Some(points);
    Ok(Some(run))
}

fn point_of(row: PointRow) -> anyhow::Result<ForecastPoint> {
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
        gaps: Gaps::parse(&row.gaps)
            .ok_or_else(|| anyhow::anyhow!("`{}` is neither zero nor missing", row.gaps))?,
        days_without_sales: row.days_without_sales,
        levels: row.levels,
        params: serde_json::from_str(&row.params)?,
        fit: serde_json::from_str(&row.fit)?,
        metrics: row.metrics.as_deref().map(serde_json::from_str).transpose()?,
        warnings: serde_json::from_str(&row.warnings)?,
        notes: row.notes,
        explanation: row.explanation,
        unit: UNIT.to_owned(),
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
    for ForecastInterval { level, .. } in levels.unwrap_or_default() {
        head.extend([format!("lower_{level}"), format!("upper_{level}")]);
    }
    writer.write_record(&head)?;
    for point in points {
        let mut record = vec![point.date.to_string(), format!("{:.2}", point.value)];
        for ForecastInterval { lower, upper, .. } in &point.intervals {
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
