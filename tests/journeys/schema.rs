//! The page of the tables, held against a new database.

use crate::program;
use journeys::read;
use serde_json::json;
use std::collections::BTreeSet;

/// What the diagram says, a line each: `sales INTEGER product_id FK`, and `sales -> products`.
fn drawn() -> BTreeSet<String> {
    let page = read("docs/schema.md");
    let diagram = page
        .split("erDiagram")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let mut table = "";
    let mut said = BTreeSet::new();
    for line in diagram.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, "{"] => table = name,
            ["}"] => {}
            [parent, "||--o{", child, ":", ..] => {
                said.insert(format!("{child} -> {parent}"));
            }
            column => {
                said.insert(format!("{table} {}", column.join(" ")));
            }
        }
    }
    said
}

#[tokio::test]
async fn the_page_of_the_tables_is_true_to_the_migrations() {
    let up = program().up_empty();
    let tables = up.db.get("/v1/tables").await;
    let mut made = BTreeSet::new();

    for table in tables["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        if ["schema_migrations", "sqlite_sequence"].contains(&name) || table["kind"] != "table" {
            continue;
        }
        let ask = |sql: &str| json!({ "sql": sql, "params": [name] });
        let keys = up
            .db
            .post(
                "/v1/query",
                &ask("SELECT \"from\", \"table\" FROM pragma_foreign_key_list(?1)"),
            )
            .await;
        let keys = keys["rows"].as_array().unwrap().clone();
        for key in &keys {
            made.insert(format!("{name} -> {}", key[1].as_str().unwrap()));
        }
        let columns = up
            .db
            .post(
                "/v1/query",
                &ask("SELECT name, type, pk FROM pragma_table_xinfo(?1)"),
            )
            .await;
        for column in columns["rows"].as_array().unwrap() {
            let mut marks = Vec::new();
            if column[2] != 0 {
                marks.push("PK");
            }
            if keys.iter().any(|key| key[0] == column[0]) {
                marks.push("FK");
            }
            let (column, kind) = (column[0].as_str().unwrap(), column[1].as_str().unwrap());
            let line = format!("{name} {kind} {column} {}", marks.join(", "));
            made.insert(line.trim_end().to_owned());
        }
    }

    let page = read("docs/schema.md");
    let without: Vec<_> = made
        .iter()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !page.contains(&format!("| `{name}` | ")))
        .collect();
    assert!(
        without.is_empty(),
        "no sentence says what a row is in {without:?}"
    );

    let drawn = drawn();
    let missing: Vec<_> = made.difference(&drawn).collect();
    let wrong: Vec<_> = drawn.difference(&made).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "not drawn: {missing:#?}\ndrawn but not there: {wrong:#?}"
    );
}
