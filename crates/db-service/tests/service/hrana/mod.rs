//! The Hrana protocol, by hand and through the published SDKs.

mod aborted;
mod batches;
mod cursor;
mod limits;
mod one_shot;
mod protocol;
mod rights;
mod statements;
mod transactions;

use super::http::{Answer, post};
use serde_json::{Value, json};
use test_kit::TestDb;

/// A client's side of a stream.
pub(crate) struct Stream<'a> {
    db: &'a TestDb,
    pub(crate) baton: Value,
}

impl<'a> Stream<'a> {
    /// One that is opened by its first request.
    pub(crate) fn new(db: &'a TestDb) -> Self {
        Self {
            db,
            baton: Value::Null,
        }
    }

    /// Sends requests; the answer as it came.
    pub(crate) async fn send(&mut self, requests: Value) -> Answer {
        let body = json!({"baton": self.baton, "requests": requests});
        let answer = post(self.db, "/v3/pipeline", body).await;
        if answer.status == 200 {
            self.baton = answer.json()["baton"].clone();
        }
        answer
    }

    /// Sends requests that are answered; a result for each.
    pub(crate) async fn results(&mut self, requests: Value) -> Vec<Value> {
        let answer = self.send(requests).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["results"].as_array().unwrap().clone()
    }

    /// Runs one statement without values, and gives its result.
    pub(crate) async fn execute(&mut self, sql: &str) -> Value {
        let result = self
            .result(json!({"type": "execute", "stmt": {"sql": sql}}))
            .await;
        assert_eq!(result["type"], "ok", "{sql}: {result}");
        result["response"]["result"].clone()
    }

    /// Runs one statement that fails, and gives its error.
    pub(crate) async fn failure(&mut self, sql: &str) -> Value {
        let result = self
            .result(json!({"type": "execute", "stmt": {"sql": sql}}))
            .await;
        assert_eq!(result["type"], "error", "{sql}: {result}");
        result["error"].clone()
    }

    /// Sends one request, and gives its result.
    pub(crate) async fn result(&mut self, request: Value) -> Value {
        self.results(json!([request])).await.remove(0)
    }

    /// The only value of a statement's only row.
    pub(crate) async fn scalar(&mut self, sql: &str) -> Value {
        self.execute(sql).await["rows"][0][0]["value"].clone()
    }

    /// Whether no transaction is open.
    pub(crate) async fn is_autocommit(&mut self) -> Value {
        let result = self.result(json!({"type": "get_autocommit"})).await;
        result["response"]["is_autocommit"].clone()
    }
}

/// A service whose database has the table `t (id INTEGER PRIMARY KEY, v TEXT)` with one row, (1, 'one').
pub(crate) async fn with_table() -> TestDb {
    with_table_and(|_| {}).await
}

/// The same with other settings.
pub(crate) async fn with_table_and(change: impl FnOnce(&mut db_service::Config)) -> TestDb {
    let db = TestDb::start_with(change).await;
    super::http::run(
        &db,
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
            "INSERT INTO t VALUES (1, 'one')",
        ],
    )
    .await;
    db
}

/// How many rows `t` has for everybody else.
pub(crate) async fn rows_of_t(db: &TestDb) -> i64 {
    db.client.query("SELECT count(*) FROM t", []).await.unwrap().rows[0][0]
        .as_i64()
        .unwrap()
}
