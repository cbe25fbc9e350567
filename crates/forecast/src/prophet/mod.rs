//! Prophet: a piecewise linear trend with weekly and yearly seasons and holidays (Taylor and Letham,
//! "Forecasting at scale", 2018).
//!
//! `augurs` prepares the data (changepoints, Fourier terms, holidays, scaling) and puts a fit together again;
//! what it leaves out is here: `posterior.rs`, `active_set.rs` and
//! `map.rs` find the parameters, `simulate.rs` draws the
//! intervals from a seed, `holidays.rs` knows the French calendar.
//!
//! Invariant: `augurs` keeps its features in hash maps, so their order differs from run to run. Nothing here
//! may depend on it: the fit sorts the columns by content, and forecasts are summed by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use augurs::prophet::{
    PositiveFloat, PredictionData, Prophet, SeasonalityOption, TrainingData, optimizer::OptimizeOpts,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::ForecastError;
use crate::ets::guarded;
use crate::forecast::{FitSummary, Prediction, Warning, WarningCode};
use crate::model::Fitted;
use crate::request::MAX_HORIZON;
use crate::series::{Series, Step, as_f64};
use crate::stop::{self, Stop};

mod active_set;
mod holidays;
mod map;
mod posterior;
mod simulate;

pub use holidays::{HolidayCalendar, easter, french_holidays};
use map::{Found, MapOptimizer, Replay};

/// Fewest known points.
pub const NEEDS: usize = 6;

const SECONDS_PER_DAY: i64 = 86_400;

/// Settings of Prophet, with Prophet's own defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProphetOptions {
    /// Weekly season; by default when the steps are days and the history spans two weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<bool>,
    /// Yearly season; by default when the history spans 730 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<bool>,
    /// Public holidays with an effect of their own; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays: Option<HolidayCalendar>,
    /// Possible changes of the trend, in the first 80 % of the history, 0 to 100.
    pub changepoints: u32,
    /// How readily the trend changes, 0.0001 to 100.
    pub changepoint_prior_scale: f64,
    /// How large seasons may be, 0.0001 to 1000.
    pub seasonality_prior_scale: f64,
    /// How large effects of holidays may be, 0.0001 to 1000.
    pub holidays_prior_scale: f64,
    /// Simulated futures from which the intervals are read, 100 to 100 000.
    pub samples: usize,
}

impl Default for ProphetOptions {
    fn default() -> Self {
        Self {
            weekly: None,
            yearly: None,
            holidays: None,
            changepoints: 25,
            changepoint_prior_scale: 0.05,
            seasonality_prior_scale: 10.0,
            holidays_prior_scale: 10.0,
            samples: 1_000,
        }
    }
}

impl ProphetOptions {
    pub(crate) fn validate(&self) -> Result<(), ForecastError> {
        let refuse = |field, reason: String| Err(ForecastError::Request { field, reason });
        if self.changepoints > 100 {
            return refuse(
                "prophet.changepoints",
                format!("{} are more than 100", self.changepoints),
            );
        }
        if !(100..=100_000).contains(&self.samples) {
            return refuse(
                "prophet.samples",
                format!("{} is not within 100 to 100000", self.samples),
            );
        }
        let scales = [
            (
                "prophet.changepoint_prior_scale",
                self.changepoint_prior_scale,
                100.0,
            ),
            (
                "prophet.seasonality_prior_scale",
                self.seasonality_prior_scale,
                1_000.0,
            ),
            ("prophet.holidays_prior_scale", self.holidays_prior_scale, 1_000.0),
        ];
        for (field, scale, limit) in scales {
            if !(1e-4..=limit).contains(&scale) {
                return refuse(field, format!("{scale} is not within 0.0001 to {limit}"));
            }
        }
        Ok(())
    }
}

/// A fitted Prophet model.
pub struct ProphetFit {
    model: Prophet<Replay>,
    found: Found,
    series: Series,
    /// What the values were divided by before Prophet's own scaling.
    scale: f64,
    /// Prophet's own scale: the largest absolute value.
    y_scale: f64,
    first: Date,
    /// Days between the first and the last known value.
    span_days: f64,
    samples: usize,
    summary: FitSummary,
    warnings: Vec<Warning>,
}

