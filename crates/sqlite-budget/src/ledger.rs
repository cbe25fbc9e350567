//! What each thread has taken, and what the statement that runs on it may take.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A ledger is posted when it has changed by this many bytes.
pub const POSTED: i64 = 64 << 10;
/// A statement looks whether it must stop when it has taken this many bytes in all, those that it gave back included.
const BYTES_BETWEEN_LOOKS: usize = 256 << 10;
/// A statement that holds more than this many bytes is a large one. Large ones are refused when three quarters of the
/// budget are taken, so that there is room for all others.
const LARGE: i64 = 4 << 20;

/// What all threads hold, in bytes.
static IN_USE: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static LEDGER: Ledger = const {
        Ledger {
            unposted: Cell::new(0),
            taken: Cell::new(0),
            since_look: Cell::new(0),
            statement_bytes: Cell::new(i64::MAX),
            process_bytes: Cell::new(i64::MAX),
            stop: RefCell::new(None),
            refusal: Cell::new(None),
        }
    };
}

/// What stops a statement.
pub trait Stop: Send + Sync {
    /// Whether it must stop now. It is asked by the thread that runs the statement, in the midst of an allocation.
    fn must_stop(&self) -> bool;
}

/// What a statement may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most that it may hold, in bytes.
    pub statement_bytes: u64,
    /// The most that all of the process may hold, in bytes.
    pub process_bytes: u64,
}

/// Why something was not allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The statement would hold more than it may.
    Statement {
        /// The most that it may hold, in bytes.
        limit: u64,
    },
    /// The process would hold more than it may.
    Process {
        /// The most that it may hold, in bytes.
        limit: u64,
    },
    /// The statement must stop.
    Stopped,
}

struct Ledger {
    /// What has changed since the ledger was posted.
    unposted: Cell<i64>,
    /// What the statement has taken and not given back.
    taken: Cell<i64>,
    since_look: Cell<usize>,
    statement_bytes: Cell<i64>,
    process_bytes: Cell<i64>,
    stop: RefCell<Option<Arc<dyn Stop>>>,
    refusal: Cell<Option<Refusal>>,
}

impl Drop for Ledger {
    fn drop(&mut self) {
        IN_USE.fetch_add(self.unposted.get(), Ordering::Relaxed);
    }
}

impl Ledger {
    fn take(&self, bytes: i64) -> bool {
        let taken = self.taken.get() + bytes;
        if taken > self.statement_bytes.get() {
            return self.refuse(Refusal::Statement {
                limit: told(self.statement_bytes.get()),
            });
        }
        let unposted = self.unposted.get() + bytes;
        if unposted >= POSTED {
            let limit = self.process_bytes.get();
            let limit = if taken > LARGE { limit / 4 * 3 } else { limit };
            let before = IN_USE.fetch_add(unposted, Ordering::Relaxed);
            self.unposted.set(0);
            if before + unposted > limit {
                self.unposted.set(-bytes);
                return self.refuse(Refusal::Process {
                    limit: told(self.process_bytes.get()),
                });
            }
        } else {
            self.unposted.set(unposted);
        }
        self.taken.set(taken);
        let since_look = self
            .since_look
            .get()
            .saturating_add(usize::try_from(bytes).unwrap_or(0));
        if since_look < BYTES_BETWEEN_LOOKS {
            self.since_look.set(since_look);
            return true;
        }
        self.since_look.set(0);
        if self.must_stop() {
            self.give(bytes);
            return self.refuse(Refusal::Stopped);
        }
        true
    }

    fn give(&self, bytes: i64) {
        self.taken.set(self.taken.get() - bytes);
        let unposted = self.unposted.get() - bytes;
        if unposted <= -POSTED {
            IN_USE.fetch_add(unposted, Ordering::Relaxed);
            self.unposted.set(0);
        } else {
            self.unposted.set(unposted);
        }
    }

    fn refuse(&self, why: Refusal) -> bool {
        if self.refusal.get().is_none() {
            self.refusal.set(Some(why));
        }
        false
    }

    fn must_stop(&self) -> bool {
        self.stop.borrow().as_ref().is_some_and(|stop| stop.must_stop())
    }
}

/// Whether the thread may take so many bytes more; then they are its own.
pub(crate) fn take(bytes: usize) -> bool {
    let bytes = signed(bytes);
    LEDGER
        .try_with(|ledger| ledger.take(bytes))
        // The thread ends, and its ledger is gone before it.
        .unwrap_or_else(|_| {
            IN_USE.fetch_add(bytes, Ordering::Relaxed);
            true
        })
}

