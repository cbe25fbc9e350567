//! The languages that texts for people are in.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use tabular::Text;

/// A language of texts for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Language {
    /// The one that the headers of a request want most; English where they want none of ours.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let header = headers.get(ACCEPT_LANGUAGE);
        let header = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        match service_kit::language::preferred(header, &["en", "fr"]) {
            "fr" => Self::Fr,
            _ => Self::En,
        }
    }

    /// `text` in this language.
    pub(crate) fn of(self, text: &Text) -> String {
        match self {
            Self::En => text.en.clone(),
            Self::Fr => text.fr.clone(),
        }
    }
}
