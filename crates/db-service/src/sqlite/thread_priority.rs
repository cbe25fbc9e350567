//! Long reads give way to brief ones.
//!
//! While a statement computes on one core, a brief one that arrives would wait until the scheduler takes the core away
//! from it, some milliseconds. So a thread whose read takes long lowers its own priority: it still gets every moment
//! that nobody else wants. A priority cannot be raised again without privileges, so the thread ends with its read.

use std::cell::Cell;
use std::time::Duration;

/// A read is long after this time.
pub(super) const LONG: Duration = Duration::from_millis(10);
/// How much nicer a long read is than the others: a tenth of their weight.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;
/// The nicest that a thread can be.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

thread_local! {
    static GIVEN_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Lowers the priority of the calling thread. Only Linux has a priority for each thread; elsewhere nothing happens.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    if !GIVEN_WAY.get()
        && let Ok(own) = rustix::process::getpriority_process(None)
        && rustix::process::setpriority_process(None, (own + NICER).min(NICEST)).is_ok()
    {
        GIVEN_WAY.set(true);
    }
}

/// Whether the calling thread has given way.
pub(super) fn has_given_way() -> bool {
    GIVEN_WAY.get()
}
