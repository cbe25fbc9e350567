//! What the codes of problem documents mean: one list for all services, and the page that their `type` leads to.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use std::fmt::Write as _;

/// Where the page is.
pub const PATH: &str = "/docs/problems";

/// A code, the status it comes with, and what it means and what to do.
type ProblemType = (&'static str, u16, &'static str);

/// Every code, by name. A job that failed has the same codes in its `error`.
const TYPES: [ProblemType; 50] = [
    (
        "already_replayed",
        409,
        "All rejects of the job were replayed; `again=true` replays them once more.",
    ),
    (
        "bad_corrections",
        422,
        "Corrected rejects cannot be read; `errors` lists each fault. Nothing was replayed.",
    ),
    (
        "broken_analysis",
        422,
        "The file of the analysis is at fault; `GET /analysis` lists its errors with line numbers.",
    ),
    (
        "busy",
        503,
        "As much of this work as the service does at once is running; try again after `Retry-After`.",
    ),
    (
        "cancelled",
        499,
        "The statement was stopped by an administrator, or because its client went away.",
    ),
    (
        "conflicting_dates",
        422,
        "A column has dates of both orders, so neither can be right for all; `date_order` says which is meant.",
    ),
    (
        "conflicting_keys",
        422,
        "A row has the id of one that stays outside what is replaced. Nothing was replaced.",
    ),
    (
        "conflicting_numbers",
        422,
        "A column has commas and points as decimal marks; `decimal` says which is meant.",
    ),
    (
        "constraint_violation",
        409,
        "A constraint of the schema does not hold; the statement changed nothing.",
    ),
    (
        "database_unavailable",
        503,
        "db-service does not answer; try again after `Retry-After`.",
    ),
    (
        "disk_full",
        507,
        "The disk of db-service is full. Nothing was written.",
    ),
    ("empty_source", 422, "The source has no header and no records."),
    (
        "fetch_failed",
        422,
        "The URL cannot be fetched; the detail says at which step, and which setting allows it if one does.",
    ),
    (
        "forbidden",
        403,
        "The token, or the page that sent the request, is not allowed to do this; the detail names the object.",
    ),
    (
        "forecast_timeout",
        408,
        "The models were not fitted within the limit; ask for fewer, or as a job.",
    ),
    (
        "idempotency_conflict",
        409,
        "A request with this idempotency key is still being received; try again when it is done.",
    ),
    (
        "idempotency_mismatch",
        422,
        "The idempotency key was used for another request; use a new key.",
    ),
    ("internal", 500, "A fault of the service; its log has the cause."),
    (
        "invalid_parameters",
        400,
        "The parameters do not fit the statement.",
    ),
    (
        "invalid_request",
        400,
        "The request is not what the route takes; `errors` lists every fault with its place.",
    ),
    (
        "invalid_rows",
        422,
        "Rows of a bulk insert cannot be taken; `errors` lists them. Nothing was written.",
    ),
    (
        "invalid_sql",
        400,
        "SQLite refuses the text of the statement; `sql_offset` says where.",
    ),
    (
        "job_finished",
        409,
        "The job has ended and cannot be cancelled any more.",
    ),
    ("method_not_allowed", 405, "The route exists with another method."),
    (
        "no_forecast",
        422,
        "The history does not allow this forecast; the detail says what it lacks.",
    ),
    (
        "no_such_file",
        422,
        "There is no such file under the data folder.",
    ),
    (
        "not_acceptable",
        406,
        "No form that the client accepts can be given.",
    ),
    ("not_found", 404, "There is no such thing, or no such route."),
    (
        "not_ready",
        503,
        "The service waits for another one; try again after `Retry-After`.",
    ),
    (
        "not_replayable",
        409,
        "The job has nothing that can be replayed, or has not ended.",
    ),
    (
        "nothing_to_replace_with",
        422,
        "No record can be taken, and `replace_all` would have deleted every sale. Nothing was replaced; the rejects say why.",
    ),
    (
        "overloaded",
        503,
        "The queue is full, or the wait was too long; try again after `Retry-After`.",
    ),
    (
        "precondition_failed",
        412,
        "A statement changed another number of rows than `must_change` says: somebody else was faster. Nothing was \
         written; read the rows again.",
    ),
    (
        "queue_full",
        503,
        "Too many jobs wait; try again after `Retry-After`.",
    ),
    (
        "read_only",
        403,
        "The route only reads and the statement would write.",
    ),
    (
        "result_too_large",
        413,
        "The answer is larger than its limit; ask for less, or stream it.",
    ),
    (
        "rollback_failed",
        500,
        "A cancelled import could not be taken back; its rows have its id in `import_job_id`.",
    ),
    (
        "script_service_unavailable",
        503,
        "script-service does not answer; try again after `Retry-After`.",
    ),
    ("shutting_down", 503, "The service is stopping."),
    (
        "source_changed",
        422,
        "The source changed while its import was interrupted; import it again.",
    ),
    (
        "statement_timeout",
        408,
        "The statement took longer than its limit.",
    ),
    (
        "too_large",
        413,
        "The body, or the text of a statement, is larger than its limit; the detail states it.",
    ),
    (
        "too_many_rejects",
        422,
        "More records than the request allows cannot be taken. Nothing was written; the rejects are listed.",
    ),
    (
        "unauthorized",
        401,
        "There is no token, or one that is not known.",
    ),
    (
        "unknown_columns",
        422,
        "Required columns were not found among the headers; `mapping` says which header is which column.",
    ),
    ("unreadable", 422, "The source cannot be read to its end."),
    (
        "unsupported_format",
        422,
        "The archive or workbook is none that is read.",
    ),
    (
        "unsupported_media_type",
        415,
        "A content type or encoding that the route does not read.",
    ),
    ("upload_timeout", 408, "The body did not arrive in time."),
    (
        "wrong_dialect",
        422,
        "The text is no table as it is cut; `delimiter`, `quote` and `skip_lines` say how it is.",
    ),
];

/// The `type` of a problem document with `code`: the place on the page that says what it means.
#[must_use]
pub fn type_of(code: &str) -> String {
    if TYPES.iter().any(|(known, ..)| *known == code) {
        format!("{PATH}#{code}")
    } else {
        "about:blank".to_owned()
    }
}

/// The route of the page.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(PATH, get(async || Html(page())))
}

fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Problems</title></head><body>\
         <h1>Problems</h1><p>What the <code>code</code> of an error answer (RFC 9457) means. Its <code>type</code> \
         leads here; <code>detail</code> says what went wrong this time, and <code>errors</code>, where there are \
         several faults, lists each.</p><dl>\n",
    );
    for (code, status, meaning) in TYPES {
        // A String takes every write. Code and meaning are ours and have nothing to escape.
        let _ = writeln!(
            page,
            "<dt id=\"{code}\"><code>{code}</code> ({status})</dt><dd>{}</dd>",
            with_code(meaning)
        );
    }
    page.push_str("</dl></body></html>\n");
    page
}

/// `text` with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(html, "<code>{part}</code>"); // a String takes every write
        } else {
            html.push_str(part);
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_leads_to_what_the_page_says() {
        assert_eq!(type_of("queue_full"), "/docs/problems#queue_full");
        assert_eq!(type_of("nothing_of_ours"), "about:blank");
        assert!(page().contains("<dt id=\"queue_full\">"));
    }

    #[test]
    fn codes_stand_once_and_in_order() {
        assert!(TYPES.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }
}
