//! What every request passes on its way in and out, as one layer: the origin is checked, a panic becomes an error
//! answer, a problem document learns which request it is about, the time is taken, the answer gets the headers that
//! all answers carry and is compressed for a client that asks for it.
//!
//! One layer and not six, since each costs a request some allocations.

use crate::codings::Codings;
use crate::metrics::HttpMetrics;
use crate::origin::OriginPolicy;
use crate::problem::{self, Problem};
use crate::serve::{Late, paced};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_http::compression::predicate::Predicate;
use tower_http::compression::{Compression, DefaultPredicate};
use tower_layer::Layer;
use tower_service::Service;
use tracing::error;

/// The layer.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    rules: Arc<Rules>,
    metrics: HttpMetrics,
}

#[derive(Debug)]
struct Rules {
    policy: OriginPolicy,
    headers: Vec<(HeaderName, HeaderValue)>,
    packed: &'static [&'static str],
    stall: Duration,
}

impl Edge {
    /// Checks by `policy`, counts in `metrics`, adds `headers`, leaves answers of a `packed` media type as they are;
    /// a client may take as long as `stall` for the next 64 KiB of its body.
    pub(crate) fn new(
        policy: OriginPolicy,
        metrics: HttpMetrics,
        mut headers: Vec<(HeaderName, HeaderValue)>,
        packed: &'static [&'static str],
        stall: Duration,
    ) -> Self {
        headers.push((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
        Self {
            rules: Arc::new(Rules {
                policy,
                headers,
                packed,
                stall,
            }),
            metrics,
        }
    }
}

/// Which answers are compressed.
#[derive(Debug, Clone, Copy)]
struct Worthwhile {
    packed: &'static [&'static str],
}

impl Predicate for Worthwhile {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        !is_packed(response.headers(), self.packed) && DefaultPredicate::new().should_compress(response)
    }
}

/// Whether an answer is of one of the media types `packed`.
fn is_packed(headers: &HeaderMap, packed: &[&str]) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok());
    media_type.is_some_and(|media_type| packed.iter().any(|packed| media_type.starts_with(packed)))
}

/// Every answer that has a body is compressed, for clients that take no other.
#[derive(Debug, Clone, Copy)]
struct Whatever;

impl Predicate for Whatever {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        response.body().size_hint().exact() != Some(0)
    }
}

impl<S: Clone> Layer<S> for Edge {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        let worthwhile = Worthwhile {
            packed: self.rules.packed,
        };
        EdgeService {
            edge: self.clone(),
            compressed: Compression::new(inner.clone()).compress_when(worthwhile),
            compressed_always: Compression::new(inner.clone()).compress_when(Whatever),
            plain: inner,
        }
    }
}

/// The service that the layer makes.
#[derive(Clone)]
pub(crate) struct EdgeService<S> {
    edge: Edge,
    plain: S,
    compressed: Compression<S, Worthwhile>,
    compressed_always: Compression<S, Whatever>,
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
        let mut passage = Passage {
            measured: self.edge.metrics.begin(&request),
            rules: Arc::clone(&self.edge.rules),
            uri: request.uri().clone(),
            late: None,
        };
        if let Err(problem) = passage.rules.policy.check(request.headers()) {
            let response = passage.end(problem.into_response());
            return Box::pin(std::future::ready(Ok(response)));
        }
        let (parts, body) = request.into_parts();
        let (body, late) = paced(body, passage.rules.stall);
        passage.late = late;
        let request = Request::from_parts(parts, body);
        match Codings::of(request.headers()) {
            Codings::AsItIs => {
                let answer = self.plain.call(request);
                Box::pin(async move { Ok(passage.guard(answer).await) })
            }
            Codings::Either => {
                let answer = self.compressed.call(request);
                let answer = async { answer.await.map(|response| response.map(Body::new)) };
                Box::pin(async move { Ok(passage.guard(answer).await) })
            }
            Codings::Compressed => {
                let answer = self.compressed_always.call(request);
                let answer = async { answer.await.map(|response| response.map(Body::new)) };
                Box::pin(async move { Ok(passage.guard(answer).await) })
            }
            // Before the request has had an effect.
            Codings::Nothing => {
                let response = passage.end(no_coding().into_response());
                Box::pin(std::future::ready(Ok(response)))
            }
        }
    }
}

