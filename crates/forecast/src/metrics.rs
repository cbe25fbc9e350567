//! How good a forecast was: MAE, RMSE, sMAPE, MASE and the coverage of its intervals.
//!
//! Formulas as in Hyndman and Koehler, "Another look at measures of forecast accuracy" (2006). Steps whose
//! actual value is unknown are left out everywhere.

use serde::Serialize;

use crate::forecast::Interval;
use crate::series::as_f64;

/// Accuracy of forecasts over one or more windows; errors are in the unit of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Mean absolute error, unit of the data.
    pub mae: f64,
    /// Root of the mean squared error, unit of the data.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200; a pair of zeros counts as 0.
    pub smape: f64,
    /// MAE over the mean seasonal step of the training part; absent where that step is 0 or unknown.
    pub mase: Option<f64>,
    /// How often the actual value lay within each interval.
    pub coverage: Vec<Coverage>,
    /// Windows that were averaged.
    pub windows: usize,
}

/// How often actual values lay within the interval of one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Level of the interval in percent.
    pub level: f64,
    /// Share of the actual values within it, 0 to 1.
    pub share: f64,
    /// Mean width of the interval, unit of the data.
    pub mean_width: f64,
}

/// Accuracy of one window.
///
/// `actual` and `forecast` have the same length; `intervals[i]` belongs to `forecast[i]`; `training` is what
/// the model saw, `period` the season in steps. `None` when no actual value is known.
#[must_use]
pub fn measure(
    actual: &[Option<f64>],
    forecast: &[f64],
    intervals: &[Vec<Interval>],
    training: &[Option<f64>],
    period: usize,
) -> Option<Metrics> {
    let pairs: Vec<(f64, f64)> = actual
        .iter()
        .zip(forecast)
        .filter_map(|(y, f)| y.map(|y| (y, *f)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let count = as_f64(pairs.len());
    let mean = |term: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(y, f)| term(y, f)).sum::<f64>() / count;
    let mae = mean(&|y, f| (y - f).abs());
    Some(Metrics {
        mae,
        rmse: mean(&|y, f| (y - f) * (y - f)).sqrt(),
        smape: mean(&|y, f| {
            let size = y.abs() + f.abs();
            if size == 0.0 {
                0.0
            } else {
                200.0 * (y - f).abs() / size
            }
        }),
        mase: seasonal_step(training, period).map(|step| mae / step),
        coverage: coverage(actual, intervals),
        windows: 1,
    })
}

/// Mean of each metric over windows of equal weight; `None` for no window.
#[must_use]
pub fn mean(windows: &[Metrics]) -> Option<Metrics> {
    let first = windows.first()?;
    let count = as_f64(windows.len());
    let over = |field: &dyn Fn(&Metrics) -> f64| windows.iter().map(field).sum::<f64>() / count;
    let scaled: Vec<f64> = windows.iter().filter_map(|window| window.mase).collect();
    Some(Metrics {
        mae: over(&|window| window.mae),
        rmse: over(&|window| window.rmse),
        smape: over(&|window| window.smape),
        mase: (!scaled.is_empty()).then(|| scaled.iter().sum::<f64>() / as_f64(scaled.len())),
        coverage: first
            .coverage
            .iter()
            .enumerate()
            .map(|(at, first)| Coverage {
                level: first.level,
                share: over(&|window| window.coverage.get(at).map_or(0.0, |c| c.share)),
                mean_width: over(&|window| window.coverage.get(at).map_or(0.0, |c| c.mean_width)),
            })
            .collect(),
        windows: windows.len(),
    })
}

/// Mean of `|y_t - y_(t-period)|` over the pairs that are both known; `None` when there is none or it is 0.
#[must_use]
pub fn seasonal_step(values: &[Option<f64>], period: usize) -> Option<f64> {
    let steps: Vec<f64> = values
        .iter()
        .zip(values.iter().skip(period.max(1)))
        .filter_map(|(before, now)| Some((now.as_ref()? - before.as_ref()?).abs()))
        .collect();
    let mean = steps.iter().sum::<f64>() / as_f64(steps.len());
    (mean > 0.0 && mean.is_finite()).then_some(mean)
}

fn coverage(actual: &[Option<f64>], intervals: &[Vec<Interval>]) -> Vec<Coverage> {
    let known: Vec<(f64, &Vec<Interval>)> = actual
        .iter()
        .zip(intervals)
        .filter_map(|(y, bounds)| y.map(|y| (y, bounds)))
        .collect();
    let Some((_, first)) = known.first() else {
        return Vec::new();
    };
    let count = as_f64(known.len());
    first
        .iter()
        .enumerate()
        .map(|(at, Interval { level, .. })| {
            let inside = known
                .iter()
                .filter(|(y, bounds)| bounds[at].lower <= *y && *y <= bounds[at].upper);
            Coverage {
                level: *level,
                share: as_f64(inside.count()) / count,
                mean_width: known.iter().map(|(_, b)| b[at].upper - b[at].lower).sum::<f64>() / count,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_follow_their_formulas() {
        let training = [Some(1.0), Some(3.0), Some(2.0), None, Some(5.0)];
        let bounds = |lower, upper| {
            vec![Interval {
                level: 80.0,
                lower,
                upper,
            }]
        };

        let metrics = measure(
            &[Some(10.0), None, Some(0.0)],
            &[8.0, 1.0, 0.0],
            &[bounds(9.0, 11.0), bounds(0.0, 1.0), bounds(1.0, 2.0)],
            &training,
            1,
        )
        .unwrap();

        assert!((metrics.mae - 1.0).abs() < 1e-12);
        assert!((metrics.rmse - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((metrics.smape - 100.0 * 2.0 / 18.0).abs() < 1e-12);
        assert!((metrics.mase.unwrap() - 1.0 / 1.5).abs() < 1e-12);
        assert_eq!(
            metrics.coverage,
            [Coverage {
                level: 80.0,
                share: 0.5,
                mean_width: 1.5
            }]
        );
    }

    #[test]
    fn the_scaled_error_is_absent_on_constant_training_data() {
        let metrics = measure(&[Some(1.0)], &[2.0], &[vec![]], &[Some(4.0); 9], 1).unwrap();

        assert_eq!(metrics.mase, None);
    }
}
