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
use tabular::Record;

/// How many columns are tried in every combination.
const MAX_APART: usize = 6;

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
            Base::UnitTimesQuantity(field) => numbers::of_pieces(numbers.get(record, field)?, quantity),
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
    /// Columns of what may be apart from the goods: shipping, taxes, tips.
    apart: Vec<usize>,
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
            apart: layout
                .money
                .iter()
                .filter(|column| {
                    let purpose = column.money.purpose;
                    column.money.level == Level::Order
                        && matches!(purpose, Purpose::Shipping | Purpose::Tax | Purpose::TipOrFee)
                })
                .map(|column| column.field)
                .take(MAX_APART)
                .collect(),
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
        let fields = self.totals.iter().chain(&self.apart).copied();
        for field in fields.chain(discount) {
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
        // All that may be apart, in every combination.
        let mut apart = vec![0_i64];
        for field in &self.apart {
            let value = get(Some(*field));
            if value != 0 {
                apart.extend(apart.clone().into_iter().map(|sum| sum + value));
            }
        }
        self.compared += 1;
        for (at, (way, matching)) in self.ways.iter_mut().enumerate() {
            let sum: i64 =
                lines.iter().filter_map(|line| line[at]).sum::<i64>() - get(way.order_discount).abs();
            let fits = totals
                .iter()
                .any(|total| apart.iter().any(|apart| (total - apart - sum).abs() <= 1));
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

/// Whether amounts of lines are without the taxes that stand beside them: then the total of an order is what its lines
/// make together with its taxes.
#[derive(Debug)]
pub(crate) struct NetEvidence {
    rule: AmountRule,
    totals: Vec<usize>,
    shipping: Option<usize>,
    tax: usize,
    order: Option<usize>,
    current: Option<String>,
    sum: i64,
    of_lines: i64,
    of_order: Vec<(usize, i64)>,
    net: u64,
    gross: u64,
}

impl NetEvidence {
    /// Of `rule`, whose amounts are of lines; `None` where no column holds the taxes of lines or no total of orders.
    pub(crate) fn new(layout: &Layout, rule: &AmountRule) -> Option<Self> {
        let tax = layout.money(|money| money.purpose == Purpose::Tax && money.level == Level::Line)?;
        let totals: Vec<usize> = layout
            .money
            .iter()
            .filter(|column| column.money.level == Level::Order && column.money.purpose == Purpose::Goods)
            .map(|column| column.field)
            .collect();
        let is_open = matches!(rule.base, Base::Line(_)) && rule.taxes == Taxes::Unsaid;
        (is_open && !totals.is_empty()).then(|| Self {
            rule: rule.clone(),
            totals,
            shipping: layout.money(|money| money.purpose == Purpose::Shipping && money.level == Level::Order),
            tax,
            order: layout.order,
            current: None,
            sum: 0,
            of_lines: 0,
            of_order: Vec::new(),
            net: 0,
            gross: 0,
        })
    }

    /// The column of the taxes of lines.
    pub(crate) fn tax(&self) -> usize {
        self.tax
    }

    pub(crate) fn take(&mut self, record: &Record, numbers: &Numbers) {
        let order = self.order.map_or("", |field| cell(record, field).text);
        if self.current.as_deref() != Some(order) {
            self.finish_order();
            self.current = Some(order.to_owned());
        }
        self.sum += self.rule.of_line(record, numbers, ONE).unwrap_or_default();
        self.of_lines += numbers.get(record, self.tax).map_or(0, numbers::to_cents);
        for field in self.totals.iter().copied().chain(self.shipping) {
            if !self.of_order.iter().any(|(known, _)| *known == field)
                && let Some(value) = numbers.get(record, field)
            {
                self.of_order.push((field, numbers::to_cents(value)));
            }
        }
    }

    fn finish_order(&mut self) {
        let (sum, tax) = (std::mem::take(&mut self.sum), std::mem::take(&mut self.of_lines));
        let of_order = std::mem::take(&mut self.of_order);
        let get = |field: &usize| {
            of_order
                .iter()
                .find(|(known, _)| known == field)
                .map(|(_, value)| *value)
        };
        let shipping = self.shipping.as_ref().and_then(get).unwrap_or_default();
        if tax == 0 {
            return;
        }
        for total in self.totals.iter().filter_map(get) {
            // The taxes of shipping may be among them too: at most a fifth of it and a little.
            let apart = total - sum - shipping;
            self.gross += u64::from(apart.abs() <= 1);
            self.net += u64::from(apart - tax >= -1 && apart - tax <= shipping / 3 + 1);
        }
    }

    /// Whether amounts are without taxes.
    pub(crate) fn finish(mut self) -> bool {
        self.finish_order();
        self.net > self.gross
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

/// Whether `header` says that it is a price, and not what is left of it.
fn says_price(header: &str) -> bool {
    use crate::words::Word;
    let words = crate::words::cut(header);
    let has = |wanted: Word| words.iter().any(|word| crate::words::find(word) == Some(wanted));
    let is_after = words
        .iter()
        .any(|word| ["final", "finale", "discounted", "remise", "paid", "apres"].contains(&word.as_str()));
    has(Word::Price) && !has(Word::Total) && !has(Word::Net) && !has(Word::Gross) && !is_after
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
    let base = base_of(headers, base, orders, asking);
    let (base, column) = match base {
        Some(column) if lines.is_empty() => (Base::UnitTimesQuantity(column.field), column),
        Some(column) => (Base::Line(column.field), column),
        None => return without_lines(layout, orders, has_list_prices, asking),
    };
    let sum = |level: Level| layout.money(|money| money.purpose == Purpose::Discount && money.level == level);
    let is_before = column.money.purpose == Purpose::GoodsBeforeDiscount;
    // What is called a price is before what is taken off, that of the line too.
    let is_price = matches!(base, Base::Line(_)) && says_price(&headers[column.field]);
    let takes_off = matches!(base, Base::UnitTimesQuantity(_)) || is_before || is_price;
    let is_taken_off = orders
        .money
        .get(&column.field)
        .is_some_and(|evidence| evidence.is_less_discount > 0);
    let rule = AmountRule {
        base,
        tax: None,
        discount: sum(Level::Line).filter(|_| takes_off),
        percent: layout
            .discount_percent
            .filter(|_| takes_off)
            .map(|field| (field, false)),
        order_discount: sum(Level::Order).filter(|_| takes_off || !is_taken_off),
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
fn base_of(
    headers: &[String],
    columns: &[MoneyColumn],
    orders: &Orders,
    asking: &mut Asking<'_>,
) -> Option<MoneyColumn> {
    let rank = |money: &Money| match money.taxes {
        Taxes::Included => 3,
        Taxes::Unsaid => 2,
        Taxes::Excluded => 1,
    };
    let highest = columns.iter().map(|column| rank(&column.money)).max()?;
    let mut equal: Vec<&MoneyColumn> = columns
        .iter()
        .filter(|column| rank(&column.money) == highest)
        .collect();
    if equal.len() > 1 {
        let is_product = |column: &MoneyColumn| {
            orders
                .money
                .get(&column.field)
                .is_some_and(crate::orders::MoneyEvidence::is_product)
        };
        let products: Vec<&MoneyColumn> = equal
            .iter()
            .copied()
            .filter(|column| is_product(column))
            .collect();
        if !products.is_empty() {
            equal = products;
        }
    }
    let mut best = *equal.first()?;
    if equal.len() > 1 {
        let names: Vec<String> = equal.iter().map(|column| headers[column.field].clone()).collect();
        let answer = asking.ask(Question {
            id: "amount_column".into(),
            text: Text::new(
                format!(
                    "Which column holds what was paid: {}?",
                    crate::layout::list(&names)
                ),
                format!(
                    "Quelle colonne contient le montant payé : {} ?",
                    crate::layout::list(&names)
                ),
            ),
            choices: names.iter().map(|name| Choice::new(name, name, name)).collect(),
            assumed: names.first().cloned(),
        });
        let chosen = equal
            .iter()
            .find(|column| Some(&headers[column.field]) == answer.as_ref());
        best = chosen.unwrap_or(&best);
    }
    // The one that is called the same but for its taxes comes first: `Montant HT` beside `Montant TTC`.
    let untaxed = columns
        .iter()
        .filter(|column| column.money.taxes == Taxes::Excluded);
    let called = |column: &MoneyColumn| crate::words::cut_without_taxes(&headers[column.field]);
    let without = untaxed
        .clone()
        .find(|column| called(column) == called(best))
        .or_else(|| untaxed.clone().next());
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
            assumed: Some(asking.assumed_taxes()),
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
        if !has_list_prices {
            return None;
        }
        let answer = asking.ask(Question {
            id: "list_prices".into(),
            text: Text::new(
                "The file has no amount and no price. Shall amounts be quantities times the prices of the products?",
                "Le fichier n'a ni montant ni prix. Faut-il multiplier les quantités par le prix des produits ?",
            ),
            choices: vec![Choice::new("use", "yes", "oui")],
            assumed: None,
        });
        return answer.map(|_| plain(Base::ListPrice, Taxes::Unsaid));
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
pub(crate) fn words(headers: &[String], rule: &AmountRule) -> Text {
    let mut text = match rule.base {
        Base::Line(field) => Text::new(format!("`{}`", headers[field]), format!("`{}`", headers[field])),
        Base::UnitTimesQuantity(field) => Text::new(
            format!("quantity × `{}`", headers[field]),
            format!("quantité × `{}`", headers[field]),
        ),
        Base::OrderTotal(field) => Text::new(
            format!("`{}` spread over the lines of the order", headers[field]),
            format!("`{}` réparti sur les lignes de la commande", headers[field]),
        ),
        Base::ListPrice => Text::new("quantity × the product's price", "quantité × prix du produit"),
    };
    let mut add = |field: usize, [before_en, after_en]: [&str; 2], [before_fr, after_fr]: [&str; 2]| {
        let header = &headers[field];
        text.en.extend([before_en, "`", header, "`", after_en]);
        text.fr.extend([before_fr, "`", header, "`", after_fr]);
    };
    if let Some((field, _)) = rule.percent {
        add(field, [" less ", " percent"], [" moins ", " pour cent"]);
    }
    if let Some(field) = rule.discount {
        add(field, [" less ", ""], [" moins ", ""]);
    }
    if let Some(field) = rule.order_discount {
        let fr = [" moins ", " de la commande, réparti sur ses lignes"];
        add(field, [" less ", " of the order, spread over its lines"], fr);
    }
    if let Some(field) = rule.tax {
        add(field, [" plus ", ""], [" plus ", ""]);
    }
    if let Some(field) = rule.refund {
        add(field, ["; ", " is given back"], [" ; ", " est remboursé"]);
    }
    text
}
