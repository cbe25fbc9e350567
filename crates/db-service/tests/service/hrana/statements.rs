//! Values, parameters, results and errors of single statements.

use super::{Stream, rows_of_t, with_table, with_table_and};
use serde_json::{Value, json};
use test_kit::TestDb;

async fn row(stream: &mut Stream<'_>, statement: Value) -> Value {
    let result = stream.result(json!({"type": "execute", "stmt": statement})).await;
    assert_eq!(result["type"], "ok", "{statement}: {result}");
    result["response"]["result"]["rows"][0].clone()
}

#[tokio::test]
async fn values_come_out_as_they_went_in() {
    let db = TestDb::start().await;
    let mut stream = Stream::new(&db);
    let values = json!([
        {"type": "null"},
        {"type": "integer", "value": "9223372036854775807"},
        {"type": "integer", "value": "-9223372036854775808"},
        {"type": "float", "value": 0.1},
        {"type": "float", "value": -0.0},
        {"type": "float", "value": 5e-324},
        {"type": "text", "value": "Île-de-France\u{0}\"\u{1f600}"},
        {"type": "blob", "base64": "AP8"},
        {"type": "blob", "base64": ""}
    ]);

    let given = row(
        &mut stream,
        json!({"sql": "SELECT ?,?,?,?,?,?,?,?,?", "args": values}),
    )
    .await;

    assert_eq!(given.to_string(), values.to_string());
    let padded = json!({"sql": "SELECT ?, ?", "args": [{"type": "blob", "base64": "AP8="}, {"type": "float", "value": 3}]});
    assert_eq!(
        row(&mut stream, padded).await,
        json!([{"type": "blob", "base64": "AP8"}, {"type": "float", "value": 3.0}])
    );
    assert_eq!(
        row(
            &mut stream,
            json!({"sql": "SELECT 1e999, -1e999, CAST(x'ff' AS TEXT)"})
        )
        .await,
        json!([{"type": "float", "value": null}, {"type": "float", "value": null}, {"type": "text", "value": "\u{fffd}"}])
    );
}

#[tokio::test]
async fn parameters_are_found_by_position_number_and_name() {
    let db = TestDb::start().await;
    let mut stream = Stream::new(&db);
    let text = |value: &str| json!({"type": "text", "value": value});
    let named = |name: &str, value: &str| json!({"name": name, "value": text(value)});

    for (statement, expected) in [
        (
            json!({"sql": "SELECT ?3 || ?1", "args": [text("a"), text("b"), text("c")]}),
            "ca",
        ),
        (
            json!({"sql": "SELECT ? || ?", "args": [text("a"), text("b"), text("surplus")]}),
            "ab",
        ),
        (
            json!({"sql": "SELECT ?2 || ?", "args": [text("a"), text("b"), text("c")]}),
            "bc",
        ),
        (
            json!({"sql": "SELECT :a || @b || $c", "named_args": [named("a", "1"), named("@b", "2"), named("$c", "3")]}),
            "123",
        ),
        (
            json!({"sql": "SELECT ? || :a || ?", "args": [text("x"), text("unused"), text("z")], "named_args": [named(":a", "y")]}),
            "xyz",
        ),
        (
            json!({"sql": "SELECT :a || :a", "args": [text("p")], "named_args": null}),
            "pp",
        ),
    ] {
        assert_eq!(
            row(&mut stream, statement.clone()).await[0]["value"],
            expected,
            "{statement}"
        );
    }
    for statement in [
        json!({"sql": "SELECT ?, ?", "args": [text("a")]}),
        json!({"sql": "SELECT :a", "named_args": [named("b", "1")]}),
    ] {
        let result = stream.result(json!({"type": "execute", "stmt": statement})).await;
        assert_eq!(result["error"]["code"], "ARGS_INVALID", "{result}");
    }
}

