//! A service as its callers meet it: listener, edge, health, documentation and the page that explains its errors, the
//! same for each.

use crate::edge::Edge;
use crate::health::{self, Health};
use crate::metrics::HttpMetrics;
use crate::origin::OriginPolicy;
use crate::problem::Problem;
use crate::problem_types::{self, ProblemType};
use crate::{docs, serve};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::info;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What a service hands over to be served.
pub struct Service {
    /// What it is called in the log.
    pub name: &'static str,
    /// Its own routes. Where they have a contract, it is served at `/openapi.json`, and its explorer at `/docs`.
    pub routes: OpenApiRouter,
    /// What answers where there is no route.
    pub missing: MethodRouter,
    /// The codes of its errors.
    pub problems: Vec<ProblemType>,
    /// Which requests are let through.
    pub policy: OriginPolicy,
    /// What every answer carries, besides `X-Content-Type-Options: nosniff`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Media types of answers that gain nothing by compression.
    pub packed: &'static [&'static str],
    /// Where requests are counted.
    pub metrics: HttpMetrics,
    /// How long it waits for its clients, and for how many.
    pub limits: Limits,
}

/// How long a service waits for its clients, and for how many of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long requests in flight may take to finish when the service stops.
    pub drain: Duration,
    /// How long a client may take for the next 64 KiB of a body, and how long it may take nothing of its answer.
    pub stall: Duration,
    /// How long a client may take for the head of its next request.
    pub header: Duration,
    /// How many connections may be open.
    pub connections: usize,
    /// How many of them may come from one address.
    pub connections_per_address: usize,
}

impl Service {
    /// A service called `name` with these `routes`, which answers errors with the codes of `problems`.
    #[must_use]
    pub fn new(
        name: &'static str,
        routes: OpenApiRouter,
        problems: Vec<ProblemType>,
        metrics: HttpMetrics,
        limits: Limits,
    ) -> Self {
        Self {
            name,
            routes,
            missing: any(no_such_route),
            problems,
            policy: OriginPolicy::default(),
            headers: Vec::new(),
            packed: &[],
            metrics,
            limits,
        }
    }

    /// Answers on `listener` until `shutdown` is done, then lets those in flight finish within the drain limit.
    /// `check` says whether the service is ready; its `Err` is the answer that says why not.
    ///
    /// # Errors
    ///
    /// When the listener fails for good.
    pub async fn serve<F>(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> std::io::Result<()>
    where
        F: Future<Output = Result<(), Response>> + Send + 'static,
    {
        let (name, limits, metrics) = (self.name, self.limits, self.metrics.clone());
        let router = self.into_router(check);
        info!("{name} answers on http://{}", listener.local_addr()?);
        serve(listener, router, shutdown, limits, metrics).await
    }

    fn into_router<F>(self, check: impl Fn() -> F + Send + Sync + 'static) -> Router
    where
        F: Future<Output = Result<(), Response>> + Send + 'static,
    {
        let has_contract = !self.routes.get_openapi().paths.paths.is_empty();
        let health = health::routes().with_state(Health::new(check, self.metrics.clone()));
        let problems = problem_types::with_general(&self.problems);
        let (router, mut contract) = self.routes.merge(health).split_for_parts();
        crate::contract::complete(&mut contract, &problems);
        let router = if has_contract {
            router.merge(docs::routes(contract))
        } else {
            router
        };
        router
            .merge(problem_types::routes(&problems))
            .fallback_service(self.missing)
            .method_not_allowed_fallback(no_such_method)
            .layer(Edge::new(
                self.policy,
                self.metrics,
                self.headers,
                self.packed,
                self.limits.stall,
            ))
    }
}

/// The contract of a service with these routes and these codes of errors, as it is served.
#[must_use]
pub fn contract<S: Clone + Send + Sync + 'static>(
    routes: OpenApiRouter<S>,
    problems: &[ProblemType],
) -> OpenApi {
    let problems = problem_types::with_general(problems);
    let health = health::routes().into_openapi();
    let mut contract = routes.into_openapi();
    contract.merge(health);
    crate::contract::complete(&mut contract, &problems);
    contract
}

async fn no_such_route() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no such route; /docs lists them",
    )
}