/// What a forecast is the sum of, one value a step, unit of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// The trend.
    pub trend: Vec<f64>,
    /// `weekly`, `yearly` and the holidays, by name.
    pub parts: BTreeMap<String, Vec<f64>>,
}

/// Fits Prophet by maximum a posteriori.
///
/// # Errors
/// [`ForecastError::TooShort`] below [`NEEDS`] known points, [`ForecastError::Request`], [`ForecastError::Stopped`],
/// [`ForecastError::Numerical`].
pub fn fit(series: &Series, options: &ProphetOptions, stop: Stop<'_>) -> Result<ProphetFit, ForecastError> {
    options.validate()?;
    if series.known() < NEEDS {
        return Err(ForecastError::TooShort {
            model: "prophet".into(),
            needed: NEEDS,
            known: series.known(),
        });
    }
    let scale = series.binary_scale();
    let (mut dates, mut values) = (Vec::new(), Vec::new());
    for (at, value) in series.scaled(scale).iter().enumerate() {
        if let Some(value) = value {
            dates.push(series.date(at)?);
            values.push(*value);
        }
    }
    let (first, last) = (dates[0], dates[dates.len() - 1]);
    let span_days = as_f64(usize::try_from((seconds(last) - seconds(first)) / SECONDS_PER_DAY).unwrap_or(0));
    let y_scale = match values
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()))
    {
        0.0 => 1.0,
        largest => largest,
    };
    let weekly = options
        .weekly
        .unwrap_or(series.step() == Step::Day && span_days >= 14.0);
    let yearly = options.yearly.unwrap_or(span_days >= 730.0);
    let prepared = prepare(options, weekly, yearly, series)?;
    let stamps: Vec<i64> = dates.iter().map(|date| seconds(*date)).collect();
    let data = || TrainingData::new(stamps.clone(), values.clone());

    let slot = Arc::new(Mutex::new(None));
    let mut model = Prophet::new(prepared.clone(), MapOptimizer::new(stop, Arc::clone(&slot)));
    let outcome = guarded("prophet", || model.fit(data()?, OptimizeOpts::default()));
    stop::check(stop)?;
    outcome?;
    let found = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let found: Found = found.ok_or_else(|| ForecastError::Numerical {
        model: "prophet".into(),
        reason: "no parameters were found".into(),
    })?;
    let mut model = Prophet::new(prepared, Replay(found.clone()));
    guarded("prophet", || model.fit(data()?, OptimizeOpts::default()))?;

    let summary = summarise(series, &found, y_scale * scale, weekly, yearly, options);
    let mut warnings = Vec::new();
    if found.constant {
        let detail = "all values of the history are equal; so are those of the forecast";
        warnings.push(Warning::new(WarningCode::NoVariation, detail.into()));
    }
    Ok(ProphetFit {
        model,
        found,
        series: series.clone(),
        scale,
        y_scale,
        first,
        span_days,
        samples: options.samples,
        summary,
        warnings: [warnings, unseen_weekdays(series, weekly, &dates)].concat(),
    })
}

impl ProphetFit {
    /// Trend and components of the next `horizon` steps; their sum is the forecast.
    ///
    /// # Errors
    /// [`ForecastError::Date`] beyond the calendar, [`ForecastError::Numerical`].
    pub fn components(&self, horizon: usize) -> Result<Components, ForecastError> {
        let dates = (0..horizon)
            .map(|ahead| Ok(seconds(self.series.date(self.series.len() + ahead)?)))
            .collect::<Result<Vec<i64>, ForecastError>>()?;
        let predicted = guarded("prophet", || self.model.predict(PredictionData::new(dates)))?;
        let unscale = |values: Vec<f64>| values.iter().map(|value| value * self.scale).collect::<Vec<_>>();
        let parts = predicted.seasonalities.into_iter().chain(predicted.holidays);
        Ok(Components {
            trend: unscale(predicted.trend.point),
            parts: parts.map(|(name, part)| (name, unscale(part.point))).collect(),
        })
    }

    /// The log-posterior at the fit, without its constants, as Stan reports it.
    #[must_use]
    pub fn log_posterior(&self) -> f64 {
        self.found.log_posterior
    }
}

