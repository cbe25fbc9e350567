//! What a stranger's SQL cannot do to the process, and what SQLite is asked to take for an error.

use super::http::{get, post, request, run, send, until};
use super::program::Program;
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

async fn scalar(db: &TestDb, sql: &str) -> Value {
    let answer = post(db, "/v1/query", json!({"sql": sql})).await;
    assert_eq!(answer.status, 200, "{sql}: {}", answer.text);
    answer.json()["rows"][0][0].clone()
}

#[tokio::test]
async fn functions_that_analyses_ask_for_are_there() {
    let db = TestDb::start().await;

    for (sql, value) in [
        ("SELECT sqrt(2) > 1.414 AND sqrt(2) < 1.415", json!(1)),
        ("SELECT pow(2, 10)", json!(1024.0)),
        ("SELECT sum(value) FROM generate_series(1, 10)", json!(55)),
        ("SELECT median(value) FROM generate_series(1, 9)", json!(5.0)),
        (
            "SELECT percentile(value, 50) FROM generate_series(1, 9)",
            json!(5.0),
        ),
        ("SELECT 'Basic Package' REGEXP '^B.*age$'", json!(1)),
        ("SELECT 'été' REGEXP '^.t.$'", json!(1)),
        ("SELECT 12 REGEXP '^[0-9]+$'", json!(1)),
        ("SELECT 'a' REGEXP 'b'", json!(0)),
        ("SELECT NULL REGEXP 'b'", json!(null)),
    ] {
        assert_eq!(scalar(&db, sql).await, value, "{sql}");
    }
    for (sql, words) in [
        ("SELECT 'a' REGEXP '('", "REGEXP"),
        ("SELECT 'a' REGEXP '(\\w{1000}){1000}'", "REGEXP"),
    ] {
        let refused = post(&db, "/v1/query", json!({"sql": sql})).await;
        assert_eq!(refused.status, 400, "{sql}: {}", refused.text);
        assert!(refused.detail().contains(words), "{}", refused.text);
    }
    run(
        &db,
        &["CREATE TABLE mails (mail TEXT CHECK (mail REGEXP '^[^@]+@[^@]+$')) STRICT"],
    )
    .await;
    let wrong = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO mails VALUES ('nobody')"}),
    )
    .await;
    assert_eq!(wrong.code(), "constraint_violation");
}

#[tokio::test]
async fn a_mistyped_column_in_double_quotes_is_an_error_unless_a_setting_says_otherwise() {
    let strict = TestDb::start().await;
    let lenient = TestDb::start_with(|config| config.allow_double_quoted_texts = true).await;
    run(&lenient, &["CREATE TABLE t (a)"]).await;

    let refused = post(&strict, "/v1/query", json!({"sql": "SELECT \"nope\""})).await;
    let stored = post(
        &strict,
        "/v1/execute",
        json!({"sql": "CREATE TABLE t (a CHECK (a <> \"nope\"))"}),
    )
    .await;

    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_sql"));
    assert!(refused.detail().contains("no such column"), "{}", refused.text);
    assert_eq!(stored.status, 400, "{}", stored.text);
    assert_eq!(scalar(&lenient, "SELECT \"nope\"").await, "nope");
}

#[tokio::test]
async fn limits_of_the_process_are_not_for_callers() {
    let db = TestDb::start().await;

    for sql in [
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA soft_heap_limit = 1",
        "PRAGMA trusted_schema = on",
    ] {
        for path in ["/v1/query", "/v1/execute"] {
            let refused = post(&db, path, json!({"sql": sql})).await;
            assert_eq!(refused.status, 400, "{path} {sql}: {}", refused.text);
        }
        let requests = json!([{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]);
        let stream = post(&db, "/v3/pipeline", json!({"requests": requests}))
            .await
            .json();
        assert_eq!(stream["results"][0]["type"], "error", "{sql}");
    }
}

#[tokio::test]
async fn no_time_at_all_is_refused_everywhere() {
    let db = TestDb::start().await;

    for (path, body) in [
        ("/v1/query", json!({"sql": "SELECT 1", "timeout_ms": 0})),
        ("/v1/execute", json!({"sql": "SELECT 1", "timeout_ms": 0})),
        ("/v1/explain", json!({"sql": "SELECT 1", "timeout_ms": 0})),
        (
            "/v1/batch",
            json!({"statements": [{"sql": "SELECT 1"}], "timeout_ms": 0}),
        ),
    ] {
        let refused = post(&db, path, body).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "invalid_request"),
            "{path}"
        );
        assert!(refused.text.contains("timeout_ms"), "{}", refused.text);
    }
    let by_get = get(&db, "/v1/query?sql=SELECT%201&timeout_ms=0").await;
    assert_eq!(by_get.status, 400);
}

