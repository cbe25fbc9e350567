//! Shared commits, savepoints, keys and the queue.

use super::http::{get, post, request, run, send, until};
use db_client::db_api::Value;
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use test_kit::TestDb;

async fn count(db: &TestDb, table: &str) -> i64 {
    db.client
        .query(&format!("SELECT count(*) FROM {table}"), [])
        .await
        .unwrap()
        .rows[0][0]
        .as_i64()
        .unwrap()
}

pub(crate) async fn metric(db: &TestDb, name: &str) -> f64 {
    let text = get(db, "/metrics").await.text;
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name} in {text}"))
}

/// Holds the writer until it is stopped.
pub(crate) fn hold_the_writer(db: &TestDb) -> tokio::task::JoinHandle<u16> {
    let hold = request(db, Method::POST, "/v1/execute").json(&json!({"sql": super::http::ENDLESS}));
    tokio::spawn(async move { send(hold).await.status })
}

pub(crate) async fn stop_the_holder(db: &TestDb) {
    let mut stopped = false;
    until("the holder is found", async || {
        for query in get(db, "/v1/queries").await.json()["queries"].as_array().unwrap() {
            if query["state"] == "running" && query["kind"] == "write" {
                let path = format!("/v1/queries/{}", query["id"]);
                stopped = send(request(db, Method::DELETE, &path)).await.status == 204;
            }
        }
        stopped
    })
    .await;
}

pub(crate) async fn holder_runs(db: &TestDb) {
    until("the writer is held", async || {
        get(db, "/v1/queries")
            .await
            .text
            .contains("\"state\":\"running\"")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_a_commit_and_one_failure_spoils_no_neighbour() {
    let db = Arc::new(TestDb::start().await);
    run(
        &db,
        &["CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (n <> 13))"],
    )
    .await;
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;
    let (commits, writes) = (
        metric(&db, "db_commits_total").await,
        metric(&db, "db_writes_total").await,
    );

    let mut waiting = Vec::new();
    for n in 1..=40_i64 {
        let db = Arc::clone(&db);
        waiting.push(tokio::spawn(async move {
            post(
                &db,
                "/v1/execute",
                json!({"sql": "INSERT INTO t (n) VALUES (?)", "params": [n]}),
            )
            .await
            .status
        }));
    }
    until("all wait", async || metric(&db, "db_writes_queued").await >= 40.0).await;
    stop_the_holder(&db).await;
    let mut refused = 0;
    for answer in waiting {
        refused += usize::from(answer.await.unwrap() == 409);
    }

    assert_eq!(holder.await.unwrap(), 499);
    assert_eq!((refused, count(&db, "t").await), (1, 39));
    let per_commit =
        (metric(&db, "db_writes_total").await - writes) / (metric(&db, "db_commits_total").await - commits);
    assert!(per_commit > 5.0, "{per_commit} writes a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_rolls_everything_back_costs_only_itself() {
    let db = Arc::new(TestDb::start().await);
    run(&db, &[
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)",
        "CREATE TRIGGER no_13 BEFORE INSERT ON t WHEN new.n = 13 BEGIN SELECT RAISE(ROLLBACK, 'thirteen'); END",
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    ])
    .await;
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;

    let mut waiting = Vec::new();
    for n in 1..=30_i64 {
        let db = Arc::clone(&db);
        waiting.push(tokio::spawn(async move {
            let sql = match n {
                20 => "INSERT INTO children (parent) VALUES (?)", // found out at the commit
                25 => "INSERT OR ROLLBACK INTO t (id, n) SELECT id, ? FROM t UNION ALL SELECT 1, 1 UNION ALL SELECT 1, 1",
                _ => "INSERT INTO t (n) VALUES (?)",
            };
            (n, post(&db, "/v1/execute", json!({"sql": sql, "params": [n]})).await)
        }));
    }
    until("all wait", async || metric(&db, "db_writes_queued").await >= 30.0).await;
    stop_the_holder(&db).await;

    for answer in waiting {
        let (n, answer) = answer.await.unwrap();
        let expected = if matches!(n, 13 | 20 | 25) { 409 } else { 200 };
        assert_eq!(answer.status, expected, "{n}: {}", answer.text);
    }
    assert_eq!(holder.await.unwrap(), 499);
    assert_eq!(count(&db, "t").await, 27);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    let one = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t VALUES (1) RETURNING id", "dry_run": true}),
    )
    .await
    .json();
    let many = post(&db, "/v1/batch", json!({"dry_run": true, "statements": [{"sql": "INSERT INTO t VALUES (1)"}, {"sql": "SELECT count(*) FROM t"}]})).await.json();

    assert_eq!(one["rows"], json!([[1]]));
    assert_eq!(
        (&many["results"][1]["ok"]["rows"], &many["dry_run"]),
        (&json!([[1]]), &json!(true))
    );
    assert_eq!(count(&db, "t").await, 0);
}

#[tokio::test]
async fn a_repeated_write_with_the_same_key_is_done_once() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, n)"]).await;
    let insert = async |key: &str, n: i64| {
        let write = request(&db, Method::POST, "/v1/execute").header("idempotency-key", key);
        send(write.json(&json!({"sql": "INSERT INTO t (n) VALUES (?)", "params": [n]}))).await
    };

    let first = insert("a", 1).await;
    let quoted = insert("\"a\"", 1).await;
    let other_body = insert("a", 2).await;
    let other_key = insert("b", 1).await;
    let empty = insert("", 1).await;

    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
    assert_eq!(
        (
            quoted.text,
            quoted.headers["idempotent-replayed"].to_str().unwrap()
        ),
        (first.text, "true")
    );
    assert_eq!(
        (other_body.status, other_body.code().as_str()),
        (422, "idempotency_mismatch")
    );
    assert_eq!((other_key.status, empty.status), (200, 400));
    assert_eq!(count(&db, "t").await, 2);
}

