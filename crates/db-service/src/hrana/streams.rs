//! Streams between requests, and the batons that name them.
//!
//! A stream that has left nothing behind (no transaction, no stored text, no temporary table) keeps its connection
//! only until another needs it or its idle time has passed, and goes on later as if it still had it. One that has
//! left something ends at its idle or total limit and is rolled back; for a while its baton is answered with
//! the reason. All limits are kept by one task, which sleeps until the next of them.

mod slots;

use super::baton::{Token, random, read_baton, write_baton};
use super::error::Refusal;
use crate::config::Limits;
use crate::engine::{EngineError, Party, Registry, Session, SessionState, Shares};
use crate::state::Caller;
use prometheus::IntGauge;
use slots::Slot;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;

/// How long a stream without a connection is known.
const ASLEEP_LONGEST: Duration = Duration::from_hours(1);
/// How many streams without a connection are known.
const MOST_ASLEEP: usize = 10_000;
/// How long the end of a stream is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);
/// How many ends are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// All streams.
pub(crate) struct Streams {
    /// Differs from one start of the service to the next.
    boot: [u8; 8],
    limits: Limits,
    table: Mutex<StreamTable>,
    /// Places for streams that have a connection.
    slots: Arc<Shares>,
    /// Tells that there may be one.
    freed: Arc<Notify>,
    /// What runs now.
    registry: Arc<Registry>,
    waiting: AtomicUsize,
    /// Wakes the task that keeps the limits.
    wake: Arc<Notify>,
    open: IntGauge,
}

#[derive(Default)]
struct StreamTable {
    last_id: u64,
    entries: HashMap<u64, Entry>,
    /// Streams that have ended at a limit, oldest first.
    ended: VecDeque<(Instant, u64, End)>,
    /// When the task looks next.
    next_look: Option<Instant>,
    closed: bool,
}

struct Entry {
    /// None while a request runs that has not been given the next one.
    token: Option<Token>,
    owner: Option<String>,
    party: Party,
    state: State,
    free: Arc<Notify>,
}

enum State {
    Busy,
    Idle { stream: Stream, due: Instant, end: End },
}

