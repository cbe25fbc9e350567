//! ARIMA and seasonal ARIMA by exact likelihood.
//!
//! The model is `statsmodels`' `SARIMAX` with its state space, its start values and its optimizer settings, so
//! that the answers agree with Python's (Durbin and Koopman, "Time Series Analysis by State Space Methods",
//! 2nd edition, section 3.4; Harvey, "Forecasting, Structural Time Series Models", 1989). What is ours is the
//! choice of [`Diffuse`]: Python's default depends on the unit of the data, ours does not.
//!
//! - `polynomial.rs` multiplies out the seasonal factors, `transform.rs` keeps them stationary,
//!   `start.rs` guesses, `kalman` computes the likelihood, `fit.rs` maximises it, `auto.rs` searches orders.
//! - Intervals hold the uncertainty of the shocks and not that of the parameters, as in Python.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ForecastError;

pub mod auto;
mod fit;
mod kalman;
mod least_squares;
mod polynomial;
mod start;
mod transform;

pub use fit::{ArimaFit, diffuse_gap, fit};

/// How the unknown level at the start of the series is treated.
///
/// Both give it a normal prior around zero. They differ in its width, and so does the forecast when the level
/// is large against the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Diffuse {
    /// Prior variance 10⁶ times the shock variance, which is profiled out: the answer does not depend on the
    /// unit. `statsmodels` does this with `concentrate_scale=True`.
    #[default]
    #[serde(rename = "unit-free")]
    Concentrated,
    /// Prior variance 10⁶ in the unit of the data, as `ARIMA(...).fit()` of `statsmodels` has it: for comparing
    /// with Python. Measured up to 21 % away from the unit-free answer on revenues in the tens of thousands.
    #[serde(rename = "statsmodels")]
    StatsmodelsDefault,
}

impl Diffuse {
    /// The other treatment.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Concentrated => Self::StatsmodelsDefault,
            Self::StatsmodelsDefault => Self::Concentrated,
        }
    }
}

impl FromStr for Diffuse {
    type Err = ForecastError;

    /// Reads `unit-free` or `statsmodels`, as in JSON.
    fn from_str(name: &str) -> Result<Self, ForecastError> {
        match name {
            "unit-free" => Ok(Self::Concentrated),
            "statsmodels" => Ok(Self::StatsmodelsDefault),
            other => Err(ForecastError::Request {
                field: "diffuse",
                reason: format!("{other:?} is neither unit-free nor statsmodels"),
            }),
        }
    }
}

/// `(p,d,q)(P,D,Q)s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// Autoregressive terms, 0 to 12.
    pub p: usize,
    /// Differences, 0 to 2. With no difference at all, seasonal ones included, the model has a mean.
    pub d: usize,
    /// Moving average terms, 0 to 12.
    pub q: usize,
    /// The seasonal part; all zeros for none.
    pub seasonal: SeasonalOrder,
}

/// `(P,D,Q)s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeasonalOrder {
    /// Seasonal autoregressive terms, 0 to 2.
    pub p: usize,
    /// Seasonal differences, 0 or 1.
    pub d: usize,
    /// Seasonal moving average terms, 0 to 2.
    pub q: usize,
    /// Steps in a season, 2 to 52; 0 when there is no seasonal part.
    pub period: usize,
}

impl From<Option<[usize; 4]>> for SeasonalOrder {
    fn from(order: Option<[usize; 4]>) -> Self {
        match order {
            Some([p, d, q, period]) if p + d + q > 0 => Self { p, d, q, period },
            _ => Self::default(),
        }
    }
}

impl Order {
    /// `(p,d,q)` without a season.
    #[must_use]
    pub fn new(p: usize, d: usize, q: usize) -> Self {
        Self {
            p,
            d,
            q,
            seasonal: SeasonalOrder::default(),
        }
    }

    /// The same order with the season `(p,d,q)` of `period` steps.
    #[must_use]
    pub fn seasonal(self, p: usize, d: usize, q: usize, period: usize) -> Self {
        Self {
            seasonal: Some([p, d, q, period]).into(),
            ..self
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ForecastError::Request`] for `order` or `seasonal_order`.
    pub fn validate(self) -> Result<(), ForecastError> {
        let Self { p, d, q, seasonal } = self;
        if p > 12 || q > 12 || d > 2 {
            return Err(ForecastError::Request {
                field: "order",
                reason: format!("({p},{d},{q}) is beyond p = 12, d = 2, q = 12"),
            });
        }
        let SeasonalOrder { p, d, q, period } = seasonal;
        let none = seasonal == SeasonalOrder::default();
        if !none && (p > 2 || q > 2 || d > 1 || !(2..=52).contains(&period)) {
            return Err(ForecastError::Request {
                field: "seasonal_order",
                reason: format!(
                    "({p},{d},{q}){period} is beyond P = 2, D = 1, Q = 2 and a period of 2 to 52"
                ),
            });
        }
        Ok(())
    }

    /// Known points below which a fit is refused: 3 for each coefficient, plus what the differences use up,
    /// plus 4; 20 for (5,1,0).
    #[must_use]
    pub fn needs(self) -> usize {
        3 * self.coefficients() + self.differenced() + 4
    }

    /// Coefficients to estimate, without mean and variance.
    #[must_use]
    pub fn coefficients(self) -> usize {
        self.p + self.q + self.seasonal.p + self.seasonal.q
    }

    /// Steps that the differences use up; also the number of levels with a diffuse start.
    pub(crate) fn differenced(self) -> usize {
        self.d + self.seasonal.d * self.seasonal.period
    }

    /// Whether the model has a mean: only when nothing is differenced, as in `statsmodels`.
    pub(crate) fn has_mean(self) -> bool {
        self.differenced() == 0
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p,
            d,
            q,
            seasonal: season,
        } = self;
        if season.period == 0 {
            write!(f, "ARIMA({p},{d},{q})")
        } else {
            write!(
                f,
                "SARIMA({p},{d},{q})({},{},{}){}",
                season.p, season.d, season.q, season.period
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_people_write_them() {
        assert_eq!(Order::new(5, 1, 0).to_string(), "ARIMA(5,1,0)");
        assert_eq!(
            Order::new(1, 1, 1).seasonal(0, 1, 1, 7).to_string(),
            "SARIMA(1,1,1)(0,1,1)7"
        );
        assert_eq!(Order::new(5, 1, 0).needs(), 20);
    }

    #[test]
    fn an_order_beyond_the_limits_is_refused() {
        assert!(Order::new(13, 1, 0).validate().is_err());
        assert!(Order::new(1, 1, 0).seasonal(0, 2, 1, 7).validate().is_err());
        assert!(Order::new(1, 1, 0).seasonal(0, 1, 1, 1).validate().is_err());
    }
}