#[tokio::test]
async fn a_result_tells_what_the_statement_did() {
    let db = with_table().await;
    let mut stream = Stream::new(&db);

    let inserted = stream.execute("INSERT INTO t (v) VALUES ('a'), ('b')").await;
    assert_eq!(
        (
            &inserted["affected_row_count"],
            &inserted["last_insert_rowid"],
            &inserted["cols"]
        ),
        (&json!(2), &json!("3"), &json!([]))
    );
    let updated = stream.execute("UPDATE t SET v = 'c' RETURNING id, v").await;
    assert_eq!(updated["affected_row_count"], 3);
    assert_eq!(updated["last_insert_rowid"], Value::Null);
    assert_eq!(updated["rows"].as_array().unwrap().len(), 3);
    assert_eq!(updated["cols"][1], json!({"name": "v", "decltype": "TEXT"}));
    let read = stream.execute("SELECT id AS a, v AS a FROM t").await;
    assert_eq!(
        (&read["affected_row_count"], &read["last_insert_rowid"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(read["cols"][0]["name"], read["cols"][1]["name"]);
    assert!(
        read["query_duration_ms"].is_number() && read["rows_read"].is_u64(),
        "{read}"
    );
    let unwanted = stream
        .result(json!({"type": "execute", "stmt": {"sql": "DELETE FROM t RETURNING id", "want_rows": false}}))
        .await;
    assert_eq!(unwanted["response"]["result"]["rows"], json!([]));
    assert_eq!(unwanted["response"]["result"]["affected_row_count"], 3);
    assert_eq!(rows_of_t(&db).await, 0);
}

#[tokio::test]
async fn errors_have_a_base_code_and_an_extended_one() {
    let db = with_table_and(|config| config.limits.max_value_bytes = 1_000_000).await;
    let mut stream = Stream::new(&db);

    for (sql, code, extended) in [
        (
            "INSERT INTO t VALUES (1, '')",
            "SQLITE_CONSTRAINT",
            json!("SQLITE_CONSTRAINT_PRIMARYKEY"),
        ),
        ("SELEC 1", "SQL_PARSE_ERROR", json!("SQLITE_ERROR")),
        ("SELECT * FROM nowhere", "SQLITE_ERROR", json!("SQLITE_ERROR")),
        ("", "SQL_NO_STATEMENT", Value::Null),
        (" -- nothing", "SQL_NO_STATEMENT", Value::Null),
        ("SELECT 1; SELECT 2", "SQL_MANY_STATEMENTS", Value::Null),
        ("SELECT zeroblob(2000000)", "SQLITE_TOOBIG", Value::Null),
        ("SELECT load_extension('x')", "SQLITE_AUTH", json!("SQLITE_AUTH")),
        ("PRAGMA journal_mode = delete", "SQL_INPUT_ERROR", Value::Null),
        ("PRAGMA locking_mode = exclusive", "SQL_INPUT_ERROR", Value::Null),
    ] {
        let error = stream.failure(sql).await;
        assert_eq!(
            (error["code"].as_str().unwrap(), &error["extended_code"]),
            (code, &extended),
            "{sql}: {error}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    stream.execute("SELECT 1;").await;
    stream.execute("PRAGMA journal_mode = WAL").await;
    stream.execute("PRAGMA foreign_keys = ON").await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_its_statement_and_undoes_it() {
    let db = with_table_and(|config| config.limits.max_result_bytes = 100_000).await;
    let mut stream = Stream::new(&db);
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM n WHERE x < 9999)";

    let results = stream
        .results(json!([
            {"type": "execute", "stmt": {"sql": format!("{numbers} SELECT x FROM n")}},
            {"type": "execute", "stmt": {"sql": format!("{numbers} INSERT INTO t SELECT x, 'v' FROM n RETURNING id, v")}},
            {"type": "execute", "stmt": {"sql": "SELECT count(*) FROM t"}}
        ]))
        .await;

    assert_eq!(results[0]["error"]["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(results[1]["error"]["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(results[2]["response"]["result"]["rows"][0][0]["value"], "1");
    assert_eq!(rows_of_t(&db).await, 1);
}
