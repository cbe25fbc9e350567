//! A start for the optimizer that is nearly its end: the posterior at a fixed `sigma` is a lasso, and that is
//! solved exactly.
//!
//! Between two changes of the trend most of the history says nothing, so few `delta` differ from 0. An active
//! set of those that do (feature-sign search: Lee, Battle, Raina and Ng, "Efficient sparse coding algorithms",
//! 2007) needs one small linear system for each change of the set. `sigma` then has a closed form, and the two
//! take turns until it stands still.

use super::posterior::Design;
use crate::error::ForecastError;
use crate::series::as_f64;
use crate::stop::{self, Stop};

/// Turns of `sigma` at most.
const TURNS: usize = 60;

/// Changes of the active set at most, for one `sigma`.
const CHANGES: usize = 400;

/// Linear parameters (`k`, `m`, `beta`, `delta`) and `sigma`, at least `floor`.
pub(super) fn start(design: &Design, floor: f64, stop: Stop<'_>) -> Result<(Vec<f64>, f64), ForecastError> {
    let mut theta = vec![0.0; design.columns()];
    let mut sigma = 1.0;
    for _ in 0..TURNS {
        let lasso = Lasso::new(design, sigma * sigma);
        lasso.solve(&mut theta, stop)?;
        let squares: f64 = design.residuals(&theta).iter().map(|r| r * r).sum();
        // The root of `T - squares/sigma² + 4 sigma² = 0`, the derivative by `ln sigma`.
        let length = as_f64(design.length());
        let next = (2.0 * squares / (length + (length * length + 16.0 * squares).sqrt()))
            .sqrt()
            .max(floor);
        let settled = (next / sigma).ln().abs() < 1e-9;
        sigma = next;
        if settled {
            break;
        }
    }
    Ok((theta, sigma))
}

/// `½ θ'Hθ - b'θ + penalty · Σ|delta|`.
struct Lasso<'a> {
    design: &'a Design,
    /// `sigma²`: what priors weigh against the data.
    noise: f64,
    penalty: f64,
}

impl<'a> Lasso<'a> {
    fn new(design: &'a Design, noise: f64) -> Self {
        Self {
            design,
            noise,
            penalty: noise / design.tau(),
        }
    }

    /// Moves `theta`, any start, to the minimum; stops short after [`CHANGES`].
    fn solve(&self, theta: &mut [f64], stop: Stop<'_>) -> Result<(), ForecastError> {
        let plain = self.design.plain();
        let sign_of = |value: f64| if value == 0.0 { 0.0 } else { value.signum() };
        let mut signs: Vec<f64> = theta
            .iter()
            .enumerate()
            .map(|(at, value)| if at < plain { 0.0 } else { sign_of(*value) })
            .collect();
        let mut refused = None;
        for _ in 0..CHANGES {
            stop::check(stop)?;
            let active: Vec<usize> = (0..theta.len())
                .filter(|&at| at < plain || signs[at] != 0.0)
                .collect();
            let Some(target) = self.minimum_on(&active, &signs) else {
                return Ok(());
            };
            // How far until the first active delta changes sign.
            let crossing = active
                .iter()
                .zip(&target)
                .filter(|(at, target)| **at >= plain && signs[**at] * **target < 0.0)
                .map(|(at, target)| (theta[*at] / (theta[*at] - target), *at))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let share = crossing.map_or(1.0, |(share, _)| share.clamp(0.0, 1.0));
            for (at, target) in active.iter().zip(&target) {
                theta[*at] += share * (target - theta[*at]);
            }
            if let Some((_, at)) = crossing {
                theta[at] = 0.0;
                signs[at] = 0.0;
                refused = (share == 0.0).then_some(at);
                continue;
            }
            // Of the deltas at 0, take in the one that the data pulls hardest.
            let pull = self.design.pull(theta);
            let strongest = (plain..theta.len())
                .filter(|&at| signs[at] == 0.0 && refused != Some(at))
                .max_by(|&a, &b| pull[a].abs().total_cmp(&pull[b].abs()));
            match strongest.filter(|&at| pull[at].abs() > self.penalty * (1.0 + 1e-9)) {
                Some(at) => signs[at] = -pull[at].signum(),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The minimum over the `active` parameters with these signs, by Cholesky; `None` when singular.
    fn minimum_on(&self, active: &[usize], signs: &[f64]) -> Option<Vec<f64>> {
        let size = active.len();
        let mut factor = vec![0.0; size * size];
        let mut solution: Vec<f64> = active
            .iter()
            .map(|&at| self.design.moment(at) - self.penalty * signs[at])
            .collect();
        for row in 0..size {
            for col in 0..=row {
                let mut entry = self.design.product(active[row], active[col]);
                if row == col {
                    entry += self.noise * self.design.precision(active[row]);
                }
                let (left, right) = (
                    &factor[row * size..row * size + col],
                    &factor[col * size..col * size + col],
                );
                entry -= left.iter().zip(right).map(|(a, b)| a * b).sum::<f64>();
                factor[row * size + col] = if row == col {
                    if entry.is_nan() || entry <= 0.0 {
                        return None;
                    }
                    entry.sqrt()
                } else {
                    entry / factor[col * size + col]
                };
            }
        }
        for row in 0..size {
            let known: f64 = (0..row).map(|col| factor[row * size + col] * solution[col]).sum();
            solution[row] = (solution[row] - known) / factor[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size)
                .map(|col| factor[col * size + row] * solution[col])
                .sum();
            solution[row] = (solution[row] - known) / factor[row * size + row];
        }
        solution.iter().all(|value| value.is_finite()).then_some(solution)
    }
}
