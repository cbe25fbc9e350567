//! Coefficients that stay stationary and invertible whatever the optimizer tries.
//!
//! Monahan, "A note on enforcing stationarity in autoregressive-moving average models", Biometrika 71 (1984):
//! any real number is squeezed into a partial autocorrelation, and the Levinson recursion turns those into
//! coefficients.

/// Unbounded numbers to the coefficients of a stationary autoregression.
pub(super) fn stationary(free: &[f64]) -> Vec<f64> {
    let mut coefficients: Vec<f64> = Vec::with_capacity(free.len());
    for u in free {
        let partial = u / (1.0 + u * u).sqrt();
        let previous = coefficients.clone();
        for (i, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient += partial * previous[previous.len() - 1 - i];
        }
        coefficients.push(partial);
    }
    coefficients.iter().map(|coefficient| -coefficient).collect()
}

/// The inverse of [`stationary`]; `None` when the coefficients are not those of a stationary autoregression.
pub(super) fn free(coefficients: &[f64]) -> Option<Vec<f64>> {
    let mut y: Vec<f64> = coefficients.iter().map(|coefficient| -coefficient).collect();
    let mut out = vec![0.0; y.len()];
    for k in (0..y.len()).rev() {
        let partial = y[k];
        let rest = 1.0 - partial * partial;
        // Roots nearer to the unit circle than 1e-10 count as on it, as in statsmodels.
        if rest.is_nan() || rest <= 1e-10 {
            return None;
        }
        out[k] = partial / rest.sqrt();
        y = (0..k).map(|i| (y[i] - partial * y[k - 1 - i]) / rest).collect();
    }
    Some(out)
}

/// Unbounded numbers to the coefficients of an invertible moving average.
pub(super) fn invertible(free: &[f64]) -> Vec<f64> {
    stationary(free).iter().map(|coefficient| -coefficient).collect()
}

/// The inverse of [`invertible`]; `None` when the coefficients are not invertible.
pub(super) fn free_of_invertible(coefficients: &[f64]) -> Option<Vec<f64>> {
    free(
        &coefficients
            .iter()
            .map(|coefficient| -coefficient)
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_point_maps_to_a_stationary_one_and_back(
            point in proptest::collection::vec(-3.0..3.0_f64, 0..6),
        ) {
            let back = free(&stationary(&point)).unwrap();
            for (a, b) in back.iter().zip(&point) {
                prop_assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{back:?} and {point:?}");
            }
        }
    }

    #[test]
    fn explosive_coefficients_have_no_free_form() {
        assert_eq!(free(&[1.1]), None);
        assert_eq!(free(&[0.5, 0.6]), None);
        assert!(free(&[0.5, 0.4]).is_some());
    }
}
