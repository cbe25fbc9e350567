//! Opening connections: flags, settings and limits.

use crate::config::{Limits, Synchronous};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How many compiled statements a connection keeps.
const STATEMENT_CACHE: usize = 128;
/// How long a connection waits for a lock: a checkpoint holds one for a moment, and so does another program that opens
/// the file.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens the file for writing; it is made when there is none.
pub(super) fn open_writer(
    path: &Path,
    synchronous: Synchronous,
    limits: &Limits,
    double_quoted_texts: bool,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    harden(&conn, limits, double_quoted_texts)?;
    set_up_writer(&conn, synchronous)?;
    super::idempotency::make_table(&conn)?;
    super::readiness::make_table(&conn)?;
    limit(&conn, limits)?;
    Ok(conn)
}

/// Makes `folder` the place of the files that SQLite itself makes for a while, of all connections of the process: those
/// of statements that sort much. They have no names there.
pub(super) fn keep_temporary_files_in(conn: &Connection, folder: &Path) -> rusqlite::Result<()> {
    // SQLite calls it deprecated, and the variable that it names instead cannot be set by a program with threads.
    conn.pragma_update(None, "temp_store_directory", folder.to_string_lossy())
}

/// How long the texts of the schema are together, in bytes; temporary objects count too.
pub(super) fn schema_bytes(conn: &Connection) -> rusqlite::Result<u64> {
    let bytes: f64 = conn.query_row(
        "SELECT total(length(sql))
         FROM (SELECT sql FROM main.sqlite_schema UNION ALL SELECT sql FROM temp.sqlite_temp_schema)",
        [],
        |row| row.get(0),
    )?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of lengths is a whole number that is not negative, far below what a float holds exactly"
    )]
    Ok(bytes as u64)
}

/// What SQLite advises for SQL of strangers.
fn harden(conn: &Connection, limits: &Limits, double_quoted_texts: bool) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, double_quoted_texts)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, double_quoted_texts)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_ATTACHED, MOST_ATTACHED),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, DEEPEST_EXPRESSION),
        (Limit::SQLITE_LIMIT_VDBE_OP, MOST_OPERATIONS),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, MOST_ARGUMENTS),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, DEEPEST_TRIGGER),
    ] {
        conn.set_limit(limit, most)?;
    }
    rusqlite::vtab::series::load_module(conn)?;
    super::functions::add(conn, limits.max_value_bytes)
}

/// How many databases a stream may attach.
const MOST_ATTACHED: i32 = 4;
/// How deep an expression may be.
const DEEPEST_EXPRESSION: i32 = 1_000;
/// To how many operations a statement may compile.
pub(super) const MOST_OPERATIONS: i32 = 2_000_000;
/// How many arguments a function may have: each may be as long as a value.
const MOST_ARGUMENTS: i32 = 100;
/// How deep triggers may fire each other while they run.
const DEEPEST_TRIGGER: i32 = 1_000;

/// The views and triggers that no longer compile since texts in double quotes are off, each with the reason.
pub(super) fn in_need_of_double_quotes(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut objects =
        conn.prepare("SELECT type, name, tbl_name FROM sqlite_schema WHERE type IN ('view', 'trigger')")?;
    let objects: Vec<(String, String, String)> = objects
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut found = Vec::new();
    for (kind, name, table) in objects {
        let table = super::schema::quoted(&table);
        let texts = match kind.as_str() {
            "view" => vec![format!("SELECT * FROM {table}")],
            _ => vec![
                format!("EXPLAIN INSERT INTO {table} DEFAULT VALUES"),
                format!("EXPLAIN DELETE FROM {table}"),
                format!("EXPLAIN UPDATE {table} SET {}", all_set(conn, &table)?),
            ],
        };
        // A view has no triggers for what it cannot do, which is another error.
        let failure = texts
            .iter()
            .filter_map(|sql| conn.prepare(sql).err())
            .find(|failure| failure.to_string().contains("no such column: \""));
        if let Some(failure) = failure {
            found.push(format!("{kind} {name}: {failure}"));
        }
    }
    Ok(found)
}

