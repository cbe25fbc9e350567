//! Bulk insert.

use super::http::{post, post_rows, request, run, send, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use test_kit::TestDb;

const SCHEMA: &[&str] = &[
    "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
    "INSERT INTO products VALUES (1, 'one'), (2, 'two')",
    "CREATE TABLE sales (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id), \
     sale_date TEXT NOT NULL, amount REAL, cents INTEGER GENERATED ALWAYS AS (amount * 100)) STRICT",
];

async fn sales() -> TestDb {
    let db = TestDb::start().await;
    run(&db, SCHEMA).await;
    db
}

async fn all(db: &TestDb) -> Value {
    post(
        db,
        "/v1/query",
        json!({"sql": "SELECT id, product_id, sale_date, amount FROM sales ORDER BY id"}),
    )
    .await
    .json()["rows"]
        .clone()
}

fn counts(report: &Value) -> [u64; 5] {
    ["received", "inserted", "updated", "ignored", "rejected"]
        .map(|name| report[name].as_u64().unwrap_or(u64::MAX))
}

#[tokio::test]
async fn the_three_forms_give_the_same_rows() {
    let bodies = [
        (
            "text/csv",
            "id,product_id,sale_date,amount\n1,1,2023-11-01,1.5\n2,2,\"2023-11-02\",\n",
        ),
        (
            "text/csv; charset=utf-8",
            "\u{feff}ID,Product_Id,sale_date,amount\r\n1,1,2023-11-01,1.5\r\n2,2,2023-11-02,\r\n",
        ),
        (
            "application/x-ndjson",
            "{\"id\":1,\"product_id\":1,\"sale_date\":\"2023-11-01\",\"amount\":1.5}\n\n{\"sale_date\":\"2023-11-02\",\"id\":2,\"product_id\":2}",
        ),
        (
            "application/json",
            "[{\"id\":1,\"product_id\":1,\"sale_date\":\"2023-11-01\",\"amount\":1.5},{\"id\":2,\"product_id\":2,\"sale_date\":\"2023-11-02\",\"amount\":null}]",
        ),
    ];
    for (media_type, body) in bodies {
        let db = sales().await;

        let answer = post_rows(&db, "/v1/tables/sales/rows", media_type, body).await;

        assert_eq!(
            counts(&answer.json()),
            [2, 2, 0, 0, 0],
            "{media_type}: {}",
            answer.text
        );
        assert_eq!(
            all(&db).await,
            json!([[1, 1, "2023-11-01", 1.5], [2, 2, "2023-11-02", null]]),
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn compressed_bodies_are_read_and_others_refused() {
    let csv = b"id,product_id,sale_date\n1,1,2023-11-01\n";
    let gzip = {
        let mut out = Vec::new();
        let mut encoder = async_compression::tokio::write::GzipEncoder::new(&mut out);
        tokio::io::AsyncWriteExt::write_all(&mut encoder, csv)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut encoder).await.unwrap();
        out
    };
    let zstd = {
        let mut out = Vec::new();
        let mut encoder = async_compression::tokio::write::ZstdEncoder::new(&mut out);
        tokio::io::AsyncWriteExt::write_all(&mut encoder, csv)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut encoder).await.unwrap();
        out
    };
    for (encoding, body, status) in [
        ("gzip", gzip.clone(), 200),
        ("GZIP", gzip.clone(), 200),
        ("gzip, gzip", gzip.clone(), 415),
        ("gzip", [&gzip[..], b"rubbish"].concat(), 400),
        ("zstd", zstd, 200),
        ("br", csv.to_vec(), 415),
        ("gzip", gzip[..gzip.len() - 9].to_vec(), 400),
    ] {
        let db = sales().await;

        let rows = request(&db, Method::POST, "/v1/tables/sales/rows")
            .header("content-type", "text/csv")
            .header("content-encoding", encoding);
        let answer = send(rows.body(body)).await;

        assert_eq!(answer.status, status, "{encoding}: {}", answer.text);
        assert_eq!(
            all(&db).await.as_array().unwrap().len(),
            usize::from(status == 200),
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn parts_that_were_compressed_one_by_one_are_all_read() {
    let parts: [&[u8]; 2] = [b"id,product_id,sale_date\n1,1,2023-11-01\n", b"2,2,2023-11-02\n"];
    let (mut gzip, mut zstd) = (Vec::new(), Vec::new());
    for part in parts {
        let mut encoder = async_compression::tokio::write::GzipEncoder::new(&mut gzip);
        tokio::io::AsyncWriteExt::write_all(&mut encoder, part)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut encoder).await.unwrap();
        let mut encoder = async_compression::tokio::write::ZstdEncoder::new(&mut zstd);
        tokio::io::AsyncWriteExt::write_all(&mut encoder, part)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut encoder).await.unwrap();
    }
    for (encoding, body) in [("gzip", gzip), ("zstd", zstd)] {
        let db = sales().await;

        let rows = request(&db, Method::POST, "/v1/tables/sales/rows")
            .header("content-type", "text/csv")
            .header("content-encoding", encoding);
        let answer = send(rows.body(body)).await;

        assert_eq!(counts(&answer.json()), [2, 2, 0, 0, 0], "{encoding}");
    }
}

#[tokio::test]
async fn lines_are_those_of_the_file_whatever_ends_them() {
    let body = "id,product_id,sale_date\r\n1,1,2023-11-01\r\n\r\n2,1,\"a\r\nb\"\r\n3,1\r\n\r\n4,1,";
    for (body, lines) in [(body.to_owned(), [6, 8]), (body.replace("\r\n", "\n"), [6, 8])] {
        let db = sales().await;

        let answer = post_rows(&db, "/v1/tables/sales/rows?on_error=skip", "text/csv", body)
            .await
            .json();

        assert_eq!(counts(&answer), [4, 2, 0, 0, 2], "{answer}");
        assert_eq!(
            [&answer["errors"][0]["line"], &answer["errors"][1]["line"]],
            lines
        );
    }
}

#[tokio::test]
async fn a_quote_that_is_never_closed_is_told_and_not_stored() {
    let db = sales().await;
    let body = "id,product_id,sale_date\n1,1,2023-11-01\n2,1,\"2023-11-02\n3,1,2023-11-03\n";

    let answer = post_rows(&db, "/v1/tables/sales/rows", "text/csv", body).await;
    let skipped = post_rows(&db, "/v1/tables/sales/rows?on_error=skip", "text/csv", body).await;

    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_rows"));
    let detail = answer.detail();
    assert!(
        detail.contains("line 3, column `sale_date`") && detail.contains("never closed"),
        "{detail}"
    );
    assert_eq!(counts(&skipped.json()), [2, 1, 0, 0, 1]);
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_the_rows() {
    let row = "{\"id\":1,\"product_id\":1,\"sale_date\":\"2023-11-01\"}";
    for (media_type, body) in [
        ("application/x-ndjson", format!("\u{feff}{row}\n")),
        ("application/json", format!("\u{feff}[{row}]")),
        (
            "text/csv",
            "\u{feff}\"id\",product_id,sale_date\n1,1,2023-11-01\n".to_owned(),
        ),
    ] {
        let db = sales().await;

        let answer = post_rows(&db, "/v1/tables/sales/rows", media_type, body).await;

        assert_eq!(counts(&answer.json()), [1, 1, 0, 0, 0], "{media_type}");
    }
}

#[tokio::test]
async fn an_object_with_a_column_that_is_not_there_is_a_bad_row_with_its_line() {
    let db = sales().await;
    let good = |id| format!("{{\"id\":{id},\"product_id\":1,\"sale_date\":\"2023-11-01\"}}");
    let body = format!(
        "{}\n{{\"id\":2,\"colour\":\"red\"}}\n{}\n{{\"cents\":1}}\n{{\"id\":5,\"ID\":6}}\n",
        good(1),
        good(3)
    );
    let rows = "/v1/tables/sales/rows";

    let answer = post_rows(&db, rows, "application/x-ndjson", body.clone()).await;
    let skipped = post_rows(
        &db,
        &format!("{rows}?on_error=skip"),
        "application/x-ndjson",
        body,
    )
    .await
    .json();
    let without_key = post_rows(
        &db,
        &format!("{rows}?on_error=skip&on_conflict=update"),
        "application/json",
        "[{\"product_id\":1,\"sale_date\":\"2023-11-01\"}]",
    )
    .await
    .json();

    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_rows"));
    assert!(
        answer
            .detail()
            .contains("line 2, column `colour`: `sales` has no column `colour`"),
        "{}",
        answer.detail()
    );
    assert_eq!(counts(&skipped), [5, 2, 0, 0, 3], "{skipped}");
    let errors: Vec<(&Value, &Value)> = skipped["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (&error["line"], &error["column"]))
        .collect();
    assert_eq!(
        errors,
        [
            (&json!(2), &json!("colour")),
            (&json!(4), &json!("cents")),
            (&json!(5), &json!("id"))
        ]
    );
    assert_eq!(counts(&without_key), [1, 0, 0, 0, 1], "{without_key}");
}

#[tokio::test]
async fn a_row_beyond_the_limit_is_refused_and_does_not_fill_the_memory() {
    let db = TestDb::start_with(|config| config.limits.max_body_bytes = 200_000).await;
    run(&db, SCHEMA).await;
    let long = "x".repeat(400_000);
    for (media_type, body) in [
        (
            "text/csv",
            format!("id,product_id,sale_date\n1,1,2023-11-01\n2,1,\"{long}\"\n"),
        ),
        (
            "application/x-ndjson",
            format!("\n{{\"id\":2,\"sale_date\":\"{long}\"}}\n"),
        ),
        (
            "application/json",
            format!("[{{\"id\":2,\"sale_date\":\"{long}\"}}]"),
        ),
    ] {
        let answer = post_rows(&db, "/v1/tables/sales/rows", media_type, body).await;

        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "too_large"),
            "{media_type}"
        );
        assert!(answer.detail().contains("max_body_bytes"), "{}", answer.detail());
    }
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_takes_all_of_them_back() {
    let db = sales().await;
    let body = "id,product_id,sale_date\n1,1,2023-11-01\n2,9,2023-11-01\n";

    let answer = post_rows(&db, "/v1/tables/sales/rows", "text/csv", body).await;

    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "constraint_violation")
    );
    assert_eq!(answer.json()["errors"][0]["line"], 3);
    assert!(
        answer.detail().contains("line 3") && answer.detail().contains("FOREIGN KEY"),
        "{}",
        answer.detail()
    );
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test]
async fn skip_leaves_bad_rows_out_and_says_which_and_why() {
    let db = sales().await;
    let body = "id,product_id,sale_date,amount\n1,1,2023-11-01,1\n2,1,,2\n3,one,2023-11-01,3\n4,1\n5,9,2023-11-01,5\n1,1,2023-11-01,6\n7,1,2023-11-01,\"7\n8\"\n9,2,2023-11-09,9\n";

    let answer = post_rows(&db, "/v1/tables/sales/rows?on_error=skip", "text/csv", body)
        .await
        .json();

    assert_eq!(counts(&answer), [8, 2, 0, 0, 6], "{answer}");
    let errors: Vec<(u64, Option<&str>)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_u64().unwrap(), error["column"].as_str()))
        .collect();
    assert_eq!(
        errors,
        [
            (3, Some("sale_date")),
            (4, Some("product_id")),
            (5, None),
            (6, None),
            (7, Some("id")),
            (8, Some("amount"))
        ]
    );
    assert_eq!(
        all(&db).await,
        json!([[1, 1, "2023-11-01", 1.0], [9, 2, "2023-11-09", 9.0]])
    );
}

