//! Jobs: states, waiting, idempotency, resume, cancel, events.

use crate::support::{Process, Script, Stack, counters, sample};
use reqwest::{Method, StatusCode};
use script_service::Config;
use serde_json::Value;

/// A file of `rows` sales over `days` days from the first of November.
fn sales(rows: u64, days: u64) -> String {
    let mut text = String::from("id,product_id,store_id,sale_date,quantity,amount\n");
    text.extend((1..=rows).map(|id| {
        let day = id % days + 1;
        let product = id % 2 + 1;
        let store = 10 * (id % 2 + 1);
        format!(
            "{id},{product},{store},2023-11-{day:02},1,{}.{:02}\n",
            id % 90,
            id % 100
        )
    }));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_accepted_at_once_and_found_at_its_location() {
    let stack = Stack::start_with(|config| config.data = sample()).await;

    let accepted = stack
        .script
        .request(Method::POST, "/jobs/import")
        .send()
        .await
        .unwrap();

    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    let job = stack
        .script
        .until(&location, |_, job| job["state"] == "succeeded")
        .await;
    assert_eq!(job["sources"].as_array().unwrap().len(), 5);
    let list = stack.script.json("/jobs?kind=import&state=succeeded").await;
    assert_eq!(list["jobs"][0]["id"], job["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_job() {
    let stack = Stack::start().await;
    stack.seed().await;
    let send = |key: &'static str, body: String| {
        let request = stack
            .script
            .request(Method::POST, "/jobs/import?table=sales")
            .header("idempotency-key", key)
            .header("prefer", "wait=60")
            .body(body);
        async { request.send().await.unwrap() }
    };

    let first = send("k-1", sales(3, 3)).await;
    let again = send("\"k-1\"", sales(3, 3)).await;
    let other = send("k-1", sales(4, 3)).await;

    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let first: Value = first.json().await.unwrap();
    let again: Value = again.json().await.unwrap();
    assert_eq!(first["id"], again["id"]);
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 1);
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_page_by_page() {
    let stack = Stack::start().await;
    for _ in 0..5 {
        stack
            .script
            .job("/jobs/analysis", r#"{"analyses":["total"]}"#)
            .await;
    }

    let mut seen = Vec::new();
    let mut path = "/jobs?page_size=2".to_owned();
    loop {
        let page = stack.script.json(&path).await;
        seen.extend(
            page["jobs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["id"].as_i64().unwrap()),
        );
        match page["next_page_token"].as_str() {
            Some(token) => path = format!("/jobs?page_size=2&page_token={token}"),
            None => break,
        }
    }

    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_upload_is_coming_in_is_known_to_every_process() {
    let stack = Stack::start().await;
    stack.seed().await;
    stack.script.until_ready().await;
    let other = Script::start(Config::for_db(&stack.db.url, stack.data.path().to_owned())).await;
    other.until_ready().await;
    let send = |script: &Script, body: reqwest::Body| {
        let request = script
            .request(Method::POST, "/jobs/import?table=sales")
            .header("idempotency-key", "slow")
            .body(body);
        request.send()
    };
    let (pieces, body) = tokio::sync::mpsc::channel::<&str>(1);
    let body = futures_util::stream::unfold(body, async |mut pieces| {
        let piece = pieces.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), pieces))
    });
    let first = tokio::spawn(send(&stack.script, reqwest::Body::wrap_stream(body)));
    pieces
        .send("id,product_id,store_id,sale_date,quantity,amount\n")
        .await
        .unwrap();
    stack.until_value("SELECT COUNT(*) FROM receiving", 1).await;

    let meanwhile = send(&other, sales(3, 3).into()).await.unwrap();
    pieces.send("1,1,10,2023-11-01,1,5.00\n").await.unwrap();
    drop(pieces);
    let first = first.await.unwrap().unwrap();
    let late = send(
        &other,
        "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-01,1,5.00\n".into(),
    )
    .await
    .unwrap();

    assert_eq!(meanwhile.status(), StatusCode::CONFLICT);
    assert_eq!(meanwhile.headers()["retry-after"], "1");
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(late.headers()["idempotent-replayed"], "true");
    assert_eq!(late.headers()["location"], first.headers()["location"]);
    assert_eq!(stack.value("SELECT COUNT(*) FROM receiving").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_so_and_a_known_key_passes_it() {
    let stack = Stack::start_with(|config| config.queue_limit = 0).await;

    let refused = stack
        .script
        .request(Method::POST, "/jobs/analysis")
        .send()
        .await
        .unwrap();

    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "queue_full");

    // With room for one job its key finds it, however full the queue is later.
    let stack = Stack::start_with(|config| config.queue_limit = 1).await;
    let send = async || {
        let request = stack.script.request(Method::POST, "/jobs/analysis");
        request.header("idempotency-key", "k").send().await.unwrap()
    };
    assert_eq!(send().await.status(), StatusCode::ACCEPTED);
    let waiting = "INSERT INTO jobs (kind, state, request, created_at, lease_until_ms)
        SELECT 'analysis', 'interrupted', '{\"from\":\"never\"}', '2024-01-01', 0 FROM json_each('[1,2,3,4,5,6,7,8,9]')";
    stack.db.client.execute(waiting, Vec::new()).await.unwrap();
    let again = send().await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_is_finished_by_the_next_process_as_if_nothing_had_been() {
    let stack = Stack::start().await;
    stack.seed().await;
    let rows = 30_000;
    stack.write("sales.csv", sales(rows, 28));
    let arguments = ["--batch-rows", "200", "--job-lease-ms", "100"];
    let start = async || Process::start(&stack.db.url, stack.data.path(), &arguments).await;

    let mut process = start().await;
    let location = process.script.submit("/jobs/import", "").await;
    // Each process is killed once it has written some more batches.
    let read = |job: &Value| job["counters"]["read"].as_u64().unwrap_or_default();
    for kills in 1..=6 {
        process
            .script
            .until(&location, |_, job| read(job) > kills * 1_700)
            .await;
        process.kill();
        process = start().await;
    }
    let job = process
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(counters(&job), [rows, rows, 0, 0, 0]);
    assert_eq!(job["sources"][0]["counters"], job["counters"]);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, rows);
    assert_eq!(
        stack.value("SELECT SUM(amount_cents) FROM sales").await,
        stack.value("SELECT SUM(amount_cents) FROM product_days").await
    );
    assert_eq!(stack.value("SELECT SUM(lines) FROM store_days").await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_of_an_upload_with_rejects_resumes_too() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = sales(10_000, 28).replace(",1,9.", ",x,9.");
    let rejects = file.matches(",x,9.").count() as u64;
    let arguments = ["--batch-rows", "100", "--job-lease-ms", "100"];
    let mut process = Process::start(&stack.db.url, stack.data.path(), &arguments).await;
    let location = process.script.submit("/jobs/import?table=sales", file).await;

    let read = |job: &Value| job["counters"]["read"].as_u64().unwrap_or_default();
    process.script.until(&location, |_, job| read(job) > 2_000).await;
    process.kill();
    process = Process::start(&stack.db.url, stack.data.path(), &arguments).await;
    let job = process
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(
        counters(&job),
        [10_000, 10_000 - rejects, 0, 0, rejects],
        "{job:#}"
    );
    assert_eq!(process.script.rejects(&job).await.len() as u64, rejects);
    // The bytes of the upload are dropped after the end of the job.
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_hands_its_job_over() {
    let stack = Stack::start_with(|config| config.batch_rows = 100).await;
    stack.seed().await;
    let location = stack
        .script
        .submit("/jobs/import?table=sales", sales(20_000, 28))
        .await;
    let config = Config::for_db(&stack.db.url, stack.data.path().to_owned());
    stack
        .script
        .until(&location, |_, job| job["counters"]["read"].as_u64() > Some(500))
        .await;

    let Stack {
        db,
        script,
        data: _data,
    } = stack;
    script.stop().await;
    let state = db
        .client
        .query("SELECT state FROM jobs", Vec::new())
        .await
        .unwrap();
    assert_eq!(state.rows[0][0].as_str(), Some("interrupted"));
    let next = Script::start(config).await;
    let job = next
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(counters(&job), [20_000, 20_000, 0, 0, 0], "{job:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops_between_two_batches() {
    let stack = Stack::start_with(|config| config.batch_rows = 50).await;
    stack.seed().await;
    let location = stack
        .script
        .submit("/jobs/import?table=sales", sales(50_000, 28))
        .await;
    let cancel = format!("{location}/cancel");
    stack
        .script
        .until(&location, |_, job| job["counters"]["read"].as_u64() > Some(100))
        .await;

    let ask = |body: &'static str| {
        let request = stack.script.request(Method::POST, &cancel).body(body);
        request.header("user-agent", "checkout/2").send()
    };
    let nobody = ask(r#"{"by":""}"#).await.unwrap();
    assert_eq!(nobody.status(), StatusCode::BAD_REQUEST);
    let asked = ask(r#"{"by":"Marie"}"#).await.unwrap();
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let job = stack
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(job["state"], "cancelled");
    assert_eq!(job["cancelled_by"], "Marie");
    let [read, inserted, ..] = counters(&job);
    assert_eq!(read, inserted);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, inserted);
    let again = ask("").await.unwrap();
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert_eq!(again.json::<Value>().await.unwrap()["cancelled_by"], "Marie");
    let finished = stack
        .script
        .job("/jobs/analysis", r#"{"analyses":["total"]}"#)
        .await;
    let late = format!("/jobs/{}/cancel", finished["id"]);
    let late = stack.script.request(Method::POST, &late).send().await.unwrap();
    assert_eq!(late.status(), StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_overtake_each_other_do_not_interrupt_a_job() {
    let stack = Stack::start_with(|config| config.batch_rows = 50).await;
    stack.seed().await;
    for sql in [
        "CREATE TABLE interruptions (job_id INTEGER)",
        "CREATE TRIGGER noted AFTER UPDATE OF state ON jobs WHEN new.state = 'interrupted'
        BEGIN INSERT INTO interruptions VALUES (new.id); END",
    ] {
        stack.db.client.execute(sql, Vec::new()).await.unwrap();
    }

    let job = stack
        .script
        .job("/jobs/import?table=sales", sales(20_000, 28))
        .await;

    assert_eq!(counters(&job), [20_000, 20_000, 0, 0, 0], "{job:#}");
    assert_eq!(stack.value("SELECT COUNT(*) FROM interruptions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_moved_on_meanwhile_goes_on_from_where_it_is() {
    let stack = Stack::start_with(|config| config.batch_rows = 50).await;
    stack.seed().await;
    let location = stack
        .script
        .submit("/jobs/import?table=sales", sales(20_000, 28))
        .await;
    stack
        .script
        .until(&location, |_, job| job["counters"]["read"].as_u64() > Some(100))
        .await;

    // What the late commit of a process that was killed leaves: batches that this one did not write.
    let moved = "UPDATE jobs SET batches = batches + 1 WHERE finished_at IS NULL";
    let moved = stack.db.client.execute(moved, Vec::new()).await.unwrap();
    let job = stack
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(moved.rows_affected, 1);
    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(counters(&job), [20_000, 20_000, 0, 0, 0]);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_takes_back_what_it_wrote_when_it_was_asked_to() {
    let stack = Stack::start_with(|config| config.batch_rows = 50).await;
    stack.seed().await;
    let known = stack.script.job("/jobs/import?table=sales", sales(60, 3)).await;
    assert_eq!(known["state"], "succeeded", "{known:#}");
    let everything = "SELECT group_concat(concat_ws('|', id, product_id, sale_date, quantity, amount_cents, import_job_id), ' ')
        FROM (SELECT * FROM sales ORDER BY id)";
    let before = stack.value(everything).await;
    let figures = stack.script.json("/analysis/trend?period=all").await["rows"].clone();
    let changed = sales(50_000, 28).replacen("1,1,20,", "1,2,10,", 1);

    let location = stack
        .script
        .submit(
            "/jobs/import?table=sales&on_cancel=rollback&answers={%22keys%22:%22id%22}",
            changed,
        )
        .await;
    stack
        .script
        .until(&location, |_, job| job["counters"]["read"].as_u64() > Some(100))
        .await;
    assert_ne!(stack.value(everything).await, before);
    let cancel = format!("{location}/cancel");
    stack.script.request(Method::POST, &cancel).send().await.unwrap();
    let job = stack
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(job["state"], "cancelled", "{job:#}");
    assert!(job["result"]["rolled_back"].as_u64() > Some(50), "{job:#}");
    assert_eq!(stack.value(everything).await, before);
    assert_eq!(
        stack.script.json("/analysis/trend?period=all").await["rows"],
        figures
    );
    stack
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;
    assert_eq!(stack.value("SELECT COUNT(*) FROM job_undo").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_products_go_again_with_a_cancelled_import_but_for_those_in_use() {
    let stack = Stack::start_with(|config| config.batch_rows = 10).await;
    stack.seed().await;
    let products: String = std::iter::once("id,name,price\n".to_owned())
        .chain((1..=20_000).map(|id| format!("{id},Product {id},{id}.50\n")))
        .collect();

    let location = stack
        .script
        .submit("/jobs/import?table=products&on_cancel=rollback", products)
        .await;
    stack
        .script
        .until(&location, |_, job| job["counters"]["read"].as_u64() > Some(50))
        .await;
    let used = "INSERT INTO sales (product_id, store_id, sale_date, quantity_milli, amount_cents) VALUES (3, 10, '2023-11-01', 1000, 1)";
    stack.db.client.execute(used, Vec::new()).await.unwrap();
    let cancel = format!("{location}/cancel");
    stack.script.request(Method::POST, &cancel).send().await.unwrap();
    let job = stack
        .script
        .until(&location, |_, job| job["finished_at"].is_string())
        .await;

    assert_eq!(job["state"], "cancelled", "{job:#}");
    let left = "SELECT group_concat(concat_ws(' ', id, name, price_cents, category), '; ') FROM (SELECT * FROM products ORDER BY id)";
    assert_eq!(
        stack.value(left).await,
        "1 Thé 500 Boissons; 2 Pain 120; 3 Product 3 350"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_whole_job_and_end() {
    let stack = Stack::start_with(|config| config.data = sample()).await;
    let location = stack.script.submit("/jobs/import", "").await;
    let events = format!("{location}/events");

    let stream = stack.script.get(&events).await;
    assert_eq!(stream.headers()["cache-control"], "no-store");
    let text = stream.text().await.unwrap();

    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.contains("event: end") && last.contains("\"state\":\"succeeded\""),
        "{last}"
    );
    let id = last
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .unwrap()
        .to_owned();
    let again = stack
        .script
        .request(Method::GET, &events)
        .header("last-event-id", id)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    let mut all = stack.script.get("/events").await;
    stack
        .script
        .request(Method::POST, "/jobs/analysis")
        .send()
        .await
        .unwrap();
    let first = all.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first);
    assert!(first.contains("\"kind\":\"analysis\""), "{first}");
}

/// Makes a job as another process would have it; it lets go of it never.
async fn another_has(stack: &Stack, state: &str, finished_at: Option<&str>) -> i64 {
    let sql =
        "INSERT INTO jobs (kind, state, request, created_at, started_at, finished_at, owner, lease_until_ms)
        VALUES ('analysis', ?1, '{}', ?2, ?2, ?3, 'another', 9000000000000) RETURNING id";
    let params: Vec<db_client::db_api::Value> = vec![
        state.into(),
        "2023-12-01T08:00:00.000Z".into(),
        finished_at.into(),
    ];
    let made = stack.db.client.execute(sql, params).await.unwrap();
    made.rows[0][0].as_i64().unwrap()
}

/// The names of the first `count` events of `/events`, and the ids of their jobs.
async fn first_events(stack: &Stack, count: usize, last_event_id: Option<&str>) -> Vec<(String, i64)> {
    let mut request = stack.script.request(Method::GET, "/events");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let mut answer = request.send().await.unwrap();
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        text.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    text.trim_end()
        .split("\n\n")
        .map(|event| {
            let part = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            let job: Value = serde_json::from_str(part("data: ")).unwrap();
            (part("event: ").to_owned(), job["id"].as_i64().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_all_jobs_knows_old_ones_that_run_and_those_that_ended_meanwhile() {
    let stack = Stack::start().await;
    stack.script.until_ready().await;
    let running = another_has(&stack, "running", None).await;
    for _ in 0..60 {
        another_has(&stack, "succeeded", Some("2023-12-01T08:00:01.000Z")).await;
    }
    let late = another_has(&stack, "succeeded", Some("2023-12-01T09:00:00.000Z")).await;

    let fresh = first_events(&stack, 1, None).await;
    // 2023-12-01T08:30:00Z
    let back = first_events(&stack, 2, Some("1701419400000")).await;

    assert_eq!(fresh, [("progress".to_owned(), running)]);
    assert_eq!(back, [("progress".to_owned(), running), ("end".to_owned(), late)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_id_of_elsewhere_does_not_silence_a_stream() {
    let stack = Stack::start().await;
    stack.script.until_ready().await;
    let running = another_has(&stack, "running", None).await;

    let mut stream = stack
        .script
        .request(Method::GET, &format!("/jobs/{running}/events"))
        .header("last-event-id", "99999999")
        .send()
        .await
        .unwrap();

    let first = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("event: progress"));
    // It ends with the service, which does not wait for those who listen.
    stack.script.stop().await;
    while stream.chunk().await.unwrap().is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_tag_is_recognised_in_every_form() {
    // It is old, and no housekeeping is to drop it.
    let stack = Stack::start_with(|config| config.keep_jobs_days = 0).await;
    stack.script.until_ready().await;
    let job = another_has(&stack, "succeeded", Some("2023-12-01T08:00:01.000Z")).await;
    let path = format!("/jobs/{job}");
    let tag = stack.script.get(&path).await.headers()["etag"].clone();
    let tag = tag.to_str().unwrap();

    for (known, status) in [
        (tag.to_owned(), StatusCode::NOT_MODIFIED),
        (tag.trim_start_matches("W/").to_owned(), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        (format!("\"x\", {tag}"), StatusCode::NOT_MODIFIED),
        ("\"x\"".to_owned(), StatusCode::OK),
    ] {
        let request = stack.script.request(Method::GET, &path);
        let answer = request.header("if-none-match", &known).send().await.unwrap();
        assert_eq!(answer.status(), status, "{known}");
    }
}