async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this route exists with another method; /docs lists them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt as _;

    const PROBLEMS: [ProblemType; 1] = [ProblemType {
        code: "too_salty",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "There is too much salt.",
    }];

    fn soup() -> Service {
        let routes = OpenApiRouter::new()
            .route("/soup", get(async || "soup"))
            .route("/broken", get(async || -> &'static str { panic!("on purpose") }));
        let limits = Limits {
            drain: Duration::ZERO,
            stall: Duration::from_millis(50),
            header: Duration::from_secs(30),
            connections: 100,
            connections_per_address: 100,
        };
        Service::new(
            "kitchen",
            routes,
            PROBLEMS.into(),
            HttpMetrics::new("kitchen"),
            limits,
        )
    }

    async fn answer(service: Service, method: &str, path: &str) -> (StatusCode, Response) {
        let router = service.into_router(async || {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "the water is cold");
            Err(problem.into_response())
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .body(Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        (response.status(), response)
    }

    #[tokio::test]
    async fn an_error_that_was_asked_for_compressed_can_be_read() {
        let router = soup().into_router(async || Ok(()));
        let request = Request::builder()
            .uri("/stew")
            .header(HOST, "localhost")
            .header("accept-encoding", "gzip, zstd")
            .body(Body::empty())
            .unwrap();

        let response = router.oneshot(request).await.unwrap();

        assert!(!response.headers().contains_key("content-encoding"));
        let document: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(document["instance"], "/stew");
    }

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn every_error_is_a_problem_document_that_names_its_request() {
        for (method, path, status, code) in [
            ("GET", "/stew", 404, "not_found"),
            ("POST", "/soup", 405, "method_not_allowed"),
            ("GET", "/broken", 500, "internal"),
            ("GET", "/readyz", 503, "not_ready"),
        ] {
            let (answered, response) = answer(soup(), method, path).await;

            assert_eq!(answered, status, "{method} {path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            let length = response.headers().get(CONTENT_LENGTH).cloned();
            let text = text(response).await;
            assert!(length.is_none_or(|length| length == text.len().to_string().as_str()));
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(document["code"], code);
            assert_eq!(document["type"], format!("/docs/problems#{code}"));
            assert_eq!(document["instance"], path);
        }
    }

    #[tokio::test]
    async fn every_answer_carries_the_headers_of_its_service() {
        for path in ["/soup", "/stew", "/broken", "/healthz", "/docs/problems"] {
            let mut service = soup();
            let spoon = HeaderName::from_static("x-spoon");
            service.headers = vec![(spoon.clone(), HeaderValue::from_static("wooden"))];

            let (_, response) = answer(service, "GET", path).await;

            assert_eq!(response.headers()[spoon], "wooden", "{path}");
            assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }

    #[tokio::test]
    async fn the_page_explains_the_codes_that_were_handed_over() {
        let (_, response) = answer(soup(), "GET", "/docs/problems").await;

        let page = text(response).await;
        assert!(
            page.contains("There is too much salt.") && page.contains("id=\"internal\""),
            "{page}"
        );
    }

    #[tokio::test]
    async fn a_service_without_a_contract_has_no_explorer() {
        let (status, _) = answer(soup(), "GET", "/openapi.json").await;

        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_process_answers_though_it_is_not_ready() {
        let (status, response) = answer(soup(), "GET", "/healthz").await;
        let (_, metrics) = answer(soup(), "GET", "/metrics").await;

        assert_eq!(status, StatusCode::OK);
        assert!(text(response).await.contains("\"ok\""));
        assert!(text(metrics).await.contains("kitchen_http_requests_in_flight"));
    }
}