#[tokio::test]
async fn conflicts_are_met_as_asked_and_counted() {
    let body = "id,product_id,sale_date,amount\n1,1,2023-11-01,1\n2,2,2023-11-02,5\n3,1,2023-11-03,3\n";
    for (mode, expected, second) in [
        ("ignore", [3, 1, 0, 2, 0], 2.0),
        ("replace", [3, 1, 2, 0, 0], 5.0),
        ("update", [3, 1, 1, 1, 0], 5.0),
    ] {
        let db = sales().await;
        run(&db, &["INSERT INTO sales (id, product_id, sale_date, amount) VALUES (1, 1, '2023-11-01', 1), (2, 2, '2023-11-02', 2)"]).await;

        let answer = post_rows(
            &db,
            &format!("/v1/tables/sales/rows?on_conflict={mode}"),
            "text/csv",
            body,
        )
        .await;

        assert_eq!(counts(&answer.json()), expected, "{mode}: {}", answer.text);
        assert_eq!(all(&db).await[1][3], json!(second), "{mode}");
    }
    let db = sales().await;
    run(
        &db,
        &["INSERT INTO sales (id, product_id, sale_date) VALUES (2, 2, '2023-11-02')"],
    )
    .await;
    let refused = post_rows(&db, "/v1/tables/sales/rows", "text/csv", body).await;
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["line"].clone()),
        (409, json!(3))
    );
}

