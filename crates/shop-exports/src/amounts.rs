//! Which amounts of a file make the amount of a line.
//!
//! An amount of the line that is given wins. Else it is quantity times unit price, less discounts; what is
//! taken off is found by trying: the way in which most orders come out at the totals that the file gives.

use crate::cells::cell;
use crate::headers::{Level, Money, Purpose, Taxes};
use crate::layout::{Layout, MoneyColumn};
use crate::numbers::{self, ONE};
use crate::orders::{Numbers, Orders};
use crate::questions::{Asking, Choice, Question, Text};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use tabular::Record;

/// What the amount of a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base {
    /// An amount of the line.
    Line(usize),
    /// The price of one piece times the quantity.
    UnitTimesQuantity(usize),
    /// The total of the order, spread over its lines.
    OrderTotal(usize),
    /// The product's own price times the quantity.
    ListPrice,
}

/// How the amount of a line is made: fields are numbers of columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountRule {
    /// What it begins with.
    pub base: Base,
    /// Taxes that are added.
    pub tax: Option<usize>,
    /// A sum that is taken off the line.
    pub discount: Option<usize>,
    /// A part that is taken off the line, in percent; or, where the second is set, as a fraction of one.
    pub percent: Option<(usize, bool)>,
    /// A sum that is taken off the order, spread over its lines.
    pub order_discount: Option<usize>,
    /// What was given back of the order.
    pub refund: Option<usize>,
    /// Whether the amounts hold taxes.
    pub taxes: Taxes,
}

impl AmountRule {
    /// Whether the lines of an order have to be seen together.
    pub(crate) fn needs_orders(&self) -> bool {
        self.order_discount.is_some() || self.refund.is_some() || matches!(self.base, Base::OrderTotal(_))
    }

    /// The amount of the line in cents, before what is taken off the order; `None` where a number is missing.
    pub(crate) fn of_line(&self, record: &Record, numbers: &Numbers, quantity: i64) -> Option<i64> {
        let mut cents = match self.base {
            Base::Line(field) => numbers::to_cents(numbers.get(record, field)?),
            Base::UnitTimesQuantity(field) => numbers::product_cents(numbers.get(record, field)?, quantity),
            Base::OrderTotal(_) | Base::ListPrice => 0,
        };
        if let Some((field, is_fraction)) = self.percent
            && let Some(part) = numbers.get(record, field)
        {
            let whole = if is_fraction && !cell(record, field).text.contains('%') {
                ONE
            } else {
                100 * ONE
            };
            let off = numbers::divide(i128::from(cents) * i128::from(part.abs()), i128::from(whole));
            cents -= off;
        }
        if let Some(field) = self.discount
            && let Some(off) = numbers.get(record, field)
        {
            // Discounts are written with and without a minus; of a refund they are given back.
            let off = numbers::to_cents(off.abs());
            cents -= if cents < 0 { -off } else { off };
        }
        if let Some(field) = self.tax
            && let Some(tax) = numbers.get(record, field)
        {
            cents += numbers::to_cents(tax);
        }
        Some(cents)
    }
}

/// Whether most orders come out at the totals of the file under one way to take discounts off.
#[derive(Debug, Default)]
pub(crate) struct Reconciling {
    ways: Vec<(AmountRule, u64)>,
    totals: Vec<usize>,
    shipping: Option<usize>,
    tax: Option<usize>,
    compared: u64,
    order: Option<usize>,
    current: Option<String>,
    lines: Vec<Vec<Option<i64>>>,
    of_order: Vec<(usize, i64)>,
}

