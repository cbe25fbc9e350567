//! Exponential smoothing without a season, by `augurs`: the form (error, trend, damping) with the lowest
//! corrected AIC (Hyndman, Koehler, Ord and Snyder, "Forecasting with Exponential Smoothing", 2008).
//!
//! Only forms with closed intervals are candidates, so nothing here is random.

use std::panic::{AssertUnwindSafe, catch_unwind};

use augurs::ets::{AutoETS, FittedAutoETS};
use augurs::{Fit as _, Predict as _};

use crate::error::ForecastError;
use crate::forecast::{FitSummary, Interval, Prediction, Warning, WarningCode};
use crate::model::Fitted;
use crate::series::{Series, as_f64};
use crate::stop::{self, Stop};

/// Fewest known points.
pub(crate) const NEEDS: usize = 10;

/// A fitted exponential smoothing model, in units of `scale`.
#[derive(Debug)]
struct Ets {
    fitted: FittedAutoETS,
    scale: f64,
    summary: FitSummary,
    warnings: Vec<Warning>,
}

/// Fits the best non-seasonal form. Gaps are filled by straight lines, with a warning.
///
/// # Errors
/// [`ForecastError::TooShort`] below [`NEEDS`] known points, [`ForecastError::Numerical`], [`ForecastError::Stopped`].
pub(crate) fn fit(series: &Series, stop: Stop<'_>) -> Result<impl Fitted + use<>, ForecastError> {
    stop::check(stop)?;
    let (values, scale, warnings) = prepare(series, "ets", NEEDS)?;
    let fitted = guarded("ets", || AutoETS::non_seasonal().fit(&values))?;
    stop::check(stop)?;
    let model = fitted.model();
    let mut summary = FitSummary::new(label(&fitted), series);
    // The likelihood is that of the scaled values; the criteria move with it.
    let shift = as_f64(series.len()) * scale.ln();
    summary.log_likelihood = Some(model.log_likelihood() - shift);
    summary.aic = Some(model.aic() + 2.0 * shift);
    summary.aicc = Some(model.aicc() + 2.0 * shift);
    summary.bic = Some(model.bic() + 2.0 * shift);
    Ok(Ets {
        fitted,
        scale,
        summary,
        warnings,
    })
}

impl Fitted for Ets {
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
        predict("ets", horizon, levels, self.scale, |level| {
            self.fitted.predict(horizon, level)
        })
    }
}

/// `ETS(M,A,N)`: error, trend and season, each additive, multiplicative or none; `Ad` is a damped trend.
fn label(fitted: &FittedAutoETS) -> String {
    let form: Vec<char> = fitted.model().model_type().to_string().chars().collect();
    let damped = if fitted.model().damped() { "d" } else { "" };
    match form[..] {
        [error, trend, season, ..] => format!("ETS({error},{trend}{damped},{season})"),
        _ => "ETS".into(),
    }
}

/// Values near 1 without gaps, what they were divided by, and a warning if gaps were filled.
pub(crate) fn prepare(
    series: &Series,
    model: &str,
    needed: usize,
) -> Result<(Vec<f64>, f64, Vec<Warning>), ForecastError> {
    if series.known() < needed {
        return Err(ForecastError::TooShort {
            model: model.into(),
            needed,
            known: series.known(),
        });
    }
    let scale = series.binary_scale();
    let values = series.interpolated().iter().map(|value| value / scale).collect();
    let mut warnings = Vec::new();
    if series.gaps() > 0 {
        let detail = format!(
            "{} gaps were filled by straight lines for this model",
            series.gaps()
        );
        warnings.push(Warning::new(WarningCode::GapsFilled, detail));
    }
    Ok((values, scale, warnings))
}

/// Runs a foreign fit; its errors and its panics become [`ForecastError::Numerical`].
pub(crate) fn guarded<T, E: std::fmt::Display>(
    model: &str,
    run: impl FnOnce() -> Result<T, E>,
) -> Result<T, ForecastError> {
    let broken = |reason: String| ForecastError::Numerical {
        model: model.into(),
        reason,
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| broken(error.to_string())),
        Err(_) => Err(broken("the fit broke down".into())),
    }
}

/// Asks a foreign model for each level and puts the answers into our form.
pub(crate) fn predict<E: std::fmt::Display>(
    model: &str,
    horizon: usize,
    levels: &[f64],
    scale: f64,
    ask: impl Fn(Option<f64>) -> Result<augurs::Forecast, E>,
) -> Result<Prediction, ForecastError> {
    let points = guarded(model, || ask(None))?.point;
    let mut intervals = vec![Vec::with_capacity(levels.len()); horizon];
    for &level in levels {
        let bounds = guarded(model, || ask(Some(level / 100.0)))?.intervals;
        let (lower, upper) = bounds
            .map(|bounds| (bounds.lower, bounds.upper))
            .unwrap_or_default();
        for (step, (lower, upper)) in intervals.iter_mut().zip(lower.into_iter().zip(upper)) {
            step.push(Interval {
                level,
                lower: lower * scale,
                upper: upper * scale,
            });
        }
    }
    Ok(Prediction {
        values: points.into_iter().map(|value| value * scale).collect(),
        intervals,
    })
}
