//! The history: evenly spaced values with gaps, on a calendar grid.
//!
//! A gap is a step whose value is unknown (`None`). It is not a zero: whether a day without sales is a zero or
//! a gap is the caller's knowledge, and [`Series::with_gaps_as_zeros`] is where it is said.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::ForecastError;

/// The most steps a series may span: 100 years of days. A typo in a year then gives an error and no hour of work.
pub const MAX_STEPS: usize = 36_525;

/// Distance between two neighbouring points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One day.
    #[default]
    Day,
    /// Seven days.
    Week,
    /// One calendar month.
    Month,
    /// One calendar year.
    Year,
}

impl Step {
    /// Points in the season that is natural for this spacing: 7 days, 52 weeks, 12 months, 1 year.
    #[must_use]
    pub fn season(self) -> usize {
        match self {
            Self::Day => 7,
            Self::Week => 52,
            Self::Month => 12,
            Self::Year => 1,
        }
    }
}

/// Evenly spaced values, oldest first, with gaps; holds at least one known value and only finite ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    start: Date,
    step: Step,
    values: Vec<Option<f64>>,
}

impl Series {
    /// A series that starts at `start`; `None` is a gap. Leading and trailing gaps are kept, so the forecast
    /// begins one step after the last element even when that element is a gap.
    ///
    /// # Errors
    /// [`ForecastError::EmptySeries`], [`ForecastError::NonFinite`], [`ForecastError::TooLong`], and
    /// [`ForecastError::Date`] when the dates leave the calendar (year 9999).
    pub fn new(start: Date, step: Step, values: Vec<Option<f64>>) -> Result<Self, ForecastError> {
        if values.len() > MAX_STEPS {
            return Err(ForecastError::TooLong {
                length: values.len(),
                limit: MAX_STEPS,
            });
        }
        if let Some(position) = values
            .iter()
            .position(|value| value.is_some_and(|v| !v.is_finite()))
        {
            return Err(ForecastError::NonFinite { position });
        }
        if values.iter().all(Option::is_none) {
            return Err(ForecastError::EmptySeries);
        }
        let series = Self { start, step, values };
        series.date(series.len() - 1)?;
        Ok(series)
    }

    /// A daily series from dated values in any order; days that do not occur become gaps.
    ///
    /// # Errors
    /// As [`Series::new`], and [`ForecastError::DuplicateDate`].
    pub fn from_daily(
        observations: impl IntoIterator<Item = (Date, Option<f64>)>,
    ) -> Result<Self, ForecastError> {
        let mut observations: Vec<_> = observations.into_iter().collect();
        observations.sort_by_key(|(date, _)| *date);
        let (Some((first, _)), Some((last, _))) = (observations.first(), observations.last()) else {
            return Err(ForecastError::EmptySeries);
        };
        if let Some(pair) = observations.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ForecastError::DuplicateDate {
                date: pair[0].0.to_string(),
            });
        }
        let (first, length) = (*first, days_between(*first, *last) + 1);
        if length > MAX_STEPS {
            return Err(ForecastError::TooLong {
                length,
                limit: MAX_STEPS,
            });
        }
        let mut values = vec![None; length];
        for (date, value) in observations {
            values[days_between(first, date)] = value;
        }
        Self::new(first, Step::Day, values)
    }

    /// Number of steps, gaps included; at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a series always holds a known value")]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Number of known values; at least 1.
    #[must_use]
    pub fn known(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// Number of gaps.
    #[must_use]
    pub fn gaps(&self) -> usize {
        self.len() - self.known()
    }

    /// The values, oldest first; `None` is a gap.
    #[must_use]
    pub fn values(&self) -> &[Option<f64>] {
        &self.values
    }

    /// Date of the first element.
    #[must_use]
    pub fn start(&self) -> Date {
        self.start
    }

    /// Spacing of the elements.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Date of element `index`; an index beyond the end is a future date. Months and years are counted from
    /// the start, so a series that starts on the 31st does not drift to the 28th.
    ///
    /// # Errors
    /// [`ForecastError::Date`] when the date lies outside the calendar.
    pub fn date(&self, index: usize) -> Result<Date, ForecastError> {
        let outside = || ForecastError::Date {
            date: format!("{} + {index} steps", self.start),
            reason: "it lies outside the calendar",
        };
        let count = i32::try_from(index).map_err(|_| outside())?;
        let span = match self.step {
            Step::Day => 1.day(),
            Step::Week => 1.week(),
            Step::Month => 1.month(),
            Step::Year => 1.year(),
        };
        let span = span.checked_mul(i64::from(count)).map_err(|_| outside())?;
        self.start.checked_add(span).map_err(|_| outside())
    }

    /// The same series with each gap set to zero: for shops where a day without rows is a day without sales.
    #[must_use]
    pub fn with_gaps_as_zeros(mut self) -> Self {
        for value in &mut self.values {
            value.get_or_insert(0.0);
        }
        self
    }

    /// The first `length` elements.
    ///
    /// # Errors
    /// [`ForecastError::EmptySeries`] when they hold no known value.
    pub fn head(&self, length: usize) -> Result<Self, ForecastError> {
        Self::new(
            self.start,
            self.step,
            self.values[..length.min(self.len())].to_vec(),
        )
    }

    /// All values with gaps filled by straight lines between their known neighbours and by the nearest known
    /// value at both ends; for models that cannot skip a day.
    #[must_use]
    pub fn interpolated(&self) -> Vec<f64> {
        let known: Vec<(usize, f64)> = self
            .values
            .iter()
            .enumerate()
            .filter_map(|(at, value)| value.map(|v| (at, v)))
            .collect();
        let mut filled = vec![known[0].1; self.len()];
        for pair in known.windows(2) {
            let ((left, from), (right, to)) = (pair[0], pair[1]);
            for (offset, slot) in filled[left..right].iter_mut().enumerate() {
                let share = as_f64(offset) / as_f64(right - left);
                *slot = from * (1.0 - share) + to * share;
            }
        }
        let (last_at, last) = known[known.len() - 1];
        filled[last_at..].fill(last);
        filled
    }

    /// The known values, oldest first.
    pub(crate) fn known_values(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().flatten().copied()
    }

    /// The power of two nearest below the largest absolute value, or 1 for all zeros. Dividing by it is exact,
    /// so models may work near 1 whatever the unit.
    pub(crate) fn binary_scale(&self) -> f64 {
        let largest = self
            .known_values()
            .fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest == 0.0 {
            return 1.0;
        }
        // Two steps, because 2^1023 is finite but its reciprocal is subnormal.
        largest.log2().floor().clamp(-1000.0, 1000.0).exp2()
    }

    /// The values divided by `scale`.
    pub(crate) fn scaled(&self, scale: f64) -> Vec<Option<f64>> {
        self.values.iter().map(|value| value.map(|v| v / scale)).collect()
    }
}

