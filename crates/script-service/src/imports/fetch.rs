//! Fetching a source from a URL.
//!
//! A URL comes from a caller, so it must not reach what only this machine can reach: every address that a
//! name leads to is checked before it is connected to, for the URL itself and for each redirect. Size, time
//! and the number of redirects are limited. hyper is used directly because the check belongs inside the
//! connection: what was checked is what is connected to.

use super::pieces::{Upload, UploadWriter};
use crate::config::Config;
use crate::secrets::addresses::shown;
use crate::store::job_sources::Validators;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use db_client::{DbClient, DbError};
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use percent_encoding::percent_decode_str;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a URL gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a URL gave.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Its bytes, kept.
    Content(Upload, Validators),
    /// Nothing newer than what the caller knows.
    NotModified,
}

/// Fetches `url` into db-service. `known` is what is known of an earlier version.
pub(crate) async fn fetch(
    db: &DbClient,
    config: &Config,
    url: &str,
    known: &Validators,
    progress: impl Fn(u64),
) -> Result<Fetched, FetchError> {
    let deadline = Deadline::from_now(config);
    match deadline.keep(url, open(config, url, known)).await? {
        Some(answer) => keep(db, config, answer, &deadline, progress).await,
        None => Ok(Fetched::NotModified),
    }
}

/// The beginning of what `url` gives: as much as `wanted` says after each look at what is there. The rest is
/// not waited for.
pub(crate) async fn head(
    config: &Config,
    url: &str,
    wanted: impl Fn(&[u8]) -> u64,
) -> Result<Bytes, FetchError> {
    let fetched = async {
        // Nobody has asked whether it changed, so there is an answer.
        let Some(mut answer) = open(config, url, &Validators::default()).await? else {
            return Err(FetchError::Refused(format!("{} answered nothing", shown(url))));
        };
        let mut head = Vec::new();
        while (head.len() as u64) < wanted(&head)
            && let Some(bytes) = answer.next(config, head.len() as u64).await?
        {
            head.extend_from_slice(&bytes);
        }
        Ok(head.into())
    };
    Deadline::from_now(config).keep(url, fetched).await
}

/// When a fetch must be over.
struct Deadline {
    at: tokio::time::Instant,
    limit_s: u64,
}

impl Deadline {
    fn from_now(config: &Config) -> Self {
        let limit_s = config.fetch_timeout_s;
        Self {
            at: tokio::time::Instant::now() + Duration::from_secs(limit_s),
            limit_s,
        }
    }

    /// What comes of `step`, unless time is up before.
    async fn keep<T>(
        &self,
        url: &str,
        step: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        tokio::time::timeout_at(self.at, Box::pin(step))
            .await
            .unwrap_or_else(|_| {
                Err(FetchError::Refused(format!(
                    "{} took longer than {} s (--fetch-timeout-s)",
                    shown(url),
                    self.limit_s
                )))
            })
    }
}

/// What a server gives for a URL, redirects followed.
struct Opened {
    url: Url,
    validators: Validators,
    body: Body,
}

impl Opened {
    /// The next bytes, `before` of them having come already; `None` at the end.
    async fn next(&mut self, config: &Config, before: u64) -> Result<Option<Bytes>, FetchError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| {
                FetchError::Refused(format!("{} broke off: {error}", shown(self.url.as_str())))
            })?;
            let Ok(bytes) = frame.into_data() else {
                continue; // trailers
            };
            if before + bytes.len() as u64 > config.max_upload_bytes {
                return Err(FetchError::Refused(format!(
                    "{} is larger than {} bytes (--max-upload-bytes)",
                    shown(self.url.as_str()),
                    config.max_upload_bytes
                )));
            }
            return Ok(Some(bytes));
        }
        Ok(None)
    }
}

/// Keeps all of `answer` in db-service; what cannot be had whole is forgotten.
async fn keep(
    db: &DbClient,
    config: &Config,
    mut answer: Opened,
    deadline: &Deadline,
    progress: impl Fn(u64),
) -> Result<Fetched, FetchError> {
    let mut writer =
        UploadWriter::new(db.clone(), true).map_err(|error| FetchError::Refused(error.to_string()))?;
    loop {
        let url = answer.url.to_string();
        let next = answer.next(config, writer.bytes());
        match deadline.keep(&url, next).await {
            Ok(Some(bytes)) => {
                writer.push(&bytes).await?;
                progress(writer.bytes());
            }
            Ok(None) => return Ok(Fetched::Content(writer.finish().await?, answer.validators)),
            Err(error) => {
                writer.abandon().await?;
                return Err(error);
            }
        }
    }
}

