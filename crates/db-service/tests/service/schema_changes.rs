//! A statement runs against the schema as it is, whichever way it takes and whoever changed the schema.
//!
//! Every way to run a statement is taken for every kind of change, made by each who can make one; before it, the
//! same way has been warmed with the same text, so that a statement compiled against the old schema is at hand.
//!
//! The file is longer than others since it is one table of ways, changes and those who make them, with what takes each way.

use super::http::{post, post_rows, request, run, send};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

/// How often a way is taken beforehand: more often than a text must have been short to run at once.
const WARM: usize = 12;

/// The ways that give rows.
const READS: [Way; 15] = [
    Way::Query("application/json"),
    Way::Query("application/x-ndjson"),
    Way::Query("text/csv"),
    Way::Get,
    Way::Execute,
    Way::Batch,
    Way::Independent,
    Way::Alone,
    Way::Stream,
    Way::FreshStream,
    Way::Transaction,
    Way::Stored,
    Way::Cursor,
    Way::Version1,
    Way::Describe,
];

/// The ways that write.
const WRITES: [Way; 12] = [
    Way::Execute,
    Way::Batch,
    Way::Independent,
    Way::Many,
    Way::Alone,
    Way::Stream,
    Way::FreshStream,
    Way::Transaction,
    Way::Stored,
    Way::Sequence,
    Way::Cursor,
    Way::Version1,
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// `POST /v1/query` with this `Accept`.
    Query(&'static str),
    /// `GET /v1/query`.
    Get,
    Execute,
    Batch,
    Independent,
    /// `/v1/execute` with sets of parameters.
    Many,
    /// `execute` and `close` in one pipeline.
    Alone,
    /// On a stream that was opened before the change.
    Stream,
    /// On a stream of its own, with another request.
    FreshStream,
    /// In a transaction on a stream that was opened before the change.
    Transaction,
    /// By the id of a text that was stored before the change.
    Stored,
    Sequence,
    Cursor,
    /// Version 1 of Hrana.
    Version1,
    Describe,
}

/// Who changes the schema.
#[derive(Debug, Clone, Copy)]
enum By {
    /// `/v1/execute`.
    Execute,
    /// A batch that writes rows as well, as an import does.
    Batch,
    /// A statement on a stream.
    Stream,
    /// A transaction on a stream.
    Transaction,
}

const BY: [By; 4] = [By::Execute, By::Batch, By::Stream, By::Transaction];

/// What `SELECT *` gives: columns and the first row. Describe gives no row.
type Answer = (Vec<String>, Option<Vec<i64>>);

/// A service and the stream that lives through the change.
struct Scene {
    db: TestDb,
    baton: Value,
}

impl Scene {
    async fn with(statements: &[&str]) -> Self {
        let db = TestDb::start_with(|config| config.synchronous = db_service::Synchronous::Normal).await;
        run(&db, statements).await;
        Self {
            db,
            baton: Value::Null,
        }
    }

    async fn pipeline(&mut self, baton: Value, requests: Value) -> Result<Vec<Value>, String> {
        let answer = post(
            &self.db,
            "/v3/pipeline",
            json!({"baton": baton, "requests": requests}),
        )
        .await;
        if answer.status != 200 {
            return Err(answer.text);
        }
        self.baton = answer.json()["baton"].clone();
        Ok(answer.json()["results"].as_array().unwrap().clone())
    }

    /// Runs `sql` on the stream that lives on; the last of the requests' results.
    async fn on_stream(&mut self, requests: Value) -> Result<Value, String> {
        let results = self.pipeline(self.baton.clone(), requests).await?;
        match results.iter().find(|result| result["type"] != "ok") {
            Some(failed) => Err(failed.to_string()),
            None => Ok(results.last().unwrap()["response"]["result"].clone()),
        }
    }

    async fn change(&mut self, by: By, ddl: &[&str]) {
        let kept = std::mem::take(&mut self.baton);
        match by {
            By::Execute => run(&self.db, ddl).await,
            By::Batch => {
                let mut statements: Vec<Value> = ddl.iter().map(|sql| json!({"sql": sql})).collect();
                statements.push(json!({"sql": "INSERT INTO imported VALUES (1)"}));
                let answer = post(&self.db, "/v1/batch", json!({"statements": statements})).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
            By::Stream | By::Transaction => {
                let mut steps: Vec<String> = ddl.iter().map(|sql| (*sql).to_owned()).collect();
                if matches!(by, By::Transaction) {
                    steps.insert(0, "BEGIN".to_owned());
                    steps.push("COMMIT".to_owned());
                }
                let mut requests: Vec<Value> = steps
                    .iter()
                    .map(|sql| json!({"type": "execute", "stmt": {"sql": sql}}))
                    .collect();
                requests.push(json!({"type": "close"}));
                let results = self.pipeline(Value::Null, json!(requests)).await.unwrap();
                assert!(results.iter().all(|result| result["type"] == "ok"), "{results:?}");
            }
        }
        self.baton = kept;
    }

    /// Runs `sql` along `way`.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each way, each as short as its protocol"
    )]
    async fn take(&mut self, way: Way, sql: &str) -> Result<Answer, String> {
        let statement = json!({"type": "execute", "stmt": {"sql": sql}});
        match way {
            Way::Query(accept) => {
                let request = request(&self.db, Method::POST, "/v1/query")
                    .header("accept", accept)
                    .json(&json!({"sql": sql}));
                let answer = send(request).await;
                if answer.status != 200 {
                    return Err(answer.text);
                }
                match accept {
                    "text/csv" => Ok(csv(&answer.text)),
                    "application/x-ndjson" => {
                        let lines: Vec<Value> = answer
                            .text
                            .lines()
                            .map(|line| serde_json::from_str(line).unwrap())
                            .collect();
                        Ok((names(&lines[0]["columns"]), Some(numbers(&lines[1]))))
                    }
                    _ => Ok(plain(&answer.json())),
                }
            }
            Way::Get => {
                let answer = send(request(&self.db, Method::GET, "/v1/query").query(&[("sql", sql)])).await;
                answered(answer).map(|body| plain(&body))
            }
            Way::Execute => {
                let answer = post(&self.db, "/v1/execute", json!({"sql": sql})).await;
                answered(answer).map(|body| plain(&body))
            }
            Way::Many => {
                let body = json!({"sql": sql, "params_many": [[]]});
                let answer = post(&self.db, "/v1/execute", body).await;
                answered(answer).map(|body| plain(&body))
            }
            Way::Batch | Way::Independent => {
                let mode = if way == Way::Batch {
                    "atomic"
                } else {
                    "independent"
                };
                let body = json!({"mode": mode, "statements": [{"sql": sql}]});
                let body = answered(post(&self.db, "/v1/batch", body).await)?;
                match body["results"][0].get("ok") {
                    Some(outcome) => Ok(plain(outcome)),
                    None => Err(body.to_string()),
                }
            }
            Way::Alone => {
                let requests = json!([statement, {"type": "close"}]);
                let kept = self.baton.clone();
                let results = self.pipeline(Value::Null, requests).await?;
                self.baton = kept;
                hrana(&results[0])
            }
            Way::FreshStream => {
                let requests = json!([statement, {"type": "get_autocommit"}, {"type": "close"}]);
                let kept = self.baton.clone();
                let results = self.pipeline(Value::Null, requests).await?;
                self.baton = kept;
                hrana(&results[0])
            }
            Way::Stream => Ok(rows(&self.on_stream(json!([statement])).await?)),
            Way::Transaction => {
                let execute = |sql: &str| json!({"type": "execute", "stmt": {"sql": sql}});
                let begun = json!([execute("BEGIN")]);
                self.on_stream(begun).await?;
                let result = self.on_stream(json!([statement])).await;
                self.on_stream(json!([execute("COMMIT")])).await?;
                Ok(rows(&result?))
            }
            Way::Stored => {
                let requests = json!([
                    {"type": "store_sql", "sql_id": 1, "sql": sql},
                    {"type": "execute", "stmt": {"sql_id": 1}}
                ]);
                Ok(rows(&self.on_stream(requests).await?))
            }
            Way::Sequence => {
                self.on_stream(json!([{"type": "sequence", "sql": format!("SELECT 1; {sql};")}]))
                    .await?;
                Ok((Vec::new(), None))
            }
            Way::Describe => {
                let described = self.on_stream(json!([{"type": "describe", "sql": sql}])).await?;
                Ok((names(&described["cols"]), None))
            }
            Way::Cursor => {
                let body = json!({"baton": null, "batch": {"steps": [{"stmt": {"sql": sql}}]}});
                let answer = post(&self.db, "/v3/cursor", body).await;
                let lines: Vec<Value> = answer
                    .text
                    .lines()
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect();
                if lines.iter().any(|line| line["type"] == "step_error") {
                    return Err(answer.text);
                }
                let row = lines.iter().find(|line| line["type"] == "row");
                Ok((names(&lines[1]["cols"]), row.map(|row| numbers(&row["row"]))))
            }
            Way::Version1 => {
                let answer = post(&self.db, "/v1/execute", json!({"stmt": {"sql": sql}})).await;
                answered(answer).map(|body| rows(&body["result"]))
            }
        }
    }
}

