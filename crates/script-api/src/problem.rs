//! Errors on the wire: problem documents of RFC 9457 with a stable code.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Codes of problems that callers look at. `/docs/problems` of the service says what each code means.
pub mod codes {
    /// All rejects of the job were replayed before.
    pub const ALREADY_REPLAYED: &str = "already_replayed";
    /// db-service does not answer.
    pub const DATABASE_UNAVAILABLE: &str = "database_unavailable";
    /// The request is not one that the route takes; `errors` lists each fault.
    pub const INVALID_REQUEST: &str = "invalid_request";
    /// There is no such thing.
    pub const NOT_FOUND: &str = "not_found";
    /// The service waits for db-service, or makes the schema.
    pub const NOT_READY: &str = "not_ready";
}

/// An error answer, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of error: a page of this service that says what `code` means.
    #[schema(example = "/docs/problems#not_found", required)]
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The status in words.
    #[schema(required)]
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[schema(required)]
    #[serde(default)]
    pub status: u16,
    /// The stable name of the error.
    #[schema(example = "not_found")]
    pub code: String,
    /// What went wrong, where, and what to do.
    #[schema(required)]
    #[serde(default)]
    pub detail: String,
    /// Whether the same request may succeed later.
    #[schema(required)]
    #[serde(default)]
    pub retryable: bool,
    /// What the error is about: the path of the request, or of the job that failed.
    #[schema(example = "/jobs/import")]
    pub instance: Option<String>,
    /// Every fault of the request, each with its place.
    pub errors: Option<Vec<Fault>>,
}

/// One thing that is wrong with a request. It has `pointer`, `parameter` or `header`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FaultDocument)]
pub struct Fault {
    /// Where in the body: a JSON pointer (RFC 6901).
    #[schema(example = "/sources/0/delimiter")]
    pub pointer: Option<String>,
    /// The parameter of the path or of the query string.
    pub parameter: Option<String>,
    /// The header of the request.
    pub header: Option<String>,
    /// What kind of fault: `invalid_value`, `unknown_field`, `missing_field` or, for corrected rejects,
    /// `bad_correction`.
    #[schema(example = "invalid_value", required)]
    #[serde(default)]
    pub code: String,
    /// What is wrong, and what to do.
    #[schema(required)]
    #[serde(default)]
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.pointer {
            Some(pointer) => pointer.trim_start_matches('/').replace('/', "."),
            None => self
                .parameter
                .as_ref()
                .or(self.header.as_ref())
                .cloned()
                .unwrap_or_default(),
        };
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.detail)
    }
}

/// In words: each of several faults on a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_deref().unwrap_or_default() {
            [] | [_] if self.detail.is_empty() => f.write_str(&self.code),
            [] | [_] => f.write_str(&self.detail),
            faults => {
                write!(f, "{} faults:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problem(document: Value) -> Problem {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn each_of_several_faults_is_told_once_and_on_a_line_of_its_own() {
        let faults = problem(json!({
            "code": "invalid_request",
            "detail": "sources.0.delimiter: one character; locale: it is one of fr, en",
            "errors": [
                {"pointer": "/sources/0/delimiter", "code": "invalid_value", "detail": "one character"},
                {"parameter": "locale", "code": "invalid_value", "detail": "it is one of fr, en"},
            ],
        }));
        let fault = problem(json!({
            "code": "invalid_request",
            "detail": "locale: it is one of fr, en",
            "errors": [{"parameter": "locale", "code": "invalid_value", "detail": "it is one of fr, en"}],
        }));

        assert_eq!(
            faults.to_string(),
            "2 faults:\n  sources.0.delimiter: one character\n  locale: it is one of fr, en"
        );
        assert_eq!(fault.to_string(), "locale: it is one of fr, en");
        assert_eq!(problem(json!({"code": "not_found"})).to_string(), "not_found");
    }
}
