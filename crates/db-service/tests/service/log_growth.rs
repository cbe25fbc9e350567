//! The write-ahead log stays within its limits, whoever reads for how long.

use super::http::{ENDLESS, ENDLESS_ROWS, post, request, run, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_kit::TestDb;

/// What the log is asked to stay below while nobody reads.
const LIMIT: u64 = 200_000;

async fn start() -> TestDb {
    let db = TestDb::start_with(|config| config.limits.max_wal_bytes = LIMIT).await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)",
            "INSERT INTO t VALUES (0, 'first')",
        ],
    )
    .await;
    db
}

fn log_bytes(db: &TestDb) -> u64 {
    let mut log = db.database.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |file| file.len())
}

/// Writes ten times the limit in small pieces; how large the log was at most.
async fn write_much(db: &TestDb) -> u64 {
    let mut largest = 0;
    for _ in 0..200 {
        let sql = "INSERT INTO t (text) VALUES (hex(zeroblob(4000)))";
        let written = post(db, "/v1/execute", json!({"sql": sql})).await;
        assert_eq!(written.status, 200, "{}", written.text);
        largest = largest.max(log_bytes(db));
    }
    largest
}

async fn pipeline(db: &TestDb, baton: Option<&str>, statements: &[&str]) -> super::http::Answer {
    let requests: Vec<Value> = statements
        .iter()
        .map(|sql| json!({"type": "execute", "stmt": {"sql": sql}}))
        .collect();
    post(db, "/v3/pipeline", json!({"baton": baton, "requests": requests})).await
}

