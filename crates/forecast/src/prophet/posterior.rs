//! The posterior of Prophet, as in its `prophet.stan`, for a linear trend and additive features.
//!
//! Priors: `k, m ~ N(0, 5)`, `delta ~ Laplace(0, tau)`, `sigma ~ half-N(0, 0.5)`, `beta ~ N(0, sigmas)`; no
//! Jacobian term. Free parameters, in this order: `k`, `m`, `beta` (K), the positive and the negative half of
//! `delta` (S each, not below zero, which turns the Laplace prior into a linear term), and `ln sigma`.
//!
//! The sum of squares is a quadratic form of the linear parameters. It is expanded around a centre, where the
//! residuals are computed from the data: one evaluation then costs the square of the number of parameters,
//! whatever the length of the history, and loses no digits near the centre.

use augurs::prophet::optimizer::Data;

use crate::error::ForecastError;
use crate::optimize::Objective;
use crate::series::as_f64;
use crate::stop::{self, Stop};

/// The linear part of the model: one column of the design for each of `k`, `m`, `beta`, `delta`.
pub(super) struct Design {
    /// Columns, each as long as the history.
    columns: Vec<Vec<f64>>,
    y: Vec<f64>,
    /// Inner products of the columns, row-major.
    gram: Vec<f64>,
    /// Inner products of the columns with `y`.
    moments: Vec<f64>,
    /// Precision of the normal prior of each linear parameter but `delta`.
    precisions: Vec<f64>,
    features: usize,
    changepoints: usize,
    tau: f64,
}

impl Design {
    /// `columns` gives the order in which the features of `data` are taken.
    pub(super) fn new(data: &Data, order: &[usize]) -> Self {
        let (features, length) = (order.len(), data.y.len());
        let mut columns = vec![data.t.clone(), vec![1.0; length]];
        columns.extend(order.iter().map(|&at| feature(data, at)));
        columns.extend(
            data.t_change
                .iter()
                .map(|change| data.t.iter().map(|t| (t - change).max(0.0)).collect::<Vec<_>>()),
        );
        let size = columns.len();
        let mut gram = vec![0.0; size * size];
        for row in 0..size {
            for col in 0..=row {
                let product = columns[row].iter().zip(&columns[col]).map(|(a, b)| a * b).sum();
                gram[row * size + col] = product;
                gram[col * size + row] = product;
            }
        }
        let moments = columns
            .iter()
            .map(|column| column.iter().zip(&data.y).map(|(x, y)| x * y).sum())
            .collect();
        let mut precisions = vec![1.0 / 25.0; 2];
        precisions.extend(order.iter().map(|&at| (*data.sigmas[at]).powi(-2)));
        Self {
            columns,
            y: data.y.clone(),
            gram,
            moments,
            precisions,
            features,
            changepoints: data.t_change.len(),
            tau: *data.tau,
        }
    }

    /// Number of free parameters.
    pub(super) fn free(&self) -> usize {
        self.columns.len() + self.changepoints + 1
    }

    /// Number of linear parameters.
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Number of linear parameters with a normal prior: all but `delta`, which come last.
    pub(super) fn plain(&self) -> usize {
        2 + self.features
    }

    /// Number of known values.
    pub(super) fn length(&self) -> usize {
        self.y.len()
    }

    /// Scale of the prior of `delta`.
    pub(super) fn tau(&self) -> f64 {
        self.tau
    }

    /// Inner product of two columns.
    pub(super) fn product(&self, a: usize, b: usize) -> f64 {
        self.gram[a * self.columns.len() + b]
    }

    /// Inner product of a column with the values.
    pub(super) fn moment(&self, at: usize) -> f64 {
        self.moments[at]
    }

    /// Precision of the normal prior of a linear parameter; 0 for `delta`.
    pub(super) fn precision(&self, at: usize) -> f64 {
        self.precisions.get(at).copied().unwrap_or(0.0)
    }

    /// Half the gradient of the sum of squares at the linear parameters `theta`.
    pub(super) fn pull(&self, theta: &[f64]) -> Vec<f64> {
        let rows = self.gram.chunks_exact(self.columns.len());
        rows.zip(&self.moments)
            .map(|(row, moment)| row.iter().zip(theta).map(|(a, b)| a * b).sum::<f64>() - moment)
            .collect()
    }

    /// Lower bounds of the free parameters; `floor` is that of `sigma`.
    pub(super) fn lower(&self, floor: f64) -> Vec<f64> {
        let linear = 2 + self.features;
        let mut lower = vec![f64::NEG_INFINITY; self.free()];
        lower[linear..linear + 2 * self.changepoints].fill(0.0);
        lower[self.free() - 1] = floor.ln();
        lower
    }

