//! Backup, metrics, the log, stopping.

use super::http::{get, post, request, run, send, until};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_kit::TestDb;

pub(crate) const FILL: &str = "INSERT INTO t (text) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) SELECT hex(randomblob(50)) FROM n";

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_shows_one_moment_while_writes_go_on() {
    let db = Arc::new(TestDb::start_with(|config| config.limits.backup_mib_per_s = 8).await);
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)",
            "CREATE TABLE pairs (id INTEGER PRIMARY KEY, a, b)",
        ],
    )
    .await;
    for _ in 0..20 {
        run(&db, &[FILL]).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writes = {
        let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                let pair = json!({"statements": [{"sql": "INSERT INTO pairs (a) VALUES (1)"}, {"sql": "UPDATE pairs SET b = a"}]});
                assert_eq!(post(&db, "/v1/batch", pair).await.status, 200);
                count += 1;
            }
            count
        })
    };

    let copy = request(&db, Method::GET, "/v1/backup").send().await.unwrap();
    let (length, bytes) = (copy.content_length(), copy.bytes().await.unwrap());
    stop.store(true, Ordering::Relaxed);

    assert!(writes.await.unwrap() > 3, "writes must go on during a backup");
    assert_eq!(length, Some(bytes.len() as u64));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    std::fs::write(&file, bytes).unwrap();
    let copy = TestDb::start_config(db_service::Config::for_database(&file)).await;
    let check = copy.client.query("PRAGMA integrity_check", []).await.unwrap();
    assert_eq!(check.rows[0][0].as_str(), Some("ok"));
    let half = copy
        .client
        .query("SELECT count(*) FROM pairs WHERE b IS NULL", [])
        .await
        .unwrap();
    assert_eq!(
        half.rows[0][0].as_i64(),
        Some(0),
        "a transaction must not be half in the copy"
    );
    assert_eq!(
        copy.client
            .query("SELECT count(*) FROM t", [])
            .await
            .unwrap()
            .rows[0][0]
            .as_i64(),
        Some(40_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_bounded_under_constant_readers() {
    let bound = 4 << 20;
    let db = Arc::new(TestDb::start_with(|config| config.limits.max_wal_bytes = bound).await);
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    db.client
                        .query(
                            "SELECT count(*), max(text) FROM t WHERE id > (SELECT max(id) - 3000 FROM t)",
                            [],
                        )
                        .await
                        .unwrap();
                }
            })
        })
        .collect();

    let wal = db.database.with_extension("db-wal");
    let mut largest = 0;
    for _ in 0..120 {
        run(&db, &[FILL]).await;
        largest = largest.max(std::fs::metadata(&wal).map_or(0, |file| file.len()));
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }

    let written = std::fs::metadata(&db.database).unwrap().len();
    assert!(
        written > 4 * bound,
        "{written} bytes are too few to show anything"
    );
    assert!(largest < 3 * bound, "the log grew to {largest} bytes");
}

#[tokio::test]
async fn metrics_name_routes_kinds_queues_and_sizes() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY)",
            "INSERT INTO t VALUES (1)",
        ],
    )
    .await;
    db.client.query("SELECT 1", []).await.unwrap();

    let text = get(&db, "/metrics").await.text;

    for line in [
        "db_statement_duration_seconds_count{kind=\"read\",route=\"/v1/query\"} 1",
        "db_statement_duration_seconds_count{kind=\"write\",route=\"/v1/execute\"} 2",
        "db_commits_total 2",
        "db_writes_total 2",
        "db_writes_queued 0",
        "db_open_streams 0",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line} in\n{text}");
    }
    assert!(text.contains("db_wal_bytes ") && text.contains("db_http_request_duration_seconds_bucket{"));
}

#[tokio::test]
async fn health_documents_and_explorer_need_nothing_from_outside() {
    let db = TestDb::start().await;

    assert_eq!(get(&db, "/healthz").await.json()["status"], "ok");
    assert_eq!(get(&db, "/readyz").await.json()["status"], "ok");
    let contract = get(&db, "/openapi.json").await.json();
    assert!(contract["paths"]["/v1/query"]["post"].is_object());
    let page = get(&db, "/docs/").await;
    assert_eq!(page.status, 200);
    for part in page.text.split(['"', '\'']) {
        assert!(
            !part.starts_with("http") && !part.starts_with("//"),
            "the explorer asks {part}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_what_is_in_flight_finish_and_leaves_a_clean_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = db_service::Config::for_database(folder.path().join("x.db"));
    let mut db = TestDb::start_config(config).await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"]).await;
    let slow = "INSERT INTO t (text) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT hex(x) FROM n";
    let write = tokio::spawn(send(
        request(&db, Method::POST, "/v1/execute").json(&json!({"sql": slow})),
    ));
    let (url, database) = (db.url.clone(), db.database.clone());
    until("it runs", async || {
        get(&db, "/v1/queries").await.text.contains("INSERT INTO t")
    })
    .await;

    db.stop().await;

    let answer = write.await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["rows_affected"].clone()),
        (200, json!(300_000))
    );
    assert!(
        reqwest::get(format!("{url}/healthz")).await.is_err(),
        "nobody listens any more"
    );
    let wal = std::fs::metadata(database.with_extension("db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "the log is written back");
}
