//! Small inputs that were once answered wrongly, each an example of a kind that is tested by its subject elsewhere.

use super::hrana::Stream;
use super::http::{Answer, get, post, post_rows, request, run, send};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

async fn query(db: &TestDb, sql: &str) -> Answer {
    post(db, "/v1/query", json!({"sql": sql})).await
}

async fn rows(db: &TestDb, sql: &str) -> Value {
    let answer = query(db, sql).await;
    assert_eq!(answer.status, 200, "{sql}: {}", answer.text);
    answer.json()["rows"].clone()
}

async fn refused(db: &TestDb, sql: &str, status: u16) {
    let answer = post(db, "/v1/execute", json!({"sql": sql})).await;
    assert_eq!(answer.status, status, "{sql}: {}", answer.text);
}

#[tokio::test]
async fn a_view_that_is_made_anew_has_its_own_columns_at_once() {
    let db = TestDb::start().await;
    run(&db, &["CREATE VIEW v AS SELECT 1 AS net, 2 AS gross"]).await;
    for _ in 0..2 {
        query(&db, "SELECT * FROM v").await;
    }
    let anew = json!({"statements": [
        {"sql": "DROP VIEW v"}, {"sql": "CREATE VIEW v AS SELECT 2 AS gross, 1 AS net"}
    ]});
    assert_eq!(post(&db, "/v1/batch", anew).await.status, 200);

    let answer = query(&db, "SELECT * FROM v").await.json();

    let name = |column: usize| answer["columns"][column]["name"].clone();
    assert_eq!(json!([name(0), name(1)]), json!(["gross", "net"]));
    assert_eq!(answer["rows"], json!([[2, 1]]));
}

#[tokio::test]
async fn a_new_column_is_there_for_a_new_stream_and_one_that_went_is_gone_in_every_form() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (a INTEGER)"]).await;
    Stream::new(&db)
        .execute("ALTER TABLE t ADD COLUMN b INTEGER")
        .await;
    Stream::new(&db).execute("INSERT INTO t VALUES (1, 2)").await;
    let sql = "SELECT * FROM t";
    let in_form = async |accept: &str| {
        let asked = request(&db, Method::POST, "/v1/query").header("accept", accept);
        send(asked.json(&json!({"sql": sql}))).await
    };
    for accept in ["application/json", "application/x-ndjson", "text/csv"] {
        assert_eq!(in_form(accept).await.status, 200);
    }
    Stream::new(&db).execute(sql).await;

    run(&db, &["ALTER TABLE t DROP COLUMN b"]).await;

    assert_eq!(in_form("application/json").await.json()["rows"], json!([[1]]));
    assert!(in_form("application/x-ndjson").await.text.contains("\n[1]\n"));
    assert_eq!(in_form("text/csv").await.text, "a\n1\n");
    assert_eq!(
        Stream::new(&db).execute(sql).await["cols"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_nul_does_not_cut_a_statement_and_integers_keep_their_digits() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT)",
            "INSERT INTO t VALUES (1, 'a')",
        ],
    )
    .await;

    refused(&db, "DELETE FROM t\0 WHERE id=1", 400).await;
    let large = request(&db, Method::POST, "/v1/query").header("content-type", "application/json");
    let large = send(large.body(r#"{"sql":"SELECT ?","params":[18446744073709551616]}"#)).await;
    let line = "{\"id\":50,\"t\":100000000000000000001}\n";
    let taken = post_rows(&db, "/v1/tables/t/rows", "application/x-ndjson", line).await;

    assert_eq!(
        (large.status, taken.status),
        (400, 200),
        "{} {}",
        large.text,
        taken.text
    );
    assert_eq!(
        rows(&db, "SELECT t FROM t").await,
        json!([["a"], ["100000000000000000001"]])
    );
}

#[tokio::test]
async fn csv_tells_the_empty_text_from_null_there_and_back() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
            "INSERT INTO t VALUES (1, ''), (2, NULL)",
        ],
    )
    .await;
    let asked = request(&db, Method::POST, "/v1/query").header("accept", "text/csv");
    let csv = send(asked.json(&json!({"sql": "SELECT * FROM t"}))).await.text;
    run(&db, &["DELETE FROM t"]).await;

    let taken = post_rows(&db, "/v1/tables/t/rows", "text/csv", csv).await;

    assert_eq!(taken.status, 200, "{}", taken.text);
    assert_eq!(rows(&db, "SELECT v FROM t").await, json!([[""], [null]]));
}

