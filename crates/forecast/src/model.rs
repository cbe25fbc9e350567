//! The models by name, and what a fitted one can do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arima::{ArimaFit, auto};
use crate::error::ForecastError;
use crate::forecast::{FitSummary, Prediction, Warning};
use crate::naive::SeasonalNaive;
use crate::request::Params;
use crate::series::Series;
use crate::stop::Stop;
use crate::{arima, ets, mstl, prophet, select};

/// A model, or a way to choose one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// ARIMA of a given order, (5,1,0) when none is given.
    Arima,
    /// Seasonal ARIMA of a given order, (1,1,1)(0,1,1) when none is given.
    Sarima,
    /// ARIMA or SARIMA whose order is searched by corrected AIC.
    AutoArima,
    /// Prophet: piecewise linear trend, weekly and yearly seasons, holidays.
    Prophet,
    /// Exponential smoothing without a season, chosen by corrected AIC.
    Ets,
    /// Seasonal-trend decomposition with exponential smoothing of the rest.
    Mstl,
    /// The last season repeated.
    SeasonalNaive,
    /// The last value repeated.
    Naive,
    /// Whichever did best on the history's own end; the default.
    Auto,
}

impl Model {
    /// Every name, in the order of [`Model::ALL`].
    pub const NAMES: [&'static str; 9] = [
        "arima",
        "sarima",
        "auto_arima",
        "prophet",
        "ets",
        "mstl",
        "seasonal_naive",
        "naive",
        "auto",
    ];

    /// Every model.
    pub const ALL: [Self; 9] = [
        Self::Arima,
        Self::Sarima,
        Self::AutoArima,
        Self::Prophet,
        Self::Ets,
        Self::Mstl,
        Self::SeasonalNaive,
        Self::Naive,
        Self::Auto,
    ];

    /// The name, as in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Fits this model to `series`, without choosing levels or a horizon yet.
    ///
    /// # Errors
    /// Any [`ForecastError`]; [`Model::Auto`] compares its candidates first.
    pub fn fit(
        self,
        series: &Series,
        params: &Params,
        stop: Stop<'_>,
    ) -> Result<Box<dyn Fitted>, ForecastError> {
        crate::stop::check(stop)?;
        let period = params.period_of(series);
        Ok(match self {
            Self::Naive => Box::new(SeasonalNaive::fit(series, 1)),
            Self::SeasonalNaive => Box::new(SeasonalNaive::fit(series, period)),
            Self::Arima | Self::Sarima => {
                let order = params.arima_order(self, series);
                Box::new(arima::fit(series, order, params.diffuse, stop)?)
            }
            Self::AutoArima => Box::new(auto::search(series, period, params.diffuse, stop)?),
            Self::Prophet => Box::new(prophet::fit(series, &params.prophet, stop)?),
            Self::Ets | Self::Mstl
                if let Some(fit) = SeasonalNaive::of_constant(series, self.name().into()) =>
            {
                Box::new(fit)
            }
            Self::Ets => Box::new(ets::fit(series, stop)?),
            Self::Mstl => Box::new(mstl::fit(series, period, stop)?),
            Self::Auto => return select::fit_best(series, params, stop),
        })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = ForecastError;

    /// Reads a name of [`Model::NAMES`]; `-` may stand for `_`, and case does not matter.
    fn from_str(name: &str) -> Result<Self, ForecastError> {
        let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|model| model.name() == wanted)
            .ok_or_else(|| ForecastError::UnknownModel { name: name.into() })
    }
}

/// A model that has seen its history.
pub trait Fitted: Send {
    /// What was fitted.
    fn summary(&self) -> &FitSummary;

    /// What a reader of the forecast should know.
    fn warnings(&self) -> &[Warning];

    /// `horizon` values after the end of the history, in its unit and spacing, and for each of them one
    /// interval for each of `levels` (percent), in that order.
    ///
    /// # Errors
    /// [`ForecastError::Stopped`], or [`ForecastError::Numerical`] when the model cannot be carried forward.
    fn predict(
        &self,
        horizon: usize,
        levels: &[f64],
        seed: u64,
        stop: Stop<'_>,
    ) -> Result<Prediction, ForecastError>;

    /// The fit itself, for models of the ARIMA family.
    fn as_arima(&self) -> Option<&ArimaFit> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_model() {
        for model in Model::ALL {
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert_eq!("Seasonal-Naive".parse(), Ok(Model::SeasonalNaive));
        assert!("theta".parse::<Model>().is_err());
    }
}
