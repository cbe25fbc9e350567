//! Forecasts that were made: the rows of `forecast_runs` and `forecast_points`.
//!
//! A run is written whole, in one transaction, and once for each job.

use super::now;
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError, json_text};
use serde::Deserialize;

/// The columns of a run, as [`RunRow`] has them.
const RUN_COLUMNS: &str = "id, model, requested, label, horizon, data_from, data_to, region, product, category, \
    gaps, days_without_sales, levels, params, fit, metrics, warnings, notes, explanation, dataset_version, \
    created_at, job_id";

/// A forecast that was made. Columns that hold JSON are text.
#[derive(Debug, Deserialize)]
pub(crate) struct RunRow {
    pub id: i64,
    pub model: String,
    pub requested: String,
    pub label: String,
    pub horizon: u64,
    pub data_from: String,
    pub data_to: String,
    pub region: Option<String>,
    pub product: Option<i64>,
    pub category: Option<String>,
    pub gaps: String,
    pub days_without_sales: u64,
    #[serde(deserialize_with = "json_text")]
    pub levels: Vec<f64>,
    pub params: String,
    pub fit: String,
    pub metrics: Option<String>,
    pub warnings: String,
    #[serde(deserialize_with = "json_text")]
    pub notes: Vec<String>,
    pub explanation: String,
    pub dataset_version: i64,
    pub created_at: String,
    pub job_id: i64,
}

/// The forecast of a day.
#[derive(Debug, Deserialize)]
pub(crate) struct PointRow {
    pub date: String,
    pub value: f64,
    /// The bounds of its intervals by name.
    #[serde(deserialize_with = "json_text")]
    pub bounds: serde_json::Map<String, serde_json::Value>,
}

/// A forecast to be kept. Members that hold JSON are text.
#[derive(Debug)]
pub(crate) struct NewRun<'a> {
    pub model: &'a str,
    pub requested: &'a str,
    pub label: &'a str,
    pub horizon: usize,
    pub data_from: String,
    pub data_to: String,
    pub region: Option<&'a str>,
    pub product: Option<i64>,
    pub category: Option<&'a str>,
    pub gaps: &'a str,
    pub days_without_sales: usize,
    pub levels: String,
    pub params: String,
    pub fit: String,
    pub metrics: Option<String>,
    pub warnings: String,
    pub notes: String,
    pub explanation: &'a str,
    pub dataset_version: i64,
    /// Objects with `date`, `value` and `bounds`.
    pub points: String,
}

/// Keeps `run` as the one of `job`. Done twice, it keeps the first.
pub(crate) async fn insert(db: &DbClient, job: i64, run: NewRun<'_>) -> Result<(), DbError> {
    let count = |count: usize| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    let points = Statement::new(
        "INSERT INTO forecast_points (run_id, date, value, bounds)
        SELECT forecast_runs.id, point.value ->> 'date', point.value ->> 'value', point.value -> 'bounds'
        FROM forecast_runs, json_each(?2) AS point
        WHERE forecast_runs.job_id = ?1
        ON CONFLICT (run_id, date) DO NOTHING",
        [job.into(), run.points.into()],
    );
    let run = Statement::new(
        "INSERT INTO forecast_runs (model, requested, label, horizon, data_from, data_to, region, product,
            category, gaps, days_without_sales, levels, params, fit, metrics, warnings, notes, explanation,
            dataset_version, created_at, job_id)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
        ON CONFLICT (job_id) DO NOTHING",
        [
            run.model.into(),
            run.requested.into(),
            run.label.into(),
            count(run.horizon),
            run.data_from.into(),
            run.data_to.into(),
            run.region.into(),
            run.product.into(),
            run.category.into(),
            run.gaps.into(),
            count(run.days_without_sales),
            run.levels.into(),
            run.params.into(),
            run.fit.into(),
            run.metrics.into(),
            run.warnings.into(),
            run.notes.into(),
            run.explanation.into(),
            run.dataset_version.into(),
            now().into(),
            job.into(),
        ],
    );
    db.transaction(vec![run, points]).await.map(drop)
}

/// The forecast `id`.
pub(crate) async fn find(db: &DbClient, id: i64) -> Result<Option<RunRow>, DbError> {
    newest(db, "id = ?1", [id.into()].into()).await
}

/// The forecast that `job` made, if it did.
pub(crate) async fn find_by_job(db: &DbClient, job: i64) -> Result<Option<RunRow>, DbError> {
    newest(db, "job_id = ?1", [job.into()].into()).await
}

/// The newest forecast of exactly these sales.
pub(crate) async fn find_latest(
    db: &DbClient,
    region: Option<&str>,
    product: Option<i64>,
    category: Option<&str>,
    model: Option<&str>,
) -> Result<Option<RunRow>, DbError> {
    newest(
        db,
        "region IS ?1 AND product IS ?2 AND category IS ?3 AND (?4 IS NULL OR model = ?4 OR requested = ?4)",
        [region.into(), product.into(), category.into(), model.into()].into(),
    )
    .await
}

/// The newest run for which `condition` holds.
async fn newest(db: &DbClient, condition: &str, params: Params) -> Result<Option<RunRow>, DbError> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM forecast_runs WHERE {condition} ORDER BY id DESC LIMIT 1");
    db.first_row(&sql, params).await
}

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunSelection {
    /// Only runs of this model, made by it or asked of it.
    pub model: Option<String>,
    pub region: Option<String>,
    pub product: Option<i64>,
    pub category: Option<String>,
    /// Only runs older than this one.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Runs, newest first.
pub(crate) async fn list(db: &DbClient, selection: &RunSelection) -> Result<Vec<RunRow>, DbError> {
    db.rows(
        &format!(
            "SELECT {RUN_COLUMNS} FROM forecast_runs
            WHERE (?1 IS NULL OR model = ?1 OR requested = ?1) AND (?2 IS NULL OR region = ?2)
                AND (?3 IS NULL OR product = ?3) AND (?4 IS NULL OR category = ?4)
                AND (?5 IS NULL OR id < ?5)
            ORDER BY id DESC LIMIT ?6"
        ),
        [
            selection.model.clone().into(),
            selection.region.clone().into(),
            selection.product.into(),
            selection.category.clone().into(),
            selection.before.into(),
            i64::from(selection.limit).into(),
        ],
    )
    .await
}

/// The points of `run`, a day each.
pub(crate) async fn points(db: &DbClient, run: i64) -> Result<Vec<PointRow>, DbError> {
    db.rows(
        "SELECT date, value, bounds FROM forecast_points WHERE run_id = ?1 ORDER BY date",
        [run.into()],
    )
    .await
}
