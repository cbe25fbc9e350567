//! Two tables that belong together: lines with products and quantities, and the orders that they are of, with days,
//! stores and statuses. Which column of the one stands for which of the other, their values say.

use crate::cells::cell;
use crate::headers::{self, Level, Meaning, Purpose};
use crate::plan::Each;
use std::collections::{HashMap, HashSet};
use std::io;

/// How many lines are looked at to see whether they are of the orders.
const MAX_LINES: usize = 20_000;
/// How many orders are remembered.
const MAX_ORDERS: usize = 1_000_000;
/// How many columns of a table may be the number of the order.
const MAX_KEYS: usize = 4;

/// How lines and orders belong together: numbers of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The number of the order in the table of lines.
    pub key: usize,
    /// The same in the table of orders.
    pub order_key: usize,
    /// The columns of orders that lines get.
    pub fields: Vec<usize>,
    /// What these are called beside those of lines.
    pub headers: Vec<String>,
}

/// Whether a table with these headers may be one of lines: it names products and orders.
#[must_use]
pub fn may_be_lines(headers: &[String]) -> bool {
    has(headers, is_product) && !keys(headers).is_empty()
}

/// Whether a table with these headers may be one of orders: it has days, and no products.
#[must_use]
pub fn may_be_orders(headers: &[String]) -> bool {
    has(headers, |meaning| matches!(meaning, Meaning::Date(_)))
        && !has(headers, is_product)
        && !keys(headers).is_empty()
}

fn has(headers: &[String], is: impl Fn(Meaning) -> bool) -> bool {
    headers.iter().any(|header| is(headers::meaning(header)))
}

fn is_product(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Product(60..)
            | Meaning::ProductName(60..)
            | Meaning::ProductCode(60..)
            | Meaning::Quantity(_)
    )
}

/// The columns that may hold the number of the order, the likeliest first.
fn keys(headers: &[String]) -> Vec<usize> {
    let rank = |header: &String| match headers::meaning(header) {
        Meaning::Order(rank) => rank,
        Meaning::LineId => 40,
        Meaning::LineNumber => 30,
        Meaning::ProductCode(..=50) => 20,
        Meaning::ProductName(..=60) => 10,
        _ => 0,
    };
    let mut ranked: Vec<(u8, usize)> = headers
        .iter()
        .enumerate()
        .map(|(field, header)| (rank(header), field))
        .filter(|(rank, _)| *rank > 0)
        .collect();
    ranked.sort_by_key(|(rank, field)| (std::cmp::Reverse(*rank), *field));
    ranked
        .into_iter()
        .take(MAX_KEYS)
        .map(|(_, field)| field)
        .collect()
}

/// How the table of `lines` belongs to that of `orders`; `None` where it does not: less than half of its lines are of
/// one of the orders, or no column tells the orders apart.
///
/// # Errors
///
/// When a table cannot be read.
pub fn find(
    (lines, each_line): (&[String], Each<'_>),
    (orders, each_order): (&[String], Each<'_>),
) -> io::Result<Option<Pair>> {
    if !may_be_lines(lines) || !may_be_orders(orders) {
        return Ok(None);
    }
    let (line_keys, order_keys) = (keys(lines), keys(orders));
    let mut known: Vec<(HashSet<Vec<u8>>, u64)> = order_keys.iter().map(|_| (HashSet::new(), 0)).collect();
    each_order(&mut |record| {
        for (field, (values, repeats)) in order_keys.iter().zip(&mut known) {
            let key = tabular::key_of(cell(record, *field).text.as_bytes());
            if !key.is_empty() && values.len() < MAX_ORDERS {
                *repeats += u64::from(!values.insert(key));
            }
        }
    })?;
    let mut found: HashMap<(usize, usize), u64> = HashMap::new();
    let mut filled = vec![0_u64; line_keys.len()];
    let mut seen = 0;
    each_line(&mut |record| {
        seen += 1;
        if seen > MAX_LINES {
            return;
        }
        for (at, field) in line_keys.iter().enumerate() {
            let key = tabular::key_of(cell(record, *field).text.as_bytes());
            filled[at] += u64::from(!key.is_empty());
            for (other, (values, _)) in known.iter().enumerate() {
                *found.entry((at, other)).or_default() += u64::from(values.contains(&key));
            }
        }
    })?;
    let best = found
        .into_iter()
        .filter(|((at, other), count)| *count > 0 && count * 2 >= filled[*at] && known[*other].1 == 0)
        .max_by_key(|((at, other), count)| (*count, std::cmp::Reverse((*at, *other))));
    Ok(best.map(|((at, other), _)| joined(lines, orders, line_keys[at], order_keys[other])))
}

/// What lines get of their orders: what they do not say themselves. Amounts are of the order.
fn joined(lines: &[String], orders: &[String], key: usize, order_key: usize) -> Pair {
    let said: Vec<Meaning> = lines.iter().map(|header| headers::meaning(header)).collect();
    let mut pair = Pair {
        key,
        order_key,
        fields: Vec::new(),
        headers: Vec::new(),
    };
    for (field, header) in orders.iter().enumerate() {
        let meaning = headers::meaning(header);
        let is_said = said
            .iter()
            .any(|said| std::mem::discriminant(said) == std::mem::discriminant(&meaning));
        let name = match meaning {
            _ if field == order_key => continue,
            Meaning::Nothing
            | Meaning::LineId
            | Meaning::LineNumber
            | Meaning::Order(_)
            | Meaning::ProductCode(_) => {
                continue;
            }
            Meaning::Money(money) => {
                let is_price_or_cost = money.level == Level::Unit || money.purpose == Purpose::Cost;
                if is_price_or_cost {
                    continue;
                }
                match money.level {
                    Level::Order => header.clone(),
                    _ => format!("order {header}"),
                }
            }
            _ if is_said => continue,
            Meaning::ProductName(_) => continue,
            _ => header.clone(),
        };
        let is_taken = lines.iter().chain(&pair.headers).any(|taken| *taken == name);
        pair.fields.push(field);
        pair.headers
            .push(if is_taken { format!("order {name}") } else { name });
    }
    pair
}
