//! What the end-to-end tests share: the program as a process, its services over HTTP, the repository's files.
//!
//! The tests know the stack as its users do: the command line, HTTP, files. Nothing here links a service.

mod files;
mod http;
mod process;

pub use files::{cargo_duplicates, cargo_metadata, cargo_packages, contract, documents, read, repository};
pub use http::{Http, Reply};
pub use process::{Ended, Program, Up};

use std::time::{Duration, Instant};

/// How long a test waits for what must come: far more than it takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_mins(2);

/// Asks `condition` until it gives something, and fails after [`DEADLINE`].
///
/// # Panics
///
/// When the time is up.
pub async fn wait_for<T>(what: &str, condition: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(began.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
