//! How right a forecast was, as far as its days have come.
//!
//! A day has come when it is not later than the latest sale of all. A day that has come without sales counts as
//! it counted in the history: a zero, or nothing known.

use super::history::{daily_cents, euros};
use super::request::Gaps;
use super::runs::ForecastRun;
use crate::error::ApiError;
use crate::store::daily_sums;
use db_client::DbClient;
use forecast::metrics::{self, Metrics};
use forecast::{Coverage, Point};
use serde::Serialize;
use utoipa::ToSchema;

/// A forecast against what came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accuracy {
    /// The forecast.
    pub forecast_id: i64,
    /// The model that made it.
    #[schema(example = "arima")]
    pub model: String,
    /// The model with its order or form.
    #[schema(example = "ARIMA(5,1,0)")]
    pub label: String,
    /// Days that were forecast.
    pub days: u64,
    /// Days of them that have come.
    pub days_come: u64,
    /// How far the days have come, in words.
    pub note: String,
    /// Errors over the days that have come; null when none has.
    pub metrics: Option<AccuracyMetrics>,
    /// The days in order; those that have not come have no `actual`.
    pub points: Vec<AccuracyPoint>,
    /// The unit of the values.
    #[schema(example = "EUR")]
    pub unit: &'static str,
    /// The state of the data that was read.
    pub dataset_version: i64,
}

/// Errors over the days that have come.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct AccuracyMetrics {
    /// Mean absolute error in EUR.
    pub mae: f64,
    /// Root of the mean squared error in EUR.
    pub rmse: f64,
    /// Mean absolute error in percent of the actual value, over days that are not zero; null without one.
    pub mape: Option<f64>,
    /// The same in percent of the mean of both, 0 to 200.
    pub smape: f64,
    /// How often the actual value lay within each interval: `level` in percent, `share` 0 to 1, `mean_width`.
    #[schema(value_type = Vec<Object>)]
    pub coverage: Vec<Coverage>,
}

/// A day that was forecast, and what came. The bounds of its intervals stand beside `value`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccuracyPoint {
    #[serde(flatten)]
    #[schema(value_type = super::runs::ForecastPoint)]
    forecast: Point,
    /// What came, in EUR; null while it has not come or when nothing is known of the day.
    actual: Option<f64>,
    /// `actual` minus `value`.
    error: Option<f64>,
}

/// `run`, its points included, against what came.
pub(crate) async fn measure(db: &DbClient, run: ForecastRun) -> Result<Accuracy, ApiError> {
    let state = daily_sums::current_state(db).await?;
    let scope = run.scope();
    let forecast = run.points.unwrap_or_default();
    let latest = state.coverage.map(|coverage| coverage.last);
    let (first, last) = (
        forecast.first().map(|point| point.date),
        forecast.last().map(|point| point.date),
    );
    let sums = daily_cents(db, &scope, first, last).await?;
    let has_come = |point: &Point| latest.is_some_and(|latest| point.date <= latest);
    let actual: Vec<Option<f64>> = forecast
        .iter()
        .map(|point| {
            let without_sales = match run.gaps {
                Gaps::Zero if has_come(point) => Some(0.0),
                Gaps::Zero | Gaps::Missing => None,
            };
            sums.get(&point.date).map(|cents| euros(*cents)).or(without_sales)
        })
        .collect();
    let days_come = forecast.iter().filter(|point| has_come(point)).count();
    let note = match (latest, days_come) {
        (None, _) => "None of the days has come: there are no sales at all.".to_owned(),
        (Some(latest), 0) => format!("None of the days has come: the latest sale is of {latest}."),
        (Some(_), all) if all == forecast.len() => "All of the days have come.".to_owned(),
        (Some(latest), some) => format!(
            "{some} of {} days have come: the latest sale is of {latest}.",
            forecast.len()
        ),
    };
    let metrics = measured(&actual, &forecast);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(Accuracy {
        forecast_id: run.id,
        model: run.model,
        label: run.label,
        days: count(forecast.len()),
        days_come: count(days_come),
        note,
        metrics,
        points: forecast
            .into_iter()
            .zip(actual)
            .map(|(forecast, actual)| AccuracyPoint {
                error: actual.map(|actual| ((actual - forecast.value) * 100.0).round() / 100.0),
                forecast,
                actual,
            })
            .collect(),
        unit: run.unit,
        dataset_version: state.version,
    })
}

fn measured(actual: &[Option<f64>], forecast: &[Point]) -> Option<AccuracyMetrics> {
    let values: Vec<f64> = forecast.iter().map(|point| point.value).collect();
    let intervals: Vec<_> = forecast.iter().map(|point| point.intervals.clone()).collect();
    let Metrics {
        mae,
        rmse,
        smape,
        coverage,
        ..
    } = metrics::measure(actual, &values, &intervals, &[], 1)?;
    let (sum, days) = actual
        .iter()
        .zip(&values)
        .filter_map(|(actual, value)| {
            actual
                .filter(|actual| *actual != 0.0)
                .map(|actual| (actual, value))
        })
        .fold((0.0, 0_u32), |(sum, days), (actual, value)| {
            (sum + ((actual - value) / actual).abs(), days + 1)
        });
    Some(AccuracyMetrics {
        mae,
        rmse,
        mape: (days > 0).then(|| 100.0 * sum / f64::from(days)),
        smape,
        coverage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use forecast::Interval;
    use jiff::civil::date;

    fn point(day: i8, value: f64) -> Point {
        Point {
            date: date(2023, 12, day),
            value,
            intervals: vec![Interval {
                level: 80.0,
                lower: value - 10.0,
                upper: value + 10.0,
            }],
        }
    }

    #[test]
    fn days_to_come_and_zeros_leave_percentages_defined() {
        let forecast = [point(1, 100.0), point(2, 50.0), point(3, 70.0)];

        let metrics = measured(&[Some(125.0), Some(0.0), None], &forecast).unwrap();

        assert!((metrics.mae - 37.5).abs() < 1e-12);
        assert!((metrics.mape.unwrap() - 20.0).abs() < 1e-12);
        assert!(metrics.coverage[0].share.abs() < 1e-12);
        assert_eq!(measured(&[Some(0.0)], &forecast[..1]).unwrap().mape, None);
        assert_eq!(measured(&[None], &forecast[..1]), None);
    }
}
