//! Which model to trust: several on the same windows, ranked by mean absolute scaled error.
//!
//! The baseline (seasonal naive) stays unless a candidate beats it clearly: on real sales it often wins, and a
//! model that cannot beat it has learnt nothing.

use serde::Serialize;

use crate::backtest::{Plan, backtest};
use crate::error::ForecastError;
use crate::metrics::Metrics;
use crate::model::{Fitted, Model};
use crate::request::{Params, Request};
use crate::series::Series;
use crate::stop::Stop;

/// What `auto` chooses from, simplest first; a tie goes to the simpler. ARIMA(5,1,0) is not among them: it is
/// what people ask for by name.
pub(crate) const CANDIDATES: [Model; 6] = [
    Model::SeasonalNaive,
    Model::Naive,
    Model::Ets,
    Model::Mstl,
    Model::AutoArima,
    Model::Prophet,
];

/// Share of the baseline's error that a candidate may have at most to replace it.
const CLEARLY_BETTER: f64 = 0.98;

/// Models on the same windows, best first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The models, best first; those that could not be measured last.
    pub candidates: Vec<Candidate>,
    /// The model to use.
    pub chosen: Model,
    /// One sentence: which, and why it.
    pub explanation: String,
}

/// One model of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The model.
    pub model: Model,
    /// Its accuracy, mean over the windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// Why there is no accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a comparison is; given before each model and once at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparisonProgress {
    /// Models measured so far.
    pub done: usize,
    /// Models in all.
    pub total: usize,
    /// The model that comes next; `None` at the end.
    pub next: Option<Model>,
}

/// Measures each of `models` on the windows of `request` (its `model` is not looked at) and ranks them. The
/// seasonal naive forecast takes part even when it is not named, and [`Model::Auto`] is left out.
///
/// # Errors
/// [`ForecastError::Request`] and [`ForecastError::Stopped`]; a model that fails is a row with its error.
pub fn compare(
    series: &Series,
    models: &[Model],
    request: &Request,
    progress: &mut dyn FnMut(ComparisonProgress),
    stop: Stop<'_>,
) -> Result<Comparison, ForecastError> {
    request.validate()?;
    let models: Vec<Model> = Model::ALL
        .into_iter()
        .filter(|model| *model != Model::Auto)
        .filter(|model| *model == Model::SeasonalNaive || models.contains(model))
        .collect();
    let plan = Plan {
        horizon: request.horizon,
        windows: if request.windows == 0 {
            Request::default().windows
        } else {
            request.windows
        },
        levels: &request.levels,
        params: &request.params,
        seed: request.seed,
    };
    let mut candidates = Vec::with_capacity(models.len());
    for (done, &model) in models.iter().enumerate() {
        progress(ComparisonProgress {
            done,
            total: models.len(),
            next: Some(model),
        });
        let (metrics, error) = match backtest(series, model, &plan, stop) {
            Ok(backtest) => (Some(backtest.mean), None),
            Err(ForecastError::Stopped) => return Err(ForecastError::Stopped),
            Err(error) => (None, Some(error.to_string())),
        };
        candidates.push(Candidate {
            model,
            metrics,
            error,
        });
    }
    progress(ComparisonProgress {
        done: models.len(),
        total: models.len(),
        next: None,
    });
    Ok(rank(candidates))
}

/// Fits whichever model is best on windows of a week.
pub(crate) fn fit_best(
    series: &Series,
    params: &Params,
    stop: Stop<'_>,
) -> Result<Box<dyn Fitted>, ForecastError> {
    let request = Request {
        params: params.clone(),
        ..Request::default()
    };
    compare(series, &CANDIDATES, &request, &mut |_| {}, stop)?
        .chosen
        .fit(series, params, stop)
}

/// Error of a candidate for ranking: scaled where the history allows it, plain otherwise.
fn error_of(candidate: &Candidate) -> Option<f64> {
    candidate
        .metrics
        .as_ref()
        .map(|metrics| metrics.mase.unwrap_or(metrics.mae))
}

fn rank(mut candidates: Vec<Candidate>) -> Comparison {
    let windows = candidates
        .iter()
        .filter_map(|c| c.metrics.as_ref())
        .map(|m| m.windows)
        .max()
        .unwrap_or(0);
    for candidate in &mut candidates {
        if let Some(metrics) = candidate.metrics.take_if(|metrics| metrics.windows < windows) {
            let measured = metrics.windows;
            candidate.error = Some(format!("only {measured} of {windows} windows could be fitted"));
        }
    }
    let simplicity = |model: Model| {
        let order = [
            Model::SeasonalNaive,
            Model::Naive,
            Model::Ets,
            Model::Mstl,
            Model::Arima,
            Model::Sarima,
            Model::AutoArima,
        ];
        order
            .iter()
            .position(|simple| *simple == model)
            .unwrap_or(order.len())
    };
    candidates.sort_by(|a, b| {
        let key = |candidate| error_of(candidate).unwrap_or(f64::INFINITY);
        key(a)
            .total_cmp(&key(b))
            .then(simplicity(a.model).cmp(&simplicity(b.model)))
    });
    let baseline = candidates
        .iter()
        .find(|candidate| candidate.model == Model::SeasonalNaive);
    let naive = baseline.and_then(error_of);
    let best = candidates
        .first()
        .and_then(|best| Some((best.model, error_of(best)?)));
    // A history without variation has no step to scale by.
    let scaled = candidates
        .iter()
        .filter_map(|candidate| candidate.metrics.as_ref())
        .all(|metrics| metrics.mase.is_some());
    let measure = if scaled {
        "mean absolute scaled error"
    } else {
        "mean absolute error"
    };
    let (chosen, explanation) = match (best, naive) {
        (Some((Model::SeasonalNaive, naive)), _) => {
            let runner_up = candidates
                .get(1)
                .and_then(|next| Some((next.model, error_of(next)?)));
            let others = runner_up.map_or_else(String::new, |(model, error)| {
                format!("; the next best, {model}, comes to {error:.2}")
            });
            let why = format!(
                "seasonal_naive was chosen: no candidate did better over the last {windows} windows, where its {measure} is {naive:.2}{others}."
            );
            (Model::SeasonalNaive, why)
        }
        (Some((model, error)), Some(naive)) if error > CLEARLY_BETTER * naive => (
            Model::SeasonalNaive,
            format!(
                "seasonal_naive was chosen: the best candidate, {model}, comes to {error:.2} over the last {windows} windows, which is less than 2 % better than {naive:.2}."
            ),
        ),
        (Some((model, error)), Some(naive)) => (
            model,
            format!(
                "{model} was chosen: over the last {windows} windows its {measure} is {error:.2}, {:.0} % below the {naive:.2} of the seasonal naive forecast.",
                (1.0 - error / naive) * 100.0
            ),
        ),
        _ => (
            Model::SeasonalNaive,
            "seasonal_naive was chosen: the history is too short to compare models on it.".into(),
        ),
    };
    Comparison {
        candidates,
        chosen,
        explanation,
    }
}
