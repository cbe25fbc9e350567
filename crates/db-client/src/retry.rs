//! When a request is sent again, and after how long.

use crate::DbError;
use std::time::Duration;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 8;
/// The first pause; each later one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Growing pauses.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

/// Pauses from `first`, doubling up to `longest`.
pub(crate) fn pauses(first: Duration, longest: Duration) -> Pauses {
    Pauses { next: first, longest }
}

impl Pauses {
    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

/// Calls `attempt` until it succeeds, fails for good, or has failed [`ATTEMPTS`] times. What it sends must
/// be safe to repeat: without effect, or with an idempotency key.
pub(crate) async fn until_answered<T>(attempt: impl AsyncFn() -> Result<T, DbError>) -> Result<T, DbError> {
    let mut pauses = pauses(FIRST_PAUSE, LONGEST_PAUSE);
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Err(error) if error.is_retryable() && tries < ATTEMPTS => {
                tokio::time::sleep(pauses.next()).await;
            }
            outcome => return outcome,
        }
    }
}
