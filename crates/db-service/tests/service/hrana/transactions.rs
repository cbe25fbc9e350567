//! Interactive transactions, and what others see of them.

use super::super::http::{post, until};
use super::{Stream, rows_of_t, with_table, with_table_and};
use serde_json::json;

#[tokio::test]
async fn a_transaction_is_seen_by_others_when_it_is_committed() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);

    assert_eq!(stream.is_autocommit().await, true);
    stream.execute("BEGIN").await;
    assert_eq!(stream.is_autocommit().await, false);
    stream.execute("INSERT INTO t (v) VALUES ('two')").await;
    assert_eq!(stream.scalar("SELECT count(*) FROM t").await, "2");
    assert_eq!(rows_of_t(&db).await, 1);
    stream.execute("COMMIT").await;
    assert_eq!(stream.is_autocommit().await, true);
    assert_eq!(rows_of_t(&db).await, 2);

    stream.execute("BEGIN IMMEDIATE").await;
    stream.execute("DELETE FROM t").await;
    stream.result(json!({"type": "close"})).await;
    assert_eq!(rows_of_t(&db).await, 2);
}

#[tokio::test]
async fn a_commit_changes_the_tag_of_answers() {
    let db = with_table().await;
    let query = json!({"sql": "SELECT count(*) FROM t"});
    let before = post(&db, "/v1/query", query.clone())
        .await
        .header("etag")
        .to_owned();
    let mut stream = Stream::new(&db);

    stream.execute("BEGIN").await;
    stream.execute("DELETE FROM t").await;
    assert_eq!(post(&db, "/v1/query", query.clone()).await.header("etag"), before);
    stream.execute("COMMIT").await;

    assert_ne!(post(&db, "/v1/query", query.clone()).await.header("etag"), before);
    let before = post(&db, "/v1/query", query.clone())
        .await
        .header("etag")
        .to_owned();
    stream.execute("INSERT INTO t VALUES (9, '')").await;
    assert_ne!(post(&db, "/v1/query", query).await.header("etag"), before);
}

#[tokio::test]
async fn readers_never_wait_for_an_open_write_transaction() {
    // The transaction stays open, however long the readers take.
    let db = with_table_and(|config| {
        config.limits.transaction_idle_ms = 600_000;
        config.limits.transaction_total_ms = 600_000;
    })
    .await;
    let mut writing = Stream::new(&db);
    writing.execute("BEGIN IMMEDIATE").await;
    writing.execute("DELETE FROM t").await;

    for _ in 0..20 {
        assert_eq!(rows_of_t(&db).await, 1);
        assert_eq!(Stream::new(&db).scalar("SELECT count(*) FROM t").await, "1");
    }
    let mut reading = Stream::new(&db);
    reading.execute("BEGIN READONLY").await;
    assert_eq!(reading.scalar("SELECT count(*) FROM t").await, "1");
    writing.execute("COMMIT").await;
    assert_eq!(reading.scalar("SELECT count(*) FROM t").await, "1");
    reading.execute("COMMIT").await;
    assert_eq!(reading.scalar("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn writers_wait_for_each_other_and_meet_no_busy_error() {
    let db = with_table().await;
    let writers = (0..8).map(|writer| {
        let db = &db;
        async move {
            for round in 0..5 {
                let mut stream = Stream::new(db);
                let begin = if (writer + round) % 2 == 0 {
                    "BEGIN IMMEDIATE"
                } else {
                    "BEGIN"
                };
                stream.execute(begin).await;
                stream.execute("INSERT INTO t (v) VALUES ('x')").await;
                if writer % 3 == 0 {
                    db.client.query("SELECT 1", []).await.unwrap();
                }
                stream.execute("COMMIT").await;
                stream.execute("INSERT INTO t (v) VALUES ('y')").await;
                stream.result(json!({"type": "close"})).await;
            }
        }
    });
    let others = async {
        for _ in 0..10 {
            db.client
                .execute("INSERT INTO t (v) VALUES ('z')", [])
                .await
                .unwrap();
        }
    };

    tokio::join!(others, futures_util::future::join_all(writers));

    assert_eq!(rows_of_t(&db).await, 1 + 8 * 5 * 2 + 10);
}

#[tokio::test]
async fn a_transaction_that_has_read_old_data_is_told_what_to_do() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);
    stream.execute("BEGIN").await;
    stream.execute("SELECT * FROM t").await;
    db.client
        .execute("INSERT INTO t VALUES (2, 'two')", [])
        .await
        .unwrap();

    let error = stream.failure("DELETE FROM t").await;

    assert_eq!(error["code"], "TRANSACTION_BUSY");
    assert!(
        error["message"].as_str().unwrap().contains("BEGIN IMMEDIATE"),
        "{error}"
    );
    db.client
        .execute("INSERT INTO t VALUES (3, 'three')", [])
        .await
        .unwrap();
    stream.execute("ROLLBACK").await;
    stream.execute("DELETE FROM t").await;
    assert_eq!(rows_of_t(&db).await, 0);
}

