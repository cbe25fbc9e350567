//! db-service is ready, and answers errors all the same.

use crate::support::Stack;
use reqwest::StatusCode;
use std::time::{Duration, Instant};

/// How many requests for work db-service has answered.
async fn requests(stack: &Stack) -> f64 {
    let metrics = reqwest::get(format!("{}/metrics", stack.db.url)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    metrics
        .lines()
        .filter(|line| line.contains("_count{") && line.contains("route=\"/v1/"))
        .filter_map(|line| line.split_whitespace().last()?.parse::<f64>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_pause_while_db_service_answers_errors_and_the_service_is_unready() {
    let stack = Stack::start().await;
    stack.seed().await;
    let sql = async |sql: &str| stack.db.client.execute(sql, Vec::new()).await.unwrap();

    sql("ALTER TABLE jobs RENAME TO jobs_elsewhere").await;
    let unready = stack
        .script
        .until("/readyz", |status, _| status != StatusCode::OK)
        .await;

    assert_eq!(unready["status"], 503);
    assert_eq!(unready["code"], "not_ready");
    let detail = unready["detail"].as_str().unwrap();
    assert!(
        detail.contains("looking for jobs fails") && detail.contains("no such table"),
        "{detail}"
    );
    let before = requests(&stack).await;
    assert!(before > 0.0);
    // In this time a loop without a pause asks thousands of times.
    let began = Instant::now();
    let readyz = |status, _: &_| {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        began.elapsed() > Duration::from_secs(2)
    };
    stack.script.until("/readyz", readyz).await;
    let asked = requests(&stack).await - before;
    let seconds = began.elapsed().as_secs_f64();
    assert!(asked <= 20.0 * seconds, "{asked} requests in {seconds} s");

    sql("ALTER TABLE jobs_elsewhere RENAME TO jobs").await;
    stack
        .script
        .until("/readyz", |status, _| status == StatusCode::OK)
        .await;
    let job = stack
        .script
        .job("/jobs/import?table=products", "id,name,price\n7,Pain,1.20\n")
        .await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
}
