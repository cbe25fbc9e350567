//! SQLite as it is, on a connection of the thread's own: for what is short, and must be as SQLite has it.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Result, ToSql};
use std::borrow::Cow;
use std::cell::OnceCell;

thread_local! {
    static PLAIN: OnceCell<Connection> = const { OnceCell::new() };
}

/// The value of `sql`, an expression over `?1` and `?2`.
pub(super) fn evaluate(sql: &str, values: &[ValueRef<'_>]) -> Result<Value> {
    PLAIN.with(|plain| {
        if plain.get().is_none() {
            let conn = Connection::open_in_memory()?;
            // Another one is not there yet.
            let _ = plain.set(conn);
        }
        let Some(conn) = plain.get() else {
            return Ok(Value::Null);
        };
        let values: Vec<Lent<'_>> = values.iter().map(|value| Lent(*value)).collect();
        conn.prepare_cached(sql)?
            .query_row(rusqlite::params_from_iter(values), |row| row.get(0))
    })
}

struct Lent<'a>(ValueRef<'a>);

impl ToSql for Lent<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// A value as the text that SQLite makes of it; none of NULL.
pub(super) fn text(value: ValueRef<'_>) -> Result<Option<Cow<'_, [u8]>>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Cow::Borrowed(bytes)),
        ValueRef::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        ValueRef::Real(_) => match evaluate("SELECT CAST(?1 AS TEXT)", &[value])? {
            Value::Text(text) => Some(Cow::Owned(text.into_bytes())),
            _ => None,
        },
    })
}
