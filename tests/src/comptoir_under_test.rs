//! The program comptoir, built with the tests so that they know where it is.

use std::process::ExitCode;

fn main() -> ExitCode {
    comptoir::main()
}
