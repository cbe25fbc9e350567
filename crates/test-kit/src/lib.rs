//! Starts real services for tests: a free port, an empty database, everything gone on drop.

mod db;
#[cfg(feature = "stack")]
mod stack;

pub use db::TestDb;
#[cfg(feature = "stack")]
pub use stack::TestStack;
