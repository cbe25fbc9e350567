//! Batches and their conditions.

use super::super::http::post;
use super::{Stream, rows_of_t, with_table};
use serde_json::{Value, json};

fn step(sql: &str, condition: &Value) -> Value {
    json!({"stmt": {"sql": sql}, "condition": condition})
}

#[tokio::test]
async fn steps_run_under_their_conditions() {
    let db = with_table().await;
    let ok = |step: usize| json!({"type": "ok", "step": step});
    let error = |step: usize| json!({"type": "error", "step": step});
    let not = |cond: Value| json!({"type": "not", "cond": cond});
    let steps = [
        (step("SELECT 0", &Value::Null), "ok"),
        (step("SELECT * FROM nowhere", &ok(0)), "error"),
        (step("SELECT 2", &ok(1)), "skipped"),
        (step("SELECT 3", &error(1)), "ok"),
        (step("SELECT 4", &error(0)), "skipped"),
        (step("SELECT 5", &ok(2)), "skipped"),
        (step("SELECT 6", &error(2)), "ok"),
        (step("SELECT 7", &not(ok(2))), "ok"),
        (
            step("SELECT 8", &json!({"type": "and", "conds": [ok(0), ok(3)]})),
            "ok",
        ),
        (
            step("SELECT 9", &json!({"type": "and", "conds": [ok(0), ok(1)]})),
            "skipped",
        ),
        (
            step("SELECT 10", &json!({"type": "or", "conds": [ok(1), ok(3)]})),
            "ok",
        ),
        (step("SELECT 11", &json!({"type": "or", "conds": []})), "skipped"),
        (step("SELECT 12", &json!({"type": "and", "conds": []})), "ok"),
        (step("BEGIN", &json!({"type": "is_autocommit"})), "ok"),
        (step("SELECT 14", &json!({"type": "is_autocommit"})), "skipped"),
        (step("ROLLBACK", &not(json!({"type": "is_autocommit"}))), "ok"),
    ];
    let body: Vec<&Value> = steps.iter().map(|(step, _)| step).collect();
    let batch = json!({"requests": [{"type": "batch", "batch": {"steps": body}}, {"type": "close"}]});

    for path in ["/v2/pipeline", "/v3/pipeline"] {
        let answer = post(&db, path, batch.clone()).await.json();
        let result = &answer["results"][0]["response"]["result"];
        let results = result["step_results"].as_array().unwrap();
        let errors = result["step_errors"].as_array().unwrap();
        assert_eq!((results.len(), errors.len()), (steps.len(), steps.len()));
        for (index, (step, expected)) in steps.iter().enumerate() {
            let went = match (results[index].is_null(), errors[index].is_null()) {
                (false, true) => "ok",
                (true, false) => "error",
                (true, true) => "skipped",
                (false, false) => "both",
            };
            assert_eq!(went, *expected, "{step}");
        }
    }
}

#[tokio::test]
async fn a_transaction_in_one_batch_is_all_or_nothing() {
    let db = with_table().await;
    let after = |step: usize| json!({"type": "ok", "step": step});
    let transaction = |second: &str| {
        json!([{"type": "batch", "batch": {"steps": [
            step("BEGIN IMMEDIATE", &Value::Null),
            step("INSERT INTO t (v) VALUES ('x')", &after(0)),
            step(second, &after(1)),
            step("COMMIT", &after(2)),
            step("ROLLBACK", &json!({"type": "not", "cond": after(3)})),
        ]}}, {"type": "get_autocommit"}])
    };
    let mut stream = Stream::new(&db);

    let failed = stream.results(transaction("INSERT INTO t VALUES (1, '')")).await;
    assert_eq!(
        failed[0]["response"]["result"]["step_errors"][2]["code"],
        "SQLITE_CONSTRAINT"
    );
    assert_eq!(failed[1]["response"]["is_autocommit"], true);
    assert_eq!(rows_of_t(&db).await, 1);

    let done = stream
        .results(transaction("INSERT INTO t (v) VALUES ('y')"))
        .await;
    assert_eq!(done[0]["response"]["result"]["step_results"][4], Value::Null);
    assert_eq!(rows_of_t(&db).await, 3);
}
