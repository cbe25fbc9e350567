//! Connections that keep showing the data as it is until it changes.
//!
//! To take and give back the lock of a read costs more than a point query itself. Every change of the data passes the
//! writer, which counts it before anybody is told of it; so a read may go on in the transaction that is open from the
//! read before, as long as the count is the same. A transaction that was open before a checkpoint keeps the log from
//! starting anew, so there are none while one runs ([`WarmReads::hold_off`]).

use super::connection::{Reader, lock};
use super::versions::Versions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tracing::error;

/// The connections that are not in use, and the version of the data as it is.
#[derive(Default)]
pub(super) struct WarmReads {
    versions: Arc<Versions>,
    idle: Mutex<Vec<WarmReader>>,
    /// Whether a checkpoint runs.
    held_off: AtomicBool,
}

/// No transaction stays open between reads until this is dropped.
pub(super) struct HeldOff<'a>(&'a WarmReads);

impl Drop for HeldOff<'_> {
    fn drop(&mut self) {
        self.0.held_off.store(false, Ordering::SeqCst);
    }
}

/// A connection, and which version of the data its transaction shows.
struct WarmReader {
    reader: Reader,
    /// At least this one; none when no transaction is open.
    shows: Option<u64>,
}

impl WarmReads {
    /// What has changed.
    pub(super) fn versions(&self) -> &Arc<Versions> {
        &self.versions
    }

    /// Runs `work` on a connection that shows the data as it is now; on one from `open` when all are in use, and not at
    /// all when that has none.
    pub(super) fn on_current<T>(
        &self,
        open: impl FnOnce() -> Option<Reader>,
        work: impl FnOnce(&Reader) -> T,
    ) -> Option<T> {
        // Looked at before the transaction begins: what it shows may be newer, but never older.
        let version = self.versions.data();
        let kept = lock(&self.idle).pop();
        let mut warm = match kept {
            Some(warm) => warm,
            None => WarmReader {
                reader: open()?,
                shows: None,
            },
        };
        if self.held_off.load(Ordering::SeqCst) {
            warm.end();
        } else {
            warm.show(version);
        }
        let outcome = work(&warm.reader);
        let mut idle = lock(&self.idle);
        if self.held_off.load(Ordering::SeqCst) {
            warm.end();
        }
        idle.push(warm);
        Some(outcome)
    }

    /// Ends the transactions that are open between reads, and lets none be opened for the time of a checkpoint; there is
    /// one at a time. A read that runs meanwhile has a transaction of its own.
    #[must_use]
    pub(super) fn hold_off(&self) -> HeldOff<'_> {
        self.held_off.store(true, Ordering::SeqCst);
        for warm in lock(&self.idle).iter_mut() {
            warm.end();
        }
        HeldOff(self)
    }
}

impl WarmReader {
    /// Sees to it that the transaction shows `version` or a newer one. When none can be opened, each read has its own.
    fn show(&mut self, version: u64) {
        if self.shows == Some(version) {
            return;
        }
        self.end();
        // Outside of a transaction, so that the schema is the one that the next transaction shows, or a newer one.
        if let Err(cause) = self.reader.keep_up() {
            error!(%cause, "the schema could not be read again");
        }
        match self.run("BEGIN") {
            Ok(()) => self.shows = Some(version),
            Err(cause) => error!(%cause, "a transaction to read in could not be opened"),
        }
    }

    /// Ends the transaction.
    fn end(&mut self) {
        if self.shows.take().is_some()
            && !self.reader.conn().is_autocommit()
            && let Err(cause) = self.run("COMMIT")
        {
            error!(%cause, "a transaction that reads could not be ended");
        }
    }

    fn run(&self, sql: &'static str) -> rusqlite::Result<()> {
        let conn = self.reader.conn();
        conn.prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute().map(drop))
    }
}
