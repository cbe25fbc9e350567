//! Time limits, stopping, and what the service says of itself.

use super::http::{ENDLESS, get, post, request, run, send, until};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use test_kit::TestDb;

/// More than a limit allows: a statement that runs for so long was not stopped by it.
const ASKED: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_statement_ends_at_its_time_limit() {
    let db = TestDb::start_with(|config| config.limits.statement_timeout_ms = 1_500).await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    for (path, body) in [
        ("/v1/query", json!({"sql": ENDLESS})),
        (
            "/v1/query",
            json!({"sql": ENDLESS, "timeout_ms": ASKED.as_millis()}),
        ),
        ("/v1/execute", json!({"sql": ENDLESS, "timeout_ms": 50})),
        (
            "/v1/batch",
            json!({"statements": [{"sql": "INSERT INTO t VALUES (1)"}, {"sql": ENDLESS}]}),
        ),
    ] {
        let started = Instant::now();
        let answer = post(&db, path, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "statement_timeout"),
            "{}",
            answer.text
        );
        assert!(
            answer.detail().contains("statement_timeout_ms"),
            "{}",
            answer.detail()
        );
        assert!(started.elapsed() < ASKED);
    }
    assert_eq!(
        db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0].as_i64(),
        Some(0)
    );
}

#[tokio::test]
async fn a_batch_may_ask_for_more_time_than_a_statement_has() {
    let db = TestDb::start_with(|config| {
        config.limits.statement_timeout_ms = 1;
        config.limits.batch_timeout_ms = 60_000;
    })
    .await;
    let slow = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500000)
        INSERT INTO t SELECT count(*) FROM n";
    let statements = json!([{"sql": "CREATE TABLE t (x)"}, {"sql": slow}]);

    let short = post(&db, "/v1/batch", json!({"statements": statements})).await;
    let long = post(
        &db,
        "/v1/batch",
        json!({"statements": statements, "timeout_ms": 60_000}),
    )
    .await;

    assert_eq!((short.status, short.code().as_str()), (408, "statement_timeout"));
    assert_eq!(long.status, 200, "{}", long.text);
}

#[tokio::test]
async fn a_running_statement_is_seen_and_stopped() {
    let db = TestDb::start().await;
    let endless = tokio::spawn(send(
        request(&db, Method::POST, "/v1/query").json(&json!({"sql": ENDLESS})),
    ));
    let mut id = json!(null);
    until("it is seen", async || {
        let queries = get(&db, "/v1/queries").await.json();
        let seen = queries["queries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|query| query["sql"] == ENDLESS && query["state"] == "running");
        id = seen.map_or(json!(null), |query| query["id"].clone());
        !id.is_null()
    })
    .await;

    let stopped = send(request(&db, Method::DELETE, &format!("/v1/queries/{id}"))).await;

    assert_eq!(stopped.status, 204);
    let answer = endless.await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (499, "cancelled"));
    assert!(answer.detail().contains("administrator"), "{}", answer.detail());
    let again = send(request(&db, Method::DELETE, &format!("/v1/queries/{id}"))).await;
    assert_eq!((again.status, again.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_json_read_stops_when_its_client_goes_away() {
    let db = TestDb::start().await;
    let endless = tokio::spawn(send(
        request(&db, Method::POST, "/v1/query").json(&json!({"sql": ENDLESS})),
    ));
    until("it runs", async || {
        get(&db, "/v1/queries").await.text.contains("running")
    })
    .await;

    endless.abort();

    until("it is gone", async || {
        get(&db, "/v1/queries").await.json()["queries"] == json!([])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_reads_do_not_hold_up_short_ones() {
    // The long ones run to the end of the test.
    let db = TestDb::start_with(|config| config.limits.statement_timeout_ms = 600_000).await;
    let long: Vec<_> = (0..6)
        .map(|_| {
            tokio::spawn(send(
                request(&db, Method::POST, "/v1/query").json(&json!({"sql": ENDLESS})),
            ))
        })
        .collect();
    until("all run", async || {
        get(&db, "/v1/queries").await.text.matches("running").count() == 6
    })
    .await;

    for _ in 0..20 {
        db.client.query("SELECT 1", []).await.unwrap();
    }

    long.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn limits_are_listed_under_the_names_that_errors_use() {
    let db = TestDb::start_with(|config| config.limits.max_sql_bytes = 2_000).await;

    let limits = get(&db, "/v1/limits").await.json();
    let long_sql = post(
        &db,
        "/v1/query",
        json!({"sql": format!("SELECT {}", "1+".repeat(2_000))}),
    )
    .await;

    assert_eq!(limits["max_sql_bytes"], 2_000);
    assert_eq!((long_sql.status, long_sql.code().as_str()), (413, "too_large"));
    assert!(
        long_sql.detail().contains("max_sql_bytes") && long_sql.detail().contains("2000"),
        "{}",
        long_sql.detail()
    );
}

#[tokio::test]
async fn bodies_and_values_beyond_their_limits_are_refused() {
    let db = TestDb::start_with(|config| {
        config.limits.max_body_bytes = 10_000;
        config.limits.max_value_bytes = 1_000_000;
        config.limits.max_bulk_bytes = 5_000;
    })
    .await;
    run(&db, &["CREATE TABLE t (a TEXT)"]).await;

    let body = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT ?", "params": ["x".repeat(10_000)]}),
    )
    .await;
    let value = post(&db, "/v1/query", json!({"sql": "SELECT zeroblob(2000000)"})).await;
    let bulk = super::http::post_rows(
        &db,
        "/v1/tables/t/rows",
        "text/csv",
        format!("a\n{}", "x".repeat(6_000)),
    )
    .await;

    for answer in [body, value, bulk] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "too_large"),
            "{}",
            answer.text
        );
    }
}
