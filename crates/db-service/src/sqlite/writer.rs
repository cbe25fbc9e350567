//! The way to the one thread that writes.

use super::checkpoint::Checkpoints;
use super::connection::{Guarded, lock};
use super::database_file::DatabaseFile;
use super::idempotency;
use super::warm_reads::WarmReads;
use super::write_queue::{AloneTask, Counters, Lease, Pending, ProbeTask, Turn};
use super::writer_thread::WriterThread;
use crate::config::{Limits, Synchronous};
use crate::engine::{EngineError, Full, OpenReads, Party, Shares, Write, Written};
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The queue to the writing thread.
pub(super) struct Writer {
    queue: SyncSender<Turn>,
    counters: Arc<Counters>,
    file: Arc<DatabaseFile>,
    /// The places in the queue, of which each caller has a share.
    places: Arc<Shares>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread on a connection that is open.
    pub(super) fn start(
        conn: Connection,
        file: Arc<DatabaseFile>,
        synchronous: Synchronous,
        limits: &Limits,
        warm_reads: Arc<WarmReads>,
        reads: Arc<dyn OpenReads>,
    ) -> Result<Self, EngineError> {
        conn.pragma_update(None, "wal_autocheckpoint", 0)
            .map_err(EngineError::broken)?;
        let conn =
            Guarded::new(Box::new(conn), limits, warm_reads.versions()).map_err(EngineError::broken)?;
        let (queue, turns) = sync_channel(usize::try_from(limits.write_queue).unwrap_or(usize::MAX).max(1));
        let counters = Arc::new(Counters {
            versions: Arc::clone(warm_reads.versions()),
            ..Counters::default()
        });
        let checkpoints = Checkpoints::start(
            file.path(),
            file.log().to_owned(),
            synchronous,
            limits,
            Arc::clone(&counters.checkpoints),
            warm_reads,
            reads,
        )
        .map_err(EngineError::broken)?;
        let thread = WriterThread {
            conn,
            turns,
            counters: Arc::clone(&counters),
            limits: limits.clone(),
            synchronous,
            checkpoints,
            keys: idempotency::Keys::new(limits),
            file: Arc::clone(&file),
        };
        let thread = std::thread::Builder::new()
            .name("db-write".into())
            .stack_size(crate::STACK_BYTES)
            .spawn(move || thread.work())
            .map_err(EngineError::broken)?;
        Ok(Self {
            queue,
            counters,
            file,
            places: Shares::new(
                "writes wait",
                "write_queue",
                limits.write_queue.max(1),
                limits.caller_share_percent,
            ),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What it writes to.
    pub(super) fn file(&self) -> &Arc<DatabaseFile> {
        &self.file
    }

    /// What it counts.
    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Queues a write.
    pub(super) fn write(&self, write: Write) -> oneshot::Receiver<Result<Written, EngineError>> {
        let (reply, answer) = oneshot::channel();
        let place = match self.places.take(write.control.party(), 1) {
            Ok(place) => place,
            Err(full) => {
                let _ = reply.send(Err(self.places.refusal(full)));
                return answer;
            }
        };
        if let Err(refused) = self.send(Turn::Write(Pending {
            write,
            reply,
            place: Some(place),
        })) && let (Turn::Write(pending), error) = *refused
        {
            let _ = pending.reply.send(Err(error));
        }
        answer
    }

    /// Queues work of `party` that needs the writer for itself. It is called in any case.
    pub(super) fn alone(&self, party: Party, task: AloneTask) {
        let place = match self.places.take(party, 1) {
            Ok(place) => place,
            Err(full) => return task(Err(self.places.refusal(full)))(),
        };
        if let Err(refused) = self.send(Turn::Alone(task, place))
            && let (Turn::Alone(task, _), error) = *refused
        {
            task(Err(error))();
        }
    }

    /// Queues a look at whether it writes. It is called in any case.
    pub(super) fn probe(&self, task: ProbeTask) {
        if let Err(refused) = self.send(Turn::Probe(task))
            && let (Turn::Probe(task), error) = *refused
        {
            task(Err(error));
        }
    }

    /// Queues for the right to write on another connection.
    pub(super) fn lease(&self, party: Party) -> Result<oneshot::Receiver<Lease>, EngineError> {
        let place = self.places.take(party, 1);
        let place = place.map_err(|full| self.places.refusal(full))?;
        let (reply, lease) = oneshot::channel();
        self.send(Turn::Lease(reply, place))
            .map_err(|refused| refused.1)?;
        Ok(lease)
    }

    /// Finishes what is queued, checkpoints and ends the thread.
    pub(super) fn close(&self) -> oneshot::Receiver<()> {
        let (reply, done) = oneshot::channel();
        let queue = self.queue.clone();
        let thread = lock(&self.thread).take();
        std::thread::spawn(move || {
            // Dropping the sender in vain tells the caller the same: the writer is gone.
            let _ = queue.send(Turn::Close(reply));
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        });
        done
    }

    /// Whether its thread runs.
    pub(super) fn is_running(&self) -> bool {
        lock(&self.thread)
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    fn send(&self, turn: Turn) -> Result<(), Box<(Turn, EngineError)>> {
        self.counters.queued.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(turn).map_err(|refused| {
            self.counters.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(turn) => Box::new((turn, self.places.refusal(Full::ForAll))),
                TrySendError::Disconnected(turn) => Box::new((turn, EngineError::Stopping)),
            }
        })
    }
}
