//! The covariance that a stationary ARMA process has before anything is known of it.

/// The covariance that the ARMA states have had forever, row-major; `phi` and `loading` (1 and theta) have
/// one entry for each state. NaN throughout for a unit root.
///
/// The autocovariances solve the Yule-Walker equations (Brockwell and Davis, "Time Series: Theory and Methods",
/// 2nd edition, section 3.3); they give the first row, and `P = A P A' + Q` read from the lower right corner
/// upwards gives the rest.
pub(super) fn stationary_covariance(phi: &[f64], loading: &[f64], variance: f64) -> Vec<f64> {
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
    use super::super::narrow::Narrow;
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
}
