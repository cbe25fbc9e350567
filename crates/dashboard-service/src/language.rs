//! French and English: which one a visitor reads.

use crate::words::{EN, FR, Words};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};

/// The cookie in which a browser keeps the language that was chosen.
pub(crate) const COOKIE_NAME: &str = "language";

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// French.
    Fr,
    /// English.
    En,
}

impl Language {
    /// The language whose tag is `tag`, such as `fr-CA`.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What the visitor chose, or else what the browser prefers, or else English.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let chosen = text(COOKIE).split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE_NAME).then(|| Self::parse(value))?
        });
        chosen.unwrap_or_else(|| {
            match service_kit::language::preferred(text(ACCEPT_LANGUAGE), &["en", "fr"]) {
                "fr" => Self::Fr,
                _ => Self::En,
            }
        })
    }

    /// Its tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Fr => Self::En,
            Self::En => Self::Fr,
        }
    }

    /// Its words; see [`crate::words`].
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::Fr => &FR,
            Self::En => &EN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(cookie: &'static str, accept: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static(cookie));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
        Language::of(&headers)
    }

    #[test]
    fn the_browser_says_which_language() {
        assert_eq!(of("", "fr-FR,fr;q=0.9,en;q=0.8"), Language::Fr);
        assert_eq!(of("", "de-DE,en;q=0.7,fr;q=0.3"), Language::En);
        assert_eq!(of("", "ja"), Language::En);
    }

    #[test]
    fn what_the_visitor_chose_wins() {
        assert_eq!(of("theme=x; language=en", "fr"), Language::En);
        assert_eq!(of("language=xx", "fr"), Language::Fr);
    }
}
