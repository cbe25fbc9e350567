//! What is old or too much is dropped, and nothing else.

use crate::support::{Script, Stack};
use script_service::Config;

/// Four stores of an import, with a reject.
async fn import(stack: &Stack, first: u64) -> i64 {
    let file = format!("id,city\n{first},Lyon\n{},Brest\nx,Nowhere\n", first + 1);
    let job = stack.script.job("/jobs/import?table=stores", file).await;
    assert_eq!(job["state"], "succeeded_with_rejects", "{job:#}");
    job["id"].as_i64().unwrap()
}

/// Starts another service beside the one of `stack`, whose settings `change` has changed.
async fn keep_house(stack: &Stack, change: impl FnOnce(&mut Config)) -> Script {
    let mut config = Config::for_db(&stack.db.url, stack.data.path().to_owned());
    config.housekeeping_s = 1;
    change(&mut config);
    let script = Script::start(config).await;
    script.until_ready().await;
    script
}

async fn age(stack: &Stack, job: i64, days: i64) {
    let sql =
        "UPDATE jobs SET finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2 || ' days') WHERE id = ?1";
    stack
        .db
        .client
        .execute(sql, [job.into(), (-days).into()])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_go_with_their_rejects_and_what_they_imported_stays() {
    let stack = Stack::start().await;
    let [old, just_kept, new] = [
        import(&stack, 1).await,
        import(&stack, 11).await,
        import(&stack, 21).await,
    ];
    age(&stack, old, 401).await;
    age(&stack, just_kept, 399).await;

    let _house = keep_house(&stack, |_| {}).await;
    stack.until_value("SELECT COUNT(*) FROM job_rejects", 1).await;
    stack.until_value("SELECT COUNT(*) FROM jobs", 2).await;

    let kept = stack
        .value("SELECT group_concat(id) FROM (SELECT id FROM jobs ORDER BY id)")
        .await;
    assert_eq!(kept, format!("{just_kept},{new}"));
    assert_eq!(stack.value("SELECT job_id FROM job_rejects").await, new);
    assert_eq!(stack.value("SELECT COUNT(*) FROM job_sources").await, 2);
    assert_eq!(stack.value("SELECT COUNT(*) FROM stores").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_too_many_go_but_not_those_that_say_which_files_came() {
    let stack = Stack::start().await;
    let mut jobs = Vec::new();
    for turn in 0..4 {
        jobs.push(import(&stack, 1 + 10 * turn).await);
    }
    let execute = async |sql: &str| stack.db.client.execute(sql, Vec::new()).await.unwrap();
    execute(
        "INSERT INTO schedules (id, name, kind, request, watch, catch_up, enabled, created_at)
        VALUES (1, 'files', 'import', '{}', '*.csv', 0, 0, '2026-01-01T00:00:00.000Z')",
    )
    .await;
    execute(&format!(
        "UPDATE jobs SET schedule_id = 1, occurrence = 'a.csv' WHERE id = {}",
        jobs[0]
    ))
    .await;

    let _house = keep_house(&stack, |config| config.keep_jobs = 2).await;
    stack.until_value("SELECT COUNT(*) FROM jobs", 3).await;

    let kept = stack
        .value("SELECT group_concat(id) FROM (SELECT id FROM jobs ORDER BY id)")
        .await;
    assert_eq!(kept, format!("{},{},{}", jobs[0], jobs[2], jobs[3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_forecasts_that_are_old_or_too_many_go() {
    let stack = Stack::start_with(|config| {
        config.housekeeping_s = 1;
        config.keep_results = 600;
    })
    .await;
    let execute = async |sql: &str| stack.db.client.execute(sql, Vec::new()).await.unwrap();
    execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO analysis_results (analysis_type, result_details, created_at)
        SELECT 'total', '{}', IIF(i = 1200, '2020-01-01T00:00:00.000Z', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) FROM n",
    )
    .await;
    execute(
        "INSERT INTO forecast_runs (model, requested, label, horizon, data_from, data_to, gaps, days_without_sales,
            levels, params, fit, warnings, notes, explanation, dataset_version, created_at, job_id)
        VALUES ('naive', 'naive', 'x', 1, 'x', 'x', 'zero', 0, '[]', '{}', '{}', '[]', '[]', 'x', 1,
                strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1),
            ('naive', 'naive', 'x', 1, 'x', 'x', 'zero', 0, '[]', '{}', '{}', '[]', '[]', 'x', 1,
                strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 2)",
    )
    .await;
    execute("INSERT INTO forecast_points (run_id, date, value, bounds) VALUES (1, 'x', 1, '{}'), (2, 'x', 1, '{}')").await;

    execute("UPDATE forecast_runs SET created_at = '2020-01-01T00:00:00.000Z' WHERE id = 1").await;
    stack.until_value("SELECT COUNT(*) FROM forecast_points", 1).await;

    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM forecast_runs WHERE id = 2")
            .await,
        1
    );
    stack
        .until_value("SELECT COUNT(*) FROM analysis_results", 599)
        .await;
    assert_eq!(stack.value("SELECT MAX(id) FROM analysis_results").await, 1_199);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_bounds_all_is_kept() {
    let stack = Stack::start_with(|config| {
        config.housekeeping_s = 1;
        config.keep_jobs = 0;
        config.keep_jobs_days = 0;
        config.keep_rejects_days = 0;
    })
    .await;
    let old = import(&stack, 1).await;
    age(&stack, old, 5_000).await;
    let orphan =
        "INSERT INTO job_uploads (upload_id, seq, chunk, created_at_ms) VALUES ('left', 0, x'00', 1)";
    stack.db.client.execute(orphan, Vec::new()).await.unwrap();

    // The piece of an upload that nobody refers to goes, twice: all else was looked at in between.
    for _ in 0..2 {
        stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
        stack.db.client.execute(orphan, Vec::new()).await.unwrap();
    }

    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 1);
    assert_eq!(stack.value("SELECT COUNT(*) FROM job_rejects").await, 1);
}
