//! A statement stops soon after its limit, whatever it computes.
//!
//! Every function that SQLite has in this build has a row in [`FUNCTIONS`], with the worst that it can be given; a
//! function without a row fails the test.

use super::http::{get, post, request, run, send, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use test_kit::TestDb;

/// What a statement may take in these tests, in milliseconds.
const LIMIT_MS: u64 = 300;
/// When it has ended at the latest: about a second after its limit, on a machine that does much else besides.
const LATEST: Duration = Duration::from_secs(30);

/// What the functions are given: long texts (`t` is a's, `p` is half as many and a b, `n` is digits, `e` is letters of
/// two bytes), `x` as hexadecimal digits with such letters between, `j` and `k` objects with many names, `d` a deep
/// array, `b` a blob.
const BIG: &[&str] = &[
    "CREATE TABLE big (t, p, n, e, x, j, k, d, b)",
    "INSERT INTO big VALUES (printf('%.*c', 2000000, 'a'),
       printf('%.*c', 1000000, 'a') || 'b', printf('%.*c', 2000000, '1'),
       replace(hex(zeroblob(250000)), '0', 'ü') || 'é', replace(hex(zeroblob(125000)), '00', 'é41'),
       (SELECT '{' || group_concat('\"k' || value || '\":1') || '}' FROM generate_series(1, 100000)),
       (SELECT '{' || group_concat('\"l' || value || '\":1') || '}' FROM generate_series(1, 100000)),
       printf('%.*c', 900, '[') || printf('%.*c', 900, ']'), zeroblob(500000))",
    "CREATE VIRTUAL TABLE docs USING fts5(body)",
    "INSERT INTO docs SELECT replace(hex(zeroblob(30000)), '0', 'a ')",
    "CREATE VIRTUAL TABLE old_docs USING fts3(body)",
    "INSERT INTO old_docs SELECT replace(hex(zeroblob(30000)), '0', 'a ')",
    "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)",
    "INSERT INTO boxes SELECT value, value, value + 1 FROM generate_series(1, 5000)",
    "CREATE TABLE taken (a)",
];

