//! Maximises the likelihood of one order and carries the fit forward.

use super::kalman::{Filter, History, Sums};
use super::polynomial::Coefficients;
use super::start::{self, Start};
use super::{Diffuse, Order, transform};
use crate::error::ForecastError;
use crate::forecast::{FitSummary, Prediction, Warning, WarningCode};
use crate::model::Fitted;
use crate::normal;
use crate::optimize::{self, Minimum, Objective, Settings};
use crate::series::{Series, as_f64};
use crate::stop::{self, Stop};

/// Where `ARIMA(...).fit()` of `statsmodels` stops.
const PYTHON_SETTINGS: Settings = Settings {
    memory: 10,
    gradient_tolerance: 1e-5,
    reduction_tolerance: 1e7 * f64::EPSILON,
    iterations: 50,
};

/// Step of the forward differences that make the gradient, in every coordinate, as in `statsmodels`.
const DIFFERENCE_STEP: f64 = 1e-5;

/// A search in Python's default mode that stopped more than this far (in log-likelihood) below what is reached
/// from the unit-free optimum is not kept.
const EARLY_STOP: f64 = 0.05;

/// Differences that vary by less than this share of the largest value are rounding, not data.
const NO_VARIATION: f64 = 1e-10;

/// Level over variation of the differences from which the unit-free mode counts from the first value: beyond
/// it even a prior of 10⁶ shock variances is felt (measured at 10⁶).
const LARGE_LEVEL: f64 = 1e4;

/// A fitted ARIMA or SARIMA model.
#[derive(Debug, Clone)]
pub struct ArimaFit {
    order: Order,
    /// What the values were divided by, after `offset` was taken off.
    scale: f64,
    offset: f64,
    /// Scaled values from the first known one on.
    history: History,
    body: Body,
    summary: FitSummary,
    warnings: Vec<Warning>,
}

#[derive(Debug, Clone)]
enum Body {
    /// Coefficients and shock variance, unit of `values`.
    Filtered {
        coefficients: Coefficients,
        variance: f64,
    },
    /// The differences are all `constant`, so the series goes on exactly.
    Exact { constant: f64 },
}

/// Fits `order` to `series` by exact likelihood.
///
/// # Errors
/// [`ForecastError::Request`] for an order out of range, [`ForecastError::TooShort`] below [`Order::needs`] known
/// points, [`ForecastError::Stopped`], and [`ForecastError::Numerical`] when no start has a finite likelihood.
pub fn fit(
    series: &Series,
    order: Order,
    diffuse: Diffuse,
    stop: Stop<'_>,
) -> Result<ArimaFit, ForecastError> {
    order.validate()?;
    let (mut history, scale) = scaled_history(series, order, diffuse)?;
    let differences = history.differences();
    let mut summary = FitSummary::new(order.to_string(), series);
    summary.diffuse = Some(diffuse);
    let variation = variation(&differences);
    let largest = history
        .values
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if variation <= NO_VARIATION * largest {
        let constant = differences.iter().sum::<f64>() / as_f64(differences.len());
        summary.converged = Some(true);
        let detail = "all steps of the history are alike; the forecast goes on in the same way, and its intervals have no width";
        let warnings = vec![Warning::new(WarningCode::NoVariation, detail.into())];
        let body = Body::Exact { constant };
        return Ok(ArimaFit {
            order,
            scale,
            offset: 0.0,
            history,
            body,
            summary,
            warnings,
        });
    }
    let mut offset = 0.0;
    if diffuse == Diffuse::Concentrated && !order.has_mean() && variation * LARGE_LEVEL < largest {
        offset = history.values[0];
        history = History::new(order, history.values.iter().map(|value| value - offset).collect());
    }
    let start = start::guess(order, &history.differences());
    let likelihood = Likelihood {
        order,
        diffuse,
        history: &history,
        stop,
    };
    let mut search = likelihood.search(likelihood.free_start(&start))?;
    let mut warnings = Vec::new();
    // Pure autoregressions have one optimum, and Python's settings find it.
    let may_stop_early = diffuse == Diffuse::StatsmodelsDefault && order.q + order.seasonal.q > 0;
    if may_stop_early && let Some((better, gain)) = likelihood.search_from_unit_free(&start, &search)? {
        search = better;
        let detail = format!(
            "Python's optimizer settings stop {gain:.2} in log-likelihood short of the optimum here; this fit went on to it"
        );
        warnings.push(Warning::new(WarningCode::StoppedEarlyInPython, detail));
    }
    if !search.converged {
        let detail = format!(
            "the optimizer stopped after {} iterations without meeting a tolerance",
            search.iterations
        );
        warnings.push(Warning::new(WarningCode::NotConverged, detail));
    }
    let at = likelihood
        .evaluate(&search.point)
        .ok_or_else(|| ForecastError::Numerical {
            model: order.to_string(),
            reason: "the likelihood is not finite".into(),
        })?;
    describe(&mut summary, order, &at, history.values.len(), scale, offset);
    summary.converged = Some(search.converged);
    summary.iterations = Some(search.iterations);
    let body = Body::Filtered {
        coefficients: at.coefficients,
        variance: at.variance,
    };
    Ok(ArimaFit {
        order,
        scale,
        offset,
        history,
        body,
        summary,
        warnings,
    })
}

