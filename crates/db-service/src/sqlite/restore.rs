//! Puts a backup in the place of a database, with no service running.
//!
//! The invariant: at every moment the database's name leads to a whole file. The backup is copied beside it,
//! checked, and renamed onto it while no other program has it open; what was there stays under another name.

use anyhow::{Context as _, bail};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The size of the database now, in bytes.
    pub bytes: u64,
    /// Where the database that was there before is kept.
    pub replaced: Option<PathBuf>,
}

/// Makes `database` a copy of `backup`. What was there is kept beside it, its name ending in `.before-restore`.
///
/// # Errors
///
/// When a program has the database open, when the backup is no whole SQLite database, or when the disk refuses.
/// The database is then as it was.
pub fn restore(backup: &Path, database: &Path) -> anyhow::Result<Restored> {
    let log = beside(backup, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        bail!(
            "{} belongs to a database in use: changes are still in {}; make a backup with `comptoir backup`",
            backup.display(),
            log.display()
        );
    }
    let copy = beside(database, ".restoring");
    let outcome = copy_and_check(backup, &copy).and_then(|bytes| {
        let replaced = swap(&copy, database)?;
        Ok(Restored { bytes, replaced })
    });
    if outcome.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&copy);
    }
    outcome
}

/// `path` with `end` after its last letter.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// Copies the backup and checks the copy: opening a SQLite file may write beside it, and the backup is not ours.
fn copy_and_check(backup: &Path, copy: &Path) -> anyhow::Result<u64> {
    if let Some(folder) = copy.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    }
    let bytes =
        fs::copy(backup, copy).with_context(|| format!("copy {} to {}", backup.display(), copy.display()))?;
    if bytes == 0 {
        bail!("{} is empty", backup.display());
    }
    let faults = faults(copy).with_context(|| format!("{} is no SQLite database", backup.display()))?;
    if let Some(fault) = faults.first() {
        bail!("{} is damaged and was not restored: {fault}", backup.display());
    }
    File::open(copy)?.sync_all()?;
    Ok(bytes)
}

/// What `PRAGMA integrity_check` finds wrong; nothing in a whole file. Leaves one file, without a log.
fn faults(database: &Path) -> rusqlite::Result<Vec<String>> {
    let conn = open(database)?;
    conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let mut statement = conn.prepare("PRAGMA integrity_check")?;
    let lines: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

fn open(database: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::ZERO)?;
    // Rules of the schema may call them.
    super::functions::add(&conn, super::verify::LONGEST_VALUE)?;
    Ok(conn)
}

/// Renames `copy` onto `database`. What is there is locked meanwhile, with its log written back.
fn swap(copy: &Path, database: &Path) -> anyhow::Result<Option<PathBuf>> {
    let replaced = if database.exists() {
        let lock = lock(database)?;
        let kept = beside(database, ".before-restore");
        fs::rename(database, &kept).with_context(|| format!("rename {}", database.display()))?;
        let renamed = fs::rename(copy, database);
        if renamed.is_err() {
            fs::rename(&kept, database)
                .with_context(|| format!("put {} back in its place", kept.display()))?;
        }
        renamed.with_context(|| format!("rename {}", copy.display()))?;
        drop(lock);
        Some(kept)
    } else {
        fs::rename(copy, database).with_context(|| format!("rename {}", copy.display()))?;
        None
    };
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(replaced)
}

/// Takes the database for itself. A database in WAL mode leaves that mode only when nobody else has it open.
fn lock(database: &Path) -> anyhow::Result<Connection> {
    let locked = || {
        let conn = open(database)?;
        conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        conn.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(conn)
    };
    locked().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => anyhow::anyhow!(
            "a program has {} open: stop the service that uses it, then restore",
            database.display()
        ),
        _ => anyhow::Error::from(error).context(format!(
            "{} cannot be opened as a SQLite database; move it away, then restore",
            database.display()
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path, content: i64) -> Connection {
        let conn = Connection::open(path).unwrap();
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .unwrap();
        conn.execute_batch(&format!(
            "CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES ({content})"
        ))
        .unwrap();
        conn
    }

    fn content(path: &Path) -> i64 {
        let conn = Connection::open(path).unwrap();
        conn.query_row("SELECT x FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_backup_takes_the_place_and_what_was_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (backup, target) = (folder.path().join("backup.db"), folder.path().join("sales.db"));
        drop(database(&backup, 1));
        drop(database(&target, 2));

        let restored = restore(&backup, &target).unwrap();

        assert_eq!(content(&target), 1);
        assert_eq!(content(&restored.replaced.unwrap()), 2);
        assert_eq!(content(&backup), 1);
    }

    #[test]
    fn a_database_in_use_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (backup, target) = (folder.path().join("backup.db"), folder.path().join("sales.db"));
        drop(database(&backup, 1));
        let user = database(&target, 2);

        let error = restore(&backup, &target).unwrap_err();

        assert!(error.to_string().contains("stop the service"), "{error:#}");
        drop(user);
        assert_eq!(content(&target), 2);
        assert!(!folder.path().join("sales.db.restoring").exists());
    }

    #[test]
    fn a_damaged_backup_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (backup, target) = (folder.path().join("backup.db"), folder.path().join("sales.db"));
        drop(database(&target, 2));
        let damages: [(&str, &[u8]); 3] = [
            ("empty", b""),
            ("text", b"id,name\n1,Basic Package\n"),
            ("cut", b"SQLite format 3\0\x10\0\x02\x02\0@  \0\0\0\x01"),
        ];

        for (what, bytes) in damages {
            fs::write(&backup, bytes).unwrap();
            assert!(restore(&backup, &target).is_err(), "{what}");
            assert_eq!(content(&target), 2);
        }
    }

    #[test]
    fn a_backup_with_an_open_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (backup, target) = (folder.path().join("live.db"), folder.path().join("sales.db"));
        let _user = database(&backup, 1);

        let error = restore(&backup, &target).unwrap_err();

        assert!(error.to_string().contains("in use"), "{error:#}");
        assert!(!target.exists());
    }
}
