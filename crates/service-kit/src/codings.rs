//! Which codings of an answer a client takes (RFC 9110, 12.5.3).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

/// The codings that answers can be given in, besides as they are.
const GIVEN: [&str; 3] = ["gzip", "x-gzip", "zstd"];

/// What a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codings {
    /// An answer as it is; it asks for no other.
    AsItIs,
    /// An answer as it is, or compressed.
    Either,
    /// A compressed answer only.
    Compressed,
    /// Nothing that can be given.
    Nothing,
}

impl Codings {
    /// What `Accept-Encoding` says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(ACCEPT_ENCODING) {
            return Self::AsItIs;
        }
        let (mut as_it_is, mut others, mut compressed) = (None, None, false);
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        for one in values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            let mut parts = one.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let is_taken = parts.all(|parameter| !is_no_weight(parameter));
            if coding.eq_ignore_ascii_case("identity") {
                as_it_is = Some(is_taken);
            } else if coding == "*" {
                others = Some(is_taken);
            } else if GIVEN.iter().any(|given| coding.eq_ignore_ascii_case(given)) {
                compressed |= is_taken;
            }
        }
        // A star stands for every coding that is not named, and an answer as it is need not be named.
        match (
            as_it_is.or(others).unwrap_or(true),
            compressed || others == Some(true),
        ) {
            (true, _) => Self::Either,
            (false, true) => Self::Compressed,
            (false, false) => Self::Nothing,
        }
    }
}

/// Whether a parameter is a weight of nothing: `q=0`, `Q = 0.000`.
fn is_no_weight(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, weight)| {
        name.trim().eq_ignore_ascii_case("q") && weight.trim().parse().is_ok_and(|weight: f32| weight == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn what_a_client_takes_follows_weights_and_the_star() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            Codings::of(&headers)
        };

        assert_eq!(Codings::of(&HeaderMap::new()), Codings::AsItIs);
        for either in [
            "",
            "gzip",
            "br",
            "identity",
            "gzip;q=0",
            "*",
            "*;q=0, identity",
            "gzip, identity;q=0.1",
        ] {
            assert_eq!(of(either), Codings::Either, "{either}");
        }
        for compressed in [
            "identity;q=0, gzip",
            "*;q=0, zstd",
            "*, identity;q=0",
            "zstd;q=0.1, identity; Q=0.000",
        ] {
            assert_eq!(of(compressed), Codings::Compressed, "{compressed}");
        }
        for nothing in [
            "identity;q=0",
            "*;q=0",
            "br, identity;q=0",
            "gzip;q=0, identity;q=0",
        ] {
            assert_eq!(of(nothing), Codings::Nothing, "{nothing}");
        }
    }
}
