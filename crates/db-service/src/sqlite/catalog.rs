//! What the database holds, as far as rights depend on it: which names are tables, what belongs to a virtual table, and
//! which rules of a table read its columns.

use super::schema;
use super::sql_tokens::{Token, in_parentheses, tokens};
use rusqlite::{Connection, Result};
use std::collections::{BTreeSet, HashMap};

/// Names in lower case, as SQLite compares them.
pub(super) type Names = BTreeSet<String>;

/// The tables and views of the main database at one version of its schema.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// As [`Versions`](super::versions::Versions) count them.
    pub version: u64,
    relations: HashMap<String, Relation>,
    tables_of_indexes: HashMap<String, String>,
}

/// A table or a view.
#[derive(Debug, Default)]
pub(super) struct Relation {
    /// Its columns; none when a view cannot be read.
    pub columns: Names,
    /// Whether a module provides it.
    pub is_virtual: bool,
    /// The virtual table that it belongs to.
    pub shadow_of: Option<String>,
    /// What the schema says of it: the text of a view, and of the triggers of a table.
    pub texts: Vec<String>,
    /// Whether a row may take the place of another without being told to by the statement.
    pub replaces: bool,
    /// What must hold of its rows.
    pub rules: Vec<Rule>,
}

/// Something that must hold of the rows of a table.
#[derive(Debug)]
pub(super) struct Rule {
    /// In words.
    pub what: String,
    /// The columns that it reads, those included that generated columns are made of.
    pub columns: Names,
    /// Whether it compares a row with others.
    pub is_unique: bool,
    /// Whether it is the number that SQLite gives to a row that has none.
    pub is_rowid: bool,
}

impl Catalog {
    /// The schema as it is.
    pub(super) fn read(conn: &Connection, version: u64) -> Result<Self> {
        let mut catalog = Self {
            version,
            ..Self::default()
        };
        let mut list = conn.prepare("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")?;
        let found: Vec<(String, String)> = list
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?;
        for (name, kind) in found {
            catalog.relations.insert(
                lower(&name),
                Relation {
                    columns: columns(conn, &name),
                    is_virtual: kind == "virtual",
                    ..Relation::default()
                },
            );
        }
        catalog.find_shadows();
        catalog.read_texts(conn)?;
        Ok(catalog)
    }

