//! Third step: the last euros and cents, moved until every sum is exact.
//!
//! Only sales of one piece change, since their amount can take any number of cents. Their unit price stays
//! between 78 and 100 percent of the list price.

use super::ledger::{Line, Margin, Sums};

/// The lowest unit price of a repaired line, in percent of the list price.
const LOWEST_PERCENT: i64 = 78;

/// The most that one line takes of the month's remainder, in percent of its list price.
const SHARE_OF_REMAINDER_PERCENT: i64 = 2;

/// The place whose sum cannot be made exact, because no two lines have room left to move money between.
#[derive(Debug)]
pub(super) struct Stuck {
    pub margin: Margin,
    pub place: usize,
}

/// Makes the sums of `lines` equal to `targets`.
///
/// The month's remainder goes first, a little to each of some lines. Then the sums of the days, the regions
/// and the products, in this order: money moves between two lines that differ in that margin only, which
/// leaves the other two as they are.
pub(super) fn repair(lines: &mut [Line], targets: &Sums) -> Result<(), Stuck> {
    spread_remainder(lines, gaps(lines, targets).day.iter().sum());
    let gaps_left = gaps(lines, targets);
    for margin in Margin::ALL {
        // The largest place has lines to match any other, so it gives or takes what the others need. Since
        // all gaps add up to nothing, its own is closed with the last of the others.
        let largest = position_of_largest(targets.of(margin));
        for place in (0..targets.of(margin).len()).filter(|&place| place != largest) {
            let gap = gaps_left.of(margin)[place];
            let (receiver, giver) = if gap > 0 {
                (place, largest)
            } else {
                (largest, place)
            };
            let mut rest = gap.abs();
            while rest > 0 {
                rest -= transfer(lines, margin, giver, receiver, rest).ok_or(Stuck { margin, place })?;
            }
        }
    }
    let gaps_left = gaps(lines, targets);
    for margin in Margin::ALL {
        if let Some(place) = gaps_left.of(margin).iter().position(|&gap| gap != 0) {
            return Err(Stuck { margin, place });
        }
    }
    Ok(())
}

/// What `lines` lack of `targets`; negative where they are above.
fn gaps(lines: &[Line], targets: &Sums) -> Sums {
    let mut gaps = targets.clone();
    for line in lines {
        gaps.subtract(line, line.amount_cents());
    }
    gaps
}

/// Adds `rest` cents to the month, or takes them off when negative.
fn spread_remainder(lines: &mut [Line], mut rest: i64) {
    for line in lines.iter_mut().filter(|line| line.quantity == 1) {
        let share = line.list_price_cents() * SHARE_OF_REMAINDER_PERCENT / 100;
        let change = rest.clamp(-share.min(room_below(line)), share.min(room_above(line)));
        line.unit_price_cents += change;
        rest -= change;
    }
}

/// Moves up to `wanted` cents from one line at `giver` to one at `receiver`, which agree in the other two
/// margins: the first pair that can take it all, or else the pair that can take the most. Returns the cents
/// moved, `None` when no pair has room.
fn transfer(lines: &mut [Line], margin: Margin, giver: usize, receiver: usize, wanted: i64) -> Option<i64> {
    let singles_at = |place: usize| {
        let at_place = move |line: &Line| line.quantity == 1 && line.place(margin) == place;
        lines.iter().enumerate().filter(move |(_, line)| at_place(line))
    };
    let mut best = (0, 0, 0);
    'search: for (from, source) in singles_at(giver) {
        for (to, target) in singles_at(receiver) {
            let cents = wanted.min(room_below(source)).min(room_above(target));
            if cents > best.0 && differ_only_in(margin, source, target) {
                best = (cents, from, to);
                if cents == wanted {
                    break 'search;
                }
            }
        }
    }
    let (cents, from, to) = best;
    lines[from].unit_price_cents -= cents;
    lines[to].unit_price_cents += cents;
    (cents > 0).then_some(cents)
}

fn differ_only_in(margin: Margin, one: &Line, other: &Line) -> bool {
    Margin::ALL
        .into_iter()
        .all(|each| each == margin || one.place(each) == other.place(each))
}

/// By how many cents the unit price may fall.
fn room_below(line: &Line) -> i64 {
    line.unit_price_cents - line.list_price_cents() * LOWEST_PERCENT / 100
}

/// By how many cents the unit price may rise.
fn room_above(line: &Line) -> i64 {
    line.list_price_cents() - line.unit_price_cents
}

fn position_of_largest(sums: &[i64]) -> usize {
    let largest = sums.iter().enumerate().max_by_key(|(_, cents)| **cents);
    largest.map_or(0, |(position, _)| position)
}
