//! Bodies and `Path` whose refusals are problem documents.

use crate::problem::Problem;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::request::Parts;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use std::error::Error as _;

/// The whole body, of at most `limit` bytes; the setting `limit_name` sets it.
pub async fn body_within(body: Body, limit: usize, limit_name: &str) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
        {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                format!("the body is larger than {limit} bytes ({limit_name})"),
            )
        } else {
            invalid(format!("the body did not arrive whole: {error}"))
        }
    })
}

/// `bytes` as a JSON document of the shape `T`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(invalid("the body is empty; a JSON object is expected"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = if error.is_data() {
            "the body does not fit"
        } else {
            "the body is not JSON"
        };
        invalid(format!("{what}: {error}"))
    })
}

/// The parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        match path {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(invalid(format!("path: {}", innermost(&rejection)))),
        }
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
}

/// The message of the last error in a chain: the others only say that there is one.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
