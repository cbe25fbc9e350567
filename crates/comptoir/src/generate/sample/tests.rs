//! The figures, summed anew from the text of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::targets::{MONTHS, PRODUCTS, REGIONS};
use super::{SampleFile, files, write};

#[test]
fn the_committed_data_is_what_the_generator_makes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");

    for file in &*FILES {
        let committed = fs::read_to_string(data.join(file.path)).unwrap();

        assert!(
            committed == file.content,
            "data/{} differs from what the generator makes",
            file.path
        );
    }
}

#[test]
fn the_files_are_written_below_the_directory() {
    let dir = tempfile::tempdir().unwrap();

    let written = write(&dir.path().join("new")).unwrap();

    assert_eq!(written.len(), FILES.len());
    for (written, file) in written.iter().zip(&*FILES) {
        assert_eq!(written.path, dir.path().join("new").join(file.path));
        assert_eq!(fs::read_to_string(&written.path).unwrap(), file.content);
        assert_eq!(written.bytes, file.content.len() as u64);
        assert_eq!(written.rows, file.content.lines().count() as u64 - 1);
    }
}

#[test]
fn every_file_is_plain_csv_with_its_columns() {
    let headers: Vec<(&str, String)> = FILES
        .iter()
        .map(|file| {
            assert!(file.content.ends_with('\n'), "{}", file.path);
            assert!(!file.content.contains(['"', '\r', '\u{feff}']), "{}", file.path);
            let header = file.content.lines().next().unwrap().to_owned();
            let columns = header.split(',').count();
            assert!(
                file.content
                    .lines()
                    .all(|line| line.split(',').count() == columns)
            );
            (file.path, header)
        })
        .collect();

    let sales = "id,product_id,store_id,sale_date,quantity,amount";
    assert_eq!(
        headers,
        [
            ("products.csv", "id,name,price,category".to_owned()),
            ("stores.csv", "id,city,region,address".to_owned()),
            ("sales.csv", sales.to_owned()),
            ("history/sales-2023-10.csv", sales.to_owned()),
            ("targets.csv", "product_id,month,target_amount".to_owned()),
        ]
    );
}

#[test]
fn november_gives_the_published_products() {
    let data = Data::read();

    let products = largest_first(data.sum(NOVEMBER, |sale| data.product_name(sale)));

    assert_eq!(data.total(NOVEMBER), euros(1_245_678));
    assert_eq!(
        products[..5],
        [
            (euros(320_450), "Premium Package"),
            (euros(285_670), "Business Suite"),
            (euros(210_890), "Standard Package"),
            (euros(185_430), "Basic Package"),
            (euros(120_230), "Add-on Module A"),
        ]
    );
}

#[test]
fn november_gives_the_published_regions_and_shares() {
    let data = Data::read();

    let regions = largest_first(data.sum(NOVEMBER, |sale| data.region(sale)));
    let shares: Vec<_> = regions
        .iter()
        .map(|(cents, region)| (*region, rounded(cents * 1_000, data.total(NOVEMBER))))
        .collect();

    assert_eq!(
        regions[..5],
        [
            (euros(450_230), "Île-de-France"),
            (euros(320_150), "Auvergne-Rhône-Alpes"),
            (euros(185_670), "Nouvelle-Aquitaine"),
            (euros(120_450), "Occitanie"),
            (euros(89_450), "Hauts-de-France"),
        ]
    );
    // In tenths of a percent.
    assert_eq!(
        shares,
        [
            ("Île-de-France", 361),
            ("Auvergne-Rhône-Alpes", 257),
            ("Nouvelle-Aquitaine", 149),
            ("Occitanie", 97),
            ("Hauts-de-France", 72),
            ("Provence-Alpes-Côte d'Azur", 17),
            ("Grand Est", 13),
            ("Pays de la Loire", 10),
            ("Bretagne", 8),
            ("Normandie", 6),
            ("Bourgogne-Franche-Comté", 5),
            ("Centre-Val de Loire", 4),
            ("Corse", 2),
        ]
    );
}