/// Every function, with its worst; where there is no `FROM`, the values are those of the one row of `big`.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("->", &["j -> '$.k100000'"]),
    ("->>", &["j ->> '$.k100000'"]),
    ("abs", &["abs(n)"]),
    ("acos", &["acos(n)"]),
    ("acosh", &["acosh(n)"]),
    ("asin", &["asin(n)"]),
    ("asinh", &["asinh(n)"]),
    ("atan", &["atan(n)"]),
    ("atan2", &["atan2(n, n)"]),
    ("atanh", &["atanh(n)"]),
    ("avg", &["avg(n)", "avg(n) OVER ()"]),
    ("bm25", &["bm25(docs) FROM docs WHERE docs MATCH 'a OR a OR a'"]),
    ("ceil", &["ceil(n)"]),
    ("ceiling", &["ceiling(n)"]),
    ("changes", &["changes()"]),
    ("char", &["char(n, n, n)"]),
    ("coalesce", &["coalesce(t, p)"]),
    ("concat", &["concat(t, p, t, p, t)"]),
    ("concat_ws", &["concat_ws(t, p, t, p, t)"]),
    ("cos", &["cos(n)"]),
    ("cosh", &["cosh(n)"]),
    ("count", &["count(DISTINCT t)", "count(t) OVER (ORDER BY t)"]),
    ("cume_dist", &["cume_dist() OVER (ORDER BY t)"]),
    ("current_date", &["current_date"]),
    ("current_time", &["current_time"]),
    ("current_timestamp", &["current_timestamp"]),
    ("date", &["date(t)", "date('now', n || ' days')"]),
    ("datetime", &["datetime(n, t, t)"]),
    ("degrees", &["degrees(n)"]),
    ("dense_rank", &["dense_rank() OVER (ORDER BY t)"]),
    ("exp", &["exp(n)"]),
    ("first_value", &["first_value(t) OVER (ORDER BY t)"]),
    ("floor", &["floor(n)"]),
    (
        "format",
        &[
            "format(replace(t, 'aaaaaaaaaaaa', '%.60000000g '), 1.0, 1.0)",
            "format(replace(t, 'aaaaaaaaaaaa', '%060000000d '), 1, 1)",
            "format('%.*f', 60000000, 1e300)",
        ],
    ),
    ("fts3_tokenizer", &["fts3_tokenizer(t)", "fts3_tokenizer(t, b)"]),
    ("fts5", &["fts5(b)"]),
    ("fts5_get_locale", &["fts5_get_locale(docs, 0) FROM docs"]),
    ("fts5_insttoken", &["fts5_insttoken(t)"]),
    ("fts5_locale", &["fts5_locale(t, t)"]),
    ("fts5_source_id", &["fts5_source_id()"]),
    (
        "glob",
        &[
            "t GLOB '*' || printf('%.*c', 50000, 'a') || 'b'",
            "t GLOB '*' || printf('%.*c', 180, 'a') || 'b'",
            "t GLOB '*[' || printf('%.*c', 180, 'c') || ']'",
        ],
    ),
    (
        "group_concat",
        &["group_concat(t, p)", "group_concat(t, p) OVER ()"],
    ),
    ("hex", &["hex(t)", "hex(b)"]),
    (
        "highlight",
        &["highlight(docs, 0, 'aaaaaaaa', 'bbbbbbb') FROM docs WHERE docs MATCH 'a OR a OR \"a a\"'"],
    ),
    ("if", &["if(t = p, t, p)"]),
    ("ifnull", &["ifnull(t, p)"]),
    ("iif", &["iif(t = p, t, p)"]),
    (
        "instr",
        &[
            "instr(t, p)",
            "instr(b, CAST(p AS BLOB))",
            "instr(CAST(t AS BLOB), CAST(p AS BLOB))",
            "instr(e, 'é')",
        ],
    ),
    ("json", &["json(j)", "json(d)"]),
    ("json_array", &["json_array(t, j, json(j))"]),
    (
        "json_array_insert",
        &["json_array_insert('[' || j || ']', '$[0]', t)"],
    ),
    (
        "json_array_length",
        &["json_array_length(j)", "json_array_length(j, '$.k100000')"],
    ),
    ("json_error_position", &["json_error_position(j || '}')"]),
    (
        "json_extract",
        &["json_extract(j, '$.k100000', '$.k99999', '$.k99998', '$.none', '$.\"' || t || '\"')"],
    ),
    (
        "json_group_array",
        &["json_group_array(json(j))", "json_group_array(t) OVER ()"],
    ),
    (
        "json_group_object",
        &["json_group_object(t, json(j))", "json_group_object(t, p) OVER ()"],
    ),
    ("json_insert", &["json_insert(j, '$.a', t, '$.b', t, '$.c', t)"]),
    ("json_object", &["json_object(t, json(j), p, t)"]),
    ("json_patch", &["json_patch(j, k)", "json_patch(j, j)"]),
    (
        "json_pretty",
        &[
            "json_pretty(j)",
            "json_pretty(d, t)",
            "json_pretty(d, substr(t, 1, 100000))",
        ],
    ),
    ("json_quote", &["json_quote(t)", "json_quote(e)"]),
    (
        "json_remove",
        &["json_remove(j, '$.k100000', '$.k99999', '$.none')"],
    ),
    (
        "json_replace",
        &["json_replace(j, '$.k100000', t, '$.k99999', t)"],
    ),
    ("json_set", &["json_set(j, '$.k100000', t, '$.a', json(j))"]),
    ("json_type", &["json_type(j)", "json_type(j, '$.k100000')"]),
    ("json_valid", &["json_valid(j)", "json_valid(jsonb(j), 8)"]),
    ("jsonb", &["jsonb(j)"]),
    ("jsonb_array", &["jsonb_array(t, j, json(j))"]),
    (
        "jsonb_array_insert",
        &["jsonb_array_insert('[' || j || ']', '$[0]', t)"],
    ),
    ("jsonb_extract", &["jsonb_extract(j, '$.k100000', '$.none')"]),
    ("jsonb_group_array", &["jsonb_group_array(jsonb(j))"]),
    ("jsonb_group_object", &["jsonb_group_object(t, jsonb(j))"]),
    ("jsonb_insert", &["jsonb_insert(j, '$.a', t, '$.b', t)"]),
    ("jsonb_object", &["jsonb_object(t, json(j), p, t)"]),
    (
        "jsonb_patch",
        &["jsonb_patch(j, k)", "jsonb_patch(jsonb(j), jsonb(k))"],
    ),
    ("jsonb_remove", &["jsonb_remove(j, '$.k100000', '$.none')"]),
    ("jsonb_replace", &["jsonb_replace(j, '$.k100000', t)"]),
    ("jsonb_set", &["jsonb_set(j, '$.k100000', t)"]),
    ("julianday", &["julianday(n, t)"]),
    (
        "lag",
        &[
            "lag(t) OVER (ORDER BY t)",
            "lag(t, 1) OVER (ORDER BY t)",
            "lag(t, 1, p) OVER (ORDER BY t)",
        ],
    ),
    ("last_insert_rowid", &["last_insert_rowid()"]),
    ("last_value", &["last_value(t) OVER (ORDER BY t)"]),
    ("lead", &["lead(t, 1, p) OVER (ORDER BY t)"]),
    ("length", &["length(t)", "length(e)"]),
    (
        "like",
        &[
            "t LIKE '%' || printf('%.*c', 50000, 'a') || 'b'",
            "t LIKE '%' || printf('%.*c', 180, 'a') || 'b'",
            "t LIKE '%a' || replace(hex(zeroblob(90)), '0', '_') || 'b'",
            "t LIKE '%' || replace(hex(zeroblob(45)), '0', 'xa') || 'b' ESCAPE 'x'",
            "e LIKE '%' || replace(hex(zeroblob(45)), '0', 'ü') || 'b'",
        ],
    ),
    ("likelihood", &["likelihood(t = p, 0.5)"]),
    ("likely", &["likely(t = p)"]),
    ("ln", &["ln(n)"]),
    ("load_extension", &["load_extension(t)", "load_extension(t, t)"]),
    ("log", &["log(n)", "log(n, n)"]),
    ("log10", &["log10(n)"]),
    ("log2", &["log2(n)"]),
    ("lower", &["lower(t)"]),
    ("ltrim", &["ltrim(t, e || 'a')", "ltrim(t)", "ltrim(e, e)"]),
    ("match", &["match(t, p)"]),
    (
        "matchinfo",
        &["matchinfo(old_docs, 'pcnalsx') FROM old_docs WHERE body MATCH 'a OR a'"],
    ),
    ("max", &["max(t, p, t, p)", "max(t)", "max(t) OVER (ORDER BY t)"]),
    (
        "median",
        &[
            "median(value) FROM generate_series(1, 500000)",
            "median(value) OVER (ROWS 1000 PRECEDING) FROM generate_series(1, 500000)",
        ],
    ),
    ("min", &["min(t, p, t, p)", "min(t)", "min(t) OVER (ORDER BY t)"]),
    ("mod", &["mod(n, n)"]),
    ("nth_value", &["nth_value(t, 1) OVER (ORDER BY t)"]),
    ("ntile", &["ntile(3) OVER (ORDER BY t)"]),
    ("nullif", &["nullif(t, t)"]),
    ("octet_length", &["octet_length(t)"]),
    (
        "offsets",
        &["offsets(old_docs) FROM old_docs WHERE body MATCH 'a OR a'"],
    ),
    ("optimize", &["optimize(old_docs) FROM old_docs"]),
    ("percent_rank", &["percent_rank() OVER (ORDER BY t)"]),
    (
        "percentile",
        &["percentile(value, 50) FROM generate_series(1, 500000)"],
    ),
    (
        "percentile_cont",
        &["percentile_cont(value * 7919 % 1000003, 0.5) FROM generate_series(1, 500000)"],
    ),
    (
        "percentile_disc",
        &["percentile_disc(value, 0.5) FROM generate_series(1, 500000)"],
    ),
    ("pi", &["pi()"]),
    ("pow", &["pow(n, n)"]),
    ("power", &["power(n, n)"]),
    (
        "printf",
        &[
            "printf(replace(t, 'aaaaaaaaaaaa', '%.60000000g '), 1.0)",
            "printf('%,.*f', 60000000, 1e300)",
            "printf('%.*c', 60000000, 'x')",
            "printf('%q%w%Q', t, t, t)",
        ],
    ),
    ("quote", &["quote(t)", "quote(b)"]),
    ("radians", &["radians(n)"]),
    ("random", &["random()"]),
    ("randomblob", &["randomblob(60000000)"]),
    ("rank", &["rank() OVER (ORDER BY t)"]),
    (
        "replace",
        &[
            "replace(t, p, 'x')",
            "replace(t, 'a', 'aaaaaaa')",
            "replace(t, 'a', t)",
            "replace(t, substr(p, 2), 'x')",
            "replace(b, p, t)",
        ],
    ),
    ("round", &["round(n)", "round(n, 30)"]),
    ("row_number", &["row_number() OVER (ORDER BY t)"]),
    ("rtreecheck", &["rtreecheck('boxes')"]),
    ("rtreedepth", &["rtreedepth(b)"]),
    ("rtreenode", &["rtreenode(2, b)", "rtreenode(2, CAST(t AS BLOB))"]),
    ("rtrim", &["rtrim(t, e || 'a')", "rtrim(t)", "rtrim(e, e)"]),
    ("sign", &["sign(n)"]),
    ("sin", &["sin(n)"]),
    ("sinh", &["sinh(n)"]),
    (
        "snippet",
        &[
            "snippet(docs, 0, '<', '>', '…', 60) FROM docs WHERE docs MATCH 'a OR a'",
            "snippet(old_docs) FROM old_docs WHERE body MATCH 'a OR a'",
        ],
    ),
    ("soundex", &["soundex(n)", "soundex(t)"]),
    ("sqlite_compileoption_get", &["sqlite_compileoption_get(n)"]),
    ("sqlite_compileoption_used", &["sqlite_compileoption_used(t)"]),
    ("sqlite_log", &["sqlite_log(0, t)"]),
    ("sqlite_source_id", &["sqlite_source_id()"]),
    ("sqlite_version", &["sqlite_version()"]),
    ("sqrt", &["sqrt(n)"]),
    (
        "strftime",
        &["strftime(replace(t, 'a', '%J'), 'now')", "strftime(t, 'now')"],
    ),
    ("string_agg", &["string_agg(t, p)", "string_agg(t, p) OVER ()"]),
    (
        "substr",
        &["substr(e, -3)", "substr(e, 1000000)", "substr(t, -3, 2)"],
    ),
    ("substring", &["substring(e, -3)", "substring(t, 5, 100)"]),
    ("subtype", &["subtype(json(j))"]),
    ("sum", &["sum(n)", "sum(n) OVER ()"]),
    ("tan", &["tan(n)"]),
    ("tanh", &["tanh(n)"]),
    ("time", &["time(t, t)"]),
    (
        "timediff",
        &["timediff('9999-12-31', '0000-01-01')", "timediff(t, t)"],
    ),
    ("total", &["total(n)"]),
    ("total_changes", &["total_changes()"]),
    (
        "trim",
        &["trim(t, e || 'a')", "trim(t)", "trim(e, e)", "trim(e, 'é' || e)"],
    ),
    ("trunc", &["trunc(n)"]),
    ("typeof", &["typeof(t)"]),
    ("unhex", &["unhex(n)", "unhex(x, e)", "unhex(e, e)"]),
    ("unicode", &["unicode(t)"]),
    (
        "unistr",
        &[
            "unistr(t)",
            "unistr(replace(substr(t, 1, 1000000), 'a', '\\0041'))",
        ],
    ),
    ("unistr_quote", &["unistr_quote(t)", "unistr_quote(e)"]),
    ("unixepoch", &["unixepoch(n, t)"]),
    ("unlikely", &["unlikely(t = p)"]),
    ("upper", &["upper(t)"]),
    ("zeroblob", &["zeroblob(60000000)"]),
    // Those that SQLite names and does not have.
    (
        "regexp",
        &[
            "t REGEXP '(a|aa)+$b'",
            "t REGEXP '(?:a|b)*a(?:a|b){300}c'",
            "e REGEXP '\\bé\\b'",
        ],
    ),
];

