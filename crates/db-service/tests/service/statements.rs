//! One statement, a batch, and what goes wrong with them.

use super::http::{get, post, request, run, send};
use reqwest::Method;
use serde_json::json;
use test_kit::TestDb;

#[tokio::test]
async fn a_query_answers_columns_rows_and_counts() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)",
            "INSERT INTO t (name) VALUES ('a'), ('b')",
        ],
    )
    .await;

    let answer = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT id, name, id FROM t WHERE id >= :least ORDER BY id", "params": {"least": 1}}),
    )
    .await;

    let body = answer.json();
    assert_eq!(
        body["columns"],
        json!([{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "TEXT"}, {"name": "id", "type": "INTEGER"}])
    );
    assert_eq!(body["rows"], json!([[1, "a", 1], [2, "b", 2]]));
    assert_eq!(body["row_count"], 2);
    assert_eq!(body["truncated"], false);
    assert!(answer.header("server-timing").contains("run;dur="));
}

#[tokio::test]
async fn a_query_may_stand_in_the_query_string() {
    let db = TestDb::start().await;

    let answer =
        send(request(&db, Method::GET, "/v1/query").query(&[("sql", "SELECT ?1 + 1"), ("params", "[41]")]))
            .await;

    assert_eq!(answer.json()["rows"], json!([[42]]));
}

#[tokio::test]
async fn more_rows_than_asked_for_are_cut_and_said_to_be() {
    let db = TestDb::start().await;

    let body = post(
        &db,
        "/v1/query",
        json!({"sql": "VALUES (1), (2), (3)", "max_rows": 2}),
    )
    .await
    .json();

    assert_eq!(body["rows"], json!([[1], [2]]));
    assert_eq!(body["truncated"], true);
}

#[tokio::test]
async fn execute_answers_what_it_changed() {
    let db = TestDb::start().await;
    run(
        &db,
        &["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"],
    )
    .await;

    let inserted = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t (name) VALUES (?) RETURNING id, name", "params": ["a"]}),
    )
    .await
    .json();
    let updated = post(&db, "/v1/execute", json!({"sql": "UPDATE t SET name = 'b'"}))
        .await
        .json();
    let many = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t (name) VALUES (?)", "params_many": [["x"], ["y"]]}),
    )
    .await
    .json();

    assert_eq!(inserted["rows"], json!([[1, "a"]]));
    assert_eq!(
        (&inserted["rows_affected"], &inserted["last_insert_rowid"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&updated["rows_affected"], &updated["last_insert_rowid"]),
        (&json!(1), &json!(null))
    );
    assert_eq!(
        (&many["rows_affected"], &many["last_insert_rowid"]),
        (&json!(2), &json!(3))
    );
}

#[tokio::test]
async fn an_insert_that_met_a_row_shows_no_rowid_of_another() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n)",
            "INSERT INTO t VALUES (7, 1)",
            "INSERT INTO t VALUES (9, 1)",
        ],
    )
    .await;

    let body = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t VALUES (7, 2) ON CONFLICT DO UPDATE SET n = excluded.n"}),
    )
    .await
    .json();

    assert_eq!(body["rows_affected"], 1);
    assert_eq!(body["last_insert_rowid"], json!(null));
}

#[tokio::test]
async fn a_set_that_fails_takes_the_others_back_and_is_named() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    let answer = post(
        &db,
        "/v1/execute",
        json!({"sql": "INSERT INTO t VALUES (?)", "params_many": [[1], [2], [1]]}),
    )
    .await;

    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "constraint_violation")
    );
    assert_eq!(answer.json()["statement_index"], 2);
    assert_eq!(answer.json()["sqlite_code"], "SQLITE_CONSTRAINT_PRIMARYKEY");
    assert_eq!(
        db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0].as_i64(),
        Some(0)
    );
}

#[tokio::test]
async fn an_atomic_batch_is_all_or_nothing() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    let answer = post(
        &db,
        "/v1/batch",
        json!({"statements": [
            {"sql": "INSERT INTO t VALUES (1)"}, {"sql": "INSERT INTO nowhere VALUES (1)"}
        ]}),
    )
    .await;

    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_sql"));
    assert_eq!(answer.json()["statement_index"], 1);
    assert_eq!(
        db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0].as_i64(),
        Some(0)
    );
}

