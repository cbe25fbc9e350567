//! Transactions that SQLite has ended because of an error.

use super::super::http::{get, post, request, run, send, until};
use super::{Stream, rows_of_t, with_table, with_table_and};
use reqwest::Method;
use serde_json::json;
use test_kit::TestDb;

/// Inserts more rows than there is time for.
const LONG: &str =
    "INSERT INTO t (v) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";

/// The stream's transaction is gone: nothing is run and nothing kept until it is ended.
async fn is_aborted(db: &TestDb, stream: &mut Stream<'_>) {
    for sql in [
        "INSERT INTO t (v) VALUES ('lost')",
        "SELECT 1",
        "BEGIN",
        "SAVEPOINT s",
        "ROLLBACK TO s",
        "ROLLBACK /* only */ TRANSACTION TO s",
        "RELEASE s",
    ] {
        let error = stream.failure(sql).await;
        assert_eq!(error["code"], "TRANSACTION_ABORTED", "{sql}: {error}");
    }
    assert_eq!(rows_of_t(db).await, 1);
}

/// A transaction that has inserted one row into `t`.
async fn begun(db: &TestDb) -> Stream<'_> {
    let mut stream = Stream::new(db);
    stream.execute("BEGIN").await;
    stream.execute("INSERT INTO t (v) VALUES ('two')").await;
    stream
}

#[tokio::test]
async fn a_write_that_takes_too_long_takes_the_transaction_with_it_and_says_so() {
    let db = with_table_and(|config| config.limits.statement_timeout_ms = 1_500).await;
    let mut stream = begun(&db).await;

    let error = stream.failure(LONG).await;

    assert!(
        error["message"].as_str().unwrap().contains("rolled back"),
        "{error}"
    );
    assert_eq!(error["code"], "SQLITE_INTERRUPT");
    is_aborted(&db, &mut stream).await;
    let error = stream.failure("COMMIT").await;
    assert_eq!(error["code"], "TRANSACTION_ABORTED", "{error}");
    assert_eq!(stream.is_autocommit().await, true);
    assert_eq!(rows_of_t(&db).await, 1);
    stream.execute("INSERT INTO t (v) VALUES ('anew')").await;
    assert_eq!(rows_of_t(&db).await, 2);
}