#[test]
fn occitanie_grows_most_and_every_region_as_meant() {
    let data = Data::read();

    let october = data.sum(OCTOBER, |sale| data.region(sale));
    let november = data.sum(NOVEMBER, |sale| data.region(sale));
    let mut growth: Vec<_> = november
        .into_iter()
        .map(|(region, cents)| {
            (
                rounded((cents - october[region]) * 10_000, october[region]),
                region,
            )
        })
        .collect();
    growth.sort_unstable_by(|one, other| other.cmp(one));

    assert_eq!(data.total(OCTOBER), euros(1_182_460));
    // In hundredths of a percent.
    assert_eq!(
        growth,
        [
            (2_200, "Occitanie"),
            (806, "Pays de la Loire"),
            (680, "Nouvelle-Aquitaine"),
            (671, "Bretagne"),
            (427, "Bourgogne-Franche-Comté"),
            (420, "Île-de-France"),
            (402, "Provence-Alpes-Côte d'Azur"),
            (368, "Centre-Val de Loire"),
            (360, "Auvergne-Rhône-Alpes"),
            (244, "Corse"),
            (-87, "Normandie"),
            (-91, "Grand Est"),
            (-240, "Hauts-de-France"),
        ]
    );
    let all = data.total(NOVEMBER) - data.total(OCTOBER);
    assert_eq!(rounded(all * 10_000, data.total(OCTOBER)), 535);
}

#[test]
fn weekends_sell_eighteen_percent_more() {
    let data = Data::read();

    // In ten-millionths.
    assert_eq!(data.weekend_uplift(NOVEMBER), 1_799_983);
    assert_eq!(data.weekend_uplift(""), 1_800_007);
    assert_eq!(data.weekend_uplift(OCTOBER), 1_862_229);
}

#[test]
fn one_product_alone_is_below_its_target_in_both_months() {
    let data = Data::read();

    let attainment = |month| {
        let sold = data.sum(month, |sale| sale.product_id);
        data.targets
            .iter()
            .filter(|target| target.month == month)
            .map(|target| {
                let name = data.products[&target.product_id].name.as_str();
                (name, rounded(sold[&target.product_id] * 1_000, target.cents))
            })
            .collect::<Vec<_>>()
    };

    // In tenths of a percent.
    assert_eq!(
        attainment(NOVEMBER),
        [
            ("Premium Package", 1_068),
            ("Business Suite", 1_039),
            ("Standard Package", 1_029),
            ("Basic Package", 1_030),
            ("Add-on Module A", 891),
            ("Add-on Module B", 1_034),
            ("Onboarding & Training", 1_017),
            ("Support Plan", 1_017),
        ]
    );
    let october = attainment(OCTOBER);
    assert_eq!(october.len(), 8);
    let below: Vec<_> = october
        .into_iter()
        .filter(|(_, attained)| *attained < 1_000)
        .collect();
    assert_eq!(below, [("Add-on Module A", 915)]);
}

#[test]
fn every_day_region_and_product_of_both_months_is_on_target() {
    let data = Data::read();

    for (position, month) in [OCTOBER, NOVEMBER].into_iter().enumerate() {
        let days = data.sum(month, |sale| sale.date.as_str());
        let regions = data.sum(month, |sale| data.region(sale));
        let products = data.sum(month, |sale| data.product_name(sale));

        let daily: Vec<i64> = MONTHS[position]
            .daily_euros
            .iter()
            .map(|euros| euros * 100)
            .collect();
        assert_eq!(days.values().copied().collect::<Vec<_>>(), daily);
        assert_eq!(regions.len(), REGIONS.len());
        for region in &REGIONS {
            assert_eq!(
                regions[region.name], region.revenue_cents[position],
                "{month} {}",
                region.name
            );
        }
        assert_eq!(products.len(), PRODUCTS.len());
        for product in &PRODUCTS {
            assert_eq!(
                products[product.name], product.revenue_cents[position],
                "{month} {}",
                product.name
            );
        }
    }
}

