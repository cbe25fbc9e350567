//! L-BFGS-B, as the models of this crate call it.
//!
//! The routine is the port of L-BFGS-B 3.0 in `basin`, the one behind `scipy.optimize.fmin_l_bfgs_b` and so
//! behind `statsmodels`; the settings decide where it stops, and that is why they are arguments here.

use basin::{
    BoxBounds, ConstraintDescription, ConstraintSet, Constraints, CostFunction, Executor, FirstOrderState,
    Gradient, Lbfgsb, Termination,
};

use crate::error::ForecastError;

/// When the search ends and how much it remembers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Correction pairs kept.
    pub memory: usize,
    /// Stop when the largest component of the projected gradient falls to this.
    pub gradient_tolerance: f64,
    /// Stop when a step lowers the objective by no more than this share.
    pub reduction_tolerance: f64,
    /// Stop after this many iterations.
    pub iterations: u64,
}

/// Where the search ended.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    pub point: Vec<f64>,
    pub value: f64,
    pub iterations: u64,
    /// A tolerance was met, as opposed to the iteration limit or a failed line search.
    pub converged: bool,
}

/// A function to minimise, with its gradient.
pub(crate) trait Objective {
    /// The value at `point`; its gradient goes into `gradient`, which has the same length.
    fn value_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> Result<f64, ForecastError>;
}

/// Minimises `objective` from `start` within `lower..=upper`; infinite bounds are none.
pub(crate) fn minimise<O: Objective>(
    objective: &O,
    start: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    settings: Settings,
) -> Result<Minimum, ForecastError> {
    let solver = Lbfgsb::new()
        .with_m_capacity(settings.memory)
        .with_absolute_projected_gradient_tolerance(settings.gradient_tolerance)
        .with_relative_cost_reduction_tolerance(settings.reduction_tolerance);
    let problem = Bounded {
        objective,
        lower,
        upper,
    };
    let result = Executor::new(problem, solver, FirstOrderState::new(start))
        .max_iter(settings.iterations)
        .run()
        .map_err(|error| match error {
            basin::ConstraintSolveError::Evaluation(error) => error,
            other => ForecastError::Numerical {
                model: "optimizer".into(),
                reason: other.to_string(),
            },
        })?;
    Ok(Minimum {
        point: result.param().clone(),
        value: result.cost(),
        iterations: result.iter(),
        converged: matches!(result.report.termination, Termination::Converged(_)),
    })
}

struct Bounded<'a, O> {
    objective: &'a O,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl<O> Constraints for Bounded<'_, O> {
    type Set = ConstraintSet<BoxBounds<Vec<f64>>>;

    fn constraints(&self) -> <Self::Set as ConstraintDescription>::Borrowed<'_> {
        ConstraintSet::new().with_bounds(BoxBounds::new(Some(&self.lower), Some(&self.upper)))
    }
}

impl<O: Objective> CostFunction for Bounded<'_, O> {
    type Param = Vec<f64>;
    type Output = f64;
    type Error = ForecastError;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, ForecastError> {
        self.objective
            .value_and_gradient(point, &mut vec![0.0; point.len()])
    }
}

impl<O: Objective> Gradient for Bounded<'_, O> {
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, ForecastError> {
        Ok(self.cost_and_gradient(point)?.1)
    }

    fn cost_and_gradient(&self, point: &Vec<f64>) -> Result<(f64, Vec<f64>), ForecastError> {
        let mut gradient = vec![0.0; point.len()];
        let value = self.objective.value_and_gradient(point, &mut gradient)?;
        Ok((value, gradient))
    }
}
