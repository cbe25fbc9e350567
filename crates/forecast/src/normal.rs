//! Quantiles of the normal distribution, for intervals.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::forecast::Interval;

/// Half the width of the central interval of `level` percent of a standard normal: 1.2816 for 80.
pub(crate) fn half_width(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + level / 200.0)
}

/// One interval for each of `levels` (percent) around `value`, normal with standard error `se`.
pub(crate) fn intervals(value: f64, se: f64, levels: &[f64]) -> Vec<Interval> {
    levels
        .iter()
        .map(|&level| {
            let half = half_width(level) * se;
            Interval {
                level,
                lower: value - half,
                upper: value + half,
            }
        })
        .collect()
}