/// The series from its first known value on, divided by the scale that comes with it.
fn scaled_history(series: &Series, order: Order, diffuse: Diffuse) -> Result<(History, f64), ForecastError> {
    let model = order.to_string();
    let (needed, known) = (order.needs(), series.known());
    if known < needed {
        return Err(ForecastError::TooShort { model, needed, known });
    }
    let scale = match diffuse {
        Diffuse::Concentrated => series.binary_scale(),
        Diffuse::StatsmodelsDefault => 1.0,
    };
    let values = series
        .scaled(scale)
        .into_iter()
        .skip_while(Option::is_none)
        .map(|value| value.unwrap_or(f64::NAN))
        .collect();
    let history = History::new(order, values);
    let differences = history.differences().len();
    if differences < order.coefficients() + 2 {
        let reason =
            format!("only {differences} steps are known together with those they are differenced by");
        return Err(ForecastError::Numerical { model, reason });
    }
    Ok((history, scale))
}

/// Largest relative difference between the forecasts of `fit` and those of the same order under the other
/// [`Diffuse`], over `horizon` steps; relative to the forecast or the mean size of the history, whichever is
/// larger. `None` when the other does not fit at all.
///
/// # Errors
/// [`ForecastError::Stopped`].
pub fn diffuse_gap(
    series: &Series,
    fit: &ArimaFit,
    horizon: usize,
    stop: Stop<'_>,
) -> Result<Option<f64>, ForecastError> {
    let diffuse = fit.summary.diffuse.unwrap_or_default();
    let other = match self::fit(series, fit.order, diffuse.other(), stop) {
        Ok(other) => other,
        Err(ForecastError::Stopped) => return Err(ForecastError::Stopped),
        Err(_) => return Ok(None),
    };
    let (Ok(ours), Ok(theirs)) = (
        fit.predict(horizon, &[], 0, stop),
        other.predict(horizon, &[], 0, stop),
    ) else {
        return Ok(None);
    };
    let size = series.known_values().map(f64::abs).sum::<f64>() / as_f64(series.known());
    let gap = ours
        .values
        .iter()
        .zip(&theirs.values)
        .map(|(a, b)| (a - b).abs() / a.abs().max(size))
        .fold(0.0_f64, f64::max);
    Ok(gap.is_finite().then_some(gap))
}

