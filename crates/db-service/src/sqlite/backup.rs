//! A consistent copy of the database while writes go on.
//!
//! The copy is made through one read transaction, so the writer is never held and the copy never starts anew. It goes into
//! a file of its own, is checked there, and counts only then: it has the rows that the transaction shows, and its pages
//! and foreign keys are whole.

use super::verify;
use crate::engine::{Control, EngineError};
use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tracing::{info, warn};

/// How many pages are copied between two looks at the clock.
const PAGES_A_STEP: i32 = 256;
/// How much is sent at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// How a copy is made.
pub(super) struct Order<'a> {
    /// Of which database.
    pub database: &'a Path,
    /// Where it goes.
    pub folder: &'a Path,
    /// How fast, 0 for as fast as the disk.
    pub bytes_per_s: u64,
    /// Whether it is checked.
    pub checked: bool,
}

/// What the names of copies of `database` begin with while they are made.
fn prefix(database: &Path) -> String {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.copy-")
}

/// Removes from `folder` what a process has left there that ended in the midst of a copy of `database`. One process has
/// the database, and it is this one, so nobody is at it.
pub(super) fn sweep(folder: &Path, database: &Path) {
    let prefix = prefix(database);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        match std::fs::remove_file(entry.path()) {
            Ok(()) => info!("removed {}, half of a copy", entry.path().display()),
            Err(cause) => warn!(%cause, "half of a copy, {}, cannot be removed", entry.path().display()),
        }
    }
}

/// Copies the database of `conn`, which `control` stops, into a file that vanishes when it is dropped.
pub(super) fn copy(
    conn: &Connection,
    order: &Order<'_>,
    control: &Arc<Control>,
) -> Result<NamedTempFile, EngineError> {
    let failed = |error| verify::failed(error, control);
    let size = |pragma: &str| conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, u32>(0));
    let page_bytes = u64::from(size("page_size").map_err(failed)?);
    let bytes = page_bytes * u64::from(size("page_count").map_err(failed)?);
    let room = super::disk_room(order.folder).map_err(|cause| EngineError::from_disk(&cause))?;
    if bytes > room {
        return Err(EngineError::NoRoom(format!(
            "a copy of the database takes {bytes} bytes and the disk has {room} left"
        )));
    }
    let file = NamedTempFile::with_prefix_in(prefix(order.database), order.folder)
        .map_err(|cause| EngineError::from_disk(&cause))?;
    let mut target = Connection::open(file.path()).map_err(failed)?;
    target
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000;")
        .map_err(failed)?;
    let transaction = conn.unchecked_transaction().map_err(failed)?;
    // The first read takes the snapshot that all of the copy shows.
    transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(failed)?;
    {
        let backup = Backup::new(&transaction, &mut target).map_err(failed)?;
        let started = Instant::now();
        let mut copied: u64 = 0;
        while backup.step(PAGES_A_STEP).map_err(failed)? != StepResult::Done {
            if let Some(reason) = control.must_stop().then(|| control.reason()).flatten() {
                return Err(reason);
            }
            copied += page_bytes * u64::from(PAGES_A_STEP.unsigned_abs());
            throttle(started, copied, order.bytes_per_s);
        }
    }
    target.close().map_err(|(_, error)| failed(error))?;
    if order.checked {
        let rows = verify::rows(&transaction).map_err(failed)?;
        drop(transaction);
        check(file.path(), &rows, control)?;
    }
    Ok(file)
}

/// Checks a copy: it must be whole, and have `rows`.
fn check(file: &Path, rows: &[(String, u64)], control: &Arc<Control>) -> Result<(), EngineError> {
    let failed = |error| verify::failed(error, control);
    let copy = verify::open_still(file).map_err(failed)?;
    verify::stop_by(&copy, control).map_err(failed)?;
    if let Some(fault) = verify::fault(&copy).map_err(failed)? {
        return Err(EngineError::Damaged(fault));
    }
    let copied = verify::rows(&copy).map_err(failed)?;
    if copied != rows {
        let other = copied.iter().zip(rows).find(|(copied, rows)| copied != rows);
        let table = other.map_or("the schema", |(copied, _)| &copied.0);
        return Err(EngineError::Damaged(format!(
            "the copy has other rows in {table} than the database"
        )));
    }
    Ok(())
}

/// Gives `copy` the name `name` in `folder`, when it is on the disk whole; its size in bytes.
pub(super) fn keep(copy: NamedTempFile, folder: &Path, name: &str) -> std::io::Result<(PathBuf, u64)> {
    copy.as_file().sync_all()?;
    let bytes = copy.as_file().metadata()?.len();
    let path = folder.join(name);
    copy.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok((path, bytes))
}

/// Waits until `copied` bytes since `started` are no more than the rate allows.
fn throttle(started: Instant, copied: u64, bytes_per_s: u64) {
    if bytes_per_s == 0 {
        return;
    }
    let due = started + Duration::from_millis(copied.saturating_mul(1_000) / bytes_per_s);
    while let Some(wait) = due
        .checked_duration_since(Instant::now())
        .filter(|wait| !wait.is_zero())
    {
        std::thread::park_timeout(wait);
    }
}

/// Sends `file` in chunks until its end, or until nobody takes them.
pub(super) fn send(mut file: File, control: &Arc<Control>, chunks: &mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk);
        let message = match read {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                Ok(Bytes::from(chunk))
            }
            Err(cause) => Err(cause),
        };
        let failed = message.is_err();
        if control.must_stop() || chunks.blocking_send(message).is_err() || failed {
            return;
        }
    }
}
