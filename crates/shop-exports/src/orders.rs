//! What the lines of one order say together: whether an amount is of the line or of the whole order, whether a
//! price is of one piece, which rows a status is about.
//!
//! Lines of an order are those with its number that follow each other; a line without one continues it.

use crate::cells::cell;
use crate::census::digest;
use crate::fold;
use crate::headers::{Level, Purpose, Taxes};
use crate::layout::Layout;
use crate::numbers::{self, ONE};
use crate::statuses::{self, Treatment};
use std::collections::{BTreeMap, HashMap, HashSet};
use tabular::Record;
use tabular::cents::DecimalMark;
use tabular::dates::DateOrder;

/// How many orders, and how many products, are remembered.
const MAX_REMEMBERED: usize = 1_000_000;

/// Reads numbers of a record, each column under its own mark.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub marks: Vec<DecimalMark>,
}

impl Numbers {
    /// Column `field` of `record` in millionths; `None` where it is empty or no number.
    pub(crate) fn get(&self, record: &Record, field: usize) -> Option<i64> {
        let cell = cell(record, field);
        let mark = if cell.is_number {
            DecimalMark::Point
        } else {
            self.marks.get(field).copied().unwrap_or(DecimalMark::Point)
        };
        numbers::parse(cell.text, mark).map(|number| number.micro)
    }
}

/// What is known of one column of money from orders of several lines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MoneyEvidence {
    /// Orders whose lines all have the same amount.
    pub repeated: u64,
    /// Orders of which only the first line has one.
    pub first_only: u64,
    /// Orders whose lines differ in it.
    pub differing: u64,
    /// Lines on which it is quantity times price, and on which it is not.
    pub is_line: u64,
    pub is_not_line: u64,
    /// Lines on which it is quantity times price less a discount beside it: that is taken off already.
    pub is_less_discount: u64,
}

impl MoneyEvidence {
    /// Whether it is quantity times price wherever that can be seen.
    pub(crate) fn is_product(&self) -> bool {
        self.is_line > 0 && self.is_not_line == 0
    }

    /// Whether it is of the line or of the order; `None` where nothing tells.
    fn level(&self) -> Option<Level> {
        if self.is_line > 0 && self.is_not_line == 0 {
            return Some(Level::Line);
        }
        if self.differing > 0 {
            // An order that was cut in two, or typed by hand, is no rule.
            return Some(
                if (self.repeated + self.first_only) > 10 * self.differing && self.is_line == 0 {
                    Level::Order
                } else {
                    Level::Line
                },
            );
        }
        if self.first_only > 0 {
            return Some(Level::Order);
        }
        match self.repeated {
            0 => Some(Level::Line),
            1 if self.is_not_line == 0 => None,
            _ => Some(Level::Order),
        }
    }
}

/// What the orders of a file say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    /// Orders of one line, and of several.
    pub single: u64,
    pub several: u64,
    /// By column of money.
    pub money: BTreeMap<usize, MoneyEvidence>,
    /// Whether the lines of every order follow each other, as far as is known.
    pub scattered: bool,
    /// Whether a line number came twice in an order.
    pub numbers_repeat: bool,
    /// Lines by status, with what they inherit from the first line of their order.
    pub statuses: BTreeMap<String, (String, u64)>,
    /// The same by kind of row.
    pub kinds: BTreeMap<String, (String, u64)>,
    /// Rows that are refunds by their status although their amounts are positive: those of orders that have a
    /// sale too, and the others.
    pub refunds_beside_sales: u64,
    pub refunds_alone: u64,
    /// Products whose price stays the same whatever the quantity, and whose price grows with it.
    pub unit_prices: u64,
    pub line_prices: u64,
    /// Lines of more or less than one piece.
    pub many: u64,
    /// Lines that say nothing of their store, and of their product.
    pub without_store: u64,
    pub without_product: u64,
}

/// One line of the order that is looked at.
#[derive(Debug, Default)]
struct Seen {
    amounts: Vec<Option<i64>>,
    product: Option<i64>,
}

/// Looks at the orders of a file, record by record.
pub(crate) struct Looking<'a> {
    layout: &'a Layout,
    numbers: &'a Numbers,
    unit_price: Option<usize>,
    orders: Orders,
    current: Option<String>,
    lines: Vec<Seen>,
    line_numbers: HashSet<u64>,
    done: HashSet<u64>,
    status: String,
    kind: String,
    /// Whether a line of the order named its store.
    has_store: bool,
    sold: HashSet<u64>,
    refunded: HashMap<u64, u64>,
    prices: HashMap<u64, (i64, i64)>,
}

impl<'a> Looking<'a> {
    pub(crate) fn new(layout: &'a Layout, numbers: &'a Numbers) -> Self {
        let unit_price = layout
            .money(|money| money.level == Level::Unit && money.purpose == Purpose::Goods && !money.converted);
        Self {
            layout,
            numbers,
            unit_price,
            orders: Orders::default(),
            current: None,
            lines: Vec::new(),
            line_numbers: HashSet::new(),
            done: HashSet::new(),
            status: String::new(),
            kind: String::new(),
            has_store: false,
            sold: HashSet::new(),
            refunded: HashMap::new(),
            prices: HashMap::new(),
        }
    }

