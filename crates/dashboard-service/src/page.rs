//! From a view to an answer: a whole document for a visit, or the view alone for the script of a page that
//! is open already. Failures are views too, each with what to do.

use crate::assets::{ASSETS, Assets};
use crate::error;
use crate::figure::Figure;
use crate::language::Language;
use crate::table::Table;
use crate::words::Words;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use script_client::ScriptError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tracing::{error, warn};

/// With this header the script of an open page asks for the view alone.
const VIEW_HEADER: &str = "x-view";

/// Who asks, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// In which language.
    pub(crate) language: Language,
    /// Path and query.
    pub(crate) here: String,
    path: String,
    view_only: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            language: Language::of(&parts.headers),
            here: parts
                .uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            path: parts.uri.path().to_owned(),
            view_only: parts.headers.contains_key(VIEW_HEADER),
        })
    }
}

/// What a page shows.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The title of the window.
    pub(crate) title: String,
    /// The content.
    pub(crate) html: String,
    /// The drawings, by the id of their place.
    pub(crate) figures: BTreeMap<String, Figure>,
}

/// Why a page does not show what was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The filters make no sense.
    BadFilter(String),
    /// script-service gave no answer.
    Script(ScriptError),
    /// There is no such page.
    Missing,
    /// A template failed.
    Template(askama::Error),
}

impl From<ScriptError> for Failure {
    fn from(error: ScriptError) -> Self {
        if error.is_not_found() {
            Self::Missing
        } else if error.is_refusal() {
            Self::BadFilter(error.to_string())
        } else {
            Self::Script(error)
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Template(error)
    }
}

/// The frame of every page.
#[derive(Template)]
#[template(path = "shell.html")]
struct Shell<'a> {
    w: &'static Words,
    language: Language,
    title: &'a str,
    content: &'a str,
    figures: String,
    words: String,
    assets: &'static Assets,
    path: &'a str,
    here: String,
}

impl Shell<'_> {
    /// Whether the page at `path` is this one or holds it.
    fn within(&self, path: &str) -> bool {
        if path == "/" {
            self.path == "/"
        } else {
            self.path.starts_with(path)
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailureView<'a> {
    w: &'static Words,
    title: &'a str,
    text: &'a str,
    detail: &'a str,
    retry: bool,
    here: &'a str,
    path: &'a str,
}

#[derive(Template)]
#[template(path = "table.html")]
struct TableView<'a> {
    table: &'a Table,
    w: &'static Words,
}

/// `table` as HTML.
pub(crate) fn table(table: &Table, language: Language) -> Result<String, askama::Error> {
    TableView {
        table,
        w: language.words(),
    }
    .render()
}

impl Visit {
    /// The answer that shows `view`.
    pub(crate) fn answer(&self, view: Result<View, Failure>) -> Response {
        let (status, view) = match view {
            Ok(view) => (StatusCode::OK, view),
            Err(failure) => match self.explain(&failure) {
                Ok(view) => (error::status(&failure), view),
                Err(_) => return error::internal(),
            },
        };
        let head = [
            (CACHE_CONTROL, "no-store"),
            (VARY, "X-View, Cookie, Accept-Language"),
        ];
        if self.view_only {
            let body = json!({"title": view.title, "html": view.html, "figures": view.figures});
            return (
                status,
                head,
                [(CONTENT_TYPE, "application/json")],
                body.to_string(),
            )
                .into_response();
        }
        match self.document(&view) {
            Ok(document) => (status, head, Html(document)).into_response(),
            Err(cause) => {
                error!(%cause, "a page could not be written");
                error::internal()
            }
        }
    }

    fn document(&self, view: &View) -> Result<String, askama::Error> {
        let w = self.language.words();
        let words = json!({
            "loading": w.loading, "updated": w.updated, "offline": w.offline, "retry": w.retry,
            "sorted": w.sorted, "unknown": w.unknown,
            "states": {
                "queued": w.state_queued, "running": w.state_running, "succeeded": w.state_succeeded,
                "succeeded_with_rejects": w.state_succeeded_with_rejects, "failed": w.state_failed,
                "cancelled": w.state_cancelled, "interrupted": w.state_interrupted,
            },
        });
        Shell {
            w,
            language: self.language,
            title: &view.title,
            content: &view.html,
            figures: in_script(&json!(view.figures)),
            words: in_script(&words),
            assets: &ASSETS,
            path: &self.path,
            here: url::form_urlencoded::byte_serialize(self.here.as_bytes()).collect(),
        }
        .render()
    }

    /// The state in which a page is that cannot show what was asked for.
    fn explain(&self, failure: &Failure) -> Result<View, askama::Error> {
        let w = self.language.words();
        let (title, text, detail, retry) = match failure {
            Failure::BadFilter(what) => (w.bad_title, "", what.clone(), false),
            Failure::Missing => (w.missing_title, "", String::new(), false),
            Failure::Script(cause) if cause.is_late() => {
                warn!("{cause}");
                let detail = format!("{cause} (--answer-timeout-ms)");
                (w.slow_title, w.slow_text, detail, false)
            }
            Failure::Script(cause) if cause.is_retryable() => {
                warn!("script-service is down: {cause}");
                (w.down_title, w.down_text, cause.to_string(), true)
            }
            Failure::Script(cause) => {
                error!(%cause, "script-service failed");
                (w.broken_title, "", cause.to_string(), false)
            }
            Failure::Template(cause) => {
                error!(%cause, "a view could not be written");
                (w.broken_title, "", String::new(), false)
            }
        };
        let html = FailureView {
            w,
            title,
            text,
            detail: &detail,
            retry,
            here: &self.here,
            path: &self.path,
        }
        .render()?;
        Ok(View {
            title: title.to_owned(),
            html,
            figures: BTreeMap::new(),
        })
    }
}

/// JSON that may stand in a `<script type="application/json">`.
pub(crate) fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// A page that is not there.
pub(crate) async fn missing(visit: Visit, uri: Uri) -> Response {
    tracing::debug!(%uri, "no such page");
    visit.answer(Err(Failure::Missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_script_that_holds_it() {
        let text = in_script(&json!({"name": "</script><script>alert(1)"}));

        assert!(!text.contains('<'), "{text}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap()["name"],
            "</script><script>alert(1)"
        );
    }
}