/// What is no function, and tables that are.
const OTHERS: &[&str] = &[
    "t || p || t || p",
    "CAST(n AS INTEGER) + CAST(n AS REAL) + n",
    "t < p || 'a' COLLATE NOCASE",
    "t IN (p, p || 'a', t || 'b')",
    "rtrim(t) = p COLLATE RTRIM",
    "body MATCH 'a NEAR a' FROM docs WHERE docs MATCH 'NEAR(a a a, 100000)'",
    "count(*) FROM json_each((SELECT j FROM big))",
    "count(*) FROM json_tree((SELECT d FROM big))",
    "count(*) FROM generate_series(1, 1000000000)",
    "count(*) FROM docs WHERE docs MATCH '\"a a a a a a a a\" OR a*'",
    "count(*) FROM boxes a, boxes b WHERE a.x0 < b.x1 AND a.x1 > b.x0",
    "count(*) FROM pragma_table_list, pragma_function_list, pragma_module_list",
    "count(*) FROM dbstat",
];

/// Runs `sql` with the limit; how it ended, and after how long.
async fn timed(db: &TestDb, path: &str, sql: &str) -> (u16, Duration) {
    let started = Instant::now();
    let mut body = json!({"sql": sql, "timeout_ms": LIMIT_MS});
    if path == "/v1/execute" {
        body["dry_run"] = json!(true);
    }
    let answer = post(db, path, body).await;
    assert!(
        answer.status < 500 || answer.status == 503,
        "{sql}: {} {}",
        answer.status,
        answer.text
    );
    let took = started.elapsed();
    if answer.status == 400 {
        let unnamed = ["interrupted", "out of memory", "too big"];
        assert!(
            !unnamed.iter().any(|words| answer.text.contains(words)),
            "{sql}: {}",
            answer.text
        );
    }
    (answer.status, took)
}