#[tokio::test]
async fn a_transaction_that_a_time_limit_ended_commits_nothing_more() {
    let db = TestDb::start_with(|config| config.limits.statement_timeout_ms = 100).await;
    run(&db, &["CREATE TABLE t (v)"]).await;
    let mut stream = Stream::new(&db);
    stream.execute("BEGIN IMMEDIATE").await;
    stream.execute("INSERT INTO t VALUES (1)").await;
    stream
        .failure(
            "INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        )
        .await;

    assert_eq!(
        stream.failure("INSERT INTO t VALUES (3)").await["code"],
        "TRANSACTION_ABORTED"
    );
    assert_eq!(stream.failure("COMMIT").await["code"], "TRANSACTION_ABORTED");
    assert_eq!(rows(&db, "SELECT * FROM t").await, json!([]));
}

#[tokio::test]
async fn a_rehearsal_refuses_what_the_commit_would() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE par (id INTEGER PRIMARY KEY)",
            "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES par DEFERRABLE INITIALLY DEFERRED)",
        ],
    )
    .await;

    let asked = json!({"sql": "INSERT INTO c VALUES (2, 5)", "dry_run": true});

    assert_eq!(post(&db, "/v1/execute", asked).await.status, 409);
}

#[tokio::test]
async fn csv_that_fails_at_its_first_rows_is_a_problem_document_and_weights_count() {
    let db = TestDb::start().await;
    let ask = async |accept: &str, sql: &str| {
        let asked = request(&db, Method::POST, "/v1/query").header("accept", accept);
        send(asked.json(&json!({"sql": sql}))).await
    };

    let late = "SELECT json_extract(v, '$.a') FROM (SELECT '{}' v UNION ALL SELECT 'bad')";
    let failed = ask("text/csv", late).await;
    let weighed = ask("text/csv;q=0.1, application/json", "SELECT 1").await;

    assert_eq!((failed.status, failed.code().as_str()), (400, "invalid_sql"));
    assert_eq!(weighed.header("content-type"), "application/json");
}

