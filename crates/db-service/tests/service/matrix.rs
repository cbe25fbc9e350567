//! Who may do what: every kind of token, statements of every kind, every route.
//!
//! A cell says whether the statement is taken (`+`) or refused (`-`); a blank is a cell that is not asked. The columns
//! are the tokens of [`TOKENS`] in their order. A route without a row in [`ROUTES`] fails the test.
//!
//! The file is longer than others since most of it is one table, which is read as a whole: a row a statement.

use super::http::until;
use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use test_kit::TestDb;

/// Names, scopes and tables.
const TOKENS: [(&str, &str, &str); 6] = [
    ("reader", "read", ""),
    ("writer", "write", ""),
    ("admin", "admin", ""),
    (
        "tables",
        "write",
        "[token.tables]\nproducts = {read = \"*\", write = \"*\"}\ndocs = {read = \"*\", write = \"*\"}\n\
         boxes = {read = \"*\", write = \"*\"}\nparents = {read = \"*\", write = \"*\"}\nlog = {write = \"*\"}\n",
    ),
    (
        "columns",
        "read",
        "[token.tables]\nsales = {read = [\"id\", \"amount\"]}\nproducts = {read = [\"id\", \"name\"]}\n\
         pages = {read = [\"title\"]}\ncodes = {read = [\"id\", \"note\"]}\nopen_names = {read = \"*\"}\n\
         leak = {read = \"*\"}\njoined = {read = \"*\"}\n",
    ),
    (
        "setting",
        "write",
        "[token.tables]\nsales = {read = [\"id\", \"amount\"], write = [\"amount\"]}\n\
         codes = {read = [\"id\", \"code\", \"note\"], write = [\"code\", \"note\"]}\n\
         priced = {read = [\"id\", \"low\"], write = [\"low\"]}\nswaps = {read = [\"id\", \"tag\"], write = [\"tag\"]}\n\
         products = {read = [\"id\", \"name\"]}\n",
    ),
];

const SCHEMA: &[&str] = &[
    "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE sales (id INTEGER PRIMARY KEY, product_id INTEGER, amount REAL, margin REAL)",
    "CREATE TABLE secrets (id INTEGER PRIMARY KEY, word TEXT)",
    "CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT UNIQUE, note TEXT, hidden TEXT, \
     CHECK (length(code) > 1), CHECK (note <> hidden))",
    "CREATE TABLE priced (id INTEGER PRIMARY KEY, low INTEGER, high INTEGER, \
     gap INTEGER GENERATED ALWAYS AS (high - low) VIRTUAL)",
    "CREATE TABLE swaps (id INTEGER PRIMARY KEY, tag TEXT UNIQUE ON CONFLICT REPLACE)",
    "CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT, ticket TEXT UNIQUE)",
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE)",
    "CREATE TABLE pragma_notes (a)",
    "CREATE TABLE json_tree (a)",
    "CREATE VIRTUAL TABLE docs USING fts5(title, body)",
    "CREATE VIRTUAL TABLE pages USING fts5(title, body)",
    "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)",
    "CREATE VIEW leak AS SELECT word FROM secrets",
    "CREATE VIEW open_names AS SELECT name FROM products",
    "CREATE VIEW joined AS SELECT 1 AS hit FROM (SELECT 'hush' AS word) JOIN secrets USING (word)",
    "CREATE TRIGGER spill AFTER UPDATE OF name ON products BEGIN INSERT INTO secrets (word) VALUES (new.name); END",
    "CREATE INDEX sales_by_margin ON sales (margin)",
    "INSERT INTO products VALUES (1, 'one')",
    "INSERT INTO sales VALUES (1, 1, 2.5, 0.5)",
    "INSERT INTO secrets VALUES (1, 'hush')",
    "INSERT INTO codes VALUES (1, 'c1', 'n1', 'h1'), (2, 'c2', 'n2', 'h2')",
    "INSERT INTO priced (id, low, high) VALUES (1, 1, 9)",
    "INSERT INTO swaps VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO parents VALUES (1, 'p')",
    "INSERT INTO children VALUES (1, 1)",
    "INSERT INTO docs VALUES ('hello', 'world')",
    "INSERT INTO pages VALUES ('hello', 'world')",
    "INSERT INTO boxes VALUES (1, 0, 1)",
];