#[tokio::test]
async fn a_failed_write_leaves_its_key_free() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY)",
            "INSERT INTO t VALUES (1)",
        ],
    )
    .await;
    let insert = async || {
        let write = request(&db, Method::POST, "/v1/execute").header("idempotency-key", "k");
        send(write.json(&json!({"sql": "INSERT INTO t VALUES (1)"})))
            .await
            .status
    };

    let failed = insert().await;
    run(&db, &["DELETE FROM t"]).await;
    let succeeded = insert().await;

    assert_eq!((failed, succeeded), (409, 200));
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_be_kept_is_not_done_again() {
    const LIMIT: usize = 2_000;
    let db = TestDb::start_with(|config| config.limits.max_kept_answer_bytes = LIMIT as u64).await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY, n)"]).await;
    let insert = async |key: &str, bytes: usize| {
        let write = request(&db, Method::POST, "/v1/execute").header("idempotency-key", key);
        let sql = "INSERT INTO t (n) VALUES ('a'), (substr(hex(zeroblob(2000)), 1, ?)) RETURNING n";
        send(write.json(&json!({"sql": sql, "params": [bytes]}))).await
    };
    // The time that it took has a varying number of digits.
    let around = insert("probe", 0).await.text.len();

    let kept = insert("kept", LIMIT - around - 20).await;
    let again = insert("kept", LIMIT - around - 20).await;
    let large = insert("large", LIMIT - around + 20).await;
    let repeated = insert("large", LIMIT - around + 20).await;

    assert!(kept.text.len() <= LIMIT && large.text.len() > LIMIT);
    assert_eq!((again.status, &again.text), (200, &kept.text));
    assert_eq!(large.status, 200);
    assert_eq!(
        (repeated.status, repeated.code().as_str()),
        (409, "answer_not_kept")
    );
    assert!(repeated.detail().contains("changed 2 rows"), "{}", repeated.text);
    assert_eq!(count(&db, "t").await, 6);
}

#[tokio::test]
async fn a_table_of_keys_that_was_altered_from_outside_does_not_keep_the_service_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let config = db_service::Config::for_database(folder.path().join("altered.db"));
    let keyed = async |db: &TestDb| {
        let write = request(db, Method::POST, "/v1/execute").header("idempotency-key", "k");
        send(write.json(&json!({"sql": "CREATE TABLE IF NOT EXISTS t (id)"})))
            .await
            .status
    };
    let mut db = TestDb::start_config(config.clone()).await;
    assert_eq!(keyed(&db).await, 200);
    db.stop().await;
    rusqlite::Connection::open(&config.database)
        .unwrap()
        .execute_batch("ALTER TABLE _comptoir_idempotency DROP COLUMN fingerprint")
        .unwrap();

    let db = TestDb::start_config(config).await;

    assert_eq!(keyed(&db).await, 200);
}

