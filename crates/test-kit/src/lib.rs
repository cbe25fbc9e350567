//! What tests share: real services, each on a free port and an empty database, gone on drop.
//!
//! | item | what it is for |
//! | --- | --- |
//! | [`TestDb`] | a db-service |
//! | `TestStack` | a db-service and a script-service (feature `stack`) |
//! | [`contract`] | answers compared with what the contract says |
//! | `Browser` | a Chromium of its own (feature `browser`) |
//! | [`ReservedPort`] | a port that nobody else gets, for what is killed and started again |
//! | [`Need`], [`trials!`] | tests that need a program from outside: ignored without it |
//! | [`plain`] | what every analysis says, in plain SQL |

#[cfg(feature = "browser")]
mod browser;
pub mod contract;
mod db;
mod needs;
pub mod plain;
mod port;
#[cfg(feature = "stack")]
mod stack;

#[cfg(feature = "browser")]
pub use browser::{Browser, missing_browser};
pub use db::TestDb;
pub use needs::{Need, Trials, find_program};
pub use port::ReservedPort;
#[cfg(feature = "stack")]
pub use stack::{Script, TestStack};
