//! What amounts beside each other on a line say of each other: that one is the other less a discount, with taxes, with
//! shipping or a tip, or after fees.
//!
//! `Total` is what was paid where it is `Subtotal` less `Discount` plus `Tax`; where it is that and a tip, it is not.
//! Headers rarely say so; the figures do, on nearly every line.

use crate::cells::cell;
use crate::headers::{Level, Purpose, Taxes};
use crate::layout::Layout;
use crate::numbers::{self, ONE};
use crate::orders::{Numbers, Orders};
use crate::questions::Text;
use crate::words::Word;
use tabular::Record;

/// How many lines are looked at: what holds on these holds on the others.
pub(crate) const MAX_LINES: usize = 2_000;
/// How many amounts are compared, and how many parts may stand between two of them.
const MAX_AMOUNTS: usize = 8;
const MAX_PARTS: usize = 9;
/// How many parts are tried together.
const MAX_TOGETHER: u32 = 3;
/// Of a hundred lines, how many must agree.
const AGREEING: u64 = 95;

/// Rates of taxes on what is sold, in thousandths.
const RATES: &[i64] = &[21, 55, 60, 70, 85, 100, 130, 190, 200, 210, 220, 230, 250];

/// What the column of a tip or a fee, or of what is called one, stands for.
fn part(header: &str, otherwise: Part) -> Part {
    let words = crate::words::cut(header);
    let has = |word: Word| {
        words
            .iter()
            .any(|spelled| crate::words::find(spelled) == Some(word))
    };
    let is_charge = words.iter().any(|word| word == "charge" || word == "charges");
    match otherwise {
        Part::Fee if has(Word::Shipping) => Part::Shipping,
        Part::Fee if has(Word::Tip) || is_charge => Part::Tip,
        other => other,
    }
}

/// `sum` after `fee`: of a refund it may be given back too.
fn fees(sum: i64, fee: i64, is_refund: bool) -> [i64; 2] {
    let kept = sum - fee.abs();
    [kept, if is_refund { sum + fee.abs() } else { kept }]
}

/// What stands between two amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Discount,
    Tax,
    Shipping,
    Tip,
    Fee,
}

/// How often a way from one amount to another came out.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    held: u64,
    /// With all parts of it other than zero.
    told: u64,
}

/// Compares the amounts of lines.
#[derive(Debug)]
pub(crate) struct Relations {
    /// Columns; `None` is quantity times unit price.
    amounts: Vec<Option<usize>>,
    unit: Option<usize>,
    quantity: Option<usize>,
    parts: Vec<(usize, Part)>,
    /// Sets of parts, as bits.
    ways: Vec<u16>,
    /// By pair of amounts and way.
    tallies: Vec<Vec<Tally>>,
    compared: Vec<u64>,
}

impl Relations {
    /// Of the columns of `layout`; `None` where there is nothing to compare.
    pub(crate) fn new(headers: &[String], layout: &Layout, orders: &Orders) -> Option<Self> {
        let is_amount = |level: Level| {
            move |column: &&crate::layout::MoneyColumn| {
                column.money.level == level
                    && column.money.purpose == Purpose::Goods
                    && !column.money.converted
            }
        };
        let unit = layout
            .money
            .iter()
            .find(is_amount(Level::Unit))
            .map(|column| column.field);
        let unit = unit.filter(|_| layout.quantity.is_some());
        let lines = layout.money.iter().filter(|column| {
            !column.money.converted
                && (column.money.level == Level::Line
                    || (column.money.level == Level::Order && orders.several == 0))
                && matches!(
                    column.money.purpose,
                    Purpose::Goods | Purpose::GoodsBeforeDiscount
                )
        });
        let amounts: Vec<Option<usize>> = unit
            .map(|_| None)
            .into_iter()
            .chain(lines.map(|column| Some(column.field)))
            .take(MAX_AMOUNTS)
            .collect();
        let mut parts = Vec::new();
        for (purpose, kind, most) in [
            (Purpose::Discount, Part::Discount, 2),
            (Purpose::Tax, Part::Tax, 2),
            (Purpose::Shipping, Part::Shipping, 2),
            (Purpose::TipOrFee, Part::Fee, 3),
        ] {
            let columns = layout
                .money
                .iter()
                .filter(|column| column.money.purpose == purpose);
            for column in columns.take(most) {
                parts.push((column.field, part(&headers[column.field], kind)));
            }
        }
        parts.truncate(MAX_PARTS);
        if amounts.len() < 2 {
            return None;
        }
        let ways: Vec<u16> = (1..1_u16 << parts.len())
            .filter(|way| way.count_ones() <= MAX_TOGETHER)
            .collect();
        let pairs = amounts.len() * amounts.len();
        Some(Self {
            unit,
            quantity: layout.quantity,
            tallies: vec![vec![Tally::default(); ways.len() + 2]; pairs],
            compared: vec![0; pairs],
            amounts,
            parts,
            ways,
        })
    }