    pub(crate) fn take(&mut self, record: &Record) {
        if record.fault.is_some() {
            return;
        }
        let text = |field: Option<usize>| field.map_or("", |field| cell(record, field).text);
        let order = text(self.layout.order);
        let continues =
            self.current.is_some() && (order.is_empty() || self.current.as_deref() == Some(order));
        if !continues {
            self.finish_order();
            self.current = (!order.is_empty()).then(|| order.to_owned());
            self.status.clear();
            self.kind.clear();
            self.has_store = false;
        }
        let (status, kind) = (text(self.layout.status), text(self.layout.kind));
        if !status.is_empty() {
            status.clone_into(&mut self.status);
        }
        if !kind.is_empty() {
            kind.clone_into(&mut self.kind);
        }
        count(&mut self.orders.statuses, &self.status);
        count(&mut self.orders.kinds, &self.kind);
        let layout = self.layout;
        let says = |fields: [Option<usize>; 4]| fields.into_iter().any(|field| !text(field).is_empty());
        let is_dated = !text(layout.date).is_empty();
        self.has_store |= says([layout.store_code, layout.store_name, layout.store, None]);
        self.orders.without_store += u64::from(is_dated && !self.has_store);
        let of_product = [layout.product_code, layout.product_name, layout.product, None];
        if is_dated && !says(of_product) {
            // `Total` may stand where the day does.
            let text = text(layout.date);
            let is_day = |order| crate::cells::day(text, order).is_some();
            let is_day = is_day(DateOrder::DayFirst) || is_day(DateOrder::MonthFirst);
            self.orders.without_product += u64::from(is_day);
        }
        let amounts: Vec<Option<i64>> = self
            .layout
            .money
            .iter()
            .map(|column| self.numbers.get(record, column.field))
            .collect();
        let quantity = self
            .layout
            .quantity
            .and_then(|field| self.numbers.get(record, field));
        self.orders.many += u64::from(quantity.is_some_and(|quantity| quantity.abs() != ONE));
        let price = self.unit_price.and_then(|field| self.numbers.get(record, field));
        self.look_at_price(record, quantity, price);
        self.look_at_tax(record, quantity);
        self.look_at_refund(&amounts);
        let product = match (quantity, price) {
            (Some(quantity), Some(price)) => Some(numbers::of_pieces(price, quantity)),
            _ => None,
        };
        if let Some(field) = self.layout.line_number {
            let number = cell(record, field).text;
            self.orders.numbers_repeat |= number.is_empty() || !self.line_numbers.insert(digest(number));
        }
        self.lines.push(Seen { amounts, product });
    }

    /// A price of one piece stays the same whatever the quantity; a price of the line grows with it.
    fn look_at_price(&mut self, record: &Record, quantity: Option<i64>, price: Option<i64>) {
        let (Some(quantity), Some(price)) = (quantity, price) else {
            return;
        };
        let product = [
            self.layout.product_code,
            self.layout.product_name,
            self.layout.product,
        ]
        .into_iter()
        .flatten()
        .map(|field| cell(record, field).text)
        .find(|text| !text.is_empty());
        let Some(product) = product else { return };
        if quantity <= 0 || price <= 0 {
            return;
        }
        if self.prices.len() >= MAX_REMEMBERED {
            return;
        }
        let (before, seen) = *self.prices.entry(digest(product)).or_insert((quantity, price));
        if before != quantity {
            let same_rate = i128::from(seen) * i128::from(quantity) == i128::from(price) * i128::from(before);
            self.orders.unit_prices += u64::from(seen == price);
            self.orders.line_prices += u64::from(same_rate);
        }
    }

    /// Taxes are of the line: where they are what a price with taxes has more than one without, so are the prices.
    fn look_at_tax(&mut self, record: &Record, quantity: Option<i64>) {
        let Some(quantity) = quantity.filter(|quantity| *quantity != ONE && *quantity > 0) else {
            return;
        };
        let get = |purpose: Purpose, taxes: Option<Taxes>| {
            let field = self.layout.money(|money| {
                let fits = taxes.is_none_or(|taxes| money.taxes == taxes && money.level == Level::Unit);
                money.purpose == purpose && fits
            })?;
            self.numbers.get(record, field)
        };
        let with = get(Purpose::Goods, Some(Taxes::Included));
        let without = get(Purpose::Goods, Some(Taxes::Excluded));
        if let (Some(with), Some(without), Some(tax)) = (with, without, get(Purpose::Tax, None))
            && tax != 0
        {
            let apart = with - without;
            self.orders.line_prices += u64::from(apart == tax);
            let of_all = numbers::product_cents(apart, quantity);
            self.orders.unit_prices += u64::from(apart != tax && of_all == numbers::to_cents(tax));
        }
    }

