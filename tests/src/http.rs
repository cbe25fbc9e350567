//! Requests as any client makes them.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use test_kit::contract::{Answered, Contract, Described};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its media type, without parameters.
    pub content_type: String,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body.
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why} in {self:?}"))
    }

    /// The answer, when its status is a success.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[must_use]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }
}

/// A service over HTTP. What it answers is compared with its contract, if it has one.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    base: String,
    contract: Option<&'static Contract>,
    met: Arc<Mutex<BTreeSet<Described>>>,
}

impl Http {
    /// The service at `base`.
    ///
    /// # Panics
    ///
    /// When there can be no client at all.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(2))
            .build();
        Self {
            client: client.unwrap_or_else(|why| panic!("{why}")),
            base: base.to_owned(),
            contract: None,
            met: Arc::default(),
        }
    }

    /// The same service, every answer of which must be as `contract` says.
    #[must_use]
    pub fn with_contract(self, contract: &'static Contract) -> Self {
        Self {
            contract: Some(contract),
            ..self
        }
    }

    /// What of its contract was answered so far.
    #[must_use]
    pub fn met(&self) -> BTreeSet<Described> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for `target`, whose answer has no end, and reads its head only.
    ///
    /// # Panics
    ///
    /// When nobody answers, or not as the contract says.
    pub async fn begin(&self, target: &str) {
        let url = format!("{}{target}", self.base);
        let response = self.client.get(url).send().await;
        let response = response.unwrap_or_else(|why| panic!("{why}"));
        let (status, headers) = (response.status(), response.headers().clone());
        self.compare("GET", target, status, &headers, "");
    }

    fn compare(
        &self,
        method: &str,
        target: &str,
        status: StatusCode,
        headers: &reqwest::header::HeaderMap,
        body: &str,
    ) {
        let Some(contract) = self.contract else {
            return;
        };
        let content_type = headers.get("content-type").and_then(|value| value.to_str().ok());
        let met = contract.check(Answered {
            method: &method.to_uppercase(),
            path: target.split('?').next().unwrap_or_default(),
            status: status.as_u16(),
            content_type: content_type.unwrap_or_default(),
            body,
        });
        match met {
            Ok(met) => self
                .met
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(met),
            Err(why) => panic!("not as the contract says: {why}"),
        }
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request; `None` when nobody answers.
    pub async fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Option<Reply> {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(verb, format!("{}{target}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let headers = response.headers().clone();
        let content_type = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .to_owned();
        let text = response.text().await.ok()?;
        self.compare(method, target, status, &headers, &text);
        Some(Reply {
            status,
            content_type,
            headers,
            text,
        })
    }

    /// Sends a request.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Reply {
        self.try_send(method, target, headers, body)
            .await
            .unwrap_or_else(|| panic!("{method} {}{target} was not answered", self.base))
    }

    /// `GET`, the answer as JSON.
    pub async fn get(&self, target: &str) -> Value {
        self.send("GET", target, &[], None).await.ok().json()
    }

    /// `POST` of JSON, the answer as JSON.
    pub async fn post(&self, target: &str, body: &Value) -> Value {
        let headers = [("content-type", "application/json")];
        self.send("POST", target, &headers, Some(body.to_string().into_bytes()))
            .await
            .ok()
            .json()
    }
}