#[tokio::test]
async fn a_writer_that_gets_no_turn_is_told_so_and_the_other_goes_on() {
    let db = with_table_and(|config| config.limits.queue_wait_ms = 200).await;
    let mut first = Stream::new(&db);
    first.execute("BEGIN IMMEDIATE").await;

    let mut second = Stream::new(&db);
    let error = second.failure("BEGIN IMMEDIATE").await;
    assert_eq!(error["code"], "TRANSACTION_BUSY");
    assert!(
        error["message"].as_str().unwrap().contains("queue_wait_ms"),
        "{error}"
    );
    assert_eq!(second.is_autocommit().await, true);

    first.execute("DELETE FROM t").await;
    first.execute("COMMIT").await;
    second.execute("BEGIN IMMEDIATE").await;
    second.execute("ROLLBACK").await;
    assert_eq!(rows_of_t(&db).await, 0);
}

#[tokio::test]
async fn a_transaction_begun_as_readonly_writes_nothing() {
    let db = with_table().await;
    for begin in ["BEGIN READONLY", "begin  transaction\nreadonly ;"] {
        let mut stream = Stream::new(&db);
        stream.execute(begin).await;
        assert_eq!(stream.failure("DELETE FROM t").await["code"], "SQLITE_READONLY");
        assert_eq!(stream.scalar("SELECT count(*) FROM t").await, "1");
        stream.execute("COMMIT").await;
        stream.execute("UPDATE t SET v = 'changed'").await;
    }
}

#[tokio::test]
async fn savepoints_and_statements_that_end_a_transaction_are_noticed() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);

    stream.execute("SAVEPOINT a").await;
    stream.execute("DELETE FROM t").await;
    stream.execute("ROLLBACK TO a").await;
    assert_eq!(stream.is_autocommit().await, false);
    stream.execute("RELEASE a").await;
    assert_eq!(stream.is_autocommit().await, true);

    stream.execute("BEGIN").await;
    stream.execute("INSERT INTO t VALUES (2, 'two')").await;
    stream.failure("INSERT OR ROLLBACK INTO t VALUES (1, '')").await;
    assert_eq!(stream.is_autocommit().await, true);
    // The writer is free again.
    db.client
        .execute("INSERT INTO t VALUES (3, 'three')", [])
        .await
        .unwrap();
    assert_eq!(rows_of_t(&db).await, 2);
}

#[tokio::test]
async fn a_streams_own_tables_and_counts_are_not_seen_by_the_next() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);
    stream.execute("CREATE TEMP TABLE mine (a)").await;
    stream.execute("INSERT INTO mine VALUES (1)").await;
    assert_eq!(stream.scalar("SELECT count(*) FROM mine").await, "1");
    stream.execute("PRAGMA foreign_keys = OFF").await;
    assert_eq!(stream.scalar("PRAGMA foreign_keys").await, "0");
    stream.result(json!({"type": "close"})).await;

    let mut next = Stream::new(&db);
    next.failure("SELECT * FROM mine").await;
    assert_eq!(next.scalar("PRAGMA foreign_keys").await, "1");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_transaction() {
    let db = with_table().await;
    let body = json!({"requests": [
        {"type": "execute", "stmt": {"sql": "BEGIN IMMEDIATE"}},
        {"type": "execute", "stmt": {"sql": "DELETE FROM t"}},
        {"type": "execute", "stmt": {"sql": super::super::http::ENDLESS}}
    ]});
    let request = tokio::spawn(super::super::http::send(
        super::super::http::request(&db, reqwest::Method::POST, "/v3/pipeline").json(&body),
    ));
    until("it runs", async || {
        let running = super::super::http::get(&db, "/v1/queries").await.json();
        running["queries"][0]["sql"] == super::super::http::ENDLESS
            && running["queries"][0]["kind"] == "hrana"
    })
    .await;

    request.abort();

    db.client
        .execute("INSERT INTO t VALUES (2, 'two')", [])
        .await
        .unwrap();
    assert_eq!(rows_of_t(&db).await, 2);
}
