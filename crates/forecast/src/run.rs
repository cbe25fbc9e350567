//! The one entry for callers: a series and a request in, a finished forecast out.

use crate::arima;
use crate::backtest::{Backtest, Plan, backtest};
use crate::error::ForecastError;
use crate::forecast::{Forecast, Point, Prediction, Warning, WarningCode};
use crate::metrics::Metrics;
use crate::model::Model;
use crate::request::Request;
use crate::select::{self, ComparisonProgress};
use crate::series::Series;
use crate::stop::{self, Stop};

/// Gap between the two treatments of the starting level from which a reader is warned; 0.01 is 1 %.
const NOTABLE_GAP: f64 = 0.01;

/// Forecasts `series` as `request` asks: exactly `horizon` points, the first one step after the last element.
///
/// The answer carries the accuracy of the same model on the end of the history (`metrics`), unless that is too
/// short or `windows` is 0. Running it twice gives the same answer.
///
/// # Errors
/// Any [`ForecastError`]. `auto` only fails when not even the naive forecast can be made.
pub fn run(series: &Series, request: &Request, stop: Stop<'_>) -> Result<Forecast, ForecastError> {
    run_with_progress(series, request, &mut |_| {}, stop)
}

/// The same as [`run`]; `progress` is told how far the comparison is when `auto` compares models.
///
/// # Errors
/// As [`run`].
pub fn run_with_progress(
    series: &Series,
    request: &Request,
    progress: &mut dyn FnMut(ComparisonProgress),
    stop: Stop<'_>,
) -> Result<Forecast, ForecastError> {
    request.validate()?;
    stop::check(stop)?;
    let choice = choose(series, request, progress, stop)?;
    let fitted = choice.model.fit(series, &request.params, stop)?;
    let mut warnings = [choice.warnings, fitted.warnings().to_vec()].concat();
    let mut fit = fitted.summary().clone();
    let mut prediction = fitted.predict(request.horizon, &request.levels, request.seed, stop)?;
    if let Some(arima) = fitted.as_arima() {
        fit.diffuse_gap = arima::diffuse_gap(series, arima, request.horizon, stop)?;
        warnings.extend(fit.diffuse_gap.filter(|gap| *gap > NOTABLE_GAP).map(gap_warning));
    }
    if !prediction.is_sound() {
        let reason = "the forecast is not finite".into();
        return Err(ForecastError::Numerical {
            model: fit.label,
            reason,
        });
    }
    if request.params.non_negative && series.known_values().all(|value| value >= 0.0) {
        warnings.extend(clamp(&mut prediction));
    }
    let points = prediction
        .values
        .into_iter()
        .zip(prediction.intervals)
        .enumerate()
        .map(|(ahead, (value, intervals))| {
            Ok(Point {
                date: series.date(series.len() + ahead)?,
                value,
                intervals,
            })
        })
        .collect::<Result<Vec<_>, ForecastError>>()?;
    Ok(Forecast {
        model: choice.model,
        requested: request.model,
        explanation: choice
            .explanation
            .unwrap_or_else(|| by_name(&fit.label, choice.metrics.as_ref(), choice.baseline.as_ref())),
        fit,
        points,
        warnings,
        metrics: choice.metrics,
    })
}

/// Which model to fit on the whole history, and what is known of its accuracy.
struct Choice {
    model: Model,
    metrics: Option<Metrics>,
    /// Accuracy of the seasonal naive forecast on the same windows.
    baseline: Option<Metrics>,
    warnings: Vec<Warning>,
    /// Why this model, when it was not asked for by name.
    explanation: Option<String>,
}

fn choose(
    series: &Series,
    request: &Request,
    progress: &mut dyn FnMut(ComparisonProgress),
    stop: Stop<'_>,
) -> Result<Choice, ForecastError> {
    if request.model == Model::Auto {
        let comparison = select::compare(series, &select::CANDIDATES, request, progress, stop)?;
        let metrics = comparison
            .candidates
            .iter()
            .find(|candidate| candidate.model == comparison.chosen)
            .and_then(|candidate| candidate.metrics.clone());
        // Where nobody could be measured, the explanation says so once.
        let measured = metrics.is_some();
        let failed = comparison.candidates.iter().filter(|_| measured);
        let failed = failed.filter_map(|candidate| {
            let reason = candidate.error.as_ref()?;
            let detail = format!("{} took no part in the choice: {reason}", candidate.model);
            Some(Warning::new(WarningCode::CandidateFailed, detail))
        });
        return Ok(Choice {
            model: comparison.chosen,
            metrics,
            baseline: None,
            warnings: failed.collect(),
            explanation: Some(comparison.explanation),
        });
    }
    let mut choice = Choice {
        model: request.model,
        metrics: None,
        baseline: None,
        warnings: Vec::new(),
        explanation: None,
    };
    if request.windows > 0 {
        let plan = Plan {
            horizon: request.horizon,
            windows: request.windows,
            levels: &request.levels,
            params: &request.params,
            seed: request.seed,
        };
        choice.metrics = measured(backtest(series, request.model, &plan, stop))?;
        choice.baseline = measured(backtest(series, Model::SeasonalNaive, &plan, stop))?;
    }
    Ok(choice)
}

/// A history too short to measure on is no fault of the request; a deadline is.
fn measured(result: Result<Backtest, ForecastError>) -> Result<Option<Metrics>, ForecastError> {
    match result {
        Ok(backtest) => Ok(Some(backtest.mean)),
        Err(ForecastError::Stopped) => Err(ForecastError::Stopped),
        Err(_) => Ok(None),
    }
}

fn by_name(label: &str, metrics: Option<&Metrics>, baseline: Option<&Metrics>) -> String {
    let asked = format!("{label} was asked for by name");
    let scaled = |metrics: Option<&Metrics>| metrics.and_then(|metrics| metrics.mase);
    match (metrics, scaled(metrics), scaled(baseline)) {
        (Some(metrics), Some(ours), Some(naive)) => format!(
            "{asked}; over the last {} windows of the history its mean absolute scaled error is {ours:.2}, against {naive:.2} of the seasonal naive forecast.",
            metrics.windows
        ),
        (Some(metrics), ..) => format!(
            "{asked}; over the last {} windows of the history its mean absolute error is {:.4}.",
            metrics.windows, metrics.mae
        ),
        (None, ..) => format!("{asked}; it was not measured on the history."),
    }
}

fn gap_warning(gap: f64) -> Warning {
    let detail = format!(
        "the forecast moves by up to {:.1} % between the unit-free treatment of the starting level and the one of statsmodels' defaults",
        gap * 100.0
    );
    Warning::new(WarningCode::DiffuseGap, detail)
}

/// Raises everything below zero to zero; says so if there was anything.
fn clamp(prediction: &mut Prediction) -> Option<Warning> {
    let mut raised = 0_usize;
    let bounds = prediction
        .intervals
        .iter_mut()
        .flatten()
        .flat_map(|bounds| [&mut bounds.lower, &mut bounds.upper]);
    for number in bounds.chain(&mut prediction.values) {
        if *number < 0.0 {
            *number = 0.0;
            raised += 1;
        }
    }
    let detail = format!("{raised} numbers below zero were set to zero, since the history has none");
    (raised > 0).then(|| Warning::new(WarningCode::ClampedAtZero, detail))
}
