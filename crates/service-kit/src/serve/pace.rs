//! Bodies of requests must keep coming: a client has a limit of time for each 64 KiB, or for what is left.

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How much of a body must come within the limit.
const STRIDE: usize = 64 << 10;

/// Whether the body of a request came too slowly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Late(Arc<AtomicBool>);

impl Late {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that breaks off when its client takes longer than the limit for a stride. Only waiting for the client
/// counts, not what is done with the body meanwhile.
struct Paced {
    body: Body,
    limit: Duration,
    late: Late,
    /// Bytes of the current stride that are there.
    received: usize,
    /// How long the client was waited for in the current stride.
    waited: Duration,
    /// Since when it is waited for, and until when at most.
    waiting: Option<Instant>,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// `body`, held to the limit, and whether it broke off. A body that is there already stays as it is.
pub(crate) fn paced(body: Body, limit: Duration) -> (Body, Option<Late>) {
    if body.is_end_stream() {
        return (body, None);
    }
    let late = Late::default();
    let paced = Paced {
        body,
        limit,
        late: late.clone(),
        received: 0,
        waited: Duration::ZERO,
        waiting: None,
        deadline: None,
    };
    (Body::new(paced), Some(late))
}

impl Paced {
    /// The client is waited for: until the rest of its time is over.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            let deadline = now + self.limit.saturating_sub(self.waited);
            match &mut self.deadline {
                Some(sleep) => sleep.as_mut().reset(deadline.into()),
                None => self.deadline = Some(Box::pin(tokio::time::sleep_until(deadline.into()))),
            }
        }
        let is_over = self
            .deadline
            .as_mut()
            .is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
        if !is_over {
            return Poll::Pending;
        }
        self.late.0.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
    }
}

#[derive(Debug)]
struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not arrive in time")
    }
}

impl std::error::Error for TooSlow {}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            return this.wait(context);
        };
        if let Some(since) = this.waiting.take() {
            this.waited += since.elapsed();
        }
        if let Some(Ok(frame)) = &frame {
            this.received += frame.data_ref().map_or(0, Bytes::len);
            if this.received >= STRIDE {
                this.received = 0;
                this.waited = Duration::ZERO;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use std::convert::Infallible;

    const LIMIT: Duration = Duration::from_millis(50);

    fn chunks(sizes: &'static [usize]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::iter(sizes).map(|size| Ok(Bytes::from(vec![b'x'; *size])))
    }

    #[tokio::test]
    async fn a_body_that_stops_breaks_off() {
        let (body, late) = paced(Body::from_stream(chunks(&[10]).chain(stream::pending())), LIMIT);

        let read = axum::body::to_bytes(body, usize::MAX).await;

        assert!(read.is_err());
        assert!(late.unwrap().is_set());
    }

    #[tokio::test]
    async fn a_body_that_drips_breaks_off_though_each_drop_comes_in_time() {
        let drip = stream::unfold((), async |()| {
            tokio::time::sleep(LIMIT / 10).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        });
        let (body, late) = paced(Body::from_stream(drip), LIMIT);

        let read = axum::body::to_bytes(body, usize::MAX).await;

        assert!(read.is_err());
        assert!(late.unwrap().is_set());
    }

    #[tokio::test]
    async fn what_is_done_with_a_body_meanwhile_takes_none_of_its_time() {
        let (body, late) = paced(Body::from_stream(chunks(&[10, 10, STRIDE, 10])), LIMIT);
        let mut stream = body.into_data_stream();
        let mut length = 0;

        while let Some(chunk) = stream.next().await {
            length += chunk.unwrap().len();
            tokio::time::sleep(LIMIT * 2).await;
        }

        assert_eq!(length, STRIDE + 30);
        assert!(!late.unwrap().is_set());
    }

    #[test]
    fn a_request_without_a_body_has_nothing_to_wait_for() {
        assert!(paced(Body::empty(), LIMIT).1.is_none());
    }
}
