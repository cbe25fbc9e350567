//! How a model would have done: rolling origins at the end of the history.
//!
//! Each window hides its last `horizon` steps, fits the model on everything before them and measures the
//! forecast against what was hidden. Windows do not overlap and end with the last step of the history.

use serde::Serialize;

use crate::arima::Order;
use crate::error::ForecastError;
use crate::forecast::Interval;
use crate::metrics::{self, Metrics};
use crate::model::Model;
use crate::request::Params;
use crate::series::Series;
use crate::stop::Stop;

/// One hidden stretch and how it was forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestWindow {
    /// Steps the model saw.
    pub trained_on: usize,
    /// Accuracy on the hidden steps.
    pub metrics: Metrics,
}

/// The windows of one model, oldest first, and their mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// Each window that held a known value; at least one.
    pub windows: Vec<BacktestWindow>,
    /// Mean over the windows.
    pub mean: Metrics,
}

/// What a backtest is run with.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Steps hidden in each window, at least 1.
    pub horizon: usize,
    /// Windows wanted, at least 1; fewer are used when the history is too short for them.
    pub windows: usize,
    /// Levels of the intervals in percent.
    pub levels: &'a [f64],
    /// Settings of the models.
    pub params: &'a Params,
    /// Seed of simulated intervals.
    pub seed: u64,
}

/// Backtests `model`. `auto_arima` searches its order once, on the oldest window, and refits it on the others.
///
/// # Errors
/// [`ForecastError::TooShort`] when not even one window leaves two seasons to learn from, or the error of
/// the fit when no window could be fitted.
pub fn backtest(
    series: &Series,
    model: Model,
    plan: &Plan<'_>,
    stop: Stop<'_>,
) -> Result<Backtest, ForecastError> {
    let period = plan.params.period_of(series);
    let mut windows = Vec::new();
    let mut refusal = None;
    let mut order = None;
    for hidden in (1..=plan.windows).rev().map(|back| back * plan.horizon) {
        let Some(trained_on) = series.len().checked_sub(hidden) else {
            continue;
        };
        if trained_on < 2 * period {
            continue;
        }
        let Ok(training) = series.head(trained_on) else {
            continue;
        };
        match forecast_window(&training, model, &mut order, plan, stop) {
            Ok((values, intervals)) => {
                let actual = &series.values()[trained_on..trained_on + plan.horizon];
                let measured = metrics::measure(actual, &values, &intervals, training.values(), period);
                windows.extend(measured.map(|metrics| BacktestWindow { trained_on, metrics }));
            }
            Err(ForecastError::Stopped) => return Err(ForecastError::Stopped),
            Err(error) => refusal = Some(error),
        }
    }
    let measured: Vec<Metrics> = windows.iter().map(|window| window.metrics.clone()).collect();
    match metrics::mean(&measured) {
        Some(mean) => Ok(Backtest { windows, mean }),
        None => Err(refusal.unwrap_or(ForecastError::TooShort {
            model: format!("a backtest of {model}"),
            needed: 2 * period + plan.horizon,
            known: series.known(),
        })),
    }
}

fn forecast_window(
    training: &Series,
    model: Model,
    order: &mut Option<Order>,
    plan: &Plan<'_>,
    stop: Stop<'_>,
) -> Result<(Vec<f64>, Vec<Vec<Interval>>), ForecastError> {
    let fitted = match (model, *order) {
        (Model::AutoArima, Some(order)) => {
            Box::new(crate::arima::fit(training, order, plan.params.diffuse, stop)?)
        }
        _ => model.fit(training, plan.params, stop)?,
    };
    *order = fitted.as_arima().map(crate::arima::ArimaFit::order);
    let prediction = fitted.predict(plan.horizon, plan.levels, plan.seed, stop)?;
    if !prediction.is_sound() {
        return Err(ForecastError::Numerical {
            model: model.to_string(),
            reason: "the forecast is not finite".into(),
        });
    }
    Ok((prediction.values, prediction.intervals))
}
