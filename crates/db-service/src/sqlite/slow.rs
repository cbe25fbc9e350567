//! The log of slow statements.

use super::schema;
use rusqlite::Connection;
use std::time::Duration;
use tracing::warn;

/// The log shows this much of a statement, in characters.
const SHOWN: usize = 2_000;

/// Logs a statement that took long, with its plan and without its parameters.
pub(super) fn log(conn: &Connection, sql: &str, ran: Duration, token: Option<&str>) {
    let shown: String = sql.chars().take(SHOWN).collect();
    let plan = schema::plan_text(conn, sql).unwrap_or_else(|_| "no plan".to_owned());
    let ms = ran.as_millis();
    warn!(elapsed_ms = %ms, token, sql = %shown, plan = %plan, "slow statement: {ms} ms");
}
