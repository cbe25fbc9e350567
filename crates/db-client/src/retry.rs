//! When a request is sent again, and after how long. script-client waits by the same rule: pauses that double,
//! somewhat shifted by chance, up to two seconds, and a word in the log once.

use crate::DbError;
use backon::{ExponentialBuilder, Retryable as _};
use std::time::Duration;
use tracing::{info, warn};

/// How often a request is sent at most.
const ATTEMPTS: usize = 8;
/// The first pause after a request that failed: a busy writer is free again soon.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The first pause while db-service starts.
const FIRST_PAUSE_AT_START: Duration = Duration::from_millis(20);
/// The longest pause between two attempts, before chance shifts it.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses from `first` on, without an end.
fn pauses(first: Duration) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
}

/// Sends a request until it is answered, refused for good, or was sent [`ATTEMPTS`] times. What `attempt` sends
/// must be safe to repeat: without effect, or with an idempotency key. The log says once that it is sent again.
pub(crate) async fn send<T, F>(attempt: impl FnMut() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, DbError>>,
{
    let mut said = false;
    attempt
        .retry(pauses(FIRST_PAUSE).with_max_times(ATTEMPTS - 1))
        .when(DbError::is_retryable)
        .notify(|error, _| {
            if !std::mem::replace(&mut said, true) {
                warn!("a request is sent again: {error}");
            }
        })
        .await
}

/// Asks until db-service at `url` is ready: without an end, a caller sets a limit where it wants one. The log
/// says once that it waits.
pub(crate) async fn wait<F>(url: &str, ready: impl FnMut() -> F)
where
    F: Future<Output = Result<(), DbError>>,
{
    let mut said = false;
    let waited = ready
        .retry(pauses(FIRST_PAUSE_AT_START))
        .notify(|error, _| {
            if !std::mem::replace(&mut said, true) {
                info!(url, "waiting for db-service: {error}");
            }
        })
        .await;
    debug_assert!(waited.is_ok(), "there is always another attempt");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::Instant;

    fn unreachable() -> DbError {
        DbError::Unreachable {
            url: "http://localhost:8080".into(),
            why: "connection refused".into(),
        }
    }

    fn refused(document: &str) -> DbError {
        DbError::Refused(serde_json::from_str(document).unwrap())
    }

    fn overloaded() -> DbError {
        refused(
            r#"{"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "the queue is full", "code": "overloaded", "retryable": true}"#,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_again_until_it_is_answered() {
        for failure in [unreachable, overloaded] {
            let sent = Cell::new(0);

            let answered = send(|| async {
                sent.set(sent.get() + 1);
                if sent.get() < 4 { Err(failure()) } else { Ok(7) }
            })
            .await;

            assert_eq!((answered.unwrap(), sent.get()), (7, 4));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_not_sent_for_ever() {
        let (sent, began) = (Cell::new(0), Instant::now());

        let given_up = send::<(), _>(|| async {
            sent.set(sent.get() + 1);
            Err(unreachable())
        })
        .await;

        assert!(given_up.is_err());
        assert_eq!(sent.get(), ATTEMPTS);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn what_cannot_succeed_later_is_not_sent_again() {
        for failure in [
            || DbError::Broken("not JSON".into()),
            || {
                refused(
                    r#"{"type": "about:blank", "title": "bad", "status": 400, "detail": "bad", "code": "invalid_request", "retryable": false}"#,
                )
            },
        ] {
            let sent = Cell::new(0);
            let failed = send::<(), _>(|| async {
                sent.set(sent.get() + 1);
                Err(failure())
            })
            .await;
            assert!(failed.is_err());
            assert_eq!(sent.get(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_is_waited_for_longer_than_a_request_is_sent() {
        let asked = Cell::new(0);

        wait("http://localhost:8080", || async {
            asked.set(asked.get() + 1);
            if asked.get() <= 3 * ATTEMPTS {
                Err(unreachable())
            } else {
                Ok(())
            }
        })
        .await;

        assert_eq!(asked.get(), 3 * ATTEMPTS + 1);
    }
}
