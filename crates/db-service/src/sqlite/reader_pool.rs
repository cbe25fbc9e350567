//! The threads that read: a few that keep the cores busy, and more when reads are slow or long.
//!
//! A thread holds one connection of the r2d2 pool for as long as it lives. A read goes to the thread that
//! went idle last, whose caches are warm; when all are busy it waits in a queue, which a busy thread empties
//! without going to sleep. A thread whose read has run for longer than [`STALLED`] no longer counts, whether it
//! computes or waits for its client, and another takes its place, up to the number of connections. No caller has more
//! than its share of them; and while reads wait, a client that takes nothing of its answer loses it.

use super::connection::{Guarded, Reader, lock};
use super::open::{reader_flags, set_up_reader};
use super::thread_priority;
use super::warm_reads::WarmReads;
use crate::config::Limits;
use crate::engine::{EngineError, Full, OpenReads, Party, Share, Shares};
use r2d2_sqlite::SqliteConnectionManager;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tracing::error;

/// A read that takes longer makes room for another thread.
const STALLED: Duration = Duration::from_millis(5);
/// How often it is looked whether a client that takes nothing holds what others wait for.
const LOOK_FOR_STALLED: Duration = Duration::from_millis(100);
/// A thread beyond the core ones ends after being idle for this long.
const SURPLUS_IDLE: Duration = Duration::from_secs(10);
/// How long a thread waits for its connection to open.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// Work for a reading thread; without a connection it gets the reason.
pub(super) type ReadTask = Box<dyn FnOnce(Result<&Reader, EngineError>) + Send>;

/// The reading threads.
pub(super) struct ReaderPool {
    shared: Arc<Shared>,
}

struct Shared {
    /// The connections, of which each caller has a share.
    running: Arc<Shares>,
    /// The places in the queue, likewise.
    waiting_reads: Arc<Shares>,
    /// Those that may be ended when others wait.
    reads: Arc<dyn OpenReads>,
    pool: r2d2::Pool<SqliteConnectionManager>,
    limits: Limits,
    core: usize,
    most: usize,
    started: Instant,
    state: Mutex<State>,
    waiting: Condvar,
    /// For reads that run on the caller's thread.
    warm_reads: Arc<WarmReads>,
    opened_at_once: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// What waits, oldest first.
    queue: VecDeque<Waiting>,
    /// The one that went idle last is at the end.
    idle: Vec<Arc<Worker>>,
    workers: Vec<Arc<Worker>>,
    closed: bool,
}

/// A read that waits.
struct Waiting {
    since: Instant,
    party: Party,
    task: ReadTask,
    /// Its place in the queue.
    _place: Share,
}

/// A read that has its turn, and what its caller takes of the connections by it.
struct Turn {
    task: ReadTask,
    share: Share,
}

struct Worker {
    /// When its task began, in microseconds since the pool did; 0 while it is idle.
    busy_since_us: AtomicU64,
    handed: Mutex<Option<Turn>>,
    thread: Mutex<Option<Thread>>,
}

impl ReaderPool {
    /// Opens the pool; the file is there already and in WAL mode. `warm_reads` keeps the connections for reads that
    /// run at once.
    pub(super) fn open(
        path: &Path,
        limits: &Limits,
        double_quoted_texts: bool,
        warm_reads: Arc<WarmReads>,
        reads: Arc<dyn OpenReads>,
    ) -> Result<Self, EngineError> {
        let settings = limits.clone();
        let manager = SqliteConnectionManager::file(path)
            .with_flags(reader_flags())
            .with_init(move |conn| set_up_reader(conn, &settings, double_quoted_texts));
        let core = thread::available_parallelism().map_or(2, usize::from).max(2);
        let pool = r2d2::Pool::builder()
            // Besides one a thread, those for reads on the caller's own.
            .max_size(limits.read_connections + u32::try_from(core).unwrap_or(2))
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(OPEN_WAIT)
            .build(manager)
            .map_err(EngineError::broken)?;
        let percent = limits.caller_share_percent;
        let most = u64::from(limits.read_connections);
        let shared = Arc::new(Shared {
            running: Shares::new("reads run", "read_connections", most, percent),
            waiting_reads: Shares::new("reads wait", "read_queue", limits.read_queue, percent),
            reads,
            pool,
            limits: limits.clone(),
            core,
            most: limits.read_connections as usize,
            started: Instant::now(),
            state: Mutex::default(),
            waiting: Condvar::new(),
            warm_reads,
            opened_at_once: AtomicUsize::new(0),
        });
        let watched = Arc::clone(&shared);
        thread::Builder::new()
            .name("db-read-watch".into())
            .spawn(move || watched.relieve_stalled())
            .map_err(EngineError::broken)?;
        Ok(Self { shared })
    }

