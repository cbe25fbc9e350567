//! Finds the maximum of the posterior, behind the trait by which `augurs` asks for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use augurs::prophet::PositiveFloat;
use augurs::prophet::optimizer::{Data, Error, InitialParams, OptimizeOpts, OptimizedParams, Optimizer};

use super::active_set;
use super::posterior::{Design, feature};
use crate::error::ForecastError;
use crate::optimize::{self, Settings};
use crate::stop::Stop;

/// How long one pass runs. A pass stops early on the flat ridges of about a third of the series, so passes
/// are repeated until one gains less than [`LAST_GAIN`].
const PASS: Settings = Settings {
    memory: 30,
    gradient_tolerance: 1e-9,
    reduction_tolerance: 1e-12,
    iterations: 3_000,
};

/// Gain in log-posterior below which no further pass is made.
const LAST_GAIN: f64 = 1e-3;

/// Most passes.
const PASSES: usize = 40;

/// Noise of a history that the model fits exactly, as in Prophet.
const LEAST_SIGMA: f64 = 1e-9;

/// The parameters found, features sorted by content.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub k: f64,
    pub m: f64,
    pub sigma: f64,
    pub beta: Vec<f64>,
    pub delta: Vec<f64>,
    /// Without constants, as Stan reports it.
    pub log_posterior: f64,
    pub iterations: u64,
    pub converged: bool,
    /// All values of the history are equal.
    pub constant: bool,
}

/// Finds the parameters and leaves them in a slot for the caller, since `augurs` keeps its own copy to itself.
pub(super) struct MapOptimizer<'a> {
    stop: Stop<'a>,
    slot: Arc<Mutex<Option<Found>>>,
}

impl<'a> MapOptimizer<'a> {
    pub(super) fn new(stop: Stop<'a>, slot: Arc<Mutex<Option<Found>>>) -> Self {
        Self { stop, slot }
    }
}

impl fmt::Debug for MapOptimizer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapOptimizer")
    }
}

impl Optimizer for MapOptimizer<'_> {
    fn optimize(
        &self,
        _init: &InitialParams,
        data: &Data,
        _opts: &OptimizeOpts,
    ) -> Result<OptimizedParams, Error> {
        let found = find(data, self.stop).map_err(Error::custom)?;
        let params = found.params(data)?;
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(params)
    }
}

/// Gives parameters that were found before.
#[derive(Debug, Clone)]
pub(super) struct Replay(pub Found);

impl Optimizer for Replay {
    fn optimize(
        &self,
        _init: &InitialParams,
        data: &Data,
        _opts: &OptimizeOpts,
    ) -> Result<OptimizedParams, Error> {
        self.0.params(data)
    }
}

impl Found {
    /// In the order of the features in `data`.
    fn params(&self, data: &Data) -> Result<OptimizedParams, Error> {
        let mut beta = vec![0.0; self.beta.len()];
        for (at, value) in order_of_features(data).into_iter().zip(&self.beta) {
            beta[at] = *value;
        }
        Ok(OptimizedParams {
            k: self.k,
            m: self.m,
            sigma_obs: PositiveFloat::try_new(self.sigma).map_err(Error::custom)?,
            delta: self.delta.clone(),
            beta,
            trend: Vec::new(),
        })
    }
}

/// Indices of the features, sorted by their values: an order that does not depend on hash maps.
fn order_of_features(data: &Data) -> Vec<usize> {
    let columns: Vec<Vec<f64>> = (0..data.sigmas.len()).map(|at| feature(data, at)).collect();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|&a, &b| {
        let differs = columns[a]
            .iter()
            .zip(&columns[b])
            .map(|(a, b)| a.total_cmp(b))
            .find(|c| c.is_ne());
        differs.unwrap_or(std::cmp::Ordering::Equal)
    });
    order
}

fn find(data: &Data, stop: Stop<'_>) -> Result<Found, ForecastError> {
    let order = order_of_features(data);
    let constant = data.y.iter().all(|y| y.to_bits() == data.y[0].to_bits());
    if constant {
        return Ok(Found {
            k: 0.0,
            m: data.y[0],
            sigma: LEAST_SIGMA,
            beta: vec![0.0; order.len()],
            delta: vec![0.0; data.t_change.len()],
            log_posterior: 0.0,
            iterations: 0,
            converged: true,
            constant,
        });
    }
    let design = Design::new(data, &order);
    let (linear, sigma) = active_set::start(&design, LEAST_SIGMA, stop)?;
    let mut point = design.point(&linear, sigma);
    let mut value = f64::INFINITY;
    let (mut iterations, mut converged) = (0, false);
    for _ in 0..PASSES {
        let objective = design.around(&point, stop);
        let upper = vec![f64::INFINITY; point.len()];
        let pass = optimize::minimise(&objective, point, design.lower(LEAST_SIGMA), upper, PASS)?;
        iterations += pass.iterations;
        let gain = value - pass.value;
        point = pass.point;
        value = value.min(pass.value);
        if gain < LAST_GAIN {
            converged = true;
            break;
        }
    }
    let linear = design.linear(&point);
    let (plain, delta) = linear.split_at(2 + order.len());
    Ok(Found {
        k: plain[0],
        m: plain[1],
        sigma: point[point.len() - 1].exp(),
        beta: plain[2..].to_vec(),
        delta: delta.to_vec(),
        log_posterior: -value,
        iterations,
        converged,
        constant,
    })
}
