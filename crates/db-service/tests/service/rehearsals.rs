//! `dry_run` says what a commit would say, and keys that are checked by the commit name their rows.

use super::http::{post, post_rows, run};
use serde_json::{Value, json};
use test_kit::TestDb;

async fn family() -> TestDb {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE par (id INTEGER PRIMARY KEY)",
            "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES par DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO par VALUES (1)",
            "INSERT INTO c VALUES (1, 1)",
        ],
    )
    .await;
    db
}

async fn children(db: &TestDb) -> Vec<(i64, Option<i64>)> {
    db.client
        .rows("SELECT id, p FROM c ORDER BY id", [])
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rehearsal_answers_what_the_commit_would() {
    let db = family().await;
    let bad = json!({"sql": "INSERT INTO c VALUES (2, 5)"});
    let mended = json!([bad, {"sql": "INSERT INTO par VALUES (5)"}]);
    let cases: [(&str, Value); 6] = [
        ("/v1/execute", bad.clone()),
        ("/v1/execute", json!({"sql": "DELETE FROM par"})),
        ("/v1/execute", json!({"sql": "INSERT INTO c VALUES (2, 1)"})),
        ("/v1/batch", json!({"statements": [bad]})),
        ("/v1/batch", json!({"statements": mended})),
        ("/v1/batch", json!({"mode": "independent", "statements": [bad]})),
    ];

    for (route, body) in cases {
        let mut rehearsal = body.clone();
        rehearsal["dry_run"] = json!(true);
        let rehearsed = post(&db, route, rehearsal).await;
        assert_eq!(children(&db).await, [(1, Some(1))], "{body}");
        let done = post(&db, route, body.clone()).await;
        assert_eq!(
            rehearsed.status, done.status,
            "{route} {body}: {} {}",
            rehearsed.text, done.text
        );
        if done.status == 409 {
            assert_eq!(rehearsed.json()["sqlite_code"], "SQLITE_CONSTRAINT_FOREIGNKEY");
        }
        run(
            &db,
            &["DELETE FROM c WHERE id > 1", "DELETE FROM par WHERE id > 1"],
        )
        .await;
    }
}

#[tokio::test]
async fn a_rehearsal_leaves_nothing_and_harms_nobody() {
    let db = family().await;
    let before = post(&db, "/v1/query", json!({"sql": "SELECT count(*) FROM c"})).await;

    for body in [
        json!({"sql": "CREATE TABLE made (a)", "dry_run": true}),
        json!({"sql": "INSERT INTO c VALUES (9, NULL) RETURNING id", "dry_run": true}),
        json!({"sql": "SELECT 1", "dry_run": true}),
        json!({"sql": "INSERT INTO c VALUES (1, 1)", "dry_run": true}),
    ] {
        post(&db, "/v1/execute", body).await;
    }
    let after = post(&db, "/v1/query", json!({"sql": "SELECT count(*) FROM c"})).await;
    run(&db, &["INSERT INTO c VALUES (3, 1)"]).await;

    assert_eq!(after.json()["rows"], json!([[1]]));
    assert_eq!(before.header("etag"), after.header("etag"));
    assert_eq!(db.client.list_tables().await.unwrap().tables.len(), 2);
    assert_eq!(children(&db).await, [(1, Some(1)), (3, Some(1))]);
}

#[tokio::test]
async fn rows_whose_deferred_key_fails_are_named_and_left_out() {
    let db = family().await;
    let rows = "{\"id\":2,\"p\":1}\n{\"id\":3,\"p\":77}\n{\"id\":4,\"p\":null}\n{\"id\":1,\"p\":78}\n{\"id\":5,\"p\":1}\n";
    let insert = async |options: &str| {
        let path = format!("/v1/tables/c/rows?{options}");
        post_rows(&db, &path, "application/x-ndjson", rows).await
    };

    let abort = insert("on_conflict=update").await;
    assert_eq!(abort.status, 409, "{}", abort.text);
    assert_eq!(abort.json()["errors"][0]["line"], 2, "{}", abort.text);
    assert_eq!(abort.json()["errors"][1]["line"], 4, "{}", abort.text);
    for dry_run in [true, false] {
        let report = insert(&format!("on_conflict=update&on_error=skip&dry_run={dry_run}")).await;
        assert_eq!(report.status, 200, "{}", report.text);
        let report = report.json();
        let lines: Vec<_> = report["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| &error["line"])
            .collect();
        assert_eq!(lines, [2, 4], "{report}");
        assert_eq!(report["errors"][0]["column"], "p");
        assert_eq!(
            (&report["inserted"], &report["rejected"]),
            (&json!(3), &json!(2)),
            "{report}"
        );
        if dry_run {
            assert_eq!(children(&db).await, [(1, Some(1))]);
        }
    }
    assert_eq!(
        children(&db).await,
        [(1, Some(1)), (2, Some(1)), (4, None), (5, Some(1))]
    );
}

#[tokio::test]
async fn rows_that_refer_to_each_other_fall_with_the_one_they_refer_to() {
    let db = TestDb::start().await;
    run(
        &db,
        &["CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES c DEFERRABLE INITIALLY DEFERRED)"],
    )
    .await;
    // 2 refers to 3, which refers to 4, which is not there; 5 refers to 6, which comes later.
    let body = "id,p\n2,3\n3,4\n5,6\n6,\n";

    let report = post_rows(&db, "/v1/tables/c/rows?on_error=skip", "text/csv", body)
        .await
        .json();

    assert_eq!(
        (&report["inserted"], &report["rejected"]),
        (&json!(2), &json!(2)),
        "{report}"
    );
    assert_eq!(children(&db).await, [(5, Some(6)), (6, None)]);
}
