//! What waits for the writer, what it counts, and the lease that hands the right to write to a session.

use super::connection::WriterConnection;
use super::versions::Versions;
use crate::engine::{EngineError, Share, Write, Written};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use tokio::sync::oneshot;

/// Work that needs the writer for itself, such as a bulk insert; what it gives back tells its caller.
pub(super) type AloneTask = Box<dyn FnOnce(Result<&WriterConnection, EngineError>) -> Tell + Send>;
/// Answers a caller. It is called when the new version of the data is counted, so that what the caller reads next is
/// not older than its own write.
pub(super) type Tell = Box<dyn FnOnce() + Send>;

/// Sees whether the writer writes; what it writes is no change of the data.
pub(super) type ProbeTask = Box<dyn FnOnce(Result<&WriterConnection, EngineError>) + Send>;

/// What waits for the writer.
pub(super) enum Turn {
    Write(Pending),
    Alone(AloneTask, Share),
    Lease(oneshot::Sender<Lease>, Share),
    Probe(ProbeTask),
    Close(oneshot::Sender<()>),
}

/// A write and where its outcome goes.
pub(super) struct Pending {
    pub write: Write,
    pub reply: oneshot::Sender<Result<Written, EngineError>>,
    /// Its place in the queue, until it has its turn.
    pub place: Option<Share>,
}

/// The right to write, handed to another connection. The writer waits until it is dropped.
pub(super) struct Lease {
    counters: Arc<Counters>,
    changed: bool,
    changed_schema: bool,
    _back: SyncSender<()>,
}

impl Lease {
    /// The writer waits until `back`, and the lease with it, is dropped.
    pub(super) fn new(counters: Arc<Counters>, back: SyncSender<()>) -> Self {
        Self {
            counters,
            changed: false,
            changed_schema: false,
            _back: back,
        }
    }

    /// Its holder has changed data, and may have changed the schema.
    pub(super) fn changed(&mut self, schema: bool) {
        self.changed = true;
        self.changed_schema |= schema;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.changed {
            self.counters.committed(1, self.changed_schema);
        }
    }
}

/// What the writer counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Of the data and of the schema.
    pub versions: Arc<Versions>,
    /// Commits.
    pub commits: AtomicU64,
    /// Writes in them.
    pub writes: AtomicU64,
    /// Writes that wait.
    pub queued: AtomicU64,
    /// Checkpoints.
    pub checkpoints: Arc<AtomicU64>,
}

impl Counters {
    /// A commit that changed data, with so many writes, and may have changed the schema.
    pub(super) fn committed(&self, writes: u64, schema: bool) {
        self.versions.changed(schema);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }
}
