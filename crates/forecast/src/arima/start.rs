//! Where the search for the coefficients starts: conditional least squares, as in `statsmodels`.

use super::Order;
use super::least_squares::solve;
use super::polynomial::Coefficients;
use super::transform::{free, free_of_invertible};
use crate::series::as_f64;

/// Start values of one fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Start {
    pub coefficients: Coefficients,
    /// Variance of the shocks, unit of the data squared, at least 1e-10.
    pub variance: f64,
}

/// Start values from the differenced series, whose unknown steps are dropped.
pub(super) fn guess(order: Order, differenced: &[f64]) -> Start {
    let seasonal = order.seasonal;
    let near = Regression::of(differenced, order.p, order.q, 1);
    let far = Regression::of(differenced, seasonal.p, seasonal.q, seasonal.period.max(1));
    let stationary = |part: Vec<f64>| {
        if free(&part).is_some() {
            part
        } else {
            vec![0.0; part.len()]
        }
    };
    let invertible = |part: Vec<f64>| {
        if free_of_invertible(&part).is_some() {
            part
        } else {
            vec![0.0; part.len()]
        }
    };
    let variance = near
        .variance
        .or(far.variance)
        .unwrap_or_else(|| mean_square(differenced));
    Start {
        coefficients: Coefficients {
            ar: stationary(near.ar),
            ma: invertible(near.ma),
            seasonal_ar: stationary(far.ar),
            seasonal_ma: invertible(far.ma),
        },
        variance: if variance.is_finite() {
            variance.max(1e-10)
        } else {
            1e-10
        },
    }
}

/// `values` after `order`'s differences; shorter than `values` by what those use up. An unknown step makes
/// each difference that touches it unknown (NaN).
pub(super) fn difference(order: Order, values: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    let lags =
        std::iter::repeat_n(1, order.d).chain(std::iter::repeat_n(order.seasonal.period, order.seasonal.d));
    for lag in lags {
        out = out
            .iter()
            .skip(lag)
            .zip(&out)
            .map(|(now, before)| now - before)
            .collect();
    }
    out
}

fn mean_square(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>() / as_f64(values.len().max(1))
}

/// An ARMA regression whose lags are multiples of `every`.
struct Regression {
    ar: Vec<f64>,
    ma: Vec<f64>,
    /// Mean square of the residuals; `None` when there is nothing to regress on.
    variance: Option<f64>,
}

impl Regression {
    fn of(x: &[f64], p: usize, q: usize, every: usize) -> Self {
        if p + q == 0 {
            return Self {
                ar: Vec::new(),
                ma: Vec::new(),
                variance: None,
            };
        }
        let long = 2 * q * every;
        let first = (long + q * every).max(p * every);
        if x.len() <= first {
            let mean = x.iter().sum::<f64>() / as_f64(x.len().max(1));
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / as_f64(x.len().max(1));
            return Self {
                ar: vec![0.0; p],
                ma: vec![0.0; q],
                variance: Some(variance),
            };
        }
        let lagged =
            |values: &[f64], from: usize, lag: usize| values[from - lag..values.len() - lag].to_vec();
        // A long autoregression stands in for the unknown shocks.
        let shocks = if q > 0 {
            let lags: Vec<_> = (1..=long).map(|lag| lagged(x, long, lag)).collect();
            solve(&lags, &x[long..]).1
        } else {
            Vec::new()
        };
        let mut columns: Vec<_> = (1..=p).map(|i| lagged(x, first, i * every)).collect();
        columns.extend((1..=q).map(|j| lagged(&shocks, first - long, j * every)));
        let (mut solution, residuals) = solve(&columns, &x[first..]);
        let ma = solution.split_off(p);
        let variance = if residuals.len() > q.max(1) {
            mean_square(&residuals[q..])
        } else {
            mean_square(x)
        };
        Self {
            ar: solution,
            ma,
            variance: Some(variance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_skip_what_touches_a_gap() {
        let out = difference(Order::new(0, 1, 0), &[1.0, f64::NAN, 4.0, 6.0]);

        assert!(out[0].is_nan() && out[1].is_nan());
        assert!((out[2] - 2.0).abs() < 1e-12);
        assert_eq!(
            difference(Order::new(0, 0, 0).seasonal(0, 1, 0, 2), &[1.0, 2.0, 4.0]),
            [3.0]
        );
    }
}