/// Every column of `table`, in quotes already, set to itself.
fn all_set(conn: &Connection, table: &str) -> rusqlite::Result<String> {
    let columns: Vec<String> = conn
        .prepare(&format!("PRAGMA table_info({table})"))?
        .query_map([], |row| row.get::<_, String>(1))?
        .map(|name| {
            let name = super::schema::quoted(&name?);
            Ok(format!("{name} = {name}"))
        })
        .collect::<rusqlite::Result<_>>()?;
    Ok(columns.join(", "))
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
    double_quoted_texts: bool,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    harden(&conn, limits, double_quoted_texts)?;
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
pub(super) fn set_up_reader(
    conn: &Connection,
    limits: &Limits,
    double_quoted_texts: bool,
) -> rusqlite::Result<()> {
    conn.busy_timeout(LOCK_WAIT)?;
    harden(conn, limits, double_quoted_texts)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -2_000)?;
    limit(conn, limits)
}

/// Limits how long a text or blob may be.
pub(super) fn limit_values(conn: &Connection, bytes: u64) -> rusqlite::Result<()> {
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, clamp(bytes)).map(drop)
}

fn clamp(bytes: u64) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

fn limit(conn: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    limit_values(conn, limits.max_value_bytes)?;
    conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, clamp(limits.max_sql_bytes))?;
    conn.set_limit(
        Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
        clamp(limits.max_pattern_bytes),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn limits() -> Limits {
        Limits::default()
    }

    /// A connection of every kind.
    fn connections(path: &PathBuf) -> [Connection; 3] {
        let writer = open_writer(path, Synchronous::Full, &limits(), false).unwrap();
        let session = open_session(path, Synchronous::Full, &limits(), false).unwrap();
        let reader = Connection::open_with_flags(path, reader_flags()).unwrap();
        set_up_reader(&reader, &limits(), false).unwrap();
        [writer, session, reader]
    }

    #[test]
    fn every_connection_has_the_limits_and_checks_that_sqlite_advises() {
        let folder = tempfile::tempdir().unwrap();

        for conn in connections(&folder.path().join("a.db")) {
            for (limit, most) in [
                (Limit::SQLITE_LIMIT_LENGTH, 67_108_864),
                (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
                (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
                (Limit::SQLITE_LIMIT_ATTACHED, 4),
                (Limit::SQLITE_LIMIT_EXPR_DEPTH, 1_000),
                (Limit::SQLITE_LIMIT_VDBE_OP, 2_000_000),
                (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
                (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1_000),
            ] {
                assert_eq!(conn.limit(limit).unwrap(), most, "{limit:?}");
            }
            for (pragma, value) in [("cell_size_check", 1), ("trusted_schema", 0), ("foreign_keys", 1)] {
                let set: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
                assert_eq!(set, value, "{pragma}");
            }
        }
    }

    #[test]
    fn what_needs_texts_in_double_quotes_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let lenient = open_writer(&path, Synchronous::Full, &limits(), true).unwrap();
        lenient
            .execute_batch(
                r#"CREATE TABLE t (a, b);
                CREATE VIEW good AS SELECT 'x' AS x, "a" FROM t;
                CREATE VIEW quoted AS SELECT a FROM t WHERE a = "x";
                CREATE TRIGGER inserted AFTER INSERT ON t BEGIN UPDATE t SET a = "i"; END;
                CREATE TRIGGER deleted AFTER DELETE ON t BEGIN UPDATE t SET a = "d"; END;
                CREATE TRIGGER updated AFTER UPDATE OF b ON t BEGIN DELETE FROM t WHERE a = "u"; END;
                CREATE TRIGGER instead INSTEAD OF UPDATE ON good BEGIN SELECT "v"; END;"#,
            )
            .unwrap();
        drop(lenient);

        let strict = open_writer(&path, Synchronous::Full, &limits(), false).unwrap();
        let listed = in_need_of_double_quotes(&strict).unwrap();

        for object in [
            "view quoted",
            "trigger inserted",
            "trigger deleted",
            "trigger updated",
            "trigger instead",
        ] {
            assert!(
                listed.iter().any(|one| one.starts_with(object)),
                "{object}: {listed:?}"
            );
        }
        assert!(
            !listed.iter().any(|one| one.starts_with("view good")),
            "{listed:?}"
        );
    }
}
