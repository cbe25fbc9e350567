use std::collections::BTreeSet;
use std::fs;

use super::catalogue::{products, stores};
use super::{BLOCK_ROWS, SalesPlan, write, write_sales};
use crate::generate::sample;

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert!(sales_text(1_000, 7) == sales_text(1_000, 7));
}

#[test]
fn another_seed_gives_other_sales() {
    assert!(sales_text(1_000, 7) != sales_text(1_000, 8));
}

/// Changes with any change of the sales, so that benchmarks over versions are on the same data.
#[test]
fn the_first_and_last_sales_stay_what_they_are() {
    let text = sales_text(100_000, 1);

    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "id,product_id,store_id,sale_date,quantity,amount");
    assert_eq!(lines[1], "1,139,180,2021-01-01,2,40.00");
    assert_eq!(lines[100_000], "100000,191,42,2023-12-31,1,43.20");
    assert_eq!(lines.len(), 100_001);
}

#[test]
fn every_sale_is_one_of_the_catalogue_at_a_whole_percent_discount() {
    let (products, stores) = (products(), stores());
    let text = sales_text(200_000, 3);

    let mut days = BTreeSet::new();
    let mut sold = [BTreeSet::new(), BTreeSet::new()];
    let mut last_date = "";
    for (id, line) in (1..).zip(text.lines().skip(1)) {
        let [found_id, product_id, store_id, date, quantity, amount] =
            line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let product_id: usize = product_id.parse().unwrap();
        let quantity: u64 = quantity.parse().unwrap();
        let cents: u64 = amount.replace('.', "").parse().unwrap();
        let unit_price = cents / quantity;
        let list_price = products[product_id - 1].price_euros * 100;
        assert_eq!(found_id.parse(), Ok(id));
        assert_eq!(amount.as_bytes()[amount.len() - 3], b'.');
        assert_eq!(cents % quantity, 0, "{line}");
        assert_eq!(unit_price * 100 % list_price, 0, "{line}");
        assert!(
            (list_price * 80 / 100..=list_price).contains(&unit_price),
            "{line}"
        );
        assert!(last_date <= date, "{line}");
        last_date = date;
        days.insert(date);
        sold[0].insert(product_id);
        sold[1].insert(store_id.parse::<usize>().unwrap());
    }

    assert_eq!(days.len(), 3 * 365);
    assert_eq!(days.first(), Some(&"2021-01-01"));
    assert_eq!(days.last(), Some(&"2023-12-31"));
    assert!(sold[0].iter().copied().eq(1..=products.len()));
    assert!(sold[1].iter().copied().eq(1..=stores.len()));
}

#[test]
fn saturdays_and_decembers_sell_more_than_mondays_and_augusts() {
    let text = sales_text(300_000, 5);
    let count = |matches: &dyn Fn(&str) -> bool| {
        let dates = text.lines().skip(1).filter_map(|line| line.split(',').nth(3));
        dates.filter(|date| matches(date)).count()
    };

    // 2 and 7 January 2023 were a Monday and a Saturday; both months have 31 days.
    let monday = count(&|date| date == "2023-01-02");
    let saturday = count(&|date| date == "2023-01-07");
    let august = count(&|date| date.starts_with("2022-08"));
    let december = count(&|date| date.starts_with("2022-12"));

    assert!(saturday * 10 > monday * 11, "{saturday} and {monday}");
    assert!(december * 10 > august * 14, "{december} and {august}");
}

#[test]
fn the_catalogue_has_two_hundred_products_and_stores_in_all_regions_of_the_sample() {
    let (products, stores) = (products(), stores());

    let names: BTreeSet<_> = products.iter().map(|product| &product.name).collect();
    let places: BTreeSet<_> = stores.iter().map(|store| (store.city, &store.address)).collect();
    assert_eq!((products.len(), names.len()), (200, 200));
    assert_eq!((stores.len(), places.len()), (200, 200));
    assert!(products.iter().all(|product| product.price_euros > 0));
    let sample_stores = sample::files().unwrap().swap_remove(1).content;
    let sample_regions: BTreeSet<_> = sample_stores
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').nth(2))
        .collect();
    assert_eq!(
        stores.iter().map(|store| store.region).collect::<BTreeSet<_>>(),
        sample_regions
    );
}

#[test]
fn progress_is_told_at_every_block_and_at_the_end() {
    let block = BLOCK_ROWS as u64;
    let mut told = Vec::new();

    let plan = plan(2 * block + 1, 1);
    write_sales(&mut Vec::new(), plan, &products(), &stores(), |rows| {
        told.push(rows);
    })
    .unwrap();

    assert_eq!(told, [block, 2 * block, 2 * block + 1]);
}

#[test]
fn the_files_are_written_below_the_directory_and_counted() {
    let dir = tempfile::tempdir().unwrap();

    let written = write(&dir.path().join("new"), plan(1_000, 1), |_| ()).unwrap();

    let names = ["products.csv", "stores.csv", "sales.csv"];
    assert_eq!(written.len(), names.len());
    for (written, name) in written.iter().zip(names) {
        let text = fs::read_to_string(dir.path().join("new").join(name)).unwrap();
        assert_eq!(written.path, dir.path().join("new").join(name));
        assert_eq!(written.bytes, text.len() as u64);
        assert_eq!(written.rows, text.lines().count() as u64 - 1);
        assert!(text.ends_with('\n') && !text.contains('"'));
    }
    assert_eq!(written[2].rows, 1_000);
}

#[test]
fn no_sales_are_a_file_with_its_header() {
    assert_eq!(
        sales_text(0, 1),
        "id,product_id,store_id,sale_date,quantity,amount\n"
    );
}

fn plan(rows: u64, seed: u64) -> SalesPlan {
    SalesPlan { rows, seed }
}

fn sales_text(rows: u64, seed: u64) -> String {
    let mut out = Vec::new();
    write_sales(&mut out, plan(rows, seed), &products(), &stores(), |_| ()).unwrap();
    String::from_utf8(out).unwrap()
}
