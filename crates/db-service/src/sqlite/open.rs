//! Opening connections: flags, settings and limits.

use crate::config::{Limits, Synchronous};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How many compiled statements a connection keeps.
const STATEMENT_CACHE: usize = 128;
/// How long a connection waits for a lock. Only another program that opens the file can hold one.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens the file for writing; it is made when there is none.
pub(super) fn open_writer(
    path: &Path,
    synchronous: Synchronous,
    limits: &Limits,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set_up_writer(&conn, synchronous)?;
    super::idempotency::make_table(&conn)?;
    limit(&conn, limits)?;
    Ok(conn)
}

/// The settings of a connection that writes. Set again after a pragma of a caller ran on it.
pub(super) fn set_up_writer(conn: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "recursive_triggers", false)?;
    conn.pragma_update(None, "writable_schema", false)?;
    conn.pragma_update(None, "ignore_check_constraints", false)?;
    conn.pragma_update(None, "cache_size", -16_000)?;
    conn.pragma_update(None, "journal_size_limit", 67_108_864)?;
    conn.pragma_update(
        None,
        "synchronous",
        match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        },
    )
}

/// Opens the file for one caller at a time.
pub(super) fn open_session(
    path: &Path,
    synchronous: Synchronous,
    limits: &Limits,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set_up_writer(&conn, synchronous)?;
    conn.pragma_update(None, "cache_size", -2_000)?;
    // The writer sees to checkpoints.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    limit(&conn, limits)?;
    Ok(conn)
}

/// The flags of a connection that only reads.
pub(super) fn reader_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// The settings of a connection that only reads.
pub(super) fn set_up_reader(conn: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -2_000)?;
    limit(conn, limits)
}

fn limit(conn: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let clamp = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX);
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, clamp(limits.max_value_bytes))?;
    conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, clamp(limits.max_sql_bytes))?;
    Ok(())
}
