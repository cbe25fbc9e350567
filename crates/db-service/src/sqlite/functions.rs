//! Functions that SQLite names and does not have.

use regex::{Regex, RegexBuilder};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

/// How large a compiled regular expression may be, in bytes.
const LARGEST_REGEX: usize = 1 << 20;

/// Adds them to a connection. They have no effects and the same answer for the same values, so that views, triggers and
/// indexes may use them.
pub(super) fn add(conn: &Connection) -> Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("regexp", 2, flags, regexp)
}

/// `text REGEXP pattern`, which SQLite turns into `regexp(pattern, text)`: whether the pattern matches anywhere. The
/// pattern is compiled once for a statement, and matched in time that grows with the text alone.
fn regexp(context: &Context<'_>) -> Result<Option<bool>> {
    let text = match context.get_raw(1) {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Blob(_) => return Err(fault("REGEXP takes texts, not blobs")),
    };
    if context.get_raw(0) == ValueRef::Null {
        return Ok(None);
    }
    let pattern = context.get_or_create_aux(0, |pattern| -> Result<Regex> {
        let pattern = pattern
            .as_str()
            .map_err(|_| fault("a pattern of REGEXP is a text"))?;
        RegexBuilder::new(pattern)
            .size_limit(LARGEST_REGEX)
            .build()
            .map_err(|why| fault(&format!("REGEXP: {why}")))
    })?;
    Ok(Some(pattern.is_match(&text)))
}

fn fault(words: &str) -> Error {
    Error::UserFunctionError(words.to_owned().into())
}
