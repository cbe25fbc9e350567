//! Refuses what a foreign web page sends to a service on this machine.
//!
//! A page from anywhere may make a browser post to `localhost`. Browsers name the page in `Origin`, so a
//! request whose origin is not the service's own address is refused. A page may also let its own name
//! point at `127.0.0.1` (DNS rebinding); a service that needs no token therefore answers only to the names
//! of this machine.

use crate::problem::Problem;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use std::net::IpAddr;

/// Which requests are let through.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    /// Further origins whose pages may call, such as `http://localhost:3000`.
    pub allowed_origins: Vec<String>,
    /// Whether `Host` must name this machine (`localhost` or a loopback address).
    pub local_names_only: bool,
}

impl OriginPolicy {
    /// `Err` says why the request is refused.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if self.local_names_only && host.is_some_and(|host| !is_local(host)) {
            return Err(forbidden(
                "this service has no tokens and answers only to localhost and loopback addresses",
            ));
        }
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").map(|(_, authority)| authority);
        if own.is_some() && own == host || self.allowed_origins.iter().any(|allowed| allowed == origin) {
            return Ok(());
        }
        Err(forbidden(
            "a web page of another origin may not call this service",
        ))
    }
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

/// Whether `authority` (`host[:port]`) is a name or address of this machine's loopback.
fn is_local(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map_or(v6, |(host, _)| host),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let policy = OriginPolicy::default();

        assert!(
            policy
                .check(&headers("localhost:8080", Some("https://shop.example")))
                .is_err()
        );
        assert!(policy.check(&headers("localhost:8080", Some("null"))).is_err());
        assert!(
            policy
                .check(&headers("localhost:8080", Some("http://localhost:8080")))
                .is_ok()
        );
        assert!(policy.check(&headers("localhost:8080", None)).is_ok());
    }

    #[test]
    fn without_tokens_only_local_names_are_answered() {
        let policy = OriginPolicy {
            local_names_only: true,
            ..OriginPolicy::default()
        };

        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "127.0.0.1",
            "LOCALHOST",
        ] {
            assert!(policy.check(&headers(host, None)).is_ok(), "{host}");
        }
        assert!(policy.check(&headers("rebound.example:8080", None)).is_err());
    }
}
