//! How right a forecast was, as far as its days have come.
//!
//! A day has come when it is not later than the latest sale of all. A day that has come without sales counts as
//! it counted in the history: a zero, or nothing known.

use super::history::{daily_cents, euros};
use super::{ForecastFailure, runs, wire};
use crate::store::daily_sums;
use db_client::DbClient;
use forecast::metrics::{self, Metrics};
use script_api::{Accuracy, AccuracyMetrics, AccuracyPoint, ForecastPoint, ForecastRun, Gaps};

/// `run`, its points included, against what came.
pub(crate) async fn measure(db: &DbClient, run: ForecastRun) -> Result<Accuracy, ForecastFailure> {
    let state = daily_sums::current_state(db).await?;
    let scope = runs::scope(&run);
    let forecast = run.points.unwrap_or_default();
    let latest = state.coverage.map(|coverage| coverage.last);
    let (first, last) = (
        forecast.first().map(|point| point.date),
        forecast.last().map(|point| point.date),
    );
    let sums = daily_cents(db, &scope, first, last).await?;
    let has_come = |point: &ForecastPoint| latest.is_some_and(|latest| point.date <= latest);
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

fn measured(actual: &[Option<f64>], forecast: &[ForecastPoint]) -> Option<AccuracyMetrics> {
    let values: Vec<f64> = forecast.iter().map(|point| point.value).collect();
    let intervals: Vec<_> = forecast
        .iter()
        .map(|point| wire::intervals(&point.intervals))
        .collect();
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
        coverage: coverage.into_iter().map(wire::coverage_said).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use script_api::ForecastInterval;

    fn point(day: i8, value: f64) -> ForecastPoint {
        ForecastPoint {
            date: date(2023, 12, day),
            value,
            intervals: vec![ForecastInterval {
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
