//! The sample as CSV text. No field of it needs quoting.

use std::fmt;

use super::Sale;
use super::targets::{MONTHS, PRODUCTS, Product, STORES, Store};
use crate::generate::calendar::Date;

pub(super) fn products() -> String {
    let rows = PRODUCTS.iter().zip(1..);
    let row = |(product, id): (&Product, i64)| {
        let price = Euros(product.list_price_euros * 100);
        format!("{id},{},{price},{}", product.name, product.category)
    };
    csv("id,name,price,category", rows.map(row))
}

pub(super) fn stores() -> String {
    let rows = STORES.iter().zip(1..);
    let row = |(store, id): (&Store, i64)| format!("{id},{},{},{}", store.city, store.region, store.address);
    csv("id,city,region,address", rows.map(row))
}

/// The sales of the month at this position of [`MONTHS`], numbered from `first_id`.
pub(super) fn sales(month: usize, first_id: usize, sales: &[Sale]) -> String {
    let days: Vec<Date> = days_of(month).collect();
    let row = |(Sale { line, store }, id): (&Sale, usize)| {
        let (product_id, store_id) = (line.product + 1, store + 1);
        let (date, quantity, amount) = (days[line.day], line.quantity, Euros(line.amount_cents()));
        format!("{id},{product_id},{store_id},{date},{quantity},{amount}")
    };
    csv(
        "id,product_id,store_id,sale_date,quantity,amount",
        sales.iter().zip(first_id..).map(row),
    )
}

pub(super) fn targets() -> String {
    let rows = MONTHS.iter().enumerate().flat_map(|(position, month)| {
        let row = move |(product, id): (&Product, i64)| {
            let target = Euros(product.target_euros[position] * 100);
            format!("{id},{},{target}", month.first.year_month())
        };
        PRODUCTS.iter().zip(1..).map(row)
    });
    csv("product_id,month,target_amount", rows)
}

fn days_of(month: usize) -> impl Iterator<Item = Date> {
    let month = &MONTHS[month];
    std::iter::successors(Some(month.first), |day| Some(day.next())).take(month.daily_euros.len())
}

fn csv(header: &str, rows: impl Iterator<Item = String>) -> String {
    let mut text = format!("{header}\n");
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// Cents, not negative, written as euros with two decimals and a dot.
struct Euros(i64);

impl fmt::Display for Euros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}