#[tokio::test]
async fn whatever_rolls_a_transaction_back_aborts_it_until_rollback() {
    let db = with_table().await;
    run(
        &db,
        &["CREATE TRIGGER no AFTER INSERT ON t WHEN new.v = 'no' BEGIN SELECT RAISE(ROLLBACK, 'not this'); END"],
    )
    .await;
    for sql in [
        "INSERT OR ROLLBACK INTO t VALUES (1, 'there already')",
        "UPDATE OR ROLLBACK t SET id = 1",
        "INSERT INTO t (v) VALUES ('no')",
        "INSERT INTO t (v) VALUES ('no') RETURNING id",
    ] {
        for savepoint in [false, true] {
            let mut stream = Stream::new(&db);
            stream
                .execute(if savepoint {
                    "SAVEPOINT outer"
                } else {
                    "BEGIN IMMEDIATE"
                })
                .await;
            stream.execute("INSERT INTO t (v) VALUES ('two')").await;

            let error = stream.failure(sql).await;

            assert!(
                error["message"].as_str().unwrap().contains("rolled back"),
                "{sql}: {error}"
            );
            is_aborted(&db, &mut stream).await;
            stream.execute("ROLLBACK").await;
            assert_eq!(stream.is_autocommit().await, true);
            stream.execute("BEGIN").await;
            stream.execute("SELECT 1").await;
            stream.result(json!({"type": "close"})).await;
        }
    }
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn a_full_disk_aborts_a_transaction_when_it_ends_it() {
    let db = with_table().await;
    let mut stream = begun(&db).await;
    stream.execute("PRAGMA max_page_count = 1").await;

    let error = stream
        .failure("INSERT INTO t (v) VALUES (zeroblob(1000000))")
        .await;

    assert_eq!(error["code"], "SQLITE_FULL", "{error}");
    if error["message"]
        .as_str()
        .unwrap()
        .contains("the transaction was rolled back")
    {
        is_aborted(&db, &mut stream).await;
    } else {
        assert_eq!(stream.scalar("SELECT count(*) FROM t").await, "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_an_administrator_stops_aborts_its_transaction() {
    let db = with_table().await;
    let mut stream = begun(&db).await;
    let stop = async {
        let mut running = None;
        until("the statement runs", async || {
            let queries = get(&db, "/v1/queries").await.json();
            running = queries["queries"]
                .as_array()
                .unwrap()
                .iter()
                .find(|query| query["sql"] == LONG && query["state"] == "running")
                .map(|query| query["id"].to_string());
            running.is_some()
        })
        .await;
        let path = format!("/v1/queries/{}", running.unwrap());
        send(request(&db, Method::DELETE, &path)).await
    };

    let (error, _) = tokio::join!(stream.failure(LONG), stop);

    assert!(
        error["message"].as_str().unwrap().contains("rolled back"),
        "{error}"
    );
    is_aborted(&db, &mut stream).await;
}

#[tokio::test]
async fn a_transaction_beyond_its_limit_is_aborted_and_rollback_ends_it() {
    let db = with_table_and(|config| config.limits.transaction_total_ms = 300).await;
    let mut stream = begun(&db).await;

    let error = stream.failure(super::super::http::ENDLESS).await;
    assert_eq!(error["code"], "TRANSACTION_TIMEOUT", "{error}");

    is_aborted(&db, &mut stream).await;
    stream.execute("ROLLBACK").await;
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn an_error_that_leaves_the_transaction_open_does_not_abort_it() {
    let db = with_table_and(|config| config.limits.statement_timeout_ms = 1_500).await;
    let mut stream = begun(&db).await;

    stream.failure("INSERT INTO t VALUES (1, 'there already')").await;
    stream.failure("SELECT * FROM nowhere").await;
    let error = stream.failure(super::super::http::ENDLESS).await;
    assert!(
        !error["message"].as_str().unwrap().contains("rolled back"),
        "{error}"
    );
    stream.execute("INSERT INTO t (v) VALUES ('three')").await;
    stream.execute("COMMIT").await;

    assert_eq!(rows_of_t(&db).await, 3);
}

#[tokio::test]
async fn a_commit_that_fails_for_a_deferred_key_leaves_the_transaction_open() {
    let db = with_table().await;
    run(
        &db,
        &["CREATE TABLE child (p INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED)"],
    )
    .await;
    let mut stream = begun(&db).await;
    stream.execute("INSERT INTO child VALUES (77)").await;

    stream.failure("COMMIT").await;
    stream.execute("DELETE FROM child").await;
    stream.execute("COMMIT").await;

    assert_eq!(rows_of_t(&db).await, 2);
}

#[tokio::test]
async fn steps_of_a_batch_are_refused_as_well_and_its_rollback_succeeds() {
    let db = with_table().await;
    let step = |sql: &str| json!({"stmt": {"sql": sql}});
    let steps = json!([
        step("BEGIN"),
        step("INSERT OR ROLLBACK INTO t VALUES (1, 'x')"),
        step("INSERT INTO t (v) VALUES ('by itself')"),
        step("COMMIT"),
        step("INSERT INTO t (v) VALUES ('after the end')"),
        step("ROLLBACK"),
    ]);

    let body = json!({"requests": [{"type": "batch", "batch": {"steps": steps}}]});
    let answer = post(&db, "/v3/pipeline", body).await.json();

    let errors = &answer["results"][0]["response"]["result"]["step_errors"];
    assert_eq!(errors[2]["code"], "TRANSACTION_ABORTED", "{answer}");
    assert_eq!(errors[3]["code"], "TRANSACTION_ABORTED", "{answer}");
    assert!(errors[4].is_null(), "{answer}");
    assert_eq!(rows_of_t(&db).await, 2);
}
