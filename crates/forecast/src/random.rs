//! Random numbers from a seed: the same seed gives the same numbers on every machine and in every version.
//!
//! Xoshiro256++ of Blackman and Vigna (2019), its state filled by `SplitMix64`. Not for secrets.

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: [u64; 4],
    spare: Option<f64>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut filler = seed;
        let mut next = || {
            filler = filler.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = filler;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self {
            state: [next(), next(), next(), next()],
            spare: None,
        }
    }

    /// Uniform on the open interval from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(v * factor);
                return u * factor;
            }
        }
    }

    /// Laplace around 0 with the given scale.
    pub(crate) fn laplace(&mut self, scale: f64) -> f64 {
        let centred = self.uniform() - 0.5;
        -scale * centred.signum() * (1.0 - 2.0 * centred.abs()).max(f64::MIN_POSITIVE).ln()
    }

    /// Waiting time of a Poisson process of the given rate.
    pub(crate) fn exponential(&mut self, rate: f64) -> f64 {
        -self.uniform().ln() / rate
    }

    fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let out = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut random = Random::new(0);

        assert_eq!(random.bits(), 5_987_356_902_031_041_503);
        assert_eq!(Random::new(7).bits(), Random::new(7).bits());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1);
        let mut mean_of = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            (0..100_000).map(|_| draw(&mut random)).sum::<f64>() / 100_000.0
        };

        assert!((mean_of(&mut |r| r.normal().powi(2)) - 1.0).abs() < 0.02);
        assert!((mean_of(&mut |r| r.laplace(2.0).abs()) - 2.0).abs() < 0.04);
        assert!((mean_of(&mut |r| r.exponential(4.0)) - 0.25).abs() < 0.005);
    }
}