#[tokio::test]
async fn a_dry_run_answers_what_would_happen_and_writes_nothing() {
    let db = sales().await;

    let answer = post_rows(
        &db,
        "/v1/tables/sales/rows?dry_run=true",
        "text/csv",
        "id,product_id,sale_date\n1,1,2023-11-01\n",
    )
    .await;

    assert_eq!(counts(&answer.json()), [1, 1, 0, 0, 0]);
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test]
async fn a_repeated_upload_with_the_same_key_is_done_once() {
    let db = sales().await;
    let send_once = async |body: &'static str| {
        let rows = request(&db, Method::POST, "/v1/tables/sales/rows")
            .header("content-type", "text/csv")
            .header("idempotency-key", "upload-1");
        send(rows.body(body)).await
    };

    let first = send_once("product_id,sale_date\n1,2023-11-01\n").await;
    let again = send_once("product_id,sale_date\n1,2023-11-01\n").await;
    let other = send_once("product_id,sale_date\n2,2023-11-01\n").await;

    assert_eq!((first.status, again.status, other.status), (200, 200, 422));
    assert_eq!(
        (first.text, again.header("idempotent-replayed")),
        (again.text.clone(), "true")
    );
    assert_eq!(all(&db).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn mistakes_of_the_whole_body_are_named() {
    let db = sales().await;
    let cases = [
        ("sales", "text/csv", "id,product,sale_date\n", 400, "product"),
        ("sales", "text/csv", "id,cents\n1,2\n", 400, "generated"),
        ("sales", "text/csv", "", 400, "columns"),
        ("sales", "application/json", "[{\"id\":1}", 400, "JSON array"),
        ("sales", "application/xml", "<a/>", 415, "text/csv"),
        ("nowhere", "text/csv", "id\n1\n", 404, "nowhere"),
        (
            "sales",
            "application/x-ndjson",
            "{\"id\":1}\nnonsense\n",
            422,
            "line 2",
        ),
    ];
    for (table, media_type, body, status, words) in cases {
        let answer = post_rows(&db, &format!("/v1/tables/{table}/rows"), media_type, body).await;

        assert_eq!(answer.status, status, "{body:?}: {}", answer.text);
        assert!(answer.detail().contains(words), "{body:?}: {}", answer.detail());
    }
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stalled_upload_holds_up_no_other_write() {
    let db = TestDb::start_with(|config| config.limits.stall_timeout_ms = 600_000).await;
    run(&db, SCHEMA).await;
    let mut upload = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    write!(upload, "POST /v1/tables/sales/rows HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\nid,product_id,sale_date\n1,1,2023-11-01\n").unwrap();
    until("the upload is seen", async || {
        super::http::get(&db, "/v1/queries")
            .await
            .text
            .contains("bulk insert into sales")
    })
    .await;

    for id in 100..120_i64 {
        db.client
            .execute(
                "INSERT INTO sales (id, product_id, sale_date) VALUES (?, 1, '2023-11-01')",
                [db_client::db_api::Value::from(id)],
            )
            .await
            .unwrap();
    }

    assert_eq!(all(&db).await.as_array().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_is_cut_off_and_leaves_nothing() {
    let db = TestDb::start_with(|config| config.limits.stall_timeout_ms = 1_500).await;
    run(&db, SCHEMA).await;
    let mut upload = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    write!(upload, "POST /v1/tables/sales/rows HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\nid,product_id,sale_date\n1,1,2023-11-01\n").unwrap();

    let mut answer = String::new();
    std::io::Read::read_to_string(&mut upload, &mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("stall_timeout_ms"),
        "{answer}"
    );
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_that_breaks_off_writes_nothing() {
    let db = sales().await;
    let mut upload = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    write!(upload, "POST /v1/tables/sales/rows HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\nid,product_id,sale_date\n1,1,2023-11-01\n").unwrap();
    until("the upload is seen", async || {
        super::http::get(&db, "/v1/queries")
            .await
            .text
            .contains("bulk insert into sales")
    })
    .await;

    drop(upload);

    until("it is gone", async || {
        !super::http::get(&db, "/v1/queries").await.text.contains("bulk")
    })
    .await;
    assert_eq!(all(&db).await, json!([]));
}

#[tokio::test]
async fn what_was_exported_can_be_inserted_again() {
    let db = sales().await;
    run(&db, &["INSERT INTO sales (id, product_id, sale_date, amount) VALUES (1, 1, 'a \"b\", c', 0.1), (2, 2, 'd', NULL)"]).await;
    let before = all(&db).await;
    let csv = send(
        request(&db, Method::POST, "/v1/query")
            .header("accept", "text/csv")
            .json(&json!({"sql": "SELECT id, product_id, sale_date, amount FROM sales"})),
    )
    .await;
    run(&db, &["DELETE FROM sales"]).await;

    post_rows(&db, "/v1/tables/sales/rows", "text/csv", csv.text).await;

    assert_eq!(all(&db).await, before);
}