impl Reconciling {
    /// The ways that there are to take the discounts of `rule` off; `None` where there is nothing to try.
    pub(crate) fn new(layout: &Layout, rule: &AmountRule) -> Option<Self> {
        let has_line = rule.discount.is_some() || rule.percent.is_some();
        if !has_line && rule.order_discount.is_none() {
            return None;
        }
        let of_order =
            |purpose: Purpose| layout.money(|money| money.level == Level::Order && money.purpose == purpose);
        let totals: Vec<usize> = layout
            .money
            .iter()
            .filter(|column| column.money.level == Level::Order && column.money.purpose == Purpose::Goods)
            .map(|column| column.field)
            .collect();
        if totals.is_empty() || layout.order.is_none() {
            return None;
        }
        let mut ways = Vec::new();
        for of_line in [true, false] {
            for of_whole in [true, false] {
                let mut way = rule.clone();
                if !of_line {
                    way.discount = None;
                    way.percent = None;
                }
                if !of_whole {
                    way.order_discount = None;
                }
                if !ways.iter().any(|(known, _)| *known == way) {
                    ways.push((way, 0));
                }
            }
        }
        Some(Self {
            ways,
            totals,
            shipping: of_order(Purpose::Shipping),
            tax: of_order(Purpose::Tax),
            order: layout.order,
            ..Self::default()
        })
    }

    pub(crate) fn take(&mut self, record: &Record, layout: &Layout, numbers: &Numbers) {
        let order = self.order.map_or("", |field| cell(record, field).text);
        if self.current.as_deref() != Some(order) && !(order.is_empty() && self.current.is_some()) {
            self.finish_order();
            self.current = Some(order.to_owned());
        }
        let quantity = layout
            .quantity
            .and_then(|field| numbers.get(record, field))
            .unwrap_or(ONE);
        self.lines.push(
            self.ways
                .iter()
                .map(|(way, _)| way.of_line(record, numbers, quantity))
                .collect(),
        );
        let discount = self.ways.iter().find_map(|(way, _)| way.order_discount);
        for field in self
            .totals
            .iter()
            .copied()
            .chain(self.shipping)
            .chain(self.tax)
            .chain(discount)
        {
            if !self.of_order.iter().any(|(known, _)| *known == field)
                && let Some(value) = numbers.get(record, field)
            {
                self.of_order.push((field, numbers::to_cents(value)));
            }
        }
    }

    fn finish_order(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let of_order = std::mem::take(&mut self.of_order);
        let get = |field: Option<usize>| {
            let found = field.and_then(|field| of_order.iter().find(|(known, _)| *known == field));
            found.map_or(0, |(_, value)| *value)
        };
        let totals: Vec<i64> = self
            .totals
            .iter()
            .filter_map(|field| of_order.iter().find(|(known, _)| known == field))
            .map(|(_, value)| *value)
            .collect();
        if totals.is_empty() || lines.is_empty() {
            return;
        }
        let (shipping, tax) = (get(self.shipping), get(self.tax));
        self.compared += 1;
        for (at, (way, matching)) in self.ways.iter_mut().enumerate() {
            let sum: i64 =
                lines.iter().filter_map(|line| line[at]).sum::<i64>() - get(way.order_discount).abs();
            let fits = totals.iter().any(|total| {
                [0, shipping, tax, shipping + tax]
                    .iter()
                    .any(|apart| (total - apart - sum).abs() <= 1)
            });
            *matching += u64::from(fits);
        }
    }

    /// The way under which most orders come out, and how many of how many do.
    pub(crate) fn finish(mut self) -> (AmountRule, u64, u64) {
        self.finish_order();
        let compared = self.compared;
        let mut best = 0;
        for at in 1..self.ways.len() {
            if self.ways[at].1 > self.ways[best].1 {
                best = at;
            }
        }
        let (rule, matching) = self.ways.swap_remove(best);
        (rule, matching, compared)
    }
}

/// Whether `header` says of itself that it is about one piece.
fn says_unit(header: &str) -> bool {
    let words = crate::words::cut(header);
    words.iter().any(|word| {
        matches!(
            crate::words::find(word),
            Some(crate::words::Word::Unit | crate::words::Word::Of)
        ) || word == "pu"
    })
}

