//! What every request passes on its way in and out, as one layer: the origin is checked, a panic becomes an error
//! answer, the time is taken, and the answer is compressed for a client that asks for it.
//!
//! One layer and not four, since each costs a request some allocations.

use crate::metrics::HttpMetrics;
use crate::origin::OriginPolicy;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::ACCEPT_ENCODING;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_http::compression::predicate::{NotForContentType, Predicate as _};
use tower_http::compression::{Compression, DefaultPredicate, predicate::And};
use tower_layer::Layer;
use tower_service::Service;
use tracing::error;

/// Binary copies gain little and have a known length.
const NOT_COMPRESSED: &str = "application/vnd.sqlite3";

/// The layer.
#[derive(Debug, Clone)]
pub struct Edge {
    policy: Arc<OriginPolicy>,
    metrics: HttpMetrics,
}

impl Edge {
    /// Checks by `policy` and counts in `metrics`.
    #[must_use]
    pub fn new(policy: OriginPolicy, metrics: HttpMetrics) -> Self {
        Self {
            policy: Arc::new(policy),
            metrics,
        }
    }
}

impl<S: Clone> Layer<S> for Edge {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        let worth = DefaultPredicate::new().and(NotForContentType::const_new(NOT_COMPRESSED));
        EdgeService {
            edge: self.clone(),
            compressed: Compression::new(inner.clone()).compress_when(worth),
            plain: inner,
        }
    }
}

/// The service that the layer makes.
#[derive(Clone)]
pub struct EdgeService<S> {
    edge: Edge,
    plain: S,
    compressed: Compression<S, And<DefaultPredicate, NotForContentType>>,
}

impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.plain.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let measured = self.edge.metrics.begin(&request);
        if let Err(problem) = self.edge.policy.check(request.headers()) {
            let response = problem.into_response();
            measured.end(&response);
            return Box::pin(std::future::ready(Ok(response)));
        }
        if request.headers().contains_key(ACCEPT_ENCODING) {
            let answer = self.compressed.call(request);
            let answer = async { answer.await.map(|response| response.map(Body::new)) };
            Box::pin(async move { Ok(guarded(answer, measured).await) })
        } else {
            let answer = self.plain.call(request);
            Box::pin(async move { Ok(guarded(answer, measured).await) })
        }
    }
}

async fn guarded(
    answer: impl Future<Output = Result<Response, Infallible>>,
    measured: crate::metrics::Measured,
) -> Response {
    let response = match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(cause) => panicked(cause.as_ref()),
    };
    measured.end(&response);
    response
}

/// A panic is a fault of ours: the caller sees an internal error, the log the message.
fn panicked(cause: &(dyn Any + Send)) -> Response {
    let message = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    error!("a request panicked: {message}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::header::{CONTENT_ENCODING, HOST, ORIGIN};
    use axum::routing::get;
    use tower::ServiceExt as _;

    fn router() -> Router {
        let edge = Edge::new(OriginPolicy::default(), HttpMetrics::new("test"));
        Router::new()
            .route("/fine", get(async || "fine ".repeat(1_000)))
            .route("/broken", get(async || -> &'static str { panic!("on purpose") }))
            .layer(edge)
    }

    fn request(path: &str) -> axum::http::request::Builder {
        Request::builder().uri(path).header(HOST, "localhost")
    }

    #[tokio::test]
    async fn answers_are_compressed_only_when_asked() {
        let plain = router()
            .oneshot(request("/fine").body(Body::empty()).unwrap())
            .await
            .unwrap();
        let packed = request("/fine")
            .header(ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .unwrap();
        let packed = router().oneshot(packed).await.unwrap();

        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_answer() {
        let response = router()
            .oneshot(request("/broken").body(Body::empty()).unwrap())
            .await
            .unwrap();

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn a_foreign_page_is_refused() {
        let foreign = request("/fine")
            .header(ORIGIN, "https://elsewhere.example")
            .body(Body::empty())
            .unwrap();

        assert_eq!(
            router().oneshot(foreign).await.unwrap().status(),
            StatusCode::FORBIDDEN
        );
    }
}