/// A client that asks and reads nothing of the answer.
fn ask(db: &TestDb, path: &str, accept: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// What is left of the answer.
async fn read_on(mut stream: TcpStream) -> String {
    tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        // An answer that breaks off is read as far as it goes.
        let _ = stream.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_left_in_a_transaction_are_ended_and_told_so() {
    let db = start().await;
    let mut batons = Vec::new();
    for _ in 0..5 {
        let left = pipeline(&db, None, &["BEGIN", "SELECT count(*) FROM t"])
            .await
            .json();
        batons.push(left["baton"].as_str().unwrap().to_owned());
    }
    let idle = pipeline(&db, None, &["BEGIN"]).await.json();

    let largest = write_much(&db).await;

    assert!(largest <= 2 * LIMIT, "{largest}");
    assert!(
        largest > LIMIT,
        "{largest}: the reads keep the log as long as they may"
    );
    for baton in &batons {
        let ended = pipeline(&db, Some(baton), &["SELECT 1"]).await;
        assert_eq!(
            (ended.status, ended.json()["code"].clone()),
            (410, json!("STREAM_EXPIRED"))
        );
        assert!(ended.text.contains("max_wal_kept_bytes"), "{}", ended.text);
    }
    let untouched = pipeline(&db, idle["baton"].as_str(), &["SELECT count(*) FROM t", "COMMIT"]).await;
    assert_eq!(
        untouched.json()["results"][1]["type"],
        "ok",
        "a transaction that has read nothing keeps nothing: {}",
        untouched.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_are_ended_and_told_so() {
    let db = start().await;
    let sql = format!("SELECT * FROM t, ({ENDLESS_ROWS})");
    let step = json!({"stmt": {"sql": sql}});
    let cursor = |steps: Value| json!({"batch": {"steps": steps}});
    let lines = ask(&db, "/v1/query", "application/x-ndjson", &json!({"sql": sql}));
    let csv = ask(&db, "/v1/query", "text/csv", &json!({"sql": sql}));
    let alone = ask(&db, "/v3/cursor", "*/*", &cursor(json!([step])));
    let begin = json!({"stmt": {"sql": "BEGIN"}});
    let inside = ask(&db, "/v3/cursor", "*/*", &cursor(json!([begin, step, begin])));
    super::http::until("all four wait for their clients", async || {
        let running = super::http::get(&db, "/v1/queries").await.json();
        let running = running["queries"].as_array().unwrap().clone();
        running.iter().filter(|one| one["state"] == "sending").count() == 4
    })
    .await;

    let largest = write_much(&db).await;

    assert!(largest <= 2 * LIMIT, "{largest}");
    let lines = read_on(lines).await;
    assert!(
        lines.contains("{\"error\":") && lines.contains("snapshot_too_old"),
        "{}",
        &lines[lines.len() - 500..]
    );
    let csv = read_on(csv).await;
    assert!(
        !csv.ends_with("0\r\n\r\n"),
        "a CSV answer that was ended looks whole"
    );
    let alone = read_on(alone).await;
    assert!(
        alone.contains("SNAPSHOT_TOO_OLD") && alone.contains("replication_index"),
        "{}",
        &alone[alone.len() - 500..]
    );
    let inside = read_on(inside).await;
    assert!(
        inside.contains("SNAPSHOT_TOO_OLD") && inside.contains("TRANSACTION_ABORTED"),
        "the transaction is rolled back: {}",
        &inside[inside.len() - 500..]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_go_on_are_ended_and_told_so() {
    let db = start().await;
    let sql = ENDLESS.replace("count(*) FROM n", "count(*) FROM n, t");
    let query = tokio::spawn(send(
        request(&db, Method::POST, "/v1/query").json(&json!({"sql": sql})),
    ));
    let requests = json!([
        {"type": "execute", "stmt": {"sql": "BEGIN"}},
        {"type": "execute", "stmt": {"sql": "SELECT count(*) FROM t"}},
        {"type": "execute", "stmt": {"sql": sql}},
        {"type": "execute", "stmt": {"sql": "SELECT 1"}},
        {"type": "close"},
    ]);
    let stream = tokio::spawn(send(
        request(&db, Method::POST, "/v3/pipeline").json(&json!({"requests": requests})),
    ));
    super::http::until("both run", async || {
        let running = super::http::get(&db, "/v1/queries").await.text;
        running.matches("\"running\"").count() == 2
    })
    .await;

    let largest = write_much(&db).await;

    assert!(largest <= 2 * LIMIT, "{largest}");
    let query = query.await.unwrap();
    assert_eq!((query.status, query.code().as_str()), (503, "snapshot_too_old"));
    assert!(query.detail().contains("max_wal_kept_bytes"), "{}", query.text);
    let results = stream.await.unwrap().json()["results"].clone();
    assert_eq!(results[2]["error"]["code"], "SNAPSHOT_TOO_OLD", "{results}");
    assert_eq!(results[3]["error"]["code"], "TRANSACTION_ABORTED", "{results}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brief_reads_are_left_alone() {
    let db = Arc::new(start().await);
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut refused = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let read = post(&db, "/v1/query", json!({"sql": "SELECT max(id) FROM t"})).await;
                    refused.extend((read.status != 200).then_some(read.text));
                }
                refused
            })
        })
        .collect();

    let largest = write_much(&db).await;
    stop.store(true, Ordering::Relaxed);

    for reader in readers {
        assert_eq!(reader.await.unwrap(), Vec::<String>::new());
    }
    assert!(largest <= 2 * LIMIT, "{largest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_limit_is_a_setting_of_its_own() {
    let db = TestDb::start_with(|config| {
        config.limits.max_wal_bytes = LIMIT;
        config.limits.max_wal_kept_bytes = 4 * LIMIT;
    })
    .await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"]).await;
    let left = pipeline(&db, None, &["BEGIN", "SELECT count(*) FROM t"])
        .await
        .json();

    let largest = write_much(&db).await;

    assert!(largest > 3 * LIMIT && largest <= 4 * LIMIT, "{largest}");
    let ended = pipeline(&db, left["baton"].as_str(), &["SELECT 1"]).await;
    assert!(
        ended.text.contains("800000 bytes (max_wal_kept_bytes)"),
        "{}",
        ended.text
    );
}
