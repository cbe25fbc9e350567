//! The program comptoir; [`comptoir::main`] is all of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    comptoir::main()
}
