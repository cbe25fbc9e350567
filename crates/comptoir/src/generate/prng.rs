//! The one source of chance in the generators: small, seeded, the same on every machine.
//!
//! `SplitMix64`, after Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014),
//! with the constants of Vigna's public-domain `splitmix64.c`. The committed sample data depends on every
//! number it gives: a change here changes `data/`.

/// A stream of pseudo-random numbers that its seed fixes. Not for secrets.
pub(super) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The stream that belongs to `seed`; neighbouring seeds give unrelated streams.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits, each as good as the others.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included. `low` is not above `high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low.wrapping_add_unsigned(self.below(high.abs_diff(low) + 1))
    }

    /// An index into `weights`, drawn in proportion to them. The weights are not negative and not all zero.
    pub(super) fn pick(&mut self, weights: impl Iterator<Item = i64> + Clone) -> usize {
        let total: i64 = weights.clone().sum();
        let mut rest = self.between(0, total - 1);
        weights
            .take_while(|weight| {
                rest -= weight;
                rest >= 0
            })
            .count()
    }

    /// A number below `bound`, by multiply and shift: the bias is below `bound / 2^64`.
    fn below(&mut self, bound: u64) -> u64 {
        let (_, high) = self.next().carrying_mul(bound, 0);
        high
    }
}

#[cfg(test)]
mod tests {
    use super::SplitMix64;

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut rng = SplitMix64::new(1_234_567);

        let numbers = [rng.next(), rng.next(), rng.next(), rng.next(), rng.next()];

        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn numbers_between_two_bounds_reach_both_and_pass_neither() {
        let mut rng = SplitMix64::new(1);

        let mut numbers: Vec<i64> = (0..200).map(|_| rng.between(-2, 3)).collect();

        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, [-2, -1, 0, 1, 2, 3]);
    }

    #[test]
    fn an_index_is_picked_as_often_as_its_weight_says() {
        let mut rng = SplitMix64::new(1);
        let mut counts = [0_u32; 4];

        for _ in 0..10_000 {
            counts[rng.pick([1, 0, 2, 7].into_iter())] += 1;
        }

        assert_eq!(counts[1], 0);
        assert!((900..1_100).contains(&counts[0]), "{counts:?}");
        assert!((1_850..2_150).contains(&counts[2]), "{counts:?}");
        assert!((6_800..7_200).contains(&counts[3]), "{counts:?}");
    }
}