#[tokio::test]
async fn one_process_opens_the_file_and_the_next_is_told_which() {
    let mut db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (a)"]).await;
    let config = db_service::Config::for_database(&db.database);
    let start = async |config: db_service::Config| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        db_service::run(config, listener, std::future::ready(())).await
    };

    let refused = start(config.clone()).await.unwrap_err().to_string();
    db.stop().await;
    let after = start(config).await;

    let holder = format!("process {}", std::process::id());
    assert!(refused.contains(&holder), "{refused}");
    assert!(after.is_ok(), "{after:?}");
}

#[tokio::test]
async fn what_is_written_into_a_file_that_is_gone_is_refused() {
    for (what, change) in [
        (
            "removed",
            (|db| std::fs::remove_file(db).unwrap()) as fn(&std::path::Path),
        ),
        ("replaced", |db| {
            let copy = db.with_extension("copy");
            std::fs::copy(db, &copy).unwrap();
            std::fs::rename(copy, db).unwrap();
        }),
        ("without its log", |db| {
            let mut log = db.as_os_str().to_owned();
            log.push("-wal");
            std::fs::remove_file(log).unwrap();
        }),
    ] {
        let db = TestDb::start().await;
        run(&db, &["CREATE TABLE t (a)"]).await;
        assert_eq!(get(&db, "/readyz").await.status, 200);

        change(&db.database);
        let write = post(&db, "/v1/execute", json!({"sql": "INSERT INTO t VALUES (1)"})).await;
        let rows = request(&db, Method::POST, "/v1/tables/t/rows").header("content-type", "text/csv");
        let bulk = send(rows.body("a\n1\n")).await;
        let requests = json!([{"type": "execute", "stmt": {"sql": "BEGIN IMMEDIATE"}}, {"type": "close"}]);
        let stream = post(&db, "/v3/pipeline", json!({"requests": requests})).await;

        for refused in [&write, &bulk] {
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (503, "database_lost"),
                "{what}: {}",
                refused.text
            );
        }
        assert_eq!(stream.json()["results"][0]["type"], "error", "{what}");
        assert_eq!(get(&db, "/readyz").await.status, 503, "{what}");
        assert_eq!(get(&db, "/healthz").await.status, 200, "{what}");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_noticed_without_a_write() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (a)"]).await;

    std::fs::remove_file(&db.database).unwrap();

    until("the service is not ready", async || {
        get(&db, "/readyz").await.status == 503
    })
    .await;
}

#[tokio::test]
async fn a_look_at_readiness_writes_without_changing_the_data() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (a)"]).await;
    let tag = async || {
        post(&db, "/v1/query", json!({"sql": "SELECT * FROM t"}))
            .await
            .header("etag")
            .to_owned()
    };

    let before = tag().await;
    let ready = get(&db, "/readyz").await.status;
    let after = tag().await;
    let probed = scalar(
        &db,
        "SELECT count(*) FROM pragma_table_list WHERE name = '_comptoir_probe'",
    )
    .await;

    assert_eq!((ready, before, probed), (200, after, json!(1)));
}