    fn look_at_refund(&mut self, amounts: &[Option<i64>]) {
        let Some(order) = &self.current else { return };
        if self.layout.status.is_none() || self.sold.len() >= MAX_REMEMBERED {
            return;
        }
        let order = digest(order);
        match statuses::treatment(&self.status) {
            Treatment::Refund if amounts.iter().flatten().all(|amount| *amount >= 0) => {
                *self.refunded.entry(order).or_default() += 1;
            }
            Treatment::Refund => {}
            _ => {
                self.sold.insert(order);
            }
        }
    }

    fn finish_order(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.line_numbers.clear();
        if let Some(order) = self.current.take()
            && self.done.len() < MAX_REMEMBERED
        {
            self.orders.scattered |= !self.done.insert(digest(&order));
        }
        if lines.len() < 2 {
            self.orders.single += lines.len() as u64;
            if let Some(line) = lines.first() {
                self.compare_with_product(line);
            }
            return;
        }
        self.orders.several += 1;
        for line in &lines {
            self.compare_with_product(line);
        }
        for (at, column) in self.layout.money.iter().enumerate() {
            let amounts: Vec<Option<i64>> = lines.iter().map(|line| line.amounts[at]).collect();
            let evidence = self.orders.money.entry(column.field).or_default();
            let filled = amounts.iter().flatten().count();
            let first = amounts[0];
            if filled == 0 || amounts.iter().flatten().all(|amount| *amount == 0) {
                // Nothing says nothing.
            } else if first.is_some() && filled == 1 {
                evidence.first_only += 1;
            } else if first.is_some_and(|first| first != 0)
                && amounts[1..].iter().all(|amount| matches!(amount, Some(0)))
                && column.money.purpose == Purpose::Discount
            {
                // The discount of the order on its first line, zeros on the others.
                evidence.first_only += 1;
            } else if amounts.iter().all(|amount| *amount == first) {
                evidence.repeated += 1;
            } else {
                evidence.differing += 1;
            }
        }
    }

    fn compare_with_product(&mut self, line: &Seen) {
        let Some(product) = line.product.filter(|product| *product != 0) else {
            return;
        };
        let columns = self.layout.money.iter().zip(&line.amounts);
        let discount = columns
            .filter(|(column, _)| column.money.purpose == Purpose::Discount)
            .find_map(|(_, amount)| amount.filter(|amount| *amount != 0))
            .map(|amount| numbers::to_cents(amount).abs());
        for (at, column) in self.layout.money.iter().enumerate() {
            if Some(column.field) == self.unit_price || column.money.purpose != Purpose::Goods {
                continue;
            }
            if let Some(amount) = line.amounts[at].map(numbers::to_cents) {
                let evidence = self.orders.money.entry(column.field).or_default();
                let is_less = discount.is_some_and(|discount| amount == product - discount);
                evidence.is_less_discount += u64::from(is_less);
                if amount == product || is_less {
                    evidence.is_line += 1;
                } else {
                    evidence.is_not_line += 1;
                }
            }
        }
    }

    pub(crate) fn finish(mut self) -> Orders {
        self.finish_order();
        for (order, rows) in &self.refunded {
            if self.sold.contains(order) {
                self.orders.refunds_beside_sales += rows;
            } else {
                self.orders.refunds_alone += rows;
            }
        }
        self.orders
    }
}

fn count(counts: &mut BTreeMap<String, (String, u64)>, text: &str) {
    let key = fold::key(text);
    if let Some((_, count)) = counts.get_mut(&key) {
        *count += 1;
    } else if counts.len() < 200 {
        counts.insert(key, (fold::shown(text), 1));
    }
}

impl Orders {
    /// Of what the amounts of `layout` are whose headers do not say: columns where nothing tells stay unsaid.
    pub(crate) fn settle_levels(&self, layout: &mut Layout) {
        let has_orders = layout.order.is_some();
        for column in &mut layout.money {
            let is_open = column.money.level == Level::Unsaid
                // `transaction_amount`, `net sales`: what the header says is not always so.
                || (column.money.level == Level::Order && column.money.purpose == Purpose::Goods);
            if !is_open {
                continue;
            }
            if !has_orders || self.several == 0 {
                if column.money.level == Level::Unsaid {
                    column.money.level = Level::Line;
                }
                continue;
            }
            let evidence = self.money.get(&column.field).copied().unwrap_or_default();
            match evidence.level() {
                Some(level) if column.money.level == Level::Unsaid => column.money.level = level,
                // A header that says order is believed unless the lines of an order differ.
                Some(Level::Line) if evidence.differing > 0 => column.money.level = Level::Line,
                _ => {}
            }
        }
        // `total_price` on every line of an order the same, and nowhere quantity times price, is of the order.
        for column in &mut layout.money {
            let evidence = self.money.get(&column.field).copied().unwrap_or_default();
            if column.money.level == Level::Line
                && column.money.purpose == Purpose::Goods
                && has_orders
                && evidence.repeated > 1
                && evidence.differing == 0
                && evidence.is_line == 0
                && evidence.is_not_line > 0
            {
                column.money.level = Level::Order;
            }
        }
    }
}
