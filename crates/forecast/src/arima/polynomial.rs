//! Lag polynomials of the ARMA part: the seasonal factor times the ordinary one.

use super::Order;

/// The coefficients to estimate, in `statsmodels`' order: ar, ma, seasonal ar, seasonal ma.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Coefficients {
    pub ar: Vec<f64>,
    pub ma: Vec<f64>,
    pub seasonal_ar: Vec<f64>,
    pub seasonal_ma: Vec<f64>,
}

impl Coefficients {
    /// Cuts a flat list (as the optimizer sees it) into its four parts.
    pub(super) fn split(order: Order, flat: &[f64]) -> Self {
        let (ar, rest) = flat.split_at(order.p);
        let (ma, rest) = rest.split_at(order.q);
        let (seasonal_ar, rest) = rest.split_at(order.seasonal.p);
        Self {
            ar: ar.to_vec(),
            ma: ma.to_vec(),
            seasonal_ar: seasonal_ar.to_vec(),
            seasonal_ma: rest[..order.seasonal.q].to_vec(),
        }
    }

    /// `phi` with `x_t = phi_1 x_(t-1) + phi_2 x_(t-2) + ... + shocks`.
    pub(super) fn full_ar(&self, period: usize) -> Vec<f64> {
        let negated = |part: &[f64]| part.iter().map(|c| -c).collect::<Vec<_>>();
        negated(&product(&negated(&self.ar), &negated(&self.seasonal_ar), period))
    }

    /// `theta` with shocks `e_t + theta_1 e_(t-1) + ...`.
    pub(super) fn full_ma(&self, period: usize) -> Vec<f64> {
        product(&self.ma, &self.seasonal_ma, period)
    }
}

/// `(1 + Σ a_i L^i)(1 + Σ b_j L^(j·period))` without its leading 1.
fn product(a: &[f64], b: &[f64], period: usize) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len() * period];
    out[..a.len()].copy_from_slice(a);
    for (j, factor) in b.iter().enumerate() {
        let lag = (j + 1) * period;
        out[lag - 1] += factor;
        for (i, coefficient) in a.iter().enumerate() {
            out[lag + i] += factor * coefficient;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seasonal_and_ordinary_factors_multiply() {
        let order = Order::new(1, 0, 1).seasonal(1, 0, 1, 3);
        let parts = Coefficients::split(order, &[0.5, 0.4, 0.2, -0.3]);

        assert_eq!(parts.full_ar(3), [0.5, 0.0, 0.2, -0.1]);
        assert_eq!(parts.full_ma(3), [0.4, 0.0, -0.3, -0.12]);
    }
}
