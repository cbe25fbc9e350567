//! What the routes share.

use crate::answer::json::push_ms;
use crate::config::{Config, Limits};
use crate::engine::{Engine, Idempotency, Registry, Rights, Scope, Timing};
use crate::error::ApiError;
use crate::hrana::streams::Streams;
use crate::metrics::Metrics;
use crate::tokens::Tokens;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use db_api::{ErrorCode, IDEMPOTENCY_KEY};
use service_kit::problem::Problem;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// What the routes share.
pub(crate) struct App {
    /// Storage.
    pub engine: Arc<dyn Engine>,
    /// What runs now.
    pub registry: Arc<Registry>,
    /// Who may do what.
    pub tokens: Arc<Tokens>,
    /// The limits.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    /// Interactive streams.
    pub streams: Arc<Streams>,
    /// Differs from one start to the next: data versions are counted from the start.
    boot: u64,
}

impl App {
    /// The shared state of a service that starts.
    pub(crate) fn new(config: &Config, engine: Arc<dyn Engine>, tokens: Arc<Tokens>) -> Self {
        let boot = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or_default());
        let metrics = Metrics::new(&engine);
        Self {
            streams: Streams::start(&config.limits, metrics.interactive_streams.clone()),
            metrics,
            engine,
            registry: Arc::default(),
            tokens,
            limits: config.limits.clone(),
            boot,
        }
    }

    /// The whole of a JSON body.
    pub(crate) async fn body(&self, body: Body) -> Result<Bytes, Problem> {
        let limit = usize::try_from(self.limits.max_body_bytes).unwrap_or(usize::MAX);
        service_kit::extract::body_within(body, limit, "max_body_bytes").await
    }

    /// The tag of an answer to `question` from the data as it is now, for `rights`.
    pub(crate) fn etag(&self, rights: &Rights, question: impl Hash) -> String {
        let version = self.engine.data_version();
        let mut hasher = DefaultHasher::new();
        (rights.id, question).hash(&mut hasher);
        format!("\"{:x}-{version:x}-{:x}\"", self.boot, hasher.finish())
    }
}

/// Whether the client has the answer with this tag.
pub(crate) fn client_has(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get(axum::http::header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim().trim_start_matches("W/") == etag)
        })
}

/// The `Server-Timing` header of an answer.
pub(crate) fn server_timing(timing: Timing) -> HeaderValue {
    let mut words = Vec::with_capacity(48);
    words.extend_from_slice(b"queue;dur=");
    push_ms(&mut words, timing.queued);
    words.extend_from_slice(b", run;dur=");
    push_ms(&mut words, timing.ran);
    HeaderValue::from_maybe_shared(Bytes::from(words)).unwrap_or_else(|_| HeaderValue::from_static("run"))
}

/// The key that makes a repeated write safe, when the request carries one. `method_and_path` and the body are what
/// makes two requests the same.
pub(crate) fn idempotency(
    headers: &HeaderMap,
    rights: &Rights,
    method_and_path: &str,
    body_digest: &blake3::Hasher,
) -> Result<Option<Idempotency>, ApiError> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default().trim().trim_matches('"');
    // A blank ends the name of the token before the key, so there is none in the key.
    if key.is_empty() || key.len() > LONGEST_KEY || key.contains([' ', '\t']) {
        return Err(ApiError::Refused(
            ErrorCode::InvalidRequest,
            format!("Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters, without blanks"),
        ));
    }
    let mut hasher = body_digest.clone();
    hasher.update(b"\0");
    hasher.update(method_and_path.as_bytes());
    Ok(Some(Idempotency {
        key: format!("{} {key}", rights.token.as_deref().unwrap_or_default()),
        fingerprint: *hasher.finalize().as_bytes(),
    }))
}

/// Who sends the request.
pub(crate) struct Caller(pub Arc<Rights>);

impl Caller {
    /// Refuses a caller whose scope does not reach `scope`.
    pub(crate) fn needs(&self, scope: Scope) -> Result<(), ApiError> {
        if self.0.scope >= scope {
            return Ok(());
        }
        Err(ApiError::Refused(
            ErrorCode::Forbidden,
            format!(
                "this route needs scope {}, and {} has scope {}",
                scope.as_str(),
                self.0.who(),
                self.0.scope.as_str()
            ),
        ))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        app.tokens.rights(token).map(Self).ok_or_else(|| {
            let detail = match header {
                None => "this service needs a token: `Authorization: Bearer <token>`",
                Some(_) => "the token is not known",
            };
            let mut refusal = ApiError::Refused(ErrorCode::Unauthorized, detail.to_owned()).into_response();
            refusal
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refusal
        })
    }
}