/// Statements that only read, and what the six tokens get.
const READS: &[(&str, &str)] = &[
    ("SELECT 1", "++++++"),
    ("VALUES (1), (2)", "++++++"),
    ("EXPLAIN SELECT 1", "++++++"),
    ("EXPLAIN QUERY PLAN SELECT word FROM secrets", "+++---"),
    ("SELECT id, name FROM products", "++++++"),
    ("SELECT * FROM products", "++++++"),
    ("SELECT count(*) FROM products", "++++++"),
    ("SELECT id, amount FROM sales", "+++-++"),
    ("SELECT count(*) FROM sales", "+++-++"),
    ("SELECT rowid FROM sales", "+++-++"),
    ("SELECT id FROM main.sales", "+++-++"),
    ("SELECT id FROM 'sales'", "+++-++"),
    ("SELECT \"id\" FROM [SALES]", "+++-++"),
    ("SELECT margin FROM sales", "+++---"),
    ("SELECT * FROM sales", "+++---"),
    ("SELECT s.* FROM sales AS s", "+++---"),
    ("SELECT main.sales.margin FROM main.sales", "+++---"),
    ("SELECT s.margin FROM sales s", "+++---"),
    ("SELECT id FROM sales WHERE margin > 0", "+++---"),
    ("SELECT id FROM sales ORDER BY margin", "+++---"),
    ("SELECT count(*) FROM sales GROUP BY margin", "+++---"),
    (
        "SELECT id FROM sales GROUP BY id HAVING max(margin) > 0",
        "+++---",
    ),
    ("SELECT sum(margin) OVER () FROM sales", "+++---"),
    ("SELECT count(*) FILTER (WHERE margin > 0) FROM sales", "+++---"),
    ("SELECT (SELECT margin FROM sales) FROM products", "+++---"),
    (
        "SELECT id FROM products LIMIT (SELECT CAST(margin AS INTEGER) FROM sales)",
        "+++---",
    ),
    (
        "SELECT id FROM sales INDEXED BY sales_by_margin WHERE margin = 0.5",
        "+++---",
    ),
    ("SELECT product_id FROM sales", "+++---"),
    ("SELECT word FROM secrets", "+++---"),
    ("SELECT count(*) FROM secrets", "+++---"),
    ("SELECT 1 FROM secrets", "+++---"),
    ("SELECT EXISTS (SELECT 1 FROM secrets)", "+++---"),
    ("SELECT 'hush' IN (SELECT word FROM secrets)", "+++---"),
    ("SELECT 1 IN pragma_notes", "+++---"),
    ("SELECT products.id FROM products, secrets", "+++---"),
    (
        "SELECT name FROM products UNION SELECT word FROM secrets",
        "+++---",
    ),
    (
        "SELECT name FROM products EXCEPT SELECT word FROM secrets",
        "+++---",
    ),
    ("SELECT id FROM codes", "+++-++"),
    ("SELECT code FROM codes", "+++--+"),
    ("SELECT hidden FROM codes", "+++---"),
    ("SELECT line FROM log", "+++---"),
    ("SELECT count(*) FROM log", "+++---"),
    ("SELECT gap FROM priced", "+++---"),
    // Views read with the rights of who asks.
    ("SELECT * FROM leak", "+++---"),
    ("SELECT count(*) FROM leak", "+++---"),
    ("SELECT * FROM open_names", "+++-+-"),
    ("SELECT * FROM joined", "+++---"),
    // Names that are not tables.
    (
        "WITH sales AS (SELECT 1 AS margin) SELECT margin FROM sales",
        "++++++",
    ),
    (
        "WITH n AS (SELECT id FROM products) SELECT count(*) FROM n",
        "++++++",
    ),
    (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT count(*) FROM n",
        "++++++",
    ),
    (
        "SELECT count(*) FROM (SELECT id FROM products) AS anything",
        "++++++",
    ),
    (
        "WITH products AS (SELECT word FROM secrets) SELECT * FROM products",
        "+++---",
    ),
    (
        "WITH products AS (SELECT word FROM main.secrets) SELECT count(*) FROM products",
        "+++---",
    ),
    (
        "WITH products AS (SELECT margin AS name FROM sales) SELECT name FROM products",
        "+++---",
    ),
    (
        "WITH sales AS (SELECT margin FROM main.sales) SELECT 1 FROM sales",
        "+++---",
    ),
    ("WITH secrets AS (SELECT 1 AS x) SELECT x FROM secrets", "++++++"),
    (
        "WITH secrets AS (SELECT 1 AS x) SELECT count(*) FROM secrets",
        "+++---",
    ),
    (
        "SELECT products.word FROM (SELECT word FROM secrets) AS products",
        "+++---",
    ),
    ("SELECT sales.word FROM secrets AS sales", "+++---"),
    ("SELECT count(*) FROM secrets AS products", "+++---"),
    ("SELECT products.margin FROM sales AS products", "+++---"),
    // Columns that are compared because of their names.
    (
        "SELECT sales.id, g.margin FROM (SELECT 40000 AS margin) g JOIN sales USING (margin)",
        "+++---",
    ),
    (
        "SELECT 1 FROM sales JOIN (SELECT 40000 AS margin) USING (\"margin\")",
        "+++---",
    ),
    (
        "SELECT 1 FROM sales AS s LEFT JOIN (SELECT 1 AS MARGIN) AS t USING ([Margin])",
        "+++---",
    ),
    (
        "SELECT 1 FROM (SELECT 'hush' AS word) g JOIN secrets USING (word)",
        "+++---",
    ),
    (
        "SELECT 1 FROM (SELECT 'hush' AS word) NATURAL JOIN secrets",
        "+++---",
    ),
    (
        "SELECT sales.id FROM (SELECT 40000 AS margin) g NATURAL JOIN sales",
        "+++---",
    ),
    ("SELECT a.id FROM sales a NATURAL JOIN sales b", "+++---"),
    (
        "SELECT 1 FROM (SELECT 1 AS \"margin\") NATURAL LEFT JOIN sales",
        "+++---",
    ),
    ("SELECT sales.id FROM sales JOIN products USING (id)", "+++-++"),
    ("SELECT sales.id FROM sales NATURAL JOIN products", "+++-++"),
    (
        "SELECT id FROM products JOIN (SELECT 1 AS id) USING (id)",
        "++++++",
    ),
    (
        "WITH g AS (SELECT sales.id FROM (SELECT 1 AS margin) JOIN sales USING (margin)) SELECT count(*) FROM g",
        "+++---",
    ),
    (
        "SELECT (SELECT 1 FROM (SELECT 1 AS margin) JOIN sales USING (margin))",
        "+++---",
    ),
    // Functions that give rows, and tables of such names.
    ("SELECT value FROM json_each('[1]')", "++++++"),
    (
        "SELECT value FROM json_each(json_quote((SELECT word FROM secrets)))",
        "+++---",
    ),
    ("SELECT * FROM json_tree", "+++---"),
    ("SELECT * FROM pragma_notes", "+++---"),
    ("SELECT count(*) FROM pragma_notes", "+++---"),
    ("SELECT name FROM pragma_table_info('products')", "++++++"),
    ("SELECT name FROM pragma_table_info('secrets')", "++++++"),
    (
        "SELECT * FROM pragma_table_info((SELECT word FROM secrets))",
        "+++---",
    ),
    ("SELECT name FROM pragma_table_list", "+++---"),
    ("SELECT name FROM pragma_index_list('secrets')", "++++++"),
    ("SELECT * FROM pragma_foreign_key_check", "+++---"),
    ("SELECT name FROM pragma_function_list", "++++++"),
    ("SELECT name FROM dbstat", "+++---"),
    // The schema.
    ("SELECT name FROM sqlite_schema", "+++---"),
    ("SELECT sql FROM main.sqlite_master", "+++---"),
    ("SELECT count(*) FROM sqlite_schema", "+++---"),
    ("SELECT name FROM sqlite_temp_schema", "+++---"),
    (
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE '_comptoir_%'",
        "+++---",
    ),
    ("PRAGMA table_info(products)", "++++++"),
    ("PRAGMA main.table_xinfo(secrets)", "++++++"),
    ("PRAGMA table_list", "+++---"),
    ("PRAGMA table_list(products)", "++++++"),
    ("PRAGMA foreign_key_list(children)", "++++++"),
    ("PRAGMA index_info(sales_by_margin)", "++++++"),
    ("PRAGMA foreign_key_check", "+++---"),
    ("PRAGMA integrity_check", "+++---"),
    ("PRAGMA quick_check(products)", "++++++"),
    ("PRAGMA user_version", "++++++"),
    ("PRAGMA compile_options", "++++++"),
    // Virtual tables and what they keep their data in.
    ("SELECT * FROM docs", "++++--"),
    ("SELECT title FROM docs WHERE docs MATCH 'hello'", "++++--"),
    (
        "SELECT bm25(docs), highlight(docs, 0, '<', '>') FROM docs WHERE docs MATCH 'hello'",
        "++++--",
    ),
    ("SELECT count(*) FROM docs('hello')", "++++--"),
    ("SELECT * FROM docs_content", "++++--"),
    ("SELECT title FROM pages", "+++---"),
    ("SELECT body FROM pages", "+++---"),
    ("SELECT title FROM pages WHERE pages MATCH 'world'", "+++---"),
    ("SELECT c1 FROM pages_content", "+++---"),
    ("SELECT * FROM boxes", "++++--"),
    ("SELECT id FROM boxes WHERE x0 < 5 AND x1 > 0", "++++--"),
    ("SELECT count(*) FROM boxes_node", "++++--"),
    // What belongs to the service.
    ("SELECT * FROM _comptoir_idempotency", "------"),
    ("SELECT count(*) FROM main._comptoir_idempotency", "------"),
    ("SELECT key FROM \"_COMPTOIR_idempotency\"", "------"),
    (
        "WITH t AS (SELECT * FROM _comptoir_idempotency) SELECT * FROM t",
        "------",
    ),
    (
        "SELECT 1 FROM (SELECT 'x' AS key) JOIN _comptoir_idempotency USING (key)",
        "------",
    ),
    (
        "SELECT 1 FROM (SELECT 'x' AS key) NATURAL JOIN '_comptoir_idempotency'",
        "------",
    ),
    ("SELECT '_comptoir_x'", "++++++"),
    (
        "SELECT /* comptoir */ fingerprint, answer FROM main._comptoir_idempotency WHERE key = 'x'",
        "------",
    ),
    ("SELECT load_extension('x')", "------"),
];

