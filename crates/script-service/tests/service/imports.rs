//! Imports over HTTP.

use crate::support::{Stack, counters};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_inserts_nothing_and_says_so() {
    let stack = Stack::with_sample().await;

    let again = stack.script.import_configured().await;

    let [read, inserted, updated, unchanged, rejected] = counters(&again);
    assert_eq!(again["state"], "succeeded", "{again:#}");
    assert_eq!((inserted, updated, rejected), (0, 0, 0));
    assert_eq!(read, unchanged);
    assert!(read > 7_000, "{read}");
    let notes = again["notes"].to_string();
    assert!(notes.contains("same content as in job 1"), "{notes}");
    assert_eq!(again["sources"][0]["same_content_as"], 1, "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_says_how_often_each_reason_came_and_where_first() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "id,product_id,store_id,sale_date,quantity,amount\n\
        1,1,10,2023-11-01,1,5.00\n\
        2,9,10,2023-11-01,1,5.00\n\
        3,1,10,2023-11-01,1,five\n\
        4,8,10,2023-11-01,1,5.00\n";
    let job = stack
        .script
        .job("/jobs/import?table=sales&name=week.csv", file)
        .await;

    let summary = stack.script.json(&format!("/jobs/{}/summary", job["id"])).await;

    assert_eq!(summary["state"], "succeeded_with_rejects");
    assert_eq!(summary["counters"], job["counters"]);
    assert_eq!(summary["sources"][0]["origin"], "week.csv");
    assert!(summary["elapsed_ms"].is_u64(), "{summary:#}");
    let reasons: Vec<Value> = summary["rejects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            json!([
                group["code"],
                group["column"],
                group["records"],
                group["first_line"]
            ])
        })
        .collect();
    assert_eq!(
        reasons,
        [
            json!(["unknown_product", "product_id", 2, 3]),
            json!(["bad_amount", "amount", 1, 4]),
        ]
    );
    let nowhere = stack.script.get("/jobs/99/summary").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_listed_with_line_and_reason_and_the_good_ones_taken() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "id,product_id,store_id,sale_date,quantity,amount\n\
        1,1,10,2023-11-01,1,5.00\n\
        2,9,10,2023-11-01,1,5.00\n\
        3,1,99,2023-11-01,1,5.00\n\
        4,1,10,2023-02-30,1,5.00\n\
        5,1,10,2023-11-01,many,5.00\n\
        6,1,10,2023-11-01,1,five\n\
        7,1,10,2023-11-01,1\n\
        1,1,10,2023-11-01,1,5.00\n\
        8,1,10,2023-11-01,,5.00\n\
        9,2,20,2023-11-02,2,2.405\n";

    let job = stack
        .script
        .job("/jobs/import?table=sales&name=bad.csv", file)
        .await;

    assert_eq!(job["state"], "succeeded_with_rejects", "{job:#}");
    assert_eq!(counters(&job), [10, 2, 0, 0, 8]);
    assert_eq!(job["counters"]["warnings"], 1);
    let found: Vec<(u64, String)> = stack
        .script
        .rejects(&job)
        .await
        .iter()
        .map(|reject| {
            (
                reject["line"].as_u64().unwrap(),
                reject["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        (3, "unknown_product"),
        (4, "unknown_store"),
        (5, "bad_date"),
        (6, "bad_integer"),
        (7, "bad_amount"),
        (8, "wrong_field_count"),
        (9, "duplicate_key_in_file"),
        (10, "missing_value"),
    ];
    assert_eq!(found, expected.map(|(line, code)| (line, code.to_owned())));
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, 741);
    let csv = stack
        .script
        .get(&format!("/jobs/{}/rejects?format=csv", job["id"]))
        .await;
    let csv = csv.text().await.unwrap();
    assert!(csv.contains("0,bad.csv,3,2,"), "{csv}");
    assert!(
        csv.contains("\"2,9,10,2023-11-01,1,5.00\",product_id,9,unknown_product"),
        "{csv}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_may_not_skip_leaves_the_database_as_it_was() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file =
        "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-01,1,5.00\n2,1,10,x,1,5.00\n";

    let aborted = stack
        .script
        .job("/jobs/import?table=sales&on_error=abort", file)
        .await;
    let limited = stack
        .script
        .job("/jobs/import?table=sales&max_rejects=10%25", file)
        .await;
    let allowed = stack
        .script
        .job("/jobs/import?table=sales&max_rejects=1&dry_run=true", file)
        .await;

    assert_eq!(aborted["state"], "failed", "{aborted:#}");
    assert_eq!(aborted["error"]["code"], "too_many_rejects");
    assert_eq!(stack.script.rejects(&aborted).await[0]["line"], 3);
    assert_eq!(limited["state"], "failed");
    for failed in [&aborted, &limited] {
        let [read, inserted, _, _, rejected] = counters(failed);
        assert_eq!((inserted, rejected), (0, 1), "{failed:#}");
        assert!(read > 1, "{failed:#}");
    }
    assert_eq!(allowed["state"], "succeeded_with_rejects");
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_tables_fail_before_the_first_row() {
    let stack = Stack::start().await;
    stack.seed().await;

    for (content, code, word) in [
        ("", "empty_source", "empty"),
        (
            "id,product_id,sale_date,quantity,amount\n",
            "empty_source",
            "no lines",
        ),
        ("un deux trois\nquatre cinq\n", "unknown_columns", "un deux trois"),
        (
            "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-01,1,\"1,50\"\n2,1,10,2023-11-01,1,1.50\n",
            "conflicting_numbers",
            "decimal",
        ),
        (
            "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,13/11/2023,1,1.50\n2,1,10,11/13/2023,1,1.50\n",
            "conflicting_dates",
            "date_order",
        ),
    ] {
        let job = stack.script.job("/jobs/import?table=sales", content).await;
        assert_eq!(job["state"], "failed", "{job:#}");
        assert_eq!(job["error"]["code"], code, "{job:#}");
        assert!(job["error"]["detail"].as_str().unwrap().contains(word), "{job:#}");
    }
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 0);
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

/// The same four sales as a French export, in several encodings.
#[tokio::test(flavor = "multi_thread")]
async fn french_exports_are_read_as_they_come() {
    let text = "N° ligne;Réf. produit;Magasin;Date de vente;Quantité;Montant TTC (€)\r\n\
        1;1;10;03/11/2023;1;1\u{a0}234,56 €\r\n\
        2;2;20;13/11/2023;2;-12,50\r\n\
        3;1;20;2023-11-14;1;3\r\n";
    let utf16: Vec<u8> = text
        .replace(';', "\t")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: [(&str, Vec<u8>); 4] = [
        (
            "windows-1252",
            encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        ),
        ("UTF-8", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("UTF-8", text.replace('\u{a0}', "\u{202f}").into_bytes()),
        ("UTF-16LE", [b"\xff\xfe", &utf16[..]].concat()),
    ];
    for (encoding, bytes) in files {
        let stack = Stack::start().await;
        stack.seed().await;

        let job = stack.script.job("/jobs/import?table=sales", bytes).await;

        assert_eq!(counters(&job), [3, 3, 0, 0, 0], "{job:#}");
        let decisions = &job["sources"][0]["decisions"];
        assert_eq!(decisions["encoding"], encoding);
        assert_eq!(decisions["mapping"][1]["column"], "product_id");
        assert_eq!(decisions["columns"][0]["date_order"], "day_first");
        assert_eq!(decisions["columns"][0]["decided_by"], "evidence");
        assert_eq!(
            stack
                .value("SELECT group_concat(sale_date || ' ' || amount_cents, ', ' ORDER BY id) FROM sales")
                .await,
            "2023-11-03 123456, 2023-11-13 -1250, 2023-11-14 300"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_assumed_and_said() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "id;product_id;store_id;sale_date;quantity;amount\n1;1;10;03/11/2023;1;1.234\n";

    let french = stack
        .script
        .job("/jobs/import?table=sales&dry_run=true", file)
        .await;
    let english = stack.script.job("/jobs/import?table=sales&locale=en", file).await;

    let notes = french["notes"].to_string();
    assert!(
        !notes.contains("a decimal comma was assumed") && notes.contains("the day first was assumed"),
        "{notes}"
    );
    assert_eq!(english["counters"]["warnings"], 1);
    assert_eq!(
        stack
            .value("SELECT sale_date || ' ' || amount_cents FROM sales")
            .await,
        "2023-03-11 123"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_packed_files_are_told_by_their_content() {
    let stack = Stack::start().await;
    stack.seed().await;
    let rows = r#"[{"id":1,"product_id":1,"store_id":10,"sale_date":"2023-11-01","quantity":1,"amount":12.3},
        {"id":2,"product_id":1,"store_id":10,"sale_date":"2023-11-01","quantity":1,"amount":"4,5"}]"#;
    let lines = r#"{"id":3,"product_id":1,"store_id":10,"sale_date":"2023-11-02","quantity":1,"amount":1e1}"#;
    let csv = "id,product_id,store_id,sale_date,quantity,amount\n4,1,10,2023-11-03,1,1.00\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, csv.as_bytes()).unwrap();
    let zstd = zstd::encode_all(csv.replace("\n4", "\n5").as_bytes(), 1).unwrap();

    for body in [
        rows.as_bytes().to_vec(),
        lines.into(),
        gzip.finish().unwrap(),
        zstd,
    ] {
        let job = stack.script.job("/jobs/import?table=sales", body).await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
    }

    assert_eq!(
        stack
            .value("SELECT group_concat(id || ':' || amount_cents, ' ' ORDER BY id) FROM sales")
            .await,
        "1:1230 2:450 3:1000 4:100 5:100"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_say_what_happens_to_rows_that_are_there() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = |amount: &str| {
        format!(
            "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-01,1,{amount}\n2,1,10,2023-11-01,1,7.00\n"
        )
    };

    let first = stack.script.job("/jobs/import?table=sales", file("5.00")).await;
    let kept = stack
        .script
        .job("/jobs/import?table=sales&mode=insert_new", file("6.00"))
        .await;
    let appended = stack
        .script
        .job("/jobs/import?table=sales&mode=append", file("6.00"))
        .await;
    let dry = stack
        .script
        .job("/jobs/import?table=sales&dry_run=true", file("6.00"))
        .await;
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, 1_200);
    let changed = stack.script.job("/jobs/import?table=sales", file("6.00")).await;
    let without_ids = "product_id,store_id,sale_date,quantity,amount\n1,10,2023-11-01,1,5.00\n";
    let more = stack
        .script
        .job("/jobs/import?table=sales&mode=append", without_ids)
        .await;

    assert_eq!(counters(&first), [2, 2, 0, 0, 0]);
    assert_eq!(counters(&kept), [2, 0, 0, 2, 0]);
    assert_eq!(counters(&appended), [2, 0, 0, 0, 2]);
    assert_eq!(stack.script.rejects(&appended).await[0]["code"], "duplicate_key");
    assert_eq!(counters(&dry), [2, 0, 1, 1, 0]);
    assert_eq!(counters(&changed), [2, 0, 1, 1, 0]);
    assert_eq!(counters(&more), [1, 1, 0, 0, 0], "{more:#}");
    assert_eq!(
        stack.value("SELECT import_job_id FROM sales WHERE id = 1").await,
        changed["id"]
    );
    assert_eq!(
        stack.value("SELECT import_job_id FROM sales WHERE id = 2").await,
        first["id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_foresees_what_the_import_does() {
    let stack = Stack::start_with(|config| {
        config.data = crate::support::sample();
        config.batch_rows = 1_000;
    })
    .await;

    let foreseen = stack.script.job("/jobs/import", r#"{"dry_run":true}"#).await;
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 0);
    assert_eq!(stack.value("SELECT COUNT(*) FROM product_days").await, 0);
    let done = stack.script.import_configured().await;

    assert_eq!(foreseen["counters"], done["counters"]);
    assert_eq!(foreseen["result"]["dry_run"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_brings_several_files_in_any_order() {
    let stack = Stack::start().await;
    let part = |table: &str, name: &str, text: &str| {
        format!(
            "--limit\r\ncontent-disposition: form-data; name=\"{table}\"; filename=\"{name}\"\r\n\r\n{text}\r\n"
        )
    };
    let form = [
        part(
            "sales",
            "s.csv",
            "id,product_id,store_id,sale_date,quantity,amount\n1,1,1,2023-11-01,1,5.00\n",
        ),
        part("stores", "m.csv", "id,city\n1,Brest\n"),
        part("products", "p.csv", "id,name,price\n1,Cidre,5.00\n"),
        "--limit--\r\n".to_owned(),
    ]
    .concat();

    let response = stack
        .script
        .request(Method::POST, "/jobs/import")
        .header("prefer", "wait=60")
        .header("content-type", "multipart/form-data; boundary=limit")
        .body(form)
        .send()
        .await
        .unwrap();
    let job: Value = response.json().await.unwrap();

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(counters(&job), [3, 3, 0, 0, 0]);
    assert_eq!(job["sources"][2]["origin"], "s.csv");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_under_the_data_folder_are_read() {
    let stack = Stack::start().await;
    stack.write("stores.csv", "id,city\n1,Brest\n");

    let inside = r#"{"sources":[{"table":"stores","path":"stores.csv"}]}"#;
    let outside = r#"{"sources":[{"table":"stores","path":"../stores.csv"}]}"#;
    let inside = stack.script.job("/jobs/import", inside).await;
    let outside = stack.script.job("/jobs/import", outside).await;

    assert_eq!(counters(&inside), [1, 1, 0, 0, 0]);
    assert_eq!(outside["error"]["code"], "no_such_file", "{outside:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_refused_in_words() {
    let stack = Stack::start().await;

    for (path, body, word) in [
        ("/jobs/import?table=clients", "x", "clients"),
        ("/jobs/import?table=sales&max_rejects=few", "x", "max_rejects"),
        ("/jobs/import?table=sales&encoding=klingon", "x", "klingon"),
        (
            "/jobs/import",
            r#"{"sources":[{"table":"sales"}]}"#,
            "`path` or `url`",
        ),
        (
            "/jobs/import",
            r#"{"sources":[{"table":"sales","path":"a","mapings":{}}]}"#,
            "mapings",
        ),
        ("/jobs/import", r#"{"sauces":[]}"#, "sauces"),
    ] {
        let response = stack
            .script
            .request(Method::POST, path)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path} {body}");
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
    }
    let empty = stack
        .script
        .request(Method::POST, "/jobs/import")
        .send()
        .await
        .unwrap();
    let problem: Value = empty.json().await.unwrap();
    assert!(
        problem["detail"].as_str().unwrap().contains("{\"sources\""),
        "{problem}"
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, json!(0));
    assert_eq!(stack.value("SELECT COUNT(*) FROM job_uploads").await, json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_clashes_names_the_ids_and_counts_nothing() {
    let stack = Stack::start().await;
    stack.seed().await;
    let head = "id,product_id,store_id,sale_date,quantity,amount\n";
    let there = format!("{head}12,1,10,2023-10-03,1,1.00\n13,1,10,2023-11-01,1,1.00\n");
    stack.script.job("/jobs/import?table=sales", there).await;
    let clashing =
        format!("{head}12,1,10,2023-11-20,1,2.00\n14,1,10,2023-11-21,1,2.00\n15,9,10,2023-11-21,1,2.00\n");
    let path = "/jobs/import?table=sales&mode=replace_period";

    let foreseen = stack
        .script
        .job(&format!("{path}&dry_run=true"), clashing.clone())
        .await;
    let job = stack.script.job(path, clashing).await;

    for job in [&foreseen, &job] {
        assert_eq!(job["error"]["code"], "conflicting_keys", "{job:#}");
        let detail = job["error"]["detail"].as_str().unwrap();
        assert!(detail.contains("12"), "{detail}");
    }
    assert!(
        job["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("sale 12 of 2023-10-03 stays"),
        "{job:#}"
    );
    assert_eq!(counters(&job), [3, 0, 0, 0, 1]);
    assert_eq!(stack.value("SELECT group_concat(id) FROM sales").await, "12,13");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_replaced_all_at_once() {
    let stack = Stack::start_with(|config| config.batch_rows = 2).await;
    stack.seed().await;
    let head = "id,product_id,store_id,sale_date,quantity,amount\n";
    let first = format!(
        "{head}1,1,10,2023-10-31,1,1.00\n2,1,10,2023-11-01,1,2.00\n3,1,10,2023-11-05,1,3.00\n4,1,10,2023-11-09,1,4.00\n"
    );
    stack.script.job("/jobs/import?table=sales", first).await;
    let second =
        format!("{head}2,1,10,2023-11-01,1,20.00\n7,1,10,2023-11-08,1,70.00\n9,9,10,2023-11-02,1,9.00\n");

    let foreseen = stack
        .script
        .job(
            "/jobs/import?table=sales&mode=replace_period&dry_run=true",
            second.clone(),
        )
        .await;
    let job = stack
        .script
        .job("/jobs/import?table=sales&mode=replace_period", second)
        .await;

    assert_eq!(counters(&job), [3, 2, 0, 0, 1], "{job:#}");
    assert_eq!(foreseen["counters"], job["counters"]);
    assert_eq!(job["deleted"], 2);
    let rows = "SELECT group_concat(id || ':' || amount_cents, ' ' ORDER BY id) FROM sales";
    assert_eq!(stack.value(rows).await, "1:100 2:2000 4:400 7:7000");
    let total = stack.script.json("/analysis/total?period=all").await;
    assert_eq!(total["rows"][0]["total_revenue"], json!(95.0));

    let clash = format!("{head}1,1,10,2023-11-02,1,5.00\n");
    let clash = stack
        .script
        .job("/jobs/import?table=sales&mode=replace_period", clash)
        .await;
    assert_eq!(clash["error"]["code"], "conflicting_keys", "{clash:#}");
    assert_eq!(stack.value(rows).await, "1:100 2:2000 4:400 7:7000");

    let all = "product_id,store_id,sale_date,quantity,amount\n1,10,2023-12-01,1,5.00\n";
    let all = stack
        .script
        .job("/jobs/import?table=sales&mode=replace_all", all)
        .await;
    assert_eq!(all["deleted"], 4, "{all:#}");
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, 500);
    assert_eq!(stack.value("SELECT COUNT(*) FROM staged_sales").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_decisions_and_rows_and_keeps_nothing() {
    let stack = Stack::start().await;
    stack.seed().await;
    let text = "Réf. produit;Magasin;Date;Qté;Montant\n1;10;13/11/2023;1;1 234,50\n9;10;14/11/2023;1;3,00\n";
    stack.write("export.csv", text);

    let uploaded = stack
        .script
        .request(Method::POST, "/imports/preview?table=sales")
        .body(text)
        .send()
        .await
        .unwrap();
    let uploaded: Value = uploaded.json().await.unwrap();
    let in_place = stack
        .script
        .request(Method::POST, "/imports/preview")
        .body(r#"{"table":"sales","path":"export.csv"}"#)
        .send()
        .await
        .unwrap();
    let in_place: Value = in_place.json().await.unwrap();

    assert_eq!(uploaded, in_place);
    assert_eq!(uploaded["decisions"]["dialect"]["delimiter"], ";", "{uploaded:#}");
    assert_eq!(uploaded["rows"][0]["values"]["amount"], "1234.50");
    assert_eq!(uploaded["rows"][0]["values"]["sale_date"], "2023-11-13");
    assert_eq!(uploaded["rows"][1]["code"], "unknown_product");
    assert_eq!(stack.value("SELECT COUNT(*) FROM jobs").await, 0);
}

/// Serves a file with an `ETag` at `/file` and redirects to it from `/moved`.
async fn file_server(content: &'static str) -> String {
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse, Redirect};

    let file = async move |headers: HeaderMap| {
        if headers.get("if-none-match").is_some_and(|tag| tag == "\"v1\"") {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", "\"v1\"")], content).into_response()
    };
    let router = axum::Router::new()
        .route("/file", axum::routing::get(file))
        .route(
            "/moved",
            axum::routing::get(async || Redirect::temporary("/file")),
        )
        .route(
            "/away",
            axum::routing::get(async |headers: HeaderMap| {
                let host = headers["host"].to_str().unwrap().to_owned();
                Redirect::temporary(&format!("http://{}/file", host.replace("127.0.0.1", "127.0.0.2")))
            }),
        )
        .route("/loop", axum::routing::get(async || Redirect::temporary("/loop")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_fetched_once_per_version() {
    let stack = Stack::start_with(|config| {
        config.allow_private_addresses = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let server = file_server("id,city\n1,Brest\n2,Nantes\n").await;
    let from = |path: &str| format!(r#"{{"sources":[{{"table":"stores","url":"{server}{path}"}}]}}"#);

    let first = stack.script.job("/jobs/import", from("/moved")).await;
    let again = stack.script.job("/jobs/import", from("/moved")).await;
    let forced = stack.script.job("/jobs/import?force=true", from("/moved")).await;
    assert_eq!(counters(&forced), [2, 0, 0, 2, 0], "{forced:#}");
    let endless = stack.script.job("/jobs/import", from("/loop")).await;
    let missing = stack.script.job("/jobs/import", from("/nothing")).await;

    assert_eq!(counters(&first), [2, 2, 0, 0, 0], "{first:#}");
    assert_eq!(counters(&again), [0; 5]);
    assert_eq!(again["state"], "succeeded");
    assert!(
        again["notes"][0].as_str().unwrap().contains("not modified"),
        "{again:#}"
    );
    let away = stack.script.job("/jobs/import", from("/away")).await;
    assert!(
        away["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("private address 127.0.0.2"),
        "{away:#}"
    );
    assert!(
        endless["error"]["detail"].as_str().unwrap().contains("redirects"),
        "{endless:#}"
    );
    assert_eq!(missing["error"]["code"], "fetch_failed");
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_modified_is_an_answer_only_where_a_new_import_could_do_no_more() {
    const COMPLETE: &str = "id,city\n1,Brest\n2,Nantes\n";
    const WITH_REJECT: &str = "id,city\n1,Brest\nx,Nantes\n";
    for (content, between, request, is_asked) in [
        (COMPLETE, "", "", true),
        (WITH_REJECT, "", "", false),
        (COMPLETE, "DELETE FROM stores WHERE id = 2", "", false),
        (COMPLETE, "", r#","mapping":{"city":"city"}"#, false),
    ] {
        let stack = Stack::start_with(|config| {
            config.allow_private_addresses = vec!["127.0.0.1".parse().unwrap()];
        })
        .await;
        let server = file_server(content).await;
        let from =
            |more: &str| format!(r#"{{"sources":[{{"table":"stores","url":"{server}/file"{more}}}]}}"#);
        stack.script.job("/jobs/import", from("")).await;
        if !between.is_empty() {
            stack
                .db
                .client
                .execute(between, db_client::db_api::Params::default())
                .await
                .unwrap();
        }

        let again = stack.script.job("/jobs/import", from(request)).await;

        let is_unread = counters(&again) == [0; 5];
        assert_eq!(is_unread, is_asked, "{content} {between} {request}: {again:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_do_not_reach_what_only_this_machine_can() {
    let stack = Stack::start().await;
    let server = file_server("id,city\n1,Brest\n").await;
    let port = server.rsplit(':').next().unwrap();

    for url in [
        server.clone() + "/file",
        format!("http://localhost:{port}/file"),
        format!("http://[::ffff:127.0.0.1]:{port}/file"),
        "http://169.254.169.254/latest".to_owned(),
    ] {
        let body = format!(r#"{{"sources":[{{"table":"stores","url":"{url}"}}]}}"#);
        let job = stack.script.job("/jobs/import", body).await;
        assert_eq!(job["state"], "failed");
        let detail = job["error"]["detail"].as_str().unwrap();
        assert!(detail.contains("private address"), "{detail}");
    }
    let file = r#"{"sources":[{"table":"stores","url":"file:///etc/passwd"}]}"#;
    let refused = stack
        .script
        .request(Method::POST, "/jobs/import")
        .body(file)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_others_write_meanwhile_are_met_as_if_they_had_been_there_before() {
    const ROWS: i64 = 4_000;
    let stack = Stack::start_with(|config| config.batch_rows = 40).await;
    stack.seed().await;
    let mut file = String::from("id,product_id,store_id,sale_date,quantity,amount\n");
    for id in 1..=ROWS {
        let _ = writeln!(file, "{id},1,10,2023-11-{:02},1,{id}.50", id % 28 + 1);
    }
    let response = stack
        .script
        .request(Method::POST, "/jobs/import?table=sales")
        .body(file)
        .send()
        .await
        .unwrap();
    let job: Value = response.json().await.unwrap();

    // From the end and all over the rest, ahead of the import as well as behind it.
    for step in 0..200 {
        let id = if step % 2 == 0 {
            ROWS - step
        } else {
            (step * 997) % ROWS + 1
        };
        let sql = "INSERT INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
            VALUES (?1, 2, 20, '2023-10-01', 9000, 1) ON CONFLICT DO NOTHING";
        stack.db.client.execute(sql, [id.into()]).await.unwrap();
    }
    let path = format!("/jobs/{}", job["id"]);
    let job = stack
        .script
        .until(&path, |_, job| !job["finished_at"].is_null())
        .await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    let [read, inserted, updated, unchanged, rejected] = counters(&job);
    assert_eq!((read, unchanged, rejected), (4_000, 0, 0));
    assert_eq!(inserted + updated, read);
    let expected = ROWS * (ROWS + 1) / 2 * 100 + ROWS * 50;
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, expected);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, ROWS);
    let total = stack.script.json("/analysis/total?period=all").await;
    assert_eq!(total["rows"][0]["lines"], ROWS, "{total:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_ends_though_many_write_its_keys_all_the_time() {
    const ROWS: i64 = 2_000;
    const WRITERS: usize = 8;
    let stack = Stack::start().await;
    stack.seed().await;
    let mut file = String::from("id,product_id,store_id,sale_date,quantity,amount\n");
    for id in 1..=ROWS {
        let _ = writeln!(file, "{id},1,10,2023-11-{:02},1,{id}.50", id % 28 + 1);
    }
    let path = stack.script.submit("/jobs/import?table=sales", file).await;

    // Each row that comes between the look at the table and the write fails the batch, which is the whole file.
    let writers: Vec<_> = (1..=WRITERS)
        .map(|first| {
            let client = stack.db.client.clone();
            tokio::spawn(async move {
                for id in (i64::try_from(first).unwrap()..=ROWS).step_by(WRITERS) {
                    let sql =
                        "INSERT INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
                        VALUES (?1, 2, 20, '2023-10-01', 9000, 1) ON CONFLICT DO NOTHING";
                    client.execute(sql, [id.into()]).await.unwrap();
                }
            })
        })
        .collect();
    let job = stack
        .script
        .until(&path, |_, job| !job["finished_at"].is_null())
        .await;
    for writer in writers {
        writer.await.unwrap();
    }

    assert_eq!(job["state"], "succeeded", "{job:#}");
    let [read, inserted, updated, unchanged, rejected] = counters(&job);
    assert_eq!((read, unchanged, rejected), (2_000, 0, 0));
    assert_eq!(inserted + updated, read);
    let expected = ROWS * (ROWS + 1) / 2 * 100 + ROWS * 50;
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, expected);
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_that_only_the_table_shows_count_as_much_as_any_other() {
    let stack = Stack::start_with(|config| config.batch_rows = 2).await;
    stack.seed().await;
    let head = "id,product_id,store_id,sale_date,quantity,amount\n";
    let lines = |ids: std::ops::RangeInclusive<u32>| {
        ids.fold(String::new(), |lines, id| {
            format!("{lines}{id},1,10,2023-11-01,1,5.00\n")
        })
    };
    stack.write("first.csv", format!("{head}{}", lines(1..=3)));
    stack.write("second.csv", format!("{head}{}", lines(3..=6)));
    stack
        .script
        .job("/jobs/import?table=sales", format!("{head}{}", lines(5..=5)))
        .await;
    let request = |rest: &str| {
        format!(
            r#"{{"mode":"append",{rest},"sources":[
                {{"table":"sales","path":"first.csv"}},{{"table":"sales","path":"second.csv"}}]}}"#
        )
    };

    let aborted = stack
        .script
        .job("/jobs/import", request(r#""on_error":"abort""#))
        .await;
    let limited = stack
        .script
        .job("/jobs/import", request(r#""max_rejects":1"#))
        .await;
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 1);
    let foreseen = stack
        .script
        .job("/jobs/import", request(r#""max_rejects":2,"dry_run":true"#))
        .await;
    let allowed = stack
        .script
        .job("/jobs/import", request(r#""max_rejects":2"#))
        .await;

    for job in [&aborted, &limited] {
        assert_eq!(job["error"]["code"], "too_many_rejects", "{job:#}");
        let rejects = stack.script.rejects(job).await;
        let found: Vec<(&Value, &Value)> = rejects
            .iter()
            .map(|reject| (&reject["line"], &reject["code"]))
            .collect();
        let code = &json!("duplicate_key");
        assert_eq!(found, [(&json!(2), code), (&json!(4), code)], "{rejects:#?}");
        assert_eq!(rejects[0]["raw"], "3,1,10,2023-11-01,1,5.00");
    }
    assert_eq!(counters(&allowed), [7, 5, 0, 0, 2], "{allowed:#}");
    assert_eq!(counters(&foreseen), counters(&allowed));
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_foresees_what_its_sources_do_to_each_other() {
    let stack = Stack::start_with(|config| config.batch_rows = 2).await;
    stack.seed().await;
    let head = "id,product_id,store_id,sale_date,quantity,amount\n";
    let line = |id: u32, amount: u32| format!("{id},1,10,2023-11-01,1,{amount}.00\n");
    let file = |lines: &[(u32, u32)]| -> String {
        let lines: String = lines.iter().map(|&(id, amount)| line(id, amount)).collect();
        format!("{head}{lines}")
    };
    stack
        .script
        .job("/jobs/import?table=sales", file(&[(1, 1), (9, 9)]))
        .await;
    stack.write("first.csv", file(&[(1, 2), (2, 2), (3, 3)]));
    stack.write("second.csv", file(&[(1, 2), (2, 5), (4, 4), (9, 9)]));
    stack.write(
        "targets.csv",
        "product_id,month,target_amount\n1,2023-11,5\n1,2023-12,5\n2,2023-11,5\n",
    );
    stack.write(
        "targets2.csv",
        "product_id,month,target_amount\n1,2023-11,5\n1,2023-12,6\n2,2023-12,5\n",
    );
    let request = |mode: &str, dry_run: bool| {
        format!(
            r#"{{"mode":"{mode}","dry_run":{dry_run},"sources":[
                {{"table":"sales","path":"first.csv"}},{{"table":"sales","path":"second.csv"}},
                {{"table":"targets","path":"targets.csv"}},{{"table":"targets","path":"targets2.csv"}}]}}"#
        )
    };

    for mode in ["insert_new", "append", "upsert"] {
        let foreseen = stack.script.job("/jobs/import", request(mode, true)).await;
        let done = stack.script.job("/jobs/import", request(mode, false)).await;

        assert_eq!(foreseen["counters"], done["counters"], "{mode}");
        assert_eq!(foreseen["state"], done["state"], "{mode}");
    }
    let amounts = "SELECT group_concat(id || ':' || amount, ' ' ORDER BY id) FROM sales";
    assert_eq!(stack.value(amounts).await, "1:2.0 2:5.0 3:3.0 4:4.0 9:9.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_replacement_foresees_what_goes_and_what_clashes() {
    let stack = Stack::start().await;
    stack.seed().await;
    let head = "id,product_id,store_id,sale_date,quantity,amount\n";
    let first =
        format!("{head}1,1,10,2023-11-01,1,1.00\n2,1,10,2023-11-02,1,2.00\n3,1,10,2023-12-01,1,3.00\n");
    stack.script.job("/jobs/import?table=sales", first).await;
    let clash = format!("{head}3,1,10,2023-11-01,1,1.00\n4,1,10,2023-11-30,1,1.00\n");
    let fits = format!("{head}5,1,10,2023-11-01,1,1.00\n4,1,10,2023-11-30,1,1.00\n");
    let nothing = format!("{head}6,99,10,2023-11-01,1,1.00\n");
    let rows = "SELECT group_concat(id, ' ' ORDER BY id) FROM sales";

    for (mode, file, end) in [
        ("replace_period", &clash, Err("conflicting_keys")),
        ("replace_all", &nothing, Err("nothing_to_replace_with")),
        ("replace_period", &nothing, Ok(0)),
        ("replace_period", &fits, Ok(2)),
        ("replace_all", &clash, Ok(3)),
    ] {
        let path = format!("/jobs/import?table=sales&mode={mode}");
        let before = stack.value(rows).await;
        let foreseen = stack
            .script
            .job(&format!("{path}&dry_run=true"), file.clone())
            .await;
        assert_eq!(stack.value(rows).await, before);
        let done = stack.script.job(&path, file.clone()).await;

        for job in [&foreseen, &done] {
            match end {
                Ok(deleted) => assert_eq!(job["deleted"], deleted, "{mode}: {job:#}"),
                Err(code) => assert_eq!(job["error"]["code"], code, "{mode}: {job:#}"),
            }
        }
        assert_eq!(foreseen["counters"], done["counters"]);
        if end.is_err() {
            assert_eq!(stack.value(rows).await, before);
        }
    }
    assert_eq!(stack.value(rows).await, "3 4");
}
