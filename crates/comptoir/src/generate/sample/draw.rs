//! First step: sale lines at list price, drawn until they cover what the month has to bring in.

use super::ledger::{Line, Sums};
use super::targets::PRODUCTS;
use crate::generate::prng::SplitMix64;

/// What customers pay on average, in thousandths of the list price. In the middle of what discounts can
/// reach, so that every sum can still be moved both ways.
const MEAN_RATE_PERMILLE: i64 = 935;

/// How many lines in a row may be too large for what a region still lacks before the region is left as it is.
const PATIENCE: u32 = 200;

/// Lines whose list values come close to `targets` divided by the mean rate, by day, region and product
/// alike.
///
/// Goes region by region, largest first, because small regions have the least room: one line too many is a
/// tenth of Corse's month. Days and products are drawn by what they still lack, so the last regions even them
/// out. The lines come in the order of their days, in random order within a day.
pub(super) fn draw(targets: &Sums, rng: &mut SplitMix64) -> Vec<Line> {
    let mut lacking = targets.map(|cents| cents * 1_000 / MEAN_RATE_PERMILLE);
    let mut lines = Vec::new();
    for region in 0..lacking.region.len() {
        let overrun = lacking.region[region] / 100;
        let mut refused = 0;
        while lacking.region[region] > 0 && refused < PATIENCE {
            let line = draw_line(&lacking, region, rng);
            let value = line.amount_cents();
            if value > lacking.region[region] + overrun {
                refused += 1;
                continue;
            }
            refused = 0;
            lacking.subtract(&line, value);
            lines.push((rng.next(), line));
        }
    }
    lines.sort_by_key(|(order, line)| (line.day, *order));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn draw_line(lacking: &Sums, region: usize, rng: &mut SplitMix64) -> Line {
    let day = rng.pick(lacking.day.iter().map(|&cents| cents.max(1)));
    // A product that costs little needs more lines for the same sum.
    let lines = |(position, cents): (usize, &i64)| (cents / mean_line_value_cents(position)).max(1);
    let product = rng.pick(lacking.product.iter().enumerate().map(lines));
    let max_quantity = PRODUCTS[product].max_quantity;
    let mut one_draw = || rng.between(1, max_quantity);
    // The least of three draws: small quantities are frequent, large ones possible.
    let quantity = one_draw().min(one_draw()).min(one_draw());
    Line {
        day,
        region,
        product,
        quantity,
        unit_price_cents: PRODUCTS[product].list_price_euros * 100,
    }
}

/// List price times the mean of the quantities drawn above, which is the sum of (k/max)³ for k from 1 to max.
fn mean_line_value_cents(product: usize) -> i64 {
    let product = &PRODUCTS[product];
    let cubes: i64 = (1..=product.max_quantity).map(|k| k.pow(3)).sum();
    product.list_price_euros * 100 * cubes / product.max_quantity.pow(3)
}
