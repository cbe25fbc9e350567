//! Sources as they really come, over HTTP: what is decided about them, and how that is told.

use crate::support::{Stack, counters};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;
use std::fmt::Write as _;

/// What an import would make of `body`.
async fn preview(stack: &Stack, query: &str, body: impl Into<reqwest::Body>) -> Value {
    let path = format!("/imports/preview?{query}");
    let request = stack.script.request(Method::POST, &path).body(body);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_is_told_with_its_reason_and_with_the_records_that_it_fits() {
    let stack = Stack::start().await;
    let mut file = String::from("Liste des magasins au 30/11/2023, à jour\n\n'id';'ville';'adresse'\n");
    for id in 1..=400 {
        let _ = writeln!(file, "{id};'Paris';'{id}; rue de l''Est'");
    }
    file += "401;Lyon\n";

    let seen = preview(&stack, "table=stores", file.clone()).await;
    let job = stack.script.job("/jobs/import?table=stores", file).await;

    let decisions = &job["sources"][0]["decisions"];
    let dialect = &decisions["dialect"];
    assert_eq!(dialect["delimiter"], ";", "{job:#}");
    assert_eq!(dialect["quote"], "'");
    assert_eq!(dialect["skip_lines"], 2);
    assert_eq!(
        decisions["dialect_why"],
        "csv-nose proposes it and the header names 3 columns; \
         400 of 401 records have as many fields as the header"
    );
    assert_eq!(
        seen["decisions"]["dialect_why"],
        "csv-nose proposes it and the header names 3 columns; \
         400 of 401 records looked at have as many fields as the header"
    );
    let note = "the header is on line 3; what stands before it was passed over";
    assert_eq!(seen["notes"][0], note);
    assert!(job["notes"][0].as_str().unwrap().ends_with(note), "{job:#}");
    assert_eq!(counters(&job), [401, 400, 0, 0, 1]);
    assert_eq!(stack.script.rejects(&job).await[0]["line"], 404);
    assert_eq!(
        stack.value("SELECT address FROM stores WHERE id = 7").await,
        "7; rue de l'Est"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_that_the_whole_file_contradicts_gives_way_to_the_next() {
    let stack = Stack::start().await;
    // The legend names more columns than the header, with another delimiter.
    let mut file = String::from("id,city,region,address\nid;city\n");
    for id in 1..=50 {
        let _ = writeln!(file, "{id};Brest");
    }

    let job = stack.script.job("/jobs/import?table=stores", file).await;

    assert_eq!(counters(&job), [50, 50, 0, 0, 0], "{job:#}");
    let why = job["sources"][0]["decisions"]["dialect_why"].as_str().unwrap();
    assert!(why.starts_with("51 of 51 records do not fit with `,`"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_no_dialect_fits_fails_before_the_first_row_and_says_what_was_seen() {
    let stack = Stack::start().await;
    let ragged = "id,city,region\n1,Brest\n2,Nantes,x,y\n3,Lyon,\n";
    let unknown = "Nr;Stadt\n1;Brest\n";

    let job = stack.script.job("/jobs/import?table=stores", ragged).await;
    let headers = stack.script.job("/jobs/import?table=stores", unknown).await;
    let said = stack
        .script
        .job("/jobs/import?table=stores&delimiter=%2C&skip_lines=0", ragged)
        .await;

    assert_eq!(job["error"]["code"], "wrong_dialect", "{job:#}");
    let detail = job["error"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("with `,` between fields, 2 of 3 records")
            && detail.contains("the first is on line 2")
            && detail.contains("`delimiter`"),
        "{detail}"
    );
    assert_eq!(headers["error"]["code"], "unknown_columns");
    let detail = headers["error"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("`Nr`, `Stadt`") && detail.contains("`;` between fields"),
        "{detail}"
    );
    // Who says how it is cut gets what fits.
    assert_eq!(counters(&said), [3, 1, 0, 0, 2], "{said:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_can_be_said_and_rejects_come_back_under_them() {
    let stack = Stack::start().await;
    let file = "id;name;price\n1;\"5\" tube;1,50\n2;plain;x\n";

    let job = stack
        .script
        .job("/jobs/import?table=products&quote=none", file)
        .await;
    let rejects = format!("/jobs/{}/rejects", job["id"]);
    let csv = stack
        .script
        .get(&format!("{rejects}?format=csv"))
        .await
        .text()
        .await
        .unwrap();
    let replay = stack
        .script
        .job(&format!("{rejects}/replay"), csv.replace(",x,", ",\"2,50\","))
        .await;

    assert_eq!(counters(&job), [2, 1, 0, 0, 1], "{job:#}");
    assert_eq!(job["sources"][0]["decisions"]["dialect"]["quote"], Value::Null);
    assert_eq!(
        stack.value("SELECT name FROM products WHERE id = 1").await,
        "\"5\" tube"
    );
    assert_eq!(counters(&replay), [1, 1, 0, 0, 0], "{replay:#}");
    assert_eq!(
        stack.value("SELECT price_cents FROM products WHERE id = 2").await,
        250
    );
}

/// Serves a file without end at `/endless` and, in large pieces, at `/huge`; one that stops coming at `/stuck`,
/// nothing at `/silent`, a file at `/file`; `/away` redirects to another address.
async fn server() -> String {
    use axum::body::{Body, Bytes};
    use axum::http::HeaderMap;
    use axum::response::Redirect;
    use axum::routing::get;

    let endless = async || {
        let head = Bytes::from_static(b"id;ville\n");
        let lines =
            futures_util::stream::repeat(Bytes::from_static(b"1;Brest\n")).map(Ok::<_, std::io::Error>);
        Body::from_stream(futures_util::stream::iter([Ok(head)]).chain(lines))
    };
    let huge = async || {
        let megabytes = futures_util::stream::repeat(Bytes::from(vec![b'x'; 1 << 20]));
        Body::from_stream(megabytes.map(Ok::<_, std::io::Error>))
    };
    let stuck = async || {
        let megabytes = futures_util::stream::iter((0..3).map(|_| Bytes::from(vec![b'x'; 1 << 20])));
        Body::from_stream(
            megabytes
                .map(Ok::<_, std::io::Error>)
                .chain(futures_util::stream::pending()),
        )
    };
    let away = async |headers: HeaderMap| {
        let host = headers["host"]
            .to_str()
            .unwrap()
            .replace("127.0.0.1", "127.0.0.2");
        Redirect::temporary(&format!("http://{host}/file"))
    };
    let router = axum::Router::new()
        .route("/endless", get(endless))
        .route("/away", get(away))
        .route("/stuck", get(stuck))
        .route("/huge", get(huge))
        .route("/silent", get(std::future::pending::<&'static str>))
        .route("/file", get(async || "id;ville\n1;Brest\n"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_previewed_under_the_rules_of_an_import_and_no_more_of_it_is_fetched_than_needed() {
    let stack = Stack::start_with(|config| {
        config.allow_private_addresses = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let server = server().await;
    let source = |path: &str| format!(r#"{{"table":"stores","url":"{server}{path}"}}"#);

    let endless = preview(&stack, "", source("/endless")).await;
    let away = preview(&stack, "", source("/away")).await;
    let missing = preview(&stack, "", source("/nothing")).await;
    let no_url = preview(&stack, "", r#"{"table":"stores","url":"file:///etc/passwd"}"#).await;

    assert_eq!(endless["rows"].as_array().unwrap().len(), 20, "{endless:#}");
    assert_eq!(endless["rows"][0]["values"]["city"], "Brest");
    assert_eq!(endless["decisions"]["dialect"]["delimiter"], ";");
    assert_eq!(away["code"], "fetch_failed", "{away:#}");
    assert!(
        away["detail"]
            .as_str()
            .unwrap()
            .contains("private address 127.0.0.2"),
        "{away:#}"
    );
    assert!(missing["detail"].as_str().unwrap().contains("404"), "{missing:#}");
    assert_eq!(no_url["status"], 400, "{no_url:#}");
    stack.until_value("SELECT COUNT(*) FROM job_uploads", 0).await;
}

fn zipped(names: &[&str], content: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in names {
        zip.start_file(*name, stored).unwrap();
        std::io::Write::write_all(&mut zip, content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, content).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_names_what_it_is_and_what_to_do() {
    let stack = Stack::start().await;
    let csv = "id,city\n1,Brest\n".repeat(5_000);
    let cut = gzipped(csv.as_bytes());
    let files: [(Vec<u8>, &str, &str); 8] = [
        (
            zipped(&["a.csv", "b.csv"], &csv),
            "unsupported_format",
            "holds 2 files",
        ),
        (zipped(&[], ""), "unsupported_format", "holds no file"),
        (
            gzipped(&zipped(&["a.csv"], &csv)),
            "unsupported_format",
            "packed more than once",
        ),
        (
            gzipped(&gzipped(csv.as_bytes())),
            "unsupported_format",
            "packed more than once",
        ),
        (cut[..cut.len() / 2].to_vec(), "unreadable", "cannot be read"),
        (b"\n ;; \n\t\n".to_vec(), "empty_source", "empty"),
        (
            br#"{"stores":[{"id":1,"ort":"Brest"}]}"#.to_vec(),
            "unknown_columns",
            "objects one after the other",
        ),
        (b"id;ort\n1;Brest\n".to_vec(), "unknown_columns", "`mapping`"),
    ];

    for (body, code, word) in files {
        let job = stack.script.job("/jobs/import?table=stores", body).await;
        assert_eq!(job["error"]["code"], code, "{job:#}");
        assert!(job["error"]["detail"].as_str().unwrap().contains(word), "{job:#}");
    }
    assert_eq!(stack.value("SELECT COUNT(*) FROM stores").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_about_a_source_costs_no_more_than_itself() {
    let stack = Stack::start().await;
    let archive = zipped(
        &["__MACOSX/._s.csv", "s.csv"],
        "id;city\n1;Brest\n;\n ; \n2;Lyon\n;;\n",
    );
    let behind = "[{\"id\":3,\"city\":\"Nice\"}]\n[{\"id\":4,\"city\":\"Metz\"}]\n";

    let empty_lines = stack.script.job("/jobs/import?table=stores", archive).await;
    let array = stack.script.job("/jobs/import?table=stores", behind).await;

    assert_eq!(counters(&empty_lines), [2, 2, 0, 0, 0], "{empty_lines:#}");
    assert_eq!(counters(&array), [2, 1, 0, 0, 1], "{array:#}");
    let reject = &stack.script.rejects(&array).await[0];
    assert_eq!(
        (&reject["line"], &reject["code"]),
        (&2.into(), &"bad_json".into())
    );
    assert_eq!(reject["raw"], "[{\"id\":4,\"city\":\"Metz\"}]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_gives_too_much_or_nothing_any_more_leaves_nothing_behind() {
    let stack = Stack::start_with(|config| {
        config.allow_private_addresses = vec!["127.0.0.1".parse().unwrap()];
        config.max_upload_bytes = 5 << 20;
        config.fetch_timeout_s = 2;
    })
    .await;
    let server = server().await;

    for (path, words) in [
        ("/huge", ["is larger than 5242880 bytes", "--max-upload-bytes"]),
        ("/stuck", ["took longer than 2 s", "--fetch-timeout-s"]),
        ("/silent", ["took longer than 2 s", "--fetch-timeout-s"]),
    ] {
        let source = format!(r#"{{"sources":[{{"table":"stores","url":"{server}{path}"}}]}}"#);
        let job = stack.script.job("/jobs/import", source).await;
        assert_eq!(job["error"]["code"], "fetch_failed", "{job:#}");
        let detail = job["error"]["detail"].as_str().unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{detail}");
        assert_eq!(stack.value("SELECT COUNT(*) FROM job_uploads").await, 0, "{path}");
    }
    let silent = format!(r#"{{"table":"stores","url":"{server}/silent"}}"#);
    let silent = preview(&stack, "", silent).await;
    assert!(
        silent["detail"]
            .as_str()
            .unwrap()
            .contains("took longer than 2 s"),
        "{silent:#}"
    );
}