    /// The table or view of that name.
    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.get(&lower(name))
    }

    /// The virtual table that `table` belongs to.
    pub(super) fn shadow_of(&self, table: &str) -> Option<&str> {
        self.relation(table)?.shadow_of.as_deref()
    }

    /// The table of the index of that name.
    pub(super) fn table_of_index(&self, index: &str) -> Option<&str> {
        self.tables_of_indexes.get(&lower(index)).map(String::as_str)
    }

    /// A module names the tables that it keeps its data in after its virtual table.
    fn find_shadows(&mut self) {
        let parents: Vec<String> = self
            .relations
            .iter()
            .filter(|(_, relation)| relation.is_virtual)
            .map(|(name, _)| name.clone())
            .collect();
        for (name, relation) in &mut self.relations {
            relation.shadow_of = parents
                .iter()
                .filter(|parent| {
                    name.strip_prefix(parent.as_str())
                        .is_some_and(|end| MODULES_KEEP.contains(&end))
                })
                .max_by_key(|parent| parent.len())
                .cloned();
        }
    }

    fn read_texts(&mut self, conn: &Connection) -> Result<()> {
        let mut schema = conn.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
        let mut rows = schema.raw_query();
        while let Some(row) = rows.next()? {
            let kind: String = row.get(0)?;
            let name: String = row.get(1)?;
            let table: String = row.get(2)?;
            let sql: String = row.get::<_, Option<String>>(3)?.unwrap_or_default();
            if kind == "index" {
                self.tables_of_indexes.insert(lower(&name), lower(&table));
            }
            let Some(relation) = self.relations.get_mut(&lower(&table)) else {
                continue;
            };
            match kind.as_str() {
                "view" | "trigger" => relation.texts.push(sql),
                "table" if !relation.is_virtual => relation.read_rules(conn, &name, &sql),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The tables whose checks, generated columns or indexes may match texts with patterns; temporary ones count too.
pub(super) fn matching_tables(conn: &Connection) -> Result<Names> {
    conn.prepare(
        "SELECT tbl_name, sql
         FROM (SELECT * FROM main.sqlite_schema UNION ALL SELECT * FROM temp.sqlite_temp_schema)
         WHERE type IN ('table', 'index') AND sql IS NOT NULL",
    )?
    .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
    .filter(|found| {
        found.as_ref().map_or(true, |(_, sql)| {
            tokens(sql)
                .iter()
                .any(|token| token.is("LIKE") || token.is("GLOB"))
        })
    })
    .map(|found| found.map(|(table, _)| lower(&table)))
    .collect()
}

/// How SQLite's own modules (FTS3 to 5, R*Tree) name what they keep; the last part of a shadow table's name.
const MODULES_KEEP: [&str; 12] = [
    "_content",
    "_data",
    "_idx",
    "_docsize",
    "_config",
    "_segments",
    "_segdir",
    "_stat",
    "_node",
    "_parent",
    "_rowid",
    "_instance",
];

impl Relation {
    /// The rules of the table that `sql` made.
    fn read_rules(&mut self, conn: &Connection, table: &str, sql: &str) {
        let tokens = tokens(sql);
        self.replaces = tokens
            .windows(2)
            .any(|two| two[0].is("CONFLICT") && two[1].is("REPLACE"));
        let generated = self.generated(&tokens);
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.is("CHECK")) {
            let columns = self.named(in_parentheses(&tokens, at + 1));
            self.rules.push(Rule::of_row("a CHECK", columns));
        }
        for (column, from) in &generated {
            let mut columns = from.clone();
            columns.insert(column.clone());
            self.rules
                .push(Rule::of_row(&format!("the generated column {column}"), columns));
        }
        // A table whose indexes cannot be read cannot be written to either.
        let mut rules = self.index_rules(conn, table).unwrap_or_default();
        self.rules.append(&mut rules);
        for rule in &mut self.rules {
            rule.expand(&generated);
        }
    }

    /// The generated columns, and what each is made of.
    fn generated(&self, tokens: &[Token<'_>]) -> HashMap<String, Names> {
        let mut found = HashMap::new();
        let Some(open) = tokens.iter().position(|token| *token == Token::Sign('(')) else {
            return found;
        };
        let body = in_parentheses(tokens, open);
        let mut depth = 0_usize;
        let mut column: Option<String> = None;
        let mut begins = true;
        for (at, token) in body.iter().enumerate() {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth = depth.saturating_sub(1),
                Token::Sign(',') if depth == 0 => {
                    begins = true;
                    continue;
                }
                _ if begins => column = token.name().map(lower),
                token if depth == 0 && token.is("AS") && body.get(at + 1) == Some(&Token::Sign('(')) => {
                    if let Some(column) = column.take() {
                        found.insert(column, self.named(in_parentheses(body, at + 1)));
                    }
                }
                _ => {}
            }
            begins = false;
        }
        found
    }

    /// The rules that indexes and keys are.
    fn index_rules(&self, conn: &Connection, table: &str) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        let mut list = conn.prepare(
            "SELECT list.name, list.\"unique\", list.origin, list.partial, schema.sql
             FROM pragma_index_list(?1) AS list
             LEFT JOIN main.sqlite_schema AS schema ON schema.type = 'index' AND schema.name = list.name",
        )?;
        let mut has_key_index = false;
        let mut rows = list.query([table])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let is_unique: bool = row.get(1)?;
            let origin: String = row.get(2)?;
            let partial: bool = row.get(3)?;
            let sql: Option<String> = row.get(4)?;
            has_key_index |= origin == "pk";
            let parts: Vec<Option<String>> = conn
                .prepare("SELECT name FROM pragma_index_xinfo(?1) WHERE key = 1")?
                .query_map([&name], |row| row.get(0))?
                .collect::<Result<_>>()?;
            let plain = !partial && parts.iter().all(Option::is_some);
            if plain && !is_unique {
                continue;
            }
            let mut columns: Names = parts.iter().flatten().map(|name| lower(name)).collect();
            if !plain {
                columns.append(&mut self.named(&tokens(sql.as_deref().unwrap_or_default())));
            }
            rules.push(Rule {
                what: format!("the index {name}"),
                columns,
                is_unique,
                is_rowid: false,
            });
        }
        if !has_key_index {
            let key: Names = conn
                .prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0")?
                .query_map([table], |row| row.get::<_, String>(0))?
                .map(|name| name.map(|name| lower(&name)))
                .collect::<Result<_>>()?;
            if !key.is_empty() {
                rules.push(Rule {
                    what: "the primary key".to_owned(),
                    columns: key,
                    is_unique: true,
                    is_rowid: true,
                });
            }
        }
        Ok(rules)
    }

    /// The columns that `tokens` name.
    fn named(&self, tokens: &[Token<'_>]) -> Names {
        tokens
            .iter()
            .filter_map(|token| token.name().map(lower))
            .filter(|name| self.columns.contains(name))
            .collect()
    }
}

impl Rule {
    fn of_row(what: &str, columns: Names) -> Self {
        Self {
            what: what.to_owned(),
            columns,
            is_unique: false,
            is_rowid: false,
        }
    }

    /// Adds what the generated columns among its own are made of.
    fn expand(&mut self, generated: &HashMap<String, Names>) {
        loop {
            let more: Vec<String> = self
                .columns
                .iter()
                .filter_map(|column| generated.get(column))
                .flatten()
                .filter(|column| !self.columns.contains(*column))
                .cloned()
                .collect();
            if more.is_empty() {
                return;
            }
            self.columns.extend(more);
        }
    }
}

/// The columns of a table; none when they cannot be told, as those of a view that reads a missing table.
fn columns(conn: &Connection, table: &str) -> Names {
    let names = |conn: &Connection| -> Result<Names> {
        conn.prepare(&format!("PRAGMA main.table_xinfo({})", schema::quoted(table)))?
            .query_map([], |row| row.get::<_, String>(1))?
            .map(|name| name.map(|name| lower(&name)))
            .collect()
    };
    names(conn).unwrap_or_default()
}

/// As SQLite compares names: only ASCII letters have a case.
pub(super) fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}
