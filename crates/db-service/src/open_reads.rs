//! Every transaction that reads, be it of a statement that runs or of a stream that waits for its client.

use crate::engine::{Control, Ended, EngineError, Kind, OpenReads, Party, Registry};
use crate::hrana::streams::Streams;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// Every transaction that reads.
#[derive(Default)]
pub(crate) struct AllReads {
    /// What runs now.
    pub registry: Arc<Registry>,
    streams: OnceLock<Weak<Streams>>,
}

/// One of them.
enum OpenRead {
    Running(Arc<Control>),
    Idle(u64),
}

impl AllReads {
    /// Counts the transactions of `streams` too.
    pub(crate) fn watch(&self, streams: &Arc<Streams>) {
        // There is one table of streams in a service.
        let _ = self.streams.set(Arc::downgrade(streams));
    }
}

impl OpenReads for AllReads {
    fn end_oldest(&self, limit_bytes: u64) -> Ended {
        let streams = self.streams.get().and_then(Weak::upgrade);
        let (ending, running): (Vec<_>, Vec<_>) = self
            .registry
            .reads()
            .into_iter()
            .partition(|(_, control)| control.must_stop());
        let running = running
            .into_iter()
            .map(|(since, control)| (since, OpenRead::Running(control)));
        let idle = streams.iter().flat_map(|streams| streams.idle_reads());
        let idle = idle.map(|(since, id)| (since, OpenRead::Idle(id)));
        let mut open: Vec<(Instant, OpenRead)> = running.chain(idle).collect();
        open.sort_by_key(|(since, _)| *since);
        let half = open.len().div_ceil(2);
        let told = open.into_iter().take(half).filter(|(_, read)| match read {
            OpenRead::Running(control) => control.end_for_others(EngineError::SnapshotTooOld { limit_bytes }),
            OpenRead::Idle(id) => streams
                .as_ref()
                .is_some_and(|streams| streams.end_read(*id, limit_bytes)),
        });
        Ended {
            now: told.count(),
            before: ending.len(),
        }
    }

    fn end_stalled(&self, limit: Duration, caller: Option<Party>) -> bool {
        self.registry
            .stalled(Kind::Read, caller)
            .filter(|(stalled, _)| *stalled >= limit)
            .is_some_and(|(_, control)| control.end_for_others(EngineError::Crowded { limit }))
    }
}
