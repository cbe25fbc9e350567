//! Rejects that come back corrected.

use crate::support::{Stack, counters};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A French file: three lines that cannot be taken, one that can.
const FRENCH: &str = "N°;réf. produit;magasin;date de vente;quantité;montant TTC\r\n\
    1;1;10;05/11/2023;1;1 234,56\r\n\
    2;1;10;31/02/2023;1;10,00\r\n\
    3;9;10;25/11/2023;2;20,50\r\n\
    4;1;10;06/11/2023;x;1,234;trop\r\n";

async fn french(stack: &Stack) -> Value {
    stack.seed().await;
    let mapping = "/jobs/import?table=sales&mapping=%7B%22id%22%3A%22N%C2%B0%22%7D";
    let job = stack.script.job(mapping, FRENCH).await;
    assert_eq!(counters(&job), [4, 1, 0, 0, 3], "{job:#}");
    job
}

async fn replay(
    stack: &Stack,
    job: &Value,
    query: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, Value) {
    let response = stack
        .script
        .request(
            Method::POST,
            &format!("/jobs/{}/rejects/replay{query}", job["id"]),
        )
        .header("prefer", "wait=60")
        .body(body)
        .send()
        .await
        .unwrap();
    (response.status(), response.json().await.unwrap())
}

const SALES: &str =
    "SELECT group_concat(concat_ws(' ', id, product_id, sale_date, quantity, amount_cents), '; ')
    FROM (SELECT * FROM sales ORDER BY id)";

