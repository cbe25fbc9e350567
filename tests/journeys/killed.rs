//! The process is killed in the middle of an import, at several moments, and started again.

use crate::program;
use comptoir::generate::sales::{self, SalesPlan};
use journeys::{Program, Up, wait_for};
use serde_json::{Value, json};
use std::path::Path;

/// So many sales in batches of [`BATCH`]: enough moments to die at.
const ROWS: u64 = 12_000;
const BATCH: &str = "1000";

/// The process dies when so many records are done; 0 is before the first batch.
const MOMENTS: [u64; 4] = [0, 1_000, 5_000, 11_000];

/// What may not differ from a clean run: rows, distinct ids, cents, and the sums kept by day.
const TOTALS: &str = "SELECT
    (SELECT COUNT(*) FROM sales), (SELECT COUNT(DISTINCT id) FROM sales), (SELECT SUM(amount_cents) FROM sales),
    (SELECT COUNT(*) FROM products), (SELECT COUNT(*) FROM stores)";

fn with_small_batches() -> Program {
    program()
        .with("SCRIPT_BATCH_ROWS", BATCH)
        .with("SCRIPT_JOB_LEASE_MS", "200")
}

async fn totals(up: &Up) -> Value {
    up.db.post("/v1/query", &json!({ "sql": TOTALS })).await["rows"][0].clone()
}

/// The figures that come out of the sums kept by day.
async fn figures(up: &Up) -> Vec<Value> {
    let mut figures = Vec::new();
    for name in ["total", "region", "product", "trend"] {
        figures.push(up.script.get(&format!("/analysis/{name}?period=all")).await["rows"].clone());
    }
    figures
}

async fn submit(up: &Up) -> i64 {
    let job = up
        .script
        .send("POST", "/jobs/import", &[("idempotency-key", "all")], None)
        .await
        .ok()
        .json();
    job["id"].as_i64().unwrap()
}

/// Records done so far, and whether nothing more will happen.
async fn state(up: &Up, job: i64) -> (u64, bool, Value) {
    let job = up.script.get(&format!("/jobs/{job}")).await;
    let is_final = !["queued", "running", "interrupted"].contains(&job["state"].as_str().unwrap());
    (job["counters"]["read"].as_u64().unwrap(), is_final, job)
}

async fn finished(up: &Up, job: i64) -> Value {
    wait_for("the end of the import", async || {
        let (_, is_final, job) = state(up, job).await;
        is_final.then_some(job)
    })
    .await
}

fn write_files(data: &Path) {
    sales::write(data, SalesPlan { rows: ROWS, seed: 7 }, |_| {}).unwrap();
}

#[tokio::test]
async fn an_import_that_was_killed_leaves_what_one_clean_run_leaves() {
    let clean = tempfile::tempdir().unwrap();
    write_files(clean.path());
    let up = with_small_batches().up_in(clean.path(), &["--no-sample"]);
    let job = submit(&up).await;
    let job = finished(&up, job).await;
    assert_eq!(job["state"], "succeeded", "{job}");
    let (expected, expected_figures) = (totals(&up).await, figures(&up).await);
    assert_eq!(expected[0], json!(ROWS));
    drop(up);

    for moment in MOMENTS {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path());
        let up = with_small_batches().up_in(folder.path(), &["--no-sample"]);
        let job = submit(&up).await;
        wait_for("the moment to die", async || {
            let (read, is_final, _) = state(&up, job).await;
            (read >= moment || is_final).then_some(())
        })
        .await;
        up.kill();

        let again = with_small_batches().up_in(folder.path(), &["--no-sample"]);
        let after = finished(&again, job).await;

        assert_eq!(after["state"], "succeeded", "killed at {moment}: {after}");
        assert_eq!(
            after["counters"]["inserted"],
            job_inserted(),
            "killed at {moment}"
        );
        assert_eq!(totals(&again).await, expected, "killed at {moment}");
        assert_eq!(figures(&again).await, expected_figures, "killed at {moment}");
        // A client that lost its answer and asks again starts nothing new.
        assert_eq!(submit(&again).await, job);
    }
}

/// Products, stores and sales.
fn job_inserted() -> Value {
    json!(200 + 200 + ROWS)
}