/// The rule for the amounts of a file, or `None` where nothing says what was paid. Discounts are those that there
/// are; which of them are meant, [`Reconciling`] finds out.
pub(crate) fn choose(
    headers: &[String],
    layout: &Layout,
    orders: &Orders,
    has_list_prices: bool,
    asking: &mut Asking<'_>,
) -> Option<AmountRule> {
    let goods = |column: &&MoneyColumn| column.money.purpose == Purpose::Goods && !column.money.converted;
    let of = |level: Level| {
        layout
            .money
            .iter()
            .filter(goods)
            .filter(move |column| column.money.level == level)
    };
    let mut lines: Vec<MoneyColumn> = of(Level::Line).copied().collect();
    let mut units: Vec<MoneyColumn> = of(Level::Unit).copied().collect();
    // A price that grows with the quantity is that of the line, whatever its header says; without a quantity too.
    let price_is_of_line = layout.quantity.is_none()
        || units.first().is_some_and(|column| {
            !says_unit(&headers[column.field]) && orders.line_prices > 0 && orders.unit_prices == 0
        });
    if price_is_of_line && lines.is_empty() {
        lines.append(&mut units);
    }
    if let Some(field) = layout.named.get("amount") {
        lines.retain(|column| column.field == *field);
    }
    if lines.is_empty() && units.is_empty() {
        unsaid(headers, layout, asking, &mut lines)?;
    }
    if lines.is_empty() && units.is_empty() {
        let before = layout
            .money
            .iter()
            .find(|column| column.money.purpose == Purpose::GoodsBeforeDiscount);
        lines.extend(before.copied());
    }
    let base = if lines.is_empty() { &units } else { &lines };
    let base = base_of(headers, base, asking);
    let (base, column) = match base {
        Some(column) if lines.is_empty() => (Base::UnitTimesQuantity(column.field), column),
        Some(column) => (Base::Line(column.field), column),
        None => return without_lines(layout, orders, has_list_prices, asking),
    };
    let sum = |level: Level| layout.money(|money| money.purpose == Purpose::Discount && money.level == level);
    let is_before = column.money.purpose == Purpose::GoodsBeforeDiscount;
    let takes_off = matches!(base, Base::UnitTimesQuantity(_)) || is_before;
    let rule = AmountRule {
        base,
        tax: None,
        discount: sum(Level::Line).filter(|_| takes_off),
        percent: layout
            .discount_percent
            .filter(|_| takes_off)
            .map(|field| (field, false)),
        order_discount: sum(Level::Order),
        refund: layout.money(|money| money.purpose == Purpose::Refund && !money.converted),
        taxes: column.money.taxes,
    };
    Some(rule)
}

/// Amounts of which nothing tells whether they are of the line or of the order: asked.
fn unsaid(
    headers: &[String],
    layout: &Layout,
    asking: &mut Asking<'_>,
    lines: &mut Vec<MoneyColumn>,
) -> Option<()> {
    let Some(column) = layout
        .money
        .iter()
        .find(|column| column.money.level == Level::Unsaid && column.money.purpose == Purpose::Goods)
    else {
        return Some(());
    };
    let header = &headers[column.field];
    let answer = asking.ask(Question {
        id: "amount_level".into(),
        text: Text::new(
            format!("Is `{header}` the amount of each line, or the total of the order repeated on its lines?"),
            format!("`{header}` est-il le montant de chaque ligne, ou le total de la commande répété sur ses lignes ?"),
        ),
        choices: vec![
            Choice::new("line", "of each line", "de chaque ligne"),
            Choice::new("order", "of the order", "de la commande"),
        ],
        assumed: None,
    })?;
    if answer == "line" {
        lines.push(*column);
    }
    Some(())
}

