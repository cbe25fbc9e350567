//! The switch of language.

use crate::error;
use crate::language::{COOKIE_NAME, Language};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse as _, Response};
use std::collections::BTreeMap;

/// How long a browser keeps the choice, in seconds: a year.
const KEEP_S: u32 = 31_536_000;

/// `GET /language/{tag}?back=`: keeps the choice in a cookie and goes back to the page.
pub(crate) async fn set(Path(tag): Path<String>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let Some(language) = Language::parse(&tag) else {
        return error::missing();
    };
    let back = query.get("back").map_or("/", |back| own_path(back));
    let cookie = format!(
        "{COOKIE_NAME}={}; Path=/; Max-Age={KEEP_S}; SameSite=Lax; HttpOnly",
        language.tag()
    );
    (
        StatusCode::SEE_OTHER,
        [(SET_COOKIE, cookie), (LOCATION, back.to_owned())],
    )
        .into_response()
}

/// `path` when it leads to this service, else the first page.
fn own_path(path: &str) -> &str {
    let own = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for elsewhere in [
            "https://a.example",
            "//a.example",
            "/\\a.example",
            "a",
            "/a\r\nx: y",
            "/é",
        ] {
            assert_eq!(own_path(elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(
            own_path("/?region=%C3%8Ele-de-France"),
            "/?region=%C3%8Ele-de-France"
        );
    }
}
