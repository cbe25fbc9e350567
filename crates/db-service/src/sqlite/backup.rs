//! A consistent copy of the database while writes go on.
//!
//! The copy is made through one read transaction, so the writer is never held and the copy never starts anew.
//! It goes into a temporary file beside the database and is sent from there.

use crate::engine::{Control, EngineError};
use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

/// How many pages are copied between two looks at the clock.
const PAGES_A_STEP: i32 = 256;
/// How much is sent at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// Copies the database of `conn` into an unnamed file in `folder`, at most `bytes_per_s` (0 for no limit), and
/// rewinds it; the length in bytes.
pub(super) fn copy(
    conn: &Connection,
    folder: &Path,
    bytes_per_s: u64,
    control: &Control,
) -> Result<(File, u64), EngineError> {
    let file = NamedTempFile::with_prefix_in(".comptoir-backup-", folder).map_err(EngineError::broken)?;
    let page_bytes: u64 = conn
        .query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0))
        .map_err(EngineError::broken)?
        .into();
    let mut target = Connection::open(file.path()).map_err(EngineError::broken)?;
    target
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000;")
        .map_err(EngineError::broken)?;
    let transaction = conn.unchecked_transaction().map_err(EngineError::broken)?;
    // The first read takes the snapshot that all of the copy shows.
    transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(EngineError::broken)?;
    {
        let backup = Backup::new(&transaction, &mut target).map_err(EngineError::broken)?;
        let started = Instant::now();
        let mut copied: u64 = 0;
        while backup.step(PAGES_A_STEP).map_err(EngineError::broken)? != StepResult::Done {
            if let Some(reason) = control.must_stop().then(|| control.reason()).flatten() {
                return Err(reason);
            }
            copied += page_bytes * u64::from(PAGES_A_STEP.unsigned_abs());
            throttle(started, copied, bytes_per_s);
        }
    }
    drop(transaction);
    target.close().map_err(|(_, error)| EngineError::broken(error))?;
    let mut file = file.into_file();
    let length = file.metadata().map_err(EngineError::broken)?.len();
    file.rewind().map_err(EngineError::broken)?;
    Ok((file, length))
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