/// The thread gives back so many bytes.
pub(crate) fn give(bytes: usize) {
    let bytes = signed(bytes);
    if LEDGER.try_with(|ledger| ledger.give(bytes)).is_err() {
        IN_USE.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// How many bytes SQLite and all charges hold in the process, as far as the threads have posted them.
#[must_use]
pub fn in_use() -> u64 {
    u64::try_from(IN_USE.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Runs a statement on this thread: within `limits`, until `stop` says so.
pub fn run<T>(limits: Limits, stop: Arc<dyn Stop>, work: impl FnOnce() -> T) -> T {
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            LEDGER.with(|ledger| {
                ledger.statement_bytes.set(i64::MAX);
                ledger.process_bytes.set(i64::MAX);
                *ledger.stop.borrow_mut() = None;
            });
        }
    }
    LEDGER.with(|ledger| {
        ledger.taken.set(0);
        ledger.since_look.set(0);
        ledger.refusal.set(None);
        ledger.statement_bytes.set(clamped(limits.statement_bytes));
        ledger.process_bytes.set(clamped(limits.process_bytes));
        *ledger.stop.borrow_mut() = Some(stop);
    });
    let _ends = Ends;
    work()
}

/// Runs `work` in the midst of a statement without its limits.
pub fn exempt<T>(work: impl FnOnce() -> T) -> T {
    struct Returns(i64, i64, Option<Arc<dyn Stop>>);
    impl Drop for Returns {
        fn drop(&mut self) {
            LEDGER.with(|ledger| {
                ledger.statement_bytes.set(self.0);
                ledger.process_bytes.set(self.1);
                *ledger.stop.borrow_mut() = self.2.take();
            });
        }
    }
    let _returns = LEDGER.with(|ledger| {
        Returns(
            ledger.statement_bytes.replace(i64::MAX),
            ledger.process_bytes.replace(i64::MAX),
            ledger.stop.borrow_mut().take(),
        )
    });
    work()
}

/// Whether the statement that runs on this thread must stop: for functions that take long without allocating.
#[must_use]
pub fn must_stop() -> bool {
    LEDGER.with(Ledger::must_stop)
}

/// Why the last statement on this thread was refused memory, when it was; it is told once.
#[must_use]
pub fn refusal() -> Option<Refusal> {
    LEDGER.with(|ledger| ledger.refusal.take())
}

/// Bytes that are held besides SQLite's: an answer that is kept until it is sent, or what a function collects. They
/// count for the statement that runs on the thread, and for the process until the charge is dropped.
#[derive(Debug, Default)]
pub struct Charge(usize);

impl Charge {
    /// Sees to it that at least `bytes` are charged in all; more are charged at once, so that the next call has little to
    /// do.
    ///
    /// # Errors
    ///
    /// When the statement or the process would hold more than it may, or the statement must stop.
    pub fn cover(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Some(more) = bytes.checked_sub(self.0).filter(|more| *more > 0) else {
            return Ok(());
        };
        let more = more.max(usize::try_from(POSTED).unwrap_or(0));
        if take(more) {
            self.0 += more;
            return Ok(());
        }
        // It stays to be told when SQLite says that the statement has failed.
        Err(LEDGER
            .with(|ledger| ledger.refusal.get())
            .unwrap_or(Refusal::Stopped))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        give(self.0);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn told(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

fn clamped(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    struct Flag(AtomicBool);

    impl Stop for Flag {
        fn must_stop(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn never() -> Arc<dyn Stop> {
        Arc::new(Flag(AtomicBool::new(false)))
    }

    fn limits(statement_bytes: u64, process_bytes: u64) -> Limits {
        Limits {
            statement_bytes,
            process_bytes,
        }
    }

    /// What all threads hold is one figure, so the tests take turns.
    fn turn() -> std::sync::MutexGuard<'static, ()> {
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[test]
    fn a_statement_takes_as_much_as_it_may_and_not_a_byte_more() {
        let _turn = turn();
        run(limits(1_000, u64::MAX), never(), || {
            assert!(take(1_000));
            assert!(!take(1));
            assert_eq!(refusal(), Some(Refusal::Statement { limit: 1_000 }));
            give(1);
            assert!(take(1));
            assert!(exempt(|| take(5_000)));
            give(5_000);
            assert_eq!(refusal(), None);
        });
        assert!(take(1_000_000), "nothing is limited outside");
        give(1_001_000);
    }

    #[test]
    fn a_large_statement_leaves_room_for_small_ones() {
        let _turn = turn();
        let large = usize::try_from(LARGE).unwrap_or(0) + 1;
        let all = in_use() + 2 * u64::try_from(large).unwrap_or(0);

        run(limits(u64::MAX, all), never(), || {
            assert!(take(large));
            assert!(!take(large), "more than three quarters");
            assert_eq!(refusal(), Some(Refusal::Process { limit: all }));
        });
        run(limits(u64::MAX, all), never(), || assert!(take(large / 2)));
        give(large + large / 2);
    }

    #[test]
    fn a_statement_that_must_stop_gets_no_more() {
        let _turn = turn();
        let flag = Arc::new(Flag(AtomicBool::new(false)));

        run(limits(u64::MAX, u64::MAX), Arc::<Flag>::clone(&flag), || {
            assert!(take(BYTES_BETWEEN_LOOKS));
            flag.0.store(true, Ordering::Relaxed);
            assert!(must_stop());
            assert!(!take(BYTES_BETWEEN_LOOKS));
            assert_eq!(refusal(), Some(Refusal::Stopped));
        });
        give(BYTES_BETWEEN_LOOKS);
    }

    #[test]
    fn a_charge_is_given_back_by_whichever_thread_drops_it() {
        let _turn = turn();
        let mut charge = Charge::default();
        let refused = run(limits(50 << 20, u64::MAX), never(), || {
            charge.cover(40 << 20).and_then(|()| charge.cover(60 << 20))
        });
        let before = in_use();

        let dropped = std::thread::spawn(move || drop(charge)).join();

        assert_eq!(refused, Err(Refusal::Statement { limit: 50 << 20 }));
        // The ledgers of other threads may be posted meanwhile.
        assert!(dropped.is_ok() && in_use() + (20 << 20) < before);
    }
}
