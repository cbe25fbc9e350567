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

/// The attempts at one request. What it sends must be safe to repeat: without effect, or with an idempotency
/// key.
pub(crate) struct Attempts {
    pauses: Pauses,
    made: u32,
}

impl Attempts {
    /// Before the first one.
    pub(crate) fn new() -> Self {
        Self {
            pauses: pauses(FIRST_PAUSE, LONGEST_PAUSE),
            made: 0,
        }
    }

    /// Whether there is another attempt after one that failed with `error`; it comes after a pause.
    pub(crate) async fn again(&mut self, error: &DbError) -> bool {
        self.made += 1;
        if !error.is_retryable() || self.made >= ATTEMPTS {
            return false;
        }
        tokio::time::sleep(self.pauses.next()).await;
        true
    }
}
