//! What SQLite does without asking its authorizer, judged by the text of the statement and by the schema.
//!
//! SQLite does not ask before it compares the columns of `USING` and `NATURAL JOIN`, deletes the row whose place
//! another takes (`OR REPLACE`), checks a rule that reads other columns than the statement names, or gives a table its
//! new name. What cannot be judged is refused: a name counts as a table's wherever it stands.

use super::authorizer::{OWN_TABLES, Touched, is_function_of_rows, is_own};
use super::catalog::{Catalog, Names, Relation, lower};
use super::sql_tokens::{Token, in_parentheses, tokens};
use crate::engine::{Columns, Rights, TableRights};
use std::collections::HashMap;

/// Why a statement is refused, in words; the caller is named before them.
type Refusal = String;

/// Refuses what would reach a table of the gateway itself without SQLite asking. For every caller.
pub(super) fn judge_own_tables(sql: &str) -> Result<(), Refusal> {
    if !holds_own_name(sql) {
        return Ok(());
    }
    let tokens = tokens(sql);
    let Some(own) = tokens.iter().filter_map(Token::name).find(|name| is_own(name)) else {
        return Ok(());
    };
    let first = tokens
        .iter()
        .find(|token| !token.is("EXPLAIN") && !token.is("QUERY") && !token.is("PLAN"));
    let changes_schema =
        first.is_some_and(|word| ["CREATE", "ALTER", "DROP"].iter().any(|keyword| word.is(keyword)));
    if changes_schema || joins_by_name(&tokens) {
        return Err(format!("may not reach `{own}`: it belongs to the service"));
    }
    Ok(())
}

/// Whether a name of the gateway's tables is in the text at all; most statements hold none.
fn holds_own_name(sql: &str) -> bool {
    sql.as_bytes()
        .windows(OWN_TABLES.len())
        .any(|part| part[0] == b'_' && part.eq_ignore_ascii_case(OWN_TABLES.as_bytes()))
}

fn joins_by_name(tokens: &[Token<'_>]) -> bool {
    tokens
        .iter()
        .any(|token| token.is("USING") || token.is("NATURAL"))
}

/// Refuses what a caller who is limited to tables may not do, `touched` being what SQLite has asked about.
pub(super) fn judge_limited(
    sql: &str,
    rights: &Rights,
    tables: &HashMap<String, TableRights>,
    catalog: &Catalog,
    touched: &Touched,
) -> Result<(), Refusal> {
    let statement = tokens(sql);
    let writes = !touched.inserted.is_empty() || !touched.updated.is_empty();
    let play = InPlay::of(&statement, catalog, writes);
    play.joins(rights)?;
    for (table, set) in &touched.updated {
        let Some((relation, granted)) = catalog.relation(table).zip(tables.get(table)) else {
            continue;
        };
        let replaces = relation.replaces || play.texts().any(says_or_replace);
        if replaces && granted.write != Some(Columns::All) {
            return Err(format!(
                "may not replace rows of {table}: the row that gives way would be deleted"
            ));
        }
        rules_of_update(table, relation, rights, set)?;
    }
    for table in &touched.inserted {
        if let Some(relation) = catalog.relation(table) {
            rules_of_insert(table, relation, rights, &statement)?;
        }
    }
    Ok(())
}

/// The texts that a statement brings into play, and the tables that they may name.
struct InPlay<'a> {
    statement: &'a [Token<'a>],
    stored: Vec<Vec<Token<'a>>>,
    tables: HashMap<String, &'a Relation>,
}

