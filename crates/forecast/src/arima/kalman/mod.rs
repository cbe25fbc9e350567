//! The exact likelihood of an ARIMA model: a Kalman filter that knows the shape of its matrices.
//!
//! State, in this order: `d` levels (the differences of order 0 to `d-1` of the step before), `s` lags of the
//! differenced series if there is a seasonal difference, `r` states of the ARMA part in Harvey's form. The
//! observation is the sum of the levels, the last seasonal lag and the first ARMA state, without noise. The
//! transition is never formed: it is a shift, a running sum and one column of coefficients.
//!
//! Once as many steps in a row are known as there are levels and lags, those are known exactly, and only the
//! ARMA part is left to filter, on the differenced series. That is the *narrow* filter. Since its first state
//! is observed without noise, an observation clears the first row of the covariance, and a step is a shift of
//! the rest: `P'[i,j] = P[i+1,j+1] - P[0,i+1]·P[0,j+1]/P[0,0] + q[i,j]`. The *wide* filter runs before that and
//! after each gap.
//!
//! Invariants: the wide covariance is symmetric; of the narrow one only the upper triangle counts; both are
//! row-major.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `narrow`, `wide` | the two filters |
//! | `stationary` | the covariance with which the ARMA part starts |

mod narrow;
mod stationary;
mod wide;

use super::Order;
use super::start::difference;
use narrow::Narrow;
use stationary::stationary_covariance;
use wide::Wide;

/// A series with its differences; index 0 is the first known value, NaN is a gap.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub values: Vec<f64>,
    /// Ordinary differences of order 0 to `d`; element `i` of order `k` belongs to step `i + k`.
    ordinary: Vec<Vec<f64>>,
    /// All differences, the seasonal one included; element `i` belongs to step `i + burn`.
    full: Vec<f64>,
}

impl History {
    pub(super) fn new(order: Order, values: Vec<f64>) -> Self {
        Self {
            ordinary: (0..=order.d)
                .map(|d| difference(Order::new(0, d, 0), &values))
                .collect(),
            full: difference(order, &values),
            values,
        }
    }

    /// The differences that are known.
    pub(super) fn differences(&self) -> Vec<f64> {
        self.full
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect()
    }
}

/// What a run over the series sums up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Sum of `ln F` over the counted steps.
    pub log_variances: f64,
    /// Sum of `v²/F` over the counted steps.
    pub squares: f64,
    /// Steps that were known and not burnt.
    pub counted: usize,
    /// Generalised least squares estimate of the mean; 0 for a model without one.
    pub mean: f64,
}

/// The filter of one order, with its buffers; reused for each evaluation.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    levels: usize,
    season: usize,
    arma: usize,
    has_mean: bool,
    phi: Vec<f64>,
    /// Covariance of what a shock adds to the ARMA states.
    shocks: Vec<f64>,
    narrow: Narrow,
    wide: Wide,
    is_narrow: bool,
}

impl Filter {
    pub(super) fn new(order: Order) -> Self {
        let season = if order.seasonal.d > 0 {
            order.seasonal.period
        } else {
            0
        };
        let reach = order.seasonal.period;
        let arma = (order.p + order.seasonal.p * reach).max(order.q + order.seasonal.q * reach + 1);
        Self {
            levels: order.d,
            season,
            arma,
            has_mean: order.has_mean(),
            phi: vec![0.0; arma],
            shocks: vec![0.0; arma * arma],
            narrow: Narrow::new(arma),
            wide: Wide::new(order.d, season, arma),
            is_narrow: false,
        }
    }

    /// Filters `history` under the full lag polynomials `phi` and `theta` and shocks of variance `variance`. The
    /// state is left one step after the end. `None` when a prediction variance is not positive or not finite.
    pub(super) fn run(
        &mut self,
        phi: &[f64],
        theta: &[f64],
        variance: f64,
        history: &History,
    ) -> Option<Sums> {
        self.start(phi, theta, variance);
        let burn = self.levels + self.season;
        let mut sums = Sums::default();
        let (mut unit_products, mut unit_squares) = (0.0, 0.0);
        // Known steps in a row up to here.
        let mut row = 0;
        for (at, value) in history.values.iter().enumerate() {
            if value.is_nan() {
                row = 0;
                if burn > 0 {
                    self.widen(history, at);
                    self.wide.skip(&self.phi, &self.shocks);
                } else {
                    self.narrow.skip(&self.phi, &self.shocks, self.has_mean);
                }
                continue;
            }
            if !self.is_narrow && row >= burn {
                self.narrow.take(&self.wide);
                self.is_narrow = true;
            }
            row += 1;
            let (spread, log_spread, surprise, unit) = if self.is_narrow {
                let next = history.full[at - burn];
                let (surprise, unit) = self.narrow.absorb(next, &self.phi, &self.shocks, self.has_mean);
                (self.narrow.spread, self.narrow.log_spread, surprise, unit)
            } else {
                let (spread, surprise) = self.wide.absorb(*value, &self.phi, &self.shocks);
                (spread, spread.ln(), surprise, 0.0)
            };
            if !(spread > 0.0 && spread < f64::INFINITY) {
                return None;
            }
            if at >= burn {
                sums.log_variances += log_spread;
                sums.squares += surprise * surprise / spread;
                sums.counted += 1;
                if self.has_mean {
                    unit_products += unit * surprise / spread;
                    unit_squares += unit * unit / spread;
                }
            }
        }
        if self.has_mean && unit_squares > 0.0 {
            sums.mean = unit_products / unit_squares;
            sums.squares -= sums.mean * unit_products;
        }
        sums.squares.is_finite().then_some(sums)
    }

