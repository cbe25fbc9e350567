//! Figures over HTTP.

use crate::support::Stack;
use jiff::ToSpan as _;
use jiff::civil::Date;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use test_kit::plain::{self, ANALYSES, Days, Dialect};

/// The values of `column` in an answer's rows.
fn column(answer: &Value, column: &str) -> Vec<Value> {
    answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[column].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_gives_the_published_figures() {
    let stack = Stack::with_sample().await;
    let script = &stack.script;

    let total = script.get("/analysis/total").await.text().await.unwrap();
    assert!(total.contains("\"total_revenue\":1245678.00"), "{total}");
    assert!(
        total.contains(r#""window":{"from":"2023-11-01","to":"2023-11-30"}"#),
        "{total}"
    );

    let product = script.json("/analysis/product?limit=5").await;
    assert_eq!(
        column(&product, "total_sales"),
        [320_450.0, 285_670.0, 210_890.0, 185_430.0, 120_230.0].map(Value::from)
    );

    let region = script.get("/analysis/region?limit=5").await.text().await.unwrap();
    assert!(
        region.contains(
            r#""rows":[{"region":"Île-de-France","total_sales":450230.00,"share":36.1},{"region":"Auvergne-Rhône-Alpes","total_sales":320150.00,"share":25.7},{"region":"Nouvelle-Aquitaine","total_sales":185670.00,"share":14.9},{"region":"Occitanie","total_sales":120450.00,"share":9.7},{"region":"Hauts-de-France","total_sales":89450.00,"share":7.2}]"#
        ),
        "{region}"
    );

    let seasonality = script.json("/analysis/seasonality").await;
    assert_eq!(seasonality["weekend_uplift"], json!(18.0), "{seasonality:#}");

    let growth = script.json("/analysis/growth").await;
    assert_eq!(growth["rows"][0]["region"], "Occitanie", "{growth:#}");
    assert_eq!(growth["rows"][0]["growth"], json!(22.0));

    let targets = script.json("/analysis/targets").await;
    let below: Vec<&Value> = targets["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["below_target"] == true)
        .map(|row| &row["name"])
        .collect();
    assert_eq!(below, ["Add-on Module A"], "{targets:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_sql_of_the_origin_gives_the_same() {
    let stack = Stack::with_sample().await;
    stack
        .db
        .client
        .execute("DELETE FROM sales WHERE sale_date < '2023-11-01'", Vec::new())
        .await
        .unwrap();

    let total = stack.value("SELECT SUM(amount) FROM sales").await;
    let top = stack
        .value(
            "SELECT SUM(s.amount) FROM sales s JOIN products p ON s.product_id = p.id
            GROUP BY p.name ORDER BY 1 DESC LIMIT 1",
        )
        .await;

    assert!((total.as_f64().unwrap() - 1_245_678.0).abs() < 0.005, "{total}");
    assert!((top.as_f64().unwrap() - 320_450.0).abs() < 0.005, "{top}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_analysis_answers_with_and_without_data() {
    for stack in [Stack::start().await, Stack::with_sample().await] {
        let list = stack.script.json("/analysis").await;
        let names = list["analyses"].as_array().unwrap();
        assert_eq!(names.len(), 22);
        for analysis in names {
            let name = analysis["name"].as_str().unwrap();
            for query in [
                "",
                "?period=2024",
                "?region=Occitanie",
                "?product=1&store=1",
                "?source=lines",
            ] {
                let answer = stack.script.json(&format!("/analysis/{name}{query}")).await;
                assert_eq!(answer["columns"], analysis["columns"], "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn daily_sums_and_lines_give_the_same_answers() {
    let stack = Stack::with_sample().await;
    for sql in [
        "UPDATE sales SET amount_cents = amount_cents + 12345, sale_date = '2023-11-03' WHERE id = 4000",
        "DELETE FROM sales WHERE id % 97 = 0",
        "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
            VALUES (4001, 2, 3, '2023-10-05', -1000, -34900)",
        "UPDATE stores SET region = NULL WHERE id = 7",
    ] {
        stack.db.client.execute(sql, Vec::new()).await.unwrap();
    }

    let list = stack.script.json("/analysis").await;
    for analysis in list["analyses"].as_array().unwrap() {
        let name = analysis["name"].as_str().unwrap();
        for window in ["period=2023-11", "period=all", "from=2023-10-03&to=2023-10-07"] {
            let sums = stack.script.json(&format!("/analysis/{name}?{window}")).await;
            let lines = stack
                .script
                .json(&format!("/analysis/{name}?{window}&source=lines"))
                .await;
            assert_eq!(sums["rows"], lines["rows"], "{name} {window}");
        }
    }
    let returns = stack.script.json("/analysis/total?period=all").await;
    assert_eq!(returns["returns"], json!(-349.0));
}

/// A small generator of numbers, the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_the_sales_shows_in_every_analysis() {
    let stack = Stack::start_with(|config| config.batch_rows = 7).await;
    stack.seed().await;
    let targets = "INSERT INTO product_targets (product_id, month, target_cents)
        VALUES (1, '2023-10', 33333), (1, '2023-11', 50000), (2, '2023-11', 0)";
    stack.db.client.execute(targets, Vec::new()).await.unwrap();
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let list = stack.script.json("/analysis").await;

    for round in 0..12 {
        for _ in 0..4 {
            change(&stack, &mut dice).await;
        }
        // The first reader after a change may be any of them.
        let plain = stack
            .value("SELECT COALESCE(SUM(amount_cents), 0) FROM sales")
            .await
            .as_i64();
        let total = stack
            .script
            .get("/analysis/total?period=all")
            .await
            .text()
            .await
            .unwrap();
        let cents: String = total
            .split("\"total_revenue\":")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(|digit| !matches!(digit, ',' | '}'))
            .filter(|digit| *digit != '.')
            .collect();
        assert_eq!(cents.parse().ok(), plain, "round {round}");
        for analysis in list["analyses"].as_array().unwrap() {
            let name = analysis["name"].as_str().unwrap();
            for window in ["period=all", "period=2023-11", "region=Nord", "product=1"] {
                let sums = stack.script.json(&format!("/analysis/{name}?{window}")).await;
                let lines = stack
                    .script
                    .json(&format!("/analysis/{name}?{window}&source=lines"))
                    .await;
                assert_eq!(sums["rows"], lines["rows"], "{name} {window} round {round}");
            }
        }
        let from = Date::constant(2023, 9, 25) + i64::try_from(dice.roll(60)).unwrap().days();
        let to = from + i64::try_from(dice.roll(40)).unwrap().days();
        for window in [
            "period=2023-11",
            "period=2023-10",
            "period=all",
            &format!("from={from}&to={to}"),
        ] {
            as_plain_sql_says(&stack, &list, window).await;
        }
    }
    assert!(stack.value("SELECT COUNT(*) FROM sales").await.as_u64() > Some(20));
}

/// Every analysis of `catalog` says of `window` what plain SQL over `sales` says, to the cent.
async fn as_plain_sql_says(stack: &Stack, catalog: &Value, window: &str) {
    let bounds = "SELECT MIN(sale_date), MAX(sale_date) FROM sales";
    let bounds = stack.db.client.query(bounds, Vec::new()).await.unwrap();
    let (Some(first), Some(last)) = (bounds.rows[0][0].as_str(), bounds.rows[0][1].as_str()) else {
        return;
    };
    for description in catalog["analyses"].as_array().unwrap() {
        let name = description["name"].as_str().unwrap();
        let (_, sql) = ANALYSES
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name} has no plain SQL to compare it with"));
        let answer = stack.script.json(&format!("/analysis/{name}?{window}")).await;
        let days = days_of(&answer, window, first, last);
        let sql = plain::render(sql, Dialect::Sqlite, &days);
        let result = stack
            .db
            .client
            .query(&sql, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
        let rows: Vec<Value> = result
            .rows
            .iter()
            .map(|row| {
                let values = result.columns.iter().zip(row);
                values
                    .map(|(column, value)| (column.name.clone(), serde_json::to_value(value).unwrap()))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        if let Err(how) = plain::same(description, &answer, &rows) {
            panic!("{name} {window}: {how}\n{answer:#}\n{rows:#?}");
        }
    }
}

/// The days that `answer` to `window` is about, where the data reaches from `first` to `last`.
fn days_of(answer: &Value, window: &str, first: &str, last: &str) -> Days {
    let day = |end: &str| answer["window"][end].as_str().unwrap().parse::<Date>().unwrap();
    let (from, to) = (day("from"), day("to"));
    let before = from.yesterday().unwrap();
    let (previous_from, previous_to) = match window {
        "period=all" => (before, before - 1.day()),
        month if month.starts_with("period=") => (from - 1.month(), before),
        _ => (before - (to - from), before),
    };
    let last_day: Date = last.parse().unwrap();
    let previous_to_date = if to <= last_day {
        previous_to
    } else {
        previous_to.min(previous_from + (last_day - from))
    };
    Days {
        from: from.to_string(),
        to: to.to_string(),
        previous_from: previous_from.to_string(),
        previous_to: previous_to.to_string(),
        previous_to_date: previous_to_date.to_string(),
        first: first.to_owned(),
        last: last.to_owned(),
        six_days_before: (from - 6.days()).to_string(),
    }
}

#[test]
fn plain_sql_is_written_for_both_databases() {
    let days = Days {
        from: "2023-11-01".into(),
        to: "2023-11-30".into(),
        previous_from: "2023-10-01".into(),
        previous_to: "2023-10-31".into(),
        previous_to_date: "2023-10-20".into(),
        first: "2023-10-15".into(),
        last: "2023-11-20".into(),
        six_days_before: "2023-10-26".into(),
    };
    for (name, sql) in ANALYSES.iter() {
        for dialect in [Dialect::Sqlite, Dialect::DuckDb] {
            let text = plain::render(sql, dialect, &days);
            assert!(!text.contains(['{', ':']), "{name}: {text}");
        }
    }
}

/// One random change: by import, by hand, or rolled back.
async fn change(stack: &Stack, dice: &mut Dice) {
    let id = dice.roll(60) + 1;
    let (product, store) = (dice.roll(2) + 1, 10 * (dice.roll(2) + 1));
    // Some are years away, so that there are whole years.
    let (year, month) = if dice.roll(4) == 0 {
        (2021 + dice.roll(4), 1 + dice.roll(12))
    } else {
        (2023, 10 + dice.roll(2))
    };
    let day = format!("{year}-{month:02}-{:02}", dice.roll(28) + 1);
    let cents = i64::try_from(dice.roll(20_000)).unwrap() - 3_000;
    let sql = match dice.roll(10) {
        0..=3 => {
            let mut file = String::from("id,product_id,store_id,sale_date,quantity,amount,ticket_id\n");
            for line in 0..20 {
                let amount = dice.roll(9_000);
                let sign = if dice.roll(6) == 0 { "-" } else { "" };
                let store = 10 * (dice.roll(2) + 1);
                let day = dice.roll(28) + 1;
                // Some tickets are in several files, some lines have none.
                let ticket = dice.roll(4);
                let ticket = if ticket == 0 { String::new() } else { format!("T{ticket}") };
                let _ = writeln!(
                    file,
                    "{},{product},{store},2023-11-{day:02},{sign}1,{sign}{}.{:02},{ticket}",
                    id + line,
                    amount / 100,
                    amount % 100
                );
            }
            let mode =
                ["upsert", "insert_new", "append", "replace_period"][usize::try_from(dice.roll(4)).unwrap()];
            stack
                .script
                .job(&format!("/jobs/import?table=sales&mode={mode}"), file)
                .await;
            return;
        }
        4 => format!(
            "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents, ticket_id)
            VALUES ({id}, {product}, {store}, '{day}', -1000, {cents}, 'T{}')",
            id % 3
        ),
        5 => format!(
            "UPDATE sales SET amount_cents = {cents}, store_id = {store} WHERE id % 7 = {}",
            id % 7
        ),
        6 => format!("DELETE FROM sales WHERE id % 11 = {}", id % 11),
        7 => format!(
            "UPDATE sales SET ticket_id = CASE WHEN id % 2 = 0 THEN 'T{}' END WHERE id % 5 = {}",
            id % 4,
            id % 5
        ),
        8 => format!(
            "UPDATE OR REPLACE sales SET id = {}, sale_date = '{day}' WHERE id = {id}",
            dice.roll(60) + 1
        ),
        _ => {
            let sql = format!("UPDATE sales SET amount_cents = {cents} WHERE id > {id}");
            let rolled_back = db_client::db_api::ExecuteRequest {
                sql,
                dry_run: true,
                ..Default::default()
            };
            stack.db.client.execute_request(&rolled_back).await.unwrap();
            return;
        }
    };
    stack.db.client.execute(&sql, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_take_parts_that_add_up() {
    let stack = Stack::with_sample().await;
    let total = |answer: &Value| answer["rows"][0]["total_revenue"].as_f64().unwrap();

    let all = total(&stack.script.json("/analysis/total").await);
    let mut parts = 0.0;
    for region in column(&stack.script.json("/analysis/region").await, "region") {
        let path = format!("/analysis/total?region={}", urlencode(region.as_str().unwrap()));
        parts += total(&stack.script.json(&path).await);
    }
    let by_product = stack.script.json("/analysis/product?region=Occitanie").await;
    let occitanie: f64 = column(&by_product, "total_sales")
        .iter()
        .filter_map(Value::as_f64)
        .sum();

    assert!((all - parts).abs() < 0.005, "{all} {parts}");
    assert!((occitanie - 120_450.0).abs() < 0.005, "{occitanie}");
}

fn urlencode(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_computed_again_only_when_the_data_changed() {
    let stack = Stack::with_sample().await;
    let first = stack.script.get("/analysis/region").await;
    let tag = first.headers()["etag"].clone();

    let again = stack
        .script
        .request(Method::GET, "/analysis/region")
        .header("if-none-match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

    let sql = "UPDATE sales SET amount_cents = amount_cents + 100 WHERE id = 5000";
    stack.db.client.execute(sql, Vec::new()).await.unwrap();
    let changed = stack
        .script
        .request(Method::GET, "/analysis/region")
        .header("if-none-match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    let total = stack.script.get("/analysis/total").await.text().await.unwrap();
    assert!(total.contains("1245679.00"), "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_comes_in_the_flavour_that_a_french_excel_opens() {
    let stack = Stack::with_sample().await;

    let plain = stack.script.get("/analysis/region?limit=1&format=csv").await;
    assert_eq!(plain.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        plain.text().await.unwrap(),
        "region,total_sales,share\r\nÎle-de-France,450230.00,36.1\r\n"
    );
    let french = stack
        .script
        .get("/analysis/region?limit=1&format=csv&dialect=fr")
        .await;
    assert_eq!(
        french.bytes().await.unwrap(),
        "\u{feff}region;total_sales;share\r\nÎle-de-France;450230,00;36,1\r\n".as_bytes()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_not_over_is_not_compared_with_a_whole_one() {
    let stack = Stack::with_sample().await;

    let growth = stack
        .script
        .json("/analysis/growth?period=2023-11&as_of=2023-11-15")
        .await;

    assert_eq!(growth["partial_period"], true);
    assert_eq!(growth["rows"][0]["growth"], Value::Null);
    let half = |month: &str| format!("/analysis/region?from=2023-{month}-01&to=2023-{month}-15");
    let now = stack.script.json(&half("11")).await["rows"][0].clone();
    let before = stack.script.json(&half("10")).await;
    let before = before["rows"].as_array().unwrap().iter();
    let before = before.clone().find(|row| row["region"] == now["region"]).unwrap();
    let row = growth["rows"].as_array().unwrap().iter();
    let row = row.clone().find(|row| row["region"] == now["region"]).unwrap();
    assert_eq!(row["current"], now["total_sales"], "{growth:#}");
    assert_eq!(row["previous_to_date"], before["total_sales"]);
    let (now, before) = (
        now["total_sales"].as_f64().unwrap(),
        before["total_sales"].as_f64().unwrap(),
    );
    let rate = row["growth_to_date"].as_f64().unwrap();
    assert!((rate - 100.0 * (now - before) / before).abs() < 0.051, "{rate}");
}

/// Day, product, store, quantity, cents and ticket.
type Line<'a> = (&'a str, i64, i64, i64, i64, Option<&'a str>);

async fn sell(stack: &Stack, lines: &[Line<'_>]) {
    for &(day, product, store, quantity, cents, ticket) in lines {
        let sql =
            "INSERT INTO sales (sale_date, product_id, store_id, quantity_milli, amount_cents, ticket_id)
            VALUES (?1, ?2, ?3, ?4 * 1000, ?5, ?6)";
        let params: Vec<db_client::db_api::Value> = vec![
            day.into(),
            product.into(),
            store.into(),
            quantity.into(),
            cents.into(),
            ticket.into(),
        ];
        stack.db.client.execute(sql, params).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_sum_to_a_hundred_when_that_is_asked_for() {
    let stack = Stack::with_sample().await;
    let published = stack.script.json("/analysis/region?limit=5").await;

    let rounded = stack
        .script
        .json("/analysis/region?rounding=largest_remainder")
        .await;
    let top = stack
        .script
        .json("/analysis/region?rounding=largest_remainder&limit=5")
        .await;

    let tenths = column(&rounded, "share")
        .iter()
        .map(|share| (share.as_f64().unwrap() * 10.0).round())
        .sum::<f64>()
        .to_string();
    assert_eq!(tenths, "1000");
    assert_eq!(column(&top, "share"), column(&published, "share"));
    let growth = stack
        .script
        .json("/analysis/growth?rounding=largest_remainder")
        .await;
    assert_eq!(
        growth["rows"],
        stack.script.json("/analysis/growth").await["rows"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_is_taken_apart() {
    let stack = Stack::with_sample().await;

    let regions = stack.script.json("/analysis/growth").await;
    let products = stack.script.json("/analysis/product_growth").await;

    assert_eq!(regions["high_potential"], "Occitanie");
    assert_eq!(regions["rows"][0]["region"], "Occitanie");
    assert_eq!(regions["rows"][0]["growth"], 22.0);
    assert_eq!(regions["rows"][0]["day_adjusted_growth"], 26.1);
    for answer in [&regions, &products] {
        let sum: f64 = column(answer, "contribution")
            .iter()
            .map(|points| points.as_f64().unwrap())
            .sum();
        let total = answer["total_growth"].as_f64().unwrap();
        assert!((sum - total).abs() < 0.7, "{sum} {total}");
    }
    assert_eq!(regions["total_growth"], products["total_growth"]);
    let strict = stack.script.json("/analysis/like_for_like?strict=true").await;
    assert_eq!(strict["total_growth"], products["total_growth"]);
    let year = stack.script.json("/analysis/growth?compare=year_before").await;
    assert_eq!(year["partial_period"], true);
    assert!(
        year["notes"][0]
            .as_str()
            .unwrap()
            .contains("2022-11-01 to 2022-11-30"),
        "{year:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_and_products_that_come_and_go_are_told_apart() {
    let stack = Stack::start().await;
    stack.seed().await;
    stack
        .db
        .client
        .execute(
            "INSERT INTO stores (id, city, region) VALUES (30, 'Nice', 'Sud')",
            Vec::new(),
        )
        .await
        .unwrap();
    sell(
        &stack,
        &[
            ("2023-10-01", 1, 10, 1, 1_000, None),
            ("2023-10-31", 1, 20, 1, 500, None),
            ("2023-11-01", 1, 10, 1, 1_100, None),
            ("2023-11-02", 2, 30, 1, 4_000, None),
            ("2023-11-30", 2, 10, 1, 0, None),
        ],
    )
    .await;

    let stores = stack.script.json("/analysis/like_for_like").await;
    assert_eq!(stores["like_for_like_growth"], 10.0);
    assert_eq!(stores["total_growth"], 240.0);
    assert_eq!(stores["stores_left_out"], 2);
    assert_eq!(stores["revenue_left_out"], 40.0);
    let products = stack.script.json("/analysis/product_growth").await;
    assert_eq!(column(&products, "status"), ["new", "kept"]);
    assert_eq!(products["rows"][0]["growth"], Value::Null);
    let regions = stack.script.json("/analysis/growth").await;
    assert_eq!(regions["new_regions"], "Sud");
    assert_eq!(regions["lost_regions"], "(unknown)");
    assert_eq!(regions["zero_bases"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_returns_prices_and_concentration_follow_their_definitions() {
    let stack = Stack::start().await;
    stack.seed().await;
    let none = stack.script.json("/analysis/tickets").await;
    assert_eq!(none["rows"][0]["average_ticket"], Value::Null);
    sell(
        &stack,
        &[
            ("2023-11-01", 1, 10, 2, 900, Some("T1")),
            ("2023-11-01", 2, 10, 1, 120, Some("T1")),
            ("2023-11-01", 1, 20, 1, 480, Some("T1")),
            ("2023-11-02", 1, 10, 1, 500, Some("T1")),
            ("2023-11-02", 2, 10, -1, -120, None),
        ],
    )
    .await;

    let tickets = stack.script.json("/analysis/tickets").await["rows"][0].clone();
    assert_eq!(tickets["tickets"], 3);
    assert_eq!(tickets["average_ticket"], 6.67);
    assert_eq!(tickets["units_per_ticket"], 1.67);
    assert_eq!(tickets["lines_without_ticket"], 1);
    let one = stack.script.json("/analysis/tickets?store=20").await["rows"][0].clone();
    assert_eq!(
        (&one["tickets"], &one["average_ticket"]),
        (&json!(1), &json!(4.8))
    );
    let returns = stack.script.json("/analysis/returns").await;
    assert_eq!(returns["rows"][0]["product_id"], 2);
    assert_eq!(returns["rows"][0]["return_rate"], 100.0);
    assert_eq!(returns["total_returns"], -1.2);
    let pricing = stack.script.json("/analysis/pricing").await;
    assert_eq!(pricing["rows"][0]["average_price"], 4.7);
    assert_eq!(pricing["rows"][0]["discount_rate"], 6.0);
    assert_eq!(pricing["rows"][1]["average_price"], Value::Null);
    let concentration = stack.script.json("/analysis/concentration").await;
    assert_eq!(column(&concentration, "hhi"), [10_000.0, 6_197.4, 6_197.4]);
    assert_eq!(concentration["rows"][1]["top_1_share"], 74.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_averages_and_periods_to_date_fill_the_calendar() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(
        &stack,
        &[
            ("2023-10-01", 1, 10, 1, 3_100, None),
            ("2023-11-01", 1, 10, 1, 1_000, None),
            ("2023-11-06", 1, 10, 1, 600, None),
            ("2023-11-10", 1, 10, 1, 400, None),
        ],
    )
    .await;

    let weeks = stack
        .script
        .json("/analysis/week?from=2023-10-30&to=2023-11-10")
        .await;
    assert_eq!(column(&weeks, "week"), ["2023-W44", "2023-W45"]);
    assert_eq!(column(&weeks, "total_sales"), [10.0, 10.0]);
    assert_eq!(column(&weeks, "partial"), [false, true]);
    let three = stack
        .script
        .json("/analysis/moving_average?days=3&centred=true&from=2023-11-05&to=2023-11-10")
        .await;
    assert_eq!(
        column(&three, "moving_average"),
        [
            json!(2.0),
            json!(2.0),
            json!(2.0),
            json!(0.0),
            json!(1.33),
            Value::Null
        ]
    );
    let seven = stack.script.json("/analysis/moving_average").await;
    let trend = stack.script.json("/analysis/trend").await;
    assert_eq!(
        column(&seven, "moving_average"),
        column(&trend, "moving_average_7d")
    );
    let to_date = stack.script.json("/analysis/to_date").await;
    let month = &to_date["rows"][0];
    assert_eq!(
        (&month["total_sales"], &month["previous_sales"]),
        (&json!(20.0), &json!(31.0))
    );
    assert_eq!(month["previous_to"], "2023-10-10");
    assert_eq!(month["growth"], -35.5);
    assert_eq!(month["run_rate"], 60.0);
    assert_eq!(month["run_rate_30d"], 20.0);
    assert_eq!(to_date["rows"][1]["total_sales"], 51.0);
    assert_eq!(to_date["rows"][1]["growth"], Value::Null);
    assert_eq!(to_date["rows"][2]["partial"], true);
    let index = stack.script.json("/analysis/month_index").await;
    assert_eq!(index["no_whole_year"], true);
    assert_eq!(index["rows"][0]["index"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn months_of_whole_years_have_an_index() {
    let stack = Stack::start().await;
    stack.seed().await;
    let mut lines: Vec<(String, i64)> = Vec::new();
    for (year, december) in [(2022, 3_000), (2023, 1_000)] {
        for month in 1..=12 {
            lines.push((
                format!("{year}-{month:02}-01"),
                if month == 12 { december } else { 1_000 },
            ));
        }
        lines.push((format!("{year}-12-31"), 0));
    }
    let sales: Vec<_> = lines
        .iter()
        .map(|(day, cents)| (day.as_str(), 1, 10, 1, *cents, None))
        .collect();
    sell(&stack, &sales).await;

    let index = stack.script.json("/analysis/month_index").await;

    assert_eq!(index["whole_years"], 2);
    assert_eq!(index["indicative"], false);
    // December: 3 of 14 parts in one year, 1 of 12 in the other.
    assert_eq!(index["rows"][11]["index"], 178.6);
    assert_eq!(index["rows"][0]["index"], 92.9);
    assert_eq!(
        stack.script.json("/analysis/month_index?period=2023").await["indicative"],
        true
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_on_request_only() {
    let stack = Stack::with_sample().await;
    stack.script.json("/analysis/total").await;
    stack.script.json("/analysis/total?save=true").await;

    let job = stack
        .script
        .job("/jobs/analysis", r#"{"analyses":["region","growth"]}"#)
        .await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(job["result"]["region"]["rows"][0]["share"], json!(36.1));
    let kept = stack.script.json("/analysis/results").await;
    assert_eq!(
        kept["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["analysis_type"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["growth", "region", "total"]
    );
    assert_eq!(kept["results"][2]["result_value"], json!(1_245_678.0));
    assert_eq!(kept["results"][0]["result_value"], json!(5.3));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_refused_in_words() {
    let stack = Stack::start().await;

    for (path, status, word) in [
        ("/analysis/nothing", StatusCode::NOT_FOUND, "nothing"),
        (
            "/analysis/total?period=2023-13",
            StatusCode::BAD_REQUEST,
            "period",
        ),
        (
            "/analysis/total?from=2023-12-01&to=2023-11-01",
            StatusCode::BAD_REQUEST,
            "later",
        ),
        ("/analysis/total?colour=red", StatusCode::BAD_REQUEST, "colour"),
        ("/analysis/abc?a=many", StatusCode::BAD_REQUEST, "whole number"),
        ("/jobs/7", StatusCode::NOT_FOUND, "job 7"),
        ("/nowhere", StatusCode::NOT_FOUND, "/docs"),
    ] {
        let response = stack.script.get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{path}"
        );
        let problem: Value = response.json().await.unwrap();
        assert!(
            problem["detail"].as_str().unwrap().contains(word),
            "{path}: {problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analyses_of_ones_own_join_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let stack = Stack::start_with(|config| config.analyses = Some(path)).await;
    stack.seed().await;
    std::fs::write(
        folder.path().join("dear.sql"),
        "-- title: Dear products\n-- param: over money 2 \"Least price\"\n-- column: name text\n-- column: price_cents money\n\
         SELECT name, price_cents FROM products WHERE price_cents > :over ORDER BY id",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("wrong.sql"),
        "-- title: Wrong\n\nSELECT *\nFROM products\nWHERE id = :what",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("typo.sql"),
        "-- title: Typo\n\nSELECT\n    nme\nFROM products JOIN product_days ON product_id = id",
    )
    .unwrap();

    let dear = stack.script.json("/analysis/dear").await;
    let none = stack.script.json("/analysis/dear?over=10.00").await;
    let typo = stack.script.get("/analysis/typo").await;
    let list = stack.script.json("/analysis").await;

    assert_eq!(dear["rows"], json!([{"name": "Thé", "price_cents": 5.0}]));
    assert_eq!(none["rows"], json!([]));
    assert_eq!(typo.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(list["broken"][0]["file"], "typo.sql");
    assert_eq!(
        list["broken"][0]["errors"],
        json!([{"line": 4, "message": "no such column: nme"}])
    );
    assert_eq!(list["broken"][1]["file"], "wrong.sql");
    assert_eq!(list["broken"][1]["errors"][0]["line"], 5);
    let names = column(&json!({"rows": list["analyses"]}), "name");
    assert!(
        names.contains(&json!("dear")) && !names.contains(&json!("typo")),
        "{names:?}"
    );

    std::fs::write(
        folder.path().join("typo.sql"),
        "-- title: Typo no more\nSELECT name FROM products",
    )
    .unwrap();
    let mended = stack.script.json("/analysis/typo").await;
    assert_eq!(mended["rows"][0]["name"], "Thé");
}

#[tokio::test(flavor = "multi_thread")]
async fn bases_that_are_zero_or_negative_are_told() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(
        &stack,
        &[
            ("2024-01-01", 1, 10, -2, -1_000, None),
            ("2024-02-01", 1, 20, 1, 300, None),
            ("2024-02-29", 1, 10, 1, 500, None),
        ],
    )
    .await;

    let growth = stack.script.json("/analysis/growth").await;
    let rows = growth["rows"].as_array().unwrap();
    let of = |region: &str| rows.iter().find(|row| row["region"] == region).unwrap();
    let paris = of("Île-de-France");
    assert_eq!(
        (&paris["growth"], &paris["negative_base"]),
        (&json!(150.0), &json!(true))
    );
    let lyon = of("(unknown)");
    assert_eq!(
        (&lyon["growth"], &lyon["zero_base"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(lyon["difference"], 3.0);
    assert_eq!(lyon["contribution"], 30.0);
    assert_eq!(growth["total_growth"], 180.0);
    let summary = stack.script.json("/analysis/summary?period=2024-02").await;
    assert_eq!(summary["rows"][0]["growth"], 180.0);
    assert_eq!(summary["negative_base"], true);
    let products = stack.script.json("/analysis/product_growth").await;
    assert_eq!(products["rows"][0]["negative_base"], true);
    let months = stack.script.json("/analysis/month").await;
    assert_eq!(column(&months, "days"), [31, 29]);
    assert_eq!(column(&months, "partial"), [false, false]);
    // A 29 February has no like a year before.
    let leap = stack
        .script
        .json("/analysis/growth?from=2024-02-29&to=2024-02-29&compare=year_before")
        .await;
    assert_eq!(leap["partial_period"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_returns_alone_has_shares_and_no_class() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(
        &stack,
        &[
            ("2023-11-01", 1, 10, -1, -300, None),
            ("2023-11-02", 2, 10, -1, -100, None),
        ],
    )
    .await;

    let total = stack.script.json("/analysis/total").await;
    assert_eq!(total["rows"][0]["total_revenue"], -4.0);
    assert_eq!(
        (&total["gross_revenue"], &total["returns"]),
        (&json!(0.0), &json!(-4.0))
    );
    let products = stack.script.json("/analysis/product").await;
    assert_eq!(column(&products, "share"), [25.0, 75.0]);
    assert_eq!(products["negative_members"], 2);
    let classes = stack.script.json("/analysis/abc").await;
    assert_eq!(column(&classes, "class"), ["C", "C"]);
    let returns = stack.script.json("/analysis/returns").await;
    assert_eq!(column(&returns, "return_rate"), [Value::Null, Value::Null]);
    let summary = stack.script.json("/analysis/summary").await;
    assert_eq!(summary["rows"][0]["average_unit_price"], Value::Null);
    assert_eq!(summary["returns"], -4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn products_of_one_name_stay_apart_and_equals_share_a_rank() {
    let stack = Stack::start().await;
    stack.seed().await;
    for sql in [
        "INSERT INTO products (id, name, price_cents) VALUES (3, 'Thé', 450)",
        "INSERT INTO stores (id, city, region) VALUES (30, 'Nice', 'Sud')",
    ] {
        stack.db.client.execute(sql, Vec::new()).await.unwrap();
    }
    sell(
        &stack,
        &[
            ("2023-11-01", 1, 30, 1, 500, None),
            ("2023-11-01", 3, 20, 1, 500, None),
            ("2023-11-02", 2, 10, 1, 120, None),
        ],
    )
    .await;

    let products = stack.script.json("/analysis/product?limit=2").await;
    assert_eq!(column(&products, "product_id"), [1, 3]);
    assert_eq!(column(&products, "name"), ["Thé", "Thé"]);
    let stores = stack.script.json("/analysis/store").await;
    assert_eq!(column(&stores, "store_id"), [20, 30, 10]);
    assert_eq!(column(&stores, "rank"), [1, 1, 3]);
    let top = stack.script.json("/analysis/store?limit=1").await;
    assert_eq!(column(&top, "store_id"), [20]);
    // Shares are of all of them, whatever the limit.
    assert_eq!(column(&top, "share"), [44.6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_days_make_no_rate_and_no_index() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(
        &stack,
        &[
            ("2023-11-01", 1, 10, 1, 100, None),
            ("2023-11-06", 1, 10, 1, 600, None),
        ],
    )
    .await;

    let to_date = stack.script.json("/analysis/to_date").await;
    assert_eq!(to_date["rows"][0]["run_rate"], Value::Null);
    assert_eq!(to_date["rows"][0]["run_rate_30d"], Value::Null);
    let weekdays = stack.script.json("/analysis/seasonality").await;
    assert_eq!(column(&weekdays, "index"), vec![Value::Null; 6]);
    let trend = stack.script.json("/analysis/trend").await;
    assert_eq!(column(&trend, "moving_average_7d"), vec![Value::Null; 6]);
    assert_eq!(
        (&trend["calendar_days"], &trend["active_days"]),
        (&json!(6), &json!(2))
    );
    sell(&stack, &[("2023-11-07", 1, 10, 1, 0, None)]).await;
    let to_date = stack.script.json("/analysis/to_date").await;
    assert_eq!(to_date["rows"][0]["run_rate"], 30.0);
    assert_eq!(to_date["rows"][0]["run_rate_30d"], 30.0);
    let weekdays = stack.script.json("/analysis/seasonality").await;
    assert_eq!(weekdays["rows"][0]["index"], 600.0);
    // Zero-amount lines are lines.
    let total = stack.script.json("/analysis/total").await;
    assert_eq!(total["rows"][0]["lines"], 3);
    let outside = stack.script.json("/analysis/total?period=2030").await;
    assert_eq!(
        (&outside["rows"][0]["total_revenue"], &outside["rows"][0]["lines"]),
        (&json!(0.0), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_may_be_zero_missing_or_pro_rata() {
    let stack = Stack::start().await;
    stack.seed().await;
    let targets = "INSERT INTO product_targets (product_id, month, target_cents) VALUES (1, '2023-11', 3000), (2, '2023-11', 0)";
    stack.db.client.execute(targets, Vec::new()).await.unwrap();
    sell(
        &stack,
        &[
            ("2023-11-01", 1, 10, 1, 900, None),
            ("2023-11-10", 2, 20, 1, 100, None),
        ],
    )
    .await;

    let targets = stack.script.json("/analysis/targets").await;
    assert_eq!(column(&targets, "target"), [10.0, 0.0]);
    assert_eq!(column(&targets, "attainment"), [json!(90.0), Value::Null]);
    assert_eq!(column(&targets, "below_target"), [json!(true), Value::Null]);
    assert_eq!(
        (&targets["pro_rata"], &targets["some_stores"]),
        (&json!(true), &json!(false))
    );
    let unknown = stack.script.json("/analysis/targets?category=(unknown)").await;
    assert_eq!(column(&unknown, "product_id"), [2]);
    let store = stack.script.json("/analysis/targets?store=20").await;
    assert_eq!(store["some_stores"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_comes_in_several_files_counts_once() {
    let stack = Stack::start_with(|config| config.batch_rows = 2).await;
    stack.seed().await;
    let file = |lines: &str| format!("id,product_id,store_id,sale_date,quantity,amount,ticket_id\n{lines}");
    let first = "1,1,10,2023-11-01,1,5.00,A\n2,1,10,2023-11-01,1,5.00,B\n3,1,10,2023-11-01,1,5.00,A\n\
        4,1,20,2023-11-01,1,5.00,A\n5,1,10,2023-11-02,1,5.00,\n";
    stack.script.job("/jobs/import?table=sales", file(first)).await;
    stack
        .script
        .job(
            "/jobs/import?table=sales",
            file("6,1,10,2023-11-01,1,5.00,B\n7,1,10,2023-11-02,1,5.00,A\n"),
        )
        .await;

    let sums = "SELECT SUM(ticket_lines) FROM store_days WHERE (SELECT COUNT(*) FROM dirty_days) = 0";
    assert_eq!(stack.value(sums).await, 6);
    let tickets = stack.script.json("/analysis/tickets").await["rows"][0].clone();
    assert_eq!((&tickets["tickets"], &tickets["lines"]), (&json!(4), &json!(6)));
    assert_eq!(tickets["lines_without_ticket"], 1);
    let counted = "SELECT SUM(tickets) FROM store_days WHERE (SELECT COUNT(*) FROM uncounted_days) = 0";
    assert_eq!(stack.value(counted).await, 4);
}
