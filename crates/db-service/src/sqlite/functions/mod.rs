//! Functions that SQLite names and does not have, and those that it has and that do not look at the clock.
//!
//! SQLite can stop a statement between its steps, and where it allocates (see `sqlite-budget`); the call of a function
//! is one step. The functions here have the results of SQLite's own, in time that grows with the length of their
//! values, or look whether the statement must stop as they go on. They have no effects and the same answer for the same
//! values, so that views, triggers and indexes may use them.
//!
//! LIKE and GLOB are SQLite's own, which alone may use an index for a prefix: their patterns are limited, and the values
//! of a statement that uses them (`max_pattern_bytes`, `max_matched_bytes`).

mod json_patch;
mod percentiles;
mod plain;
mod regexp;
mod texts;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error, Result, ffi};

/// Adds them to a connection whose values are at most `max_value_bytes` long.
pub(super) fn add(conn: &Connection, max_value_bytes: u64) -> Result<()> {
    let max_value_bytes = usize::try_from(max_value_bytes).unwrap_or(usize::MAX);
    regexp::add(conn)?;
    texts::add(conn, max_value_bytes)?;
    json_patch::add(conn)?;
    percentiles::add(conn)
}

/// Without effects, and with the same answer for the same values.
fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

/// Counts steps, and looks now and then whether the statement must stop.
#[derive(Debug, Default)]
struct Steps(usize);

/// About a millisecond.
const STEPS_BETWEEN_LOOKS: usize = 1 << 19;

impl Steps {
    /// Counts `steps`.
    fn take(&mut self, steps: usize) -> Result<()> {
        self.0 += steps;
        if self.0 < STEPS_BETWEEN_LOOKS {
            return Ok(());
        }
        self.0 = 0;
        if sqlite_budget::must_stop() {
            return Err(sqlite_error(ffi::SQLITE_INTERRUPT));
        }
        Ok(())
    }
}

/// The error of SQLite itself, in its words. With words of ours it would lose its code.
fn sqlite_error(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}

/// An error in words of ours.
fn fault(words: impl Into<String>) -> Error {
    Error::UserFunctionError(words.into().into())
}
