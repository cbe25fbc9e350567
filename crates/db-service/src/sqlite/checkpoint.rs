//! Writing the log back into the database.
//!
//! A thread of its own does so whenever the log has grown, beside readers and the writer, so that no write waits for
//! it. While writes never pause the log cannot start anew that way; beyond its limit the writer itself waits a moment
//! for readers ([`restart`]). Beyond a second one those that still read are ended, the oldest first.

use super::connection::lock;
use super::warm_reads::WarmReads;
use crate::config::{Limits, Synchronous};
use crate::engine::OpenReads;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::warn;

/// The log is written back when it has this many bytes more than after the last time.
const EVERY_BYTES: u64 = 4 << 20;
/// How long the writer waits for readers when the log is to start anew.
const RESTART_WAIT: Duration = Duration::from_millis(50);
/// How long the writer lets readers be after having waited in vain.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// How long the writer waits for reads that were ended.
const END_WAIT: Duration = Duration::from_secs(2);

/// Decides when the log is written back.
pub(super) struct Checkpoints {
    wal: PathBuf,
    max_wal_bytes: u64,
    max_wal_kept_bytes: u64,
    reads: Arc<dyn OpenReads>,
    /// Size of the log when it was last written back.
    done_bytes: u64,
    restart_after: Instant,
    /// Not before are reads ended again.
    end_reads_after: Instant,
    begin: SyncSender<()>,
    count: Arc<AtomicU64>,
    /// What they show keeps the log from starting anew.
    warm_reads: Arc<WarmReads>,
    /// SQLite refuses a checkpoint while another runs, without waiting.
    one_at_a_time: Arc<Mutex<()>>,
}

impl Checkpoints {
    /// Starts the thread on a connection of its own.
    pub(super) fn start(
        database: &Path,
        wal: PathBuf,
        synchronous: Synchronous,
        limits: &Limits,
        count: Arc<AtomicU64>,
        warm_reads: Arc<WarmReads>,
        reads: Arc<dyn OpenReads>,
    ) -> anyhow::Result<Self> {
        let conn = Connection::open(database)?;
        conn.busy_timeout(super::open::LOCK_WAIT)?;
        super::open::set_up_writer(&conn, synchronous)?;
        let (begin, wanted) = sync_channel(1);
        let counted = Arc::clone(&count);
        let one_at_a_time: Arc<Mutex<()>> = Arc::default();
        let turn = Arc::clone(&one_at_a_time);
        let shown = Arc::clone(&warm_reads);
        std::thread::Builder::new()
            .name("db-checkpoint".into())
            .spawn(move || {
                // Ends with the writer, which holds the sender.
                while wanted.recv().is_ok() {
                    let _turn = lock(&turn);
                    let _off = shown.hold_off();
                    run(&conn, "PASSIVE", &counted);
                }
            })?;
        Ok(Self {
            wal,
            max_wal_bytes: limits.max_wal_bytes,
            max_wal_kept_bytes: limits.wal_kept_bytes(),
            reads,
            done_bytes: 0,
            restart_after: Instant::now(),
            end_reads_after: Instant::now(),
            begin,
            count,
            warm_reads,
            one_at_a_time,
        })
    }

    /// After a commit on `conn`, the writer's own connection.
    pub(super) fn committed(&mut self, conn: &Connection) {
        let bytes = std::fs::metadata(&self.wal).map_or(0, |file| file.len());
        if bytes < self.done_bytes {
            self.done_bytes = 0;
        }
        // Begun a little before the limit, since the next write makes the log longer.
        if bytes >= self.max_wal_kept_bytes - self.max_wal_kept_bytes / 8
            && Instant::now() >= self.end_reads_after
        {
            self.end_reads(conn);
            self.done_bytes = std::fs::metadata(&self.wal).map_or(0, |file| file.len());
        } else if bytes >= self.max_wal_bytes && Instant::now() >= self.restart_after {
            // The thread may be at it: then the next commit tries again.
            let Ok(_turn) = self.one_at_a_time.try_lock() else {
                return;
            };
            let _off = self.warm_reads.hold_off();
            if !restart(conn, &self.count) {
                self.restart_after = Instant::now() + RESTART_PAUSE;
            }
            self.done_bytes = std::fs::metadata(&self.wal).map_or(0, |file| file.len());
        } else if bytes >= self.done_bytes + EVERY_BYTES {
            // A full channel says that the thread has one to do already.
            let _ = self.begin.try_send(());
            self.done_bytes = bytes;
        }
    }

    /// Ends reads until the log can start anew.
    fn end_reads(&mut self, conn: &Connection) {
        let _turn = lock(&self.one_at_a_time);
        let _off = self.warm_reads.hold_off();
        let until = Instant::now() + END_WAIT;
        let mut ended = 0;
        let anew = loop {
            if restart(conn, &self.count) {
                break true;
            }
            let told = self.reads.end_oldest(self.max_wal_kept_bytes);
            ended += told.now;
            if (told.now == 0 && told.before == 0) || Instant::now() > until {
                break false;
            }
        };
        if ended > 0 {
            warn!(
                "{ended} reads were ended: while they went on the log grew to its limit of {} bytes (max_wal_kept_bytes)",
                self.max_wal_kept_bytes
            );
        }
        if !anew {
            warn!(
                "the log of the database cannot start anew though it has grown to its limit of {} bytes \
                 (max_wal_kept_bytes): another program may be reading the file",
                self.max_wal_kept_bytes
            );
            self.end_reads_after = Instant::now() + RESTART_PAUSE;
        }
    }

    /// Writes all of the log back, at the end.
    pub(super) fn close(&self, conn: &Connection) {
        let _turn = lock(&self.one_at_a_time);
        let _off = self.warm_reads.hold_off();
        run(conn, "TRUNCATE", &self.count);
    }
}

/// Waits a moment for readers, so that the log can start anew; true when it did.
fn restart(conn: &Connection, count: &AtomicU64) -> bool {
    let done = conn.busy_timeout(RESTART_WAIT).is_ok() && run(conn, "TRUNCATE", count);
    if let Err(cause) = conn.busy_timeout(super::open::LOCK_WAIT) {
        warn!(%cause, "the lock wait could not be restored");
    }
    done
}

/// Runs a checkpoint; true when all of the log is in the database.
fn run(conn: &Connection, mode: &'static str, count: &AtomicU64) -> bool {
    count.fetch_add(1, Ordering::Relaxed);
    let done = conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, i64>(2)?,
        ))
    });
    match done {
        Ok((busy, log, written)) => busy == 0 && log == written,
        Err(cause) => {
            warn!(%cause, "a checkpoint failed");
            false
        }
    }
}