/// A count as a number; exact below 2^53, far above [`MAX_STEPS`].
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^53")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

fn days_between(from: Date, to: Date) -> usize {
    let days = from.duration_until(to).as_hours() / 24;
    usize::try_from(days).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_that_do_not_occur_become_gaps() {
        let series =
            Series::from_daily([(date(2024, 3, 1), Some(3.0)), (date(2024, 2, 28), Some(1.0))]).unwrap();

        assert_eq!(series.values(), [Some(1.0), None, Some(3.0)]);
        assert_eq!((series.known(), series.gaps()), (2, 1));
        assert_eq!(series.interpolated(), [1.0, 2.0, 3.0]);
        assert_eq!(series.with_gaps_as_zeros().values()[1], Some(0.0));
    }

    #[test]
    fn a_date_may_not_come_twice() {
        let twice = [(date(2024, 3, 1), Some(3.0)), (date(2024, 3, 1), Some(1.0))];

        assert_eq!(
            Series::from_daily(twice),
            Err(ForecastError::DuplicateDate {
                date: "2024-03-01".into()
            })
        );
    }

    #[test]
    fn months_from_the_31st_do_not_drift() {
        let series = Series::new(date(2024, 1, 31), Step::Month, vec![Some(1.0); 3]).unwrap();

        assert_eq!(series.date(1).unwrap(), date(2024, 2, 29));
        assert_eq!(series.date(2).unwrap(), date(2024, 3, 31));
    }

    #[test]
    fn values_that_are_no_numbers_are_refused_by_position() {
        let series = Series::new(date(2024, 1, 1), Step::Day, vec![Some(1.0), Some(f64::NAN)]);

        assert_eq!(series, Err(ForecastError::NonFinite { position: 1 }));
        assert_eq!(
            Series::new(date(2024, 1, 1), Step::Day, vec![None]),
            Err(ForecastError::EmptySeries)
        );
    }

    #[test]
    fn the_scale_is_a_power_of_two_at_most_the_largest_value() {
        for largest in [1e-300, 3e-6, 1.0, 40_000.0, 1e300] {
            let series = Series::new(date(2024, 1, 1), Step::Day, vec![Some(-largest)]).unwrap();
            let scaled = largest / series.binary_scale();
            assert!((1.0..2.0).contains(&scaled), "{largest} gives {scaled}");
        }
    }
}