    /// Hands `task` of `party` to a thread. It is called in any case: with a connection, or with the reason why not.
    pub(super) fn submit(&self, party: Party, task: ReadTask) {
        let mut state = lock(&self.shared.state);
        if state.closed {
            drop(state);
            return task(Err(EngineError::Stopping));
        }
        // Each turn that is taken has a thread, or gets one.
        let share = self.shared.running.take(party, 1);
        let task = match share {
            Ok(share) if !state.idle.is_empty() || self.shared.wants_more(&state) => {
                let turn = Turn { task, share };
                if let Some(worker) = state.idle.pop() {
                    drop(state);
                    worker.hand(turn);
                } else {
                    let worker = Worker::enter(&mut state, turn);
                    drop(state);
                    self.shared.spawn(&worker);
                }
                return;
            }
            _ => task,
        };
        match self.shared.waiting_reads.take(party, 1) {
            Ok(place) => {
                let first = state.queue.is_empty();
                state.queue.push_back(Waiting {
                    since: Instant::now(),
                    party,
                    task,
                    _place: place,
                });
                drop(state);
                if first {
                    self.shared.waiting.notify_one();
                }
            }
            Err(full) => {
                drop(state);
                task(Err(self.shared.waiting_reads.refusal(full)));
            }
        }
    }

    /// Runs `work` at once on the calling thread, on a connection kept for that; `None` when all are in use.
    pub(super) fn at_once<T>(&self, work: impl FnOnce(&Reader) -> T) -> Option<T> {
        self.shared.warm_reads.on_current(|| self.open_at_once(), work)
    }

    fn open_at_once(&self) -> Option<Reader> {
        if self.shared.opened_at_once.fetch_add(1, Ordering::Relaxed) >= self.shared.core {
            return None;
        }
        let conn = self.shared.pool.get().ok()?;
        Guarded::new(conn, &self.shared.limits, self.shared.warm_reads.versions()).ok()
    }

