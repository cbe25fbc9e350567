//! `Idempotency-Key` and `Prefer: wait`.

use crate::error::ApiError;
use axum::http::HeaderMap;
use service_kit::validation::Fault;
use std::time::Duration;

/// The longest key that is taken, in characters.
const MAX_KEY: usize = 255;

/// The idempotency key of a request, bare or as a quoted string.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if text.trim().is_empty() || text.len() > MAX_KEY || !is_printable {
        let reason = format!("it must be 1 to {MAX_KEY} printable ASCII characters, not all of them blanks");
        return Err(Fault::header("Idempotency-Key", reason).into());
    }
    Ok(Some(text.to_owned()))
}

/// How long the caller wants to wait for the end, at most `limit_s`; `None` when it does not.
pub(crate) fn wait(headers: &HeaderMap, limit_s: u64) -> Option<Duration> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| {
            let (name, value) = preference.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("wait") {
                return None;
            }
            let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
            Some(Duration::from_secs(seconds.min(limit_s)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn keys_come_bare_and_quoted() {
        for value in ["abc", "\"abc\""] {
            let headers = HeaderMap::from_iter([(
                "idempotency-key".parse().unwrap(),
                HeaderValue::from_static(value),
            )]);
            assert_eq!(key(&headers).unwrap().as_deref(), Some("abc"));
        }
    }

    #[test]
    fn waiting_is_asked_for_among_other_preferences() {
        let headers = HeaderMap::from_iter([(
            "prefer".parse().unwrap(),
            HeaderValue::from_static("respond-async, wait=30"),
        )]);

        assert_eq!(wait(&headers, 60), Some(Duration::from_secs(30)));
        assert_eq!(wait(&headers, 5), Some(Duration::from_secs(5)));
        assert_eq!(wait(&HeaderMap::new(), 60), None);
    }
}