    /// The free parameters for linear ones and `sigma`.
    pub(super) fn point(&self, linear: &[f64], sigma: f64) -> Vec<f64> {
        let (plain, delta) = linear.split_at(self.plain());
        let up = delta.iter().map(|delta| delta.max(0.0));
        let down = delta.iter().map(|delta| (-delta).max(0.0));
        plain
            .iter()
            .copied()
            .chain(up)
            .chain(down)
            .chain([sigma.ln()])
            .collect()
    }

    /// The linear parameters of a point: the halves of `delta` are put together.
    pub(super) fn linear(&self, point: &[f64]) -> Vec<f64> {
        let plain = 2 + self.features;
        let (positive, negative) = (&point[plain..], &point[plain + self.changepoints..]);
        let delta = positive
            .iter()
            .zip(negative)
            .take(self.changepoints)
            .map(|(up, down)| up - down);
        point[..plain].iter().copied().chain(delta).collect()
    }

    /// The values minus the model at the linear parameters `linear`.
    pub(super) fn residuals(&self, linear: &[f64]) -> Vec<f64> {
        let mut residuals = self.y.clone();
        for (column, factor) in self
            .columns
            .iter()
            .zip(linear)
            .filter(|(_, factor)| **factor != 0.0)
        {
            for (residual, x) in residuals.iter_mut().zip(column) {
                *residual -= factor * x;
            }
        }
        residuals
    }

    /// The objective, expanded around `centre`.
    pub(super) fn around<'a>(&'a self, centre: &[f64], stop: Stop<'a>) -> Posterior<'a> {
        let centre = self.linear(centre);
        let residuals = self.residuals(&centre);
        Posterior {
            squares: residuals.iter().map(|r| r * r).sum(),
            slopes: self
                .columns
                .iter()
                .map(|column| column.iter().zip(&residuals).map(|(x, r)| x * r).sum())
                .collect(),
            centre,
            design: self,
            stop,
        }
    }
}

/// Minus the log-posterior, expanded around a centre.
pub(super) struct Posterior<'a> {
    design: &'a Design,
    centre: Vec<f64>,
    /// Sum of squared residuals at the centre.
    squares: f64,
    /// Inner product of each column with the residuals at the centre.
    slopes: Vec<f64>,
    stop: Stop<'a>,
}

impl Objective for Posterior<'_> {
    fn value_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> Result<f64, ForecastError> {
        stop::check(self.stop)?;
        let design = self.design;
        let size = design.columns.len();
        let plain = 2 + design.features;
        let changes = design.changepoints;
        let steps: Vec<f64> = design
            .linear(point)
            .iter()
            .zip(&self.centre)
            .map(|(at, centre)| at - centre)
            .collect();
        let log_sigma = point[point.len() - 1];
        let precision = (-2.0 * log_sigma).exp();
        let mut squares = self.squares;
        let mut pull = vec![0.0; size];
        for (row, products) in design.gram.chunks_exact(size).enumerate() {
            let product: f64 = products.iter().zip(&steps).map(|(a, b)| a * b).sum();
            squares += steps[row] * (product - 2.0 * self.slopes[row]);
            pull[row] = product - self.slopes[row];
        }
        // Rounding may leave a tiny negative sum for a perfect fit.
        let squares = squares.max(0.0);
        let sigma_square = (2.0 * log_sigma).exp();
        let length = as_f64(design.y.len());
        let mut value = length * log_sigma + 0.5 * squares * precision + 2.0 * sigma_square;
        for (at, prior) in design.precisions.iter().enumerate() {
            value += 0.5 * prior * point[at] * point[at];
            gradient[at] = pull[at] * precision + prior * point[at];
        }
        for change in 0..changes {
            let slope = pull[plain + change] * precision;
            value += (point[plain + change] + point[plain + changes + change]) / design.tau;
            gradient[plain + change] = slope + 1.0 / design.tau;
            gradient[plain + changes + change] = -slope + 1.0 / design.tau;
        }
        gradient[point.len() - 1] = length - squares * precision + 4.0 * sigma_square;
        Ok(if value.is_finite() { value } else { 1e100 })
    }
}

/// Column `at` of the features.
pub(super) fn feature(data: &Data, at: usize) -> Vec<f64> {
    let width = data.sigmas.len();
    data.X.iter().skip(at).step_by(width).copied().collect()
}
