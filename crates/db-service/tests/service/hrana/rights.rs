//! Tokens: what a statement may do, and who may go on with a stream.

use super::super::http::{Answer, request, send};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::TestDb;

struct Guarded {
    db: TestDb,
    reader: String,
    writer: String,
    admin: String,
    _folder: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        let mut text = String::new();
        let [reader, writer, admin] = ["read", "write", "admin"].map(|scope| {
            let (token, entry) = db_service::new_token(scope, scope).unwrap();
            text.push_str(&entry);
            token
        });
        std::fs::write(&file, text).unwrap();
        let db = TestDb::start_with(|config| config.tokens = Some(file)).await;
        let guarded = Self {
            db,
            reader,
            writer,
            admin,
            _folder: folder,
        };
        let made = guarded
            .execute(&guarded.writer, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
            .await;
        assert_eq!(made["type"], "ok", "{made}");
        guarded
    }

    async fn send(&self, token: &str, path: &str, body: Value) -> Answer {
        send(
            request(&self.db, Method::POST, path)
                .bearer_auth(token)
                .json(&body),
        )
        .await
    }

    async fn execute(&self, token: &str, sql: &str) -> Value {
        let body = json!({"requests": [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]});
        let answer = self.send(token, "/v3/pipeline", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["results"][0].clone()
    }
}

#[tokio::test]
async fn a_token_is_asked_for_in_the_words_of_the_protocol() {
    let guarded = Guarded::start().await;

    for path in ["/v2/pipeline", "/v3/pipeline", "/v3/cursor"] {
        let answer = guarded.send("wrong", path, json!({"requests": []})).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["code"], "unauthorized");
        assert_eq!(answer.json()["message"], "the token is not known");
    }
}

#[tokio::test]
async fn every_statement_is_held_to_its_callers_rights() {
    let guarded = Guarded::start().await;
    let Guarded {
        reader,
        writer,
        admin,
        ..
    } = &guarded;

    for (token, sql, code) in [
        (reader, "SELECT count(*) FROM t", None),
        (reader, "PRAGMA table_info(t)", None),
        (reader, "PRAGMA read_uncommitted", None),
        (reader, "PRAGMA read_uncommitted = 1", Some("SQLITE_AUTH")),
        (reader, "BEGIN", None),
        (reader, "INSERT INTO t VALUES (1)", Some("SQLITE_AUTH")),
        (reader, "CREATE TEMP TABLE mine (a)", Some("SQLITE_AUTH")),
        (writer, "INSERT INTO t VALUES (2)", None),
        (writer, "PRAGMA foreign_keys = OFF", Some("SQLITE_AUTH")),
        (writer, "ATTACH ':memory:' AS other", Some("SQLITE_AUTH")),
        (writer, "VACUUM", Some("SQLITE_AUTH")),
        (admin, "ATTACH ':memory:' AS other", None),
        (admin, "PRAGMA foreign_keys = OFF", None),
        (admin, "VACUUM", None),
    ] {
        let result = guarded.execute(token, sql).await;
        assert_eq!(result["error"]["code"].as_str(), code, "{sql}: {result}");
    }
    let body = json!({"stmt": {"sql": "SELECT count(*) FROM t"}});
    let answer = guarded.send(reader, "/v1/execute", body).await;
    assert_eq!(answer.json()["result"]["rows"][0][0]["value"], "1");
}

#[tokio::test]
async fn a_stream_belongs_to_its_token() {
    let guarded = Guarded::start().await;
    let open = json!({"requests": [{"type": "execute", "stmt": {"sql": "BEGIN"}}]});
    let begun = guarded.send(&guarded.writer, "/v3/pipeline", open).await.json();
    let go_on = json!({"baton": begun["baton"], "requests": [{"type": "get_autocommit"}]});

    let other = guarded.send(&guarded.admin, "/v3/pipeline", go_on.clone()).await;
    assert_eq!(
        (other.status, &other.json()["code"]),
        (404, &json!("STREAM_NOT_FOUND"))
    );
    let own = guarded.send(&guarded.writer, "/v3/pipeline", go_on).await;
    assert_eq!(own.json()["results"][0]["response"]["is_autocommit"], false);
}
