//! SQLite reads a text up to its first NUL, and would run what stands before it.

use super::http::{post, request, run, send};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

const SQL: &str = "DELETE FROM t\u{0} WHERE id = 1";

async fn with_rows() -> TestDb {
    let db = TestDb::start().await;
    run(
        &db,
        &["CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1), (2)"],
    )
    .await;
    db
}

async fn rows(db: &TestDb) -> i64 {
    db.client.rows("SELECT count(*) FROM t", []).await.unwrap()[0]
}

#[tokio::test]
async fn a_nul_in_a_statement_is_refused_wherever_it_is_sent() {
    let db = with_rows().await;
    let bodies = [
        ("/v1/query", json!({"sql": "SELECT 1\u{0}"})),
        ("/v1/explain", json!({"sql": "SELECT 1\u{0}"})),
        ("/v1/execute", json!({"sql": SQL})),
        ("/v1/execute", json!({"sql": SQL, "params_many": [[], []]})),
        ("/v1/execute", json!({"sql": SQL, "dry_run": true})),
        ("/v1/execute", json!({"sql": "VACUUM\u{0}"})),
        ("/v1/execute", json!({"sql": "\u{0}"})),
        ("/v1/execute", json!({"stmt": {"sql": SQL}})),
        (
            "/v1/batch",
            json!({"statements": [{"sql": "DELETE FROM t"}, {"sql": SQL}]}),
        ),
    ];

    for (route, body) in bodies {
        let answer = post(&db, route, body.clone()).await;
        assert_eq!(answer.status, 400, "{route} {body}: {}", answer.text);
        assert!(answer.text.contains("NUL"), "{route} {body}: {}", answer.text);
    }
    let answer = send(request(&db, Method::GET, "/v1/query").query(&[("sql", "SELECT 1\u{0}")])).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let independent = json!({"mode": "independent", "statements": [{"sql": SQL}]});
    let answer = post(&db, "/v1/batch", independent).await.json();
    assert_eq!(answer["results"][0]["error"]["code"], "invalid_sql");
    assert_eq!(rows(&db).await, 2);
}

#[tokio::test]
async fn a_nul_in_a_text_of_hrana_is_refused_before_any_of_it_runs() {
    let db = with_rows().await;
    let stored = json!({"type": "store_sql", "sql_id": 1, "sql": SQL});
    let requests = [
        json!({"type": "execute", "stmt": {"sql": SQL}}),
        json!({"type": "describe", "sql": SQL}),
        json!({"type": "sequence", "sql": format!("DELETE FROM t; {SQL}")}),
        stored,
    ];

    for request in requests {
        for rest in [json!([request, {"type": "close"}]), json!([request])] {
            let answer = post(&db, "/v3/pipeline", json!({"requests": rest})).await.json();
            assert_eq!(answer["results"][0]["type"], "error", "{request}");
        }
    }
    let batch = json!({"batch": {"steps": [{"stmt": {"sql": SQL}}]}});
    let lines = post(&db, "/v3/cursor", batch).await.text;
    let error: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(error["type"], "step_error");
    assert_eq!(rows(&db).await, 2);
}

#[tokio::test]
async fn a_nul_in_a_value_is_kept() {
    let db = with_rows().await;

    let answer = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT ?", "params": ["a\u{0}b"]}),
    )
    .await;

    assert_eq!(answer.json()["rows"], json!([["a\u{0}b"]]));
}
