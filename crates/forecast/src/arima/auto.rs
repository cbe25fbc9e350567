//! Searches the order of an ARIMA model: seasonal difference by strength of season, ordinary differences by
//! repeated KPSS tests, the rest by a stepwise search on corrected AIC (Hyndman and Khandakar, "Automatic time
//! series forecasting: the forecast package for R", 2008).

use std::collections::BTreeMap;

use augurs::mstl::stlrs;

use super::{ArimaFit, Diffuse, Order, fit};
use crate::error::ForecastError;
use crate::series::{Series, as_f64};
use crate::stop::Stop;

/// Strength of season from which the series is differenced at the season.
const STRONG_SEASON: f64 = 0.64;

/// Critical value of the KPSS test of a level at 5 %.
const KPSS_5_PERCENT: f64 = 0.463;

/// Longest season that is searched, in steps: a state of twice that size is filtered for each order, and a season
/// of 52 weeks would take half a minute. `sarima` fits those when asked to.
const LONGEST_SEASON: usize = 24;

/// Most orders tried.
const MOST_ORDERS: usize = 40;

/// Finds the order with the lowest corrected AIC in the unit-free mode, and fits it in the mode `diffuse`.
///
/// p and q go up to 3, P and Q to 1. Fits with a root within 1 % of the unit circle are not taken.
///
/// # Errors
/// [`ForecastError::TooShort`] when not even a random walk fits, [`ForecastError::Stopped`],
/// [`ForecastError::Numerical`].
pub fn search(
    series: &Series,
    period: usize,
    diffuse: Diffuse,
    stop: Stop<'_>,
) -> Result<ArimaFit, ForecastError> {
    let scale = series.binary_scale();
    let values: Vec<f64> = series.interpolated().iter().map(|value| value / scale).collect();
    let season = if (2..=LONGEST_SEASON).contains(&period) && series.known() >= 3 * period {
        period
    } else {
        0
    };
    let seasonal_d = usize::from(season > 0 && season_strength(&values, season) > STRONG_SEASON);
    let d = differences(&values, season, seasonal_d);
    let mut search = Search {
        series,
        d,
        seasonal_d,
        season,
        stop,
        tried: BTreeMap::new(),
    };
    let top = usize::from(season > 0);
    let mut best = None;
    for (p, q, seasonal) in [(2, 2, top), (0, 0, 0), (1, 0, top), (0, 1, top)] {
        search.improve(&mut best, [p, q, seasonal, seasonal])?;
    }
    while let Some(([p, q, sp, sq], _)) = best {
        let before = best;
        let neighbours = [
            [p.wrapping_sub(1), q, sp, sq],
            [p + 1, q, sp, sq],
            [p, q.wrapping_sub(1), sp, sq],
            [p, q + 1, sp, sq],
            [p.wrapping_sub(1), q.wrapping_sub(1), sp, sq],
            [p + 1, q + 1, sp, sq],
            [p, q, 1 - sp, sq],
            [p, q, sp, 1 - sq],
            [p, q, 1 - sp, 1 - sq],
        ];
        for neighbour in neighbours {
            search.improve(&mut best, neighbour)?;
            if best != before {
                break;
            }
        }
        if best == before {
            break;
        }
    }
    let winner = best.map_or(Order::new(0, d, 0), |(terms, _)| search.order(terms));
    fit(series, winner, diffuse, stop)
}

/// `[p, q, P, Q]`.
type Terms = [usize; 4];

struct Search<'a> {
    series: &'a Series,
    d: usize,
    seasonal_d: usize,
    season: usize,
    stop: Stop<'a>,
    /// Corrected AIC of each order tried; `None` for one that does not fit.
    tried: BTreeMap<Terms, Option<f64>>,
}

impl Search<'_> {
    fn order(&self, [p, q, sp, sq]: Terms) -> Order {
        Order::new(p, self.d, q).seasonal(sp, self.seasonal_d, sq, self.season)
    }

    /// Tries `terms` and takes it as `best` if it is better.
    fn improve(&mut self, best: &mut Option<(Terms, f64)>, terms: Terms) -> Result<(), ForecastError> {
        let [p, q, sp, sq] = terms;
        let allowed = p <= 3 && q <= 3 && (self.season > 0 || sp + sq == 0);
        if !allowed || self.tried.contains_key(&terms) || self.tried.len() >= MOST_ORDERS {
            return Ok(());
        }
        let criterion = match fit(self.series, self.order(terms), Diffuse::Concentrated, self.stop) {
            Ok(fit) if fit.near_unit_root() => None,
            Ok(fit) => fit.corrected_aic(),
            Err(ForecastError::Stopped) => return Err(ForecastError::Stopped),
            Err(_) => None,
        };
        self.tried.insert(terms, criterion);
        if let Some(criterion) = criterion
            && best.is_none_or(|(_, lowest)| criterion < lowest)
        {
            *best = Some((terms, criterion));
        }
        Ok(())
    }
}

/// 0 for no season to 1 for nothing but season (Wang, Smith and Hyndman, 2006), from a decomposition by loess.
fn season_strength(values: &[f64], period: usize) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the values lie near 1, and six digits are enough"
    )]
    let single: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    let strength = stlrs::params()
        .fit(&single, period)
        .map(|parts| parts.seasonal_strength());
    strength
        .ok()
        .filter(|strength| strength.is_finite())
        .unwrap_or(0.0)
}

/// How many ordinary differences make the (seasonally differenced) series level: 0 to 2, at most 1 after a
/// seasonal one.
fn differences(values: &[f64], season: usize, seasonal_d: usize) -> usize {
    let mut values = super::start::difference(Order::new(0, 0, 0).seasonal(0, seasonal_d, 0, season), values);
    let most = 2 - seasonal_d;
    for d in 0..most {
        let statistic = kpss(&values);
        if statistic.is_nan() || statistic <= KPSS_5_PERCENT {
            return d;
        }
        values = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    most
}

/// The KPSS statistic of a level (Kwiatkowski, Phillips, Schmidt and Shin, 1992), with Bartlett weights over
/// `3·√n/13` lags.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of lags is small and positive"
)]
fn kpss(values: &[f64]) -> f64 {
    let count = as_f64(values.len());
    let mean = values.iter().sum::<f64>() / count;
    let errors: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let mut sum = 0.0;
    let partial: f64 = errors
        .iter()
        .map(|error| {
            sum += error;
            sum * sum
        })
        .sum();
    let lags = (3.0 * count.sqrt() / 13.0) as usize;
    let covariance = |lag: usize| {
        errors
            .iter()
            .skip(lag)
            .zip(&errors)
            .map(|(a, b)| a * b)
            .sum::<f64>()
    };
    let long_run = covariance(0)
        + (1..=lags)
            .map(|lag| 2.0 * (1.0 - as_f64(lag) / as_f64(lags + 1)) * covariance(lag))
            .sum::<f64>();
    partial / (count * long_run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_needs_a_difference_and_noise_none() {
        let noise = |at: usize| f64::from(u32::try_from(at * 7919 % 101).unwrap()) / 101.0;
        let level: Vec<f64> = (0..200).map(noise).collect();
        let trend: Vec<f64> = (0..200).map(|at| as_f64(at) + noise(at)).collect();

        assert_eq!(differences(&level, 0, 0), 0);
        assert_eq!(differences(&trend, 0, 0), 1);
    }
}
