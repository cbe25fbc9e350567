//! Requests that cannot be taken: every fault at once, each with its place.

use crate::support::Stack;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The problem that `method path` with `body` is answered with, and where its faults are.
async fn refused(stack: &Stack, method: Method, path: &str, body: &str) -> (Value, Vec<String>) {
    let media_type = if body.starts_with(['{', '[']) {
        "application/json"
    } else {
        "text/csv"
    };
    let request = stack.script.request(method, path).body(body.to_owned());
    let request = request.header("content-type", media_type);
    let (status, text) = stack.script.answer(request).await;
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {problem:#}");
    let places = problem["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{path}: {problem:#}"))
        .iter()
        .map(|fault| {
            let place = ["pointer", "parameter", "header"]
                .into_iter()
                .find_map(|kind| fault[kind].as_str());
            place.unwrap().to_owned()
        })
        .collect();
    (problem, places)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_request_is_named_at_once() {
    let stack = Stack::start().await;
    for (method, path, body, expected) in [
        (
            Method::GET,
            "/analysis/abc?period=2023-13&limit=ten&a=many&colour=red",
            "",
            vec!["limit", "period", "colour", "a"],
        ),
        (
            Method::GET,
            "/analysis/region?limit=9223372036854775808",
            "",
            vec!["limit"],
        ),
        (
            Method::GET,
            "/jobs?state=done&kind=export&page_size=all",
            "",
            vec!["page_size", "kind", "state"],
        ),
        (
            Method::GET,
            "/forecasts/compare?models=theta,auto&horizon=0&windows=x",
            "",
            vec!["windows", "models", "models", "horizon"],
        ),
        (
            Method::POST,
            "/jobs/import?table=sales&mode=merge&delimiter=ab&encoding=klingon&max_rejects=few&mapping=x",
            "id,amount",
            vec!["mode", "delimiter", "encoding", "mapping", "max_rejects"],
        ),
        (
            Method::POST,
            "/jobs/import?table=sold&format=text",
            "id,amount",
            vec!["table", "format"],
        ),
        (
            Method::POST,
            "/jobs/import",
            r#"{"mode":"merge","max_rejects":"few","sources":[
                {"table":"sales","path":"a.csv","delimiter":"ab","colour":"red"},
                {"table":"sales","url":"ftp://example.org/a.csv"},
                {"table":"products"}]}"#,
            vec![
                "/mode",
                "/sources/0/colour",
                "/sources/0/delimiter",
                "/sources/1/url",
                "/sources/2",
                "/max_rejects",
            ],
        ),
        (
            Method::POST,
            "/jobs/analysis",
            r#"{"analyses":["region","nothing"],"period":"2023-13","colour":"red"}"#,
            vec!["/colour", "/analyses/1", "/period"],
        ),
        (
            Method::POST,
            "/jobs/forecast",
            r#"{"model":"theta","horizon":0,"params":{"period":0,"ordre":1}}"#,
            vec!["/model", "/params/ordre", "/params/period", "/horizon"],
        ),
        (
            Method::PUT,
            "/schedules/nightly",
            r#"{"cron":"every day","request":{"mode":"append","sources":[{"table":"sales"}]}}"#,
            vec!["/cron", "/request/mode", "/request/sources/0"],
        ),
    ] {
        let (problem, places) = refused(&stack, method, path, body).await;

        let sorted = |mut places: Vec<String>| {
            places.sort();
            places
        };
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(sorted(places), sorted(expected), "{path} {body}: {problem:#}");
        for fault in problem["errors"].as_array().unwrap() {
            let words = fault["detail"].as_str().unwrap();
            assert!(problem["detail"].as_str().unwrap().contains(words), "{problem:#}");
        }
    }
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_says_what_it_is_about_and_leads_to_what_it_means() {
    let stack = Stack::start().await;

    let problem: Value = stack.script.get("/jobs/7?x=1").await.json().await.unwrap();
    let failed = stack
        .script
        .job(
            "/jobs/import",
            r#"{"sources":[{"table":"sales","path":"none.csv"}]}"#,
        )
        .await;

    assert_eq!(problem["instance"], "/jobs/7");
    assert_eq!(failed["error"]["instance"], format!("/jobs/{}", failed["id"]));
    for (problem, code) in [(&problem, "not_found"), (&failed["error"], "no_such_file")] {
        assert_eq!(problem["code"], code);
        let (page, place) = problem["type"].as_str().unwrap().split_once('#').unwrap();
        let page = stack.script.get(page).await.text().await.unwrap();
        assert!(page.contains(&format!("id=\"{place}\"")), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_object_makes_no_job() {
    let stack = Stack::start_with(|config| config.data = crate::support::sample()).await;

    for (method, path, body) in [
        (Method::POST, "/jobs/import", "[]"),
        (
            Method::POST,
            "/jobs/import",
            r#"[[{"table":"stores","path":"stores.csv"}]]"#,
        ),
        (Method::POST, "/jobs/analysis", r#"[["total"]]"#),
        (Method::POST, "/jobs/forecast", "[]"),
        (
            Method::PUT,
            "/schedules/odd",
            r#"{"cron":"0 6 * * *","request":[]}"#,
        ),
    ] {
        let (problem, _) = refused(&stack, method, path, body).await;
        assert!(
            problem["detail"].as_str().unwrap().contains("JSON object"),
            "{body}: {problem:#}"
        );
    }
    let large = format!("{{\"sources\":[{}]}}", " ".repeat(2 << 20));
    let request = stack.script.request(Method::POST, "/jobs/import").body(large);
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 0);
    assert_eq!(stack.value("SELECT COUNT(*) FROM schedules").await, 0);
}
