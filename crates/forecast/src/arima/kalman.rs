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

use super::Order;
use super::start::difference;

/// Prior variance of each level and lag at the start.
const DIFFUSE_VARIANCE: f64 = 1e6;

/// Change of the covariance, relative to its largest entry, below which it counts as settled.
const SETTLED: f64 = 1e-14;

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

/// The ARMA states alone.
#[derive(Debug, Clone)]
struct Narrow {
    size: usize,
    state: Vec<f64>,
    /// State of the filter run on a series of ones: what a mean of 1 would explain.
    unit_state: Vec<f64>,
    /// Upper triangle.
    covariance: Vec<f64>,
    /// First row of the covariance over its first entry.
    gain: Vec<f64>,
    /// Variance of the next value and its logarithm.
    spread: f64,
    log_spread: f64,
    settled: bool,
}

impl Narrow {
    fn new(size: usize) -> Self {
        Self {
            size,
            state: vec![0.0; size],
            unit_state: vec![0.0; size],
            covariance: vec![0.0; size * size],
            gain: vec![0.0; size],
            spread: 0.0,
            log_spread: 0.0,
            settled: false,
        }
    }

    fn start(&mut self, covariance: Vec<f64>) {
        self.state.fill(0.0);
        self.unit_state.fill(0.0);
        self.covariance = covariance;
        self.settled = false;
    }

    fn take(&mut self, wide: &Wide) {
        let first = wide.size - self.size;
        self.state.copy_from_slice(&wide.state[first..]);
        for (row, entries) in self.covariance.chunks_exact_mut(self.size).enumerate() {
            let from = (first + row) * wide.size + first;
            entries.copy_from_slice(&wide.covariance[from..from + self.size]);
        }
        self.settled = false;
    }

    /// Takes in one value and goes a step ahead; returns the surprise of the value and that of a one, and leaves
    /// the variance of the value in `spread`.
    fn absorb(&mut self, value: f64, phi: &[f64], shocks: &[f64], has_mean: bool) -> (f64, f64) {
        if !self.settled {
            let spread = self.covariance[0];
            self.spread = spread;
            self.log_spread = spread.ln();
            for (gain, entry) in self.gain.iter_mut().zip(&self.covariance) {
                *gain = entry / spread;
            }
            self.advance_covariance(spread, shocks);
        }
        let surprise = value - self.state[0];
        step(&mut self.state, phi, &self.gain, value, surprise);
        let mut unit = 0.0;
        if has_mean {
            unit = 1.0 - self.unit_state[0];
            step(&mut self.unit_state, phi, &self.gain, 1.0, unit);
        }
        (surprise, unit)
    }

    fn advance_covariance(&mut self, spread: f64, shocks: &[f64]) {
        let size = self.size;
        let (mut largest, mut change) = (0.0_f64, 0.0_f64);
        for i in 0..size {
            let (done, below) = self.covariance.split_at_mut((i + 1) * size);
            let row = &mut done[i * size + i..];
            let noise = &shocks[i * size + i..(i + 1) * size];
            let next = below.get(i + 1..size).unwrap_or(&[]);
            let factor = self.gain.get(i + 1).map_or(0.0, |gain| gain * spread);
            let gains = &self.gain[(i + 1).min(size)..];
            let last = row.len() - 1;
            for (((entry, next), gain), noise) in row[..last].iter_mut().zip(next).zip(gains).zip(noise) {
                let new = next - factor * gain + noise;
                largest = largest.max(new.abs());
                change = change.max((new - *entry).abs());
                *entry = new;
            }
            largest = largest.max(noise[last].abs());
            change = change.max((noise[last] - row[last]).abs());
            row[last] = noise[last];
        }
        self.settled = change <= SETTLED * largest;
    }

