//! Fits on threads of their own: a fit computes for as long as it computes, and requests do not wait for it.

use super::ForecastFailure;
use forecast::{ForecastError, Stop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Sets its flag when it is dropped.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The outcome of `work`, which is told to stop when `limit` is over, and also when this future is dropped:
/// a job that is cancelled or a client that goes away leaves no thread behind.
pub(crate) async fn off_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(Stop<'_>) -> Result<T, ForecastError> + Send + 'static,
) -> Result<T, ForecastFailure> {
    let dropped = Arc::new(AtomicBool::new(false));
    let _guard = SetOnDrop(Arc::clone(&dropped));
    let deadline = Instant::now() + limit;
    let done = tokio::task::spawn_blocking(move || {
        work(&|| dropped.load(Ordering::Relaxed) || Instant::now() >= deadline)
    });
    match done.await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(ForecastError::Stopped)) => Err(ForecastFailure::Timeout {
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        }),
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => Err(anyhow::Error::new(panic).context("fit a model").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_stops_at_its_deadline() {
        let outcome: Result<(), ForecastFailure> = off_thread(Duration::ZERO, |stop| {
            while !stop() {}
            Err(ForecastError::Stopped)
        })
        .await;

        assert!(matches!(outcome, Err(ForecastFailure::Timeout { limit_ms: 0 })));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_stops() {
        let (ended, end) = tokio::sync::oneshot::channel();
        let (began, beginning) = tokio::sync::oneshot::channel();
        let work = off_thread(Duration::from_mins(10), |stop| {
            let _ = began.send(());
            while !stop() {}
            let _ = ended.send(());
            Ok(())
        });

        tokio::select! {
            _ = work => panic!("it ended by itself"),
            _ = beginning => {}
        }

        end.await.unwrap();
    }
}
