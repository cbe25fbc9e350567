//! Tokens, and limits that hold for any SQL.

use super::http::{Answer, get, request, send, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use test_kit::TestDb;

/// A db-service with tokens, and the tokens by name.
struct Guarded {
    db: TestDb,
    tokens: Vec<(&'static str, String)>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

const LIMITED: &str = "[token.tables.sales]\nread = [\"id\", \"amount\"]\nwrite = [\"amount\"]\n\
                       [token.tables.Products]\nread = \"*\"\nwrite = \"*\"\n";

impl Guarded {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        let mut tokens = Vec::new();
        let mut text = String::new();
        for (name, scope, more) in [
            ("reader", "read", ""),
            ("writer", "write", ""),
            ("admin", "admin", ""),
            ("limited", "write", LIMITED),
        ] {
            let (token, entry) = db_service::new_token(name, scope).unwrap();
            tokens.push((name, token));
            text.push_str(&entry);
            text.push_str(more);
        }
        std::fs::write(&file, text).unwrap();
        let path = file.clone();
        let db = TestDb::start_with(|config| config.tokens = Some(path)).await;
        let guarded = Self {
            db,
            tokens,
            file,
            _folder: folder,
        };
        for sql in [
            "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT)",
            "CREATE TABLE sales (id INTEGER PRIMARY KEY, product_id INTEGER, amount REAL, margin REAL)",
            "CREATE TABLE secrets (id INTEGER PRIMARY KEY, word TEXT)",
            "CREATE VIEW leak AS SELECT word FROM secrets",
            "CREATE TRIGGER spill AFTER UPDATE OF name ON products BEGIN INSERT INTO secrets (word) VALUES (new.name); END",
            "INSERT INTO products VALUES (1, 'one')",
            "INSERT INTO sales VALUES (1, 1, 2.5, 0.5)",
            "INSERT INTO secrets VALUES (1, 'hush')",
        ] {
            assert_eq!(guarded.execute("admin", sql).await.status, 200, "{sql}");
        }
        guarded
    }

    fn token<'a>(&'a self, name: &'a str) -> &'a str {
        self.tokens
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(name, |(_, token)| token)
    }

    async fn post(&self, who: &str, path: &str, body: Value) -> Answer {
        send(
            request(&self.db, Method::POST, path)
                .bearer_auth(self.token(who))
                .json(&body),
        )
        .await
    }

    async fn query(&self, who: &str, sql: &str) -> Answer {
        self.post(who, "/v1/query", json!({"sql": sql})).await
    }

    async fn execute(&self, who: &str, sql: &str) -> Answer {
        self.post(who, "/v1/execute", json!({"sql": sql})).await
    }
}

#[tokio::test]
async fn a_token_is_needed_and_must_be_known() {
    let guarded = Guarded::start().await;

    let none = get(&guarded.db, "/v1/tables").await;
    let unknown = guarded.query("ct_guess", "SELECT 1").await;

    assert_eq!(
        (none.status, none.code().as_str(), none.header("www-authenticate")),
        (401, "unauthorized", "Bearer")
    );
    assert_eq!((unknown.status, unknown.code().as_str()), (401, "unauthorized"));
    assert_eq!(get(&guarded.db, "/healthz").await.status, 200);
    assert_eq!(guarded.query("reader", "SELECT 1").await.status, 200);
}

#[tokio::test]
async fn scopes_reach_as_far_as_they_say() {
    let guarded = Guarded::start().await;

    let read = guarded
        .execute("reader", "INSERT INTO products VALUES (2, 'two')")
        .await;
    let queries =
        send(request(&guarded.db, Method::GET, "/v1/queries").bearer_auth(guarded.token("writer"))).await;
    let backup =
        send(request(&guarded.db, Method::GET, "/v1/backup").bearer_auth(guarded.token("writer"))).await;

    assert_eq!((read.status, read.code().as_str()), (403, "forbidden"));
    assert!(
        read.detail().contains("reader") && read.detail().contains("write"),
        "{}",
        read.detail()
    );
    assert_eq!((queries.status, backup.status), (403, 403));
    assert_eq!(
        guarded
            .execute("writer", "INSERT INTO products VALUES (2, 'two')")
            .await
            .status,
        200
    );
    for sql in [
        "ATTACH ':memory:' AS other",
        "PRAGMA user_version = 1",
        "PRAGMA writable_schema = on",
        "VACUUM",
        "SELECT load_extension('x')",
    ] {
        let refused = guarded.execute("writer", sql).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "forbidden"),
            "{sql}: {}",
            refused.text
        );
    }
    assert_eq!(
        guarded.execute("admin", "PRAGMA user_version = 1").await.status,
        200
    );
    assert_eq!(guarded.execute("admin", "VACUUM").await.status, 200);
}