/// A request on its way through.
struct Passage {
    measured: crate::metrics::Measured,
    rules: Arc<Rules>,
    uri: Uri,
    late: Option<Late>,
}

impl Passage {
    async fn guard(self, answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
        let response = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(cause) => panicked(cause.as_ref()),
        };
        // Whatever was made of a body that broke off.
        let response = if self.late.as_ref().is_some_and(Late::is_set) {
            self.body_too_slow()
        } else {
            response
        };
        self.end(response)
    }

    fn body_too_slow(&self) -> Response {
        let detail = format!(
            "the next 64 KiB of the body, or its end, did not arrive within {} ms (stall_timeout_ms); nothing was done",
            self.rules.stall.as_millis()
        );
        Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_timeout", detail).into_response()
    }

    fn end(self, response: Response) -> Response {
        let mut response = problem::with_instance(response, self.uri.path());
        let headers = response.headers_mut();
        if !is_packed(headers, self.rules.packed) && !varies_by_coding(headers) {
            headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        }
        for (name, value) in &self.rules.headers {
            headers.insert(name, value.clone());
        }
        self.measured.end(&response);
        response
    }
}

/// Whether `Vary` names the coding.
fn varies_by_coding(headers: &HeaderMap) -> bool {
    headers
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
}

fn no_coding() -> Problem {
    Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "answers are given as they are, or in gzip or zstd; Accept-Encoding takes none of these",
    )
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
    use axum::body::to_bytes;
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, ORIGIN};
    use axum::routing::{get, post};
    use futures_util::{StreamExt as _, stream};
    use tower::ServiceExt as _;

    fn router() -> Router {
        let edge = Edge::new(
            OriginPolicy::default(),
            HttpMetrics::new("test"),
            Vec::new(),
            &["application/zip"],
            Duration::from_millis(50),
        );
        let zip = async || ([(CONTENT_TYPE, "application/zip")], "PK ".repeat(1_000));
        Router::new()
            .route("/fine", get(async || "fine ".repeat(1_000)))
            .route("/packed", get(zip))
            .route(
                "/take",
                post(async |body: Body| to_bytes(body, 100).await.is_ok().to_string()),
            )
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
        let zip = request("/packed")
            .header(ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .unwrap();
        let zip = router().oneshot(zip).await.unwrap();

        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
        for response in [&plain, &packed] {
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        assert!(!zip.headers().contains_key(VARY));
        assert!(!zip.headers().contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn a_client_that_takes_no_answer_as_it_is_gets_it_compressed_or_nothing_happens() {
        let called = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&called);
        let stall = Duration::from_secs(10);
        let edge = Edge::new(
            OriginPolicy::default(),
            HttpMetrics::new("test"),
            Vec::new(),
            &[],
            stall,
        );
        let write = async move || {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            "x"
        };
        let router = Router::new().route("/write", get(write)).layer(edge);
        let ask = async |codings: &str| {
            let asked = request("/write").header(ACCEPT_ENCODING, codings);
            router
                .clone()
                .oneshot(asked.body(Body::empty()).unwrap())
                .await
                .unwrap()
        };

        let compressed = ask("identity;q=0, gzip").await;
        let refused = ask("br, identity;q=0").await;

        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(called.load(std::sync::atomic::Ordering::SeqCst), 1);
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
    async fn a_body_that_stops_is_answered_408_whatever_was_made_of_it() {
        let drops = stream::once(async { Ok::<_, Infallible>("a drop") }).chain(stream::pending());
        let request = request("/take")
            .method("POST")
            .body(Body::from_stream(drops))
            .unwrap();

        let response = router().oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        let document = to_bytes(response.into_body(), 1_000).await.unwrap();
        assert!(String::from_utf8_lossy(&document).contains("50 ms (stall_timeout_ms)"));
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
