//! What new sales add to the sums by day.

use super::tables::QUANTITY_MILLI;
use crate::store::daily_sums::{self, LINE_SUMS, TICKET_LINE_SUMS};
use crate::store::rows::Rows;
use db_client::db_api::{Statement, Value};
use std::collections::{BTreeMap, HashMap};

/// What new lines add to the daily sums, by day.
#[derive(Debug, Default)]
pub(super) struct DailyAdditions<'a>(BTreeMap<&'a str, DaySums>);

/// What the lines of a day add up to.
#[derive(Debug, Default)]
struct DaySums {
    products: HashMap<i64, LineSum>,
    stores: HashMap<i64, (LineSum, TicketSum)>,
}

impl<'a> DailyAdditions<'a> {
    /// What `rows` of sales add, whose values are those of `columns`.
    pub(super) fn of(rows: &'a Rows, columns: &[&'static str]) -> Self {
        let find_place = |name: &str| columns.iter().position(|column| *column == name);
        // All rows of sales have these.
        let place = |name: &str| find_place(name).unwrap_or_default();
        let (product, store) = (place("product_id"), place("store_id"));
        let (date, quantity, amount) = (place("sale_date"), place(QUANTITY_MILLI), place("amount_cents"));
        let ticket = find_place("ticket_id");
        let mut days = Self::default();
        let mut rows = rows.iter().peekable();
        while let Some(first) = rows.peek() {
            let day = first[date].as_str().unwrap_or_default();
            let sums = days.0.entry(day).or_default();
            // Mostly many rows of a day stand together.
            while let Some(row) = rows.next_if(|row| row[date].as_str().unwrap_or_default() == day) {
                let number = |place: usize| row[place].as_i64().unwrap_or_default();
                let (units, cents) = (number(quantity), number(amount));
                sums.products
                    .entry(number(product))
                    .or_default()
                    .add(units, cents);
                let (of_lines, of_tickets) = sums.stores.entry(number(store)).or_default();
                of_lines.add(units, cents);
                if ticket.is_some_and(|ticket| !row[ticket].is_null()) {
                    of_tickets.add(units, cents);
                }
            }
        }
        days
    }

    /// The statements that add them to the tables, and mark the days whose tickets are to be counted.
    pub(super) fn statements(&self) -> Vec<Statement> {
        // Without tickets there is less to write.
        let days_with_tickets = self.days_with_tickets();
        let of_tickets = if days_with_tickets.is_empty() {
            0
        } else {
            TICKET_LINE_SUMS.len()
        };
        let mut days = Rows::new(1 + LINE_SUMS.len());
        let mut products = Rows::new(2 + LINE_SUMS.len());
        let mut stores = Rows::new(2 + LINE_SUMS.len() + of_tickets);
        for (&day, sums) in &self.0 {
            let mut whole = LineSum::default();
            for (product, sum) in in_order(&sums.products) {
                whole.add_all(sum);
                products.values_mut().extend([day.into(), product.into()]);
                products.values_mut().extend(sum.values());
            }
            days.values_mut().push(day.into());
            days.values_mut().extend(whole.values());
            for (store, (sum, tickets)) in in_order(&sums.stores) {
                stores.values_mut().extend([day.into(), store.into()]);
                stores.values_mut().extend(sum.values());
                stores
                    .values_mut()
                    .extend(tickets.values().into_iter().take(of_tickets));
            }
        }
        let mut statements = daily_sums::add(days, products, stores, of_tickets > 0);
        if of_tickets > 0 {
            // Only a look at all lines of the day tells which of its tickets are new, so that is left to readers.
            statements.push(daily_sums::mark_uncounted(days_with_tickets));
        }
        statements
    }

    /// The days with lines that name their ticket.
    fn days_with_tickets(&self) -> Vec<&'a str> {
        let have_tickets = |sums: &DaySums| sums.stores.values().any(|(_, tickets)| tickets.lines > 0);
        let days = self.0.iter().filter(|(_, sums)| have_tickets(sums));
        days.map(|(&day, _)| day).collect()
    }
}

fn in_order<T>(sums: &HashMap<i64, T>) -> impl Iterator<Item = (i64, &T)> {
    let mut sums: Vec<(i64, &T)> = sums.iter().map(|(&id, sum)| (id, sum)).collect();
    sums.sort_unstable_by_key(|(id, _)| *id);
    sums.into_iter()
}

/// What lines add up to.
#[derive(Debug, Default)]
struct LineSum {
    lines: i64,
    units: i64,
    cents: i64,
    returns_cents: i64,
}

impl LineSum {
    fn add(&mut self, units: i64, cents: i64) {
        self.lines += 1;
        self.units += units;
        self.cents += cents;
        self.returns_cents += cents.min(0);
    }

    /// In the order of [`LINE_SUMS`].
    fn values(&self) -> [Value; LINE_SUMS.len()] {
        [self.lines, self.units, self.cents, self.returns_cents].map(Value::Integer)
    }

    fn add_all(&mut self, other: &Self) {
        self.lines += other.lines;
        self.units += other.units;
        self.cents += other.cents;
        self.returns_cents += other.returns_cents;
    }
}

/// What the lines that name their ticket add up to.
#[derive(Debug, Default)]
struct TicketSum {
    lines: i64,
    units: i64,
    cents: i64,
}

impl TicketSum {
    fn add(&mut self, units: i64, cents: i64) {
        self.lines += 1;
        self.units += units;
        self.cents += cents;
    }

    /// In the order of [`TICKET_LINE_SUMS`].
    fn values(&self) -> [Value; TICKET_LINE_SUMS.len()] {
        [self.lines, self.units, self.cents].map(Value::Integer)
    }
}
