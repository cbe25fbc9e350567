//! The memory of a statement and of the process has limits, and who exceeds them harms nobody else.

use super::http::{post, run};
use super::program::Program;
use futures_util::future::join_all;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use test_kit::TestDb;

/// What all statements may take together in the test of the process, in bytes.
const BUDGET: u64 = 192 << 20;
/// What one may take.
const STATEMENT: u64 = 96 << 20;
/// What the program needs besides, in bytes: its code, threads and buffers, and what the allocator of the system keeps.
const BESIDES: u64 = 96 << 20;

/// Statements that want as much memory as they can get, each in another way.
const WORST: &[(&str, &str)] = &[
    (
        "/v1/query",
        "SELECT length(hex(zeroblob(30000000))) + length(hex(zeroblob(30000000) || x''))",
    ),
    (
        "/v1/query",
        "SELECT randomblob(30000000), randomblob(30000000), randomblob(30000000), randomblob(30000000)",
    ),
    (
        "/v1/query",
        "SELECT median(value) FROM generate_series(1, 50000000)",
    ),
    (
        "/v1/query",
        "SELECT length(group_concat(hex(randomblob(1000)))) FROM generate_series(1, 1000000)",
    ),
    (
        "/v1/query",
        "SELECT length(json_group_array(hex(randomblob(1000)))) FROM generate_series(1, 1000000)",
    ),
    (
        "/v1/query",
        "SELECT json_pretty(printf('%.*c', 800, '[') || printf('%.*c', 800, ']'), hex(zeroblob(500000)))",
    ),
    (
        "/v1/query",
        "SELECT concat_ws(a, a, a, a, a, a, a, a, a) FROM (SELECT hex(zeroblob(15000000)) AS a)",
    ),
    (
        "/v1/query",
        "SELECT hex(randomblob(30000)) FROM generate_series(1, 1000)",
    ),
    (
        "/v1/query",
        "SELECT replace(hex(zeroblob(5000000)), '00000000', hex(zeroblob(60)))",
    ),
    (
        "/v1/query",
        "SELECT trim(hex(zeroblob(15000000)), 'é' || hex(zeroblob(15000000)))",
    ),
    (
        "/v1/execute",
        "INSERT INTO t SELECT hex(zeroblob(30000000)) || hex(zeroblob(3000000))",
    ),
    (
        "/v1/query",
        "SELECT max(length(a)) OVER (ORDER BY a) FROM (SELECT randomblob(10000000) AS a FROM generate_series(1, 20))",
    ),
];

#[tokio::test]
async fn the_process_stays_within_its_budget_under_the_worst_statements() {
    let program = Program::start(&[
        "--max-memory-bytes",
        &BUDGET.to_string(),
        "--max-statement-memory-bytes",
        &STATEMENT.to_string(),
        "--statement-timeout-ms",
        "10000",
    ])
    .await;
    program.run("CREATE TABLE t (a)").await;
    program.run("INSERT INTO t VALUES (1)").await;
    let done = AtomicBool::new(false);

    let worst = async {
        let statements = WORST.iter().chain(WORST).map(async |(path, sql)| {
            let (status, text) = program.send(path, sql).await;
            assert!(
                [200, 408, 413, 503].contains(&status),
                "{sql}: {status} {text:.300}"
            );
            let named = [
                "max_statement_memory_bytes",
                "max_memory_bytes",
                "max_value_bytes",
                "max_result_bytes",
                "no turn came",
                "no connection",
            ];
            if [413, 503].contains(&status) {
                assert!(named.iter().any(|name| text.contains(name)), "{sql}: {text:.300}");
            }
            status
        });
        let rows = (0..6).map(async |_| {
            let execute = json!({"type": "execute", "stmt": {"sql":
                "SELECT hex(randomblob(30000)) FROM generate_series(1, 1000)"}});
            let body = json!({"requests": [execute, execute, execute, {"type": "close"}]});
            program.post("/v3/pipeline", body).await.0
        });
        let statuses = (join_all(statements).await, join_all(rows).await);
        done.store(true, Ordering::Relaxed);
        statuses
    };
    let others = async {
        let mut answered = 0;
        while !done.load(Ordering::Relaxed) {
            let (status, text) = program.send("/v1/query", "SELECT a FROM t WHERE rowid = 1").await;
            assert_eq!(status, 200, "another caller: {text}");
            answered += 1;
        }
        answered
    };
    let ((statuses, _), answered) = tokio::join!(worst, others);

    let peak = program.peak_bytes();
    assert!(peak < BUDGET + BESIDES, "{} MiB, {statuses:?}", peak >> 20);
    assert!(
        statuses.iter().any(|status| [413, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(answered > 0);
}

#[tokio::test]
async fn a_write_without_memory_fails_alone() {
    const LIMIT: u64 = 32 << 20;
    let db = TestDb::start_with(|config| {
        config.limits.max_statement_memory_bytes = LIMIT;
        config.limits.max_pattern_bytes = 200;
    })
    .await;
    run(&db, &["CREATE TABLE t (a)"]).await;

    let writes = (0..40).map(async |number| {
        let sql = if number % 10 == 5 {
            "INSERT INTO t SELECT hex(zeroblob(12000000)) || 'a'".to_owned()
        } else {
            format!("INSERT INTO t VALUES ({number})")
        };
        let answer = post(&db, "/v1/execute", json!({"sql": sql})).await;
        if number % 10 == 5 {
            assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
            assert!(
                answer.detail().contains("max_statement_memory_bytes"),
                "{}",
                answer.text
            );
        } else {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    });
    join_all(writes).await;

    let kept = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT count(*), max(length(a)) FROM t"}),
    )
    .await;
    assert_eq!(kept.json()["rows"], json!([[36, 2]]));
}

#[tokio::test]
async fn a_statement_takes_as_much_memory_as_it_may() {
    const LIMIT: u64 = 8 << 20;
    let db = TestDb::start_with(|config| config.limits.max_statement_memory_bytes = LIMIT).await;

    for (bytes, status) in [(5_000_000, 200), (10_000_000, 413)] {
        for (path, sql) in [
            ("/v1/query", format!("SELECT length(randomblob({bytes}))")),
            ("/v1/execute", format!("SELECT length(randomblob({bytes}))")),
            (
                "/v1/query",
                format!("SELECT median(value) FROM generate_series(1, {})", bytes / 16),
            ),
        ] {
            let answer = post(&db, path, json!({"sql": sql})).await;
            assert_eq!(answer.status, status, "{sql}: {}", answer.text);
        }
        // An answer counts that is kept until it is sent, and may have been twice as large for a moment.
        let sql = format!(
            "SELECT hex(zeroblob(50000)) FROM generate_series(1, {})",
            bytes / 100_000
        );
        let answer = post(&db, "/v1/query", json!({"sql": sql})).await;
        assert_eq!(answer.status, status, "{sql}: {:.300}", answer.text);
    }
}
