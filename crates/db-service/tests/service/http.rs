//! Requests as curl would send them.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::{Duration, Instant};
use test_kit::TestDb;
use test_kit::contract::{Answered, Contract};

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    /// A header as text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The stable code of a problem document, after a look at its form.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The detail of a problem document.
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

/// A request to `path` of `db`.
pub(crate) fn request(db: &TestDb, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", db.url))
}

/// Sends `request` and reads the answer whole; whatever it is, it is as the contract says.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let is_hrana_1 = body.is_some_and(|body| {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        body.get("stmt").is_some() || body.get("batch").is_some()
    });
    let response = client.execute(request).await.unwrap();
    let answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    };
    // What is answered to version 1 of Hrana is in that protocol's own form.
    if !is_hrana_1 {
        let answered = Answered {
            method: method.as_str(),
            path: &path,
            status: answer.status,
            content_type: answer.header("content-type"),
            body: &answer.text,
        };
        if let Err(why) = Contract::of_db_service().check(answered) {
            panic!("not as the contract says: {why}");
        }
    }
    answer
}

/// Posts JSON.
pub(crate) async fn post(db: &TestDb, path: &str, body: Value) -> Answer {
    send(request(db, Method::POST, path).json(&body)).await
}

/// Posts rows of `media_type`.
pub(crate) async fn post_rows(
    db: &TestDb,
    path: &str,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    send(
        request(db, Method::POST, path)
            .header("content-type", media_type)
            .body(body),
    )
    .await
}

/// Gets `path`.
pub(crate) async fn get(db: &TestDb, path: &str) -> Answer {
    send(request(db, Method::GET, path)).await
}

/// Runs statements that must succeed.
pub(crate) async fn run(db: &TestDb, statements: &[&str]) {
    for sql in statements {
        db.client
            .execute(sql, [])
            .await
            .unwrap_or_else(|why| panic!("{sql}: {why}"));
    }
}

/// How long a condition may take to come true: far more than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks `question` again until it says yes.
pub(crate) async fn until(what: &str, mut question: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !question().await {
        assert!(Instant::now() < deadline, "it never came about that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads an answer to its end, however it ends; the last of it.
pub(crate) async fn until_end(mut response: reqwest::Response) -> String {
    let mut end = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        end.drain(..end.len().saturating_sub(2_000));
        end.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&end).into_owned()
}

/// A statement that runs until it is stopped.
pub(crate) const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

/// A statement with more rows than anybody reads.
pub(crate) const ENDLESS_ROWS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x, 'some text to fill the line' FROM n";
