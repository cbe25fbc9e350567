//! Jobs wait for db-service that fails them in the same place, up to a limit, and go on from where they were.

use crate::support::{Script, Stack};
use reqwest::{Method, StatusCode};
use script_service::Config;
use serde_json::Value;
use test_kit::TestDb;

/// Inserting a sale takes longer than a statement may.
const SLOW: &str = "CREATE TRIGGER slow AFTER INSERT ON sales BEGIN
    SELECT (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT COUNT(*) FROM n);
END";
const SALES: &str =
    "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-13,1,5.00\n2,2,20,2023-11-14,2,8.00\n";

/// A db-service that gives statements little time, with products and stores, and a script-service.
async fn start(patience_s: u64) -> (TestDb, Script, tempfile::TempDir) {
    let db = TestDb::start_with(|config| config.limits.statement_timeout_ms = 1_500).await;
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::for_db(&db.url, data.path().to_owned());
    config.job_patience_s = patience_s;
    let script = Script::start(config).await;
    script.until_ready().await;
    for sql in [
        "INSERT INTO products (id, name) VALUES (1, 'Thé'), (2, 'Pain')",
        "INSERT INTO stores (id, city) VALUES (10, 'Lyon'), (20, 'Paris')",
        SLOW,
    ] {
        db.client.execute(sql, Vec::new()).await.unwrap();
    }
    (db, script, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_says_what_it_waits_for_lets_others_run_and_goes_on() {
    let (db, script, _data) = start(86_400).await;

    let job = script.submit("/jobs/import?table=sales", SALES).await;
    let waiting = script.until(&job, |_, job| job["waiting"].is_object()).await;

    let because = waiting["waiting"]["because"].as_str().unwrap();
    assert!(because.contains("statement_timeout_ms"), "{waiting:#}");
    assert!(waiting["waiting"]["until"].as_str() > waiting["waiting"]["since"].as_str());
    let other = script
        .job("/jobs/import?table=products", "id,name,price\n7,Sel,1.20\n")
        .await;
    assert_eq!(other["state"], "succeeded", "{other:#}");
    db.client.execute("DROP TRIGGER slow", Vec::new()).await.unwrap();
    let done = script.until(&job, |_, job| job["finished_at"].is_string()).await;
    assert_eq!(done["state"], "succeeded", "{done:#}");
    assert_eq!(done["waiting"], Value::Null);
    assert_eq!(done["counters"]["inserted"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waited_too_long_is_interrupted_until_it_is_resumed() {
    let (db, script, _data) = start(2).await;

    let job = script.submit("/jobs/import?table=sales", SALES).await;
    let given_up = |_, job: &Value| job["waiting"].is_object() && job["waiting"]["until"].is_null();
    let given_up = script.until(&job, given_up).await;

    assert_eq!(given_up["state"], "interrupted", "{given_up:#}");
    assert_eq!(given_up["error"]["code"], "waited_too_long");
    db.client.execute("DROP TRIGGER slow", Vec::new()).await.unwrap();
    // Nobody takes it up by itself: what comes later is done first.
    let other = script
        .job("/jobs/import?table=products", "id,name,price\n7,Sel,1.20\n")
        .await;
    assert_eq!(other["state"], "succeeded", "{other:#}");
    assert_eq!(script.json(&job).await["state"], "interrupted");
    let resume = async || {
        script
            .request(Method::POST, &format!("{job}/resume"))
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(resume().await, StatusCode::ACCEPTED);
    let done = script.until(&job, |_, job| job["finished_at"].is_string()).await;
    assert_eq!(done["state"], "succeeded", "{done:#}");
    assert_eq!(done["error"], Value::Null);
    assert_eq!(resume().await, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_kept_has_an_end() {
    let stack = Stack::start().await;
    stack.seed().await;
    let refuse = "CREATE TRIGGER no_end BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'succeeded'
        BEGIN SELECT RAISE(ABORT, 'not today'); END";
    stack.db.client.execute(refuse, Vec::new()).await.unwrap();

    let job = stack.script.job("/jobs/import?table=sales", SALES).await;

    assert_eq!(job["state"], "failed", "{job:#}");
    assert_eq!(job["error"]["code"], "end_not_kept");
    assert!(
        job["error"]["detail"].as_str().unwrap().contains("not today"),
        "{job:#}"
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 2);
}
