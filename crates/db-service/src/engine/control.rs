//! What runs now, and how it is stopped.

use super::{EngineError, Party};
use db_api::RunningStatement;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// What kind of work a ticket stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A read-only statement.
    Read,
    /// Statements that may write.
    Write,
    /// A bulk insert.
    Bulk,
    /// A copy of the database.
    Backup,
    /// A statement of an interactive stream.
    Hrana,
}

impl Kind {
    /// The name in answers and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Bulk => "bulk",
            Self::Backup => "backup",
            Self::Hrana => "hrana",
        }
    }
}

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const SENDING: u8 = 2;
const ABANDONED: u8 = 3;
const ENDED: u8 = 4;

const NOT_STOPPED: u8 = 0;
const BY_CLIENT: u8 = 1;
const BY_ADMIN: u8 = 2;
const FOR_OTHERS: u8 = 3;

/// Stops one piece of work: when its time is up, when an administrator says so, or when its client is gone.
#[derive(Debug)]
pub(crate) struct Control {
    id: u64,
    kind: Kind,
    sql: String,
    token: Option<String>,
    party: Party,
    arrived: Instant,
    state: AtomicU8,
    stopped: AtomicU8,
    limit: OnceLock<(Instant, Duration)>,
    /// Since when the transaction is open that it reads in, where that was before it.
    reads_since: OnceLock<Instant>,
    /// Why it had to end for the sake of others.
    because: OnceLock<EngineError>,
    /// Since when it waits for its client, in milliseconds after it arrived and one more; 0 when it does not.
    sending_since_ms: AtomicU64,
    /// Wakes it when it waits for its client and must stop.
    woken: Notify,
}