impl ArimaFit {
    /// The order that was fitted.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    pub(super) fn corrected_aic(&self) -> Option<f64> {
        self.summary.aicc
    }

    /// Whether a root of a lag polynomial lies within 1 % of the unit circle.
    pub(super) fn near_unit_root(&self) -> bool {
        let Body::Filtered { coefficients, .. } = &self.body else {
            return false;
        };
        let Coefficients {
            ar,
            ma,
            seasonal_ar,
            seasonal_ma,
        } = coefficients;
        let widened = |part: &[f64]| {
            let mut power = 1.0;
            let widen = |coefficient: &f64| {
                power *= 1.01;
                coefficient * power
            };
            part.iter().map(widen).collect::<Vec<_>>()
        };
        [ar, seasonal_ar]
            .iter()
            .any(|part| transform::free(&widened(part)).is_none())
            || [ma, seasonal_ma]
                .iter()
                .any(|part| transform::free_of_invertible(&widened(part)).is_none())
    }

    /// The next `horizon` values with their standard errors, unit of the history. The errors hold the
    /// uncertainty of the shocks and not that of the parameters.
    ///
    /// # Errors
    /// [`ForecastError::Numerical`] when a value is not finite.
    pub fn standard_errors(&self, horizon: usize) -> Result<Vec<(f64, f64)>, ForecastError> {
        let broken = || ForecastError::Numerical {
            model: self.order.to_string(),
            reason: "the forecast is not finite".into(),
        };
        let ahead = match &self.body {
            Body::Exact { constant } => self.go_on(horizon, *constant),
            Body::Filtered {
                coefficients,
                variance,
            } => {
                let period = self.order.seasonal.period;
                // The unit-free prior is a multiple of the shock variance, so that one is taken as 1 and
                // multiplied in at the end.
                let (inner, outer) = match self.summary.diffuse {
                    Some(Diffuse::StatsmodelsDefault) => (*variance, 1.0),
                    _ => (1.0, *variance),
                };
                let mut filter = Filter::new(self.order);
                let sums = filter
                    .run(
                        &coefficients.full_ar(period),
                        &coefficients.full_ma(period),
                        inner,
                        &self.history,
                    )
                    .ok_or_else(broken)?;
                let ahead = filter.forecast(horizon, sums.mean, &self.history);
                ahead
                    .into_iter()
                    .map(|(value, variance)| (value, variance * outer))
                    .collect()
            }
        };
        let ahead: Vec<(f64, f64)> = ahead
            .into_iter()
            .map(|(value, variance)| {
                (
                    (value + self.offset) * self.scale,
                    variance.max(0.0).sqrt() * self.scale,
                )
            })
            .collect();
        if ahead
            .iter()
            .all(|(value, error)| value.is_finite() && error.is_finite())
        {
            Ok(ahead)
        } else {
            Err(broken())
        }
    }

    /// Continues a series whose differences are all `constant`; gaps at its end are filled on the way.
    fn go_on(&self, horizon: usize, constant: f64) -> Vec<(f64, f64)> {
        let mut values = self.history.values.clone();
        let gaps = values.iter().rev().take_while(|value| value.is_nan()).count();
        values.truncate(values.len() - gaps);
        fill_backwards(&mut values);
        let mut tails = vec![values];
        let lags: Vec<usize> = std::iter::repeat_n(1, self.order.d)
            .chain(std::iter::repeat_n(
                self.order.seasonal.period,
                self.order.seasonal.d,
            ))
            .collect();
        for lag in &lags {
            let last = &tails[tails.len() - 1];
            tails.push(
                last.iter()
                    .skip(*lag)
                    .zip(last)
                    .map(|(now, before)| now - before)
                    .collect(),
            );
        }
        for _ in 0..gaps + horizon {
            let mut next = constant;
            for (tail, lag) in tails.iter_mut().zip(&lags).rev() {
                next += tail[tail.len() - lag];
                tail.push(next);
            }
            if lags.is_empty() {
                tails[0].push(next);
            }
        }
        let known = tails[0].len() - horizon;
        tails[0][known..].iter().map(|value| (*value, 0.0)).collect()
    }
}

