//! Every route of both services answers with every success that its contract describes, and as the contract says
//! ([`Http`] compares each answer).

use crate::program;
use journeys::{Http, Reply, contract};
use serde_json::{Value, json};
use std::time::Duration;

/// The media type of JSON.
const JSON: &str = "application/json";

/// A statement that runs until it is stopped.
const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n";

/// Sends JSON; the answer must have `status`.
async fn send(http: &Http, method: &str, target: &str, body: &Value, status: u16) -> Reply {
    send_with(
        http,
        method,
        target,
        &[("content-type", "application/json")],
        body.to_string(),
        status,
    )
    .await
}

async fn send_with(
    http: &Http,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: String,
    status: u16,
) -> Reply {
    let answer = http.send(method, target, headers, Some(body.into_bytes())).await;
    assert_eq!(
        answer.status.as_u16(),
        status,
        "{method} {target}: {}",
        answer.text
    );
    answer
}

/// Gets `target` in the form `accept`, then again for who has the answer already.
async fn get_twice(http: &Http, target: &str) {
    let answer = http.send("GET", target, &[], None).await.ok();
    let tag = answer.headers["etag"].to_str().unwrap();
    let again = http.send("GET", target, &[("if-none-match", tag)], None).await;
    assert_eq!(again.status.as_u16(), 304, "{target}");
}

async fn get_as(http: &Http, target: &str, accept: &str) {
    let answer = http.send("GET", target, &[("accept", accept)], None).await.ok();
    assert_eq!(answer.content_type, accept, "{target}");
}

/// Every success of a path that `is_its`, and every 304, was answered by the service.
fn every_success_was_met(http: &Http, is_its: impl Fn(&str) -> bool) {
    let mut described = contract().successes();
    described.retain(|(_, path, _)| is_its(path));
    let missing: Vec<_> = described.difference(&http.met()).cloned().collect();

    assert!(described.len() > 15);
    assert!(missing.is_empty(), "no call was answered so: {missing:?}");
}

#[tokio::test]
async fn db_service_answers_with_every_success_that_is_described() {
    let up = program().up_empty();
    let db = &up.db;
    for target in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/backup",
        "/v1/limits",
        "/v1/queries",
        "/v2",
        "/v3",
    ] {
        let _ = db.send("GET", target, &[], None).await.ok();
    }
    send(
        db,
        "POST",
        "/v1/execute",
        &json!({"sql": "CREATE TABLE made (id INTEGER PRIMARY KEY, name TEXT)"}),
        200,
    )
    .await;
    let insert = json!({"sql": "INSERT INTO made (name) VALUES (?) RETURNING id, name", "params": ["é"]});
    send(
        db,
        "POST",
        "/v1/batch",
        &json!({"statements": [insert], "dry_run": true}),
        200,
    )
    .await;
    let mixed = json!({"mode": "independent", "statements": [insert, {"sql": "SELECT nothing"}]});
    send(db, "POST", "/v1/batch", &mixed, 200).await;
    for (media_type, rows) in [
        ("text/csv", "id,name\n7,a\n"),
        ("application/x-ndjson", "{\"id\":8,\"name\":null}\n"),
        ("application/json", "[{\"id\":9},{\"id\":9}]"),
    ] {
        let target = "/v1/tables/made/rows?on_error=skip";
        send_with(
            db,
            "POST",
            target,
            &[("content-type", media_type)],
            rows.to_owned(),
            200,
        )
        .await;
    }

    queries_in_every_form(db).await;
    hrana(db).await;
    stopping(db).await;
    every_success_was_met(db, |path| path.starts_with("/v"));
}