fn answered(answer: super::http::Answer) -> Result<Value, String> {
    if answer.status == 200 {
        Ok(answer.json())
    } else {
        Err(answer.text)
    }
}

fn names(columns: &Value) -> Vec<String> {
    let columns = columns.as_array().unwrap();
    columns
        .iter()
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect()
}

fn numbers(row: &Value) -> Vec<i64> {
    let values = row.as_array().unwrap();
    values
        .iter()
        .map(|value| match &value["value"] {
            Value::String(digits) => digits.parse().unwrap(),
            _ => value.as_i64().unwrap_or_else(|| panic!("{row}")),
        })
        .collect()
}

fn plain(body: &Value) -> Answer {
    (names(&body["columns"]), body["rows"].get(0).map(numbers))
}

fn rows(result: &Value) -> Answer {
    (names(&result["cols"]), result["rows"].get(0).map(numbers))
}

fn hrana(result: &Value) -> Result<Answer, String> {
    match result["type"].as_str() {
        Some("ok") => Ok(rows(&result["response"]["result"])),
        _ => Err(result.to_string()),
    }
}

fn csv(text: &str) -> Answer {
    let mut lines = text.lines();
    let head = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let row = lines
        .next()
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect());
    (head, row)
}

/// A change of what `SELECT * FROM x` gives.
struct Change {
    what: &'static str,
    before: &'static [&'static str],
    ddl: &'static [&'static str],
    columns: &'static [&'static str],
    row: &'static [i64],
}

