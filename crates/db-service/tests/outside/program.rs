//! The program db-service as a process of its own.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running program, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    url: String,
    http: Client,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer: its status and what it says. 0 stands for none.
pub(crate) type Answer = (u16, String);

impl Program {
    /// Starts it on `database`; `None` when it ends instead of answering.
    pub(crate) fn start(database: &Path, variables: &[(&str, String)]) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_db-service"))
            .args(["--listen", "127.0.0.1:0"])
            .arg("--database")
            .arg(database)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("RUST_LOG", "info")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.ok()?;
            let at = line.find("answers on http://")?;
            Some(line[at + "answers on ".len()..].trim().to_owned())
        });
        // What it logs further is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(url) = url else {
            child.wait().unwrap();
            return None;
        };
        Some(Self {
            child,
            url,
            http: Client::new(),
        })
    }

    /// Sends a request.
    pub(crate) async fn send(&self, method: Method, path: &str, media_type: &str, body: Vec<u8>) -> Answer {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .header("content-type", media_type)
            .body(body);
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                match response.bytes().await {
                    Ok(bytes) => (status, String::from_utf8_lossy(&bytes).into_owned()),
                    Err(cause) => (0, cause.to_string()),
                }
            }
            Err(cause) => (0, cause.to_string()),
        }
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, "application/json", body.to_string().into())
            .await
    }

    /// Gets `path`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", Vec::new()).await
    }

    /// The values of the first column.
    pub(crate) async fn ids(&self, sql: &str) -> Vec<i64> {
        let (status, text) = self.post("/v1/query", &json!({"sql": sql})).await;
        assert_eq!(status, 200, "{sql}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let rows = answer["rows"].as_array().unwrap();
        rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
    }
}