/// Statements that write; they are rolled back.
const WRITES: &[(&str, &str)] = &[
    ("INSERT INTO products (name) VALUES ('x')", "-+++--"),
    ("INSERT INTO products SELECT 7, 'x'", "-+++--"),
    ("UPDATE products SET id = 9 WHERE id = 1", "-+++--"),
    ("DELETE FROM products", "-+++--"),
    ("DELETE FROM main.products WHERE id = 1 RETURNING id", "-+++--"),
    ("INSERT INTO products (name) SELECT word FROM secrets", "-++---"),
    ("INSERT INTO secrets (word) VALUES ('x')", "-++---"),
    ("UPDATE secrets SET word = 'x'", "-++---"),
    ("DELETE FROM secrets", "-++---"),
    // A trigger runs with the rights of who fires it.
    ("UPDATE products SET name = 'spilt' WHERE id = 1", "-++---"),
    (
        "INSERT INTO products VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x'",
        "-++---",
    ),
    ("INSERT INTO sales (amount) VALUES (1)", "-++---"),
    ("UPDATE sales SET amount = 3 WHERE id = 1", "-++--+"),
    ("UPDATE main.sales AS s SET amount = 3 WHERE s.id = 1", "-++--+"),
    (
        "WITH n AS (SELECT 3 AS x) UPDATE sales SET amount = (SELECT x FROM n)",
        "-++--+",
    ),
    ("UPDATE sales SET amount = 1 RETURNING id", "-++--+"),
    ("UPDATE sales SET amount = 1 RETURNING margin", "-++---"),
    ("UPDATE sales SET amount = 1 RETURNING *", "-++---"),
    ("UPDATE sales SET margin = 1", "-++---"),
    ("UPDATE sales SET (amount, margin) = (1, 2)", "-++---"),
    ("UPDATE sales SET amount = margin", "-++---"),
    ("UPDATE sales SET amount = 1 WHERE margin > 0", "-++---"),
    (
        "UPDATE sales SET amount = s.margin FROM sales AS s WHERE s.id = sales.id",
        "-++---",
    ),
    (
        "UPDATE sales SET amount = 2 FROM (SELECT 40000 AS margin) g JOIN sales s USING (margin) WHERE s.id = sales.id",
        "-++---",
    ),
    ("UPDATE sales SET id = 7 WHERE id = 1", "-++---"),
    ("UPDATE sales SET rowid = 7 WHERE id = 1", "-++---"),
    ("UPDATE sales SET _rowid_ = 7 WHERE id = 1", "-++---"),
    ("UPDATE sales SET oid = 7 WHERE id = 1", "-++---"),
    ("DELETE FROM sales", "-++---"),
    // Rows that give way, and rules that compare with what is hidden.
    ("UPDATE codes SET code = 'c9' WHERE id = 1", "-++--+"),
    ("UPDATE OR IGNORE codes SET code = 'c2' WHERE id = 1", "-++--+"),
    ("UPDATE OR FAIL codes SET code = 'c8' WHERE id = 1", "-++--+"),
    ("UPDATE OR REPLACE codes SET code = 'c2' WHERE id = 1", "-++---"),
    (
        "UPDATE/**/OR/**/REPLACE codes SET code = 'c2' WHERE id = 1",
        "-++---",
    ),
    ("REPLACE INTO codes (id, code) VALUES (1, 'zz')", "-++---"),
    (
        "INSERT OR REPLACE INTO codes (id, code) VALUES (1, 'zz')",
        "-++---",
    ),
    (
        "INSERT INTO codes (id, code) VALUES (1, 'zz') ON CONFLICT (id) DO UPDATE SET code = 'zz'",
        "-++---",
    ),
    ("UPDATE codes SET note = 'n' WHERE id = 1", "-++---"),
    ("UPDATE codes SET rowid = 500 WHERE id = 1", "-++---"),
    ("UPDATE swaps SET tag = 'b' WHERE id = 1", "-++---"),
    ("UPDATE priced SET low = 2 WHERE id = 1", "-++---"),
    ("INSERT INTO log (line) VALUES ('x')", "-+++--"),
    ("INSERT INTO log (line, ticket) VALUES ('x', 't')", "-++---"),
    ("INSERT INTO log VALUES (NULL, 'x', 't')", "-++---"),
    // What a foreign key deletes must be allowed too.
    ("DELETE FROM parents WHERE id = 1", "-++---"),
    ("UPDATE parents SET name = 'q'", "-+++--"),
    // Virtual tables.
    ("INSERT INTO docs VALUES ('t', 'b')", "-+++--"),
    ("UPDATE docs SET title = 'u'", "-+++--"),
    ("DELETE FROM docs", "-+++--"),
    ("INSERT INTO docs (docs) VALUES ('optimize')", "-+++--"),
    ("INSERT INTO pages VALUES ('t', 'b')", "-++---"),
    ("INSERT INTO boxes VALUES (9, 0, 1)", "-+++--"),
    ("DELETE FROM boxes", "-+++--"),
    // The schema.
    ("CREATE TABLE mine (a)", "-++---"),
    ("CREATE TABLE mine AS SELECT 1 AS a", "-++---"),
    ("CREATE VIEW mine AS SELECT 1", "-++---"),
    ("CREATE INDEX mine ON products (name)", "-++---"),
    (
        "CREATE TRIGGER mine AFTER INSERT ON products BEGIN DELETE FROM secrets; END",
        "-++---",
    ),
    ("CREATE VIRTUAL TABLE mine USING fts5(a)", "-++---"),
    ("ALTER TABLE products RENAME TO mine", "-++---"),
    ("ALTER TABLE products RENAME COLUMN name TO mine", "-++---"),
    ("ALTER TABLE products ADD COLUMN mine", "-++---"),
    ("DROP TABLE log", "-++---"),
    ("DROP VIEW leak", "-++---"),
    ("DROP INDEX sales_by_margin", "-++---"),
    ("DROP TRIGGER spill", "-++---"),
    ("REINDEX", "-++---"),
    ("ANALYZE", "-++---"),
    ("PRAGMA user_version = 3", "--+---"),
    ("PRAGMA application_id = 3", "--+---"),
    // What belongs to the service.
    (
        "INSERT INTO _comptoir_idempotency VALUES ('a', x'', x'', 0)",
        "------",
    ),
    ("UPDATE _comptoir_idempotency SET created_s = 0", "------"),
    ("DELETE FROM _comptoir_idempotency", "------"),
    (
        "REPLACE INTO main.[_comptoir_idempotency] VALUES ('a', x'', x'', 0)",
        "------",
    ),
    ("ALTER TABLE _comptoir_idempotency RENAME TO mine", "------"),
    (
        "ALTER TABLE _comptoir_idempotency RENAME COLUMN answer TO mine",
        "------",
    ),
    ("ALTER TABLE _comptoir_idempotency ADD COLUMN mine", "------"),
    ("ALTER TABLE _comptoir_idempotency DROP COLUMN answer", "------"),
    ("ALTER TABLE products RENAME TO _comptoir_mine", "------"),
    ("ALTER TABLE products RENAME TO \"_Comptoir_mine\"", "------"),
    ("ALTER TABLE products RENAME TO '_comptoir_mine'", "------"),
    ("CREATE TABLE _comptoir_mine (a)", "------"),
    (
        "CREATE TABLE IF NOT EXISTS main._comptoir_mine AS SELECT 1",
        "------",
    ),
    (
        "CREATE TABLE mine (a REFERENCES _comptoir_idempotency (key))",
        "------",
    ),
    (
        "CREATE VIEW mine AS SELECT * FROM _comptoir_idempotency",
        "------",
    ),
    ("CREATE VIEW _comptoir_mine AS SELECT 1", "------"),
    ("CREATE INDEX mine ON _comptoir_idempotency (answer)", "------"),
    ("CREATE INDEX _comptoir_mine ON products (name)", "------"),
    (
        "CREATE TRIGGER mine AFTER INSERT ON _comptoir_idempotency BEGIN SELECT RAISE(ABORT, 'no'); END",
        "------",
    ),
    (
        "CREATE TRIGGER mine AFTER INSERT ON products BEGIN DELETE FROM _comptoir_idempotency; END",
        "------",
    ),
    (
        "CREATE VIRTUAL TABLE mine USING fts5(key, content='_comptoir_idempotency')",
        "------",
    ),
    ("DROP TABLE _comptoir_idempotency", "------"),
    ("DROP INDEX _comptoir_idempotency_by_age", "------"),
    (
        "INSERT INTO products (name) SELECT key FROM _comptoir_idempotency",
        "------",
    ),
];

