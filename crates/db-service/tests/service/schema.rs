//! The schema as JSON.

use super::http::{get, request, run, send};
use reqwest::Method;
use serde_json::json;
use test_kit::TestDb;

#[tokio::test]
async fn tables_are_listed_without_those_of_the_gateway() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE b (id INTEGER PRIMARY KEY, n)",
            "CREATE VIEW a AS SELECT n FROM b",
            "CREATE VIRTUAL TABLE c USING fts5(t)",
        ],
    )
    .await;

    let list = get(&db, "/v1/tables").await.json();

    let names: Vec<_> = list["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| (table["name"].as_str().unwrap(), table["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(names, [("a", "view"), ("b", "table"), ("c", "virtual")]);
}

#[tokio::test]
async fn a_table_shows_columns_keys_indexes_and_triggers() {
    let db = TestDb::start().await;
    run(&db, &[
        "CREATE TABLE stores (region TEXT, city TEXT, PRIMARY KEY (city, region)) STRICT, WITHOUT ROWID",
        "CREATE TABLE \"odd name\" (id INTEGER PRIMARY KEY, city TEXT NOT NULL DEFAULT 'Paris', region TEXT, cents INTEGER, \
         euros REAL GENERATED ALWAYS AS (cents / 100.0) VIRTUAL, code TEXT UNIQUE, \
         FOREIGN KEY (city, region) REFERENCES stores (city, region) ON DELETE CASCADE)",
        "CREATE INDEX by_cents ON \"odd name\" (cents DESC, abs(cents)) WHERE cents > 0",
        "CREATE TRIGGER watch AFTER INSERT ON \"odd name\" BEGIN SELECT 1; END",
        "INSERT INTO stores VALUES ('IDF', 'Paris')",
        "INSERT INTO \"odd name\" (region, cents) VALUES ('IDF', 5)",
    ])
    .await;

    let table = get(&db, "/v1/tables/ODD%20name").await.json();
    let stores = get(&db, "/v1/tables/stores").await.json();

    assert_eq!(table["row_count"], 1);
    assert_eq!(
        table["columns"][1],
        json!({"name": "city", "type": "TEXT", "not_null": true, "default": "'Paris'", "primary_key": 0, "generated": null})
    );
    assert_eq!(table["columns"][4]["generated"], "virtual");
    assert_eq!(
        table["foreign_keys"][0],
        json!({"columns": ["city", "region"], "references_table": "stores", "references_columns": ["city", "region"], "on_update": "NO ACTION", "on_delete": "CASCADE"})
    );
    let by_cents = table["indexes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|index| index["name"] == "by_cents")
        .unwrap();
    assert_eq!(
        (&by_cents["partial"], &by_cents["unique"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        by_cents["columns"],
        json!([{"name": "cents", "descending": true}, {"name": null, "descending": false}])
    );
    assert!(
        table["indexes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|index| index["origin"] == "unique_constraint")
    );
    assert_eq!(table["triggers"][0]["name"], "watch");
    assert_eq!(
        (
            &stores["strict"],
            &stores["without_rowid"],
            &stores["primary_key"]
        ),
        (&json!(true), &json!(true), &json!(["city", "region"]))
    );
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named_and_a_tag_saves_the_schema() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id)"]).await;

    let missing = get(&db, "/v1/tables/nowhere").await;
    let tag = get(&db, "/v1/tables/t").await.header("etag").to_owned();
    let ask = async || {
        send(request(&db, Method::GET, "/v1/tables/t").header("if-none-match", &tag))
            .await
            .status
    };
    let same = ask().await;
    run(&db, &["ALTER TABLE t ADD COLUMN n"]).await;

    assert_eq!((missing.status, missing.code().as_str()), (404, "not_found"));
    assert!(missing.detail().contains("nowhere"));
    assert_eq!((same, ask().await), (304, 200));
}
