//! What is wrong with a request: all of it, each fault with its place.

use super::http::{get, post, post_rows, request, run, send};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

/// Where the faults of a refused request are.
fn places(answer: &super::http::Answer) -> Vec<String> {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "invalid_request"),
        "{}",
        answer.text
    );
    let mut places: Vec<String> = answer.json()["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.text))
        .iter()
        .map(|fault| {
            let place = ["pointer", "parameter", "header"]
                .iter()
                .find_map(|kind| fault[*kind].as_str());
            assert!(
                fault["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
                "{fault}"
            );
            place.unwrap_or_else(|| panic!("{fault}")).to_owned()
        })
        .collect();
    places.sort();
    places
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let db = TestDb::start().await;
    let cases: [(&str, Value, &[&str]); 7] = [
        (
            "/v1/query",
            json!({"sql": 5, "params": [{"$date": 1}], "timeout_ms": -1, "limit": 3}),
            &["/limit", "/params/0/$date", "/sql", "/timeout_ms"],
        ),
        (
            "/v1/explain",
            json!({"sql": [], "values": "other"}),
            &["/sql", "/values"],
        ),
        (
            "/v1/execute",
            json!({"sql": "SELECT 1", "dry_run": "yes", "max_rows": "many"}),
            &["/dry_run", "/max_rows"],
        ),
        (
            "/v1/batch",
            json!({"statements": [{"sql": 1}, {"sql": "SELECT 1", "must_change": -1, "parms": []}], "mode": "both"}),
            &[
                "/mode",
                "/statements/0/sql",
                "/statements/1/must_change",
                "/statements/1/parms",
            ],
        ),
        (
            "/v1/batch",
            json!({"statements": [], "timeout_ms": 0}),
            &["/statements", "/timeout_ms"],
        ),
        (
            "/v1/query",
            json!({"sql": "SELECT 1", "timeout_ms": 0}),
            &["/timeout_ms"],
        ),
        ("/v1/execute", json!({"params": 5}), &["/params", "/sql"]),
    ];
    for (route, body, expected) in cases {
        let answer = post(&db, route, body.clone()).await;
        assert_eq!(places(&answer), expected, "{route} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn faults_of_header_query_string_and_body_are_told_together() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER)"]).await;

    let answer = send(
        request(&db, Method::POST, "/v1/execute")
            .header("idempotency-key", "two words")
            .json(&json!({"sql": 1, "params": [18_446_744_073_709_551_615_u64]})),
    )
    .await;
    assert_eq!(
        places(&answer),
        ["/params/0", "/sql", "Idempotency-Key"],
        "{}",
        answer.text
    );

    let answer = get(
        &db,
        "/v1/query?sql=SELECT+1&timeout_ms=soon&values=both&limit=3&params=%5B1",
    )
    .await;
    assert_eq!(
        places(&answer),
        ["limit", "params", "timeout_ms", "values"],
        "{}",
        answer.text
    );

    let answer = send(
        request(
            &db,
            Method::POST,
            "/v1/tables/t/rows?on_error=ignore&dry_run=1&delimiter=ab&more=1",
        )
        .header("idempotency-key", "")
        .header("content-type", "text/csv")
        .body("id\n1\n"),
    )
    .await;
    assert_eq!(
        places(&answer),
        ["Idempotency-Key", "delimiter", "dry_run", "more", "on_error"],
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn integers_that_do_not_fit_are_refused_with_their_place() {
    let db = TestDb::start().await;
    let send_text = async |route: &str, body: &str| {
        let request = request(&db, Method::POST, route).header("content-type", "application/json");
        send(request.body(body.to_owned())).await
    };
    for (route, body, place) in [
        (
            "/v1/query",
            r#"{"sql":"SELECT ?","params":[18446744073709551616]}"#,
            "/params/0",
        ),
        (
            "/v1/query",
            r#"{"sql":"SELECT ?","params":[-9223372036854775809]}"#,
            "/params/0",
        ),
        (
            "/v1/query",
            r#"{"sql":"SELECT :a","params":{"a":99999999999999999999999999}}"#,
            "/params/a",
        ),
        (
            "/v1/explain",
            r#"{"sql":"SELECT ?","params":[18446744073709551616]}"#,
            "/params/0",
        ),
        (
            "/v1/execute",
            r#"{"sql":"SELECT ?","params_many":[[1],[18446744073709551616]]}"#,
            "/params_many/1/0",
        ),
        (
            "/v1/batch",
            r#"{"statements":[{"sql":"SELECT ?","params":[18446744073709551616]}]}"#,
            "/statements/0/params/0",
        ),
    ] {
        let answer = send_text(route, body).await;
        assert_eq!(places(&answer), [place], "{body}: {}", answer.text);
    }
    let answer = get(&db, "/v1/query?sql=SELECT+?&params=[18446744073709551616]").await;
    assert_eq!(places(&answer), ["params"], "{}", answer.text);

    for (number, back) in [
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e20", "1e+20"),
        ("18446744073709551616.0", "1.8446744073709552e+19"),
        (r#""18446744073709551616""#, r#""18446744073709551616""#),
    ] {
        let answer = send_text(
            "/v1/query",
            &format!(r#"{{"sql":"SELECT ?","params":[{number}]}}"#),
        )
        .await;
        assert!(
            answer.text.contains(&format!("[[{back}]]")),
            "{number}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn percent_encoding_that_makes_no_text_is_refused() {
    let db = TestDb::start().await;
    run(&db, &["CREATE TABLE t (id INTEGER)"]).await;
    for (query, place) in [
        ("sql=SELECT+'%ff'", "sql"),
        ("sql=SELECT+'%zz'", "sql"),
        ("sql=SELECT+1&params=%5B%22%c3%22%5D", "params"),
        ("sql=SELECT+1&%ff=1", "%ff"),
    ] {
        let answer = get(&db, &format!("/v1/query?{query}")).await;
        assert_eq!(places(&answer), [place], "{query}: {}", answer.text);
    }
    let rows = post_rows(&db, "/v1/tables/t/rows?on_error=%ff", "text/csv", "id\n1\n").await;
    assert_eq!(places(&rows), ["on_error"]);
    assert_eq!(get(&db, "/v1/tables/%ff").await.status, 400);
    let answer = get(&db, "/v1/query?sql=SELECT+'%E2%82%AC%25'").await;
    assert_eq!(answer.json()["rows"], json!([["€%"]]));
}
