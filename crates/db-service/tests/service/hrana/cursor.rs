//! Batches whose rows are streamed.

use super::super::http::{ENDLESS_ROWS, get, post, request, until};
use super::{Stream, rows_of_t, with_table, with_table_and};
use reqwest::Method;
use serde_json::{Value, json};

/// The lines of a cursor.
async fn lines(db: &test_kit::TestDb, baton: &Value, steps: Value) -> Vec<Value> {
    let answer = post(
        db,
        "/v3/cursor",
        json!({"baton": baton, "batch": {"steps": steps}}),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn entries_come_in_order_and_end_with_the_mark_of_success() {
    let db = with_table().await;

    let lines = lines(
        &db,
        &Value::Null,
        json!([
            {"stmt": {"sql": "SELECT id, v FROM t"}},
            {"stmt": {"sql": "SELECT * FROM nowhere"}, "condition": null},
            {"stmt": {"sql": "SELECT 1"}, "condition": {"type": "ok", "step": 1}},
            {"stmt": {"sql": "INSERT INTO t (v) VALUES ('two')"}},
            {"stmt": {"sql": "SELECT id FROM t", "want_rows": false}},
            {"stmt": {"sql": "SELECT abs(-9223372036854775807 - id) FROM t"}}
        ]),
    )
    .await;

    assert!(
        lines[0]["baton"].is_string() && lines[0]["base_url"].is_null(),
        "{}",
        lines[0]
    );
    let entries: Vec<(&str, &Value)> = lines[1..]
        .iter()
        .map(|line| (line["type"].as_str().unwrap(), &line["step"]))
        .collect();
    assert_eq!(
        entries,
        [
            ("step_begin", &json!(0)),
            ("row", &Value::Null),
            ("step_end", &Value::Null),
            ("step_error", &json!(1)),
            ("step_begin", &json!(3)),
            ("step_end", &Value::Null),
            ("step_begin", &json!(4)),
            ("step_end", &Value::Null),
            ("step_error", &json!(5)),
            ("replication_index", &Value::Null),
        ]
    );
    assert_eq!(lines[1]["cols"][0], json!({"name": "id", "decltype": "INTEGER"}));
    assert_eq!(
        lines[2]["row"],
        json!([{"type": "integer", "value": "1"}, {"type": "text", "value": "one"}])
    );
    assert_eq!(lines[4]["error"]["code"], "SQLITE_ERROR");
    assert_eq!(
        lines[6],
        json!({"type": "step_end", "affected_row_count": 1, "last_insert_rowid": 2})
    );
    assert_eq!(
        lines[10],
        json!({"type": "replication_index", "replication_index": null})
    );
}

#[tokio::test]
async fn a_stream_goes_from_cursor_to_pipeline_and_back() {
    let db = with_table().await;

    let begun = lines(&db, &Value::Null, json!([{"stmt": {"sql": "BEGIN IMMEDIATE"}}])).await;
    let mut stream = Stream::new(&db);
    stream.baton = begun[0]["baton"].clone();
    stream.execute("DELETE FROM t").await;
    let ended = lines(
        &db,
        &stream.baton,
        json!([
            {"stmt": {"sql": "SELECT count(*) FROM t"}},
            {"stmt": {"sql": "SELECT 1"}, "condition": {"type": "is_autocommit"}},
            {"stmt": {"sql": "ROLLBACK"}}
        ]),
    )
    .await;

    assert_eq!(ended[2]["row"][0]["value"], "0");
    assert_eq!(ended[4]["step"], 2);
    assert_ne!(ended[0]["baton"], stream.baton);
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn many_rows_arrive_whole() {
    let db = with_table().await;
    let sql =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000) SELECT x FROM n";

    let lines = lines(&db, &Value::Null, json!([{"stmt": {"sql": sql}}])).await;

    assert_eq!(lines.len(), 50_000 + 4);
    assert_eq!(lines[50_001]["row"][0]["value"], "50000");
    assert_eq!(lines[50_003]["type"], "replication_index");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_batch_and_keeps_its_stream() {
    let db = with_table().await;
    let mut response = request(&db, Method::POST, "/v3/cursor")
        .json(&json!({"batch": {"steps": [{"stmt": {"sql": ENDLESS_ROWS}}, {"stmt": {"sql": "DELETE FROM t"}}]}}))
        .send()
        .await
        .unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    let end = first.iter().position(|byte| *byte == b'\n').unwrap();
    let head: Value = serde_json::from_slice(&first[..end]).unwrap();

    drop(response);

    let mut stream = Stream::new(&db);
    stream.baton = head["baton"].clone();
    assert_eq!(stream.scalar("SELECT count(*) FROM t").await, "1");
    until("nothing runs", async || {
        get(&db, "/v1/queries").await.json()["queries"] == json!([])
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_of_a_writes_rows_holds_up_no_other_writer() {
    let db = with_table_and(|config| config.limits.queue_wait_ms = 10_000).await;
    let insert = "WITH RECURSIVE n(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) \
                  INSERT INTO t SELECT x, 'some text to fill the buffers of every socket on the way' FROM n RETURNING *";
    let mut response = request(&db, Method::POST, "/v3/cursor")
        .json(&json!({"batch": {"steps": [{"stmt": {"sql": insert}}]}}))
        .send()
        .await
        .unwrap();

    db.client.execute("DELETE FROM t WHERE id = 1", []).await.unwrap();
    assert_eq!(rows_of_t(&db).await, 99_999);
    let mut last = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        last = chunk.to_vec();
    }
    assert!(
        String::from_utf8(last)
            .unwrap()
            .ends_with("\"replication_index\":null}\n")
    );
}
