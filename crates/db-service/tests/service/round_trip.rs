//! What comes out as CSV comes in as it was.

use super::http::{post, post_rows, request, run, send};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value as Json, json};
use test_kit::TestDb;

/// How many tables are tried.
const TABLES: u32 = 60;

/// A value as a parameter.
type Cell = Json;

fn text() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(json!("")),
        Just(json!("\"")),
        Just(json!("NULL")),
        Just(json!("{\"$blob\":\"AQ==\"}")),
        Just(json!("{\"$nothing\"")),
        Just(json!("5")),
        Just(json!("1e3")),
        Just(json!("Infinity")),
        Just(json!("a\r\nb\n\n")),
        Just(json!("\u{feff}x,\"y\"\u{0}")),
        "[ -~\\r\\n\u{e9}\u{20ac}]{0,12}".prop_map(|text| json!(text)),
    ]
}

fn integer() -> impl Strategy<Value = Cell> {
    prop_oneof![
        any::<i64>().prop_map(|n| json!(n)),
        (-5_i64..5).prop_map(|n| json!(n))
    ]
}

fn real() -> impl Strategy<Value = Cell> {
    prop_oneof![
        any::<f64>().prop_filter_map("finite", |x| x.is_finite().then(|| json!(x))),
        Just(json!(1.0)),
        Just(json!({"$real": "-Infinity"})),
    ]
}

fn blob() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(json!({"$blob": ""})),
        Just(json!({"$blob": "AP8="})),
        Just(json!({"$blob": "IiwK"})),
    ]
}

fn or_null(cell: impl Strategy<Value = Cell> + 'static) -> BoxedStrategy<Cell> {
    prop_oneof![1 => Just(Json::Null), 4 => cell].boxed()
}

fn of_type(declared: &str) -> BoxedStrategy<Cell> {
    match declared {
        "INT" | "INTEGER" => or_null(integer()),
        "REAL" => or_null(real()),
        "TEXT" => or_null(text()),
        "BLOB" => or_null(blob()),
        _ => or_null(prop_oneof![integer(), real(), text(), blob()]),
    }
}

/// A table: the types of its columns and its rows.
fn table(types: &'static [&'static str]) -> impl Strategy<Value = (Vec<&'static str>, Vec<Vec<Cell>>)> {
    prop::collection::vec(prop::sample::select(types), 1..5).prop_flat_map(|columns| {
        let row: Vec<_> = columns.iter().map(|declared| of_type(declared)).collect();
        (Just(columns), prop::collection::vec(row, 0..6))
    })
}

/// The rows in the order of their insertion, each value with its type.
async fn rows(db: &TestDb, columns: usize) -> Json {
    let values: Vec<String> = (0..columns).map(|at| format!("c{at}, typeof(c{at})")).collect();
    let sql = format!("SELECT {} FROM x ORDER BY rowid", values.join(", "));
    post(db, "/v1/query", json!({"sql": sql, "values": "tagged"}))
        .await
        .json()["rows"]
        .clone()
}

