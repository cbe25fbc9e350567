//! The baselines: the last value, and the last season, repeated.
//!
//! Intervals are normal with the root mean square of the one-season-ahead errors of the history, growing with
//! the square root of the number of seasons ahead (Hyndman and Athanasopoulos, "Forecasting: Principles and
//! Practice", 3rd edition, section 5.5).

use std::collections::BTreeMap;

use crate::error::ForecastError;
use crate::forecast::{FitSummary, Prediction, Warning, WarningCode};
use crate::model::Fitted;
use crate::normal;
use crate::series::{Series, as_f64};
use crate::stop::Stop;

/// A season that repeats; a season of one step is the naive forecast.
#[derive(Debug, Clone)]
pub struct SeasonalNaive {
    /// The value of each of the next `season.len()` steps.
    season: Vec<f64>,
    /// Root mean square of the errors one season ahead, unit of the data.
    sigma: f64,
    summary: FitSummary,
    warnings: Vec<Warning>,
}

impl SeasonalNaive {
    /// The forecast of a history whose known values are all equal, under the label of the model that was asked
    /// for; `None` for any other history.
    pub(crate) fn of_constant(series: &Series, label: String) -> Option<Self> {
        let first = series.known_values().next()?.to_bits();
        let constant = series.known_values().all(|value| value.to_bits() == first);
        constant.then(|| {
            let mut fit = Self::fit(series, 1);
            fit.summary.label = label;
            fit
        })
    }

    /// Takes the last known value of each of the `period` phases (at least 1). A phase without any known value
    /// takes the last known value of all and says so in a warning.
    #[must_use]
    pub fn fit(series: &Series, period: usize) -> Self {
        let period = period.max(1);
        let values = series.values();
        let mut warnings = Vec::new();
        let last = series.known_values().last().unwrap_or_default();
        let mut unseen = 0;
        let season: Vec<f64> = (0..period)
            .map(|ahead| {
                // The step `ahead` after the end has the phase of `end + ahead - period`, and of each
                // multiple of the period before that.
                let newest = (values.len() + ahead).checked_sub(period);
                let of_phase =
                    newest.and_then(|newest| (0..=newest).rev().step_by(period).find_map(|at| values[at]));
                of_phase.unwrap_or_else(|| {
                    unseen += 1;
                    last
                })
            })
            .collect();
        if unseen > 0 {
            warnings.push(Warning::new(
                WarningCode::ShortHistory,
                format!("{unseen} of {period} phases of the season have no known value; the last known value stands in"),
            ));
        }
        let errors: Vec<f64> = values
            .iter()
            .zip(values.iter().skip(period))
            .filter_map(|(before, now)| Some(now.as_ref()? - before.as_ref()?))
            .collect();
        let largest = errors
            .iter()
            .fold(0.0_f64, |largest, error| largest.max(error.abs()));
        let sigma = if errors.is_empty() {
            warnings.push(Warning::new(
                WarningCode::NoIntervalBasis,
                "the history is too short to tell how wide the intervals are; their width is zero".into(),
            ));
            0.0
        } else if largest == 0.0 {
            let detail = "every season of the history is like the one before; the intervals have no width";
            warnings.push(Warning::new(WarningCode::NoVariation, detail.into()));
            0.0
        } else {
            // Scaled by the largest error, so that squares neither overflow nor vanish.
            let squares = errors.iter().map(|error| (error / largest).powi(2)).sum::<f64>();
            largest * (squares / as_f64(errors.len())).sqrt()
        };
        let label = if period == 1 {
            "naive".into()
        } else {
            format!("seasonal naive, period {period}")
        };
        let mut summary = FitSummary::new(label, series);
        summary.parameters = BTreeMap::from([("period".into(), as_f64(period)), ("sigma".into(), sigma)]);
        Self {
            season,
            sigma,
            summary,
            warnings,
        }
    }
}

impl Fitted for SeasonalNaive {
    fn summary(&self) -> &FitSummary {
        &self.summary
    }

    fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn predict(
        &self,
        horizon: usize,
        levels: &[f64],
        _seed: u64,
        _stop: Stop<'_>,
    ) -> Result<Prediction, ForecastError> {
        let period = self.season.len();
        let values: Vec<f64> = (0..horizon).map(|ahead| self.season[ahead % period]).collect();
        let intervals = values
            .iter()
            .enumerate()
            .map(|(ahead, value)| {
                normal::intervals(*value, self.sigma * as_f64(ahead / period + 1).sqrt(), levels)
            })
            .collect();
        Ok(Prediction { values, intervals })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::series::Step;
    use crate::stop;

    #[test]
    fn a_phase_whose_last_day_is_missing_takes_the_week_before() {
        let mut values: Vec<Option<f64>> = (0..14).map(|day| Some(f64::from(day))).collect();
        values[9] = None;
        let series = Series::new(date(2024, 1, 1), Step::Day, values).unwrap();

        let forecast = SeasonalNaive::fit(&series, 7)
            .predict(8, &[80.0], 0, stop::never())
            .unwrap();

        assert_eq!(forecast.values, [7.0, 8.0, 2.0, 10.0, 11.0, 12.0, 13.0, 7.0]);
    }

    #[test]
    fn naive_repeats_the_last_known_value_with_widening_intervals() {
        let series = Series::new(
            date(2024, 1, 1),
            Step::Day,
            vec![Some(1.0), Some(3.0), Some(2.0), None],
        )
        .unwrap();

        let forecast = SeasonalNaive::fit(&series, 1)
            .predict(2, &[80.0], 0, stop::never())
            .unwrap();

        assert_eq!(forecast.values, [2.0, 2.0]);
        let width = |at: usize| forecast.intervals[at][0].upper - forecast.intervals[at][0].lower;
        assert!((width(1) / width(0) - 2.0_f64.sqrt()).abs() < 1e-12);
    }
}