/// Asks for `url` and follows redirects; `None` when nothing is newer than what is `known`.
async fn open(config: &Config, url: &str, known: &Validators) -> Result<Option<Opened>, FetchError> {
    let mut http = HttpConnector::new_with_resolver(GuardedResolver {
        allowed: config.allow_private_addresses.clone(),
    });
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let https = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(https);
    let mut url = parse(url)?;
    let mut credentials = Credentials::taken_from(&mut url);
    for _ in 0..=config.max_redirects {
        check_host(&url, &config.allow_private_addresses)?;
        let mut request = Request::get(url.as_str())
            .header("user-agent", concat!("comptoir/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT_ENCODING, "identity");
        if let Some(credentials) = credentials
            .as_ref()
            .filter(|credentials| credentials.are_for(&url))
        {
            request = request.header(AUTHORIZATION, credentials.header()?);
        }
        if let Some(etag) = &known.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = &known.last_modified {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| FetchError::Refused(format!("{}: {error}", shown(url.as_str()))))?;
        let response = client.request(request).await.map_err(|error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            FetchError::Refused(format!("{} cannot be reached: {cause}", shown(url.as_str())))
        })?;
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        if status.is_redirection() {
            let target = text(response.headers(), &LOCATION).ok_or_else(|| {
                FetchError::Refused(format!("{} redirects to nowhere", shown(url.as_str())))
            })?;
            url = url.join(&target).map_err(|error| {
                let (from, to) = (shown(url.as_str()).into_owned(), shown(&target));
                FetchError::Refused(format!("{from} redirects to `{to}`: {error}"))
            })?;
            url = parse(url.as_str())?;
            credentials = Credentials::taken_from(&mut url).or(credentials);
            continue;
        }
        if !status.is_success() {
            return Err(FetchError::Refused(format!(
                "{} answered {status}",
                shown(url.as_str())
            )));
        }
        let validators = Validators {
            etag: text(response.headers(), &ETAG),
            last_modified: text(response.headers(), &LAST_MODIFIED),
        };
        return Ok(Some(Opened {
            url,
            validators,
            body: Body::new(response.into_body()),
        }));
    }
    Err(FetchError::Refused(format!(
        "more than {} redirects, the last to {} (--max-redirects)",
        config.max_redirects,
        shown(url.as_str())
    )))
}

/// Who asks, as the address says before its host.
struct Credentials {
    origin: url::Origin,
    user: String,
    password: String,
}

impl Credentials {
    /// Takes them out of `url`.
    fn taken_from(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = Self {
            origin: url.origin(),
            user: decoded(url.username()),
            password: decoded(url.password().unwrap_or_default()),
        };
        // Neither fails for an address that had them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Some(credentials)
    }

    /// Whether they are for `url`: another server than that of the address does not get them.
    fn are_for(&self, url: &Url) -> bool {
        self.origin == url.origin()
    }

    fn header(&self) -> Result<HeaderValue, FetchError> {
        let text = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let mut value = HeaderValue::from_str(&format!("Basic {text}"))
            .map_err(|_| FetchError::Refused("the credentials of the address cannot be sent".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// `text` as a URL that may be fetched.
pub(crate) fn parse(text: &str) -> Result<Url, FetchError> {
    let url = Url::parse(text)
        .map_err(|error| FetchError::Refused(format!("`{}` is not a URL: {error}", shown(text))))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Refused(format!(
            "`{}` is neither http nor https",
            shown(text)
        )));
    }
    Ok(url)
}

/// Refuses a URL that names an address outright; names are checked when they are resolved.
fn check_host(url: &Url, allowed: &[IpAddr]) -> Result<(), FetchError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return Ok(()),
    };
    if is_private(address) && !allowed.contains(&address) {
        return Err(FetchError::Refused(private(&shown(url.as_str()), address)));
    }
    Ok(())
}

fn private(what: &str, address: IpAddr) -> String {
    format!("{what} leads to the private address {address}; --allow-private-address {address} allows it")
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Whether `address` is one that only this machine or its network can reach, or none at all.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || first >= 224
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let tail = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_private_v4(tail()),
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_private_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Global unicast addresses begin with the bits 001; documentation is among them.
        [first, second, ..] => first & 0xe000 != 0x2000 || (first == 0x2001 && second == 0xdb8),
    }
}

/// Resolves names and leaves out addresses that must not be reached.
#[derive(Debug, Clone)]
struct GuardedResolver {
    allowed: Vec<IpAddr>,
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (open, closed): (Vec<SocketAddr>, Vec<SocketAddr>) = found
                .into_iter()
                .partition(|address| !is_private(address.ip()) || allowed.contains(&address.ip()));
            match closed.first() {
                Some(address) if open.is_empty() => Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    private(name.as_str(), address.ip()),
                )),
                _ => Ok(open.into_iter()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_dress() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_unless_allowed() {
        let name = || "localhost".parse::<Name>().unwrap();
        let mut guarded = GuardedResolver { allowed: vec![] };
        let mut open = GuardedResolver {
            allowed: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        };

        assert!(guarded.call(name()).await.is_err());
        assert!(open.call(name()).await.unwrap().count() > 0);
    }
}