#[tokio::test]
async fn a_writer_that_is_busy_within_its_limit_is_ready() {
    let db = TestDb::start().await;
    let requests = json!([{"type": "execute", "stmt": {"sql": "BEGIN IMMEDIATE"}}]);
    let held = post(&db, "/v3/pipeline", json!({"requests": requests})).await;

    assert_eq!(held.json()["results"][0]["type"], "ok", "{}", held.text);
    assert_eq!(get(&db, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_statement_holds_as_many_selects_as_it_may() {
    const LIMIT: u64 = 100;
    let db = TestDb::start_with(|config| config.limits.max_selects = LIMIT).await;
    let union = |count: u64| vec!["SELECT  1"; usize::try_from(count).unwrap()].join(" UNION ");

    let edge = post(&db, "/v1/query", json!({"sql": union(LIMIT)})).await;
    let beyond = post(&db, "/v1/query", json!({"sql": union(LIMIT + 1)})).await;

    assert_eq!(edge.status, 200, "{}", edge.text);
    assert_eq!((beyond.status, beyond.code().as_str()), (413, "too_large"));
    assert!(beyond.detail().contains("max_selects"), "{}", beyond.text);
}

#[tokio::test]
async fn the_texts_of_the_schema_have_a_limit() {
    const LIMIT: usize = 10_000;
    let db = TestDb::start_with(|config| config.limits.max_schema_bytes = LIMIT as u64).await;
    let used = scalar(&db, "SELECT total(length(sql)) FROM sqlite_schema")
        .await
        .as_f64()
        .unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
    let left = LIMIT - used as usize;
    let view = |bytes: usize| {
        let sql = "CREATE VIEW v AS SELECT ''";
        sql.replace("''", &format!("'{}'", "x".repeat(bytes - sql.len())))
    };

    let beyond = post(&db, "/v1/execute", json!({"sql": view(left + 1)})).await;
    let edge = post(&db, "/v1/execute", json!({"sql": view(left)})).await;

    assert_eq!((beyond.status, beyond.code().as_str()), (413, "too_large"));
    assert!(beyond.detail().contains("max_schema_bytes"), "{}", beyond.text);
    assert_eq!(edge.status, 200, "{}", edge.text);
}

/// Queries that are built on each other: the last of `count` has the columns of `from`.
fn chain(from: &str, count: usize) -> String {
    let mut sql = format!("WITH a0 AS ({from})");
    for index in 1..count - 1 {
        let link = format!(", a{index} AS (SELECT x FROM a{})", index - 1);
        sql.push_str(&link);
    }
    let end = format!(" SELECT x FROM a{}", count - 2);
    sql + &end
}

#[tokio::test]
async fn no_statement_ends_the_process() {
    let mut program = Program::start(&["--statement-timeout-ms", "5000"]).await;

    let deepest = program.send("/v1/query", &chain("SELECT 1 AS x", 1_000)).await;
    let one_more = program.send("/v1/query", &chain("SELECT 1 AS x", 1_001)).await;
    let much_more = program.send("/v1/query", &chain("SELECT 1 AS x", 8_000)).await;
    assert_eq!(deepest.0, 200, "{}", deepest.1);
    for refused in [one_more, much_more] {
        assert!(
            refused.0 == 413 && refused.1.contains("max_selects"),
            "{}",
            refused.1
        );
    }
    for (made, from) in ["SELECT 1 AS x", "SELECT x FROM v0"].into_iter().enumerate() {
        let sql = format!("CREATE VIEW v{made} AS {}", chain(from, 1_000));
        let (status, text) = program.send("/v1/execute", &sql).await;
        assert_eq!(status, 200, "{text}");
    }
    for path in ["/v1/query", "/v1/execute", "/v1/explain"] {
        let (status, text) = program.send(path, "SELECT x FROM v1").await;
        assert!([200, 400, 408, 413].contains(&status), "{path}: {status} {text}");
    }
    let requests = json!([{"type": "describe", "sql": "SELECT x FROM v1"}, {"type": "close"}]);
    let (status, text) = program.post("/v3/pipeline", json!({"requests": requests})).await;
    assert_eq!(status, 200, "{text}");
    assert!(program.is_running());
}

#[tokio::test]
async fn expressions_and_functions_have_limits() {
    let db = TestDb::start().await;
    let sum = |depth: usize| format!("SELECT 1{}", " + 1".repeat(depth - 1));
    let largest = |arguments: usize| format!("SELECT max({})", vec!["1"; arguments].join(", "));
    let attach = async |count: usize| {
        let one =
            |number| json!({"type": "execute", "stmt": {"sql": format!("ATTACH ':memory:' AS a{number}")}});
        let mut requests: Vec<Value> = (0..count).map(one).collect();
        requests.push(json!({"type": "close"}));
        let answer = post(&db, "/v3/pipeline", json!({"requests": requests}))
            .await
            .json();
        answer["results"][count - 1].clone()
    };

    for (sql, status) in [
        (sum(1_000), 200),
        (sum(1_001), 400),
        (largest(100), 200),
        (largest(101), 400),
    ] {
        for path in ["/v1/query", "/v1/execute"] {
            let answer = post(&db, path, json!({"sql": sql})).await;
            assert_eq!(answer.status, status, "{path} {sql:.40}: {}", answer.text);
        }
    }
    assert_eq!(attach(4).await["type"], "ok");
    assert_eq!(attach(5).await["type"], "error");
}

/// Statements that make what builds on each other, `depth` deep, and those that use the last of it.
fn deep(kind: &str, depth: u64) -> (Vec<String>, Vec<String>) {
    let mut made = vec![format!(
        "CREATE TABLE {kind}1 (id INTEGER PRIMARY KEY, p INTEGER)"
    )];
    for level in 2..=depth {
        let below = level - 1;
        match kind {
            "views" => made.push(format!("CREATE VIEW views{level} AS SELECT * FROM views{below}")),
            "triggers" => {
                made.push(format!(
                    "CREATE TABLE triggers{level} (id INTEGER PRIMARY KEY, p INTEGER)"
                ));
                made.push(format!(
                    "CREATE TRIGGER fire{level} AFTER INSERT ON triggers{level} BEGIN
                     INSERT INTO triggers{below} (p) VALUES (new.p); END"
                ));
            }
            _ => made.push(format!(
                "CREATE TABLE keys{level} (id INTEGER PRIMARY KEY,
                 p INTEGER REFERENCES keys{below} ON DELETE CASCADE ON UPDATE CASCADE)"
            )),
        }
    }
    let used = match kind {
        "views" => vec![format!("SELECT count(*) FROM views{depth}")],
        "triggers" => vec![format!("INSERT INTO triggers{depth} (p) VALUES (1)")],
        _ => vec![
            "INSERT INTO keys1 VALUES (1, NULL)".to_owned(),
            "UPDATE keys1 SET id = 2".to_owned(),
            "DELETE FROM keys1".to_owned(),
        ],
    };
    (made, used)
}

#[tokio::test]
async fn a_schema_goes_as_deep_as_it_may_and_ends_no_process() {
    // The most that can be set.
    const DEPTH: u64 = 500;
    let mut program = Program::start(&["--max-schema-depth", &DEPTH.to_string()]).await;

    for kind in ["views", "triggers", "keys"] {
        let (made, used) = deep(kind, DEPTH);
        let statements: Vec<Value> = made.iter().map(|sql| json!({"sql": sql})).collect();
        let (status, text) = program
            .post(
                "/v1/batch",
                json!({"statements": statements, "timeout_ms": 600_000}),
            )
            .await;
        assert_eq!(status, 200, "{kind}: {text:.500}");
        let (beyond, _) = deep(kind, DEPTH + 1);
        let statements: Vec<Value> = beyond[made.len()..]
            .iter()
            .map(|sql| json!({"sql": sql}))
            .collect();
        let (status, text) = program.post("/v1/batch", json!({"statements": statements})).await;
        assert!(
            status == 413 && text.contains("max_schema_depth"),
            "{kind}: {status} {text:.500}"
        );
        for sql in &used {
            let (status, text) = program.send("/v1/execute", sql).await;
            assert_eq!(status, 200, "{kind} {sql}: {text:.500}");
            let (status, text) = program.send("/v1/explain", sql).await;
            assert!([200, 403].contains(&status), "{kind} {sql}: {status} {text:.500}");
        }
        assert!(program.is_running(), "{kind}");
    }
}

#[tokio::test]
async fn a_schema_that_is_too_deep_at_start_is_refused() {
    let mut db = TestDb::start().await;
    let (made, _) = deep("views", 30);
    for sql in &made {
        run(&db, &[sql]).await;
    }
    db.stop().await;
    let mut config = db_service::Config::for_database(&db.database);
    config.limits.max_schema_depth = 29;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = db_service::run(config, listener, std::future::ready(())).await;

    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("30 deep") && words.contains("--max-schema-depth"),
        "{words}"
    );
}