/// Statements that begin a transaction, or hold for one; on a stream only.
const TRANSACTIONS: &[(&str, &str)] = &[
    ("BEGIN", "++++++"),
    ("BEGIN READONLY", "++++++"),
    ("BEGIN DEFERRED", "++++++"),
    ("SAVEPOINT a", "++++++"),
    ("BEGIN IMMEDIATE", "-+++-+"),
    ("BEGIN EXCLUSIVE TRANSACTION", "-+++-+"),
    ("/* */ begin immediate", "-+++-+"),
    ("PRAGMA defer_foreign_keys = on", "-+++-+"),
    ("ATTACH ':memory:' AS other", "--+---"),
    ("CREATE TEMP TABLE mine (a)", "-++---"),
    ("CREATE TEMP TABLE _comptoir_idempotency (a)", "------"),
    (
        "CREATE TEMP VIEW mine AS SELECT * FROM main._comptoir_idempotency",
        "------",
    ),
    ("PRAGMA cache_size = 10", "--+---"),
];

/// What a request to a route without statements is answered: without a token, and for the six tokens.
const ROUTES: &[(&str, &str, [u16; 7])] = &[
    ("get", "/v1/query", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v1/query", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v1/execute", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v1/batch", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v1/explain", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v2/pipeline", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v3/pipeline", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v3/cursor", [401, 0, 0, 0, 0, 0, 0]),
    ("post", "/v1/tables/{table}/rows", [401, 0, 0, 0, 0, 0, 0]),
    ("get", "/v1/tables", [401, 200, 200, 200, 200, 200, 200]),
    ("get", "/v1/tables/{table}", [401, 200, 200, 200, 404, 200, 200]),
    ("get", "/v1/limits", [401, 200, 200, 200, 200, 200, 200]),
    ("get", "/v1/queries", [401, 403, 403, 200, 403, 403, 403]),
    ("delete", "/v1/queries/{id}", [401, 403, 403, 404, 403, 403, 403]),
    ("get", "/v1/backup", [401, 403, 403, 200, 403, 403, 403]),
    ("get", "/v2", [204, 204, 204, 204, 204, 204, 204]),
    ("get", "/v3", [204, 204, 204, 204, 204, 204, 204]),
    ("get", "/healthz", [200, 200, 200, 200, 200, 200, 200]),
    ("get", "/readyz", [200, 200, 200, 200, 200, 200, 200]),
    ("get", "/metrics", [200, 200, 200, 200, 200, 200, 200]),
];

/// Rows in bulk: table, options, body, and what the six tokens get.
const BULK: &[(&str, &str, &str, &str)] = &[
    ("products", "", "name\nx\n", "-+++--"),
    ("products", "&on_conflict=update", "id,name\n1,x\n", "-++---"),
    ("sales", "", "amount\n1\n", "-++---"),
    ("secrets", "", "word\nx\n", "-++---"),
    ("log", "", "line\nx\n", "-+++--"),
    ("log", "", "line,ticket\nx,t\n", "-++---"),
    ("log", "&on_conflict=ignore", "line,ticket\nx,t\n", "-++---"),
    ("docs", "", "title,body\na,b\n", "-+++--"),
    ("_comptoir_idempotency", "", "key\nx\n", "------"),
];

/// What came of a cell.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Taken,
    Refused,
    Other(String),
}

