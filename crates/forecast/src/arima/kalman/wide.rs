//! The wide filter: levels, seasonal lags and the ARMA part together.

/// Prior variance of each level and lag at the start.
const DIFFUSE_VARIANCE: f64 = 1e6;

/// All states.
#[derive(Debug, Clone)]
pub(super) struct Wide {
    levels: usize,
    season: usize,
    pub(super) size: usize,
    pub(super) state: Vec<f64>,
    pub(super) covariance: Vec<f64>,
    scratch: Vec<f64>,
    gain: Vec<f64>,
}

impl Wide {
    pub(super) fn new(levels: usize, season: usize, arma: usize) -> Self {
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

    pub(super) fn start(&mut self, stationary: &[f64]) {
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
    pub(super) fn absorb(&mut self, value: f64, phi: &[f64], shocks: &[f64]) -> (f64, f64) {
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
    pub(super) fn skip(&mut self, phi: &[f64], shocks: &[f64]) {
        let shape = Shape {
            levels: self.levels,
            season: self.season,
        };
        shape.advance(&mut self.state, phi);
        self.advance_covariance(phi, shocks);
    }

    /// Observation of a state vector.
    pub(super) fn observe(&self, state: &[f64]) -> f64 {
        let first = self.levels + self.season;
        let lag = if self.season > 0 { state[first - 1] } else { 0.0 };
        state[..self.levels].iter().sum::<f64>() + lag + state[first]
    }

    /// Covariance of the state with the observation, into `gain`; returns the variance of the observation.
    pub(super) fn project(&mut self) -> f64 {
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