#[tokio::test]
async fn keys_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = db_service::Config::for_database(folder.path().join("kept.db"));
    let insert = async |db: &TestDb| {
        let write = request(db, Method::POST, "/v1/batch").header("idempotency-key", "k");
        send(write.json(
            &json!({"statements": [{"sql": "CREATE TABLE t (id)"}, {"sql": "INSERT INTO t VALUES (1)"}]}),
        ))
        .await
    };

    let mut db = TestDb::start_config(config.clone()).await;
    let first = insert(&db).await;
    db.stop().await;
    let db = TestDb::start_config(config).await;
    let again = insert(&db).await;

    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(
        (again.header("idempotent-replayed"), &again.text),
        ("true", &first.text)
    );
    assert_eq!(count(&db, "t").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_and_a_long_wait_answer_503_with_a_time_to_try_again() {
    let db = Arc::new(
        TestDb::start_with(|config| {
            config.limits.write_queue = 2;
            config.limits.queue_wait_ms = 300;
        })
        .await,
    );
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;

    let waiting: Vec<_> = (0..6_i64)
        .map(|id| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                post(
                    &db,
                    "/v1/execute",
                    json!({"sql": "INSERT INTO t VALUES (?)", "params": [id]}),
                )
                .await
            })
        })
        .collect();
    let mut named = Vec::new();
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert_eq!(
            (
                answer.status,
                answer.code().as_str(),
                answer.header("retry-after")
            ),
            (503, "overloaded", "1")
        );
        named.push(answer.detail());
    }
    stop_the_holder(&db).await;

    assert_eq!(
        named
            .iter()
            .filter(|detail| detail.contains("write_queue"))
            .count(),
        4,
        "{named:?}"
    );
    assert_eq!(
        named
            .iter()
            .filter(|detail| detail.contains("queue_wait_ms"))
            .count(),
        2,
        "{named:?}"
    );
    holder.await.unwrap();
    run(&db, &["INSERT INTO t VALUES (100)"]).await;
    let ids = db.client.query("SELECT id FROM t", []).await.unwrap().rows;
    assert_eq!(
        ids,
        [[Value::Integer(100)]],
        "a write that was answered 503 must not happen later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_client_went_away_while_it_waited_does_not_happen() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;

    let gone = tokio::spawn(send(
        request(&db, Method::POST, "/v1/execute").json(&json!({"sql": "INSERT INTO t VALUES (1)"})),
    ));
    until("it waits", async || {
        get(&db, "/v1/queries").await.text.contains("INSERT INTO t")
    })
    .await;
    gone.abort();
    until("it is gone", async || {
        !get(&db, "/v1/queries").await.text.contains("INSERT INTO t")
    })
    .await;
    stop_the_holder(&db).await;
    holder.await.unwrap();

    run(&db, &["INSERT INTO t VALUES (2)"]).await;
    assert_eq!(count(&db, "t").await, 1);
}

#[tokio::test]
async fn a_write_whose_rows_have_no_room_in_the_answer_has_not_happened() {
    let db = TestDb::start_with(|config| config.limits.max_result_bytes = 10_000).await;
    run(&db, &["CREATE TABLE t (text TEXT)"]).await;

    let answer = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t VALUES (hex(zeroblob(20000))) RETURNING text"}),
    )
    .await;

    assert!(answer.detail().contains("max_result_bytes"), "{}", answer.text);
    assert_eq!(count(&db, "t").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_has_written_nothing_even_when_told_to_keep_what_it_did() {
    let db = Arc::new(TestDb::start().await);
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;
    let holder = hold_the_writer(&db);
    holder_runs(&db).await;

    let mut waiting = Vec::new();
    for n in 1..=10_i64 {
        let db = Arc::clone(&db);
        waiting.push(tokio::spawn(async move {
            let sql = if n == 5 {
                "INSERT OR FAIL INTO t VALUES (100), (101), (100 + ? * 0)"
            } else {
                "INSERT INTO t VALUES (?)"
            };
            post(&db, "/v1/execute", json!({"sql": sql, "params": [n]}))
                .await
                .status
        }));
    }
    until("all wait", async || metric(&db, "db_writes_queued").await >= 10.0).await;
    stop_the_holder(&db).await;
    let mut refused = 0;
    for answer in waiting {
        refused += usize::from(answer.await.unwrap() == 409);
    }

    assert_eq!(holder.await.unwrap(), 499);
    assert_eq!((refused, count(&db, "t").await), (1, 9));
}

#[tokio::test]
async fn a_key_with_a_blank_is_refused() {
    let db = TestDb::start().await;

    let answer = send(
        request(&db, Method::POST, "/v1/execute")
            .header("idempotency-key", "a b")
            .json(&json!({"sql": "CREATE TABLE t (id)"})),
    )
    .await;

    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
}
