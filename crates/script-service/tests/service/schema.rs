//! The schema and its migrations.

use script_service::{apply_migrations, apply_migrations_up_to};
use std::collections::BTreeMap;
use test_kit::TestDb;

/// Every schema object by name.
async fn schema(db: &TestDb) -> BTreeMap<String, Option<String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_%' ESCAPE '\\'";
    let result = db.client.query(sql, Vec::new()).await.unwrap();
    result
        .rows
        .iter()
        .map(|row| {
            (
                row[0].as_str().unwrap().to_owned(),
                row[1].as_str().map(str::to_owned),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_older_version_becomes_what_a_fresh_one_is() {
    let fresh = TestDb::start().await;
    apply_migrations(&fresh.client).await.unwrap();
    let expected = schema(&fresh).await;

    for version in 0..14 {
        let old = TestDb::start().await;
        apply_migrations_up_to(&old.client, version).await.unwrap();
        apply_migrations(&old.client).await.unwrap();
        assert_eq!(schema(&old).await, expected, "from version {version}");
    }
}

#[tokio::test]
async fn two_processes_may_start_at_once() {
    let db = TestDb::start().await;

    let (first, second) = tokio::join!(apply_migrations(&db.client), apply_migrations(&db.client));

    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn sales_from_before_the_daily_sums_are_summed() {
    let db = TestDb::start().await;
    apply_migrations_up_to(&db.client, 1).await.unwrap();
    for sql in [
        "INSERT INTO products (id, name, price_cents) VALUES (1, 'x', 1)",
        "INSERT INTO stores (id, city) VALUES (1, 'x')",
        "INSERT INTO sales (id, product_id, store_id, sale_date, quantity, amount_cents)
            VALUES (1, 1, 1, '2023-11-01', 1, 100), (2, 1, 1, '2023-11-02', 1, 200)",
    ] {
        db.client.execute(sql, Vec::new()).await.unwrap();
    }

    apply_migrations(&db.client).await.unwrap();

    let dirty = db
        .client
        .query("SELECT COUNT(*) FROM dirty_days", Vec::new())
        .await
        .unwrap();
    assert_eq!(dirty.rows[0][0].as_i64(), Some(2));
}