/// What happens to an idle stream when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It gives its connection back.
    Sleep,
    /// It is forgotten.
    Forget,
    /// It has been idle for too long.
    Idle { limit_ms: u64, name: &'static str },
    /// Its transaction has been open for too long.
    Total { limit_ms: u64, name: &'static str },
    /// Its transaction kept the log from starting anew.
    Log { limit_bytes: u64 },
}

/// What a stream has.
#[derive(Default)]
pub(crate) struct Stream {
    /// Its connection, once it has needed one. It goes before its slot.
    pub session: Option<Box<dyn Session>>,
    /// Stored texts by id.
    pub texts: HashMap<i32, String>,
    slot: Option<Slot>,
}

impl Stream {
    /// Since when it holds a transaction that reads and does not write.
    fn reads_since(&self) -> Option<Instant> {
        let state = self.session.as_ref()?.state();
        state
            .transaction_since
            .filter(|_| state.has_read && state.writer_since.is_none())
    }
}

/// A stream in the hands of a request. Dropped without being given back, it ends and is rolled back.
pub(crate) struct Held {
    home: Arc<Streams>,
    owner: Option<String>,
    party: Party,
    id: Option<u64>,
    stream: Option<Stream>,
}

/// How to go on with a stream.
#[derive(Debug)]
pub(crate) struct Next {
    /// Names it in the next request.
    pub baton: String,
    /// How long it stays without one, in milliseconds.
    pub ttl_ms: u64,
}

impl Streams {
    /// None yet; `open` counts those with a connection. It must be called on a runtime.
    pub(crate) fn start(limits: &Limits, open: IntGauge, registry: Arc<Registry>) -> Arc<Self> {
        let streams = Arc::new(Self {
            boot: random(),
            limits: limits.clone(),
            table: Mutex::default(),
            slots: Shares::new(
                "streams are open",
                "max_streams",
                limits.max_streams.max(1),
                limits.caller_share_percent,
            ),
            freed: Arc::default(),
            registry,
            waiting: AtomicUsize::new(0),
            wake: Arc::default(),
            open,
        });
        tokio::spawn(keep_limits(Arc::downgrade(&streams), Arc::clone(&streams.wake)));
        streams
    }

    /// The stream of `baton`, or a new one.
    pub(crate) async fn take(
        self: &Arc<Self>,
        baton: Option<&str>,
        caller: &Caller,
    ) -> Result<Held, Refusal> {
        let rights = &caller.0;
        let held = |id, stream| Held {
            home: Arc::clone(self),
            owner: rights.token.clone(),
            party: caller.1,
            id,
            stream: Some(stream),
        };
        let Some(baton) = baton else {
            return Ok(held(None, Stream::default()));
        };
        let (boot, id, token) = read_baton(baton).ok_or(Refusal::Unknown)?;
        if boot != self.boot {
            return Err(Refusal::Lost);
        }
        let wait = Duration::from_millis(self.limits.queue_wait_ms);
        loop {
            let free = {
                let mut table = self.lock();
                let Some(entry) = table.entries.get_mut(&id) else {
                    return Err(table.why_ended(id));
                };
                let right = entry.token.is_some_and(|known| bool::from(known.ct_eq(&token)));
                if !right || entry.owner != rights.token {
                    return Err(Refusal::Unknown);
                }
                match std::mem::replace(&mut entry.state, State::Busy) {
                    State::Idle { stream, .. } => {
                        entry.token = None;
                        return Ok(held(Some(id), stream));
                    }
                    State::Busy => Arc::clone(&entry.free),
                }
            };
            // A cursor tells its baton before it is done.
            if tokio::time::timeout(wait, free.notified()).await.is_err() {
                return Err(Refusal::Protocol(format!(
                    "the stream still runs another request after {} ms (queue_wait_ms)",
                    wait.as_millis()
                )));
            }
        }
    }

    /// Ends idle streams and takes no more: the service stops.
    pub(crate) async fn close(&self) {
        let entries = {
            let mut table = self.lock();
            table.closed = true;
            std::mem::take(&mut table.entries)
        };
        self.wake.notify_one();
        self.freed.notify_waiters();
        for entry in entries.values() {
            entry.free.notify_one();
        }
        // Rolling back touches the disk.
        if tokio::task::spawn_blocking(move || drop(entries)).await.is_err() {
            tracing::error!("streams could not be ended: a roll-back panicked");
        }
    }

    /// Idle streams whose transaction reads, and since when it is open.
    pub(crate) fn idle_reads(&self) -> Vec<(Instant, u64)> {
        self.lock()
            .entries
            .iter()
            .filter_map(|(id, entry)| match &entry.state {
                State::Idle { stream, .. } => Some((stream.reads_since()?, *id)),
                State::Busy => None,
            })
            .collect()
    }

    /// Ends the stream `id` if it is still idle, since it kept the log from starting anew. It blocks while the
    /// transaction is rolled back. False when it is not there any more.
    pub(crate) fn end_read(&self, id: u64, limit_bytes: u64) -> bool {
        let mut table = self.lock();
        let is_idle = |entry: &Entry| matches!(entry.state, State::Idle { .. });
        if !table.entries.get(&id).is_some_and(is_idle) {
            return false;
        }
        let entry = table.entries.remove(&id);
        table
            .ended
            .push_back((Instant::now(), id, End::Log { limit_bytes }));
        drop(table);
        entry.is_some()
    }

    /// What an idle stream comes to, and when.
    fn fate(&self, stream: &Stream, now: Instant) -> (Instant, End) {
        let limits = &self.limits;
        let idle = |limit_ms, name| {
            let due = now + Duration::from_millis(limit_ms);
            (due, End::Idle { limit_ms, name })
        };
        let total = |since: Instant, limit_ms, name| {
            let due = since + Duration::from_millis(limit_ms);
            (due, End::Total { limit_ms, name })
        };
        let kept = stream
            .session
            .as_ref()
            .map_or(SessionState::default(), |session| session.state());
        let ends = match kept {
            SessionState {
                writer_since: Some(since),
                ..
            } => [
                idle(limits.transaction_idle_ms, "transaction_idle_ms"),
                total(since, limits.transaction_total_ms, "transaction_total_ms"),
            ],
            SessionState {
                transaction_since: Some(since),
                ..
            } => [
                idle(limits.stream_idle_ms, "stream_idle_ms"),
                total(since, limits.stream_timeout_ms, "stream_timeout_ms"),
            ],
            SessionState { traces, aborted, .. } if traces || aborted || !stream.texts.is_empty() => {
                [idle(limits.stream_idle_ms, "stream_idle_ms"); 2]
            }
            _ if stream.session.is_some() => {
                [(now + Duration::from_millis(limits.stream_idle_ms), End::Sleep); 2]
            }
            _ => [(now + ASLEEP_LONGEST, End::Forget); 2],
        };
        if ends[1].0 < ends[0].0 { ends[1] } else { ends[0] }
    }

    /// Ends or puts to sleep what is due; gives the streams back so that they are dropped where that may block,
    /// and when the next is due.
    fn end_due(&self) -> (Vec<Stream>, Option<Instant>) {
        let now = Instant::now();
        let mut table = self.lock();
        let mut done = Vec::new();
        let mut ended = Vec::new();
        for (id, entry) in &mut table.entries {
            if let State::Idle { stream, due, end } = &mut entry.state
                && *due <= now
            {
                match *end {
                    End::Sleep => {
                        done.push(Stream {
                            session: stream.session.take(),
                            texts: HashMap::new(),
                            slot: stream.slot.take(),
                        });
                        *due = now + ASLEEP_LONGEST;
                        *end = End::Forget;
                    }
                    end => ended.push((*id, end)),
                }
            }
        }
        for (id, end) in ended {
            if let Some(entry) = table.entries.remove(&id)
                && let State::Idle { stream, .. } = entry.state
            {
                done.push(stream);
            }
            table.ended.push_back((now, id, end));
        }
        while table.ended.len() > MOST_REMEMBERED
            || table
                .ended
                .front()
                .is_some_and(|(at, ..)| now.duration_since(*at) > REMEMBERED)
        {
            table.ended.pop_front();
        }
        table.next_look = table
            .entries
            .values()
            .filter_map(|entry| match &entry.state {
                State::Idle { due, .. } => Some(*due),
                State::Busy => None,
            })
            .min();
        (done, table.next_look)
    }

    fn lock(&self) -> MutexGuard<'_, StreamTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// Ends streams at their limits, for as long as there are streams to be had.
async fn keep_limits(streams: Weak<Streams>, wake: Arc<Notify>) {
    loop {
        let next_look = {
            let Some(streams) = streams.upgrade() else { return };
            let (done, next_look) = streams.end_due();
            if !done.is_empty() {
                // Rolling back touches the disk.
                tokio::task::spawn_blocking(move || drop(done));
            }
            if streams.lock().closed {
                return;
            }
            next_look
        };
        match next_look {
            Some(at) => tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = wake.notified() => {}
            },
            None => wake.notified().await,
        }
    }
}

impl StreamTable {
    fn why_ended(&self, id: u64) -> Refusal {
        let end = self
            .ended
            .iter()
            .rev()
            .find(|(_, ended, _)| *ended == id)
            .map(|(.., end)| *end);
        match end {
            Some(End::Idle { limit_ms, name }) => Refusal::Expired(
                format!(
                    "the stream was idle for more than {limit_ms} ms ({name}) and has ended: an open transaction was \
                     rolled back and none of its statements took effect; open a new stream and run it again"
                )
                .into(),
            ),
            Some(End::Total { limit_ms, name }) => Refusal::Expired(
                format!(
                    "the stream's transaction was open for more than {limit_ms} ms ({name}): it was rolled back and \
                     none of its statements took effect; open a new stream and run it again"
                )
                .into(),
            ),
            Some(End::Log { limit_bytes }) => {
                let error = EngineError::SnapshotTooOld { limit_bytes };
                Refusal::Expired(
                    format!("{error}; the stream has ended and its transaction was rolled back; open a new stream and run it again")
                        .into(),
                )
            }
            Some(End::Forget | End::Sleep) => Refusal::Expired(
                "the stream was not used for an hour and has ended; open a new stream".into(),
            ),
            None => Refusal::Unknown,
        }
    }

    /// Forgets streams without a connection when there are too many, those first that were not used for longest.
    fn forget_some(&mut self) {
        if self.entries.len() <= MOST_ASLEEP {
            return;
        }
        let mut asleep: Vec<(Instant, u64)> = self
            .entries
            .iter()
            .filter_map(|(id, entry)| match entry.state {
                State::Idle {
                    due,
                    end: End::Forget,
                    ..
                } => Some((due, *id)),
                _ => None,
            })
            .collect();
        asleep.sort_unstable();
        for (_, id) in asleep.into_iter().take(MOST_ASLEEP / 10) {
            self.entries.remove(&id);
        }
    }
}

impl Held {
    /// What the stream has.
    pub(crate) fn stream(&mut self) -> &mut Stream {
        self.stream.get_or_insert_default()
    }

    /// The baton of the next request, told before this one is done.
    pub(crate) fn announce(&mut self) -> String {
        let token = random();
        let mut table = self.home.lock();
        let id = *self.id.get_or_insert_with(|| table.new_id());
        let entry = table
            .entries
            .entry(id)
            .or_insert_with(|| Entry::busy(self.owner.clone(), self.party));
        entry.token = Some(token);
        write_baton(self.home.boot, id, token)
    }

    /// Keeps the stream for the next request. None when the service stops.
    pub(crate) fn give_back(mut self) -> Option<Next> {
        let mut stream = self.stream.take()?;
        let home = Arc::clone(&self.home);
        let now = Instant::now();
        let (mut due, mut end) = home.fate(&stream, now);
        let mut spare = None;
        if end == End::Sleep && home.waiting.load(Ordering::Relaxed) > 0 {
            spare = Some((stream.session.take(), stream.slot.take()));
            (due, end) = home.fate(&stream, now);
        }
        let mut table = home.lock();
        if table.closed {
            drop(table);
            drop(stream);
            return None;
        }
        let id = *self.id.get_or_insert_with(|| table.new_id());
        let entry = table
            .entries
            .entry(id)
            .or_insert_with(|| Entry::busy(self.owner.clone(), self.party));
        let token = *entry.token.get_or_insert_with(random);
        entry.state = State::Idle { stream, due, end };
        entry.free.notify_one();
        if table.next_look.is_none_or(|at| due < at) {
            table.next_look = Some(due);
            home.wake.notify_one();
        }
        table.forget_some();
        drop(table);
        drop(spare);
        let ttl = due.saturating_duration_since(now);
        Some(Next {
            baton: write_baton(home.boot, id, token),
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if let Some(id) = self.id
            && let Some(entry) = self.home.lock().entries.remove(&id)
        {
            entry.free.notify_one();
        }
        drop(stream);
    }
}

impl StreamTable {
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Entry {
    fn busy(owner: Option<String>, party: Party) -> Self {
        Self {
            token: None,
            owner,
            party,
            state: State::Busy,
            free: Arc::default(),
        }
    }
}
