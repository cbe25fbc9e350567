//! What a browser may do with our pages: nothing that is not ours.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS};

/// No script, style, image or connection but from this origin, and nothing inline. Images may be made by the
/// page itself (`data:`, `blob:`): a chart saved as PNG is one.
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; object-src 'none'";

/// The policy as headers, which every answer carries.
pub(crate) fn headers() -> Vec<(HeaderName, HeaderValue)> {
    [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .into()
}

#[cfg(test)]
mod tests {
    use super::CONTENT_POLICY;

    #[test]
    fn nothing_inline_and_nothing_from_elsewhere() {
        for forbidden in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
            assert!(!CONTENT_POLICY.contains(forbidden), "{forbidden}");
        }
        assert!(CONTENT_POLICY.starts_with("default-src 'none'"));
    }
}