struct Matrix {
    db: TestDb,
    http: Client,
    tokens: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Matrix {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        let mut text = String::new();
        let mut tokens = Vec::new();
        for (name, scope, tables) in TOKENS {
            let (token, entry) = db_service::new_token(name, scope).unwrap();
            text.push_str(&entry);
            text.push_str(tables);
            tokens.push(token);
        }
        std::fs::write(&file, text).unwrap();
        let db = TestDb::start_with(|config| {
            config.tokens = Some(file);
            config.limits.max_streams = 32;
        })
        .await;
        let matrix = Self {
            db,
            http: Client::new(),
            tokens,
            _folder: folder,
        };
        for sql in SCHEMA {
            let made = matrix.post(2, "/v1/execute", json!({"sql": sql})).await;
            assert_eq!(made.0, 200, "{sql}: {}", made.1);
        }
        matrix
    }

    async fn post(&self, who: usize, path: &str, body: Value) -> (u16, String) {
        let request = self
            .http
            .post(format!("{}{path}", self.db.url))
            .bearer_auth(&self.tokens[who])
            .json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn posted(&self, who: usize, path: &str, body: Value) -> Cell {
        let (status, text) = self.post(who, path, body).await;
        cell(status, text)
    }

    /// What the routes of this service make of a statement that is rolled back.
    async fn on_v1(&self, who: usize, sql: &str, writes: bool) -> Vec<(&'static str, Cell)> {
        let mut cells = vec![
            ("query", self.posted(who, "/v1/query", json!({"sql": sql})).await),
            (
                "explain",
                self.posted(who, "/v1/explain", json!({"sql": sql})).await,
            ),
            (
                "execute",
                self.posted(who, "/v1/execute", json!({"sql": sql, "dry_run": true}))
                    .await,
            ),
            (
                "batch",
                self.posted(
                    who,
                    "/v1/batch",
                    json!({"statements": [{"sql": sql}], "dry_run": true}),
                )
                .await,
            ),
        ];
        if !writes {
            let url = format!("{}/v1/query", self.db.url);
            let get = self
                .http
                .get(&url)
                .query(&[("sql", sql)])
                .bearer_auth(&self.tokens[who]);
            let answer = get.send().await.unwrap();
            cells.push((
                "query by GET",
                cell(answer.status().as_u16(), answer.text().await.unwrap()),
            ));
            let stream = self.http.post(&url).header("accept", "text/csv");
            let stream = stream.bearer_auth(&self.tokens[who]).json(&json!({"sql": sql}));
            let answer = stream.send().await.unwrap();
            cells.push((
                "query as CSV",
                cell(answer.status().as_u16(), answer.text().await.unwrap()),
            ));
        }
        cells
    }

    /// What streams make of a statement that is rolled back.
    async fn on_streams(&self, who: usize, sql: &str, begin: &str) -> Vec<(&'static str, Cell)> {
        let execute = |sql: &str| json!({"type": "execute", "stmt": {"sql": sql}});
        let mut requests = Vec::new();
        let mut asked = Vec::new();
        for (name, request) in [
            ("describe", json!({"type": "describe", "sql": sql})),
            ("execute on a stream", execute(sql)),
            ("stored", json!({"type": "execute", "stmt": {"sql_id": 1}})),
            ("sequence", json!({"type": "sequence", "sql": sql})),
            (
                "batch on a stream",
                json!({"type": "batch", "batch": {"steps": [{"stmt": {"sql": sql}}]}}),
            ),
        ] {
            if name == "stored" {
                requests.push(json!({"type": "store_sql", "sql_id": 1, "sql": sql}));
            }
            requests.push(execute(begin));
            asked.push((name, requests.len()));
            requests.push(request);
            requests.push(execute("ROLLBACK"));
        }
        requests.push(json!({"type": "close"}));
        let mut cells = Vec::new();
        for path in ["/v3/pipeline", "/v2/pipeline"] {
            let (status, text) = self.post(who, path, json!({"requests": requests})).await;
            assert_eq!(status, 200, "{sql}: {text}");
            let results: Value = serde_json::from_str(&text).unwrap();
            for (name, at) in &asked {
                let result = &results["results"][at];
                let step = &result["response"]["result"]["step_errors"][0];
                cells.push((
                    *name,
                    if step.is_null() {
                        of_result(result)
                    } else {
                        of_error(step)
                    },
                ));
            }
        }
        let steps = json!([{"stmt": {"sql": begin}}, {"stmt": {"sql": sql}}, {"stmt": {"sql": "ROLLBACK"}}]);
        let (status, text) = self
            .post(who, "/v3/cursor", json!({"batch": {"steps": steps}}))
            .await;
        assert_eq!(status, 200, "{sql}: {text}");
        let failed = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|line| line["type"] == "step_error" && line["step"] == 1);
        cells.push((
            "cursor",
            failed.map_or(Cell::Taken, |line| of_error(&line["error"])),
        ));
        let old = json!({"batch": {"steps": steps}});
        let (status, text) = self.post(who, "/v1/batch", old).await;
        assert_eq!(status, 200, "{sql}: {text}");
        let result: Value = serde_json::from_str(&text).unwrap();
        let step = &result["result"]["step_errors"][1];
        cells.push((
            "version 1",
            if step.is_null() {
                Cell::Taken
            } else {
                of_error(step)
            },
        ));
        cells
    }

