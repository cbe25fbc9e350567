//! The program itself, as a child process: for what would harm the process of the tests.

use super::http::until;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use test_kit::ReservedPort;

/// A running program, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    url: String,
    http: reqwest::Client,
    _folder: TempDir,
    _port: ReservedPort,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts it with `arguments` on a new database.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = ReservedPort::take();
        let child = Command::new(env!("CARGO_BIN_EXE_db-service"))
            .args(["--listen", &port.address().to_string()])
            .arg("--database")
            .arg(folder.path().join("test.db"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self {
            child,
            url: format!("http://{}", port.address()),
            http: reqwest::Client::new(),
            _folder: folder,
            _port: port,
        };
        until("the program answers", async || {
            program
                .http
                .get(format!("{}/healthz", program.url))
                .send()
                .await
                .is_ok()
        })
        .await;
        program
    }

    /// Posts JSON; the status and the text of the answer.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, String) {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Posts a statement.
    pub(crate) async fn send(&self, path: &str, sql: &str) -> (u16, String) {
        self.post(path, json!({"sql": sql})).await
    }

    /// Runs a statement that succeeds.
    pub(crate) async fn run(&self, sql: &str) {
        let (status, text) = self.send("/v1/execute", sql).await;
        assert_eq!(status, 200, "{sql:.200}: {text:.500}");
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory that it has had in use so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .unwrap();
        kib.trim().parse::<u64>().unwrap() << 10
    }
}
