//! The command line of Comptoir, and the stack in one process.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `cli` | the commands, their dispatch, and the exit codes |
//! | `commands` | one file per command |
//! | [`stack`] | starts the services in order, stops them in reverse |
//! | `script_client` | the client of script-service |
//! | [`contract`] | the HTTP contract of all services as one document |
//! | [`generate`] | the sample data, and sales of any length |
//! | `progress`, `output` | what a terminal shows |
//! | `interrupts` | Ctrl-C |
//!
//! Only this crate and `test-kit` link services, and only to start them: every command but `up` speaks HTTP.

mod cli;
mod commands;
pub mod contract;
#[cfg(test)]
mod documented_settings;
pub mod generate;
mod interrupts;
mod output;
mod progress;
mod script_client;
pub mod stack;

pub use cli::main;