#[tokio::test]
async fn limits_to_tables_and_columns_hold_for_any_sql() {
    let guarded = Guarded::start().await;

    for sql in [
        "SELECT id, amount FROM sales",
        "SELECT * FROM products",
        "SELECT count(*) FROM sales",
        "PRAGMA table_info(secrets)",
    ] {
        let answer = guarded.query("limited", sql).await;
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text);
    }
    for (sql, object) in [
        ("SELECT margin FROM sales", "sales.margin"),
        ("SELECT * FROM sales", "sales."),
        ("SELECT id FROM sales WHERE margin > 0", "sales.margin"),
        ("SELECT id FROM sales ORDER BY margin", "sales.margin"),
        ("SELECT word FROM secrets", "secrets.word"),
        ("SELECT count(*) FROM secrets", "secrets"),
        ("SELECT word FROM leak", "secrets.word"),
        (
            "WITH s AS (SELECT word FROM secrets) SELECT * FROM s",
            "secrets.word",
        ),
        ("SELECT (SELECT word FROM secrets) FROM products", "secrets.word"),
        (
            "SELECT name FROM products UNION SELECT word FROM secrets",
            "secrets.word",
        ),
    ] {
        let answer = guarded.query("limited", sql).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "forbidden"),
            "{sql}: {}",
            answer.text
        );
        assert!(answer.detail().contains(object), "{sql}: {}", answer.detail());
    }
    for (sql, object) in [
        ("UPDATE sales SET margin = 1", "sales.margin"),
        ("DELETE FROM sales", "sales"),
        ("INSERT INTO sales (id) VALUES (9)", "sales"),
        ("INSERT INTO secrets (word) VALUES ('x')", "secrets"),
        ("UPDATE products SET name = 'spilt'", "secrets"),
        (
            "INSERT INTO products (name) SELECT word FROM secrets",
            "secrets.word",
        ),
        ("CREATE TABLE mine (id)", "schema"),
        ("DROP TABLE products", "schema"),
        (
            "CREATE TRIGGER t AFTER INSERT ON products BEGIN DELETE FROM secrets; END",
            "schema",
        ),
    ] {
        let answer = guarded.execute("limited", sql).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "forbidden"),
            "{sql}: {}",
            answer.text
        );
        assert!(answer.detail().contains(object), "{sql}: {}", answer.detail());
    }
    assert_eq!(
        guarded
            .execute("limited", "UPDATE sales SET amount = 3 WHERE id = 1")
            .await
            .status,
        200
    );
    assert_eq!(
        guarded
            .execute("limited", "INSERT INTO products VALUES (5, 'five')")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_statement_allowed_to_one_is_not_lent_to_another() {
    let guarded = Guarded::start().await;

    for _ in 0..5 {
        assert_eq!(
            guarded.query("reader", "SELECT word FROM secrets").await.status,
            200
        );
        assert_eq!(
            guarded.query("limited", "SELECT word FROM secrets").await.status,
            403
        );
        assert_eq!(
            guarded
                .execute("writer", "UPDATE sales SET margin = 2")
                .await
                .status,
            200
        );
        assert_eq!(
            guarded
                .execute("limited", "UPDATE sales SET margin = 2")
                .await
                .status,
            403
        );
    }
}

#[tokio::test]
async fn bulk_insert_keeps_to_the_rights() {
    let guarded = Guarded::start().await;
    let rows = async |who: &str, table: &str, body: &'static str| {
        let rows = request(&guarded.db, Method::POST, &format!("/v1/tables/{table}/rows"))
            .header("content-type", "text/csv");
        send(rows.bearer_auth(guarded.token(who)).body(body)).await.status
    };

    assert_eq!(rows("reader", "products", "name\nx\n").await, 403);
    assert_eq!(rows("limited", "secrets", "word\nx\n").await, 403);
    assert_eq!(rows("limited", "products", "name\nx\n").await, 200);
}

