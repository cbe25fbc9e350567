//! What the routes share.

use crate::answer::json::push_ms;
use crate::config::{Config, Limits};
use crate::engine::{Engine, Idempotency, Kind, Party, Registry, Rights, Scope, Shares, Ticket, Timing};
use crate::error::ApiError;
use crate::hrana::streams::Streams;
use crate::metrics::Metrics;
use crate::open_reads::AllReads;
use crate::tokens::Tokens;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use db_api::ErrorCode;
use service_kit::ClientAddress;
use service_kit::problem::Problem;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// Bodies of bulk inserts that are on the disk, in bytes.
    pub spools: Arc<Shares>,
    /// Where they are.
    pub temp_folder: PathBuf,
    /// Interactive streams.
    pub streams: Arc<Streams>,
    /// Differs from one start to the next: data versions are counted from the start.
    boot: u64,
}

impl App {
    /// The shared state of a service that starts.
    pub(crate) fn new(
        config: &Config,
        engine: Arc<dyn Engine>,
        tokens: Arc<Tokens>,
        reads: &AllReads,
    ) -> Self {
        let boot = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or_default());
        let metrics = Metrics::new(&engine);
        let streams = Streams::start(
            &config.limits,
            metrics.interactive_streams.clone(),
            Arc::clone(&reads.registry),
        );
        reads.watch(&streams);
        let spools = Shares::new(
            "bytes of bodies are kept on the disk",
            "max_spool_bytes",
            config.limits.max_spool_bytes,
            config.limits.caller_share_percent,
        );
        metrics.watch_spools(&spools);
        Self {
            spools,
            temp_folder: config.temp_folder(),
            streams,
            metrics,
            engine,
            registry: Arc::clone(&reads.registry),
            tokens,
            limits: config.limits.clone(),
            boot,
        }
    }

    /// Enters a piece of work of `caller`.
    pub(crate) fn ticket(&self, kind: Kind, sql: &str, caller: &Caller) -> Ticket {
        self.registry.open(kind, sql, caller.0.token.as_deref(), caller.1)
    }

    /// The whole of a JSON body.
    pub(crate) async fn body(&self, body: Body) -> Result<Bytes, Problem> {
        let limit = usize::try_from(self.limits.max_body_bytes).unwrap_or(usize::MAX);
        service_kit::extract::body_within(body, limit, "max_body_bytes").await
    }

    /// The tag of an answer to `question` from the data as it is now, for `rights`. It is a weak one: the same answer may
    /// be compressed, and says how long it took.
    pub(crate) fn etag(&self, rights: &Rights, question: impl Hash) -> String {
        let version = self.engine.data_version();
        let mut hasher = DefaultHasher::new();
        (rights.id, question).hash(&mut hasher);
        format!("W/\"{:x}-{version:x}-{:x}\"", self.boot, hasher.finish())
    }
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

/// What makes a repeated write safe under `key`: method, path and body are what makes two requests the same.
pub(crate) fn idempotency(
    key: &str,
    rights: &Rights,
    method_and_path: &str,
    body_digest: &blake3::Hasher,
) -> Idempotency {
    let mut hasher = body_digest.clone();
    hasher.update(b"\0");
    hasher.update(method_and_path.as_bytes());
    Idempotency {
        key: format!("{} {key}", rights.token.as_deref().unwrap_or_default()),
        fingerprint: *hasher.finalize().as_bytes(),
    }
}

/// Who sends the request: what it may do, and as whom it is counted.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Arc<Rights>, pub Party);

impl Caller {
    /// The service itself.
    pub(crate) fn service() -> Self {
        Self(Arc::new(Rights::everything()), Party::default())
    }

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
        let address = parts.extensions.get::<ClientAddress>().map(|client| client.0);
        let known = app.tokens.rights(token);
        let caller = known.map(|rights| {
            let counted_as = Party::new(rights.token.as_deref(), address);
            Self(rights, counted_as)
        });
        caller.ok_or_else(|| {
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
