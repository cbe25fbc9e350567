//! Exports as the systems of shops write them, with all their columns, to figures that were worked out by hand.

#![expect(clippy::expect_used, reason = "a test whose export is not there has failed")]

mod reading;

use reading::Read;
use shop_exports::{Database, Options};

fn options(answers: &[(&str, &str)]) -> Options {
    Options {
        answers: answers
            .iter()
            .map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned()))
            .collect(),
        time_zone: Some("Europe/Paris".into()),
        ..Options::default()
    }
}

fn text(name: &str) -> String {
    let path = format!("{}/tests/systems/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the export is there")
}

fn read(name: &str) -> Read {
    reading::read(&text(name), &Database::default(), &options(&[]))
}

/// What a file must come to without any answer.
struct Expected {
    file: &'static str,
    cents: i64,
    lines: usize,
    products: usize,
    stores: usize,
    /// Questions that are asked with an assumed answer.
    asked: &'static [&'static str],
}

const fn expected(
    file: &'static str,
    (cents, lines): (i64, usize),
    (products, stores): (usize, usize),
    asked: &'static [&'static str],
) -> Expected {
    Expected {
        file,
        cents,
        lines,
        products,
        stores,
        asked,
    }
}

const EXPECTED: &[Expected] = &[
    // 59.80 + 9.90 + 29.90 − 2.99
    expected("amazon-orders.txt", (9_661, 3), (2, 2), &[]),
    // 49.84 + 24.92 − 24.92, without taxes
    expected("amazon-transactions.csv", (4_984, 3), (1, 2), &["amount_column"]),
    // 21.00 + 9.50 + 7.00
    expected("cashpad.csv", (3_750, 3), (2, 1), &["taxes"]),
    expected("ciel-lines.csv", (7_040, 2), (2, 1), &["taxes"]),
    // 1,245.00 + 3 × 9.50, shipping and taxes apart
    expected("ebay-orders.csv", (127_350, 2), (2, 2), &["currency"]),
    expected("ebp-lines.csv", (58_620, 4), (2, 1), &["taxes"]),
    // 36.00 + 42.00 − 3.60 + 42.00
    expected("etsy-items.csv", (11_640, 3), (2, 2), &[]),
    expected("excel-invoicing.csv", (96_000, 3), (2, 1), &["taxes"]),
    // 89.00 + 26.10 − 89.00 + 58.00
    expected("hiboutik.csv", (8_410, 4), (3, 2), &["taxes"]),
    expected("laddition.csv", (29_550, 4), (4, 1), &["taxes"]),
    // 12.99 + 19.49 + 6.50
    expected("lightspeed-r.csv", (3_898, 3), (2, 1), &["currency"]),
    // 12.00 + 20.00 + 6.00; rows of sales and payments say them again
    expected("lightspeed-x.csv", (3_800, 3), (2, 1), &["taxes"]),
    expected("loyverse.csv", (710, 3), (2, 1), &[]),
    // 24.00 + 18.00 + 54.00; cancelled; a quote
    expected("odoo-orders.csv", (9_600, 3), (2, 1), &["taxes"]),
    // 1,200.00 + 300.00, late − 60.00; a draft
    expected("pennylane.csv", (144_000, 3), (1, 1), &["taxes", "pending"]),
    expected("popina.csv", (1_490, 2), (2, 1), &["taxes"]),
    expected("prestashop-lines.csv", (9_000, 3), (2, 1), &["taxes"]),
    // 45.90 + 1,120.00 + 30.00 − 30.00
    expected("prestashop-orders.csv", (116_590, 4), (1, 1), &[]),
    expected("sage-lines.csv", (61_020, 3), (2, 1), &["taxes"]),
    // 66.87; 25.00 − 25.00; 30.00 − 10.00; 12.50; the fourth is not paid
    expected("shopify-orders.csv", (9_937, 7), (5, 2), &["pending"]),
    // 2 × 19.90 + 34.50 − 7.43
    expected("shopify-orders.json", (6_687, 2), (2, 1), &[]),
    // 7.00 + 3.60 − 3.50 + 4.20
    expected("square-items-fr.csv", (1_130, 4), (2, 1), &[]),
    // 10.50 + 1,200.00 − 3.50, without taxes and tips
    expected("square-transactions.csv", (120_700, 3), (1, 1), &["currency"]),
    // 49.00 + 92.15, converted + 49.00 − 49.00
    expected("stripe-payments.csv", (14_115, 4), (1, 1), &["converted"]),
    // 49.00 + 1,234.50 − 20.00, before fees
    expected("stripe-balance.csv", (126_350, 3), (1, 1), &[]),
    expected("sumup-items.csv", (500, 3), (2, 1), &["taxes"]),
    // 6.50 + 25.00 − 5.00, without tips
    expected("sumup-transactions.csv", (2_650, 3), (2, 1), &[]),
    expected("tactill.csv", (3_890, 3), (3, 1), &["taxes"]),
    // 22.00 + 33.00 − 5.50, before fees
    expected("uber-eats.csv", (4_950, 3), (1, 1), &["taxes"]),
    // 44.00 + 36.00 + 36.00 − 12.00
    expected("woocommerce-advanced.csv", (10_400, 5), (2, 1), &[]),
    expected("woocommerce-analytics-orders.csv", (6_000, 3), (3, 1), &[]),
    expected("zelty.csv", (5_190, 3), (2, 2), &["taxes"]),
    expected("zettle.csv", (2_400, 3), (2, 1), &[]),
];

#[test]
fn exports_of_systems_come_out_right_without_an_answer() {
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        let read = read(expected.file);
        let asked = read.asked();
        let found = (
            read.sum(),
            read.lines.len(),
            read.products().len(),
            read.stores().len(),
        );
        let right = (expected.cents, expected.lines, expected.products, expected.stores);
        if found != right || asked != expected.asked || !read.faults.is_empty() {
            let described = read.described();
            wrong.push(format!(
                "{}: {right:?} {:?}, found {found:?}\n{described}",
                expected.file, expected.asked
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_export_that_comes_again_has_the_same_keys() {
    for expected in EXPECTED {
        let (first, again) = (read(expected.file), read(expected.file));

        assert_eq!(first.keys(), again.keys(), "{}", expected.file);
        assert_eq!(first.keys().len(), expected.lines, "{}", expected.file);
    }
}

#[test]
fn what_is_no_list_of_sales_is_said_to_be_none() {
    for (file, words) in [
        ("pivot-months.csv", "the day of a sale"),
        ("table-products.csv", "the day of a sale"),
        ("table-customers.csv", "an amount or a price"),
    ] {
        let refused = reading::refused(&text(file));

        assert!(refused.message.contains(words), "{file}: {}", refused.message);
    }
}
