//! Figures over HTTP.

use crate::support::Stack;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;

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
        assert_eq!(names.len(), 12);
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
        "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity, amount_cents)
            VALUES (4001, 2, 3, '2023-10-05', -1, -34900)",
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
    }
    assert!(stack.value("SELECT COUNT(*) FROM sales").await.as_u64() > Some(20));
}

/// One random change: by import, by hand, or rolled back.
async fn change(stack: &Stack, dice: &mut Dice) {
    let id = dice.roll(60) + 1;
    let (product, store) = (dice.roll(2) + 1, 10 * (dice.roll(2) + 1));
    let day = format!("2023-{:02}-{:02}", dice.roll(2) + 10, dice.roll(28) + 1);
    let cents = i64::try_from(dice.roll(20_000)).unwrap() - 3_000;
    let sql = match dice.roll(9) {
        0..=3 => {
            let mut file = String::from("id,product_id,store_id,sale_date,quantity,amount\n");
            for line in 0..20 {
                let amount = dice.roll(9_000);
                let day = dice.roll(28) + 1;
                let _ = writeln!(
                    file,
                    "{},{product},{store},2023-11-{day:02},1,{}.{:02}",
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
            "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity, amount_cents)
            VALUES ({id}, {product}, {store}, '{day}', -1, {cents})"
        ),
        5 => format!(
            "UPDATE sales SET amount_cents = {cents}, store_id = {store} WHERE id % 7 = {}",
            id % 7
        ),
        6 => format!("DELETE FROM sales WHERE id % 11 = {}", id % 11),
        7 => format!(
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
    assert!(growth["rows"][0]["growth_to_date"].is_number(), "{growth:#}");
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
        "-- title: Typo\nSELECT nme FROM products",
    )
    .unwrap();

    let dear = stack.script.json("/analysis/dear").await;
    let none = stack.script.json("/analysis/dear?over=10.00").await;
    let typo = stack.script.get("/analysis/typo").await;
    let list = stack.script.json("/analysis").await;

    assert_eq!(dear["rows"], json!([{"name": "Thé", "price_cents": 5.0}]));
    assert_eq!(none["rows"], json!([]));
    assert_eq!(typo.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(list["broken"][0]["file"], "wrong.sql");
    assert_eq!(list["broken"][0]["errors"][0]["line"], 5);
}
