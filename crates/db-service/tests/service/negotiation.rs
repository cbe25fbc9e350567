//! Forms, tags and conditions of answers over HTTP.

use super::http::{Answer, post, request, run, send};
use reqwest::Method;
use serde_json::json;
use test_kit::TestDb;

const LONG: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500) SELECT x FROM n";

async fn ask(db: &TestDb, sql: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = request(db, Method::POST, "/v1/query").json(&json!({"sql": sql}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn the_weights_of_accept_decide() {
    let db = TestDb::start().await;
    for (accept, media_type) in [
        ("text/csv;q=0.1, application/json", "application/json"),
        (
            "application/json;q=0.1, text/csv;q=0.2",
            "text/csv; charset=utf-8; header=present",
        ),
        ("application/json;q=0, */*", "application/x-ndjson"),
    ] {
        let answer = ask(&db, "SELECT 1", &[("accept", accept)]).await;
        assert_eq!(answer.header("content-type"), media_type, "{accept}");
    }
    let refused = ask(&db, "SELECT 1", &[("accept", "application/json;q=0")]).await;
    assert_eq!(refused.code(), "not_acceptable");
}

#[tokio::test]
async fn a_tag_holds_for_every_coding_of_an_answer() {
    let db = TestDb::start().await;
    for accept in ["application/json", "text/csv", "application/x-ndjson"] {
        let mut tags = Vec::new();
        for coding in ["identity", "gzip", "zstd"] {
            let asked = request(&db, Method::POST, "/v1/query")
                .header("accept", accept)
                .header("accept-encoding", coding)
                .json(&json!({"sql": LONG}));
            let response = asked.send().await.unwrap();
            let headers = response.headers();
            tags.push(headers["etag"].to_str().unwrap().to_owned());
            let vary: Vec<_> = headers
                .get_all("vary")
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            let vary = vary.join(", ");
            for part in ["accept", "authorization"] {
                assert!(
                    vary.split(", ").any(|one| one == part),
                    "{accept} {coding}: {vary}"
                );
            }
        }
        assert!(tags[0].starts_with("W/\""), "{tags:?}");
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        let again = ask(&db, LONG, &[("accept", accept), ("if-none-match", &tags[0])]).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        assert_eq!(again.header("etag"), tags[0]);
        assert_eq!(again.header("vary"), "accept, authorization");
        assert_ne!(again.header("cache-control"), "");
    }
}

#[tokio::test]
async fn conditions_are_read_by_the_book() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER)"]).await;
    let sql = "SELECT * FROM t";
    let tag = ask(&db, sql, &[]).await.header("etag").to_owned();
    let strong = tag.trim_start_matches("W/").to_owned();
    let listed = format!("\"other\", {tag}");

    for condition in [tag.as_str(), &strong, &listed, "*"] {
        let answer = ask(&db, sql, &[("if-none-match", condition)]).await;
        assert_eq!(answer.status, 304, "{condition}");
    }
    for condition in ["\"other\"", "W/\"other\"", "nonsense"] {
        assert_eq!(
            ask(&db, sql, &[("if-none-match", condition)]).await.status,
            200,
            "{condition}"
        );
    }
    // A condition is looked at only when there is an answer.
    assert_eq!(
        ask(&db, "SELECT * FROM nowhere", &[("if-none-match", "*")])
            .await
            .status,
        400
    );
    for path in ["/v1/tables", "/v1/tables/t"] {
        let answer = send(request(&db, Method::GET, path).header("if-none-match", "*")).await;
        assert_eq!(answer.status, 304, "{path}");
        assert_eq!(answer.header("vary"), "authorization");
    }
    let missing = send(request(&db, Method::GET, "/v1/tables/no").header("if-none-match", "*")).await;
    assert_eq!(missing.status, 404);

    run(&db, &["INSERT INTO t VALUES (1)"]).await;
    assert_eq!(ask(&db, sql, &[("if-none-match", &tag)]).await.status, 200);
}

#[tokio::test]
async fn what_depends_on_the_clock_is_not_kept() {
    let db = TestDb::start().await;

    let answer = ask(&db, "SELECT random()", &[]).await;

    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("vary"), "accept, authorization");
}

#[tokio::test]
async fn a_broken_view_is_shown_with_the_reason() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE old (a INTEGER)",
            "CREATE VIEW v AS SELECT a FROM old",
            "CREATE VIEW over AS SELECT * FROM v",
            "DROP TABLE old",
        ],
    )
    .await;

    for view in ["v", "over"] {
        let answer = send(request(&db, Method::GET, &format!("/v1/tables/{view}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let table = answer.json();
        assert_eq!(table["kind"], "view");
        assert!(
            table["sql"].as_str().unwrap().starts_with("CREATE VIEW"),
            "{table}"
        );
        assert!(
            table["broken"]
                .as_str()
                .unwrap()
                .contains("no such table: main.old"),
            "{table}"
        );
    }
    assert_eq!(db.client.list_tables().await.unwrap().tables.len(), 2);
    let query = post(&db, "/v1/query", json!({"sql": "SELECT * FROM v"})).await;
    assert_eq!(query.code(), "invalid_sql");
}
