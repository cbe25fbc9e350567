//! Error answers as problem documents (RFC 9457).

use crate::problem_types;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error answer with a stable `code` for programs and a `detail` for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable name of the error, in `snake_case`.
    pub code: Cow<'static, str>,
    /// What went wrong, where, and what to do.
    pub detail: String,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u64>,
    /// Further members of the document.
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// A problem without further members.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            retry_after_s: None,
            extensions: Map::new(),
        }
    }

    /// The same with one member more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        document.insert("type".into(), problem_types::type_of(&self.code).into());
        document.insert("title".into(), title(self.status).into());
        document.insert("status".into(), self.status.as_u16().into());
        document.insert("code".into(), self.code.as_ref().into());
        document.insert("detail".into(), self.detail.as_str().into());
        document.insert("retryable".into(), self.retry_after_s.is_some().into());
        document.extend(self.extensions.clone());
        Value::Object(document)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = response(self.status, self.retry_after_s, &self.to_json());
        response.extensions_mut().insert(self);
        response
    }
}

/// Says in an answer that is a [`Problem`] which request it is about: `instance` is the path.
pub(crate) fn with_instance(mut response: Response, path: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let (parts, body) = problem.with("instance", path).into_response().into_parts();
        *response.body_mut() = body;
        // They told of the document without `instance`, which may have been compressed.
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().remove(CONTENT_ENCODING);
        response.headers_mut().extend(parts.headers);
    }
    response
}

/// The title of a status, in words.
#[must_use]
pub fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        499 => "Client Closed Request",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// An answer with `document` as its problem document.
pub fn response(status: StatusCode, retry_after_s: Option<u64>, document: &impl Serialize) -> Response {
    let body = serde_json::to_vec(document).unwrap_or_else(|_| b"{}".to_vec());
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(seconds) = retry_after_s {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
