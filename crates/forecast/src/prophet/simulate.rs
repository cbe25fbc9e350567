//! Prophet's intervals: futures drawn from a seed.
//!
//! Beyond the history the trend goes on changing as often and as much as it did: changepoints come as a Poisson
//! process of the historic rate, their sizes are Laplace with the mean size of the historic ones. Noise is
//! normal. Bounds are quantiles of the drawn values.

use super::map::Found;
use crate::error::ForecastError;
use crate::forecast::Interval;
use crate::random::Random;
use crate::series::as_f64;
use crate::stop::{self, Stop};

/// Intervals around `values`. `times` are those of the values on Prophet's clock (1 is the end of the
/// history), `unit` is what one on Prophet's scale is worth.
#[expect(
    clippy::too_many_arguments,
    reason = "one private caller, and each is a plain number or list"
)]
pub(super) fn intervals(
    found: &Found,
    values: &[f64],
    times: &[f64],
    unit: f64,
    levels: &[f64],
    samples: usize,
    seed: u64,
    stop: Stop<'_>,
) -> Result<Vec<Vec<Interval>>, ForecastError> {
    let mut random = Random::new(seed);
    let rate = as_f64(found.delta.len());
    let size = if found.delta.is_empty() {
        0.0
    } else {
        found.delta.iter().map(|delta| delta.abs()).sum::<f64>() / rate + 1e-8
    };
    let waiting = |random: &mut Random| {
        if rate > 0.0 {
            random.exponential(rate)
        } else {
            f64::INFINITY
        }
    };
    let mut draws = vec![Vec::with_capacity(samples); values.len()];
    let mut changes: Vec<(f64, f64)> = Vec::new();
    for sample in 0..samples {
        if sample % 100 == 0 {
            stop::check(stop)?;
        }
        changes.clear();
        let mut at = 1.0 + waiting(&mut random);
        while at <= times[times.len() - 1] {
            changes.push((at, random.laplace(size)));
            at += waiting(&mut random);
        }
        for ((draws, value), time) in draws.iter_mut().zip(values).zip(times) {
            let drift: f64 = changes
                .iter()
                .map(|(at, delta)| delta * (time - at).max(0.0))
                .sum();
            draws.push(value + (drift + found.sigma * random.normal()) * unit);
        }
    }
    Ok(draws
        .into_iter()
        .map(|mut draws| {
            draws.sort_by(f64::total_cmp);
            levels
                .iter()
                .map(|&level| Interval {
                    level,
                    lower: quantile(&draws, 0.5 - level / 200.0),
                    upper: quantile(&draws, 0.5 + level / 200.0),
                })
                .collect()
        })
        .collect())
}

/// Quantile with linear interpolation, as `numpy.percentile`; `sorted` is not empty.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the rank lies between 0 and the number of draws"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * as_f64(sorted.len() - 1);
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (rank - rank.floor()) * (sorted[above] - sorted[below])
}