    /// Goes a step ahead without a value.
    fn skip(&mut self, phi: &[f64], shocks: &[f64], has_mean: bool) {
        let (size, old) = (self.size, self.covariance.clone());
        let at = |i: usize, j: usize| {
            if i.max(j) < size {
                old[i.min(j) * size + i.max(j)]
            } else {
                0.0
            }
        };
        for i in 0..size {
            for j in i..size {
                self.covariance[i * size + j] = phi[i] * phi[j] * at(0, 0)
                    + phi[i] * at(0, j + 1)
                    + phi[j] * at(0, i + 1)
                    + at(i + 1, j + 1)
                    + shocks[i * size + j];
            }
        }
        self.settled = false;
        let value = self.state[0];
        step(&mut self.state, phi, &self.gain, value, 0.0);
        if has_mean {
            let unit = self.unit_state[0];
            step(&mut self.unit_state, phi, &self.gain, unit, 0.0);
        }
    }
}

/// One transition of the ARMA states, given the value of the first and its surprise.
fn step(state: &mut [f64], phi: &[f64], gain: &[f64], value: f64, surprise: f64) {
    let last = state.len() - 1;
    let mut parts = phi.iter().zip(&gain[1..]);
    for at in 0..last {
        let Some((phi, gain)) = parts.next() else { break };
        state[at] = phi * value + state[at + 1] + gain * surprise;
    }
    state[last] = phi[last] * value;
}

/// All states.
#[derive(Debug, Clone)]
struct Wide {
    levels: usize,
    season: usize,
    size: usize,
    state: Vec<f64>,
    covariance: Vec<f64>,
    scratch: Vec<f64>,
    gain: Vec<f64>,
}

impl Wide {
    fn new(levels: usize, season: usize, arma: usize) -> Self {
        let size = levels + season + arma;
        Self {
            levels,
            season,
            size,
            state: vec![0.0; size],
            covariance: vec![0.0; size * size],
            scratch: vec![0.0; size * size],
            gain: vec![0.0; size],
        }
    }

    fn start(&mut self, stationary: &[f64]) {
        self.state.fill(0.0);
        self.covariance.fill(0.0);
        let first = self.levels + self.season;
        for level in 0..first {
            self.covariance[level * self.size + level] = DIFFUSE_VARIANCE;
        }
        let arma = self.size - first;
        for (row, entries) in stationary.chunks_exact(arma).enumerate() {
            let at = (first + row) * self.size + first;
            self.covariance[at..at + arma].copy_from_slice(entries);
        }
    }

    /// Takes in one value and goes a step ahead; returns the variance and the surprise of the value.
    fn absorb(&mut self, value: f64, phi: &[f64], shocks: &[f64]) -> (f64, f64) {
        let spread = self.project();
        let surprise = value - self.observe(&self.state);
        for (state, gain) in self.state.iter_mut().zip(&self.gain) {
            *state += gain * surprise / spread;
        }
        for (row, gain) in self.covariance.chunks_exact_mut(self.size).zip(&self.gain) {
            let factor = gain / spread;
            for (entry, other) in row.iter_mut().zip(&self.gain) {
                *entry -= factor * other;
            }
        }
        self.skip(phi, shocks);
        (spread, surprise)
    }

    /// Goes a step ahead.
    fn skip(&mut self, phi: &[f64], shocks: &[f64]) {
        let shape = Shape {
            levels: self.levels,
            season: self.season,
        };
        shape.advance(&mut self.state, phi);
        self.advance_covariance(phi, shocks);
    }

    /// Observation of a state vector.
    fn observe(&self, state: &[f64]) -> f64 {
        let first = self.levels + self.season;
        let lag = if self.season > 0 { state[first - 1] } else { 0.0 };
        state[..self.levels].iter().sum::<f64>() + lag + state[first]
    }

    /// Covariance of the state with the observation, into `gain`; returns the variance of the observation.
    fn project(&mut self) -> f64 {
        let first = self.levels + self.season;
        self.gain
            .copy_from_slice(&self.covariance[first * self.size..(first + 1) * self.size]);
        let lag = (self.season > 0).then(|| first - 1);
        for row in (0..self.levels).chain(lag) {
            let entries = &self.covariance[row * self.size..(row + 1) * self.size];
            for (gain, entry) in self.gain.iter_mut().zip(entries) {
                *gain += entry;
            }
        }
        self.observe(&self.gain)
    }