const CHANGES: [Change; 7] = [
    Change {
        what: "add column",
        before: &[
            "CREATE TABLE x (id INTEGER, a INTEGER, b INTEGER)",
            "INSERT INTO x VALUES (1, 10, 20)",
        ],
        ddl: &["ALTER TABLE x ADD COLUMN c INTEGER DEFAULT 30"],
        columns: &["id", "a", "b", "c"],
        row: &[1, 10, 20, 30],
    },
    Change {
        what: "drop column",
        before: &[
            "CREATE TABLE x (id INTEGER, a INTEGER, b INTEGER)",
            "INSERT INTO x VALUES (1, 10, 20)",
        ],
        ddl: &["ALTER TABLE x DROP COLUMN a"],
        columns: &["id", "b"],
        row: &[1, 20],
    },
    Change {
        what: "rename column",
        before: &[
            "CREATE TABLE x (id INTEGER, a INTEGER)",
            "INSERT INTO x VALUES (1, 10)",
        ],
        ddl: &["ALTER TABLE x RENAME COLUMN a TO z"],
        columns: &["id", "z"],
        row: &[1, 10],
    },
    Change {
        what: "drop and create",
        before: &[
            "CREATE TABLE x (a INTEGER, b INTEGER)",
            "INSERT INTO x VALUES (1, 2)",
        ],
        ddl: &[
            "DROP TABLE x",
            "CREATE TABLE x (b INTEGER, a INTEGER, c INTEGER)",
            "INSERT INTO x VALUES (2, 1, 3)",
        ],
        columns: &["b", "a", "c"],
        row: &[2, 1, 3],
    },
    Change {
        what: "view redefined",
        before: &["CREATE VIEW x AS SELECT 1 AS net, 2 AS gross"],
        ddl: &["DROP VIEW x", "CREATE VIEW x AS SELECT 2 AS gross, 1 AS net"],
        columns: &["gross", "net"],
        row: &[2, 1],
    },
    Change {
        what: "index made",
        before: &[
            "CREATE TABLE x (id INTEGER, a INTEGER)",
            "INSERT INTO x VALUES (1, 10)",
        ],
        ddl: &["CREATE UNIQUE INDEX x_by_a ON x (a)"],
        columns: &["id", "a"],
        row: &[1, 10],
    },
    Change {
        what: "table renamed under a view",
        before: &[
            "CREATE TABLE y (id INTEGER, a INTEGER)",
            "INSERT INTO y VALUES (1, 10)",
            "CREATE VIEW x AS SELECT * FROM y",
        ],
        ddl: &["ALTER TABLE y ADD COLUMN b INTEGER DEFAULT 5"],
        columns: &["id", "a", "b"],
        row: &[1, 10, 5],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_read_gives_the_columns_of_the_schema_as_it_is() {
    let sql = "SELECT * FROM x";
    let mut wrong = Vec::new();
    for change in &CHANGES {
        for by in BY {
            let mut scene = Scene::with(change.before).await;
            run(&scene.db, &["CREATE TABLE imported (id INTEGER)"]).await;
            for way in READS {
                for _ in 0..WARM {
                    scene.take(way, sql).await.unwrap();
                }
            }

            scene.change(by, change.ddl).await;

            for way in READS {
                let answer = scene.take(way, sql).await;
                let row = (way != Way::Describe).then(|| change.row.to_vec());
                let right = (
                    change.columns.iter().map(|name| (*name).to_owned()).collect(),
                    row,
                );
                if answer.as_ref() != Ok(&right) {
                    wrong.push(format!("{} by {by:?}, {way:?}: {answer:?}", change.what));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_takes_what_the_schema_as_it_is_takes() {
    let mut wrong = Vec::new();
    for by in BY {
        for way in WRITES {
            let mut scene =
                Scene::with(&["CREATE TABLE x (a INTEGER)", "CREATE TABLE imported (id INTEGER)"]).await;
            for _ in 0..WARM {
                scene.take(way, "INSERT INTO x VALUES (1)").await.unwrap();
            }

            scene.change(by, &["ALTER TABLE x ADD COLUMN b INTEGER"]).await;

            let taken = scene.take(way, "INSERT INTO x VALUES (1, 2)").await;
            if let Err(why) = taken {
                wrong.push(format!("{way:?} by {by:?}: {why}"));
            }
            let refused = scene.take(way, "INSERT INTO x VALUES (1)").await;
            if refused.is_ok() {
                wrong.push(format!("{way:?} by {by:?}: one value was taken for two columns"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_and_give_rows_gives_those_of_the_schema_as_it_is() {
    let sql = "INSERT INTO x (a) VALUES (7) RETURNING *";
    let mut wrong = Vec::new();
    for by in BY {
        for way in WRITES.into_iter().filter(|way| *way != Way::Sequence) {
            let mut scene =
                Scene::with(&["CREATE TABLE x (a INTEGER)", "CREATE TABLE imported (id INTEGER)"]).await;
            for _ in 0..WARM {
                scene.take(way, sql).await.unwrap();
            }

            scene
                .change(by, &["ALTER TABLE x ADD COLUMN b INTEGER DEFAULT 8"])
                .await;

            let answer = scene.take(way, sql).await;
            let right = (vec!["a".to_owned(), "b".to_owned()], Some(vec![7, 8]));
            if answer.as_ref() != Ok(&right) {
                wrong.push(format!("{way:?} by {by:?}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_fires_and_a_unique_index_holds_for_every_way_to_write() {
    let sql = "INSERT INTO x VALUES (1)";
    let mut wrong = Vec::new();
    for by in BY {
        for way in WRITES {
            let mut scene = Scene::with(&[
                "CREATE TABLE x (a INTEGER)",
                "CREATE TABLE seen (a INTEGER)",
                "CREATE TABLE imported (id INTEGER)",
            ])
            .await;
            for _ in 0..WARM {
                scene.take(way, sql).await.unwrap();
            }

            let trigger =
                "CREATE TRIGGER x_seen AFTER INSERT ON x BEGIN INSERT INTO seen VALUES (new.a); END";
            scene.change(by, &[trigger]).await;
            scene.take(way, sql).await.unwrap();
            let seen = scene
                .take(Way::Execute, "SELECT count(*) AS n FROM seen")
                .await
                .unwrap();
            if seen.1 != Some(vec![1]) {
                wrong.push(format!("{way:?} by {by:?}: the trigger did not fire"));
            }
            scene
                .change(by, &["DELETE FROM x", "CREATE UNIQUE INDEX x_a ON x (a)"])
                .await;
            scene.take(way, sql).await.unwrap();
            if scene.take(way, sql).await.is_ok() {
                wrong.push(format!("{way:?} by {by:?}: two equal keys"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn bulk_inserts_plans_and_tables_follow_the_schema() {
    for by in BY {
        let mut scene =
            Scene::with(&["CREATE TABLE x (a INTEGER)", "CREATE TABLE imported (id INTEGER)"]).await;
        let insert = async |scene: &Scene, row: &str| {
            post_rows(
                &scene.db,
                "/v1/tables/x/rows",
                "application/x-ndjson",
                row.to_owned(),
            )
            .await
        };
        let plan = json!({"sql": "SELECT * FROM x WHERE a = 1"});
        for _ in 0..WARM {
            assert_eq!(insert(&scene, "{\"a\":1}").await.status, 200);
            assert_eq!(post(&scene.db, "/v1/explain", plan.clone()).await.status, 200);
        }

        let ddl = [
            "ALTER TABLE x ADD COLUMN b INTEGER",
            "CREATE INDEX x_by_a ON x (a)",
        ];
        scene.change(by, &ddl).await;

        let taken = insert(&scene, "{\"a\":1,\"b\":2}").await;
        assert_eq!(taken.status, 200, "{by:?}: {}", taken.text);
        let plan = post(&scene.db, "/v1/explain", plan).await;
        assert!(plan.text.contains("x_by_a"), "{by:?}: {}", plan.text);
        let plan = post(&scene.db, "/v1/explain", json!({"sql": "SELECT b FROM x"})).await;
        assert_eq!(plan.status, 200, "{by:?}: {}", plan.text);
        let tables = scene.db.client.list_tables().await.unwrap().tables;
        assert!(
            tables
                .iter()
                .any(|table| table.name == "x" && table.column_count == 2),
            "{by:?}"
        );
        assert_eq!(
            scene.db.client.get_table("x").await.unwrap().columns.len(),
            2,
            "{by:?}"
        );
    }
}

#[tokio::test]
async fn a_view_that_asks_for_the_time_from_now_on_is_not_kept_by_clients() {
    let mut scene = Scene::with(&[
        "CREATE VIEW x AS SELECT 1 AS n",
        "CREATE TABLE imported (id INTEGER)",
    ])
    .await;
    let ask = async |db: &TestDb| post(db, "/v1/query", json!({"sql": "SELECT n FROM x"})).await;
    for _ in 0..WARM {
        assert_ne!(ask(&scene.db).await.header("etag"), "");
    }

    let ddl = ["DROP VIEW x", "CREATE VIEW x AS SELECT unixepoch() AS n"];
    scene.change(By::Stream, &ddl).await;

    assert_eq!(ask(&scene.db).await.header("etag"), "");
}

#[tokio::test]
async fn a_stream_that_was_idle_in_a_transaction_sees_the_schema_when_it_begins_to_read() {
    let mut scene = Scene::with(&["CREATE TABLE x (a INTEGER)", "CREATE TABLE imported (id INTEGER)"]).await;
    let execute = |sql: &str| json!([{"type": "execute", "stmt": {"sql": sql}}]);
    scene
        .on_stream(execute("INSERT INTO x VALUES (1)"))
        .await
        .unwrap();
    scene.on_stream(execute("BEGIN")).await.unwrap();

    scene
        .change(By::Execute, &["ALTER TABLE x ADD COLUMN b INTEGER"])
        .await;

    scene
        .on_stream(execute("INSERT INTO x VALUES (1, 2)"))
        .await
        .unwrap();
    scene.on_stream(execute("COMMIT")).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_reads_an_older_state_sees_its_schema_to_the_end() {
    let mut scene = Scene::with(&[
        "CREATE TABLE x (a INTEGER)",
        "INSERT INTO x VALUES (1)",
        "CREATE TABLE imported (id INTEGER)",
    ])
    .await;
    let execute = |sql: &str| json!([{"type": "execute", "stmt": {"sql": sql}}]);
    let before = (vec!["a".to_owned()], Some(vec![1]));
    let after = (vec!["a".to_owned(), "b".to_owned()], Some(vec![1, 2]));
    scene.on_stream(execute("BEGIN")).await.unwrap();
    scene.on_stream(execute("SELECT * FROM x")).await.unwrap();

    scene
        .change(By::Execute, &["ALTER TABLE x ADD COLUMN b INTEGER DEFAULT 2"])
        .await;

    for _ in 0..2 {
        let inside = scene.on_stream(execute("SELECT * FROM x")).await.unwrap();
        assert_eq!(rows(&inside), before);
    }
    scene.on_stream(execute("COMMIT")).await.unwrap();
    let described = scene
        .on_stream(json!([{"type": "describe", "sql": "SELECT * FROM x"}]))
        .await
        .unwrap();
    assert_eq!(names(&described["cols"]), after.0);
    assert_eq!(
        rows(&scene.on_stream(execute("SELECT * FROM x")).await.unwrap()),
        after
    );
}
