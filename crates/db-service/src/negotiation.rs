//! In which form a client wants its rows.

use crate::answer::stream;
use axum::http::HeaderMap;
use db_api::ValueForm;
use service_kit::negotiation::{Form, JSON, choose};
use service_kit::problem::Problem;

/// What answers may be, the most common first. NDJSON has three names.
const FORMS: [Form; 5] = [
    JSON,
    Form::of("application", "x-ndjson"),
    Form::of("application", "ndjson"),
    Form::of("application", "jsonl"),
    Form::of("text", "csv"),
];

/// The form that the client likes best: `None` for JSON in one piece.
pub(crate) fn form(headers: &HeaderMap, values: ValueForm) -> Result<Option<stream::Form>, Problem> {
    Ok(match choose(headers, &FORMS)? {
        0 => None,
        4 => Some(stream::Form::Csv(values)),
        _ => Some(stream::Form::Ndjson(values)),
    })
}