impl Fitted for ProphetFit {
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
        seed: u64,
        stop: Stop<'_>,
    ) -> Result<Prediction, ForecastError> {
        stop::check(stop)?;
        let Components {
            trend: mut values,
            parts,
        } = self.components(horizon)?;
        for component in parts.values() {
            for (value, part) in values.iter_mut().zip(component) {
                *value += part;
            }
        }
        let times = (0..horizon)
            .map(|ahead| {
                let date = self.series.date(self.series.len() + ahead)?;
                let days = (seconds(date) - seconds(self.first)) / SECONDS_PER_DAY;
                Ok(as_f64(usize::try_from(days).unwrap_or(0)) / self.span_days)
            })
            .collect::<Result<Vec<f64>, ForecastError>>()?;
        let unit = self.y_scale * self.scale;
        let intervals = simulate::intervals(
            &self.found,
            &values,
            &times,
            unit,
            levels,
            self.samples,
            seed,
            stop,
        )?;
        Ok(Prediction { values, intervals })
    }
}

/// `augurs`' options for ours.
fn prepare(
    options: &ProphetOptions,
    weekly: bool,
    yearly: bool,
    series: &Series,
) -> Result<augurs::prophet::ProphetOptions, ForecastError> {
    let positive = |value: f64| {
        PositiveFloat::try_new(value).map_err(|error| ForecastError::Numerical {
            model: "prophet".into(),
            reason: error.to_string(),
        })
    };
    let holidays = match options.holidays {
        None => std::collections::HashMap::new(),
        Some(calendar) => {
            let years = i16::try_from(MAX_HORIZON / 365 + 1).unwrap_or(i16::MAX);
            let last = series
                .date(series.len() - 1)?
                .year()
                .saturating_add(years)
                .min(9_999);
            calendar.occurrences(series.start().year(), last)
        }
    };
    Ok(augurs::prophet::ProphetOptions {
        n_changepoints: options.changepoints,
        changepoint_prior_scale: positive(options.changepoint_prior_scale)?,
        seasonality_prior_scale: positive(options.seasonality_prior_scale)?,
        // augurs' default is 100, Prophet's is 10.
        holidays_prior_scale: positive(options.holidays_prior_scale)?,
        holidays,
        weekly_seasonality: SeasonalityOption::Manual(weekly),
        yearly_seasonality: SeasonalityOption::Manual(yearly),
        daily_seasonality: SeasonalityOption::Manual(false),
        // augurs would draw intervals from the thread's generator.
        uncertainty_samples: 0,
        ..augurs::prophet::ProphetOptions::default()
    })
}

fn summarise(
    series: &Series,
    found: &Found,
    unit: f64,
    weekly: bool,
    yearly: bool,
    options: &ProphetOptions,
) -> FitSummary {
    let parts: Vec<&str> = [
        weekly.then_some("weekly"),
        yearly.then_some("yearly"),
        options.holidays.map(|_| "French holidays"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let seasons = if parts.is_empty() {
        "trend only".into()
    } else {
        parts.join(", ")
    };
    let mut summary = FitSummary::new(format!("Prophet ({seasons})"), series);
    let changes = found.delta.iter().map(|delta| delta.abs()).sum::<f64>();
    summary.parameters = BTreeMap::from([
        ("k".into(), found.k),
        ("m".into(), found.m),
        ("sigma".into(), found.sigma * unit),
        ("trend_change".into(), changes),
    ]);
    summary.log_likelihood = Some(found.log_posterior);
    summary.converged = Some(found.converged);
    summary.iterations = Some(found.iterations);
    summary
}

/// Weekdays without any known value get their season from the prior alone.
fn unseen_weekdays(series: &Series, weekly: bool, known: &[Date]) -> Vec<Warning> {
    if !weekly || series.step() != Step::Day {
        return Vec::new();
    }
    let mut seen = [false; 7];
    for date in known {
        seen[date.weekday().to_monday_zero_offset().unsigned_abs() as usize] = true;
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    if missing == 0 {
        return Vec::new();
    }
    let detail = format!(
        "{missing} weekdays never occur in the history; their forecast rests on the prior alone, so leave those days out or count them as zeros"
    );
    vec![Warning::new(WarningCode::UnseenWeekday, detail)]
}

/// Midnight of `date`, in seconds since 1970.
fn seconds(date: Date) -> i64 {
    jiff::civil::date(1970, 1, 1).duration_until(date).as_secs()
}
