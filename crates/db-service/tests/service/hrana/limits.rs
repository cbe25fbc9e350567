//! Limits of time and number, and the end of the service.

use super::super::http::{ENDLESS, get, request, send, until};
use super::{Stream, rows_of_t, with_table, with_table_and};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

/// Sends the stream's baton, which is good no more, and gives the refusal.
async fn refusal(stream: &mut Stream<'_>) -> (u16, Value) {
    let answer = stream
        .send(json!([{"type": "execute", "stmt": {"sql": "COMMIT"}}]))
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    (answer.status, answer.json())
}

#[tokio::test]
async fn an_idle_transaction_is_rolled_back_and_its_client_told_why() {
    let db = with_table_and(|config| config.limits.transaction_idle_ms = 2_000).await;
    let mut stream = Stream::new(&db);
    stream.execute("BEGIN IMMEDIATE").await;
    stream.execute("DELETE FROM t").await;

    // Waits until the writer is free.
    db.client
        .execute("INSERT INTO t VALUES (2, 'two')", [])
        .await
        .unwrap();

    assert_eq!(rows_of_t(&db).await, 2);
    let (status, error) = refusal(&mut stream).await;
    assert_eq!((status, &error["code"]), (410, &json!("STREAM_EXPIRED")));
    assert!(
        error["message"].as_str().unwrap().contains("transaction_idle_ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_transaction_ends_at_its_total_limit_however_busy_it_is() {
    let db = with_table_and(|config| config.limits.transaction_total_ms = 3_000).await;
    let mut stream = Stream::new(&db);
    stream.execute("BEGIN IMMEDIATE").await;
    stream.execute("DELETE FROM t").await;

    let error = stream.failure(ENDLESS).await;

    assert_eq!(error["code"], "TRANSACTION_TIMEOUT");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("transaction_total_ms"),
        "{error}"
    );
    assert_eq!(stream.is_autocommit().await, true);
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn a_stream_without_state_outlives_its_idle_time() {
    let db = with_table_and(|config| config.limits.stream_idle_ms = 50).await;
    let mut plain = Stream::new(&db);
    plain.execute("SELECT 1").await;
    let mut with_table = Stream::new(&db);
    with_table.execute("CREATE TEMP TABLE mine (a)").await;
    let mut with_text = Stream::new(&db);
    with_text
        .result(json!({"type": "store_sql", "sql_id": 1, "sql": "SELECT 1"}))
        .await;

    until("no connection is held", async || {
        get(&db, "/metrics")
            .await
            .text
            .contains("\ndb_interactive_streams 0\n")
    })
    .await;

    assert_eq!(plain.scalar("SELECT 2").await, "2");
    for mut stream in [with_table, with_text] {
        let (status, error) = refusal(&mut stream).await;
        assert_eq!(
            (status, &error["code"]),
            (410, &json!("STREAM_EXPIRED")),
            "{error}"
        );
        assert!(
            error["message"].as_str().unwrap().contains("stream_idle_ms"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn idle_streams_without_state_make_room_for_others() {
    let db = with_table_and(|config| {
        config.limits.max_streams = 2;
        config.limits.queue_wait_ms = 1_500;
    })
    .await;
    let mut streams: Vec<Stream<'_>> = (0..6).map(|_| Stream::new(&db)).collect();
    for stream in &mut streams {
        stream.execute("SELECT 1").await;
    }
    for stream in &mut streams {
        stream.execute("SELECT 1").await;
    }
    let [first, second, third, ..] = &mut streams[..] else {
        unreachable!()
    };
    first.execute("BEGIN").await;
    second.execute("BEGIN").await;

    let refused = third
        .send(json!([{"type": "execute", "stmt": {"sql": "SELECT 1"}}]))
        .await;

    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("max_streams")
    );
    first.execute("COMMIT").await;
    Stream::new(&db).execute("SELECT 1").await;
}

#[tokio::test]
async fn a_statement_is_seen_and_stopped() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);

    let (error, ()) = tokio::join!(stream.failure(ENDLESS), async {
        let mut id = Value::Null;
        until("it is seen", async || {
            let running = get(&db, "/v1/queries").await.json();
            let query = &running["queries"][0];
            id = query["id"].clone();
            query["sql"] == ENDLESS && query["kind"] == "hrana" && query["state"] == "running"
        })
        .await;
        let stopped = send(request(&db, Method::DELETE, &format!("/v1/queries/{id}"))).await;
        assert_eq!(stopped.status, 204);
    });
    assert_eq!(error["code"], "SQLITE_INTERRUPT");
    assert!(
        error["message"].as_str().unwrap().contains("administrator"),
        "{error}"
    );
    stream.execute("SELECT 1").await;
}

#[tokio::test]
async fn a_statement_is_limited_in_time() {
    let db = with_table_and(|config| config.limits.statement_timeout_ms = 1_500).await;
    let mut stream = Stream::new(&db);

    let error = stream.failure(ENDLESS).await;

    assert_eq!(error["code"], "SQLITE_INTERRUPT");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("statement_timeout_ms"),
        "{error}"
    );
    stream.execute("SELECT 1").await;
}

#[tokio::test]
async fn open_streams_are_rolled_back_when_the_service_stops() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut config = db_service::Config::for_database(folder.path().join("kept.db"));
    config.limits.transaction_idle_ms = 120_000;
    let mut db = TestDb::start_config(config.clone()).await;
    db.client.execute("CREATE TABLE t (id)", []).await.unwrap();
    let mut stream = Stream::new(&db);
    stream.execute("BEGIN IMMEDIATE").await;
    stream.execute("INSERT INTO t VALUES (1)").await;

    let started = std::time::Instant::now();
    db.stop().await;

    assert!(started.elapsed().as_millis() < u128::from(config.limits.transaction_idle_ms));
    let again = TestDb::start_config(config).await;
    assert_eq!(rows_of_t(&again).await, 0);
}

#[tokio::test]
async fn statements_of_streams_are_counted() {
    let db = with_table().await;
    Stream::new(&db).execute("SELECT 1").await;

    let metrics = get(&db, "/metrics").await.text;

    assert!(
        metrics.contains("db_statement_duration_seconds_count{kind=\"hrana\",route=\"/v3/pipeline\"} 1"),
        "{metrics}"
    );
}
