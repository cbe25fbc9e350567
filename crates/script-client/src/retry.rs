//! When something is asked for again, and after how long.

use crate::ScriptError;
use backon::{ExponentialBuilder, Retryable as _};
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// The first pause; each later one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses without an end: whoever takes them ends by time.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
}

/// Makes a job by `submission`, again when the answer was lost: `submission` sends the same idempotency key each
/// time. It ends `patience` after the first loss.
///
/// A service that cannot be reached at first, and one that refuses, are not asked again. The log says once that
/// the request is sent again.
pub(crate) async fn submit<T, E>(
    patience: Duration,
    script_error: impl Fn(&E) -> Option<&ScriptError>,
    submission: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let mut lost: Option<Instant> = None;
    let again = |error: &E| {
        let Some(error) = script_error(error) else {
            return false;
        };
        match lost {
            None if error.may_have_been_done() => {
                warn!("a request is sent again: {error}");
                lost = Some(Instant::now());
                true
            }
            None => false,
            Some(lost) => error.is_retryable() && lost.elapsed() < patience,
        }
    };
    (|| submission()).retry(pauses()).when(again).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn lost() -> ScriptError {
        ScriptError::Lost {
            url: "http://localhost:5000".into(),
            why: "connection reset".into(),
        }
    }

    fn timed_out() -> ScriptError {
        ScriptError::TimedOut {
            url: "http://localhost:5000".into(),
            limit: Duration::from_secs(10),
        }
    }

    fn unreachable() -> ScriptError {
        ScriptError::Unreachable {
            url: "http://localhost:5000".into(),
            why: "connection refused".into(),
        }
    }

    fn refused(document: &str) -> ScriptError {
        ScriptError::Refused(serde_json::from_str(document).unwrap())
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "other errors hold one of this client or none"
    )]
    fn own(error: &ScriptError) -> Option<&ScriptError> {
        Some(error)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_again_when_its_answer_was_lost() {
        for first in [lost, timed_out] {
            let sent = Cell::new(0);

            let made = submit(PATIENCE, own, async || {
                sent.set(sent.get() + 1);
                match sent.get() {
                    1 => Err(first()),
                    2 => Err(unreachable()),
                    3 => Err(refused(r#"{"code": "not_ready", "retryable": true}"#)),
                    _ => Ok(7),
                }
            })
            .await;

            assert_eq!((made.unwrap(), sent.get()), (7, 4));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_not_sent_for_ever() {
        let began = Instant::now();

        let given_up = submit::<(), _>(PATIENCE, own, async || Err(lost())).await;

        assert!(given_up.is_err());
        assert!(began.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn a_request_that_never_arrived_or_was_refused_is_not_sent_again() {
        let errors: [fn() -> ScriptError; 3] = [
            unreachable,
            || refused(r#"{"code": "invalid_request"}"#),
            || refused(r#"{"code": "queue_full", "retryable": true}"#),
        ];
        for error in errors {
            let sent = Cell::new(0);
            let failed = submit::<(), _>(PATIENCE, own, async || {
                sent.set(sent.get() + 1);
                Err(error())
            })
            .await;
            assert!(failed.is_err());
            assert_eq!(sent.get(), 1);
        }
    }
}