#[tokio::test]
async fn every_function_ends_soon_after_its_limit() {
    let db = TestDb::start().await;
    run(&db, BIG).await;
    let listed = post(
        &db,
        "/v1/query",
        json!({"sql": "SELECT DISTINCT name FROM pragma_function_list"}),
    )
    .await
    .json();
    let listed: BTreeSet<&str> = listed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_str().unwrap())
        .collect();
    let known: BTreeSet<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        listed, known,
        "every function has a row in FUNCTIONS, and no other"
    );

    let calls = FUNCTIONS.iter().flat_map(|(_, calls)| calls.iter()).chain(OTHERS);
    let mut late = String::new();
    for call in calls {
        let call = call.replacen(" FROM ", " AS v FROM ", 1);
        let call = if call.contains(" AS v FROM ") {
            call
        } else {
            format!("{call} AS v FROM big")
        };
        for (path, sql) in [
            ("/v1/query", format!("SELECT length(v) FROM (SELECT {call})")),
            ("/v1/execute", format!("INSERT INTO taken SELECT {call}")),
        ] {
            let (status, took) = timed(&db, path, &sql).await;
            if took > LATEST {
                writeln!(late, "{path} {status} after {took:?}: {sql}").unwrap();
            }
        }
    }

    assert!(late.is_empty(), "{late}");
}

