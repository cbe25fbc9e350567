//! Places for streams that have a connection: how one is waited for, and whom it is taken from.

use super::{ASLEEP_LONGEST, End, Held, State, Streams};
use crate::engine::{EngineError, Full, Kind, Party, Share};
use crate::hrana::error::Refusal;
use prometheus::IntGauge;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often those who wait for a slot look whether one may be freed.
const LOOK_FOR_SLOT: Duration = Duration::from_millis(250);

/// One of the slots for connections.
pub(super) struct Slot {
    /// Taken until the slot is dropped.
    share: Option<Share>,
    open: IntGauge,
    freed: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.dec();
        drop(self.share.take());
        self.freed.notify_waiters();
    }
}

impl Held {
    /// Waits for a slot among the streams that have a connection.
    pub(crate) async fn make_room(&mut self) -> Result<(), Refusal> {
        if self.stream().slot.is_some() {
            return Ok(());
        }
        let home = Arc::clone(&self.home);
        let share = match home.slots.take(self.party, 1) {
            Ok(share) => share,
            Err(_) => home.wait_for_slot(self.party).await?,
        };
        home.open.inc();
        self.stream().slot = Some(Slot {
            share: Some(share),
            open: home.open.clone(),
            freed: Arc::clone(&home.freed),
        });
        Ok(())
    }
}

impl Streams {
    /// Takes the connection of the stream that has not needed it for longest; one of `caller` where it is given.
    fn put_one_to_sleep(&self, caller: Option<Party>) {
        let mut table = self.lock();
        let longest = table
            .entries
            .values_mut()
            .filter(|entry| caller.is_none_or(|caller| entry.party.meets(caller)))
            .filter_map(|entry| match &mut entry.state {
                State::Idle { stream, due, end } if *end == End::Sleep => Some((stream, due, end)),
                _ => None,
            })
            .min_by_key(|(_, due, _)| **due);
        let taken = longest.map(|(stream, due, end)| {
            *due = Instant::now() + ASLEEP_LONGEST;
            *end = End::Forget;
            (stream.session.take(), stream.slot.take())
        });
        drop(table);
        drop(taken);
    }

    async fn wait_for_slot(&self, party: Party) -> Result<Share, Refusal> {
        let _waiting = Waiting::new(&self.waiting);
        let wait_ms = self.limits.queue_wait_ms;
        let until = Instant::now() + Duration::from_millis(wait_ms);
        loop {
            // From here on it is told of every slot.
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.lock().closed {
                return Err(EngineError::Stopping.into());
            }
            let full = match self.slots.take(party, 1) {
                Ok(share) => return Ok(share),
                Err(full) => full,
            };
            let now = Instant::now();
            if now >= until {
                return Err(EngineError::Overloaded(format!(
                    "{} and none ended within {wait_ms} ms (queue_wait_ms); try again",
                    self.slots.why(full)
                ))
                .into());
            }
            self.free_one(party, full);
            let next_look = until.min(now + LOOK_FOR_SLOT);
            // Either way it looks again.
            let _ = tokio::time::timeout_at(next_look.into(), freed).await;
        }
    }

    /// Frees a slot that nobody needs: that of a stream that has left nothing behind, or of a cursor whose client takes
    /// nothing.
    fn free_one(&self, party: Party, full: Full) {
        let of_whom = (full == Full::ForOne).then_some(party);
        self.put_one_to_sleep(of_whom);
        let limit = Duration::from_millis(self.limits.crowded_stall_ms);
        if let Some((stalled, control)) = self.registry.stalled(Kind::Hrana, of_whom)
            && stalled >= limit
        {
            // It may be ending already.
            let _ = control.end_for_others(EngineError::Crowded { limit });
        }
    }
}

/// Counts those who wait for a slot, also when they give up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
