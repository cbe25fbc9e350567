//! Streams of one statement: `execute` and `close` in one request, as the SDKs send for a single statement.

use super::super::http::{ENDLESS, get, post, until};
use super::super::writes::{hold_the_writer, holder_runs, metric, stop_the_holder};
use super::{Stream, rows_of_t, with_table, with_table_and};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs one statement on a stream of its own.
async fn lone(db: &test_kit::TestDb, stmt: &Value) -> Value {
    let body = json!({"requests": [{"type": "execute", "stmt": stmt}, {"type": "close"}]});
    let answer = post(db, "/v3/pipeline", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut body = answer.json();
    assert_eq!(body["baton"], Value::Null);
    assert_eq!(
        body["results"][1],
        json!({"type": "ok", "response": {"type": "close"}})
    );
    body["results"][0].take()
}

/// The outcome without the time that it took.
fn timeless(mut outcome: Value) -> Value {
    if let Some(result) = outcome.pointer_mut("/response/result") {
        result["query_duration_ms"] = json!(0);
    }
    outcome
}

#[tokio::test]
async fn a_lone_statement_is_answered_as_on_a_longer_stream() {
    let integer = |value: &str| json!({"type": "integer", "value": value});
    let text = |value: &str| json!({"type": "text", "value": value});
    let statements = [
        json!({"sql": "SELECT id, v, NULL, 1.5, x'0102', 9223372036854775807 FROM t"}),
        json!({"sql": "SELECT v FROM t WHERE id = ?", "args": [integer("1")]}),
        json!({"sql": "SELECT v FROM t WHERE id = :id", "named_args": [{"name": "id", "value": integer("1")}]}),
        json!({"sql": "SELECT ?2, ?1", "args": [integer("1"), text("b")]}),
        // More values than the statement takes; both kinds of them.
        json!({"sql": "SELECT ?1", "args": [integer("1"), text("surplus")]}),
        json!({"sql": "SELECT ?1, :b", "args": [integer("1")], "named_args": [{"name": "b", "value": text("b")}]}),
        json!({"sql": "SELECT ?"}),
        json!({"sql": "SELECT v FROM t", "want_rows": false}),
        json!({"sql": "VALUES (1), (2)"}),
        json!({"sql": "SELECT * FROM nowhere"}),
        json!({"sql": "SELEC 1"}),
        json!({"sql": "SELECT 1; SELECT 2"}),
        json!({"sql": ""}),
        json!({"sql": "INSERT INTO t (v) VALUES (?)", "args": [text("two")]}),
        json!({"sql": "INSERT INTO t (v) VALUES ('three') RETURNING id > 0, v"}),
        json!({"sql": "INSERT INTO t (id) VALUES (1)"}),
        json!({"sql": "REPLACE INTO t (id, v) VALUES (1, 'uno')"}),
        json!({"sql": "UPDATE t SET v = 'all'"}),
        json!({"sql": "DELETE FROM t WHERE id < 0"}),
        json!({"sql": "CREATE TABLE u (a)"}),
        json!({"sql": "PRAGMA user_version"}),
        json!({"sql": "WITH one AS (SELECT 1) SELECT * FROM one"}),
    ];
    let (db, twin) = (with_table().await, with_table().await);
    for stmt in statements {
        let alone = lone(&db, &stmt).await;
        let on_stream = Stream::new(&twin)
            .result(json!({"type": "execute", "stmt": stmt}))
            .await;

        assert_eq!(timeless(alone), timeless(on_stream), "{stmt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lone_writes_that_wait_share_a_commit() {
    let db = Arc::new(with_table().await);
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;
    let (commits, writes) = (
        metric(&db, "db_commits_total").await,
        metric(&db, "db_writes_total").await,
    );

    let clients: Vec<_> = (0..40)
        .map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { lone(&db, &json!({"sql": "INSERT INTO t (v) VALUES ('more')"})).await })
        })
        .collect();
    until("all wait", async || metric(&db, "db_writes_queued").await >= 40.0).await;
    stop_the_holder(&db).await;
    for client in clients {
        assert_eq!(client.await.unwrap()["type"], "ok");
    }

    holder.await.unwrap();
    assert_eq!(rows_of_t(&db).await, 41);
    let per_commit =
        (metric(&db, "db_writes_total").await - writes) / (metric(&db, "db_commits_total").await - commits);
    assert!(per_commit > 5.0, "{per_commit} writes a commit");
}

#[tokio::test]
async fn a_lone_write_whose_rows_have_no_room_in_the_answer_has_not_happened() {
    let db = with_table_and(|config| config.limits.max_result_bytes = 10_000).await;

    let outcome = lone(
        &db,
        &json!({"sql": "INSERT INTO t (v) VALUES (hex(zeroblob(20000))) RETURNING v"}),
    )
    .await;

    assert_eq!(outcome["error"]["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn a_lone_statement_stops_when_its_client_goes_away() {
    let db = with_table().await;
    let body = json!({"requests": [{"type": "execute", "stmt": {"sql": ENDLESS}}, {"type": "close"}]});
    let select = json!({"requests": [
        {"type": "execute", "stmt": {"sql": format!("SELECT * FROM ({ENDLESS})")}}, {"type": "close"}]});
    for body in [body, select] {
        let request = super::super::http::request(&db, reqwest::Method::POST, "/v3/pipeline").json(&body);
        let client = tokio::spawn(async move { request.send().await });
        until("it runs", async || {
            get(&db, "/v1/queries").await.text.contains("running")
        })
        .await;
        client.abort();

        until("it is stopped", async || {
            get(&db, "/v1/queries").await.text == "{\"queries\":[]}"
        })
        .await;
    }
}