impl Control {
    /// When it arrived.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// It has its turn and may take `limit` from now. False when its caller has given up waiting.
    pub(crate) fn start(&self, limit: Duration) -> bool {
        let had_turn = self
            .state
            .compare_exchange(QUEUED, RUNNING, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
            || self.state.load(Ordering::Acquire) != ABANDONED;
        if had_turn {
            self.limit.get_or_init(|| (Instant::now() + limit, limit));
        }
        had_turn
    }

    /// What comes through `answer`, when its turn comes within `limit_ms`.
    pub(crate) async fn turn_within<T>(
        &self,
        limit_ms: u64,
        mut answer: oneshot::Receiver<T>,
    ) -> Result<T, EngineError> {
        let lost = |_| EngineError::broken("the engine ended without an answer");
        tokio::select! {
            biased;
            came = &mut answer => came.map_err(lost),
            () = tokio::time::sleep(Duration::from_millis(limit_ms)) => {
                if self.abandon() {
                    return Err(EngineError::no_turn(limit_ms));
                }
                answer.await.map_err(lost)
            }
        }
    }

    /// Gives up waiting for a turn. False when it has had it.
    pub(crate) fn abandon(&self) -> bool {
        self.state
            .compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Who asks.
    pub(crate) fn party(&self) -> Party {
        self.party
    }

    /// It waits for its client, or no longer.
    pub(crate) fn sending(&self, sending: bool) {
        let now_ms = u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let since_ms = if sending { now_ms + 1 } else { 0 };
        self.sending_since_ms.store(since_ms, Ordering::Relaxed);
        self.state
            .store(if sending { SENDING } else { RUNNING }, Ordering::Release);
    }

    /// It runs no more, though its client may still be taking the answer.
    pub(crate) fn end(&self) {
        self.state.store(ENDED, Ordering::Release);
    }

    /// When its time is up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.limit.get().map(|(deadline, _)| *deadline)
    }

    /// Whether it must stop now.
    pub(crate) fn must_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) != NOT_STOPPED
            || self
                .limit
                .get()
                .is_some_and(|(deadline, _)| Instant::now() >= *deadline)
    }

    /// Why it was stopped, when it was.
    pub(crate) fn reason(&self) -> Option<EngineError> {
        match self.stopped.load(Ordering::Relaxed) {
            BY_CLIENT => Some(EngineError::Cancelled("its client went away")),
            BY_ADMIN => Some(EngineError::Cancelled("an administrator stopped it")),
            FOR_OTHERS => self.because.get().cloned(),
            _ => self
                .limit
                .get()
                .filter(|(deadline, _)| Instant::now() >= *deadline)
                .map(|(_, limit)| EngineError::Timeout { limit: *limit }),
        }
    }

    /// It runs in a transaction that has read since `since`.
    pub(crate) fn reads_since(&self, since: Instant) {
        // A statement has one transaction.
        let _ = self.reads_since.set(since);
    }

    /// Done when it is stopped, by whomever; not when its time is up. One may wait for that at a time.
    pub(crate) async fn stopped(&self) {
        while self.stopped.load(Ordering::Acquire) == NOT_STOPPED {
            self.woken.notified().await;
        }
    }

    /// Ends it for the sake of others, because of `why`; false when it is ending already.
    pub(crate) fn end_for_others(&self, why: EngineError) -> bool {
        self.because.set(why).is_ok() && self.stop(FOR_OTHERS)
    }

    /// For how long a running read has waited for its client; `None` when it does not.
    fn stalled_for(&self) -> Option<Duration> {
        let since_ms = self.sending_since_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let reads = matches!(self.kind, Kind::Read | Kind::Hrana) && !self.must_stop();
        reads.then(|| {
            self.arrived
                .elapsed()
                .saturating_sub(Duration::from_millis(since_ms))
        })
    }

    /// Since when it holds a transaction that reads; `None` when it holds none. What writes is not asked for.
    fn in_read(&self) -> Option<Instant> {
        let state = self.state.load(Ordering::Acquire);
        let runs = match self.kind {
            Kind::Read | Kind::Hrana => matches!(state, RUNNING | SENDING),
            // What is sent is a copy.
            Kind::Backup => state == RUNNING,
            Kind::Write | Kind::Bulk => false,
        };
        let began = self
            .limit
            .get()
            .and_then(|(deadline, limit)| deadline.checked_sub(*limit));
        let since = self.reads_since.get().copied();
        since.or(began.filter(|_| runs))
    }

    fn stop(&self, by: u8) -> bool {
        let stopped = self
            .stopped
            .compare_exchange(NOT_STOPPED, by, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        self.woken.notify_one();
        stopped
    }

    fn describe(&self) -> RunningStatement {
        RunningStatement {
            id: self.id,
            sql: self.sql.clone(),
            kind: self.kind.as_str().to_owned(),
            state: match self.state.load(Ordering::Acquire) {
                QUEUED => "queued",
                SENDING => "sending",
                _ => "running",
            }
            .to_owned(),
            token: self.token.clone(),
            elapsed_ms: u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Everything that runs now.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    next_id: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<Control>>>,
}

impl Registry {
    /// Enters a piece of work; it stays until the ticket is dropped.
    pub(crate) fn open(self: &Arc<Self>, kind: Kind, sql: &str, token: Option<&str>, party: Party) -> Ticket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let control = Arc::new(Control {
            id,
            kind,
            sql: sql.to_owned(),
            token: token.map(str::to_owned),
            party,
            arrived: Instant::now(),
            state: AtomicU8::new(QUEUED),
            stopped: AtomicU8::new(NOT_STOPPED),
            limit: OnceLock::new(),
            reads_since: OnceLock::new(),
            because: OnceLock::new(),
            sending_since_ms: AtomicU64::new(0),
            woken: Notify::new(),
        });
        self.lock().insert(id, Arc::clone(&control));
        Ticket {
            registry: Arc::clone(self),
            control,
        }
    }

    /// What runs now, oldest first.
    pub(crate) fn list(&self) -> Vec<RunningStatement> {
        self.lock()
            .values()
            .filter(|control| control.state.load(Ordering::Acquire) != ENDED)
            .map(|control| control.describe())
            .collect()
    }

    /// What holds a transaction that reads, and since when.
    pub(crate) fn reads(&self) -> Vec<(Instant, Arc<Control>)> {
        self.lock()
            .values()
            .filter_map(|control| Some((control.in_read()?, Arc::clone(control))))
            .collect()
    }

    /// The read of `kind` that has waited for its client for longest, and for how long; one of `caller` where it is given.
    pub(crate) fn stalled(&self, kind: Kind, caller: Option<Party>) -> Option<(Duration, Arc<Control>)> {
        self.lock()
            .values()
            .filter(|control| control.kind == kind)
            .filter(|control| caller.is_none_or(|caller| control.party.meets(caller)))
            .filter_map(|control| Some((control.stalled_for()?, Arc::clone(control))))
            .max_by_key(|(stalled, _)| *stalled)
    }

    /// Stops one; false when there is none of that id.
    pub(crate) fn stop(&self, id: u64) -> bool {
        self.lock()
            .get(&id)
            .map(|control| control.stop(BY_ADMIN))
            .is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Control>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a piece of work in the registry. Dropped with the request, so work whose client went away
/// is stopped.
#[derive(Debug)]
pub(crate) struct Ticket {
    registry: Arc<Registry>,
    /// Stops the work.
    pub(crate) control: Arc<Control>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.control.stop(BY_CLIENT);
        self.control.abandon();
        self.registry.lock().remove(&self.control.id);
    }
}
