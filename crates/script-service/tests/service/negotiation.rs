//! Forms, codings and tags of answers (RFC 9110, sections 12 and 13), over every route that has several.

use crate::support::Stack;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

/// Routes that answer in several forms, under the placeholders of [`Things`].
const IN_FORMS: [&str; 5] = [
    "/analysis/region",
    "/forecasts",
    "/forecasts/{forecast}",
    "/forecasts/latest",
    "/jobs/{import}/rejects",
];
/// Routes whose answers have a tag.
const TAGGED: [&str; 2] = ["/analysis/region", "/jobs/{import}"];

/// What the routes are asked about.
struct Things {
    stack: Stack,
    import: String,
    forecast: String,
}

impl Things {
    async fn prepare() -> Self {
        let stack = Stack::with_sample().await;
        let import = stack
            .script
            .job("/jobs/import?table=stores", "id,city\n900,Metz\n,Brest\n")
            .await;
        let forecast = stack
            .script
            .job("/jobs/forecast", r#"{"model":"seasonal_naive","windows":0}"#)
            .await;
        let id = |value: &serde_json::Value| value.to_string();
        Self {
            import: id(&import["id"]),
            forecast: id(&forecast["result"]["id"]),
            stack,
        }
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap) {
        let path = path
            .replace("{import}", &self.import)
            .replace("{forecast}", &self.forecast);
        let mut request = self.stack.script.request(Method::GET, &path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.headers().clone())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn varies_by(headers: &HeaderMap, name: &str) -> bool {
    let values = headers.get_all("vary").iter();
    values
        .flat_map(|value| value.to_str().unwrap().split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_with_several_forms_follows_accept() {
    let things = Things::prepare().await;
    for path in IN_FORMS {
        for (accept, media_type) in [
            ("text/csv;q=0.1, application/json", "application/json"),
            ("application/json;q=0.1, text/csv", "text/csv; charset=utf-8"),
            ("application/json;q=0, */*", "text/csv; charset=utf-8"),
            ("text/csv;q=0, */*", "application/json"),
            ("text/*", "text/csv; charset=utf-8"),
            ("TEXT/CSV", "text/csv; charset=utf-8"),
            ("text/html, */*;q=0.1", "application/json"),
            ("text/html", "application/json"),
            ("*/*", "application/json"),
            ("nonsense", "application/json"),
        ] {
            let (status, headers) = things.ask(path, &[("accept", accept)]).await;
            assert_eq!(status, StatusCode::OK, "{path} {accept}");
            assert_eq!(text(&headers, "content-type"), media_type, "{path} {accept}");
            assert!(varies_by(&headers, "accept"), "{path} {accept}: {headers:?}");
        }
        for accept in ["image/png", "application/json;q=0", "*/*;q=0"] {
            let (status, headers) = things.ask(path, &[("accept", accept)]).await;
            assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{path} {accept}");
            assert_eq!(text(&headers, "content-type"), "application/problem+json");
        }
        // What is asked for by name counts more.
        let (status, headers) = things
            .ask(&format!("{path}?format=csv"), &[("accept", "image/png")])
            .await;
        assert_eq!(
            (status, text(&headers, "content-type")),
            (StatusCode::OK, "text/csv; charset=utf-8")
        );
    }
    let (_, headers) = things
        .ask("/jobs/{import}/rejects", &[("accept", "application/jsonl")])
        .await;
    assert_eq!(text(&headers, "content-type"), "application/x-ndjson");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tag_holds_for_every_coding_and_is_compared_by_the_book() {
    let things = Things::prepare().await;
    for path in TAGGED {
        let mut tags = Vec::new();
        for coding in ["identity", "gzip", "zstd"] {
            let (status, headers) = things.ask(path, &[("accept-encoding", coding)]).await;
            assert_eq!(status, StatusCode::OK);
            assert!(varies_by(&headers, "accept-encoding"), "{path}: {headers:?}");
            tags.push(text(&headers, "etag").to_owned());
        }
        // The bytes differ from coding to coding, so one tag for all of them is a weak one.
        assert!(
            tags[0].starts_with("W/\"") && tags.iter().all(|tag| *tag == tags[0]),
            "{tags:?}"
        );

        let strong = tags[0].trim_start_matches("W/");
        let listed = format!("\"other\", {}", tags[0]);
        for known in [tags[0].as_str(), strong, &listed, "*"] {
            let (status, headers) = things.ask(path, &[("if-none-match", known)]).await;
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{path} {known}");
            assert_eq!(text(&headers, "etag"), tags[0]);
            assert_ne!(text(&headers, "cache-control"), "");
            assert!(varies_by(&headers, "accept-encoding"), "{path}: {headers:?}");
        }
        for other in ["\"other\"", "W/\"other\"", "nonsense"] {
            let (status, _) = things.ask(path, &[("if-none-match", other)]).await;
            assert_eq!(status, StatusCode::OK, "{path} {other}");
        }
    }
    for missing in ["/analysis/region?from=never", "/analysis/nothing", "/jobs/12345"] {
        let (status, _) = things.ask(missing, &[("if-none-match", "*")]).await;
        assert!(
            status.is_client_error(),
            "{missing}: a condition is looked at only when there is an answer"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codings_are_those_that_the_client_takes() {
    let things = Things::prepare().await;
    for path in IN_FORMS {
        for (codings, expected) in [
            ("identity;q=0, gzip", "gzip"),
            ("*;q=0, zstd", "zstd"),
            ("gzip;q=0, identity", ""),
            ("br", ""),
        ] {
            let (status, headers) = things.ask(path, &[("accept-encoding", codings)]).await;
            assert_eq!(status, StatusCode::OK, "{path} {codings}");
            assert_eq!(text(&headers, "content-encoding"), expected, "{path} {codings}");
        }
        let (status, _) = things.ask(path, &[("accept-encoding", "br, identity;q=0")]).await;
        assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{path}");
    }
}
