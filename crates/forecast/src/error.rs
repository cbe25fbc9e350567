//! Why there is no forecast: every refusal of this crate by name.

use crate::model::Model;

/// Why a series or a request gave no forecast.
///
/// The variants are what callers act on: [`ForecastError::Stopped`] is a deadline, the others are faults of
/// the input, but for [`ForecastError::Numerical`], which is a fault of the fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// The series has no known value at all.
    #[error("the series has no known value")]
    EmptySeries,
    /// A value is infinite or not a number.
    #[error("the value at position {position} is not a finite number")]
    NonFinite {
        /// Zero-based position in the input.
        position: usize,
    },
    /// The same date came twice.
    #[error("the date {date} occurs more than once")]
    DuplicateDate {
        /// The date, `YYYY-MM-DD`.
        date: String,
    },
    /// A date does not lie on the grid of the series, or lies outside the calendar.
    #[error("the date {date} does not fit the series: {reason}")]
    Date {
        /// The date, `YYYY-MM-DD`, or a description of it.
        date: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The span of dates is longer than a series may be.
    #[error("the series spans {length} steps, more than the {limit} allowed")]
    TooLong {
        /// Steps between the first and the last date, both included.
        length: usize,
        /// The largest number of steps.
        limit: usize,
    },
    /// The model needs more known points than the series has.
    #[error("{model} needs at least {needed} known points, the series has {known}")]
    TooShort {
        /// Name of the model.
        model: String,
        /// Fewest known points.
        needed: usize,
        /// Known points of the series.
        known: usize,
    },
    /// A field of the request is out of its range.
    #[error("{field}: {reason}")]
    Request {
        /// Name of the field as in JSON.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No such model name.
    #[error("unknown model {name:?}; known are {}", Model::NAMES.join(", "))]
    UnknownModel {
        /// The name that was asked for.
        name: String,
    },
    /// The caller's stop function said to give up.
    #[error("stopped before the forecast was finished")]
    Stopped,
    /// The fit or the forecast broke down numerically.
    #[error("{model} could not be fitted: {reason}")]
    Numerical {
        /// Name of the model.
        model: String,
        /// What happened.
        reason: String,
    },
}
