//! Which form of an answer a client wants, and whether it has it already (RFC 9110, sections 12 and 13).

use crate::answer::stream::Form;
use crate::error::ApiError;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, IF_NONE_MATCH};
use db_api::{ErrorCode, ValueForm};
use headers::{ETag, Header as _, IfNoneMatch};
use headers_accept::Accept;
use mediatype::{MediaType, ReadParams as _, names};

const JSON: MediaType<'static> = MediaType::new(names::APPLICATION, names::JSON);
const CSV: MediaType<'static> = MediaType::new(names::TEXT, names::CSV);
const HTML: MediaType<'static> = MediaType::new(names::TEXT, names::HTML);

/// What answers may be, the most common first. NDJSON has three names.
fn available() -> [MediaType<'static>; 5] {
    let ndjson = |name| MediaType::new(names::APPLICATION, mediatype::Name::new_unchecked(name));
    [JSON, ndjson("x-ndjson"), ndjson("ndjson"), ndjson("jsonl"), CSV]
}

/// The form that the client likes best: `None` for JSON in one piece. Media types count by their weights, and the more
/// specific range decides; parameters of a type are not looked at, since no form has another version.
pub(crate) fn form(headers: &HeaderMap, values: ValueForm) -> Result<Option<Form>, ApiError> {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    if given.peek().is_none() {
        return Ok(None);
    }
    // What cannot be read asks for nothing.
    let Ok(accept) = Accept::decode(&mut given).and_then(|accept| without_parameters(&accept)) else {
        return Ok(None);
    };
    if accept.media_types().next().is_none() {
        return Ok(None);
    }
    let available = available();
    match accept.negotiate(&available) {
        Some(media_type) if *media_type == JSON => Ok(None),
        Some(media_type) if *media_type == CSV => Ok(Some(Form::Csv(values))),
        Some(_) => Ok(Some(Form::Ndjson(values))),
        // A browser that takes pages only is shown what there is.
        None if accept.negotiate(&[HTML]).is_some() => Ok(None),
        None => Err(ApiError::Refused(
            ErrorCode::NotAcceptable,
            "answers are application/json, application/x-ndjson or text/csv; Accept names none of them"
                .to_owned(),
        )),
    }
}

/// The same ranges and weights.
fn without_parameters(accept: &Accept) -> Result<Accept, headers::Error> {
    let ranges: Vec<String> = accept
        .media_types()
        .map(|range| {
            let weight = range.get_param(names::Q).map(|weight| format!(";q={weight}"));
            format!("{}{}", range.essence(), weight.unwrap_or_default())
        })
        .collect();
    ranges.join(",").parse().map_err(|_| headers::Error::invalid())
}

/// Whether a client has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    /// It has none, or does not say.
    No,
    /// It has this one.
    This,
    /// It wants none if there is one at all (`If-None-Match: *`).
    Any,
}

/// Whether the client has the answer with this tag.
pub(crate) fn client_has(headers: &HeaderMap, etag: &str) -> Has {
    let mut given = headers.get_all(IF_NONE_MATCH).iter().peekable();
    if given.peek().is_none() {
        return Has::No;
    }
    let (Ok(condition), Ok(etag)) = (IfNoneMatch::decode(&mut given), etag.parse::<ETag>()) else {
        return Has::No;
    };
    if condition == IfNoneMatch::any() {
        Has::Any
    } else if condition.precondition_passes(&etag) {
        Has::No
    } else {
        Has::This
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn chosen(accept: &[&'static str]) -> &'static str {
        match form(&headers(&ACCEPT, accept), ValueForm::Plain) {
            Ok(None) => "json",
            Ok(Some(Form::Csv(_))) => "csv",
            Ok(Some(Form::Ndjson(_))) => "ndjson",
            Err(_) => "none",
        }
    }

    #[test]
    fn the_form_follows_weights_and_the_most_specific_range() {
        for (accept, expected) in [
            ("text/csv;q=0.1, application/json", "json"),
            ("application/json;q=0.1, text/csv", "csv"),
            ("text/csv, application/json", "csv"),
            ("application/json, text/csv", "json"),
            ("*/*, text/csv;q=0.5", "json"),
            ("*/*;q=0.5, text/csv", "csv"),
            ("*/*, application/json;q=0", "ndjson"),
            ("application/*, application/json;q=0.2", "ndjson"),
            ("text/*", "csv"),
            ("application/jsonl", "ndjson"),
            ("APPLICATION/X-NDJSON", "ndjson"),
            ("text/csv; header=present; charset=utf-8", "csv"),
            ("application/json;q=0", "none"),
            ("text/csv;q=0, image/png", "none"),
            ("*/*;q=0", "none"),
            ("text/html", "json"),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                "json",
            ),
            ("image/png", "none"),
            ("", "json"),
            ("nonsense", "json"),
        ] {
            assert_eq!(chosen(&[accept]), expected, "{accept}");
        }
        assert_eq!(chosen(&["image/png", "text/csv"]), "csv");
        assert_eq!(chosen(&[]), "json");
    }

    #[test]
    fn tags_are_compared_weakly_and_a_star_means_any() {
        let has = |given: &[&'static str]| client_has(&headers(&IF_NONE_MATCH, given), "W/\"a-1\"");

        assert_eq!(has(&["W/\"a-1\""]), Has::This);
        assert_eq!(has(&["\"a-1\""]), Has::This);
        assert_eq!(has(&["\"b\", \"a-1\""]), Has::This);
        assert_eq!(has(&["\"b\"", "\"a-1\""]), Has::This);
        assert_eq!(has(&["\"a-1,\"", "\"b\""]), Has::No);
        assert_eq!(has(&["*"]), Has::Any);
        assert_eq!(has(&["a-1"]), Has::No);
        assert_eq!(has(&[]), Has::No);
    }
}