    pub(crate) fn take(&mut self, record: &Record, numbers: &Numbers) {
        let cents = |field: usize| numbers.get(record, field).map(numbers::to_cents);
        let quantity = self.quantity.and_then(|field| {
            let text = cell(record, field).text;
            if text.is_empty() {
                Some(ONE)
            } else {
                numbers.get(record, field)
            }
        });
        let amounts: Vec<Option<i64>> = self
            .amounts
            .iter()
            .map(|amount| match amount {
                Some(field) => cents(*field),
                None => Some(numbers::of_pieces(numbers.get(record, self.unit?)?, quantity?)),
            })
            .collect();
        let parts: Vec<i64> = self
            .parts
            .iter()
            .map(|(field, _)| cents(*field).unwrap_or_default())
            .collect();
        for (from, first) in amounts.iter().enumerate() {
            for (to, second) in amounts.iter().enumerate() {
                let (Some(first), Some(second)) = (*first, *second) else {
                    continue;
                };
                if from == to || first == 0 {
                    continue;
                }
                let pair = from * amounts.len() + to;
                self.compared[pair] += 1;
                self.compare(pair, first, second, &parts);
            }
        }
    }

    fn compare(&mut self, pair: usize, first: i64, second: i64, values: &[i64]) {
        let tallies = &mut self.tallies[pair];
        // The last tallies are of amounts that are the same, and of those that are a rate of taxes apart.
        let ways = self.ways.len();
        tallies[ways].held += u64::from(first == second);
        let is_rate = RATES.iter().any(|rate| {
            let with = numbers::divide(i128::from(first) * i128::from(1_000 + rate), 1_000);
            (with - second).abs() <= 1
        });
        tallies[ways + 1].held += u64::from(is_rate && first.abs() >= 100);
        for (at, way) in self.ways.iter().enumerate() {
            let mut sum = first;
            let mut told = true;
            let mut fee = 0;
            for (part, (_, kind)) in self.parts.iter().enumerate() {
                if way & (1 << part) == 0 {
                    continue;
                }
                let value = values[part];
                told &= value != 0;
                sum += match kind {
                    Part::Discount => -value.abs() * first.signum(),
                    Part::Fee => {
                        fee += value;
                        0
                    }
                    Part::Tax | Part::Shipping | Part::Tip => value,
                };
            }
            // Fees are written with and without a minus; of a refund they are kept, or given back.
            let holds = fees(sum, fee, first < 0)
                .into_iter()
                .any(|sum| (sum - second).abs() <= 1);
            tallies[at].held += u64::from(holds);
            tallies[at].told += u64::from(holds && told);
        }
    }

    /// The parts between amounts number `from` and `to`, if the lines agree.
    fn between(&self, from: usize, to: usize) -> Option<Vec<Part>> {
        let pair = from * self.amounts.len() + to;
        let compared = self.compared[pair];
        let tallies = &self.tallies[pair];
        let same = tallies[self.ways.len()].held;
        let agree = |held: u64| compared > 0 && held * 100 >= compared * AGREEING;
        if agree(same) {
            return None;
        }
        let fitting = self.ways.iter().enumerate().filter(|(at, _)| {
            let tally = tallies[*at];
            agree(tally.held) && tally.told > 0 && tally.held > same
        });
        if fitting.clone().next().is_none() && agree(tallies[self.ways.len() + 1].held) {
            return Some(vec![Part::Tax]);
        }
        let (_, way) =
            fitting.min_by_key(|(at, way)| (way.count_ones(), std::cmp::Reverse(tallies[*at].held)))?;
        let parts = self
            .parts
            .iter()
            .enumerate()
            .filter(|(part, _)| way & (1 << part) != 0);
        Some(parts.map(|(_, (_, kind))| *kind).collect())
    }

    /// Tells the columns of `layout` what they are; returns what was found out, in words.
    pub(crate) fn settle(&self, headers: &[String], layout: &mut Layout) -> Vec<Text> {
        let mut found = Vec::new();
        for from in 0..self.amounts.len() {
            for to in 0..self.amounts.len() {
                let Some(parts) = (from != to).then(|| self.between(from, to)).flatten() else {
                    continue;
                };
                let first = self.amounts[from].or(self.unit);
                let (Some(first), Some(second)) = (first, self.amounts[to]) else {
                    continue;
                };
                let has = |part: Part| parts.contains(&part);
                let with_others = has(Part::Shipping) || has(Part::Tip) || has(Part::Fee);
                for column in &mut layout.money {
                    let is_first = column.field == first;
                    let money = &mut column.money;
                    if column.field == second && with_others {
                        money.purpose = Purpose::WithOthers;
                        let (whole, part) = (&headers[second], &headers[first]);
                        found.push(Text::new(
                            format!("`{whole}` is `{part}` with shipping, tips or fees: it is not taken"),
                            format!(
                                "`{whole}` est `{part}` avec port, pourboires ou frais : il n’est pas retenu"
                            ),
                        ));
                    }
                    if has(Part::Tax) && !with_others && money.taxes == Taxes::Unsaid {
                        if column.field == second {
                            money.taxes = Taxes::Included;
                        } else if is_first {
                            money.taxes = Taxes::Excluded;
                        }
                    }
                    if has(Part::Discount)
                        && is_first
                        && money.level == Level::Line
                        && money.purpose == Purpose::Goods
                    {
                        money.purpose = Purpose::GoodsBeforeDiscount;
                    }
                }
            }
        }
        found.dedup();
        found
    }
}