#[tokio::test]
async fn the_file_is_read_again_when_it_changes_and_kept_when_it_is_wrong() {
    let guarded = Guarded::start().await;
    let (token, entry) = db_service::new_token("later", "read").unwrap();

    std::fs::write(&guarded.file, &entry).unwrap();
    until("the new token is known", async || {
        guarded.query(&token, "SELECT 1").await.status == 200
    })
    .await;
    assert_eq!(guarded.query("reader", "SELECT 1").await.status, 401);
    std::fs::write(&guarded.file, "no toml").unwrap();
    let (other, entry) = db_service::new_token("last", "read").unwrap();
    for _ in 0..20 {
        assert_eq!(guarded.query(&token, "SELECT 1").await.status, 200);
    }
    std::fs::write(&guarded.file, &entry).unwrap();
    until("the last token is known", async || {
        guarded.query(&other, "SELECT 1").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_served() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = db_service::Config::for_database(folder.path().join("x.db"));

    let refused = db_service::run(config, listener, std::future::pending())
        .await
        .unwrap_err();

    assert!(
        refused.to_string().contains("--allow-everybody-without-tokens"),
        "{refused}"
    );
}

#[tokio::test]
async fn without_tokens_other_names_than_this_machines_are_refused() {
    let db = TestDb::start().await;

    let rebound = send(request(&db, Method::GET, "/v1/tables").header("host", "shop.example")).await;

    assert_eq!((rebound.status, rebound.code().as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn a_limited_token_may_use_functions_that_read_no_table() {
    let guarded = Guarded::start().await;

    let unfolded = guarded
        .query("limited", "SELECT value FROM json_each('[1,2]')")
        .await;
    let hidden = guarded
        .query(
            "limited",
            "SELECT value FROM json_each((SELECT word FROM secrets))",
        )
        .await;

    assert_eq!(unfolded.json()["rows"], json!([[1], [2]]));
    assert_eq!(hidden.status, 403);
}

#[tokio::test]
async fn the_rows_of_a_table_that_may_not_be_read_are_not_counted() {
    let guarded = Guarded::start().await;
    let count = async |who: &str| {
        let table = request(&guarded.db, Method::GET, "/v1/tables/secrets").bearer_auth(guarded.token(who));
        send(table).await.json()["row_count"].clone()
    };

    assert_eq!(
        (count("reader").await, count("limited").await),
        (json!(1), json!(null))
    );
}

#[tokio::test]
async fn foreign_keys_are_deferred_for_the_batch_that_says_so_and_nobody_else() {
    let guarded = Guarded::start().await;
    for sql in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent)",
    ] {
        assert_eq!(guarded.execute("admin", sql).await.status, 200, "{sql}");
    }
    let batch = |statements: &[&str]| {
        let statements: Vec<Value> = statements.iter().map(|sql| json!({"sql": sql})).collect();
        json!({"statements": statements})
    };
    let child_first = batch(&[
        "PRAGMA defer_foreign_keys = on",
        "INSERT INTO child VALUES (1, 1)",
        "INSERT INTO parent VALUES (1)",
    ]);
    let orphan = batch(&[
        "PRAGMA defer_foreign_keys = on",
        "INSERT INTO child VALUES (2, 2)",
    ]);
    let strict = batch(&["INSERT INTO child VALUES (3, 3)", "INSERT INTO parent VALUES (3)"]);

    let (deferred, orphaned, others) = tokio::join!(
        guarded.post("writer", "/v1/batch", child_first),
        guarded.post("writer", "/v1/batch", orphan),
        guarded.post("writer", "/v1/batch", strict.clone()),
    );
    let after = guarded.post("writer", "/v1/batch", strict).await;

    assert_eq!(deferred.status, 200, "{}", deferred.text);
    for refused in [orphaned, others, after] {
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (409, "constraint_violation")
        );
    }
    let alone = guarded.execute("writer", "PRAGMA defer_foreign_keys = on").await;
    assert_eq!(alone.status, 400, "{}", alone.text);
    assert!(alone.detail().contains("batch"), "{}", alone.text);
    let by_reader = guarded.query("reader", "PRAGMA defer_foreign_keys = on").await;
    assert_eq!(by_reader.status, 403, "{}", by_reader.text);
}

#[tokio::test]
async fn deferred_keys_of_one_stream_are_not_left_to_the_next() {
    let guarded = Guarded::start().await;
    for sql in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent)",
    ] {
        assert_eq!(guarded.execute("admin", sql).await.status, 200, "{sql}");
    }
    let pipeline = async |statements: &[&str]| {
        let mut requests: Vec<Value> = statements
            .iter()
            .map(|sql| json!({"type": "execute", "stmt": {"sql": sql}}))
            .collect();
        requests.push(json!({"type": "close"}));
        guarded
            .post("writer", "/v3/pipeline", json!({"requests": requests}))
            .await
            .json()["results"]
            .clone()
    };

    for _ in 0..3 {
        assert_eq!(
            pipeline(&["PRAGMA defer_foreign_keys = on"]).await[0]["type"],
            "ok"
        );
        let next = pipeline(&["BEGIN", "INSERT INTO child VALUES (1, 1)", "ROLLBACK"]).await;
        assert_eq!(next[1]["error"]["code"], "SQLITE_CONSTRAINT", "{next}");
    }
}

#[tokio::test]
async fn what_a_virtual_table_keeps_is_not_written_past_it() {
    let guarded = Guarded::start().await;
    for sql in [
        "CREATE VIRTUAL TABLE docs USING fts5(title)",
        "INSERT INTO docs VALUES ('one')",
    ] {
        assert_eq!(guarded.execute("admin", sql).await.status, 200, "{sql}");
    }

    let refused = guarded.execute("admin", "DELETE FROM docs_content").await;

    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(
        refused.detail().contains("may not be modified"),
        "{}",
        refused.text
    );
}
