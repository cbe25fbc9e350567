//! Schedules: times, files that come, one job for each however many processes look.

use crate::support::{Script, Stack, counters};
use reqwest::{Method, StatusCode};
use script_service::Config;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn start() -> Stack {
    let stack = Stack::start_with(|config| config.schedule_poll_ms = 20).await;
    stack.seed().await;
    std::fs::create_dir(stack.data.path().join("inbox")).unwrap();
    stack
}

/// A further process on the same database and data folder.
async fn another(stack: &Stack) -> Script {
    let mut config = Config::for_db(&stack.db.url, stack.data.path().to_owned());
    config.schedule_poll_ms = 20;
    let script = Script::start(config).await;
    script.until_ready().await;
    script
}

async fn put(stack: &Stack, name: &str, schedule: Value) -> (StatusCode, Value) {
    let response = stack
        .script
        .request(Method::PUT, &format!("/schedules/{name}"))
        .json(&schedule)
        .send()
        .await
        .unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Lets the time of a schedule come that was due on 1 January.
async fn make_due(stack: &Stack, name: &str) {
    let sql = "UPDATE schedules SET next_due_ms = 1704063600000 WHERE name = ?1";
    stack.db.client.execute(sql, [name.into()]).await.unwrap();
}

fn line(id: u32, cents: u32) -> String {
    format!("id,product_id,store_id,sale_date,quantity,amount\n{id},1,10,2023-11-05,1,0.{cents:02}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_changed_listed_and_deleted() {
    let stack = start().await;
    let nightly =
        json!({"cron": "0 6 * * *", "request": {"sources": [{"table": "sales", "path": "sales.csv"}]}});

    let (created, schedule) = put(&stack, "nightly", nightly.clone()).await;
    let (again, same) = put(&stack, "nightly", nightly).await;

    assert_eq!(
        (created, again),
        (StatusCode::CREATED, StatusCode::OK),
        "{schedule:#}"
    );
    assert_eq!(same["created_at"], schedule["created_at"]);
    assert_eq!(schedule["time_zone"], "Europe/Paris");
    let next = schedule["next_runs"].as_array().unwrap();
    assert_eq!(next.len(), 3);
    assert!(next[0].as_str().unwrap().contains("T06:00:00+0"), "{next:?}");
    let (_, paused) = put(
        &stack,
        "nightly",
        json!({"cron": "0 6 * * *", "enabled": false, "request": {"sources": [{"table": "sales", "path": "sales.csv"}]}}),
    )
    .await;
    assert_eq!(paused["next_runs"], json!([]));
    assert_eq!(
        stack.script.json("/schedules").await["schedules"][0]["name"],
        "nightly"
    );
    let gone = stack
        .script
        .request(Method::DELETE, "/schedules/nightly")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        stack.script.get("/schedules/nightly").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_work_is_refused_and_says_where() {
    let stack = start().await;
    let sales = json!({"sources": [{"table": "sales"}]});
    for (schedule, field) in [
        (json!({}), "/cron"),
        (json!({"cron": "every day"}), "/cron"),
        (json!({"cron": "0 0 30 2 *"}), "/cron"),
        (json!({"cron": "0 6 * * *", "time_zone": "Paris"}), "/time_zone"),
        (json!({"cron": "0 6 * * *", "watch": "inbox/*.csv"}), "/watch"),
        (json!({"watch": "../*.csv", "request": sales}), "/watch"),
        (json!({"watch": "inbox/*.csv"}), "/request/sources"),
        (json!({"watch": "inbox/*.csv", "job": "analysis"}), "/job"),
        (
            json!({"watch": "inbox/*.csv", "request": {"sources": [{"table": "sales", "path": "a.csv"}]}}),
            "/request/sources",
        ),
        (
            json!({"watch": "inbox/*.csv", "request": {"mode": "append", "sources": [{"table": "sales"}]}}),
            "/request/mode",
        ),
        (
            json!({"cron": "0 6 * * *", "job": "analysis", "request": {"analyses": ["nothing"]}}),
            "/request/analyses/0",
        ),
        (
            json!({"cron": "0 6 * * *", "request": {"surces": []}}),
            "/request/surces",
        ),
    ] {
        let (status, problem) = put(&stack, "x", schedule.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{schedule}");
        assert_eq!(problem["errors"][0]["pointer"], field, "{schedule}: {problem}");
    }
    let (status, _) = put(&stack, "Nightly%20run", json!({"cron": "0 6 * * *"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(stack.value("SELECT COUNT(*) FROM schedules").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_that_comes_is_imported_once_by_however_many_processes() {
    let stack = start().await;
    let others = [
        another(&stack).await,
        another(&stack).await,
        another(&stack).await,
    ];
    let watch = json!({"watch": "inbox/*.csv", "request": {"sources": [{"table": "sales"}]}});
    put(&stack, "inbox", watch.clone()).await;

    for id in 1..=12 {
        stack.write(&format!("inbox/{id}.csv"), line(id, id));
    }
    stack.write("inbox/not-yet.csv.part", "half a file");
    stack
        .script
        .until("/jobs?schedule=inbox&state=succeeded", |_, page| {
            page["jobs"].as_array().is_some_and(|jobs| jobs.len() >= 12)
        })
        .await;
    // A file that changes is imported again, as what it is now.
    stack.write(
        "inbox/7.csv",
        format!("{}13,1,10,2023-11-05,1,1.00\n", line(7, 70)),
    );
    stack
        .script
        .until("/jobs?schedule=inbox&state=succeeded", |_, page| {
            page["jobs"].as_array().is_some_and(|jobs| jobs.len() >= 13)
        })
        .await;

    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 13);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 13);
    let cents = (1..=12).sum::<i64>() - 7 + 70 + 100;
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, cents);

    // A process that starts later looks at all of them, and a schedule that is stored again is the same.
    for other in others {
        other.stop().await;
    }
    let (status, schedule) = put(&stack, "inbox", watch).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        schedule["last_job"]["occurrence"]
            .as_str()
            .unwrap()
            .starts_with("inbox/7.csv")
    );
    let late = another(&stack).await;
    stack.write("inbox/last.csv", line(99, 1));
    late.until("/jobs?schedule=inbox&state=succeeded", |_, page| {
        page["jobs"].as_array().is_some_and(|jobs| jobs.len() >= 14)
    })
    .await;
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_corrected_imports_again_what_is_there() {
    let stack = start().await;
    stack.write("inbox/a.csv", line(1, 1));
    put(
        &stack,
        "inbox",
        json!({"watch": "inbox/*.csv", "request": {"sources": [{"table": "targets"}]}}),
    )
    .await;
    stack
        .script
        .until("/jobs?schedule=inbox&state=failed", |_, page| {
            page["jobs"][0].is_object()
        })
        .await;

    put(
        &stack,
        "inbox",
        json!({"watch": "inbox/*.csv", "request": {"sources": [{"table": "sales"}]}}),
    )
    .await;
    let page = stack
        .script
        .until("/jobs?schedule=inbox&state=succeeded", |_, page| {
            page["jobs"][0].is_object()
        })
        .await;

    assert_eq!(counters(&page["jobs"][0]), [1, 1, 0, 0, 0]);
    assert_eq!(page["jobs"][0]["schedule"], "inbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_was_missed_is_made_up_for_by_one_job_of_one_process() {
    let stack = start().await;
    stack.write("sales.csv", line(1, 1));
    let others = [
        another(&stack).await,
        another(&stack).await,
        another(&stack).await,
    ];
    for round in 1..=5 {
        let name = format!("yearly-{round}");
        put(&stack, &name, json!({"cron": "0 0 1 1 *", "time_zone": "UTC"})).await;
        make_due(&stack, &name).await;
    }

    let mut names = BTreeSet::new();
    for round in 1..=5 {
        let path = format!("/schedules/yearly-{round}");
        let schedule = stack
            .script
            .until(&path, |_, schedule| schedule["last_job"]["state"] == "succeeded")
            .await;
        assert!(
            schedule["last_job"]["occurrence"]
                .as_str()
                .unwrap()
                .ends_with("-01-01T00:00:00Z"),
            "{schedule:#}"
        );
        assert!(
            schedule["next_runs"][0]
                .as_str()
                .unwrap()
                .ends_with("-01-01T00:00:00+00:00")
        );
        assert_eq!(schedule["skipped"], 0);
        names.insert(schedule["last_job"]["id"].as_i64().unwrap());
    }

    assert_eq!(names.len(), 5);
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 5);
    drop(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_passes_without_a_job_where_it_should() {
    let stack = start().await;
    stack.write("sales.csv", line(1, 1));

    put(&stack, "strict", json!({"cron": "0 0 1 1 *", "catch_up": false})).await;
    make_due(&stack, "strict").await;
    let missed = stack
        .script
        .until("/schedules/strict", |_, schedule| schedule["skipped"] == 1)
        .await;
    assert!(
        missed["last_skip"].as_str().unwrap().contains("no service ran"),
        "{missed:#}"
    );
    assert_eq!(missed["last_job"], Value::Null);

    // The job before it is not finished: another process has it.
    put(&stack, "slow", json!({"cron": "0 0 1 1 *"})).await;
    let busy = "INSERT INTO jobs (kind, state, request, created_at, schedule_id, occurrence, lease_until_ms, owner)
        SELECT 'import', 'running', '{}', '2024-01-01', id, 'before', 9000000000000, 'x' FROM schedules WHERE name = 'slow'";
    stack.db.client.execute(busy, Vec::new()).await.unwrap();
    make_due(&stack, "slow").await;
    let skipped = stack
        .script
        .until("/schedules/slow", |_, schedule| schedule["skipped"] == 1)
        .await;
    assert!(
        skipped["last_skip"].as_str().unwrap().contains("not finished"),
        "{skipped:#}"
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_can_be_run_by_hand() {
    let stack = start().await;
    stack.write("sales.csv", line(1, 1));
    put(&stack, "nightly", json!({"cron": "0 6 * * *"})).await;
    put(
        &stack,
        "figures",
        json!({"cron": "0 7 * * *", "job": "analysis", "request": {"analyses": ["total"]}}),
    )
    .await;

    for name in ["nightly", "figures"] {
        let path = format!("/schedules/{name}/run");
        let accepted = stack.script.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(accepted.status(), StatusCode::ACCEPTED);
        let location = accepted.headers()["location"].to_str().unwrap().to_owned();
        let job = stack
            .script
            .until(&location, |_, job| job["finished_at"].is_string())
            .await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        assert_eq!(job["schedule"], name);
    }
    assert_eq!(stack.value("SELECT COUNT(*) FROM analysis_results").await, 1);
    let run = || {
        let request = stack.script.request(Method::POST, "/schedules/figures/run");
        request
            .header("idempotency-key", "run-1")
            .header("prefer", "wait=60")
            .send()
    };
    let (first, again) = (run().await.unwrap(), run().await.unwrap());
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let (first, again): (Value, Value) = (first.json().await.unwrap(), again.json().await.unwrap());
    assert_eq!(
        (&first["id"], &first["state"]),
        (&again["id"], &json!("succeeded"))
    );
}