async fn comes_back(types: &'static [&'static str], strict: &str, values: &str) {
    let db = TestDb::start_with(|config| config.synchronous = db_service::Synchronous::Normal).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..TABLES {
        let (columns, cells) = table(types).new_tree(&mut runner).unwrap().current();
        let declared: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, declared)| format!("c{at} {declared}"))
            .collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let create = format!("CREATE TABLE x ({}) {strict}", declared.join(", "));
        run(&db, &["DROP TABLE IF EXISTS x", &create]).await;
        if !cells.is_empty() {
            let insert = json!({"sql": format!("INSERT INTO x VALUES ({marks})"), "params_many": cells});
            let inserted = post(&db, "/v1/execute", insert).await;
            assert_eq!(inserted.status, 200, "{}", inserted.text);
        }
        let before = rows(&db, columns.len()).await;

        let export = request(&db, Method::POST, "/v1/query")
            .header("accept", "text/csv")
            .json(&json!({"sql": "SELECT * FROM x ORDER BY rowid", "values": values}));
        let csv = send(export).await.text;
        run(&db, &["DELETE FROM x"]).await;
        let path = format!("/v1/tables/x/rows?values={values}");
        let imported = post_rows(&db, &path, "text/csv", csv.clone()).await;

        assert_eq!(imported.status, 200, "{create}\n{csv}\n{}", imported.text);
        assert_eq!(rows(&db, columns.len()).await, before, "{create}\n{csv}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_csv_of_a_strict_table_without_any() {
    comes_back(&["INT", "INTEGER", "REAL", "TEXT", "BLOB"], "STRICT", "plain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tagged_csv_of_strict_tables() {
    comes_back(&["INTEGER", "REAL", "TEXT", "BLOB", "ANY"], "STRICT", "tagged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tagged_csv_of_every_other_table() {
    comes_back(
        &[
            "INTEGER",
            "REAL",
            "TEXT",
            "BLOB",
            "",
            "NUMERIC",
            "VARCHAR(5)",
            "ANY",
            "DATE",
        ],
        "",
        "tagged",
    )
    .await;
}

#[tokio::test]
async fn text_that_is_not_utf8_comes_back_tagged() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE x (c0 TEXT)",
            "INSERT INTO x VALUES (CAST(x'ff41' AS TEXT))",
        ],
    )
    .await;
    let before = rows(&db, 1).await;

    let export = request(&db, Method::POST, "/v1/query")
        .header("accept", "text/csv")
        .json(&json!({"sql": "SELECT * FROM x", "values": "tagged"}));
    let csv = send(export).await.text;
    run(&db, &["DELETE FROM x"]).await;
    let imported = post_rows(&db, "/v1/tables/x/rows?values=tagged", "text/csv", csv).await;

    assert_eq!(imported.status, 200, "{}", imported.text);
    assert_eq!(rows(&db, 1).await, before);
}

#[tokio::test]
async fn quotes_tell_the_empty_text_from_null_wherever_they_stand() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE x (c0 INTEGER, c1 TEXT, c2 TEXT) STRICT"]).await;

    let body = "c0,c1,c2\r\n1,\"\",\r\n2,,\"\"\r\n3,\"\",\"\"\r\n4,,\r\n";
    let imported = post_rows(&db, "/v1/tables/x/rows", "text/csv", body).await;

    assert_eq!(imported.status, 200, "{}", imported.text);
    let rows: Vec<(i64, Option<String>, Option<String>)> =
        db.client.rows("SELECT * FROM x ORDER BY c0", []).await.unwrap();
    let empty = || Some(String::new());
    assert_eq!(
        rows,
        [
            (1, empty(), None),
            (2, None, empty()),
            (3, empty(), empty()),
            (4, None, None)
        ]
    );
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_named_and_nothing_is_rounded() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE x (n INTEGER, t TEXT, b BLOB, d DECIMAL)"]).await;
    for (csv, column) in [
        ("n\n100000000000000000001\n", "n"),
        ("d\n-9223372036854775809\n", "d"),
        ("b\nno base64!\n", "b"),
    ] {
        let answer = post_rows(&db, "/v1/tables/x/rows", "text/csv", csv).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["column"].as_str()),
            (422, Some(column)),
            "{csv}"
        );
        assert_eq!(answer.json()["errors"][0]["line"], 2);
    }
    let rows =
        "{\"t\":100000000000000000001}\n{\"t\":-100000000000000000001.5}\n{\"n\":100000000000000000001}\n";
    let path = "/v1/tables/x/rows?on_error=skip";
    let ndjson = post_rows(&db, path, "application/x-ndjson", rows).await.json();
    let array = "[{\"t\":100000000000000000002},{\"n\":-9223372036854775809,\"t\":1}]";
    let array = post_rows(&db, path, "application/json", array).await.json();

    assert_eq!(
        (&ndjson["inserted"], &ndjson["errors"][0]["line"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(
        (&array["inserted"], &array["errors"][0]["line"]),
        (&json!(1), &json!(2))
    );
    let texts: Vec<String> = db
        .client
        .rows(
            "SELECT t FROM x WHERE t NOT LIKE '%.%' AND t NOT LIKE '%e%' ORDER BY t",
            [],
        )
        .await
        .unwrap();
    assert_eq!(texts, ["100000000000000000001", "100000000000000000002"]);
}
