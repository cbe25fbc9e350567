//! The errors that each kind of route can give, for the contract. A route names one of these among its responses.
//!
//! The tests compare every answer that they get with the contract, so a code that is missing here is found.

use crate::problems;
use service_kit::contract::errors;
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// Of a route that asks the database.
const ANY: &[&str] = &["internal", "not_ready", "database_unavailable"];
/// Of parameters.
const ASKED: &[&str] = &["invalid_request"];
/// Of a body.
const BODY: &[&str] = &["invalid_request", "too_large", "upload_timeout"];
/// Of a job that is put into the queue.
const QUEUE: &[&str] = &["idempotency_conflict", "idempotency_mismatch", "queue_full"];

/// Makes the types that routes name, from lists of codes.
macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $($codes:expr),+;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let lists: &[&[&str]] = &[$($codes),+];
                let types = problems::all();
                errors(lists.iter().copied().flatten().map(|code| problems::find(&types, code)))
            }
        }
    )*};
}

errors! {
    /// A list.
    OfList: ANY, ASKED;
    /// A list that comes in several forms.
    OfListInForms: ANY, ASKED, &["not_acceptable"];
    /// One thing.
    OfOne: ANY, ASKED, &["not_found"];
    /// One thing that comes in several forms.
    OfOneInForms: ANY, ASKED, &["not_found", "not_acceptable"];
    /// An analysis that is computed.
    OfComputing: ANY, ASKED, &["not_found", "not_acceptable", "broken_analysis", "statement_timeout"];
    /// Models that are compared.
    OfComparing: ANY, ASKED, &["busy", "forecast_timeout", "no_forecast", "statement_timeout"];
    /// A job that is made of a body in JSON.
    OfSubmitting: ANY, BODY, QUEUE;
    /// An import.
    OfImporting: ANY, BODY, QUEUE, &["unsupported_media_type"];
    /// A source that is looked at.
    OfLooking: ANY, BODY, &[
        "conflicting_dates", "conflicting_numbers", "empty_source", "fetch_failed", "no_such_file", "question_open",
        "unknown_columns", "unreadable", "unsupported_format", "wrong_dialect",
    ];
    /// Rejects that are imported again.
    OfReplaying: ANY, BODY, QUEUE, &["not_found", "already_replayed", "not_replayable", "bad_corrections"];
    /// An import that is taken back.
    OfUndoing: ANY, BODY, QUEUE, &["not_found", "already_undone", "not_undoable"];
    /// A job that was given up and goes on.
    OfResuming: ANY, ASKED, &["not_found", "not_resumable"];
    /// A job whose end is asked for.
    OfCancelling: ANY, BODY, &["not_found", "job_finished"];
    /// A schedule that is made or changed.
    OfScheduling: ANY, BODY;
    /// A schedule that is run by hand.
    OfRunning: ANY, ASKED, QUEUE, &["not_found"];
}
