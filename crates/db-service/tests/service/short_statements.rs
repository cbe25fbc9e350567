//! Brief reads, which run at once in a transaction that stays open until the data changes.

use super::http::{Answer, post, request, run, send};
use reqwest::Method;
use serde_json::json;
use test_kit::TestDb;

/// More often than a text must have been brief to run at once.
const OFTEN: usize = 30;

/// The first value of the first row.
async fn value(db: &TestDb, sql: &str) -> i64 {
    post(db, "/v1/query", json!({ "sql": sql })).await.json()["rows"][0][0]
        .as_i64()
        .unwrap()
}

async fn hrana(db: &TestDb, sql: &str) -> Answer {
    let steps = json!({"requests": [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]});
    post(db, "/v3/pipeline", steps).await
}

#[tokio::test]
async fn a_brief_read_is_never_older_than_an_answered_write() {
    let db = TestDb::start().await;
    run(
        &db,
        &["CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER DEFAULT 0)"],
    )
    .await;
    let (rows, tables) = ("SELECT count(*) FROM t", "SELECT count(*) FROM sqlite_schema");
    for _ in 0..OFTEN {
        value(&db, rows).await;
        value(&db, tables).await;
    }

    let (mut expected, known) = (0, value(&db, tables).await);
    for round in 0..40 {
        run(&db, &["INSERT INTO t DEFAULT VALUES"]).await;
        expected += 1;
        assert_eq!(value(&db, rows).await, expected, "after a write");

        let bulk = request(&db, Method::POST, "/v1/tables/t/rows")
            .header("content-type", "text/csv")
            .body("n\n1\n2\n");
        assert_eq!(send(bulk).await.status, 200);
        expected += 2;
        assert_eq!(value(&db, rows).await, expected, "after a bulk insert");

        assert_eq!(hrana(&db, "INSERT INTO t DEFAULT VALUES").await.status, 200);
        expected += 1;
        assert_eq!(value(&db, rows).await, expected, "after a write of a stream");

        run(&db, &[&format!("CREATE TABLE extra_{round} (a)")]).await;
        assert_eq!(value(&db, tables).await, known + 1, "after a new table");
        hrana(&db, &format!("DROP TABLE extra_{round}")).await;
        assert_eq!(value(&db, tables).await, known, "after one that is gone");
    }
}

#[tokio::test]
async fn a_brief_read_that_was_does_not_keep_the_log_from_starting_anew() {
    let bound = 4 << 20;
    let db = TestDb::start_with(|config| config.limits.max_wal_bytes = bound).await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"]).await;
    for _ in 0..OFTEN {
        value(&db, "SELECT count(*) FROM sqlite_schema").await;
    }

    let wal = db.database.with_extension("db-wal");
    let mut largest = 0;
    for _ in 0..60 {
        run(&db, &[super::operations::FILL]).await;
        largest = largest.max(std::fs::metadata(&wal).map_or(0, |file| file.len()));
    }

    let written = std::fs::metadata(&db.database).unwrap().len();
    assert!(
        written > 2 * bound,
        "{written} bytes are too few to show anything"
    );
    assert!(largest < 3 * bound, "the log grew to {largest} bytes");
}

#[tokio::test]
async fn a_text_that_was_brief_and_takes_long_is_answered_all_the_same() {
    let db = TestDb::start().await;
    let sql =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?1) SELECT count(*) FROM n";
    let ask = async |most: i64| {
        post(&db, "/v1/query", json!({"sql": sql, "params": [most]}))
            .await
            .json()["rows"][0][0]
            .as_i64()
    };
    for _ in 0..OFTEN {
        assert_eq!(ask(1).await, Some(1));
    }

    assert_eq!(ask(300_000).await, Some(300_000));
    assert_eq!(ask(1).await, Some(1));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_read_gives_way_and_the_next_read_does_not_suffer_for_it() {
    let db = TestDb::start().await;
    // Of a thread: its name, and how nice it is.
    let stat = |stat: &str| -> Option<(String, i64)> {
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        Some((name.to_owned(), fields.split_whitespace().nth(16)?.parse().ok()?))
    };
    // The tests may run under `nice` themselves.
    let (_, own) = stat(&std::fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
    if own == 19 {
        eprintln!("nothing runs at a lower priority than these tests: there is nothing to see");
        return;
    }
    let gives_way = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        threads
            // A thread may end while the list is read.
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok())
            .filter_map(|thread| stat(&thread))
            .any(|(name, nice)| name == "db-read" && nice > own)
    };
    let long = request(&db, Method::POST, "/v1/query").json(&json!({"sql": super::http::ENDLESS}));
    let long = tokio::spawn(async move { send(long).await.status });

    super::http::until("the long read gives way", async || gives_way()).await;
    assert_eq!(value(&db, "SELECT 1").await, 1);
    let id = super::http::get(&db, "/v1/queries").await.json()["queries"][0]["id"].clone();
    let stop = request(&db, Method::DELETE, &format!("/v1/queries/{id}"));
    assert_eq!(send(stop).await.status, 204);
    long.await.unwrap();

    super::http::until("its thread ends", async || !gives_way()).await;
}
