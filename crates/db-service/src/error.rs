//! The only file that names a status: each error has its own here, and words that say what to do about it over HTTP.

use crate::engine::EngineError;
use crate::hrana::error::Refusal;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use db_api::{ErrorCode, Problem, ProblemError};
use service_kit::problem_types::ProblemType;
use service_kit::validation::Faults;
use tracing::error;

/// When to try again after the queue was full, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The engine says why.
    Engine(EngineError),
    /// The request is not what the route takes.
    Request(service_kit::problem::Problem),
    /// The route says why.
    Refused(ErrorCode, String),
    /// A request of the Hrana protocol is refused as a whole, in that protocol's words.
    Hrana(Refusal),
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::Request(faults.into())
    }
}

impl From<service_kit::problem::Problem> for ApiError {
    fn from(problem: service_kit::problem::Problem) -> Self {
        Self::Request(problem)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Engine(error) => problem(&error),
            Self::Request(problem) => return problem.into_response(),
            Self::Refused(code, detail) => bare(code, detail),
            Self::Hrana(refusal) => return hrana(&refusal),
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = problem.retryable.then_some(RETRY_AFTER_S);
        service_kit::problem::response(status, retry_after_s, &problem)
    }
}

/// An error of the Hrana protocol; its clients show the message only when the media type is this one exactly.
fn hrana(refusal: &Refusal) -> Response {
    let (status, code) = hrana_status(refusal);
    let words = refusal.to_string();
    let body = serde_json::json!({ "message": words, "error": words, "code": code }).to_string();
    let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}

fn hrana_status(refusal: &Refusal) -> (StatusCode, String) {
    match refusal {
        Refusal::Protocol(_) => (StatusCode::BAD_REQUEST, "PROTOCOL_ERROR".to_owned()),
        Refusal::Expired(_) => (StatusCode::GONE, "STREAM_EXPIRED".to_owned()),
        Refusal::Lost => (StatusCode::GONE, "STREAM_LOST".to_owned()),
        Refusal::Unknown => (StatusCode::NOT_FOUND, "STREAM_NOT_FOUND".to_owned()),
        Refusal::Engine(error) => {
            let problem = problem(error);
            (
                status(problem.code),
                problem.code.to_string().to_ascii_uppercase(),
            )
        }
        Refusal::Statement(error) => (StatusCode::BAD_REQUEST, error.code().to_owned()),
        Refusal::Request(problem) => (problem.status, problem.code.to_ascii_uppercase()),
    }
}

/// The problem document of an engine's error. The unforeseen is logged here, once.
pub(crate) fn problem(error: &EngineError) -> Problem {
    if let EngineError::Broken { cause, .. } = error.inner() {
        error!(%cause, "a statement failed for an unforeseen reason");
    }
    let mut detail = error.to_string();
    if let Some(hint) = hint(error.inner()) {
        detail.push_str("; ");
        detail.push_str(hint);
    }
    let mut problem = bare(error.code(), detail);
    problem.sqlite_code = error.sqlite_code().map(str::to_owned);
    problem.statement_index = error.statement_index();
    match error.inner() {
        EngineError::Sql { offset, .. } => problem.sql_offset = *offset,
        EngineError::Rows { report, .. } => {
            problem.errors = report.errors.iter().cloned().map(ProblemError::Row).collect();
        }
        _ => {}
    }
    problem
}

/// What to do about an error over HTTP.
fn hint(error: &EngineError) -> Option<&'static str> {
    match error {
        EngineError::Hidden(_) => Some("GET /v1/tables lists those it may use"),
        EngineError::ManyStatements => Some("send them as a list to /v1/batch"),
        EngineError::OnlyReads(_) => Some("send it to /v1/execute"),
        EngineError::OwnTransaction(_) => {
            Some("use /v1/batch for several statements, or an interactive stream (/v3/pipeline)")
        }
        EngineError::NeedsSession(_) => Some("use an interactive stream (/v3/pipeline)"),
        EngineError::ResultTooLarge { .. } => Some(
            "ask for application/x-ndjson or text/csv, which have no such limit, or for fewer rows (max_rows)",
        ),
        _ => None,
    }
}

/// The client has the answer that would have these headers.
pub(crate) fn not_modified(headers: HeaderMap) -> Response {
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

fn bare(code: ErrorCode, detail: String) -> Problem {
    let status = status(code);
    Problem {
        kind: service_kit::problem_types::type_of(code.as_str()),
        title: service_kit::problem::title(status).to_owned(),
        status: status.as_u16(),
        code,
        detail,
        sqlite_code: None,
        sql_offset: None,
        statement_index: None,
        retryable: matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE
        ),
        errors: Vec::new(),
    }
}

/// What the codes of errors mean.
pub(crate) fn problem_types() -> Vec<ProblemType> {
    ErrorCode::ALL.map(problem_type).into()
}

/// What a code means.
pub(crate) fn problem_type(code: ErrorCode) -> ProblemType {
    ProblemType {
        code: code.as_str(),
        status: status(code),
        meaning: code.meaning(),
    }
}

/// The codes of Hrana's own refusals, and `of_engine` as Hrana names them: in capitals, but for a caller without rights.
pub(crate) fn hrana_types(of_engine: &[ErrorCode]) -> Vec<(String, StatusCode)> {
    let own = [
        Refusal::Protocol(String::new()),
        Refusal::Expired("".into()),
        Refusal::Lost,
        Refusal::Unknown,
    ];
    let own = own.iter().map(|refusal| {
        let (status, code) = hrana_status(refusal);
        (code, status)
    });
    let of_engine = of_engine.iter().map(|code| {
        let name = code.as_str();
        let name = if *code == ErrorCode::Unauthorized {
            name.to_owned()
        } else {
            name.to_ascii_uppercase()
        };
        (name, status(*code))
    });
    own.chain(of_engine).collect()
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidRequest | ErrorCode::InvalidSql | ErrorCode::InvalidParameters => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::ReadOnly => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::StatementTimeout | ErrorCode::UploadTimeout => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorCode::ConstraintViolation | ErrorCode::IdempotencyConflict | ErrorCode::AnswerNotKept => {
            StatusCode::CONFLICT
        }
        ErrorCode::TooLarge | ErrorCode::ResultTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::InvalidRows | ErrorCode::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        ErrorCode::Overloaded
        | ErrorCode::SnapshotTooOld
        | ErrorCode::ShuttingDown
        | ErrorCode::DatabaseLost => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::DatabaseDamaged | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
