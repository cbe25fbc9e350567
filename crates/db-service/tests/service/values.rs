//! What goes in comes out, bit for bit.

use super::http::{post, run};
use db_client::db_api::{Params, QueryRequest, Value, ValueForm};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use test_kit::TestDb;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just((1 << 53) + 1)]
            .prop_map(Value::Integer),
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            Just(-0.0),
            Just(f64::MIN_POSITIVE / 3.0),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX)
        ]
        .prop_map(|real| if real.is_nan() {
            Value::Null
        } else {
            Value::Real(real)
        }),
        any::<String>().prop_map(Value::Text),
        Just(Value::Text("a\0b\u{10ffff}\u{2028}".to_owned())),
        any::<Vec<u8>>().prop_map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(not_utf8) => Value::RawText(not_utf8.into_bytes()),
        }),
        any::<Vec<u8>>().prop_map(Value::Blob),
    ]
}

/// Text that tells values apart that `==` does not, such as the two zeros.
fn exactly(value: &Value) -> String {
    match value {
        Value::Real(real) => format!("real {:016x}", real.to_bits()),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_value_comes_back_as_it_went_in() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(async {
        let db = TestDb::start().await;
        run(&db, &["CREATE TABLE kept (id INTEGER PRIMARY KEY, value)"]).await;
        db
    });
    let mut runner = TestRunner::new(Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let lists = proptest::collection::vec(any_value(), 1..8);

    runner
        .run(&(lists, any::<bool>()), |(values, tagged)| {
            let (echoed, kept) = runtime.block_on(async {
                let marks = vec!["?"; values.len()].join(", ");
                let request = QueryRequest {
                    sql: format!("SELECT {marks}"),
                    params: Params::Positional(values.clone()),
                    values: if tagged {
                        ValueForm::Tagged
                    } else {
                        ValueForm::Plain
                    },
                    ..QueryRequest::default()
                };
                let echoed = db.client.query_request(&request).await.unwrap().rows.remove(0);
                run(&db, &["DELETE FROM kept"]).await;
                for value in &values {
                    db.client
                        .execute("INSERT INTO kept (value) VALUES (?)", [value.clone()])
                        .await
                        .unwrap();
                }
                let kept = db
                    .client
                    .query("SELECT value FROM kept ORDER BY id", [])
                    .await
                    .unwrap();
                (
                    echoed,
                    kept.rows
                        .into_iter()
                        .map(|mut row| row.remove(0))
                        .collect::<Vec<_>>(),
                )
            });
            let sent: Vec<_> = values.iter().map(exactly).collect();
            prop_assert_eq!(echoed.iter().map(exactly).collect::<Vec<_>>(), sent.clone());
            prop_assert_eq!(kept.iter().map(exactly).collect::<Vec<_>>(), sent);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_blob_of_a_mebibyte_and_an_empty_one_come_back() {
    let db = TestDb::start().await;
    let large: Vec<u8> = (0..1_048_576_u32).map(|index| (index * 7 % 251) as u8).collect();

    let result = db
        .client
        .query(
            "SELECT ?, ?",
            [Value::Blob(large.clone()), Value::Blob(Vec::new())],
        )
        .await
        .unwrap();

    assert_eq!(result.rows, [[Value::Blob(large), Value::Blob(Vec::new())]]);
}

#[tokio::test]
async fn integers_beyond_a_double_are_tagged_when_asked() {
    let db = TestDb::start().await;

    let body = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT 9223372036854775807, 9007199254740991, 1e999, 1.0", "values": "tagged"}),
    )
    .await
    .json();

    assert_eq!(
        body["rows"][0],
        json!([{"$integer": "9223372036854775807"}, 9_007_199_254_740_991_i64, {"$real": "Infinity"}, 1.0])
    );
}

#[tokio::test]
async fn not_a_number_is_null_and_what_is_no_value_is_named() {
    let db = TestDb::start().await;

    let body = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT ?", "params": [{"$real": "NaN"}]}),
    )
    .await
    .json();
    let too_large = super::http::send(
        super::http::request(&db, reqwest::Method::POST, "/v1/query")
            .body(r#"{"sql":"SELECT ?","params":[9223372036854775808]}"#),
    )
    .await;
    let no_tag = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT ?", "params": [{"$date": "2023-11-01"}]}),
    )
    .await;

    assert_eq!(body["rows"][0], json!([null]));
    assert!(
        too_large.status == 400 && too_large.detail().contains("9223372036854775808"),
        "{}",
        too_large.text
    );
    assert_eq!(no_tag.status, 400);
}
