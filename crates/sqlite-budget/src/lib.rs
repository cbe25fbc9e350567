//! What a statement of SQLite may take: memory, counted in its allocator, and time.
//!
//! SQLite runs a statement on one thread, and what it computes it allocates there. [`install`] puts an allocator under
//! SQLite that keeps a ledger for each thread: [`run`] says how much the statement may take, how much all of the process
//! may hold, and what stops it. An allocation beyond that fails, which SQLite answers with `SQLITE_NOMEM`; [`refusal`]
//! says why. So every function that makes something large is a place where a statement can be stopped, though SQLite
//! itself looks at the clock between its steps only.
//!
//! What is not SQLite's own, such as an answer that is kept until it is sent, is counted by a [`Charge`].
//!
//! The ledgers are posted to the total of the process when they have changed by [`POSTED`] bytes, so the total is exact
//! to that many bytes a thread.

mod allocator;
mod ledger;

pub use allocator::install;
pub use ledger::{Charge, Limits, POSTED, Refusal, Stop, exempt, in_use, must_stop, refusal, run};