/// Which of several columns is meant: with taxes before without, what says so before what does not.
fn base_of(headers: &[String], columns: &[MoneyColumn], asking: &mut Asking<'_>) -> Option<MoneyColumn> {
    let rank = |money: &Money| match money.taxes {
        Taxes::Included => 3,
        Taxes::Unsaid => 2,
        Taxes::Excluded => 1,
    };
    let best = columns
        .iter()
        .max_by(|a, b| rank(&a.money).cmp(&rank(&b.money)).then(b.field.cmp(&a.field)))?;
    let without = columns
        .iter()
        .find(|column| column.money.taxes == Taxes::Excluded);
    if let Some(without) = without
        && best.money.taxes != Taxes::Excluded
    {
        let (gross, net) = (&headers[best.field], &headers[without.field]);
        let answer = asking.ask(Question {
            id: "taxes".into(),
            text: Text::new(
                format!("Shall amounts be with taxes (`{gross}`) or without (`{net}`)?"),
                format!("Les montants sont-ils TTC (`{gross}`) ou HT (`{net}`) ?"),
            ),
            choices: vec![
                Choice::new(
                    "included",
                    format!("with taxes: `{gross}`"),
                    format!("TTC : `{gross}`"),
                ),
                Choice::new(
                    "excluded",
                    format!("without taxes: `{net}`"),
                    format!("HT : `{net}`"),
                ),
            ],
            assumed: Some("included".into()),
        });
        if answer.as_deref() == Some("excluded") {
            return Some(*without);
        }
    }
    Some(*best)
}

/// The rule where no column holds an amount of a line.
fn without_lines(
    layout: &Layout,
    orders: &Orders,
    has_list_prices: bool,
    asking: &mut Asking<'_>,
) -> Option<AmountRule> {
    let plain = |base, taxes| AmountRule {
        base,
        tax: None,
        discount: None,
        percent: None,
        order_discount: None,
        refund: layout.money(|money| money.purpose == Purpose::Refund && !money.converted),
        taxes,
    };
    let total = layout.money.iter().find(|column| {
        column.money.level == Level::Order
            && column.money.purpose == Purpose::Goods
            && !column.money.converted
    });
    let Some(total) = total else {
        return has_list_prices.then(|| plain(Base::ListPrice, Taxes::Unsaid));
    };
    if orders.several == 0 {
        return Some(plain(Base::Line(total.field), total.money.taxes));
    }
    let answer = asking.ask(Question {
        id: "order_totals".into(),
        text: Text::new(
            "The file has totals of orders and no amounts of lines. Shall they be spread over the lines by quantity?",
            "Le fichier a le total des commandes, sans montant par ligne. Faut-il le répartir selon les quantités ?",
        ),
        choices: vec![Choice::new("spread", "spread them", "répartir")],
        assumed: None,
    });
    answer.map(|_| plain(Base::OrderTotal(total.field), total.money.taxes))
}

/// `rule` in words.
pub(crate) fn words(headers: &[String], rule: &AmountRule) -> String {
    let mut text = match rule.base {
        Base::Line(field) => format!("`{}`", headers[field]),
        Base::UnitTimesQuantity(field) => format!("quantity × `{}`", headers[field]),
        Base::OrderTotal(field) => format!("`{}` spread over the lines of the order", headers[field]),
        Base::ListPrice => "quantity × the product's price".to_owned(),
    };
    if let Some((field, _)) = rule.percent {
        let _ = write!(text, " less `{}` percent", headers[field]); // a String takes every write
    }
    if let Some(field) = rule.discount {
        let _ = write!(text, " less `{}`", headers[field]); // a String takes every write
    }
    if let Some(field) = rule.order_discount {
        let _ = write!(
            text,
            " less `{}` of the order, spread over its lines",
            headers[field]
        ); // a String takes every write
    }
    if let Some(field) = rule.tax {
        let _ = write!(text, " plus `{}`", headers[field]); // a String takes every write
    }
    if let Some(field) = rule.refund {
        let _ = write!(text, "; `{}` is given back", headers[field]); // a String takes every write
    }
    text
}
