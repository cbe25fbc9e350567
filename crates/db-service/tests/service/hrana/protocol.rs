//! Endpoints, bodies, batons, and requests that are no statements.

use super::super::http::{get, post, request, send};
use super::{Stream, rows_of_t, with_table};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

#[tokio::test]
async fn versions_2_and_3_are_spoken_in_json_and_not_in_protobuf() {
    let db = TestDb::start().await;

    for (path, spoken) in [("/v2", true), ("/v3", true), ("/v3-protobuf", false)] {
        let status = get(&db, path).await.status;
        assert_eq!((200..300).contains(&status), spoken, "{path}: {status}");
    }
    assert_eq!(post(&db, "/v3-protobuf/pipeline", json!({})).await.status, 404);
}

#[tokio::test]
async fn a_body_is_read_whatever_its_content_type() {
    let db = TestDb::start().await;
    let body = r#"{"requests":[{"type":"execute","stmt":{"sql":"SELECT 1"}},{"type":"close"}]}"#;

    for path in ["/v2/pipeline", "/v3/pipeline"] {
        let bare = send(request(&db, Method::POST, path).body(body)).await;
        let odd = send(
            request(&db, Method::POST, path)
                .header("content-type", "text/plain")
                .body(body),
        )
        .await;
        for answer in [bare, odd] {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.json()["baton"], Value::Null);
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_the_words_of_the_protocol() {
    let db = with_table().await;
    let insert = json!({"type": "execute", "stmt": {"sql": "INSERT INTO t VALUES (2, 'two')"}});

    for (path, body) in [
        ("/v3/pipeline", json!("nonsense")),
        ("/v3/pipeline", json!({"requests": [insert, {"type": "dance"}]})),
        ("/v3/pipeline", json!({"requests": [insert, {"type": "execute"}]})),
        ("/v3/pipeline", json!({"requests": [{"type": "close"}, insert]})),
        (
            "/v3/pipeline",
            json!({"requests": [{"type": "execute", "stmt": {}}]}),
        ),
        (
            "/v3/pipeline",
            json!({"requests": [{"type": "execute", "stmt": {"sql": "SELECT 1", "sql_id": 1}}]}),
        ),
        (
            "/v2/pipeline",
            json!({"requests": [{"type": "execute", "stmt": {"sql": "SELECT ?", "args": [{"type": "date"}]}}]}),
        ),
        (
            "/v3/cursor",
            json!({"batch": {"steps": [{"stmt": {"sql": "SELECT 1"}, "condition": {"type": "ok", "step": 0}}]}}),
        ),
    ] {
        let answer = post(&db, path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json");
        let error = answer.json();
        assert_eq!(error["code"], "PROTOCOL_ERROR");
        assert!(
            error["message"].is_string() && error["error"] == error["message"],
            "{error}"
        );
    }
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn a_failing_request_does_not_stop_the_later_ones() {
    let db = with_table().await;

    let results = Stream::new(&db)
        .results(json!([
            {"type": "execute", "stmt": {"sql": "SELEC"}},
            {"type": "execute", "stmt": {"sql": "INSERT INTO t (v) VALUES ('two')"}},
            {"type": "close"}
        ]))
        .await;

    let kinds: Vec<&Value> = results.iter().map(|result| &result["type"]).collect();
    assert_eq!(kinds, ["error", "ok", "ok"]);
    assert_eq!(results[2]["response"], json!({"type": "close"}));
    assert_eq!(rows_of_t(&db).await, 2);
}

#[tokio::test]
async fn a_baton_is_good_for_one_request() {
    let db = TestDb::start().await;
    let mut stream = Stream::new(&db);
    stream.execute("SELECT 1").await;
    let first = stream.baton.clone();
    stream.execute("SELECT 1").await;
    let second = stream.baton.clone();

    assert!(first.is_string() && second.is_string() && first != second);
    let mut replay = Stream::new(&db);
    replay.baton = first;
    let answer = replay.send(json!([])).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (404, &json!("STREAM_NOT_FOUND"))
    );
    stream.execute("SELECT 1").await;
    stream.result(json!({"type": "close"})).await;
    assert_eq!(stream.baton, Value::Null);
    stream.baton = second;
    assert_eq!(stream.send(json!([])).await.status, 404);
}

#[tokio::test]
async fn a_forged_baton_and_one_of_another_process_are_told_apart() {
    let db = TestDb::start().await;
    let other = TestDb::start().await;
    let mut stream = Stream::new(&db);
    stream.execute("SELECT 1").await;
    let baton = stream.baton.as_str().unwrap().to_owned();
    let last = if baton.ends_with('A') { 'Q' } else { 'A' };
    let forged = format!("{}{last}", &baton[..baton.len() - 1]);

    for (db, baton, status, code) in [
        (&db, forged.as_str(), 404, "STREAM_NOT_FOUND"),
        (&db, "nonsense", 404, "STREAM_NOT_FOUND"),
        (&other, baton.as_str(), 410, "STREAM_LOST"),
    ] {
        let answer = post(db, "/v3/pipeline", json!({"baton": baton, "requests": []})).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    stream.execute("SELECT 1").await;
}

#[tokio::test]
async fn stored_texts_live_as_long_as_their_stream() {
    let db = TestDb::start().await;
    let mut stream = Stream::new(&db);
    let by_id = json!({"type": "execute", "stmt": {"sql_id": 7}});

    let results = stream
        .results(json!([{"type": "store_sql", "sql_id": 7, "sql": "SELECT 1"}, by_id]))
        .await;
    assert_eq!(results[0]["response"], json!({"type": "store_sql"}));
    assert_eq!(results[1]["response"]["result"]["rows"][0][0]["value"], "1");

    let results = stream
        .results(
            json!([{"type": "store_sql", "sql_id": 7, "sql": "SELECT 2"}, by_id,
            {"type": "describe", "sql_id": 7}, {"type": "sequence", "sql_id": 7},
            {"type": "close_sql", "sql_id": 7}, {"type": "close_sql", "sql_id": 8}, by_id]),
        )
        .await;
    assert_eq!(results[1]["response"]["result"]["rows"][0][0]["value"], "2");
    assert!(
        results[..6].iter().all(|result| result["type"] == "ok"),
        "{results:?}"
    );
    assert_eq!(results[6]["error"]["code"], "SQL_INPUT_ERROR");
    assert_eq!(
        Stream::new(&db).results(json!([by_id])).await[0]["error"]["code"],
        "SQL_INPUT_ERROR"
    );
}

#[tokio::test]
async fn a_stream_stores_so_many_texts_of_such_a_length() {
    let db = TestDb::start().await;
    let store = |id: i32, sql: String| json!({"type": "store_sql", "sql_id": id, "sql": sql});
    let mut requests: Vec<Value> = (0..51).map(|id| store(id, "SELECT 1".to_owned())).collect();
    requests.push(store(0, "SELECT 2".to_owned()));
    requests.push(store(0, "x".repeat(20_000)));

    let results = Stream::new(&db).results(json!(requests)).await;

    assert!(results[..50].iter().all(|result| result["type"] == "ok"));
    assert_eq!(results[50]["error"]["code"], "SQL_STORE_TOO_MANY");
    assert_eq!(results[51]["type"], "ok");
    assert_eq!(results[52]["error"]["code"], "SQL_STORE_TOO_LARGE");
}

#[tokio::test]
async fn describe_tells_of_parameters_and_columns_without_running() {
    let db = with_table().await;
    let results = Stream::new(&db)
        .results(json!([
            {"type": "describe", "sql": "INSERT INTO t VALUES (?, :v) RETURNING id, v || '!' AS w"},
            {"type": "describe", "sql": "EXPLAIN SELECT ?3"},
            {"type": "describe", "sql": "BEGIN TRANSACTION READONLY"},
            {"type": "describe", "sql": "SELECT 1; SELECT 2"}
        ]))
        .await;

    assert_eq!(
        results[0]["response"]["result"],
        json!({"params": [{"name": null}, {"name": ":v"}],
            "cols": [{"name": "id", "decltype": "INTEGER"}, {"name": "w", "decltype": null}],
            "is_explain": false, "is_readonly": false})
    );
    let explain = &results[1]["response"]["result"];
    assert_eq!(
        explain["params"],
        json!([{"name": null}, {"name": null}, {"name": "?3"}])
    );
    assert_eq!(
        (&explain["is_explain"], &explain["is_readonly"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(results[2]["type"], "ok");
    assert_eq!(results[3]["error"]["code"], "SQL_MANY_STATEMENTS");
    assert_eq!(rows_of_t(&db).await, 1);
}

#[tokio::test]
async fn a_sequence_stops_at_its_first_error() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);

    let good = "CREATE TRIGGER a AFTER INSERT ON t BEGIN UPDATE t SET v = 'a;b' WHERE id = 1; END; -- ;\n\
                INSERT INTO t VALUES (2, 'x;y'); SELECT * FROM t;";
    let result = stream.result(json!({"type": "sequence", "sql": good})).await;
    assert_eq!(result, json!({"type": "ok", "response": {"type": "sequence"}}));
    assert_eq!(stream.scalar("SELECT v FROM t WHERE id = 1").await, "a;b");

    let bad = "INSERT INTO t VALUES (3, ''); INSERT INTO t VALUES (3, ''); INSERT INTO t VALUES (4, '')";
    let result = stream.result(json!({"type": "sequence", "sql": bad})).await;
    assert_eq!(result["error"]["code"], "SQLITE_CONSTRAINT");
    assert_eq!(rows_of_t(&db).await, 3);
    let nothing = stream
        .result(json!({"type": "sequence", "sql": " ; -- nothing"}))
        .await;
    assert_eq!(nothing["type"], "ok");
}

#[tokio::test]
async fn version_1_shares_its_paths_with_ours() {
    let db = with_table().await;

    let answer = post(
        &db,
        "/v1/execute",
        json!({"stmt": {"sql": "SELECT v FROM t WHERE id = ?", "args": [{"type": "integer", "value": "1"}]}}),
    )
    .await;
    assert_eq!(
        answer.json()["result"]["rows"],
        json!([[{"type": "text", "value": "one"}]])
    );
    let answer = post(
        &db,
        "/v1/batch",
        json!({"batch": {"steps": [{"stmt": {"sql": "DELETE FROM t"}}, {"stmt": {"sql": "SELEC"}}]}}),
    )
    .await;
    assert_eq!(
        answer.json()["result"]["step_results"][0]["affected_row_count"],
        1
    );
    assert_eq!(
        answer.json()["result"]["step_errors"][1]["code"],
        "SQL_PARSE_ERROR"
    );
    let answer = post(
        &db,
        "/v1/execute",
        json!({"stmt": {"sql": "SELECT * FROM nowhere"}}),
    )
    .await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!("SQLITE_ERROR"))
    );
    let answer = post(&db, "/v1/execute", json!({"sql": "INSERT INTO t VALUES (5, '')"})).await;
    assert_eq!(answer.json()["rows_affected"], 1);
}