    /// The next `horizon` values and their variances, from the state that [`Filter::run`] left over `history`,
    /// which is used up. `mean` is that run's.
    pub(super) fn forecast(&mut self, horizon: usize, mean: f64, history: &History) -> Vec<(f64, f64)> {
        for (state, unit) in self.narrow.state.iter_mut().zip(&self.narrow.unit_state) {
            *state -= mean * unit;
        }
        self.widen(history, history.values.len());
        (0..horizon)
            .map(|_| {
                let next = (mean + self.wide.observe(&self.wide.state), self.wide.project());
                self.wide.skip(&self.phi, &self.shocks);
                next
            })
            .collect()
    }

    fn start(&mut self, phi: &[f64], theta: &[f64], variance: f64) {
        self.phi.fill(0.0);
        self.phi[..phi.len()].copy_from_slice(phi);
        let mut loading = vec![0.0; self.arma];
        loading[0] = 1.0;
        loading[1..=theta.len()].copy_from_slice(theta);
        for (row, a) in self.shocks.chunks_exact_mut(self.arma).zip(&loading) {
            for (entry, b) in row.iter_mut().zip(&loading) {
                *entry = a * b * variance;
            }
        }
        let stationary = stationary_covariance(&self.phi, &loading, variance);
        self.is_narrow = self.levels + self.season == 0;
        if self.is_narrow {
            self.narrow.start(stationary);
        } else {
            self.wide.start(&stationary);
        }
    }

    /// Goes back to the wide filter before step `at`, the levels and lags being known exactly from `history`.
    fn widen(&mut self, history: &History, at: usize) {
        if !self.is_narrow {
            return;
        }
        self.is_narrow = false;
        let Self {
            levels,
            season,
            wide,
            narrow,
            ..
        } = self;
        wide.covariance.fill(0.0);
        let first = *levels + *season;
        for (level, differences) in history.ordinary[..*levels].iter().enumerate() {
            wide.state[level] = differences[at - 1 - level];
        }
        for lag in 0..*season {
            wide.state[*levels + lag] = history.ordinary[*levels][at - 1 - lag - *levels];
        }
        wide.state[first..].copy_from_slice(&narrow.state);
        for i in 0..self.arma {
            for j in 0..self.arma {
                let upper = narrow.covariance[i.min(j) * self.arma + i.max(j)];
                wide.covariance[(first + i) * wide.size + first + j] = upper;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_walk_forecasts_its_last_value_with_growing_variance() {
        let order = Order::new(0, 1, 0);
        let history = History::new(order, vec![5.0, 6.0, 8.0]);
        let mut filter = Filter::new(order);

        let sums = filter.run(&[], &[], 1.0, &history).unwrap();
        let ahead = filter.forecast(2, 0.0, &history);

        assert_eq!(sums.counted, 2);
        assert!((sums.squares - 5.0).abs() < 1e-4);
        assert!((ahead[1].0 - 8.0).abs() < 1e-4 && (ahead[1].1 - 2.0).abs() < 1e-4);
    }

    #[test]
    fn a_gap_widens_the_next_step_and_costs_no_observation() {
        let order = Order::new(0, 1, 0);
        let history = History::new(order, vec![5.0, f64::NAN, 7.0]);

        let sums = Filter::new(order).run(&[], &[], 1.0, &history).unwrap();

        assert_eq!(sums.counted, 1);
        assert!((sums.log_variances - 2.0_f64.ln()).abs() < 1e-5);
    }

    #[test]
    fn the_narrow_filter_agrees_with_the_wide_one() {
        let order = Order::new(1, 1, 1).seasonal(0, 1, 1, 4);
        let values: Vec<f64> = (0..40).map(|at| f64::from(at * at * 37 % 101) / 10.0).collect();
        let history = History::new(order, values);
        let (phi, theta) = ([0.4], [0.3, 0.0, 0.0, -0.6, -0.18]);
        let mut filter = Filter::new(order);

        let sums = filter.run(&phi, &theta, 1.0, &history).unwrap();

        filter.start(&phi, &theta, 1.0);
        let (mut squares, mut logs) = (0.0, 0.0);
        for (at, value) in history.values.iter().enumerate() {
            let (spread, surprise) = filter.wide.absorb(*value, &filter.phi, &filter.shocks);
            if at >= 5 {
                squares += surprise * surprise / spread;
                logs += spread.ln();
            }
        }
        assert!(
            (sums.squares - squares).abs() < 1e-6 * squares,
            "{} and {squares}",
            sums.squares
        );
        assert!((sums.log_variances - logs).abs() < 1e-7);
    }
}
