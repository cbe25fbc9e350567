//! What a visitor or the script of a page gets instead of what was asked for, and the only place that names the status
//! of an error.

use crate::page::Failure;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use script_client::ScriptError;
use service_kit::problem::Problem;
use service_kit::problem_types::ProblemType;

/// What the codes of problem documents mean, besides those that every service has. Pages say it in words instead.
pub(crate) const PROBLEMS: [ProblemType; 2] = [
    ProblemType {
        code: "not_ready",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "The service waits for script-service; try again after `Retry-After`.",
    },
    ProblemType {
        code: "script_service_unavailable",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "script-service does not answer; try again after `Retry-After`.",
    },
];

/// When to try again after script-service did not answer, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Pages would hold no figures.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn not_ready(cause: ScriptError) -> Response {
    unavailable(StatusCode::SERVICE_UNAVAILABLE, "not_ready", &cause)
}

/// What is relayed does not reach script-service.
pub(crate) fn not_relayed(cause: &ScriptError) -> Response {
    let status = if cause.is_late() {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    unavailable(status, "script_service_unavailable", cause)
}

fn unavailable(status: StatusCode, code: &'static str, cause: &ScriptError) -> Response {
    let mut problem = Problem::new(status, code, cause.to_string());
    problem.retry_after_s = Some(RETRY_AFTER_S);
    problem.into_response()
}

/// There is no such file or language.
pub(crate) fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// A fault of ours, which the log tells.
pub(crate) fn internal() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The status of a page that cannot show what was asked for.
pub(crate) fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::BadFilter(_) => StatusCode::BAD_REQUEST,
        Failure::Missing => StatusCode::NOT_FOUND,
        Failure::Script(cause) if cause.is_late() => StatusCode::GATEWAY_TIMEOUT,
        Failure::Script(cause) if cause.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Script(_) => StatusCode::BAD_GATEWAY,
        Failure::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