    /// The transition from both sides, plus the shock.
    fn advance_covariance(&mut self, phi: &[f64], shocks: &[f64]) {
        let (size, levels, season) = (self.size, self.levels, self.season);
        let first = levels + season;
        let row = |at: usize| &self.covariance[at * size..(at + 1) * size];
        let head = row(first);
        for (at, out) in self.scratch.chunks_exact_mut(size).enumerate() {
            if at >= first {
                let factor = phi[at - first];
                if at + 1 < size {
                    for ((out, head), next) in out.iter_mut().zip(head).zip(row(at + 1)) {
                        *out = factor * head + next;
                    }
                } else {
                    for (out, head) in out.iter_mut().zip(head) {
                        *out = factor * head;
                    }
                }
            } else if at > levels {
                out.copy_from_slice(row(at - 1));
            } else {
                out.copy_from_slice(head);
                let lag = (season > 0).then(|| first - 1);
                for source in (at..levels).chain(lag) {
                    for (out, entry) in out.iter_mut().zip(row(source)) {
                        *out += entry;
                    }
                }
            }
        }
        let shape = Shape { levels, season };
        for out in self.scratch.chunks_exact_mut(size) {
            shape.advance(out, phi);
        }
        for (noise, at) in shocks.chunks_exact(size - first).zip(first..) {
            let start = at * size + first;
            for (out, noise) in self.scratch[start..].iter_mut().zip(noise) {
                *out += noise;
            }
        }
        std::mem::swap(&mut self.covariance, &mut self.scratch);
    }
}

/// Where the parts of a state vector lie.
#[derive(Clone, Copy)]
struct Shape {
    levels: usize,
    season: usize,
}

impl Shape {
    /// Applies the transition to one state vector in place.
    fn advance(self, x: &mut [f64], phi: &[f64]) {
        let first = self.levels + self.season;
        let head = x[first];
        let mut inflow = head;
        if self.season > 0 {
            inflow += x[first - 1];
            x.copy_within(self.levels..first - 1, self.levels + 1);
            x[self.levels] = inflow;
        }
        let mut sum = inflow;
        for level in x[..self.levels].iter_mut().rev() {
            sum += *level;
            *level = sum;
        }
        let block = &mut x[first..];
        let last = block.len() - 1;
        for at in 0..last {
            block[at] = phi[at] * head + block[at + 1];
        }
        block[last] = phi[last] * head;
    }
}

/// The covariance that the ARMA states have had forever, row-major; `phi` and `loading` (1 and theta) have
/// one entry for each state. NaN throughout for a unit root.
///
/// The autocovariances solve the Yule-Walker equations (Brockwell and Davis, "Time Series: Theory and Methods",
/// 2nd edition, section 3.3); they give the first row, and `P = A P A' + Q` read from the lower right corner
/// upwards gives the rest.
fn stationary_covariance(phi: &[f64], loading: &[f64], variance: f64) -> Vec<f64> {
    let size = phi.len();
    let reach = phi
        .iter()
        .rposition(|coefficient| *coefficient != 0.0)
        .map_or(0, |last| last + 1);
    // Weights of past shocks in the series.
    let mut psi = loading.to_vec();
    for at in 0..size {
        psi[at] += (0..at.min(reach))
            .map(|lag| phi[lag] * psi[at - 1 - lag])
            .sum::<f64>();
    }
    // Covariance of the value now with the shocks of a value `lag` steps ago.
    let with_shocks = |lag: usize| {
        variance
            * loading
                .iter()
                .skip(lag)
                .zip(&psi)
                .map(|(theta, psi)| theta * psi)
                .sum::<f64>()
    };
    let mut gamma = autocovariances(&phi[..reach], with_shocks);
    for lag in gamma.len()..=size {
        let next = (0..reach).map(|at| phi[at] * gamma[lag - 1 - at]).sum::<f64>() + with_shocks(lag);
        gamma.push(next);
    }
    let mut covariance = vec![0.0; size * size];
    covariance[0] = gamma[0];
    for col in 1..size {
        covariance[col] = (col..size)
            .map(|at| phi[at] * gamma[1 + at - col] + loading[at] * variance * psi[at - col])
            .sum();
    }
    for row in (1..size).rev() {
        let below = covariance
            .get(row + 1)
            .copied()
            .filter(|_| row + 1 < size)
            .unwrap_or(0.0);
        for col in row..size {
            let (right, corner) = if col + 1 < size {
                let corner = if row + 1 < size {
                    covariance[(row + 1) * size + col + 1]
                } else {
                    0.0
                };
                (covariance[col + 1], corner)
            } else {
                (0.0, 0.0)
            };
            let entry = phi[row] * phi[col] * gamma[0]
                + phi[row] * right
                + phi[col] * below
                + corner
                + loading[row] * loading[col] * variance;
            covariance[row * size + col] = entry;
            covariance[col * size + row] = entry;
        }
    }
    for row in 1..size {
        covariance[row * size] = covariance[row];
    }
    covariance
}

