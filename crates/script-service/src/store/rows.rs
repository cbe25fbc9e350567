//! Statements that write rows of imports, whatever their table.

use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use std::fmt::Write as _;

/// How many rows one run of an insert takes. Because of the triggers, SQLite keeps what each run may have to
/// take back: run by run that costs as much for one row as for many.
const INSERTED_TOGETHER: usize = 100;

/// Rows of the same width, their values one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    /// None yet; each will have `width` values.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            values: Vec::new(),
        }
    }

    /// The values, for one more row to be added behind them.
    pub(crate) fn values_mut(&mut self) -> &mut Vec<Value> {
        &mut self.values
    }

    /// The rows in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// Row `index`.
    pub(crate) fn get(&self, index: usize) -> &[Value] {
        &self.values[index * self.width..][..self.width]
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[Value]) {
        self.values.extend_from_slice(row);
    }
}

/// Statements that insert `rows` into `columns` of `table`; none when there are none. `shared` is one more column, whose
/// value is the same in all rows.
pub(crate) fn insert(
    table: &str,
    columns: &[&str],
    shared: Option<(&str, &Value)>,
    rows: Rows,
) -> Vec<Statement> {
    let further = shared.map_or(String::new(), |(column, _)| format!(", {column}"));
    let into = format!("{table} ({}{further})", columns.join(", "));
    insert_together(&into, "", rows, shared.map(|(_, value)| value))
}

/// Statements that insert `rows` into `table`, or add them to the rows with the same `keys`; none when there are none.
pub(super) fn insert_or_add(table: &str, keys: &[&str], sums: &[&str], rows: Rows) -> Vec<Statement> {
    let added: Vec<String> = sums
        .iter()
        .map(|column| format!("{column} = {column} + excluded.{column}"))
        .collect();
    insert_together(
        &format!("{table} ({}, {})", keys.join(", "), sums.join(", ")),
        &format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            keys.join(", "),
            added.join(", ")
        ),
        rows,
        None,
    )
}

/// A statement that inserts those of `rows` that conflict with nothing.
pub(crate) fn insert_or_ignore(table: &str, columns: &[&str], rows: &Rows) -> Statement {
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    Statement {
        sql: format!(
            "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
            columns.join(", "),
            places.join(", ")
        ),
        params_many: Some(rows.iter().map(|row| Params::Positional(row.to_vec())).collect()),
        ..Statement::default()
    }
}

/// A statement that sets `columns` of the rows whose key, the first `key` of the columns, is that of `rows`.
pub(crate) fn update(table: &str, columns: &[&str], key: usize, rows: Vec<Vec<Value>>) -> Statement {
    let set = |(index, column): (usize, &&str)| format!("{column} = ?{}", index + 1);
    let keys: Vec<String> = columns.iter().enumerate().take(key).map(set).collect();
    let others: Vec<String> = columns.iter().enumerate().skip(key).map(set).collect();
    Statement {
        sql: format!(
            "UPDATE {table} SET {} WHERE {}",
            others.join(", "),
            keys.join(" AND ")
        ),
        params_many: Some(rows.into_iter().map(Params::Positional).collect()),
        ..Statement::default()
    }
}

/// The highest value of `column` in `table`; none when there are no rows.
pub(crate) async fn highest(db: &DbClient, table: &str, column: &str) -> Result<Option<i64>, DbError> {
    let highest: Option<Option<i64>> = db
        .first_row(&format!("SELECT MAX({column}) FROM {table}"), Params::default())
        .await?;
    Ok(highest.flatten())
}

/// `columns` of the rows of `table` that have a key of `rows`, whose first columns are those of `keys`.
pub(crate) async fn find_by_keys(
    db: &DbClient,
    table: &str,
    columns: &[&str],
    keys: &[&str],
    rows: &Rows,
) -> Result<Vec<Vec<Value>>, DbError> {
    let columns = columns.join(", ");
    let (sql, wanted) = if let [key] = keys {
        let mut numbers: Vec<i64> = rows.iter().filter_map(|row| row[0].as_i64()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let texts: Vec<&str> = rows.iter().filter_map(|row| row[0].as_str()).collect();
        let sql = format!("SELECT {columns} FROM {table} WHERE {key} IN (SELECT value FROM json_each(?1))");
        let wanted = if texts.is_empty() {
            serde_json::to_string(&numbers)
        } else {
            serde_json::to_string(&texts)
        };
        (sql, wanted)
    } else {
        // Each key by itself: all rows that share a part of one may be too many for an answer.
        let wanted: Vec<&[Value]> = rows.iter().map(|row| &row[..keys.len()]).collect();
        let parts: Vec<String> = (0..keys.len()).map(|part| format!("value ->> {part}")).collect();
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE ({}) IN (SELECT {} FROM json_each(?1))",
            keys.join(", "),
            parts.join(", ")
        );
        (sql, serde_json::to_string(&wanted))
    };
    Ok(db.query(&sql, [wanted.unwrap_or_default().into()]).await?.rows)
}

/// What inserts `rows` into `into`, a table and its columns; `last` is the value of one more column, the same in all
/// rows.
fn insert_together(into: &str, behind: &str, rows: Rows, last: Option<&Value>) -> Vec<Statement> {
    let width = rows.width;
    let shared = usize::from(last.is_some());
    let sql = |count: usize| {
        let mut sql = format!("INSERT INTO {into} VALUES ");
        let mut place = shared;
        for row in 0..count {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                place += 1;
                let comma = if column == 0 { "" } else { ", " };
                let _ = write!(sql, "{comma}?{place}"); // a String takes every write
            }
            sql.push_str(if shared == 1 { ", ?1)" } else { ")" });
        }
        sql + behind
    };
    let together = rows.len() / INSERTED_TOGETHER * INSERTED_TOGETHER;
    let mut values = rows.values.into_iter();
    let mut statements = Vec::new();
    for (count, rows) in [
        (INSERTED_TOGETHER, together),
        (1, values.len() / width.max(1) - together),
    ] {
        if rows == 0 {
            continue;
        }
        let sets = (0..rows / count).map(|_| {
            let set = last
                .into_iter()
                .cloned()
                .chain(values.by_ref().take(count * width));
            Params::Positional(set.collect())
        });
        statements.push(Statement {
            sql: sql(count),
            params_many: Some(sets.collect()),
            ..Statement::default()
        });
    }
    statements
}
