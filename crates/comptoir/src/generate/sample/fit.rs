//! Second step: discounts in whole percent that bring every sum close to its target.

use super::ledger::{Line, Margin, Sums};
use crate::generate::prng::SplitMix64;

/// The part of the list price that is paid, in billionths.
const FULL_RATE: i64 = 1_000_000_000;
/// The lowest rate: discounts go up to 20 percent.
const LOWEST_RATE: i64 = FULL_RATE / 100 * 80;
/// Where the fit starts: any rate from here to the full price, 93.5 percent on average.
const LOWEST_FIRST_RATE: i64 = FULL_RATE / 100 * 87;
const ONE_PERCENT: i64 = FULL_RATE / 100;

/// More rounds no longer bring the sums closer.
const ROUNDS: u32 = 300;

/// Gives every line of `lines`, which come at list price, a discount of 0 to 20 whole percent such that the
/// sums are within some euros of `targets`.
///
/// Iterative proportional fitting: round after round, the lines of each day, region and product are scaled to
/// their target, within the bounds of the discounts. The result is rounded to whole percent at random, up or
/// down in proportion to the distance, so that rounding moves no sum to one side.
pub(super) fn fit(lines: &mut [Line], targets: &Sums, rng: &mut SplitMix64) {
    let mut rates: Vec<i64> = lines
        .iter()
        .map(|_| rng.between(LOWEST_FIRST_RATE, FULL_RATE))
        .collect();
    for _ in 0..ROUNDS {
        for margin in Margin::ALL {
            scale(lines, &mut rates, margin, targets.of(margin));
        }
    }
    for (line, rate) in lines.iter_mut().zip(rates) {
        let discount = FULL_RATE - rate;
        let round_up = rng.between(0, ONE_PERCENT - 1) < discount % ONE_PERCENT;
        let percent = discount / ONE_PERCENT + i64::from(round_up);
        line.unit_price_cents = line.list_price_cents() / 100 * (100 - percent);
    }
}

/// Scales the rates of the lines at each place of `margin` by one factor, so that they add up to its target
/// unless a bound is in the way.
fn scale(lines: &[Line], rates: &mut [i64], margin: Margin, targets: &[i64]) {
    let mut sums = vec![0; targets.len()];
    for (line, rate) in lines.iter().zip(rates.iter()) {
        // Below 2^53: a line is worth less than 10^6 cents.
        sums[line.place(margin)] += line.amount_cents() * rate / FULL_RATE;
    }
    for (line, rate) in lines.iter().zip(rates) {
        let place = line.place(margin);
        // Below 2^57: a target is below 10^8 cents.
        *rate = (*rate * targets[place] / sums[place]).clamp(LOWEST_RATE, FULL_RATE);
    }
}