#[tokio::test(flavor = "multi_thread")]
async fn corrected_rejects_are_imported_once_and_the_rest_stays_open() {
    let stack = Stack::start().await;
    let job = french(&stack).await;
    let csv = stack
        .script
        .get(&format!("/jobs/{}/rejects?format=csv&dialect=fr", job["id"]))
        .await
        .text()
        .await
        .unwrap();
    assert!(csv.starts_with("\u{feff}source;origin;line;"), "{csv}");

    // One by its value, one by its source text, one left as it is; saved by a French Excel.
    let corrected = csv
        .replace(";31/02/2023;bad_date;", ";28/02/2023;bad_date;")
        .replace("4;1;10;06/11/2023;x;1,234;trop", "4;1;10;06/11/2023;7;1,234");
    let bytes: Vec<u8> = corrected
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    let (status, first) = replay(&stack, &job, "", bytes).await;

    assert_eq!(status, StatusCode::OK, "{first:#}");
    assert_eq!(counters(&first), [3, 2, 0, 0, 1], "{first:#}");
    assert_eq!(first["request"]["replay_of"], job["id"]);
    // The decimal comma and the day first are those of the whole file, not of the two lines.
    assert_eq!(
        stack.value(SALES).await,
        "1 1 2023-11-05 1 123456; 2 1 2023-02-28 1 1000; 4 1 2023-11-06 7 123"
    );
    for reject in stack.script.rejects(&job).await {
        assert_eq!(reject["replayed_by"], first["id"]);
    }
    let (again, problem) = replay(&stack, &job, "", corrected).await;
    assert_eq!(
        (again, &problem["code"]),
        (StatusCode::CONFLICT, &json!("already_replayed"))
    );

    // What was rejected again is among the rejects of the replay; now its product is there.
    let product = "INSERT INTO products (id, name, price_cents) VALUES (9, 'Neuf', 100)";
    stack.db.client.execute(product, Vec::new()).await.unwrap();
    let (_, second) = replay(&stack, &first, "", "").await;
    assert_eq!(counters(&second), [1, 1, 0, 0, 0], "{second:#}");
    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM sales WHERE id = 3 AND amount_cents = 2050")
            .await,
        1
    );
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_replay_takes_nothing_and_a_retry_is_the_same_job() {
    let stack = Stack::start().await;
    let job = french(&stack).await;
    let corrected = "{\"record\":2,\"values\":{\"sale_date\":\"03/11/2023\",\"amount\":\"9,99\"}}\n";

    let (_, foreseen) = replay(&stack, &job, "?dry_run=true", corrected).await;
    assert_eq!(counters(&foreseen), [1, 1, 0, 0, 0], "{foreseen:#}");
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 1);
    let send = async || {
        let response = stack
            .script
            .request(Method::POST, &format!("/jobs/{}/rejects/replay", job["id"]))
            .header("idempotency-key", "once")
            .header("prefer", "wait=60")
            .body(corrected)
            .send()
            .await
            .unwrap();
        response.json::<Value>().await.unwrap()
    };
    let (first, again) = (send().await, send().await);

    assert_eq!(first["state"], "succeeded", "{first:#}");
    assert_eq!(first["id"], again["id"]);
    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM sales WHERE amount_cents = 999")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_says_why_and_takes_nothing() {
    let stack = Stack::start().await;
    let job = french(&stack).await;
    for (body, told) in [
        ("record,raw\n1,x\n", "record 1 of source 0"),
        ("record,value\n4,12\n", "correct `raw`"),
        ("line,raw\n1,x\n", "`record`"),
        ("{\"record\":\"two\"}", "line 1"),
    ] {
        let (status, problem) = replay(&stack, &job, "", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {problem}");
        assert!(
            problem["errors"][0]["detail"].as_str().unwrap().contains(told),
            "{body}: {problem}"
        );
    }
    let (status, _) = replay(&stack, &json!({"id": 99}), "", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let dry = stack
        .script
        .job(
            "/jobs/import?table=sales&dry_run=true",
            FRENCH.replace("N°", "id"),
        )
        .await;
    let (status, problem) = replay(&stack, &dry, "", "").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("not_replayable"))
    );
    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM job_rejects WHERE replayed_by IS NOT NULL")
            .await,
        0
    );
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_wrote_nothing_gives_its_rejects_free_again() {
    let stack = Stack::start().await;
    let job = french(&stack).await;
    let (_, replayed) = replay(&stack, &job, "", "record,value\n2,03/11/2023\n").await;
    let failed = "UPDATE jobs SET state = 'failed', inserted = 0 WHERE id = ?1";
    stack
        .db
        .client
        .execute(failed, [replayed["id"].as_i64().unwrap().into()])
        .await
        .unwrap();

    let (status, again) = replay(&stack, &job, "", "record,value\n2,03/11/2023\n").await;

    assert_eq!(status, StatusCode::OK, "{again:#}");
    assert_eq!(counters(&again), [1, 0, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replays_at_once_takes_a_reject() {
    let stack = Stack::start().await;
    let job = french(&stack).await;

    let both = tokio::join!(
        replay(&stack, &job, "", "record,value\n2,03/11/2023\n"),
        replay(&stack, &job, "", "record,value\n2,04/11/2023\n")
    );

    let statuses = [both.0.0, both.1.0];
    assert!(
        statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::CONFLICT),
        "{both:?}"
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_of_objects_and_of_lines_that_are_there_already_come_back_too() {
    let stack = Stack::start().await;
    stack.seed().await;
    let objects = r#"[{"id":1,"product_id":1,"store_id":10,"sale_date":"2023-11-05","quantity":1,"amount":1.10},
        {"id":2,"product_id":7,
         "store_id":10,"sale_date":"2023-11-05","quantity":1,"amount":2.20}]"#;
    let job = stack.script.job("/jobs/import?table=sales", objects).await;
    let (_, replayed) = replay(&stack, &job, "", r#"[{"record":2,"value":"2"}]"#).await;
    assert_eq!(counters(&replayed), [1, 1, 0, 0, 0], "{replayed:#}");

    let lines = "id,product_id,store_id,sale_date,quantity,amount\n2,1,10,2023-11-06,1,5.00\n";
    let append = stack
        .script
        .job("/jobs/import?table=sales&mode=append", lines)
        .await;
    let rejects = stack.script.rejects(&append).await;
    assert_eq!(rejects[0]["code"], "duplicate_key");
    assert_eq!(rejects[0]["raw"], "2,1,10,2023-11-06,1,5.00");
    let (_, moved) = replay(&stack, &append, "", r#"{"record":1,"value":"3"}"#).await;

    assert_eq!(counters(&moved), [1, 1, 0, 0, 0], "{moved:#}");
    assert_eq!(
        stack.value(SALES).await,
        "1 1 2023-11-05 1 110; 2 2 2023-11-05 1 220; 3 1 2023-11-06 1 500"
    );
}
