//! The command line of Comptoir, and the stack in one process.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `cli` | the commands, their dispatch, and the exit codes |
//! | `commands` | one file per command |
//! | [`stack`] | starts the services in order, stops them in reverse |
//! | `outcome` | how a command ends |
//! | [`contract`] | the HTTP contract of all services as one document |
//! | [`generate`] | the sample data, and sales of any length |
//! | `progress`, `output` | what a terminal shows |
//! | `interrupts` | Ctrl-C |
//!
//! `up` starts the services that this crate links; `openapi`, `restore` and `token` call them as libraries; `generate` and
//! `forecast --input` need none; the other commands speak HTTP.

mod cli;
mod commands;
pub mod contract;
#[cfg(test)]
mod documented_settings;
#[cfg(test)]
mod fixtures;
pub mod generate;
mod interrupts;
mod outcome;
mod output;
mod progress;
pub mod stack;

pub use cli::main;