    /// What a stream of one statement makes of it; not for what would be committed.
    async fn at_once(&self, who: usize, sql: &str) -> Cell {
        let requests = json!([{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]);
        let (status, text) = self
            .post(who, "/v3/pipeline", json!({"requests": requests}))
            .await;
        assert_eq!(status, 200, "{sql}: {text}");
        of_result(&serde_json::from_str::<Value>(&text).unwrap()["results"][0])
    }
}

fn cell(status: u16, text: String) -> Cell {
    match status {
        200 => Cell::Taken,
        403 => Cell::Refused,
        _ => Cell::Other(text),
    }
}

fn of_result(result: &Value) -> Cell {
    if result["type"] == "ok" {
        Cell::Taken
    } else {
        of_error(&result["error"])
    }
}

fn of_error(error: &Value) -> Cell {
    match error["code"].as_str() {
        Some("SQLITE_AUTH") => Cell::Refused,
        _ => Cell::Other(error.to_string()),
    }
}

fn wanted(mark: u8) -> Cell {
    if mark == b'+' { Cell::Taken } else { Cell::Refused }
}

/// Collects the cells that are not as they should be.
fn compare(faults: &mut Vec<String>, who: usize, sql: &str, wanted: &Cell, cells: Vec<(&str, Cell)>) {
    for (route, found) in cells {
        if found != *wanted {
            faults.push(format!(
                "{} at {route}: {sql}: {found:?}, not {wanted:?}",
                TOKENS[who].0
            ));
        }
    }
}

async fn rows_of(matrix: &Matrix, who: usize, statements: &[(&str, &str)], writes: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (sql, marks) in statements {
        let Some(mark) = marks.as_bytes().get(who).filter(|mark| **mark != b' ') else {
            continue;
        };
        let right = wanted(*mark);
        for (route, found) in matrix.on_v1(who, sql, writes).await {
            // Its rights are seen when it runs, and a plan is of one statement that is not one itself.
            if route == "explain" && (sql.contains("pragma_") || sql.starts_with("EXPLAIN")) {
                continue;
            }
            let route_refuses = match route {
                "query" => writes,
                "execute" | "batch" => TOKENS[who].1 == "read",
                _ => false,
            };
            let right = if route_refuses { &Cell::Refused } else { &right };
            compare(&mut faults, who, sql, right, vec![(route, found)]);
        }
        let begin = if writes && right == Cell::Taken {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        let mut cells = matrix.on_streams(who, sql, begin).await;
        cells.retain(|(route, _)| *route != "describe" || !sql.contains("pragma_"));
        compare(&mut faults, who, sql, &right, cells);
        if !writes || right == Cell::Refused {
            let found = matrix.at_once(who, sql).await;
            compare(
                &mut faults,
                who,
                sql,
                &right,
                vec![("a stream of one statement", found)],
            );
        }
    }
    faults
}

async fn assert_rows(statements: &[(&str, &str)], writes: bool) {
    let matrix = Matrix::start().await;

    let all = (0..TOKENS.len()).map(|who| rows_of(&matrix, who, statements, writes));
    let faults: Vec<String> = join_all(all).await.into_iter().flatten().collect();

    assert!(
        faults.is_empty(),
        "{} cells:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[tokio::test]
async fn every_token_reads_what_it_may_on_every_route() {
    assert_rows(READS, false).await;
}

#[tokio::test]
async fn every_token_writes_what_it_may_on_every_route() {
    assert_rows(WRITES, true).await;
}

#[tokio::test]
async fn transactions_that_hold_up_writers_are_for_those_who_write() {
    let matrix = Matrix::start().await;
    let mut faults = Vec::new();

    for (sql, marks) in TRANSACTIONS {
        for (who, mark) in marks.bytes().enumerate() {
            let requests = json!([{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]);
            let (_, text) = matrix
                .post(who, "/v3/pipeline", json!({"requests": requests}))
                .await;
            let result: Value = serde_json::from_str(&text).unwrap();
            let found = of_result(&result["results"][0]);
            compare(&mut faults, who, sql, &wanted(mark), vec![("a stream", found)]);
        }
    }

    assert!(faults.is_empty(), "{}", faults.join("\n"));
    until("no stream is open", async || {
        let metrics = matrix
            .http
            .get(format!("{}/metrics", matrix.db.url))
            .send()
            .await
            .unwrap();
        metrics.text().await.unwrap().contains("interactive_streams 0")
    })
    .await;
}

#[tokio::test]
async fn rows_in_bulk_are_held_to_the_same_rights() {
    let matrix = Matrix::start().await;
    let mut faults = Vec::new();

    for (table, options, body, marks) in BULK {
        for (who, mark) in marks.bytes().enumerate() {
            let url = format!("{}/v1/tables/{table}/rows?dry_run=true{options}", matrix.db.url);
            let request = matrix.http.post(url).bearer_auth(&matrix.tokens[who]);
            let answer = request
                .header("content-type", "text/csv")
                .body(*body)
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            // There is no such table, as far as this route tells anybody.
            let found = if table.starts_with('_') && status == 404 {
                Cell::Refused
            } else {
                cell(status, text)
            };
            compare(
                &mut faults,
                who,
                &format!("{table}{options}: {body:?}"),
                &wanted(mark),
                vec![("bulk", found)],
            );
        }
    }

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_route_has_a_row_and_asks_for_a_token_where_it_should() {
    let matrix = Matrix::start().await;
    let contract = serde_json::to_value(db_service::openapi()).unwrap();
    let known: BTreeSet<(String, String)> = contract["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods
                .filter(|method| ["get", "post", "put", "patch", "delete"].contains(&method.as_str()))
                .map(|method| (method.clone(), path.clone()))
        })
        .collect();
    let rows: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(known, rows, "a route without a row, or a row without a route");

    for (method, path, statuses) in ROUTES {
        let url = format!("{}{path}", matrix.db.url)
            .replace("{table}", "sales")
            .replace("{id}", "999999");
        let tokens = std::iter::once(None).chain(matrix.tokens.iter().map(Some));
        for (token, wanted) in tokens.zip(statuses) {
            if *wanted == 0 {
                continue;
            }
            let mut request = matrix.http.request(
                Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                &url,
            );
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request
                .header("content-type", "text/csv")
                .body("x")
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status().as_u16(), *wanted, "{method} {path} {token:?}");
        }
    }
}

#[tokio::test]
async fn limited_tokens_are_told_of_their_own_tables_only() {
    let matrix = Matrix::start().await;
    let get = async |who: usize, path: &str| {
        let request = matrix
            .http
            .get(format!("{}{path}", matrix.db.url))
            .bearer_auth(&matrix.tokens[who]);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let rows = async |who: usize, sql: &str| {
        let (status, text) = matrix.post(who, "/v1/query", json!({"sql": sql})).await;
        assert_eq!(status, 200, "{sql}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["rows"]
            .as_array()
            .unwrap()
            .len()
    };

    let list = get(3, "/v1/tables").await;
    let names: Vec<&str> = list["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["boxes", "docs", "log", "parents", "products"]);
    assert_eq!(get(3, "/v1/tables/secrets").await["code"], "not_found");
    assert_eq!(
        get(2, "/v1/tables/_comptoir_idempotency").await["code"],
        "not_found"
    );
    assert_eq!(get(3, "/v1/tables/log").await["row_count"], json!(null));
    for (who, sql, count) in [
        (3, "PRAGMA table_info(products)", 2),
        (3, "PRAGMA table_info(secrets)", 0),
        (3, "SELECT * FROM pragma_table_info('secrets')", 0),
        (0, "SELECT * FROM pragma_table_info('secrets')", 2),
        (3, "PRAGMA index_info(sales_by_margin)", 0),
        (4, "PRAGMA index_info(sales_by_margin)", 1),
        (3, "PRAGMA foreign_key_list(children)", 0),
        (2, "PRAGMA table_info(_comptoir_idempotency)", 0),
    ] {
        assert_eq!(rows(who, sql).await, count, "{sql}");
    }
    for sql in ["SELECT name FROM sqlite_schema", "PRAGMA table_list"] {
        let (_, text) = matrix.post(3, "/v1/query", json!({"sql": sql})).await;
        assert!(text.contains("/v1/tables"), "{text}");
    }
}

#[tokio::test]
async fn a_text_of_the_service_itself_is_compiled_under_the_rights_of_who_sends_it() {
    let matrix = Matrix::start().await;
    let find = "SELECT /* comptoir */ fingerprint, answer FROM main._comptoir_idempotency WHERE key = ?1";
    let list = "SELECT /* comptoir */ name FROM pragma_table_list WHERE schema = 'main'";
    let keyed = matrix
        .http
        .post(format!("{}/v1/execute", matrix.db.url))
        .bearer_auth(&matrix.tokens[2])
        .header("idempotency-key", "one")
        .json(&json!({"sql": "UPDATE sales SET amount = 1"}));

    assert_eq!(keyed.send().await.unwrap().status(), 200);
    let stolen = json!({"sql": find, "params": ["admin one"]});

    for _ in 0..3 {
        assert_eq!(matrix.post(2, "/v1/execute", stolen.clone()).await.0, 403);
        assert_eq!(matrix.post(3, "/v1/query", json!({"sql": list})).await.0, 403);
        let listed = matrix
            .http
            .get(format!("{}/v1/tables", matrix.db.url))
            .bearer_auth(&matrix.tokens[3]);
        assert_eq!(listed.send().await.unwrap().status(), 200);
    }
}
