//! Seasonal-trend decomposition by loess, with exponential smoothing of what is left, by `augurs`
//! (Bandara, Hyndman and Bergmeir, "MSTL: A seasonal-trend decomposition algorithm", 2021).
//!
//! The decomposition works in single precision: values agree with other programs to about six digits.

use augurs::ets::AutoETS;
use augurs::mstl::{FittedMSTLModel, MSTLModel};
use augurs::{Fit as _, Predict as _};

use crate::error::ForecastError;
use crate::ets;
use crate::forecast::{FitSummary, Prediction, Warning};
use crate::model::Fitted;
use crate::series::Series;
use crate::stop::{self, Stop};

/// A fitted decomposition, in units of `scale`.
#[derive(Debug)]
struct Mstl {
    fitted: FittedMSTLModel,
    scale: f64,
    summary: FitSummary,
    warnings: Vec<Warning>,
}

/// Decomposes with one season of `period` steps (at least 2). Gaps are filled by straight lines, with a warning.
///
/// # Errors
/// [`ForecastError::TooShort`] below two seasons (and [`ets::NEEDS`] points), [`ForecastError::Request`] for a
/// period below 2, [`ForecastError::Numerical`], [`ForecastError::Stopped`].
pub(crate) fn fit(
    series: &Series,
    period: usize,
    stop: Stop<'_>,
) -> Result<impl Fitted + use<>, ForecastError> {
    stop::check(stop)?;
    if period < 2 {
        let reason = "mstl needs a season of at least 2 steps".into();
        return Err(ForecastError::Request {
            field: "period",
            reason,
        });
    }
    let needed = ets::NEEDS.max(2 * period);
    let (values, scale, warnings) = ets::prepare(series, "mstl", needed)?;
    let model = MSTLModel::new(vec![period], AutoETS::non_seasonal().into_trend_model());
    let fitted = ets::guarded("mstl", || model.fit(&values))?;
    stop::check(stop)?;
    let summary = FitSummary::new(format!("MSTL({period}) with ETS"), series);
    Ok(Mstl {
        fitted,
        scale,
        summary,
        warnings,
    })
}

impl Fitted for Mstl {
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
        ets::predict("mstl", horizon, levels, self.scale, |level| {
            self.fitted.predict(horizon, level)
        })
    }
}
