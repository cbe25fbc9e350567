//! Streamed answers: form, end, and what a slow or vanished client costs.

use super::http::{ENDLESS_ROWS, get, post, request, run, send, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use test_kit::TestDb;

async fn stream(db: &TestDb, accept: &str, body: Value) -> super::http::Answer {
    send(
        request(db, Method::POST, "/v1/query")
            .header("accept", accept)
            .json(&body),
    )
    .await
}

#[tokio::test]
async fn ndjson_has_columns_first_and_a_trailer_last() {
    let db = TestDb::start().await;

    let answer = stream(
        &db,
        "application/x-ndjson",
        json!({"sql": "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL"}),
    )
    .await;

    let lines: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(
        lines[0],
        json!({"columns": [{"name": "a", "type": null}, {"name": "b", "type": null}]})
    );
    assert_eq!(&lines[1..3], [json!([1, "x"]), json!([2, null])]);
    assert_eq!(
        (&lines[3]["row_count"], &lines[3]["truncated"]),
        (&json!(2), &json!(false))
    );
}

#[tokio::test]
async fn csv_tells_null_from_empty_text() {
    let db = TestDb::start().await;

    let answer = stream(
        &db,
        "text/csv",
        json!({"sql": "SELECT 1 AS \"a,b\", NULL AS c, '' AS d, 'say \"hi\"' AS e"}),
    )
    .await;

    assert_eq!(answer.text, "\"a,b\",c,d,e\n1,,\"\",\"say \"\"hi\"\"\"\n");
}

#[tokio::test]
async fn an_error_before_the_first_row_is_a_problem_document() {
    let db = TestDb::start().await;

    for accept in ["application/x-ndjson", "text/csv"] {
        let answer = stream(&db, accept, json!({"sql": "SELECT * FROM nowhere"})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_sql"));
    }
    let refused = stream(&db, "image/png", json!({"sql": "SELECT 1"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (406, "not_acceptable"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_recognisable() {
    let db = TestDb::start().await;
    // The last row fails, long after the head was sent.
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000) \
               SELECT x, CASE WHEN x = 50000 THEN json('{') ELSE 'fine' END FROM n";

    let ndjson = stream(&db, "application/x-ndjson", json!({"sql": sql})).await;
    let csv = request(&db, Method::POST, "/v1/query")
        .header("accept", "text/csv")
        .json(&json!({"sql": sql}));
    let csv = csv.send().await.unwrap();

    let trailer: Value = serde_json::from_str(ndjson.text.lines().last().unwrap()).unwrap();
    assert_eq!(trailer["error"]["code"], "invalid_sql", "{trailer}");
    assert_eq!(csv.status(), 200);
    assert!(
        csv.text().await.is_err(),
        "a CSV answer that breaks off must not look whole"
    );
}

#[tokio::test]
async fn answers_are_compressed_when_asked() {
    let db = TestDb::start().await;
    let sql = json!({"sql": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000) SELECT x FROM n"});

    for (encoding, magic) in [("gzip", [0x1f, 0x8b]), ("zstd", [0x28, 0xb5])] {
        let asked = request(&db, Method::POST, "/v1/query")
            .header("accept", "text/csv")
            .header("accept-encoding", encoding);
        let response = asked.json(&sql).send().await.unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
        let bytes = response.bytes().await.unwrap();
        assert_eq!(bytes[..2], magic);
        assert!(bytes.len() < 16_000, "{} bytes", bytes.len());
    }
}

/// A client that asks for endless rows and reads only the first bytes.
fn slow_client(db: &TestDb) -> TcpStream {
    let mut stream = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    let body = json!({"sql": ENDLESS_ROWS}).to_string();
    write!(
        stream,
        "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream.read_exact(&mut [0; 16]).unwrap();
    stream
}

async fn running(db: &TestDb) -> Vec<Value> {
    let queries = get(db, "/v1/queries").await.json();
    queries["queries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_readers_hold_up_nobody() {
    let db = TestDb::start_with(|config| {
        config.limits.stall_timeout_ms = 600_000;
        config.limits.read_connections = 16;
    })
    .await;
    run(&db, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;

    let clients: Vec<_> = (0..8).map(|_| slow_client(&db)).collect();
    until("all eight wait for their client", async || {
        running(&db)
            .await
            .iter()
            .filter(|query| query["state"] == "sending")
            .count()
            == 8
    })
    .await;
    for id in 0..20_i64 {
        db.client
            .execute("INSERT INTO t VALUES (?)", [db_client::db_api::Value::from(id)])
            .await
            .unwrap();
        let read = db.client.query("SELECT count(*) FROM t", []).await.unwrap();
        assert_eq!(read.rows[0][0].as_i64(), Some(id + 1));
    }
    drop(clients);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_readers_are_cut_off() {
    let db = TestDb::start_with(|config| config.limits.stall_timeout_ms = 1_500).await;
    // Each has read the first bytes of its answer.
    let clients: Vec<_> = (0..8).map(|_| slow_client(&db)).collect();

    until("the slow ones are cut off", async || {
        running(&db).await.is_empty()
    })
    .await;

    for mut client in clients {
        let mut rest = Vec::new();
        // Either the connection is reset, or it ends without the closing chunk.
        let _ = client.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"));
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_time_limit_however_fast_it_is_read() {
    let db = TestDb::start().await;

    let answer = stream(
        &db,
        "application/x-ndjson",
        json!({"sql": ENDLESS_ROWS, "timeout_ms": 300}),
    )
    .await;

    let trailer: Value = serde_json::from_str(answer.text.lines().last().unwrap()).unwrap();
    assert_eq!(trailer["error"]["code"], "statement_timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_stops_when_its_client_goes_away() {
    let db = TestDb::start().await;

    let client = slow_client(&db);
    until("it runs", async || !running(&db).await.is_empty()).await;
    drop(client);

    until("it is gone", async || running(&db).await.is_empty()).await;
}

#[tokio::test]
async fn a_json_answer_that_grows_too_large_names_the_limit() {
    let db = TestDb::start_with(|config| config.limits.max_result_bytes = 10_000).await;

    let answer = post(&db, "/v1/query", json!({"sql": "SELECT hex(randomblob(10000))"})).await;

    assert_eq!((answer.status, answer.code().as_str()), (413, "result_too_large"));
    assert!(
        answer.detail().contains("max_result_bytes") && answer.detail().contains("10000"),
        "{}",
        answer.detail()
    );
}

/// The head and the body of an answer to a client of HTTP/1.0, read to the end of the connection.
async fn answer_1_0(db: &TestDb, sql: &str) -> (String, String) {
    let mut client = TcpStream::connect(db.url.trim_start_matches("http://")).unwrap();
    let body = json!({ "sql": sql }).to_string();
    write!(
        client,
        "POST /v1/query HTTP/1.0\r\nAccept: text/csv\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = read.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_for_a_client_of_http_1_0_comes_with_its_length_or_not_at_all() {
    let db = TestDb::start_with(|config| config.limits.max_result_bytes = 1_000_000).await;
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 50000)";

    let (head, whole) = answer_1_0(&db, &format!("{numbers} SELECT x FROM n")).await;
    let broken =
        format!("{numbers} SELECT CASE x WHEN 49999 THEN abs(-9223372036854775807 - 1) ELSE x END FROM n");
    let (broken_head, broken) = answer_1_0(&db, &broken).await;
    let (large_head, large) =
        answer_1_0(&db, &format!("{numbers} SELECT x, hex(randomblob(20)) FROM n")).await;

    assert!(
        head.contains(" 200 ") && head.contains(&format!("content-length: {}", whole.len())),
        "{head}"
    );
    assert!(
        broken_head.contains(" 400 ") && broken.contains("integer overflow"),
        "{broken}"
    );
    assert!(
        large_head.contains(" 413 ") && large.contains("max_result_bytes"),
        "{large}"
    );
}

/// Gives `good` rows of some 100 bytes and then fails.
fn fails_after(good: u32) -> String {
    format!(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x <= {good})
         SELECT x, printf('%.100c', 'x'), json_extract(CASE WHEN x > {good} THEN 'bad' ELSE '{{}}' END, '$.a') FROM n"
    )
}

#[tokio::test]
async fn an_error_before_the_head_has_left_is_a_problem_document() {
    let db = TestDb::start().await;
    let sql = "SELECT json_extract(v, '$.a') FROM (SELECT '{}' AS v UNION ALL SELECT 'bad')";

    for accept in ["text/csv", "application/x-ndjson"] {
        for sql in [sql, &fails_after(0), &fails_after(1), &fails_after(300)] {
            let answer = stream(&db, accept, json!({"sql": sql})).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "invalid_sql"),
                "{accept} {sql}"
            );
            assert!(answer.detail().contains("malformed JSON"), "{}", answer.text);
            let get = request(&db, Method::GET, "/v1/query").query(&[("sql", sql)]);
            assert_eq!(send(get.header("accept", accept)).await.code(), "invalid_sql");
        }
    }
}

#[tokio::test]
async fn what_fails_later_has_sent_its_head_and_does_not_end_as_a_whole_answer() {
    let db = TestDb::start().await;

    for good in [1_200, 3_000, 50_000] {
        let sql = fails_after(good);
        let csv = request(&db, Method::POST, "/v1/query")
            .header("accept", "text/csv")
            .json(&json!({"sql": sql}))
            .send()
            .await
            .unwrap_or_else(|why| panic!("no head after {good} rows: {why}"));
        assert_eq!(csv.status(), 200);
        assert!(csv.text().await.is_err(), "{good}");

        let ndjson = stream(&db, "application/x-ndjson", json!({"sql": sql})).await;
        let trailer: Value = serde_json::from_str(ndjson.text.lines().last().unwrap()).unwrap();
        assert_eq!(trailer["error"]["code"], "invalid_sql", "{good}");
    }
}
