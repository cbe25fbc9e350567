//! A script-service of its own for a test.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use script_service::Config;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use test_kit::TestDb;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running script-service with its db-service and an empty data folder.
pub(crate) struct Stack {
    pub db: TestDb,
    pub script: Script,
    pub data: TempDir,
}

/// A running script-service.
pub(crate) struct Script {
    pub url: String,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<anyhow::Result<()>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with settings that `change` has changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let db = TestDb::start().await;
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::for_db(&db.url, data.path().to_owned());
        config.job_lease_ms = 500;
        change(&mut config);
        let script = Script::start(config).await;
        script.until_ready().await;
        Self { db, script, data }
    }

    /// Starts with the sample data in the data folder.
    pub(crate) async fn with_sample() -> Self {
        let stack = Self::start_with(|config| config.data = sample()).await;
        let job = stack.script.import_configured().await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        stack
    }

    /// A file in the data folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.data.path().join(name), content).unwrap();
    }

    /// One value of the database.
    pub(crate) async fn value(&self, sql: &str) -> Value {
        let result = self.db.client.query(sql, Vec::new()).await.unwrap();
        serde_json::to_value(&result.rows[0][0]).unwrap()
    }

    /// Asks until the one value of `sql` is `expected`.
    pub(crate) async fn until_value(&self, sql: &str, expected: u64) {
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
    pub(crate) async fn seed(&self) {
        for sql in [
            "INSERT INTO products (id, name, price_cents, category) VALUES (1, 'Thé', 500, 'Boissons'), (2, 'Pain', 120, NULL)",
            "INSERT INTO stores (id, city, region) VALUES (10, 'Paris', 'Île-de-France'), (20, 'Lyon', NULL)",
        ] {
            self.db.client.execute(sql, Vec::new()).await.unwrap();
        }
    }
}

/// The sample data of the repository.
pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

impl Script {
    pub(crate) async fn start(config: Config) -> Self {
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
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        (&mut self.service).await.unwrap().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The JSON answer of a request that succeeds.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body:#}");
        body
    }

    /// The finished job of `POST path` with `body`.
    pub(crate) async fn job(&self, path: &str, body: impl Into<reqwest::Body>) -> Value {
        let response = self
            .request(Method::POST, path)
            .header("prefer", "wait=60")
            .body(body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let job: Value = response.json().await.unwrap();
        if status == StatusCode::ACCEPTED {
            // A slow disk may take longer than the service waits.
            let finished = |_: StatusCode, job: &Value| job["finished_at"].is_string();
            return self.until(&format!("/jobs/{}", job["id"]), finished).await;
        }
        assert_eq!(status, StatusCode::OK, "{job:#}");
        job
    }

    /// Where the job of `POST path` with `body` is found. It is not waited for.
    pub(crate) async fn submit(&self, path: &str, body: impl Into<reqwest::Body>) -> String {
        let response = self.request(Method::POST, path).body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    pub(crate) async fn import_configured(&self) -> Value {
        self.job("/jobs/import", "").await
    }

    /// The rejects of a job.
    pub(crate) async fn rejects(&self, job: &Value) -> Vec<Value> {
        let list = self.json(&format!("/jobs/{}/rejects", job["id"])).await;
        list["rejects"].as_array().unwrap().clone()
    }

    pub(crate) async fn until_ready(&self) {
        self.until("/readyz", |status, _| status == StatusCode::OK).await;
    }

    /// Asks until `condition` holds for status and body.
    pub(crate) async fn until(&self, path: &str, condition: impl Fn(StatusCode, &Value) -> bool) -> Value {
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

/// A script-service in a process of its own, which can be killed at any moment.
pub(crate) struct Process {
    pub script: Script,
    child: std::process::Child,
}

impl Process {
    pub(crate) async fn start(db_url: &str, data: &Path, arguments: &[&str]) -> Self {
        let address = free_address();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_script-service"))
            .args(["--listen", &address.to_string(), "--db-url", db_url])
            .arg("--data")
            .arg(data)
            .args(arguments)
            .env("RUST_LOG", "error")
            .spawn()
            .unwrap();
        let script = Script {
            url: format!("http://{address}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: None,
            service: tokio::spawn(async { Ok(()) }),
        };
        // Whatever comes, the child is killed when this is dropped.
        let process = Self { script, child };
        process.script.until_ready().await;
        process
    }

    /// Kills it (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.service.abort();
    }
}

/// An address for a service that is killed and started again. The port is none that the system hands out: while
/// nobody listens there, a client that keeps on trying may be given it for its own end, and keep it.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 8_000).unwrap();
    loop {
        let port = 12_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 18_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// What became of a job's records.
pub(crate) fn counters(job: &Value) -> [u64; 5] {
    ["read", "inserted", "updated", "unchanged", "rejected"]
        .map(|name| job["counters"][name].as_u64().unwrap())
}