impl Fitted for ArimaFit {
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
        stop: Stop<'_>,
    ) -> Result<Prediction, ForecastError> {
        stop::check(stop)?;
        let ahead = self.standard_errors(horizon)?;
        Ok(Prediction {
            intervals: ahead
                .iter()
                .map(|&(value, error)| normal::intervals(value, error, levels))
                .collect(),
            values: ahead.into_iter().map(|(value, _)| value).collect(),
        })
    }

    fn as_arima(&self) -> Option<&ArimaFit> {
        Some(self)
    }
}

/// The likelihood as a function of unbounded numbers.
struct Likelihood<'a> {
    order: Order,
    diffuse: Diffuse,
    history: &'a History,
    stop: Stop<'a>,
}

/// One evaluation of the likelihood.
struct Evaluation {
    coefficients: Coefficients,
    /// Shock variance.
    variance: f64,
    log_likelihood: f64,
    sums: Sums,
}

impl Likelihood<'_> {
    fn free_start(&self, start: &Start) -> Vec<f64> {
        let Coefficients {
            ar,
            ma,
            seasonal_ar,
            seasonal_ma,
        } = &start.coefficients;
        let zeros = |part: &[f64]| vec![0.0; part.len()];
        let stationary = |part: &[f64]| transform::free(part).unwrap_or_else(|| zeros(part));
        let invertible = |part: &[f64]| transform::free_of_invertible(part).unwrap_or_else(|| zeros(part));
        let mut free = [
            stationary(ar),
            invertible(ma),
            stationary(seasonal_ar),
            invertible(seasonal_ma),
        ]
        .concat();
        if self.diffuse == Diffuse::StatsmodelsDefault {
            free.push(start.variance.sqrt());
        }
        free
    }

    fn coefficients(&self, free: &[f64]) -> Coefficients {
        let free = Coefficients::split(self.order, free);
        Coefficients {
            ar: transform::stationary(&free.ar),
            ma: transform::invertible(&free.ma),
            seasonal_ar: transform::stationary(&free.seasonal_ar),
            seasonal_ma: transform::invertible(&free.seasonal_ma),
        }
    }

    fn evaluate(&self, free: &[f64]) -> Option<Evaluation> {
        self.evaluate_with(&mut Filter::new(self.order), free)
    }

    fn evaluate_with(&self, filter: &mut Filter, free: &[f64]) -> Option<Evaluation> {
        let coefficients = self.coefficients(free);
        let period = self.order.seasonal.period;
        let prior = match self.diffuse {
            Diffuse::Concentrated => 1.0,
            Diffuse::StatsmodelsDefault => free[free.len() - 1].powi(2),
        };
        let sums = filter.run(
            &coefficients.full_ar(period),
            &coefficients.full_ma(period),
            prior,
            self.history,
        )?;
        let counted = as_f64(sums.counted);
        let constant = counted * std::f64::consts::TAU.ln();
        let (variance, log_likelihood) = match self.diffuse {
            Diffuse::Concentrated => {
                let variance = sums.squares / counted;
                (
                    variance,
                    -0.5 * (constant + sums.log_variances + counted * (variance.ln() + 1.0)),
                )
            }
            Diffuse::StatsmodelsDefault => (prior, -0.5 * (constant + sums.log_variances + sums.squares)),
        };
        log_likelihood.is_finite().then_some(Evaluation {
            coefficients,
            variance,
            log_likelihood,
            sums,
        })
    }

    fn search(&self, start: Vec<f64>) -> Result<Minimum, ForecastError> {
        if start.is_empty() {
            return Ok(Minimum {
                point: start,
                value: 0.0,
                iterations: 0,
                converged: true,
            });
        }
        let infinite = vec![f64::INFINITY; start.len()];
        let lower = vec![f64::NEG_INFINITY; start.len()];
        optimize::minimise(self, start, lower, infinite, PYTHON_SETTINGS)
    }

    /// Searches again from the optimum of the unit-free likelihood; `None` unless that ends more than
    /// [`EARLY_STOP`] above `found`. Gives the gain in log-likelihood with it.
    fn search_from_unit_free(
        &self,
        start: &Start,
        found: &Minimum,
    ) -> Result<Option<(Minimum, f64)>, ForecastError> {
        let unit_free = Likelihood {
            diffuse: Diffuse::Concentrated,
            ..*self
        };
        let optimum = unit_free.search(unit_free.free_start(start))?;
        let Some(at) = unit_free.evaluate(&optimum.point) else {
            return Ok(None);
        };
        let mut point = optimum.point;
        point.push(at.variance.sqrt());
        let count = as_f64(self.history.values.len());
        let gain_of = |value: f64| (found.value - value) * count;
        let here = self
            .evaluate(&point)
            .map_or(f64::INFINITY, |at| -at.log_likelihood / count);
        if gain_of(here).is_nan() || gain_of(here) <= EARLY_STOP {
            return Ok(None);
        }
        let better = self.search(point)?;
        let gain = gain_of(better.value);
        Ok((gain > EARLY_STOP).then_some((better, gain)))
    }
}

