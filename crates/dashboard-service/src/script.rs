//! Asks script-service. Nothing else knows where it is, which paths it has and how long it may take.

use crate::config::Config;
use axum::http::StatusCode;
use reqwest::{Client, Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// A client of script-service.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    http: Client,
    base: Url,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    /// Nobody answers at its address, or it is not ready.
    #[error("script-service cannot be reached: {0}")]
    Down(String),
    /// It took too long.
    #[error("script-service did not answer within {0} ms")]
    Slow(u128),
    /// It has no such thing.
    #[error("{0}")]
    Missing(String),
    /// It refused the question.
    #[error("{0}")]
    Refused(String),
    /// It failed, or answered something else than expected.
    #[error("{0}")]
    Broken(String),
}

impl Script {
    /// A client with the settings' address and time limit.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            http: Client::builder()
                .no_proxy()
                .connect_timeout(Duration::from_secs(2))
                .build()?,
            base: config.script_url.parse()?,
            timeout: Duration::from_millis(config.answer_timeout_ms),
        })
    }

    /// `GET path` as JSON.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ScriptError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.get(url).timeout(self.timeout);
        let response = request.send().await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unsent(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                ScriptError::Broken(format!("{path} answers something unexpected: {error}"))
            });
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or(status.as_str()).to_owned();
        Err(match status {
            StatusCode::NOT_FOUND => ScriptError::Missing(detail),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => ScriptError::Down(detail),
            StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => {
                ScriptError::Slow(self.timeout.as_millis())
            }
            status if status.is_client_error() => ScriptError::Refused(detail),
            _ => ScriptError::Broken(detail),
        })
    }

    /// Sends a request on and gives its answer as it comes, however long it takes.
    pub(crate) async fn forward(
        &self,
        method: Method,
        path_and_query: &str,
        headers: Vec<(&'static str, String)>,
        body: reqwest::Body,
    ) -> Result<Response, ScriptError> {
        let url = self.url(path_and_query)?;
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| self.unsent(&error))
    }

    fn url(&self, path: &str) -> Result<Url, ScriptError> {
        self.base
            .join(path.trim_start_matches('/'))
            .map_err(|error| ScriptError::Broken(format!("{path} is not a path: {error}")))
    }

    fn unsent(&self, error: &reqwest::Error) -> ScriptError {
        if error.is_timeout() && !error.is_connect() {
            return ScriptError::Slow(self.timeout.as_millis());
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ScriptError::Down(cause.to_string())
    }
}
