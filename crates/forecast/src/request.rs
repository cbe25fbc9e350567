//! What a caller may ask for, with its defaults and ranges.

use serde::{Deserialize, Serialize};

use crate::arima::{Diffuse, Order};
use crate::error::ForecastError;
use crate::model::Model;
use crate::prophet::ProphetOptions;
use crate::series::{MAX_STEPS, Series};

/// The longest horizon, in steps.
pub const MAX_HORIZON: usize = 3_660;

/// A forecast that is asked for. Every field has a default, so `{}` is a valid request in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The model; `auto` by default.
    pub model: Model,
    /// Steps to forecast, 1 to [`MAX_HORIZON`]; 7 by default.
    pub horizon: usize,
    /// Levels of the intervals in percent, each within 1 to 99.99, at most 10 of them; 80 and 95 by default.
    pub levels: Vec<f64>,
    /// Settings of the models.
    pub params: Params,
    /// Seed of the simulated intervals of Prophet; the same request gives the same bytes.
    pub seed: u64,
    /// Windows of the backtest that gives the metrics, 0 to 52; 0 gives none; 4 by default. `auto` always
    /// compares, on 4 windows when this is 0.
    pub windows: usize,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            model: Model::Auto,
            horizon: 7,
            levels: vec![80.0, 95.0],
            params: Params::default(),
            seed: 0,
            windows: 4,
        }
    }
}

impl Request {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ForecastError::Request`] with the name of the first field out of its range.
    pub fn validate(&self) -> Result<(), ForecastError> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is out of its range, as [`ForecastError::Request`]; empty when nothing is.
    #[must_use]
    pub fn faults(&self) -> Vec<ForecastError> {
        let mut faults = Vec::new();
        let mut refuse = |field, reason: String| faults.push(ForecastError::Request { field, reason });
        if !(1..=MAX_HORIZON).contains(&self.horizon) {
            refuse(
                "horizon",
                format!("{} is not within 1 to {MAX_HORIZON} steps", self.horizon),
            );
        }
        if self.levels.len() > 10 {
            refuse("levels", format!("{} levels are more than 10", self.levels.len()));
        }
        if let Some(level) = self.levels.iter().find(|level| !(1.0..=99.99).contains(*level)) {
            refuse("levels", format!("{level} is not within 1 to 99.99 percent"));
        }
        if self
            .levels
            .iter()
            .enumerate()
            .any(|(at, level)| self.levels[..at].contains(level))
        {
            refuse("levels", "a level occurs twice".into());
        }
        if self.windows > 52 {
            refuse("windows", format!("{} windows are more than 52", self.windows));
        }
        faults.extend(self.params.faults());
        faults
    }
}

/// Settings of the models; each model reads its own and leaves the others alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// `[p, d, q]` of `arima` (5,1,0 by default) and `sarima` (1,1,1 by default); p and q at most 12, d at
    /// most 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<[usize; 3]>,
    /// `[P, D, Q, s]`; none by default for `arima`, `[0, 1, 1, period]` for `sarima`; P and Q at most 2, D at
    /// most 1, s within 2 to 52.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seasonal_order: Option<[usize; 4]>,
    /// How the ARIMA family treats its unknown starting level.
    pub diffuse: Diffuse,
    /// Steps in a season, 1 to 366; the natural one of the spacing by default (7 for days).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<usize>,
    /// Set lower bounds and values below zero to zero when the history has no negative value; metrics are not touched.
    pub non_negative: bool,
    /// Settings of Prophet.
    pub prophet: ProphetOptions,
}

impl Params {
    fn faults(&self) -> Vec<ForecastError> {
        let mut faults = Vec::new();
        if let Some(period) = self.period
            && !(1..=366).contains(&period)
        {
            faults.push(ForecastError::Request {
                field: "period",
                reason: format!("{period} is not within 1 to 366 steps"),
            });
        }
        if self.order.is_some() || self.seasonal_order.is_some() {
            let [p, d, q] = self.order.unwrap_or([0; 3]);
            let order = Order {
                p,
                d,
                q,
                seasonal: self.seasonal_order.into(),
            };
            faults.extend(order.validate().err());
        }
        faults.extend(self.prophet.validate().err());
        faults
    }

    /// Steps in a season, for `series`.
    pub(crate) fn period_of(&self, series: &Series) -> usize {
        self.period
            .unwrap_or_else(|| series.step().season())
            .clamp(1, MAX_STEPS)
    }

    /// The order that `model` (of the ARIMA family) is to be fitted with.
    pub(crate) fn arima_order(&self, model: Model, series: &Series) -> Order {
        let period = self.period_of(series);
        let (order, seasonal) = match model {
            Model::Sarima if period > 1 => ([1, 1, 1], Some([0, 1, 1, period])),
            Model::Sarima => ([1, 1, 1], None),
            _ => ([5, 1, 0], None),
        };
        let [p, d, q] = self.order.unwrap_or(order);
        Order {
            p,
            d,
            q,
            seasonal: self.seasonal_order.or(seasonal).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_request_is_a_week_of_the_best_model() {
        let request: Request = serde_json::from_str("{}").unwrap();

        assert_eq!(request, Request::default());
        request.validate().unwrap();
    }

    #[test]
    fn levels_are_percents_and_shares_are_refused() {
        let request = Request {
            levels: vec![0.8],
            ..Request::default()
        };

        let refusal = request.validate().unwrap_err();

        assert_eq!(
            refusal.to_string(),
            "levels: 0.8 is not within 1 to 99.99 percent"
        );
    }
}
