//! `must_change`: the `If-Match` of rows.

use super::http::{post, run};
use serde_json::{Value, json};
use test_kit::TestDb;

async fn accounts() -> TestDb {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT, cents INTEGER)",
            "CREATE TABLE log (what TEXT)",
            "INSERT INTO account VALUES (1, 'ann', 500), (2, 'bob', 0)",
        ],
    )
    .await;
    db
}

async fn rows(db: &TestDb) -> Vec<(i64, i64)> {
    db.client
        .rows("SELECT id, cents FROM account ORDER BY id", [])
        .await
        .unwrap()
}

fn pay(owner: &str, must_change: u64) -> Value {
    json!({
        "sql": "UPDATE account SET cents = cents - 100 WHERE id = 1 AND owner = ?",
        "params": [owner],
        "must_change": must_change
    })
}

#[tokio::test]
async fn a_batch_whose_rows_were_changed_by_another_writes_nothing() {
    let db = accounts().await;
    let log = json!({"sql": "INSERT INTO log VALUES ('paid')"});

    let taken = post(&db, "/v1/batch", json!({"statements": [log, pay("ann", 1)]})).await;
    let refused = post(&db, "/v1/batch", json!({"statements": [log, pay("eve", 1)]})).await;

    assert_eq!(taken.status, 200, "{}", taken.text);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (412, "precondition_failed")
    );
    assert_eq!(refused.json()["statement_index"], 1);
    assert!(
        refused.detail().contains("changed 0 rows and must change 1"),
        "{}",
        refused.text
    );
    assert_eq!(rows(&db).await, [(1, 400), (2, 0)]);
    assert_eq!(
        db.client
            .rows::<i64>("SELECT count(*) FROM log", [])
            .await
            .unwrap(),
        [1]
    );
}

#[tokio::test]
async fn a_statement_that_changes_too_many_rows_is_undone_wherever_it_runs() {
    let db = accounts().await;
    let everybody = json!({"sql": "UPDATE account SET cents = 0 RETURNING id", "must_change": 1});
    let one_by_one = json!({
        "sql": "UPDATE account SET cents = 7 WHERE id = ?",
        "params_many": [[1], [2], [3]],
        "must_change": 3
    });

    for statement in [&everybody, &one_by_one] {
        let bodies = [
            ("/v1/execute", statement.clone()),
            ("/v1/batch", json!({"statements": [statement]})),
            ("/v1/batch", json!({"statements": [statement], "dry_run": true})),
        ];
        for (route, body) in bodies {
            let answer = post(&db, route, body).await;
            assert_eq!(answer.code(), "precondition_failed", "{route} {statement}");
        }
        assert_eq!(rows(&db).await, [(1, 500), (2, 0)], "{statement}");
    }
}

#[tokio::test]
async fn a_statement_of_an_independent_batch_fails_by_itself() {
    let db = accounts().await;

    let answer = post(
        &db,
        "/v1/batch",
        json!({"mode": "independent", "statements": [pay("eve", 1), pay("ann", 1), pay("eve", 0)]}),
    )
    .await
    .json();

    assert_eq!(answer["results"][0]["error"]["code"], "precondition_failed");
    assert_eq!(answer["results"][1]["ok"]["rows_affected"], 1);
    assert_eq!(answer["results"][2]["ok"]["rows_affected"], 0);
    assert_eq!(rows(&db).await, [(1, 400), (2, 0)]);
}

#[tokio::test]
async fn rows_that_a_trigger_changes_do_not_count() {
    let db = accounts().await;
    run(
        &db,
        &["CREATE TRIGGER paid AFTER UPDATE ON account BEGIN INSERT INTO log VALUES ('a'), ('b'); END"],
    )
    .await;

    let answer = post(&db, "/v1/batch", json!({"statements": [pay("ann", 1)]})).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_repetition_with_the_same_key_is_answered_though_the_rows_have_changed_since() {
    let db = accounts().await;
    let request = db_client::db_api::BatchRequest {
        statements: vec![
            db_client::db_api::Statement::new("UPDATE account SET owner = 'eve' WHERE owner = 'ann'", [])
                .must_change(1),
        ],
        ..Default::default()
    };

    let first = db.client.batch(&request, "take-over").await.unwrap();
    let again = db.client.batch(&request, "take-over").await.unwrap();
    let other = db.client.batch(&request, "another").await.unwrap_err();

    assert_eq!(first, again);
    assert_eq!(
        other.code(),
        Some(db_client::db_api::ErrorCode::PreconditionFailed)
    );
}