/// A service with a token for each of these: a scope, and what follows in its entry.
async fn with_tokens(entries: &[(&'static str, &str)], tables: &[&str]) -> (TestDb, Vec<String>) {
    // Tokens stay as they are when their file is gone.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    let (admin, mut text) = db_service::new_token("admin", "admin").unwrap();
    let mut tokens = vec![admin];
    for (index, (scope, more)) in entries.iter().enumerate() {
        let (token, entry) = db_service::new_token(&format!("token {index}"), scope).unwrap();
        tokens.push(token);
        text.push_str(&entry);
        text.push_str(more);
    }
    std::fs::write(&file, text).unwrap();
    let db = TestDb::start_with(|config| config.tokens = Some(file)).await;
    for sql in tables {
        let made = ask_as(&db, &tokens[0], "/v1/execute", sql).await;
        assert_eq!(made.status, 200, "{sql}: {}", made.text);
    }
    (db, tokens)
}

async fn ask_as(db: &TestDb, token: &str, path: &str, sql: &str) -> Answer {
    let asked = request(db, Method::POST, path).bearer_auth(token);
    send(asked.json(&json!({"sql": sql}))).await
}

#[tokio::test]
async fn limited_tokens_find_no_way_around_their_limits() {
    let (db, tokens) = with_tokens(
        &[
            ("read", "[token.tables.pub]\nread = \"*\"\n"),
            ("read", "[token.tables.sales]\nread = [\"id\", \"amount\"]\n"),
            (
                "write",
                "[token.tables.codes]\nread = \"*\"\nwrite = [\"code\"]\n",
            ),
            ("write", ""),
        ],
        &[
            "CREATE TABLE pub (a)",
            "CREATE TABLE pragma_notes (a)",
            "INSERT INTO pragma_notes VALUES ('hidden')",
            "CREATE TABLE sales (id INTEGER PRIMARY KEY, amount, margin)",
            "INSERT INTO sales VALUES (1, 2, 40000)",
            "CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
            "INSERT INTO codes VALUES (1, 'c1'), (2, 'c2')",
        ],
    )
    .await;

    for (who, path, sql) in [
        (1, "/v1/query", "SELECT * FROM pragma_notes"),
        (
            2,
            "/v1/query",
            "SELECT sales.id, g.margin FROM (SELECT 40000 AS margin) g JOIN sales USING (margin)",
        ),
        (3, "/v1/execute", "UPDATE codes SET rowid = 500 WHERE id = 1"),
        (
            3,
            "/v1/execute",
            "UPDATE OR REPLACE codes SET code = 'c2' WHERE id = 1",
        ),
        (
            4,
            "/v1/execute",
            "ALTER TABLE _comptoir_idempotency RENAME TO mine",
        ),
        (
            0,
            "/v1/execute",
            "ALTER TABLE _comptoir_idempotency RENAME TO mine",
        ),
    ] {
        let answer = ask_as(&db, &tokens[who], path, sql).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "forbidden"),
            "{sql}: {}",
            answer.text
        );
    }
    let codes = ask_as(&db, &tokens[0], "/v1/query", "SELECT * FROM codes").await;
    assert_eq!(codes.json()["rows"], json!([[1, "c1"], [2, "c2"]]));

    let requests = json!({"requests": [{"type": "execute", "stmt": {"sql": "BEGIN IMMEDIATE"}}]});
    let asked = request(&db, Method::POST, "/v3/pipeline").bearer_auth(&tokens[1]);
    let begun = send(asked.json(&requests)).await.json();
    assert_eq!(begun["results"][0]["type"], "error", "{begun}");
}

#[tokio::test]
async fn virtual_tables_are_read_where_only_reads_are_taken() {
    let (db, tokens) = with_tokens(
        &[("read", "[token.tables.docs]\nread = \"*\"\n")],
        &[
            "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
            "INSERT INTO r VALUES (1, 0.5, 2.5)",
            "CREATE VIRTUAL TABLE docs USING fts5(text)",
            "INSERT INTO docs VALUES ('one word')",
        ],
    )
    .await;

    let boxes = ask_as(&db, &tokens[0], "/v1/query", "SELECT * FROM r").await;
    let found = ask_as(
        &db,
        &tokens[1],
        "/v1/query",
        "SELECT text FROM docs WHERE docs MATCH 'word'",
    )
    .await;

    assert_eq!(boxes.json()["rows"], json!([[1, 0.5, 2.5]]), "{}", boxes.text);
    assert_eq!(found.json()["rows"], json!([["one word"]]), "{}", found.text);
}

#[tokio::test]
async fn a_broken_view_shows_its_text_and_why_and_bytes_that_are_no_text_are_refused() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE old (a)",
            "CREATE VIEW v AS SELECT a FROM old",
            "DROP TABLE old",
        ],
    )
    .await;

    let view = get(&db, "/v1/tables/v").await;

    assert_eq!(view.status, 200, "{}", view.text);
    assert_eq!(view.json()["sql"], "CREATE VIEW v AS SELECT a FROM old");
    assert!(
        view.json()["broken"].as_str().unwrap().contains("no such table"),
        "{}",
        view.text
    );
    assert_eq!(get(&db, "/v1/query?sql=SELECT+'%ff'").await.status, 400);
}

#[tokio::test]
async fn mathematics_is_there_and_a_mistyped_column_is_no_text() {
    let db = TestDb::start().await;

    let root = rows(&db, "SELECT sqrt(2)").await;
    let mistyped = query(&db, "SELECT sqrt(2), \"nope\"").await;

    assert!((root[0][0].as_f64().unwrap() - std::f64::consts::SQRT_2).abs() < 1e-12);
    assert_eq!(mistyped.status, 400);
    assert!(mistyped.detail().contains("no such column"), "{}", mistyped.text);
}
