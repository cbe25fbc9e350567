//! The narrow filter: the ARMA part alone, on the differenced series.

use super::wide::Wide;

/// Change of the covariance, relative to its largest entry, below which it counts as settled.
const SETTLED: f64 = 1e-14;

/// The ARMA states alone.
#[derive(Debug, Clone)]
pub(super) struct Narrow {
    size: usize,
    pub(super) state: Vec<f64>,
    /// State of the filter run on a series of ones: what a mean of 1 would explain.
    pub(super) unit_state: Vec<f64>,
    /// Upper triangle.
    pub(super) covariance: Vec<f64>,
    /// First row of the covariance over its first entry.
    gain: Vec<f64>,
    /// Variance of the next value and its logarithm.
    pub(super) spread: f64,
    pub(super) log_spread: f64,
    settled: bool,
}

impl Narrow {
    pub(super) fn new(size: usize) -> Self {
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

    pub(super) fn start(&mut self, covariance: Vec<f64>) {
        self.state.fill(0.0);
        self.unit_state.fill(0.0);
        self.covariance = covariance;
        self.settled = false;
    }

    pub(super) fn take(&mut self, wide: &Wide) {
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
    pub(super) fn absorb(&mut self, value: f64, phi: &[f64], shocks: &[f64], has_mean: bool) -> (f64, f64) {
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
    pub(super) fn skip(&mut self, phi: &[f64], shocks: &[f64], has_mean: bool) {
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
