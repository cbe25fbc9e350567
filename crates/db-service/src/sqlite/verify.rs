//! Whether the file of a database is whole: its pages (`PRAGMA quick_check`), its foreign keys, and its rows counted.

use super::functions;
use crate::engine::{Control, EngineError};
use anyhow::Context as _;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt::Write as _;
use std::path::Path;

/// How many virtual machine steps pass between two looks at whether a check must stop.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;
/// How large a value may be that a rule of the schema computes while a file is checked, in bytes: as large as SQLite
/// takes them.
pub(super) const LONGEST_VALUE: u64 = 1_000_000_000;
/// How many faults are told.
const MOST_FAULTS: usize = 5;

/// A file that passed its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its tables and how many rows each has, by name.
    pub tables: Vec<(String, u64)>,
}

/// Checks the copy of a database that nobody writes to. Nothing is written beside it.
///
/// # Errors
///
/// When it cannot be read, is no SQLite database, or is damaged: the error says where.
pub fn verify(file: &Path) -> anyhow::Result<Verified> {
    let bytes = std::fs::metadata(file)
        .with_context(|| format!("read {}", file.display()))?
        .len();
    let conn = open_still(file).with_context(|| format!("open {}", file.display()))?;
    let what = || format!("check {}", file.display());
    if let Some(fault) = fault(&conn).with_context(what)? {
        anyhow::bail!("{} fails its check: {fault}", file.display());
    }
    let tables = rows(&conn).with_context(what)?;
    Ok(Verified { bytes, tables })
}

/// Opens a file that nobody writes to: without locks, and without a log beside it.
pub(super) fn open_still(file: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Writing into a string does not fail.
                let _ = write!(uri, "%{other:02x}");
            }
        }
    }
    uri.push_str("?immutable=1");
    let conn = Connection::open_with_flags(
        uri,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Rules of the schema may call them.
    functions::add(&conn, LONGEST_VALUE)?;
    Ok(conn)
}

/// Makes what runs on `conn` end when `control` says so.
pub(super) fn stop_by(conn: &Connection, control: &std::sync::Arc<Control>) -> rusqlite::Result<()> {
    let control = std::sync::Arc::clone(control);
    conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || control.must_stop()))
}

/// What is wrong with the pages; `None` when nothing is.
pub(super) fn page_fault(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let mut check = conn.prepare(&format!("PRAGMA quick_check({MOST_FAULTS})"))?;
    let lines: Vec<String> = check
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((lines != ["ok"]).then(|| lines.join("; ")))
}

/// What is wrong with the pages or the foreign keys; `None` when nothing is.
pub(super) fn fault(conn: &Connection) -> rusqlite::Result<Option<String>> {
    if let Some(fault) = page_fault(conn)? {
        return Ok(Some(fault));
    }
    let mut check = conn.prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check")?;
    let mut rows = check.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, rowid, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let place = rowid.map_or_else(String::new, |rowid| format!(" {rowid}"));
        found.push(format!(
            "row{place} of `{table}` refers to a row that `{parent}` does not have"
        ));
        if found.len() == MOST_FAULTS {
            break;
        }
    }
    Ok((!found.is_empty()).then(|| found.join("; ")))
}

/// Every ordinary table and how many rows it has, by name.
pub(super) fn rows(conn: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut names = conn.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name",
    )?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let count = |name: String| {
        let sql = format!("SELECT count(*) FROM main.{}", super::schema::quoted(&name));
        let rows: i64 = conn.query_row(&sql, [], |row| row.get(0))?;
        Ok((name, u64::try_from(rows).unwrap_or_default()))
    };
    names.into_iter().map(count).collect()
}

/// What an error of SQLite means for a copy or a check that `control` stops.
pub(super) fn failed(error: rusqlite::Error, control: &Control) -> EngineError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => EngineError::DiskFull,
        Some(ErrorCode::OperationInterrupted) => control.reason().unwrap_or(EngineError::Overrun),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineError::Damaged(error.to_string()),
        _ => EngineError::broken(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path) -> Connection {
        let conn = Connection::open(path).unwrap();
        functions::add(&conn, LONGEST_VALUE).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE par (id INTEGER PRIMARY KEY) STRICT;
             CREATE TABLE child (p REFERENCES par, mail TEXT CHECK (mail REGEXP '@'));
             CREATE INDEX mails ON child (mail);
             INSERT INTO par VALUES (1), (2);
             INSERT INTO child
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500)
             SELECT 1, hex(randomblob(100)) || '@' FROM n;",
        )
        .unwrap();
        conn
    }

    #[test]
    fn a_whole_file_tells_its_rows_and_nothing_is_written_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd name?#%.db");
        drop(database(&file));

        let verified = verify(&file).unwrap();

        assert_eq!(verified.bytes, std::fs::metadata(&file).unwrap().len());
        assert_eq!(verified.tables[1], ("par".to_owned(), 2));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn pages_that_are_damaged_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        drop(database(&file));
        let whole = std::fs::read(&file).unwrap();
        let mut found = 0;
        for page in 1..whole.len() / 4_096 {
            let mut damaged = whole.clone();
            // The head of the page.
            damaged[page * 4_096..page * 4_096 + 12].fill(0xa5);
            std::fs::write(&file, damaged).unwrap();
            found += usize::from(verify(&file).is_err());
        }

        assert_eq!(found, whole.len() / 4_096 - 1);
        std::fs::write(&file, &whole[..whole.len() - 5_000]).unwrap();
        assert!(verify(&file).is_err(), "cut short");
    }

    #[test]
    fn keys_without_their_rows_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        let conn = database(&file);
        conn.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM par WHERE id = 1")
            .unwrap();
        drop(conn);

        let error = verify(&file).unwrap_err().to_string();

        assert!(
            error.contains("of `child` refers to a row that `par` does not have"),
            "{error}"
        );
    }
}