async fn queries_in_every_form(db: &Http) {
    let query = json!({"sql": "SELECT id, name, x'00', 1.5, NULL FROM made", "values": "tagged"});
    send(db, "POST", "/v1/explain", &query, 200).await;
    for accept in ["application/json", "application/x-ndjson", "text/csv"] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let answer = send_with(db, "POST", "/v1/query", &headers, query.to_string(), 200).await;
        assert_eq!(answer.content_type, accept);
        get_as(db, "/v1/query?sql=SELECT+id+FROM+made", accept).await;
        let tag = answer.headers["etag"].to_str().unwrap().to_owned();
        let headers = [headers[0], headers[1], ("if-none-match", &tag)];
        send_with(db, "POST", "/v1/query", &headers, query.to_string(), 304).await;
    }
    for target in ["/v1/query?sql=SELECT+1", "/v1/tables", "/v1/tables/made"] {
        get_twice(db, target).await;
    }
}

async fn hrana(db: &Http) {
    let requests = json!({"requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]});
    send(db, "POST", "/v2/pipeline", &requests, 200).await;
    send(db, "POST", "/v3/pipeline", &requests, 200).await;
    send(
        db,
        "POST",
        "/v3/cursor",
        &json!({"batch": {"steps": [{"stmt": {"sql": "SELECT 1"}}]}}),
        200,
    )
    .await;
}

/// A statement that runs is stopped, and its caller told so.
async fn stopping(db: &Http) {
    let asker = db.clone();
    let running = tokio::spawn(async move {
        let body = json!({"sql": ENDLESS}).to_string().into_bytes();
        asker
            .send(
                "POST",
                "/v1/query",
                &[("content-type", "application/json")],
                Some(body),
            )
            .await
    });
    let mut turns = tokio::time::interval(Duration::from_millis(10));
    let id = loop {
        turns.tick().await;
        let queries = db.get("/v1/queries").await;
        let found = queries["queries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["sql"] == ENDLESS);
        if let Some(found) = found {
            break found["id"].clone();
        }
    };
    let _ = db
        .send("DELETE", &format!("/v1/queries/{id}"), &[], None)
        .await
        .ok();
    assert_eq!(running.await.unwrap().status.as_u16(), 499);
}

/// The finished job of `POST target`.
async fn job(script: &Http, target: &str, media_type: &str, body: &str) -> Value {
    let headers = [("content-type", media_type), ("prefer", "wait=60")];
    send_with(script, "POST", target, &headers, body.to_owned(), 200)
        .await
        .json()
}

#[tokio::test]
async fn script_service_answers_with_every_success_that_is_described() {
    let up = program().up();
    let script = &up.script;
    for target in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/analysis",
        "/schedules",
        "/jobs?page_size=1",
    ] {
        let _ = script.send("GET", target, &[], None).await.ok();
    }
    script.begin("/events").await;

    imports(script).await;
    jobs(script).await;
    resuming(&up.db, script).await;
    figures(script).await;
    schedules(script).await;
    every_success_was_met(script, |path| !path.starts_with("/v"));
}

async fn imports(script: &Http) {
    let stores = "id,city\n900,Metz\n,Brest\n";
    let preview = [("content-type", "text/csv")];
    send_with(
        script,
        "POST",
        "/imports/preview?table=stores",
        &preview,
        stores.to_owned(),
        200,
    )
    .await;
    let import = job(script, "/jobs/import?table=stores", "text/csv", stores).await;
    let id = &import["id"];
    let dry_run = "/jobs/import?table=stores&dry_run=true";
    send_with(
        script,
        "POST",
        dry_run,
        &preview,
        "id,city\n901,Lens\n".to_owned(),
        202,
    )
    .await;
    get_twice(script, &format!("/jobs/{id}")).await;
    script.get(&format!("/jobs/{id}/summary")).await;
    for form in [JSON, "application/x-ndjson", "text/csv"] {
        get_as(script, &format!("/jobs/{id}/rejects"), form).await;
    }
    let events = script
        .send("GET", &format!("/jobs/{id}/events"), &[], None)
        .await
        .ok();
    let last = events
        .text
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .unwrap();
    let known = [("last-event-id", last)];
    let known = script
        .send("GET", &format!("/jobs/{id}/events"), &known, None)
        .await;
    assert_eq!(known.status.as_u16(), 204);
    let reject = r#"[{"source":0,"record":2,"raw":"901,Brest"}]"#;
    job(
        script,
        &format!("/jobs/{id}/rejects/replay?dry_run=true"),
        JSON,
        reject,
    )
    .await;
    let replay = format!("/jobs/{id}/rejects/replay");
    send_with(
        script,
        "POST",
        &replay,
        &[("content-type", JSON)],
        reject.to_owned(),
        202,
    )
    .await;

    job(script, &format!("/jobs/{id}/undo"), JSON, "").await;
    let import = job(
        script,
        "/jobs/import?table=stores",
        "text/csv",
        "id,city\n902,Lille\n",
    )
    .await;
    let undo = format!("/jobs/{}/undo", import["id"]);
    send_with(script, "POST", &undo, &[], String::new(), 202).await;
}

async fn jobs(script: &Http) {
    for target in ["/jobs/analysis", "/jobs/forecast"] {
        let body = if target.ends_with("forecast") {
            r#"{"model":"naive","windows":0}"#
        } else {
            ""
        };
        job(script, target, JSON, body).await;
        send_with(
            script,
            "POST",
            target,
            &[("content-type", JSON)],
            body.to_owned(),
            202,
        )
        .await;
    }
    let slow = json!({"model": "auto", "windows": 52});
    let slow = send(script, "POST", "/jobs/forecast", &slow, 202).await.json();
    send(
        script,
        "POST",
        &format!("/jobs/{}/cancel", slow["id"]),
        &json!({"by": "the tests"}),
        202,
    )
    .await;
}

/// A job that was given up goes on when it is asked to.
async fn resuming(db: &Http, script: &Http) {
    let job = job(script, "/jobs/analysis", JSON, "").await;
    let given_up =
        "UPDATE jobs SET state = 'interrupted', given_up_at = finished_at, finished_at = NULL WHERE id = ?";
    send(
        db,
        "POST",
        "/v1/execute",
        &json!({"sql": given_up, "params": [job["id"]]}),
        200,
    )
    .await;
    let resume = format!("/jobs/{}/resume", job["id"]);
    send_with(script, "POST", &resume, &[], String::new(), 202).await;
}

async fn figures(script: &Http) {
    for analysis in script.get("/analysis").await["analyses"].as_array().unwrap() {
        let name = analysis["name"].as_str().unwrap();
        get_twice(script, &format!("/analysis/{name}")).await;
        get_as(script, &format!("/analysis/{name}"), "text/csv").await;
    }
    script.get("/analysis/total?save=true").await;
    script.get("/analysis/results").await;
    let forecast = script.get("/forecasts/latest").await;
    for target in [
        "/forecasts".to_owned(),
        "/forecasts/latest".to_owned(),
        format!("/forecasts/{}", forecast["id"]),
    ] {
        get_as(script, &target, JSON).await;
        get_as(script, &target, "text/csv").await;
    }
    script
        .get(&format!("/forecasts/{}/accuracy", forecast["id"]))
        .await;
    script
        .get("/forecasts/compare?models=naive&windows=1&horizon=2")
        .await;
}

async fn schedules(script: &Http) {
    let schedule = json!({"cron": "0 6 * * *", "job": "analysis"});
    send(script, "PUT", "/schedules/nightly", &schedule, 201).await;
    send(script, "PUT", "/schedules/nightly", &schedule, 200).await;
    script.get("/schedules/nightly").await;
    script.get("/schedules").await;
    job(script, "/schedules/nightly/run", JSON, "").await;
    send_with(script, "POST", "/schedules/nightly/run", &[], String::new(), 202).await;
    let _ = script.send("DELETE", "/schedules/nightly", &[], None).await.ok();
}
