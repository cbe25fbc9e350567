//! Bodies of bulk inserts on the disk: what is packed stays packed, and all together have a limit.

use super::http::{Answer, get, post, post_rows, request, run, send, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use test_kit::TestDb;

const MIB: usize = 1 << 20;

/// `bytes` as zstd.
fn packed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

async fn table(db: &TestDb) {
    run(db, &["CREATE TABLE t (a TEXT)"]).await;
}

async fn count(db: &TestDb) -> Value {
    let answer = post(db, "/v1/query", json!({"sql": "SELECT count(*) FROM t"})).await;
    answer.json()["rows"][0][0].clone()
}

async fn post_packed(db: &TestDb, media_type: &str, coding: &str, body: Vec<u8>) -> Answer {
    let rows = request(db, Method::POST, "/v1/tables/t/rows")
        .header("content-type", media_type)
        .header("content-encoding", coding);
    send(rows.body(body)).await
}

/// Bytes of bodies on the disk, as the service counts them.
async fn spool_bytes(db: &TestDb) -> usize {
    let text = get(db, "/metrics").await.text;
    let line = text
        .lines()
        .find(|line| line.starts_with("db_spool_bytes "))
        .unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The files in `folder` that this process has open and that have no name any more.
#[cfg(target_os = "linux")]
fn nameless_files(folder: &std::path::Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|file| file.starts_with(&folder) && file.to_string_lossy().ends_with("(deleted)"))
        .count()
}

/// Sends the head of a bulk insert and so much of its body, and waits.
fn upload_of(db: &TestDb, table: &str, coding: &str, length: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "POST /v1/tables/{table}/rows HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Encoding: \
         {coding}\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(&vec![b'a'; sent]).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_refused_by_its_head_is_refused_before_its_body() {
    let db = TestDb::start().await;

    let mut stream = upload_of(&db, "nosuchtable", "zstd", 328_000, 0);
    let answer = tokio::task::spawn_blocking(move || {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        String::from_utf8_lossy(&head).into_owned()
    })
    .await
    .unwrap();

    assert_eq!(answer, "HTTP/1.1 404");
    assert!(spool_bytes(&db).await == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_stays_packed_on_the_disk() {
    // Sixteen times what may be kept there.
    let rows = "a\n".to_owned() + &"some text that packs well\n".repeat(32 * MIB / 26);
    let db = TestDb::start_with(|config| config.limits.max_spool_bytes = 2 * MIB as u64).await;
    table(&db).await;

    let answer = post_packed(&db, "text/csv", "zstd", packed(rows.as_bytes())).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(count(&db).await, 32 * MIB / 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_unpacks_to_much_ends_at_a_limit_by_name() {
    let long = 48 * MIB;
    let bombs = [
        ("text/csv", vec![b'a'; long]),
        ("text/csv", [b"a\n".to_vec(), vec![b'\n'; long]].concat()),
        ("text/csv", [b"a\n\"".to_vec(), vec![b'x'; long]].concat()),
        ("application/x-ndjson", vec![b'\n'; long]),
        ("application/x-ndjson", vec![b'{'; long]),
        ("application/json", vec![b' '; long]),
        ("application/json", [b"[".to_vec(), vec![b' '; long]].concat()),
        (
            "application/json",
            [b"[{\"a\":\"".to_vec(), vec![b'x'; long]].concat(),
        ),
    ];
    for (media_type, bomb) in bombs {
        let db = TestDb::start_with(|config| {
            config.limits.max_bulk_bytes = 4 * MIB as u64;
            config.limits.max_body_bytes = 2 * MIB as u64;
        })
        .await;
        table(&db).await;
        let small = packed(&bomb);
        assert!(small.len() < MIB);

        let answer = post_packed(&db, media_type, "zstd", small).await;

        assert_eq!(answer.status, 413, "{media_type}: {}", answer.text);
        assert!(
            answer.detail().contains("(max_bulk_bytes)") || answer.detail().contains("(max_body_bytes)"),
            "{media_type}: {}",
            answer.text
        );
        assert_eq!(count(&db).await, 0);
        assert!(spool_bytes(&db).await == 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unpacking_ends_when_the_time_of_the_insert_is_up() {
    let db = TestDb::start_with(|config| config.limits.stream_timeout_ms = 200).await;
    table(&db).await;
    let blank = packed(&vec![b'\n'; 256 * MIB]);

    let answer = post_packed(&db, "application/x-ndjson", "zstd", blank).await;

    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "statement_timeout")
    );
    until("its body is gone", async || spool_bytes(&db).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_packed_as_it_says_writes_nothing() {
    let rows = "a\n".to_owned() + &"text\n".repeat(MIB);
    let zstd = packed(rows.as_bytes());
    for (coding, body) in [
        ("zstd", zstd[..zstd.len() - 1].to_vec()),
        ("zstd", [&zstd[..], b"rubbish"].concat()),
        ("gzip", zstd),
        ("zstd", rows.into_bytes()),
    ] {
        let db = TestDb::start().await;
        table(&db).await;

        let answer = post_packed(&db, "text/csv", coding, body).await;

        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
        assert!(
            answer.detail().contains("cannot be decompressed"),
            "{}",
            answer.text
        );
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn a_packed_body_is_read_as_often_as_it_must_be() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE par (id INTEGER PRIMARY KEY)",
            "CREATE TABLE t (a INTEGER PRIMARY KEY, p REFERENCES par DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO par VALUES (1)",
        ],
    )
    .await;
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"a,p\n1,1\n2,5\n3,1\n").unwrap();
        encoder.finish().unwrap()
    };
    let rows = request(&db, Method::POST, "/v1/tables/t/rows?on_error=skip")
        .header("content-type", "text/csv")
        .header("content-encoding", "gzip");

    let answer = send(rows.body(gzip)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["errors"][0]["line"], 3, "{}", answer.text);
    assert_eq!(count(&db).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bodies_together_have_a_limit() {
    let db = TestDb::start_with(|config| {
        config.limits.max_spool_bytes = 3 * MIB as u64;
        config.limits.caller_share_percent = 100;
    })
    .await;
    table(&db).await;
    let rows = |bytes: usize| "a\n".to_owned() + &"x".repeat(bytes - 3) + "\n";

    let edge = post_rows(&db, "/v1/tables/t/rows", "text/csv", rows(3 * MIB)).await;
    let beyond = post_rows(&db, "/v1/tables/t/rows", "text/csv", rows(3 * MIB + 1)).await;
    let slow = upload_of(&db, "t", "identity", 3 * MIB, 2 * MIB + MIB / 2);
    until("most of it is kept", async || spool_bytes(&db).await >= 2 * MIB).await;
    let beside = post_rows(&db, "/v1/tables/t/rows", "text/csv", rows(2 * MIB)).await;
    let small = post_rows(&db, "/v1/tables/t/rows", "text/csv", "a\n1\n").await;
    drop(slow);
    until("the body that broke off is gone", async || {
        spool_bytes(&db).await == 0
    })
    .await;
    let after = post_rows(&db, "/v1/tables/t/rows", "text/csv", rows(2 * MIB)).await;

    assert_eq!(edge.status, 200, "{}", edge.text);
    assert_eq!((beyond.status, beyond.code().as_str()), (413, "too_large"));
    assert!(beyond.detail().contains("(max_spool_bytes)"), "{}", beyond.text);
    assert_eq!((beside.status, beside.code().as_str()), (507, "disk_full"));
    assert!(beside.detail().contains("(max_spool_bytes)"), "{}", beside.text);
    assert_eq!((small.status, after.status), (200, 200), "{}", after.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_keeps_its_share_on_the_disk() {
    let db = TestDb::start_with(|config| config.limits.max_spool_bytes = 4 * MIB as u64).await;
    table(&db).await;
    let rows = "a\n".to_owned() + &"x".repeat(3 * MIB) + "\n";

    let refused = post_rows(&db, "/v1/tables/t/rows", "text/csv", rows).await;

    assert_eq!(refused.status, 507);
    assert!(
        refused
            .detail()
            .contains("(max_spool_bytes, caller_share_percent)"),
        "{}",
        refused.text
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_kept_where_a_setting_says_and_have_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("made/when/missing");
    let beside = TestDb::start().await;
    let apart = TestDb::start_with(|config| config.temp_folder = Some(elsewhere.clone())).await;
    for (db, folder) in [(&beside, beside.database.parent().unwrap()), (&apart, &elsewhere)] {
        table(db).await;
        let slow = upload_of(db, "t", "zstd", 3 * MIB, 2 * MIB + MIB / 2);
        until("it is on the disk", async || spool_bytes(db).await > 0).await;

        until("it has no name there", async || nameless_files(folder) > 0).await;

        let named: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
        let database = usize::from(db.database.parent() == Some(folder)) * 4;
        assert_eq!(
            named.len(),
            database,
            "the database, its log and lock only: {named:?}"
        );
        drop(slow);
        until("it is gone", async || nameless_files(folder) == 0).await;
    }
}
