//! What the codes of problem documents mean, and the page that their `type` leads to. Each service hands over its
//! own codes; those that the parts of this crate answer are there in any case.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use std::fmt::Write as _;

/// Where the page is.
pub const PATH: &str = "/docs/problems";

/// One code of problem documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// The stable name, in `snake_case`.
    pub code: &'static str,
    /// The status that it comes with.
    pub status: StatusCode,
    /// What it means and what to do; what stands between backticks is code.
    pub meaning: &'static str,
}

/// The codes of what this crate answers, by name.
pub const GENERAL: [ProblemType; 9] = [
    ProblemType {
        code: "forbidden",
        status: StatusCode::FORBIDDEN,
        meaning: "The web page that sent the request is of another origin, and may not call this service; `--allow-origin` lets one in.",
    },
    ProblemType {
        code: "internal",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        meaning: "A fault of the service, not of the request; its log has the cause.",
    },
    ProblemType {
        code: "invalid_request",
        status: StatusCode::BAD_REQUEST,
        meaning: "The request is not what the route takes; `errors` lists every fault with its place.",
    },
    ProblemType {
        code: "method_not_allowed",
        status: StatusCode::METHOD_NOT_ALLOWED,
        meaning: "The route exists with another method; `/docs` shows which.",
    },
    ProblemType {
        code: "not_acceptable",
        status: StatusCode::NOT_ACCEPTABLE,
        meaning: "No form or coding that the client takes can be given; the detail lists those that can.",
    },
    ProblemType {
        code: "not_found",
        status: StatusCode::NOT_FOUND,
        meaning: "There is no such thing, or no such route; the detail says which, and `/docs` lists the routes.",
    },
    ProblemType {
        code: "overloaded",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "Too many connections are open; try again after `Retry-After`.",
    },
    ProblemType {
        code: "too_large",
        status: StatusCode::PAYLOAD_TOO_LARGE,
        meaning: "The body is larger than its limit; the detail states it.",
    },
    ProblemType {
        code: "upload_timeout",
        status: StatusCode::REQUEST_TIMEOUT,
        meaning: "The request did not arrive in time; the detail names the limit.",
    },
];

/// The `type` of a problem document with `code`: the place on the page that says what it means.
#[must_use]
pub fn type_of(code: &str) -> String {
    format!("{PATH}#{code}")
}

/// `own` and [`GENERAL`], by name; what `own` says of a general code counts.
#[must_use]
pub fn with_general(own: &[ProblemType]) -> Vec<ProblemType> {
    let mut types = own.to_vec();
    types.extend(
        GENERAL
            .into_iter()
            .filter(|general| own.iter().all(|own| own.code != general.code)),
    );
    types.sort_by_key(|one| one.code);
    types
}

/// The route of the page that explains `types`.
pub fn routes<S: Clone + Send + Sync + 'static>(types: &[ProblemType]) -> Router<S> {
    let page = page(types);
    Router::new().route(PATH, get(async move || Html(page)))
}

fn page(types: &[ProblemType]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Problems</title></head><body>\
         <h1>Problems</h1><p>What the <code>code</code> of an error answer (RFC 9457) means. Its <code>type</code> \
         leads here; <code>detail</code> says what went wrong this time, and <code>errors</code>, where there are \
         several faults, lists each.</p><dl>\n",
    );
    for ProblemType {
        code,
        status,
        meaning,
    } in types
    {
        // A String takes every write. Code and meaning are constants and have nothing to escape.
        let _ = writeln!(
            page,
            "<dt id=\"{code}\"><code>{code}</code> ({})</dt><dd>{}</dd>",
            status.as_u16(),
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

    const OWN: [ProblemType; 2] = [
        ProblemType {
            code: "too_salty",
            status: StatusCode::UNPROCESSABLE_ENTITY,
            meaning: "There is too much `salt`.",
        },
        ProblemType {
            code: "forbidden",
            status: StatusCode::FORBIDDEN,
            meaning: "The cook does not allow it.",
        },
    ];

    #[test]
    fn a_type_leads_to_what_the_page_says() {
        let page = page(&with_general(&OWN));

        assert_eq!(type_of("too_salty"), "/docs/problems#too_salty");
        assert!(
            page.contains("<dt id=\"too_salty\"><code>too_salty</code> (422)</dt><dd>There is too much <code>salt</code>."),
            "{page}"
        );
    }

    #[test]
    fn codes_stand_once_and_in_order_and_a_service_says_its_own_way() {
        let types = with_general(&OWN);

        assert!(types.is_sorted_by(|one, other| one.code < other.code));
        let forbidden = types.iter().find(|one| one.code == "forbidden").unwrap();
        assert_eq!(forbidden.meaning, "The cook does not allow it.");
        assert_eq!(types.len(), GENERAL.len() + 1);
    }
}
