//! Imports as they come: again, with bad rows, broken.

use crate::program;
use journeys::{Reply, Up};
use serde_json::{Value, json};

const HEADER: &str = "id,product_id,store_id,sale_date,quantity,amount\n";

/// Sends `body` as a file of sales and waits for the end of the job.
async fn import(up: &Up, options: &str, body: &[u8]) -> Reply {
    up.script
        .send(
            "POST",
            &format!("/jobs/import?table=sales&name=test.csv{options}"),
            &[("content-type", "text/csv"), ("prefer", "wait=60")],
            Some(body.to_vec()),
        )
        .await
}

/// Number of sales and their sum in cents.
async fn sales(up: &Up) -> (i64, i64) {
    let sql = json!({ "sql": "SELECT COUNT(*), SUM(amount_cents) FROM sales" });
    let answer = up.db.post("/v1/query", &sql).await;
    (
        answer["rows"][0][0].as_i64().unwrap(),
        answer["rows"][0][1].as_i64().unwrap_or_default(),
    )
}

/// The rejects of a job as (line, column, code).
async fn rejects(up: &Up, job: &Value) -> Vec<(i64, String, String)> {
    let list = up.script.get(&format!("/jobs/{}/rejects", job["id"])).await;
    list["rejects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reject| {
            (
                reject["line"].as_i64().unwrap(),
                reject["column"].as_str().unwrap_or_default().to_owned(),
                reject["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn assert_adds_up(job: &Value) {
    let count = |name: &str| job["counters"][name].as_u64().unwrap();
    assert_eq!(
        count("read"),
        count("inserted") + count("updated") + count("unchanged") + count("rejected"),
        "{job}"
    );
}

#[tokio::test]
async fn the_same_files_again_insert_nothing_and_say_so() {
    let up = program().up();
    let before = sales(&up).await;

    let job = up
        .script
        .send("POST", "/jobs/import", &[("prefer", "wait=60")], None)
        .await
        .ok()
        .json();

    assert_eq!(job["state"], "succeeded");
    let counters = &job["counters"];
    assert_eq!(
        (&counters["inserted"], &counters["updated"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(counters["unchanged"], counters["read"]);
    assert_eq!(counters["read"], json!(8 + 29 + 16 + 3_916 + 3_660));
    assert_eq!(sales(&up).await, before);
}

#[tokio::test]
async fn good_rows_are_taken_and_bad_ones_listed() {
    let up = program().up();
    let before = sales(&up).await;
    let file = format!(
        "{HEADER}900001,1,1,2023-11-05,1,10.00\n\
         900002,77,1,2023-11-05,1,20.00\n\
         900003,1,1,2023-11-05,one,30.00\n\
         900004,1,1,2023-11-05,1,a lot\n\
         900005,1,1,2023-02-30,1,40.00\n\
         900006,1,999,2023-11-05,1,50.00\n\
         900007,1,1,2023-11-05,1,60.00\n"
    );

    let job = import(&up, "", file.as_bytes()).await.ok().json();

    assert_eq!(job["state"], "succeeded_with_rejects");
    assert_adds_up(&job);
    let expected = [
        (3, "product_id", "unknown_product"),
        (4, "quantity", "bad_integer"),
        (5, "amount", "bad_amount"),
        (6, "sale_date", "bad_date"),
        (7, "store_id", "unknown_store"),
    ];
    let expected = expected.map(|(line, column, code)| (line, column.to_owned(), code.to_owned()));
    assert_eq!(rejects(&up, &job).await, expected);
    assert_eq!(sales(&up).await, (before.0 + 2, before.1 + 7_000));
}

#[tokio::test]
async fn a_bad_row_leaves_the_database_as_it_was_when_so_asked() {
    let up = program().up();
    let before = sales(&up).await;
    let file = format!("{HEADER}900001,1,1,2023-11-05,1,10.00\n900002,77,1,2023-11-05,1,20.00\n");

    let job = import(&up, "&on_error=abort", file.as_bytes()).await.ok().json();

    assert_eq!(job["state"], "failed");
    assert_eq!(
        rejects(&up, &job).await,
        [(3, "product_id".to_owned(), "unknown_product".to_owned())]
    );
    assert_eq!(sales(&up).await, before);
}

#[tokio::test]
async fn a_file_that_is_no_sales_file_changes_nothing_and_says_why() {
    let up = program().up();
    let before = sales(&up).await;
    let files: [(&str, &[u8], &str); 4] = [
        ("empty", b"", ""),
        (
            "missing column",
            b"id,product_id,store_id,sale_date,quantity\n900001,1,1,2023-11-05,1\n",
            "amount",
        ),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0", ""),
        ("broken gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03broken", ""),
    ];

    for (what, body, told) in files {
        let answer = import(&up, "", body).await;
        let answer_json = answer.json();
        let reason = if answer.status.is_success() {
            assert_eq!(answer_json["state"], "failed", "{what}: {answer_json}");
            answer_json["error"]["detail"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        } else {
            answer_json["detail"].as_str().unwrap_or_default().to_owned()
        };
        assert!(!reason.is_empty() && reason.contains(told), "{what}: {reason}");
        assert_eq!(sales(&up).await, before, "{what}");
    }
}

#[tokio::test]
async fn a_file_in_another_encoding_is_read_as_what_it_is() {
    let up = program().up();
    let before = sales(&up).await;
    let text = "id;réf. produit;magasin;date de vente;quantité;montant ttc\r\n\
                900001;1;1;05/11/2023;1;1 234,56\r\n\
                900002;1;1;25/11/2023;1;10,00\r\n";
    let windows_1252: Vec<u8> = text
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    let utf_16: Vec<u8> = "\u{feff}"
        .chars()
        .chain(text.chars())
        .flat_map(|letter| u16::try_from(u32::from(letter)).unwrap().to_le_bytes())
        .collect();

    let first = import(&up, "", &windows_1252).await.ok().json();
    let second = import(&up, "", &utf_16).await.ok().json();

    assert_eq!(first["state"], "succeeded", "{first}");
    assert_eq!(first["counters"]["inserted"], 2);
    assert_eq!(second["counters"]["unchanged"], 2, "{second}");
    assert_eq!(sales(&up).await, (before.0 + 2, before.1 + 124_456));
}

#[tokio::test]
async fn bytes_that_are_no_text_of_the_stated_encoding_are_rejected_by_line() {
    let up = program().up();
    let before = sales(&up).await;
    let mut file = format!("{HEADER}900001,1,1,2023-11-05,1,10.00\n").into_bytes();
    file.extend(b"900002,1,1,2023-11-05,1,20.00\xe9\n");

    let job = import(&up, "&encoding=utf-8", &file).await.ok().json();

    assert_eq!(job["state"], "succeeded_with_rejects", "{job}");
    assert_eq!(rejects(&up, &job).await[0].0, 3);
    assert_eq!(sales(&up).await, (before.0 + 1, before.1 + 1_000));
}

#[tokio::test]
async fn a_file_cut_off_in_the_middle_is_noticed() {
    let up = program().up();
    let before = sales(&up).await;
    let file = format!("{HEADER}900001,1,1,2023-11-05,1,10.00\n900002,1,1,2023-1");

    let job = import(&up, "", file.as_bytes()).await.ok().json();

    assert_eq!(job["state"], "succeeded_with_rejects", "{job}");
    assert_eq!(rejects(&up, &job).await[0].0, 3);
    assert_eq!(sales(&up).await, (before.0 + 1, before.1 + 1_000));
}

#[tokio::test]
async fn a_dry_run_says_what_the_import_then_does() {
    let up = program().up();
    let before = sales(&up).await;
    let file = format!(
        "{HEADER}3661,5,12,2023-11-01,8,472.00\n900001,1,1,2023-11-05,1,10.00\n900002,77,1,2023-11-05,1,1\n"
    );

    let foreseen = import(&up, "&dry_run=true", file.as_bytes()).await.ok().json();
    assert_eq!(sales(&up).await, before);
    let done = import(&up, "", file.as_bytes()).await.ok().json();

    assert_eq!(foreseen["counters"], done["counters"]);
    assert_eq!(done["counters"]["inserted"], 1);
    assert_eq!(done["counters"]["updated"], 1);
}

#[tokio::test]
async fn a_request_sent_twice_with_one_key_is_one_job() {
    let up = program().up();
    let headers = [("idempotency-key", "nightly-2023-11-30"), ("prefer", "wait=60")];

    let first = up.script.send("POST", "/jobs/import", &headers, None).await.ok();
    let second = up.script.send("POST", "/jobs/import", &headers, None).await.ok();

    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(second.headers["idempotent-replayed"], "true");
}
