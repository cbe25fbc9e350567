//! Starts real services for tests: a free port, an empty database, everything gone on drop.

mod db;

pub use db::TestDb;
