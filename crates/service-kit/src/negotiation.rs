//! In which form a client wants an answer, and whether it has it already (RFC 9110, sections 12.5.1 and 13.1.2).

use crate::problem::Problem;
use axum::http::header::{ACCEPT, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use headers::{ETag, Header as _, IfNoneMatch};
use headers_accept::Accept;
use mediatype::{MediaType, Name, ReadParams as _, names};

/// A form of an answer: its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(MediaType<'static>);

impl Form {
    /// The form of the media type `kind/name`, both in lower case.
    #[must_use]
    pub const fn of(kind: &'static str, name: &'static str) -> Self {
        Self(MediaType::new(
            Name::new_unchecked(kind),
            Name::new_unchecked(name),
        ))
    }
}

/// JSON in one piece.
pub const JSON: Form = Form::of("application", "json");

const HTML: MediaType<'static> = MediaType::new(names::TEXT, names::HTML);

/// Which of `available` the client likes best; the first of several that it likes alike, and of all when it does not
/// say. Media types count by their weights, and the more specific range decides; parameters of a type are not looked at,
/// since no form has another version. A browser that takes pages only is given the first: it is shown what there is.
///
/// # Errors
///
/// When the client takes none of them.
pub fn choose(headers: &HeaderMap, available: &[Form]) -> Result<usize, Problem> {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    if given.peek().is_none() {
        return Ok(0);
    }
    // What cannot be read asks for nothing.
    let Ok(accept) = Accept::decode(&mut given).and_then(|accept| without_parameters(&accept)) else {
        return Ok(0);
    };
    if accept.media_types().next().is_none() {
        return Ok(0);
    }
    if let Some(chosen) = accept.negotiate(available.iter().map(|form| &form.0)) {
        let chosen = available.iter().position(|form| form.0 == *chosen);
        return Ok(chosen.unwrap_or_default());
    }
    if accept.negotiate(&[HTML]).is_some() {
        return Ok(0);
    }
    let forms: Vec<String> = available.iter().map(|form| form.0.to_string()).collect();
    Err(Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        format!(
            "answers are given as {}; Accept takes none of these",
            forms.join(", ")
        ),
    ))
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
pub enum Has {
    /// It has none, or does not say.
    No,
    /// It has this one.
    This,
    /// It wants none if there is one at all (`If-None-Match: *`).
    Any,
}

/// Whether the client has the answer with the tag `etag`, as it stands in a header: `W/"5-1"`. A tag of an answer that may
/// be compressed is a weak one, and weak tags and strong ones are compared alike.
#[must_use]
pub fn client_has(headers: &HeaderMap, etag: &str) -> Has {
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
        let [one, two] = ["x-lines", "lines"].map(|name| Form::of("application", name));
        match choose(
            &headers(&ACCEPT, accept),
            &[JSON, one, two, Form::of("text", "plain")],
        ) {
            Ok(0) => "json",
            Ok(3) => "plain",
            Ok(_) => "lines",
            Err(_) => "none",
        }
    }

    #[test]
    fn the_form_follows_weights_and_the_most_specific_range() {
        for (accept, expected) in [
            ("text/plain;q=0.1, application/json", "json"),
            ("application/json;q=0.1, text/plain", "plain"),
            ("text/plain, application/json", "plain"),
            ("application/json, text/plain", "json"),
            ("*/*, text/plain;q=0.5", "json"),
            ("*/*;q=0.5, text/plain", "plain"),
            ("*/*, application/json;q=0", "lines"),
            ("application/*, application/json;q=0.2", "lines"),
            ("text/*", "plain"),
            ("application/lines", "lines"),
            ("APPLICATION/X-LINES", "lines"),
            ("text/plain; header=present; charset=utf-8", "plain"),
            ("application/json;q=0", "none"),
            ("text/plain;q=0, image/png", "none"),
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
        assert_eq!(chosen(&["image/png", "text/plain"]), "plain");
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
