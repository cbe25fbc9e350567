//! Starts real services for tests: a free port, an empty database, everything gone on drop.

mod db;
mod port;
#[cfg(feature = "stack")]
mod stack;

pub use db::TestDb;
pub use port::ReservedPort;
#[cfg(feature = "stack")]
pub use stack::TestStack;
