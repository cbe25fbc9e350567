//! A db-service and a script-service of their own for a test.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has failed"
)]

use crate::TestDb;
use crate::contract::{Answered, Contract};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use script_client::{ScriptClient, new_key};
use script_service::Config;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a condition may take to come true: far more than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running script-service with its db-service and an empty data folder.
#[derive(Debug)]
pub struct TestStack {
    /// The db-service.
    pub db: TestDb,
    /// The script-service.
    pub script: Script,
    /// The folder whose files imports may name, unless the settings say another.
    pub data: TempDir,
}

/// A running script-service.
#[derive(Debug)]
pub struct Script {
    /// Its address, such as `http://127.0.0.1:40123`.
    pub url: String,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<anyhow::Result<()>>,
}

impl TestStack {
    /// Starts both on an empty database, and waits until they are ready.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with settings that `change` has changed.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let db = TestDb::start().await;
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::for_db(&db.url, data.path().to_owned());
        config.job_lease_ms = 500;
        change(&mut config);
        let script = Script::start(config).await;
        script.until_ready().await;
        Self { db, script, data }
    }

    /// The sample data of the repository.
    #[must_use]
    pub fn sample_data() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
    }

    /// Starts both and imports the sample data.
    pub async fn with_sample() -> Self {
        let stack = Self::start_with(|config| config.data = Self::sample_data()).await;
        let client = stack.client();
        let job = client.import_configured(&new_key().unwrap()).await.unwrap();
        let job = client.follow(job, |_| {}).await.unwrap();
        assert!(!job.state.has_failed(), "{}", job.reason());
        stack
    }

    /// The client of script-service that every program uses; `script` asks it as any program might.
    #[must_use]
    pub fn client(&self) -> ScriptClient {
        ScriptClient::new(&self.script.url).unwrap()
    }

    /// A file in the data folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.data.path().join(name), content).unwrap();
    }

    /// One value of the database.
    pub async fn value(&self, sql: &str) -> Value {
        let result = self.db.client.query(sql, Vec::new()).await.unwrap();
        serde_json::to_value(&result.rows[0][0]).unwrap()
    }

    /// Asks until the one value of `sql` is `expected`.
    pub async fn until_value(&self, sql: &str, expected: u64) {
        let mut turns = tokio::time::interval(Duration::from_millis(10));
        let ask = async {
            while self.value(sql).await != expected {
                turns.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, ask)
            .await
            .unwrap_or_else(|_| panic!("{sql} never gave {expected}"));
    }

    /// Two products and two stores to refer to.
    pub async fn seed(&self) {
        for sql in [
            "INSERT INTO products (id, name, price_cents, category) VALUES (1, 'Thé', 500, 'Boissons'), (2, 'Pain', 120, NULL)",
            "INSERT INTO stores (id, city, region) VALUES (10, 'Paris', 'Île-de-France'), (20, 'Lyon', NULL)",
        ] {
            self.db.client.execute(sql, Vec::new()).await.unwrap();
        }
    }
}

impl Script {
    /// One that somebody else runs at `url`.
    #[must_use]
    pub fn at(url: String) -> Self {
        Self {
            url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: None,
            service: tokio::spawn(async { Ok(()) }),
        }
    }

    /// Starts one with the settings as they are, and does not wait until it is ready.
    pub async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let service = tokio::spawn(script_service::run(config, listener, async {
            let _ = stopped.await;
        }));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            url,
            http,
            stop: Some(stop),
            service,
        }
    }

    /// Asks it to stop and waits for its end.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        (&mut self.service).await.unwrap().unwrap();
    }

    /// A request to it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// The answer to a `GET`, whatever its status.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Status and text of the answer to `request`, which is as the contract says.
    pub async fn answer(&self, request: RequestBuilder) -> (StatusCode, String) {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = client.execute(request).await.unwrap();
        let status = response.status();
        let content_type = response.headers().get("content-type").cloned();
        let text = response.text().await.unwrap();
        let answered = Answered {
            method: method.as_str(),
            path: url.path(),
            status: status.as_u16(),
            content_type: content_type.as_ref().map_or("", |value| value.to_str().unwrap()),
            body: &text,
        };
        if let Err(why) = Contract::of_script_service().check(answered) {
            panic!("not as the contract says: {why}");
        }
        (status, text)
    }

    /// The JSON answer of a request that succeeds.
    pub async fn json(&self, path: &str) -> Value {
        let (status, text) = self.answer(self.request(Method::GET, path)).await;
        let body: Value = serde_json::from_str(&text).unwrap();
        assert!(status.is_success(), "{path}: {status} {body:#}");
        body
    }

    /// The finished job of `POST path` with `body`.
    pub async fn job(&self, path: &str, body: impl Into<reqwest::Body>) -> Value {
        let request = self.request(Method::POST, path).header("prefer", "wait=60");
        let (status, text) = self.answer(request.body(body)).await;
        let job: Value = serde_json::from_str(&text).unwrap();
        if status == StatusCode::ACCEPTED {
            // A slow disk may take longer than the service waits.
            let finished = |_: StatusCode, job: &Value| job["finished_at"].is_string();
            return self.until(&format!("/jobs/{}", job["id"]), finished).await;
        }
        assert_eq!(status, StatusCode::OK, "{job:#}");
        job
    }

    /// Where the job of `POST path` with `body` is found. It is not waited for.
    pub async fn submit(&self, path: &str, body: impl Into<reqwest::Body>) -> String {
        let response = self.request(Method::POST, path).body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The finished import of the configured sources.
    pub async fn import_configured(&self) -> Value {
        self.job("/jobs/import", "").await
    }

    /// The rejects of a job.
    pub async fn rejects(&self, job: &Value) -> Vec<Value> {
        let list = self.json(&format!("/jobs/{}/rejects", job["id"])).await;
        list["rejects"].as_array().unwrap().clone()
    }

    /// Waits until it is ready.
    pub async fn until_ready(&self) {
        self.until("/readyz", |status, _| status == StatusCode::OK).await;
    }

    /// Asks until `condition` holds for status and body.
    pub async fn until(&self, path: &str, condition: impl Fn(StatusCode, &Value) -> bool) -> Value {
        let last = std::sync::Mutex::new(String::new());
        // Asking without a pause would take the processor from the service that is waited for.
        let mut turns = tokio::time::interval(Duration::from_millis(10));
        let ask = async {
            loop {
                turns.tick().await;
                let answer = self.request(Method::GET, path).send().await;
                let told = match answer {
                    Ok(response) => {
                        let status = response.status();
                        let body = response.json().await.unwrap_or(Value::Null);
                        if condition(status, &body) {
                            return body;
                        }
                        format!("{status} {body}")
                    }
                    Err(error) => format!("{error:?}"),
                };
                *last.lock().unwrap() = told;
            }
        };
        tokio::time::timeout(PATIENCE, ask)
            .await
            .unwrap_or_else(|_| panic!("{path} never came true: {}", last.lock().unwrap()))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.service.abort();
    }
}