    /// How many reads wait, and how many threads there are.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = lock(&self.shared.state);
        (state.queue.len() as u64, state.workers.len() as u64)
    }

    /// Takes no more work; what runs is not waited for.
    pub(super) fn close(&self) {
        let (queue, idle) = {
            let mut state = lock(&self.shared.state);
            state.closed = true;
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.idle))
        };
        self.shared.waiting.notify_all();
        for waiting in queue {
            (waiting.task)(Err(EngineError::Stopping));
        }
        for worker in idle {
            worker.wake();
        }
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Whether another thread would help: fewer than the core ones are making progress.
    fn wants_more(&self, state: &State) -> bool {
        let stalled_before = self.now_us().saturating_sub(micros(STALLED));
        let moving = state
            .workers
            .iter()
            .filter(|worker| {
                let since = worker.busy_since_us.load(Ordering::Relaxed);
                since == 0 || since > stalled_before
            })
            .count();
        moving < self.core && state.workers.len() < self.most
    }

    /// The oldest read that waits and whose caller has not its share of the connections.
    fn next_turn(&self, state: &mut State) -> Option<Turn> {
        let mut shares = state
            .queue
            .iter()
            .enumerate()
            .filter_map(|(place, waiting)| Some((place, self.running.take(waiting.party, 1).ok()?)));
        let (place, share) = shares.next()?;
        let waiting = state.queue.remove(place)?;
        Some(Turn {
            task: waiting.task,
            share,
        })
    }

    /// Ends an answer whose client takes nothing, when what waits longest waits for that.
    fn end_stalled(&self, state: &State) {
        let Some(party) = state.queue.front().map(|waiting| waiting.party) else {
            return;
        };
        let of_whom = match self.running.take(party, 1) {
            Err(Full::ForOne) => Some(party),
            Ok(_) if state.workers.len() < self.most => return,
            Err(Full::ForAll) | Ok(_) => None,
        };
        let limit = Duration::from_millis(self.limits.crowded_stall_ms);
        self.reads.end_stalled(limit, of_whom);
    }

    fn now_us(&self) -> u64 {
        micros(self.started.elapsed()) + 1
    }

    fn spawn(self: &Arc<Self>, worker: &Arc<Worker>) {
        let shared = Arc::clone(self);
        let spawned = Arc::clone(worker);
        let thread = thread::Builder::new()
            .name("db-read".into())
            .stack_size(crate::STACK_BYTES)
            .spawn(move || shared.work(&spawned));
        if let Err(cause) = thread {
            error!(%cause, "a reading thread could not be started");
            self.leave(worker);
            if let Some(turn) = lock(&worker.handed).take() {
                (turn.task)(Err(EngineError::broken(cause)));
            }
        }
    }

    /// A thread's life.
    fn work(self: &Arc<Self>, worker: &Arc<Worker>) {
        *lock(&worker.thread) = Some(thread::current());
        let reader = self
            .pool
            .get()
            .map_err(|cause| no_connection(&cause))
            .and_then(|conn| {
                Guarded::new(conn, &self.limits, self.warm_reads.versions()).map_err(EngineError::broken)
            });
        let mut turn = lock(&worker.handed).take();
        loop {
            if let Some(Turn { task, share }) = turn.take() {
                worker.busy_since_us.store(self.now_us(), Ordering::Relaxed);
                // A panic costs its own request; what it left on the connection is set anew by the next.
                let ran = catch_unwind(AssertUnwindSafe(|| task(reader.as_ref().map_err(Clone::clone))));
                if ran.is_err() {
                    error!("a read panicked; its caller is answered that it failed");
                }
                drop(share);
            }
            // A priority that was lowered cannot be raised again.
            if reader.is_err() || thread_priority::has_given_way() {
                return self.leave(worker);
            }
            let mut state = lock(&self.state);
            if state.closed {
                return;
            }
            turn = self.next_turn(&mut state);
            if turn.is_some() {
                continue;
            }
            worker.busy_since_us.store(0, Ordering::Relaxed);
            state.idle.push(Arc::clone(worker));
            let surplus = state.workers.len() > self.core;
            drop(state);
            turn = loop {
                match worker.wait(surplus.then_some(SURPLUS_IDLE)) {
                    Some(handed) => break Some(handed),
                    None if self.retire(worker, surplus) => return,
                    None => {}
                }
            };
        }
    }

    /// Ends an idle thread that is one too many; false when it is to go on waiting, since work is on its way
    /// or it woke for no reason.
    fn retire(&self, worker: &Arc<Worker>, surplus: bool) -> bool {
        let mut state = lock(&self.state);
        if state.closed {
            return true;
        }
        if !surplus || state.workers.len() <= self.core {
            return false;
        }
        let Some(place) = state.idle.iter().position(|idle| Arc::ptr_eq(idle, worker)) else {
            return false;
        };
        state.idle.remove(place);
        state.workers.retain(|other| !Arc::ptr_eq(other, worker));
        true
    }

    fn leave(&self, worker: &Arc<Worker>) {
        lock(&self.state)
            .workers
            .retain(|other| !Arc::ptr_eq(other, worker));
    }

    /// Starts threads for reads that wait behind stalled ones, and turns away those that waited too long; idle while
    /// nothing waits.
    fn relieve_stalled(self: &Arc<Self>) {
        let mut looked = Instant::now();
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return;
            }
            if state.queue.is_empty() {
                state = self
                    .waiting
                    .wait(state)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            }
            let limit_ms = self.limits.queue_wait_ms;
            let too_long = |waiting: &mut Waiting| waiting.since.elapsed().as_millis() > u128::from(limit_ms);
            if let Some(waiting) = state.queue.pop_front_if(too_long) {
                drop(state);
                (waiting.task)(Err(EngineError::no_turn(limit_ms)));
                state = lock(&self.state);
                continue;
            }
            if self.wants_more(&state)
                && let Some(turn) = self.next_turn(&mut state)
            {
                let worker = Worker::enter(&mut state, turn);
                drop(state);
                self.spawn(&worker);
                state = lock(&self.state);
                continue;
            }
            if looked.elapsed() >= LOOK_FOR_STALLED {
                looked = Instant::now();
                self.end_stalled(&state);
            }
            state = self
                .waiting
                .wait_timeout(state, STALLED)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        }
    }
}

impl Worker {
    /// A new worker with its first task, already counted.
    fn enter(state: &mut State, turn: Turn) -> Arc<Self> {
        let worker = Arc::new(Self {
            busy_since_us: AtomicU64::new(0),
            handed: Mutex::new(Some(turn)),
            thread: Mutex::new(None),
        });
        state.workers.push(Arc::clone(&worker));
        worker
    }

    fn hand(&self, turn: Turn) {
        *lock(&self.handed) = Some(turn);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = lock(&self.thread).as_ref() {
            thread.unpark();
        }
    }

    /// The next task; `None` when `limit` has passed or the pool closes.
    fn wait(&self, limit: Option<Duration>) -> Option<Turn> {
        if let Some(turn) = lock(&self.handed).take() {
            return Some(turn);
        }
        match limit {
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
        lock(&self.handed).take()
    }
}

/// A machine that has much to do opens none in time.
fn no_connection(cause: &r2d2::Error) -> EngineError {
    error!(%cause, "no connection could be opened to read");
    EngineError::Overloaded(format!(
        "no connection to the database could be opened within {} s; try again",
        OPEN_WAIT.as_secs()
    ))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
