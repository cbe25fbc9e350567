//! The stack as its users see it, from the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod cli;
mod containers;
mod contract;
mod dependencies;
mod documents;
mod figures;
mod forecasts;
mod import_rule;
mod imports;
mod interrupted;
mod killed;
mod older_data;
mod schema;
mod seams;

use journeys::Program;

/// The program, built with these tests.
fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_comptoir-under-test"))
}
