//! What a forecast looks like: dated values with intervals, and how they came about.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::arima::Diffuse;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::series::Series;

/// A finished forecast. It serialises to the JSON that the command line writes for a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The model that made it; never [`Model::Auto`].
    pub model: Model,
    /// The model that was asked for.
    pub requested: Model,
    /// What was fitted.
    #[serde(flatten)]
    pub fit: FitSummary,
    /// The values, one a step, the first one step after the end of the history.
    pub points: Vec<Point>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
    /// Accuracy of this model on the end of its own history; absent when that is too short.
    pub metrics: Option<Metrics>,
    /// One sentence: which model, and why it.
    pub explanation: String,
}

/// One forecast value, `{"date","value","lower_80","upper_80",..}` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The day, or the first day of the step.
    pub date: Date,
    /// The forecast, unit of the history.
    pub value: f64,
    /// One interval for each level that was asked for, in that order.
    #[serde(flatten, serialize_with = "bounds")]
    pub intervals: Vec<Interval>,
}

/// A central prediction interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Probability that the actual value lies within, in percent.
    pub level: f64,
    /// Lower bound, unit of the history.
    pub lower: f64,
    /// Upper bound, unit of the history.
    pub upper: f64,
}

/// What a fit found. Fields that a model has no notion of are absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitSummary {
    /// The model with its order or form, for people: `ARIMA(5,1,0)`, `ETS(M,A,N)`.
    pub label: String,
    /// Estimated parameters by name.
    pub parameters: BTreeMap<String, f64>,
    /// Log-likelihood, in the unit of the history; for Prophet the log-posterior without its constants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// Akaike's criterion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aic: Option<f64>,
    /// Akaike's criterion, corrected for short histories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aicc: Option<f64>,
    /// Bayes' criterion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bic: Option<f64>,
    /// The optimizer met a tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converged: Option<bool>,
    /// Iterations of the optimizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// How the unknown starting level was treated, for the ARIMA family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diffuse: Option<Diffuse>,
    /// Largest relative difference between the forecasts of the two treatments; 0.01 is 1 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diffuse_gap: Option<f64>,
    /// Known values of the history.
    pub known: usize,
    /// Gaps of the history.
    pub gaps: usize,
}

impl FitSummary {
    /// A summary with a label and the counts of `series`.
    pub(crate) fn new(label: String, series: &Series) -> Self {
        Self {
            label,
            parameters: BTreeMap::new(),
            log_likelihood: None,
            aic: None,
            aicc: None,
            bic: None,
            converged: None,
            iterations: None,
            diffuse: None,
            diffuse_gap: None,
            known: series.known(),
            gaps: series.gaps(),
        }
    }
}

/// Something a reader of the forecast should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The kind, for programs.
    pub code: WarningCode,
    /// The words, for people.
    pub detail: String,
}

impl Warning {
    pub(crate) fn new(code: WarningCode, detail: String) -> Self {
        Self { code, detail }
    }
}

/// Kinds of [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningCode {
    /// The two treatments of the starting level differ by more than 1 %.
    DiffuseGap,
    /// Every step of the history is alike, so there is nothing to estimate and the intervals have no width.
    NoVariation,
    /// The optimizer stopped without meeting a tolerance.
    NotConverged,
    /// Python's optimizer settings stopped short of the optimum, and the search went on from there.
    StoppedEarlyInPython,
    /// The history is shorter than the model would like.
    ShortHistory,
    /// Gaps were filled by straight lines, since the model cannot skip a step.
    GapsFilled,
    /// A weekday that never occurs in the history has its value from the prior alone.
    UnseenWeekday,
    /// Nothing in the history tells how wide the intervals are.
    NoIntervalBasis,
    /// Lower bounds below zero were set to zero, since the history has no negative value.
    ClampedAtZero,
    /// A candidate of a comparison could not be fitted.
    CandidateFailed,
}

impl WarningCode {
    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DiffuseGap => "diffuse_gap",
            Self::NoVariation => "no_variation",
            Self::NotConverged => "not_converged",
            Self::StoppedEarlyInPython => "stopped_early_in_python",
            Self::ShortHistory => "short_history",
            Self::GapsFilled => "gaps_filled",
            Self::UnseenWeekday => "unseen_weekday",
            Self::NoIntervalBasis => "no_interval_basis",
            Self::ClampedAtZero => "clamped_at_zero",
            Self::CandidateFailed => "candidate_failed",
        }
    }
}

impl Serialize for WarningCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// Values and intervals without dates: what a fitted model gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// One value a step.
    pub values: Vec<f64>,
    /// For each step one interval for each level.
    pub intervals: Vec<Vec<Interval>>,
}

impl Prediction {
    /// All numbers are finite and every lower bound is at most its upper bound.
    pub(crate) fn is_sound(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
            && self.intervals.iter().flatten().all(|interval| {
                interval.lower.is_finite() && interval.upper.is_finite() && interval.lower <= interval.upper
            })
    }
}

/// Intervals as flat keys: `lower_80`, `upper_80`, `lower_97.5`.
fn bounds<S: Serializer>(intervals: &[Interval], to: S) -> Result<S::Ok, S::Error> {
    let bounds = intervals.iter().flat_map(|Interval { level, lower, upper }| {
        [
            (format!("lower_{level}"), lower),
            (format!("upper_{level}"), upper),
        ]
    });
    to.collect_map(bounds)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_point_has_its_bounds_as_flat_keys() {
        let point = Point {
            date: date(2023, 12, 1),
            value: 2.0,
            intervals: vec![
                Interval {
                    level: 80.0,
                    lower: 1.0,
                    upper: 3.0,
                },
                Interval {
                    level: 97.5,
                    lower: 0.5,
                    upper: 3.5,
                },
            ],
        };

        let json = serde_json::to_string(&point).unwrap();

        assert_eq!(
            json,
            r#"{"date":"2023-12-01","value":2.0,"lower_80":1.0,"upper_80":3.0,"lower_97.5":0.5,"upper_97.5":3.5}"#
        );
    }
}
