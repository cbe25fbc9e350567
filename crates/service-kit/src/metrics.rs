//! Requests by route, counted and timed.

use axum::extract::{MatchedPath, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntGauge, Registry, TextEncoder};
use std::time::Instant;
use tracing::error;

/// Upper bounds of the latency buckets, in seconds.
pub const LATENCY_BUCKETS_S: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0,
];

/// The metrics of one service: a registry with `http_request_duration_seconds`,
/// `http_requests_in_flight`, `http_connections` and `http_connections_refused_total`, to which the service adds its own.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    registry: Registry,
    latency: HistogramVec,
    in_flight: IntGauge,
    connections: IntGauge,
    refused_connections: IntCounter,
}

impl HttpMetrics {
    /// A registry whose names all start with `service`, such as `shop`.
    ///
    /// # Panics
    ///
    /// Never: the names are constants that Prometheus accepts.
    #[must_use]
    pub fn new(service: &str) -> Self {
        let registry = Registry::new_custom(Some(service.to_owned()), None)
            .expect("the prefix is a literal without blanks");
        let latency = HistogramVec::new(
            HistogramOpts::new(
                "http_request_duration_seconds",
                "time to the head of the answer, by route",
            )
            .buckets(LATENCY_BUCKETS_S.to_vec()),
            &["route", "method", "status"],
        )
        .expect("a constant name");
        let in_flight =
            IntGauge::new("http_requests_in_flight", "requests being answered now").expect("a constant name");
        let connections =
            IntGauge::new("http_connections", "connections that are open").expect("a constant name");
        let refused_connections = IntCounter::new(
            "http_connections_refused_total",
            "connections beyond the limits of their number",
        )
        .expect("a constant name");
        registry
            .register(Box::new(connections.clone()))
            .expect("registered once");
        registry
            .register(Box::new(refused_connections.clone()))
            .expect("registered once");
        registry
            .register(Box::new(latency.clone()))
            .expect("registered once");
        registry
            .register(Box::new(in_flight.clone()))
            .expect("registered once");
        Self {
            registry,
            latency,
            in_flight,
            connections,
            refused_connections,
        }
    }

    /// Where a service registers metrics of its own.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> Response {
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
            Err(cause) => {
                error!(%cause, "metrics could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl HttpMetrics {
    /// A request begins; it counts as in flight until it ends or is dropped.
    pub(crate) fn begin(&self, request: &Request) -> Measured {
        self.in_flight.inc();
        Measured {
            started: Instant::now(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            latency: self.latency.clone(),
            _in_flight: Counted(self.in_flight.clone()),
        }
    }

    /// A connection is open until the answer is dropped.
    pub(crate) fn connection(&self) -> Counted {
        self.connections.inc();
        Counted(self.connections.clone())
    }

    /// A connection was beyond the limits.
    pub(crate) fn refused_connection(&self) {
        self.refused_connections.inc();
    }
}

/// A request that is being answered.
pub(crate) struct Measured {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    latency: HistogramVec,
    _in_flight: Counted,
}

impl Measured {
    /// Its answer is there.
    pub(crate) fn end(self, response: &Response) {
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str);
        self.latency
            .with_label_values(&[route, self.method.as_str(), response.status().as_str()])
            .observe(self.started.elapsed().as_secs_f64());
    }
}

/// Counts down when what it counts is over.
pub(crate) struct Counted(IntGauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