#[tokio::test]
async fn patterns_and_what_they_are_matched_with_have_limits() {
    let db = TestDb::start_with(|config| {
        config.limits.max_pattern_bytes = 100;
        config.limits.max_matched_bytes = 10_000;
    })
    .await;
    run(
        &db,
        &[
            "CREATE TABLE named (name TEXT)",
            "CREATE TABLE ruled (a TEXT CHECK (a NOT LIKE '%x%'))",
            "CREATE VIEW matched AS SELECT 1 AS one WHERE 'a' GLOB 'a*'",
            "CREATE TABLE free (a)",
        ],
    )
    .await;
    let text = |bytes: usize| format!("'{}'", "a".repeat(bytes));
    let cases = [
        (format!("SELECT 1 LIKE {}", text(100)), true),
        (format!("SELECT 1 LIKE {} || 'a'", text(100)), false),
        (format!("SELECT 1 GLOB {}", text(100)), true),
        (format!("SELECT 1 GLOB {} || 'a'", text(100)), false),
        (format!("SELECT {} LIKE 'a%'", text(10_000)), true),
        (format!("SELECT {} LIKE 'a%'", text(10_001)), false),
        (format!("SELECT glob('a*', {})", text(10_001)), false),
        (
            format!("SELECT length({}), one FROM matched", text(10_001)),
            false,
        ),
        (format!("SELECT length({})", text(10_001)), true),
        (format!("INSERT INTO ruled VALUES ({})", text(9_990)), true),
        (format!("INSERT INTO ruled VALUES ({})", text(10_001)), false),
        (format!("INSERT INTO free VALUES ({})", text(10_001)), true),
    ];
    for (sql, taken) in cases {
        for path in ["/v1/query", "/v1/execute"] {
            if sql.starts_with("INSERT") && path == "/v1/query" {
                continue;
            }
            // Twice, since the second one is compiled already.
            for _ in 0..2 {
                let answer = post(&db, path, json!({"sql": sql})).await;
                assert_eq!(answer.status == 200, taken, "{path} {sql}: {}", answer.text);
                if !taken && !sql.contains("SELECT 1") {
                    assert_eq!(answer.code(), "too_large", "{sql}");
                    assert!(answer.detail().contains("max_matched_bytes"), "{}", answer.text);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_prefix_is_looked_up_in_an_index() {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE t (name TEXT, other TEXT COLLATE NOCASE)",
            "CREATE INDEX by_name ON t (name)",
            "CREATE INDEX by_other ON t (other)",
        ],
    )
    .await;

    for (sql, index) in [
        ("SELECT * FROM t WHERE name GLOB 'abc*'", "by_name"),
        ("SELECT * FROM t WHERE other LIKE 'abc%'", "by_other"),
    ] {
        let plan = post(&db, "/v1/explain", json!({"sql": sql})).await;
        assert!(
            plan.text.contains("SEARCH") && plan.text.contains(index),
            "{}",
            plan.text
        );
    }
}

/// Statements whose single steps are long, and which would take minutes in all.
fn long_steps() -> Vec<String> {
    let hundred = format!("max({})", vec!["length(upper(t))"; 99].join(", "));
    let many = vec![hundred; 6].join(" + ");
    vec![
        "SELECT sum(one.t < other.t COLLATE NOCASE) FROM long one, long other, generate_series(1, 1000)"
            .to_owned(),
        "SELECT sum(length(upper(t))) FROM long, generate_series(1, 1000)".to_owned(),
        format!("SELECT {many} FROM long"),
    ]
}

async fn long() -> TestDb {
    let db = TestDb::start().await;
    run(
        &db,
        &[
            "CREATE TABLE long (t)",
            "INSERT INTO long SELECT printf('%.*c', 16000000, 'a') || value FROM generate_series(1, 2)",
            "CREATE TABLE taken (a)",
        ],
    )
    .await;
    db
}

/// The same as a read and as a write.
fn both_ways(sql: &str) -> [(&'static str, String); 2] {
    [
        ("/v1/query", sql.to_owned()),
        ("/v1/execute", format!("INSERT INTO taken {sql}")),
    ]
}

#[tokio::test]
async fn a_statement_of_long_steps_ends_soon_after_its_limit() {
    let db = long().await;

    for sql in long_steps() {
        for (path, sql) in both_ways(&sql) {
            let (status, took) = timed(&db, path, &sql).await;
            assert!(
                status == 408 && took < LATEST,
                "{status} after {took:?}: {sql:.200}"
            );
        }
    }
}

#[tokio::test]
async fn a_statement_of_long_steps_is_stopped_by_an_administrator_and_when_its_client_goes() {
    let db = long().await;

    for sql in &long_steps()[..2] {
        for (path, sql) in both_ways(sql) {
            let id = async || {
                let mut id = Value::Null;
                until("it runs", async || {
                    let running = get(&db, "/v1/queries").await.json();
                    let one = running["queries"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .find(|one| one["sql"] == sql.as_str() && one["state"] == "running");
                    id = one.map_or(Value::Null, |one| one["id"].clone());
                    !id.is_null()
                })
                .await;
                id
            };
            let asked = tokio::spawn(send(request(&db, Method::POST, path).json(&json!({"sql": sql}))));
            let number = id().await;
            let started = Instant::now();
            send(request(&db, Method::DELETE, &format!("/v1/queries/{number}"))).await;
            let answer = asked.await.unwrap();
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (499, "cancelled"),
                "{sql}"
            );
            assert!(started.elapsed() < LATEST, "{sql}");

            let left = tokio::spawn(send(request(&db, Method::POST, path).json(&json!({"sql": sql}))));
            id().await;
            let started = Instant::now();
            left.abort();
            run(&db, &["DELETE FROM taken"]).await;
            assert!(started.elapsed() < LATEST, "{sql}");
        }
    }
}