#[tokio::test]
async fn an_independent_batch_goes_on_after_a_failure() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    let body = post(
        &db,
        "/v1/batch",
        json!({"mode": "independent", "statements": [
            {"sql": "INSERT INTO t VALUES (?)", "params_many": [[1], [1]]},
            {"sql": "INSERT INTO t VALUES (2) RETURNING id"},
            {"sql": "SELECT count(*) FROM t"}
        ]}),
    )
    .await
    .json();

    assert_eq!(body["results"][0]["error"]["code"], "constraint_violation");
    assert_eq!(body["results"][1]["ok"]["rows"], json!([[2]]));
    assert_eq!(body["results"][2]["ok"]["rows"], json!([[1]]));
}

#[tokio::test]
async fn a_read_cannot_write_whatever_its_sql_says() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    for sql in [
        "INSERT INTO t VALUES (1)",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "DELETE FROM t RETURNING id",
        "CREATE TABLE u (id)",
        "DROP TABLE t",
        "PRAGMA user_version = 3",
        "PRAGMA query_only = off",
        "VACUUM",
        "REINDEX",
        "CREATE TEMP TABLE u (id)",
        "BEGIN IMMEDIATE",
        "ATTACH ':memory:' AS other",
    ] {
        let answer = post(&db, "/v1/query", json!({"sql": sql})).await;
        assert!(matches!(answer.status, 400 | 403), "{sql}: {}", answer.text);
    }
    assert_eq!(
        post(&db, "/v1/query", json!({"sql": "INSERT INTO t VALUES (1)"}))
            .await
            .code(),
        "read_only"
    );
    assert_eq!(
        db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0].as_i64(),
        Some(0)
    );
}

#[tokio::test]
async fn transactions_cannot_be_opened_or_closed_by_a_statement() {
    let db = TestDb::start().await;

    for sql in [
        "BEGIN",
        "/* x */ COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "-- c\nRELEASE a",
        "; END",
    ] {
        let answer = post(&db, "/v1/execute", json!({"sql": sql})).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{sql}"
        );
    }
    run(&db, &["CREATE TABLE t (id)"]).await;
}