#[test]
fn every_line_has_a_price_in_whole_cents_at_a_plausible_discount() {
    let data = Data::read();

    let mut whole_percent = 0;
    for sale in &data.sales {
        let product = &data.products[&sale.product_id];
        let unit_price = sale.cents / sale.quantity;
        assert_eq!(sale.cents % sale.quantity, 0, "{sale:?}");
        assert!(
            (1..=max_quantity(&product.name)).contains(&sale.quantity),
            "{sale:?}"
        );
        assert!(unit_price <= product.price_cents, "{sale:?}");
        assert!(unit_price * 100 >= product.price_cents * 78, "{sale:?}");
        if unit_price * 100 % product.price_cents == 0 && unit_price * 100 >= product.price_cents * 80 {
            whole_percent += 1;
        } else {
            assert_eq!(sale.quantity, 1, "{sale:?}");
        }
    }

    let sales = data.sales.len();
    assert!((7_000..9_000).contains(&sales), "{sales} sales");
    assert!(
        whole_percent * 100 >= sales * 95,
        "{whole_percent} of {sales} sales"
    );
}

#[test]
fn sales_are_numbered_in_the_order_of_their_days_without_a_gap() {
    let data = Data::read();

    let ids: Vec<i64> = data.sales.iter().map(|sale| sale.id).collect();
    let days: BTreeSet<&str> = data.sales.iter().map(|sale| sale.date.as_str()).collect();

    assert!(ids.into_iter().eq((1..).take(data.sales.len())));
    assert!(data.sales.is_sorted_by_key(|sale| &sale.date));
    let october = (1..=31).map(|day| format!("2023-10-{day:02}"));
    let november = (1..=30).map(|day| format!("2023-11-{day:02}"));
    assert!(days.into_iter().eq(october.chain(november)));
}

#[test]
fn every_store_of_every_region_sells_in_both_months() {
    let data = Data::read();

    for month in [OCTOBER, NOVEMBER] {
        assert_eq!(data.sum(month, |sale| sale.store_id).len(), 29, "{month}");
        assert_eq!(data.sum(month, |sale| data.region(sale)).len(), 13, "{month}");
    }
}

const OCTOBER: &str = "2023-10";
const NOVEMBER: &str = "2023-11";

/// Made once, since each test only reads them.
static FILES: LazyLock<Vec<SampleFile>> = LazyLock::new(|| files().unwrap());

/// The sample as its reader sees it.
struct Data {
    products: BTreeMap<i64, ProductRow>,
    /// Region by store id.
    stores: BTreeMap<i64, String>,
    /// October, then November.
    sales: Vec<SaleRow>,
    targets: Vec<TargetRow>,
}

struct ProductRow {
    name: String,
    price_cents: i64,
}

#[derive(Debug)]
struct SaleRow {
    id: i64,
    product_id: i64,
    store_id: i64,
    date: String,
    quantity: i64,
    cents: i64,
}

struct TargetRow {
    product_id: i64,
    month: String,
    cents: i64,
}