/// Solves `gamma_k - sum phi_i gamma_|k-i| = shocks(k)` for lags 0 to the reach of `phi`, by elimination with
/// row pivots.
fn autocovariances(phi: &[f64], shocks: impl Fn(usize) -> f64) -> Vec<f64> {
    let count = phi.len() + 1;
    let mut gamma: Vec<f64> = (0..count).map(&shocks).collect();
    let mut rows = vec![0.0; count * count];
    for (lag, row) in rows.chunks_exact_mut(count).enumerate() {
        row[lag] += 1.0;
        for (at, coefficient) in phi.iter().enumerate() {
            row[lag.abs_diff(at + 1)] -= coefficient;
        }
    }
    for at in 0..count {
        let pivot = (at..count)
            .max_by(|a, b| rows[a * count + at].abs().total_cmp(&rows[b * count + at].abs()))
            .unwrap_or(at);
        if pivot != at {
            gamma.swap(at, pivot);
            for col in at..count {
                rows.swap(at * count + col, pivot * count + col);
            }
        }
        let (done, below) = rows.split_at_mut((at + 1) * count);
        let head = &done[at * count..];
        let (left, right) = gamma.split_at_mut(at + 1);
        for (row, value) in below.chunks_exact_mut(count).zip(right) {
            let factor = row[at] / head[at];
            if factor != 0.0 {
                for (entry, head) in row[at..].iter_mut().zip(&head[at..]) {
                    *entry -= factor * head;
                }
                *value -= factor * left[at];
            }
        }
    }
    for at in (0..count).rev() {
        let known: f64 = (at + 1..count)
            .map(|col| rows[at * count + col] * gamma[col])
            .sum();
        gamma[at] = (gamma[at] - known) / rows[at * count + at];
    }
    gamma
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stationary_variance_of_an_ar1_is_known() {
        let covariance = stationary_covariance(&[0.8], &[1.0], 2.0);

        assert!((covariance[0] - 2.0 / (1.0 - 0.64)).abs() < 1e-12);
    }

    #[test]
    fn the_stationary_covariance_stays_as_it_is_for_a_step() {
        let phi = [0.5, 0.2, -0.3, 0.0, 0.1];
        let loading = [1.0, 0.4, 0.0, -0.6, -0.24];
        let mut narrow = Narrow::new(5);
        let covariance = stationary_covariance(&phi, &loading, 3.0);
        let shocks: Vec<f64> = (0..25)
            .map(|at| 3.0 * loading[at / 5] * loading[at % 5])
            .collect();

        narrow.start(covariance.clone());
        narrow.skip(&phi, &shocks, false);

        for row in 0..5 {
            for col in row..5 {
                let at = row * 5 + col;
                assert!(
                    (narrow.covariance[at] - covariance[at]).abs() < 1e-12,
                    "row {row}, column {col}"
                );
            }
        }
    }

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