#[tokio::test]
async fn mistakes_are_named_with_their_place() {
    let db = TestDb::start().await;
    let mistake = async |body: serde_json::Value| {
        let answer = post(&db, "/v1/query", body).await;
        (answer.status, answer.code(), answer.json())
    };

    let (status, code, problem) = mistake(json!({"sql": "SELECT 1 FRM t"})).await;
    assert_eq!(
        (status, code.as_str(), &problem["sql_offset"]),
        (400, "invalid_sql", &json!(13))
    );
    assert_eq!(problem["sqlite_code"], "SQLITE_ERROR");
    assert_eq!(
        mistake(json!({"sql": "SELECT 1; SELECT 2"})).await.1,
        "invalid_sql"
    );
    assert_eq!(mistake(json!({"sql": " -- nothing"})).await.1, "invalid_sql");
    assert_eq!(
        mistake(json!({"sql": "SELECT ?, ?", "params": [1]})).await.1,
        "invalid_parameters"
    );
    let (_, code, problem) = mistake(json!({"sql": "SELECT :a", "params": {"b": 1}})).await;
    assert_eq!(code, "invalid_parameters");
    assert!(problem["detail"].as_str().unwrap().contains(":a"), "{problem}");
    let (_, code, problem) = mistake(json!({"sql": "SELECT 1", "parms": []})).await;
    assert_eq!(code, "invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains("parms"), "{problem}");
    let no_json = send(request(&db, Method::POST, "/v1/query").body("SELECT 1")).await;
    assert_eq!(
        (no_json.status, no_json.code().as_str()),
        (400, "invalid_request")
    );
    assert_eq!(get(&db, "/v1/nothing").await.code(), "not_found");
    assert_eq!(
        send(request(&db, Method::PUT, "/v1/query")).await.code(),
        "method_not_allowed"
    );
}

#[tokio::test]
async fn curl_needs_no_content_type() {
    let db = TestDb::start().await;

    let form =
        request(&db, Method::POST, "/v1/query").header("content-type", "application/x-www-form-urlencoded");
    let answer = send(form.body(r#"{"sql":"SELECT 1"}"#)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_web_page_of_another_origin_is_refused() {
    let db = TestDb::start().await;

    let page = request(&db, Method::POST, "/v1/execute").header("origin", "https://elsewhere.example");
    let answer = send(page.body(r#"{"sql":"CREATE TABLE t (id)"}"#)).await;

    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn a_tag_is_good_until_the_data_changes() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;
    let ask = async |tag: &str| {
        send(
            request(&db, Method::POST, "/v1/query")
                .header("if-none-match", tag)
                .json(&json!({"sql": "SELECT count(*) FROM t"})),
        )
        .await
    };

    let first = ask("\"none\"").await;
    let tag = first.header("etag").to_owned();
    let again = ask(&tag).await;
    run(&db, &["INSERT INTO t VALUES (1)"]).await;
    let changed = ask(&tag).await;

    assert_eq!((first.status, again.status, changed.status), (200, 304, 200));
    assert_eq!(changed.json()["rows"], json!([[1]]));
}

#[tokio::test]
async fn an_answer_by_chance_or_time_has_no_tag() {
    let db = TestDb::start().await;

    for sql in ["SELECT random()", "SELECT datetime('now')", "SELECT CURRENT_DATE"] {
        for _ in 0..2 {
            assert_eq!(
                post(&db, "/v1/query", json!({"sql": sql})).await.header("etag"),
                "",
                "{sql}"
            );
        }
    }
}

#[tokio::test]
async fn the_plan_is_a_tree_and_runs_nothing() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n)",
            "CREATE INDEX by_n ON t (n)",
            "INSERT INTO t VALUES (1, 1)",
        ],
    )
    .await;

    let plan = post(
        &db,
        "/v1/explain",
        json!({"sql": "SELECT * FROM t WHERE n = ? UNION SELECT 1, 2"}),
    )
    .await
    .json();
    let delete = post(&db, "/v1/explain", json!({"sql": "DELETE FROM t WHERE id = 1"})).await;

    assert!(
        plan[0]["children"]
            .as_array()
            .is_some_and(|steps| !steps.is_empty()),
        "{plan}"
    );
    assert!(plan.to_string().contains("by_n"), "{plan}");
    assert_eq!(delete.status, 200, "{}", delete.text);
    assert_eq!(
        db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0].as_i64(),
        Some(1)
    );
}

#[tokio::test]
async fn a_tag_names_one_form_of_an_answer() {
    let db = TestDb::start().await;
    let ask = async |accept: &str, tag: &str| {
        send(
            request(&db, Method::POST, "/v1/query")
                .header("accept", accept)
                .header("if-none-match", tag)
                .json(&json!({"sql": "SELECT 1 AS one"})),
        )
        .await
    };

    let json = ask("application/json", "\"none\"")
        .await
        .header("etag")
        .to_owned();
    let csv = ask("text/csv", &json).await;
    let ndjson = ask("application/x-ndjson", &json).await;

    assert_eq!((csv.status, csv.text.as_str()), (200, "one\n1\n"));
    assert_eq!(ndjson.status, 200);
    assert_eq!(ask("text/csv", csv.header("etag")).await.status, 304);
}

#[tokio::test]
async fn a_pragma_that_would_not_last_is_refused_and_not_passed_over() {
    let db = TestDb::start().await;
    let set = async |sql: &str| post(&db, "/v1/execute", json!({"sql": sql})).await;

    let refused = set("PRAGMA foreign_keys = OFF").await;
    let lasting = set("PRAGMA user_version = 7").await;

    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "invalid_request")
    );
    assert!(
        refused.detail().contains("one connection"),
        "{}",
        refused.detail()
    );
    assert_eq!(lasting.status, 200);
    assert_eq!(set("PRAGMA user_version").await.json()["rows"], json!([[7]]));
}