impl Data {
    fn read() -> Self {
        let files = &*FILES;
        let rows = |path| {
            let file = files.iter().find(|file| file.path == path).unwrap();
            let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
            file.content.lines().skip(1).map(fields).collect::<Vec<_>>()
        };
        let product = |row: Vec<String>| {
            let [id, name, price, _category] = row.try_into().unwrap();
            (
                id.parse().unwrap(),
                ProductRow {
                    name,
                    price_cents: cents(&price),
                },
            )
        };
        let store = |row: Vec<String>| {
            let [id, _city, region, _address] = row.try_into().unwrap();
            (id.parse().unwrap(), region)
        };
        let sale = |row: Vec<String>| {
            let [id, product_id, store_id, date, quantity, amount] = row.try_into().unwrap();
            SaleRow {
                id: id.parse().unwrap(),
                product_id: product_id.parse().unwrap(),
                store_id: store_id.parse().unwrap(),
                date,
                quantity: quantity.parse().unwrap(),
                cents: cents(&amount),
            }
        };
        let target = |row: Vec<String>| {
            let [product_id, month, amount] = row.try_into().unwrap();
            TargetRow {
                product_id: product_id.parse().unwrap(),
                month,
                cents: cents(&amount),
            }
        };
        let october = rows("history/sales-2023-10.csv");
        let november = rows("sales.csv");
        assert!(november.iter().all(|row| row[3].starts_with(NOVEMBER)));
        Self {
            products: rows("products.csv").into_iter().map(product).collect(),
            stores: rows("stores.csv").into_iter().map(store).collect(),
            sales: october.into_iter().chain(november).map(sale).collect(),
            targets: rows("targets.csv").into_iter().map(target).collect(),
        }
    }

    fn product_name(&self, sale: &SaleRow) -> &str {
        &self.products[&sale.product_id].name
    }

    fn region(&self, sale: &SaleRow) -> &str {
        &self.stores[&sale.store_id]
    }

    /// Cents by `key`, of the sales whose date starts with `month`.
    fn sum<'a, K: Ord>(&'a self, month: &str, key: impl Fn(&'a SaleRow) -> K) -> BTreeMap<K, i64> {
        let mut sums = BTreeMap::new();
        for sale in self.sales.iter().filter(|sale| sale.date.starts_with(month)) {
            *sums.entry(key(sale)).or_default() += sale.cents;
        }
        sums
    }

    fn total(&self, month: &str) -> i64 {
        self.sum(month, |_| ()).values().sum()
    }

    /// Mean of the Saturdays and Sundays over the mean of the other days, less one, in ten-millionths.
    fn weekend_uplift(&self, month: &str) -> i64 {
        let (mut weekend, mut weekend_days, mut other, mut other_days) = (0, 0, 0, 0);
        for (date, cents) in self.sum(month, |sale| sale.date.as_str()) {
            // 1 October 2023 was a Sunday.
            let day: i64 = date[8..].parse().unwrap();
            let since_sunday = (day - 1 + if date.starts_with(OCTOBER) { 0 } else { 31 }) % 7;
            if since_sunday == 0 || since_sunday == 6 {
                weekend += cents;
                weekend_days += 1;
            } else {
                other += cents;
                other_days += 1;
            }
        }
        rounded(weekend * other_days * 10_000_000, other * weekend_days) - 10_000_000
    }
}

fn largest_first(sums: BTreeMap<&str, i64>) -> Vec<(i64, &str)> {
    let mut sums: Vec<_> = sums.into_iter().map(|(name, cents)| (cents, name)).collect();
    sums.sort_unstable_by(|one, other| other.cmp(one));
    sums
}

fn max_quantity(product: &str) -> i64 {
    match product {
        "Premium Package" => 3,
        "Business Suite" => 4,
        "Standard Package" => 5,
        "Basic Package" | "Add-on Module B" => 8,
        "Add-on Module A" => 10,
        "Onboarding & Training" => 2,
        "Support Plan" => 12,
        other => panic!("{other} is not a product of the sample"),
    }
}

/// An amount in euros as cents.
fn euros(euros: i64) -> i64 {
    euros * 100
}

/// `"12.30"` as 1230. Exactly two decimals.
fn cents(amount: &str) -> i64 {
    let (euros, cents) = amount.split_once('.').unwrap();
    assert_eq!(cents.len(), 2, "{amount}");
    euros.parse::<i64>().unwrap() * 100 + cents.parse::<i64>().unwrap()
}

/// `numerator / denominator` to the nearest integer.
fn rounded(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}