impl<'a> InPlay<'a> {
    fn of(statement: &'a [Token<'a>], catalog: &'a Catalog, writes: bool) -> Self {
        let mut play = Self {
            statement,
            stored: Vec::new(),
            tables: HashMap::new(),
        };
        let mut new = named(statement, catalog);
        while let Some((name, relation)) = new.pop() {
            if play.tables.insert(name, relation).is_some() {
                continue;
            }
            for text in &relation.texts {
                let tokens = tokens(text);
                // The triggers of a table that is only read do not run.
                if writes || !tokens.iter().take(4).any(|token| token.is("TRIGGER")) {
                    new.extend(named(&tokens, catalog));
                    play.stored.push(tokens);
                }
            }
        }
        play
    }

    fn texts(&self) -> impl Iterator<Item = &[Token<'a>]> {
        std::iter::once(self.statement).chain(self.stored.iter().map(Vec::as_slice))
    }

    /// Columns that are compared because they have the same name must be readable.
    fn joins(&self, rights: &Rights) -> Result<(), Refusal> {
        for text in self.texts() {
            for (at, token) in text.iter().enumerate() {
                if token.is("NATURAL") {
                    self.natural_join(rights)?;
                } else if token.is("USING") && text.get(at + 1) == Some(&Token::Sign('(')) {
                    let columns: Names = in_parentheses(text, at + 1)
                        .iter()
                        .filter_map(|token| token.name().map(lower))
                        .collect();
                    self.using(rights, &columns)?;
                }
            }
        }
        Ok(())
    }

    fn using(&self, rights: &Rights, columns: &Names) -> Result<(), Refusal> {
        for (table, relation) in &self.tables {
            if let Some(column) = columns
                .iter()
                .find(|column| relation.columns.contains(*column) && !rights.may_read(table, column))
            {
                return Err(format!(
                    "may not read {table}.{column}, which USING ({column}) compares"
                ));
            }
        }
        Ok(())
    }

    /// Refuses a hidden column whose name something else in the statement may bear too.
    fn natural_join(&self, rights: &Rights) -> Result<(), Refusal> {
        let calls = self
            .texts()
            .flatten()
            .filter_map(Token::name)
            .any(is_function_of_rows);
        for (table, relation) in &self.tables {
            for column in relation
                .columns
                .iter()
                .filter(|column| !rights.may_read(table, column))
            {
                let elsewhere = self
                    .tables
                    .iter()
                    .any(|(other, relation)| other != table && relation.columns.contains(column));
                let named = || {
                    self.texts()
                        .flatten()
                        .filter_map(Token::name)
                        .any(|name| name.eq_ignore_ascii_case(column))
                };
                // A column that nobody has named is called after its expression, column1 or the like.
                let plain = column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !column.starts_with("column")
                    && !(calls && COLUMNS_OF_FUNCTIONS.contains(&column.as_str()));
                if elsewhere || !plain || self.times_named(table) > 1 || named() {
                    return Err(format!(
                        "may not read {table}.{column}, which NATURAL JOIN may compare; name the columns with ON"
                    ));
                }
            }
        }
        Ok(())
    }

    /// How often a table may stand in the statement, its name before a column not counted.
    fn times_named(&self, table: &str) -> usize {
        self.texts()
            .flat_map(|text| text.iter().zip(text.iter().skip(1).map(Some).chain([None])))
            .filter(|(token, next)| {
                *next != Some(&Token::Sign('.'))
                    && token.name().is_some_and(|name| name.eq_ignore_ascii_case(table))
            })
            .count()
    }
}

/// The columns of functions that give rows, whose names no text needs to mention.
const COLUMNS_OF_FUNCTIONS: [&str; 30] = [
    "key",
    "value",
    "type",
    "atom",
    "id",
    "parent",
    "fullkey",
    "path",
    "json",
    "root",
    "name",
    "cid",
    "notnull",
    "dflt_value",
    "pk",
    "hidden",
    "seq",
    "unique",
    "origin",
    "partial",
    "table",
    "from",
    "to",
    "on_update",
    "on_delete",
    "match",
    "start",
    "stop",
    "step",
    "rowid",
];

/// The tables and views whose names stand anywhere in `tokens`.
fn named<'c>(tokens: &[Token<'_>], catalog: &'c Catalog) -> Vec<(String, &'c Relation)> {
    tokens
        .iter()
        .filter_map(|token| {
            let name = token.name()?;
            Some((lower(name), catalog.relation(name)?))
        })
        .collect()
}

fn says_or_replace(text: &[Token<'_>]) -> bool {
    text.windows(2).any(|two| two[0].is("OR") && two[1].is("REPLACE"))
}

/// A rule that reads a hidden column beside one that is set tells something of it by holding or not.
fn rules_of_update(table: &str, relation: &Relation, rights: &Rights, set: &Names) -> Result<(), Refusal> {
    for rule in &relation.rules {
        if rule.columns.is_disjoint(set) {
            continue;
        }
        let hidden = rule
            .columns
            .iter()
            .find(|column| !rights.may_read(table, column) && (rule.is_unique || !set.contains(*column)));
        if let Some(column) = hidden {
            return Err(format!(
                "may not set what {} of {table} compares with {table}.{column}, which it may not read",
                rule.what
            ));
        }
    }
    Ok(())
}

/// A row that is refused because its key is there tells that it is.
fn rules_of_insert(
    table: &str,
    relation: &Relation,
    rights: &Rights,
    statement: &[Token<'_>],
) -> Result<(), Refusal> {
    let given = columns_given(statement, table);
    for rule in &relation.rules {
        let is_given = match &given {
            Some(given) => !rule.columns.is_disjoint(given),
            // Without a list every column may be given, but a number that SQLite counts up seldom is.
            None => !rule.is_rowid,
        };
        let hidden = rule.columns.iter().find(|column| !rights.may_read(table, column));
        if let Some(column) = hidden.filter(|_| rule.is_unique && is_given) {
            return Err(format!(
                "may not give what {} of {table} compares with {table}.{column}, which it may not read",
                rule.what
            ));
        }
    }
    Ok(())
}

/// The columns in `INSERT INTO table (…)`.
fn columns_given(statement: &[Token<'_>], table: &str) -> Option<Names> {
    let into = statement.iter().position(|token| token.is("INTO"))?;
    let mut at = into + 1;
    if statement.get(at + 1) == Some(&Token::Sign('.')) {
        at += 2;
    }
    if !statement.get(at)?.name()?.eq_ignore_ascii_case(table) {
        return None;
    }
    at += 1;
    if statement.get(at).is_some_and(|token| token.is("AS")) {
        at += 2;
    }
    (statement.get(at) == Some(&Token::Sign('('))).then(|| {
        in_parentheses(statement, at)
            .iter()
            .filter_map(|token| token.name().map(lower))
            .collect()
    })
}