impl Objective for Likelihood<'_> {
    /// Minus the log-likelihood over the number of rows, gaps included, as `statsmodels` has it.
    fn value_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> Result<f64, ForecastError> {
        stop::check(self.stop)?;
        let mut filter = Filter::new(self.order);
        let rows = as_f64(self.history.values.len());
        let mut value_at = |point: &[f64]| {
            // A wall instead of a missing value, so that the line search turns back.
            self.evaluate_with(&mut filter, point)
                .map_or(1e100, |at| -at.log_likelihood / rows)
        };
        let value = value_at(point);
        let mut shifted = point.to_vec();
        for (at, slope) in gradient.iter_mut().enumerate() {
            shifted[at] = point[at] + DIFFERENCE_STEP;
            *slope = (value_at(&shifted) - value) / (shifted[at] - point[at]);
            shifted[at] = point[at];
        }
        Ok(value)
    }
}

fn describe(summary: &mut FitSummary, order: Order, at: &Evaluation, rows: usize, scale: f64, offset: f64) {
    let Coefficients {
        ar,
        ma,
        seasonal_ar,
        seasonal_ma,
    } = &at.coefficients;
    let period = order.seasonal.period;
    let groups = [
        ("ar.L", ar, 1),
        ("ma.L", ma, 1),
        ("ar.S.L", seasonal_ar, period),
        ("ma.S.L", seasonal_ma, period),
    ];
    for (name, values, every) in groups {
        for (lag, value) in values.iter().enumerate() {
            summary
                .parameters
                .insert(format!("{name}{}", (lag + 1) * every), *value);
        }
    }
    summary
        .parameters
        .insert("sigma2".into(), at.variance * scale * scale);
    if order.has_mean() {
        summary
            .parameters
            .insert("const".into(), (at.sums.mean + offset) * scale);
    }
    let log_likelihood = at.log_likelihood - as_f64(at.sums.counted) * scale.ln();
    let free = as_f64(order.coefficients() + 1 + usize::from(order.has_mean()));
    let effective = as_f64(rows - order.differenced());
    let aic = 2.0 * free - 2.0 * log_likelihood;
    summary.log_likelihood = Some(log_likelihood);
    summary.aic = Some(aic);
    summary.aicc =
        (effective > free + 1.0).then(|| aic + 2.0 * free * (free + 1.0) / (effective - free - 1.0));
    summary.bic = Some(free * effective.ln() - 2.0 * log_likelihood);
}

/// Largest distance from the mean.
fn variation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / as_f64(values.len());
    values
        .iter()
        .map(|value| (value - mean).abs())
        .fold(0.0, f64::max)
}

/// Fills each gap with the value after it; the last value is known.
fn fill_backwards(values: &mut [f64]) {
    for at in (0..values.len().saturating_sub(1)).rev() {
        if values[at].is_nan() {
            values[at] = values[at + 1];
        }
    }
}
