//! The typed client of db-service: how long its answers may take, and what is asked again.
//!
//! A request is sent again, with growing pauses, when it cannot have had an effect or when repeating it is
//! safe: reads, and writes that carry an idempotency key. [`DbClient::execute`] and [`DbClient::batch`] give
//! every write such a key, so a write whose answer got lost is not done twice.

mod error;
mod retry;
mod rows;

pub use db_api;
pub use error::DbError;
pub use rows::{Rows, json_text};

use bytes::Bytes;
use db_api::{
    BatchOutcome, BatchRequest, BatchResult, BulkReport, ExecuteRequest, ExecuteResult, IDEMPOTENCY_KEY,
    OnConflict, OnError, Params, QueryRequest, QueryResult, Statement, Table, TableList,
};
use futures_util::Stream;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use std::time::Duration;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection is kept for the next request: less than a service waits for one.
const IDLE: Duration = Duration::from_secs(20);
/// How long a request with a small answer may take: longer than any statement limit in common use.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// A client of one db-service; cheap to clone.
#[derive(Debug, Clone)]
pub struct DbClient {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// The media type of a bulk insert's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsFormat {
    /// A header line, then a line a row.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// An array of JSON objects.
    Json,
}

impl RowsFormat {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
        }
    }
}

impl DbClient {
    /// A client of the db-service at `base`, such as `http://127.0.0.1:8080`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When `base` is no http or https URL.
    pub fn new(base: &str, token: Option<String>) -> Result<Self, DbError> {
        let parsed: reqwest::Url = base.parse().map_err(|why| DbError::Address {
            url: base.to_owned(),
            why: format!("{why}"),
        })?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(DbError::Address {
                url: base.to_owned(),
                why: "the scheme must be http or https".into(),
            });
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .no_proxy()
            .build()
            .map_err(|why| DbError::Address {
                url: base.to_owned(),
                why: why.to_string(),
            })?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The address it was made with.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Runs one read-only statement.
    pub async fn query(&self, sql: &str, params: impl Into<Params>) -> Result<QueryResult, DbError> {
        self.query_request(&QueryRequest {
            sql: sql.to_owned(),
            params: params.into(),
            ..QueryRequest::default()
        })
        .await
    }

    /// The rows of one read-only statement as values of `T`, by the names of its columns ([`Rows::rows_as`]).
    ///
    /// # Errors
    ///
    /// Also when there are more rows than db-service gives in one answer (`max_rows`): none are left out in silence.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Vec<T>, DbError> {
        let answer = self.query(sql, params).await?;
        if answer.truncated {
            return Err(DbError::Broken(format!(
                "there are more than {} rows (max_rows)",
                answer.row_count
            )));
        }
        answer.rows_as()
    }

    /// The first row of one read-only statement as a value of `T`; none when there is no row.
    pub async fn first_row<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Option<T>, DbError> {
        let mut answer = self.query(sql, params).await?;
        answer.rows.truncate(1);
        Ok(answer.rows_as()?.pop())
    }

    /// Runs one read-only statement, every option given.
    pub async fn query_request(&self, request: &QueryRequest) -> Result<QueryResult, DbError> {
        self.post(db_api::QUERY, request, None).await
    }

    /// The answer of a read-only statement as a stream of bytes in the form `accept` names
    /// (`application/x-ndjson` or `text/csv`); its head has been checked, and a stream that breaks off ends
    /// with an error.
    pub async fn query_stream(
        &self,
        request: &QueryRequest,
        accept: &str,
    ) -> Result<impl Stream<Item = Result<Bytes, DbError>> + Send + 'static, DbError> {
        let builder = self
            .request(Method::POST, db_api::QUERY)
            .header(ACCEPT, accept)
            .json(request);
        let response = checked(builder.send().await.map_err(|why| self.unreachable(&why))?).await?;
        Ok(body_stream(response, self.base.clone()))
    }

    /// Runs one statement that may write; safe to repeat until it is answered.
    pub async fn execute(&self, sql: &str, params: impl Into<Params>) -> Result<ExecuteResult, DbError> {
        self.execute_request(&ExecuteRequest {
            sql: sql.to_owned(),
            params: params.into(),
            ..ExecuteRequest::default()
        })
        .await
    }

    /// Runs one statement that may write, every option given.
    pub async fn execute_request(&self, request: &ExecuteRequest) -> Result<ExecuteResult, DbError> {
        self.post(db_api::EXECUTE, request, fresh_key().as_deref()).await
    }

    /// Runs `statements` in one transaction: all or nothing.
    pub async fn transaction(&self, statements: Vec<Statement>) -> Result<Vec<ExecuteResult>, DbError> {
        let request = BatchRequest {
            statements,
            ..BatchRequest::default()
        };
        self.batch_of(&request).await
    }

    /// Runs `statements` in one transaction that may take `limit`, as far as db-service allows: for those that
    /// change millions of rows at once.
    pub async fn transaction_within(
        &self,
        limit: Duration,
        statements: Vec<Statement>,
    ) -> Result<Vec<ExecuteResult>, DbError> {
        let request = BatchRequest {
            statements,
            timeout_ms: u64::try_from(limit.as_millis()).ok(),
            ..BatchRequest::default()
        };
        self.batch_of(&request).await
    }

    async fn batch_of(&self, request: &BatchRequest) -> Result<Vec<ExecuteResult>, DbError> {
        let limit = patience(request);
        let result: BatchResult = self
            .post_within(limit, db_api::BATCH, request, fresh_key().as_deref())
            .await?;
        result
            .results
            .into_iter()
            .map(|outcome| match outcome {
                BatchOutcome::Ok(result) => Ok(result),
                BatchOutcome::Error(problem) => Err(DbError::Refused(Box::new(problem))),
            })
            .collect()
    }

    /// Runs a batch under `idempotency_key`: sent again with the same key, it answers what it answered.
    pub async fn batch(&self, request: &BatchRequest, idempotency_key: &str) -> Result<BatchResult, DbError> {
        self.post_within(patience(request), db_api::BATCH, request, Some(idempotency_key))
            .await
    }

    /// Inserts the rows of `body` into `table`, in one transaction. It is sent once: a stream cannot be
    /// read twice.
    pub async fn insert_rows(
        &self,
        table: &str,
        format: RowsFormat,
        on_conflict: OnConflict,
        on_error: OnError,
        body: impl Into<reqwest::Body>,
    ) -> Result<BulkReport, DbError> {
        let path = table_path(db_api::TABLE_ROWS, table);
        let on_error = if on_error == OnError::Skip {
            "skip"
        } else {
            "abort"
        };
        let response = self
            .request(Method::POST, &path)
            .query(&[
                ("on_conflict", on_conflict.to_string().as_str()),
                ("on_error", on_error),
            ])
            .header(CONTENT_TYPE, format.media_type())
            .body(body)
            .send()
            .await
            .map_err(|why| self.unreachable(&why))?;
        json(checked(response).await?).await
    }

    /// Tables and views, by name.
    pub async fn list_tables(&self) -> Result<TableList, DbError> {
        self.get(db_api::TABLES).await
    }

    /// The schema of one table.
    pub async fn get_table(&self, table: &str) -> Result<Table, DbError> {
        self.get(&table_path(db_api::TABLE, table)).await
    }

    /// A consistent copy of the database, as a stream of bytes.
    pub async fn backup(
        &self,
    ) -> Result<impl Stream<Item = Result<Bytes, DbError>> + Send + 'static, DbError> {
        let response = self.request(Method::GET, db_api::BACKUP).send().await;
        let response = checked(response.map_err(|why| self.unreachable(&why))?).await?;
        Ok(body_stream(response, self.base.clone()))
    }

    /// Whether db-service is ready to write.
    pub async fn ready(&self) -> Result<(), DbError> {
        let response = self
            .request(Method::GET, db_api::READYZ)
            .timeout(CONNECT_TIMEOUT)
            .send()
            .await;
        checked(response.map_err(|why| self.unreachable(&why))?)
            .await
            .map(drop)
    }

    /// Waits until db-service is ready, asking with growing pauses of at most two seconds. The log says once
    /// that it waits. It ends only with success: the caller sets a limit where it wants one.
    pub async fn wait_until_ready(&self) {
        retry::wait(&self.base, || self.ready()).await;
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let builder = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => builder.bearer_auth(token),
            None => builder,
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DbError> {
        self.send(REQUEST_TIMEOUT, || self.request(Method::GET, path))
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<T, DbError> {
        self.post_within(REQUEST_TIMEOUT, path, body, idempotency_key)
            .await
    }

    async fn post_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        path: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<T, DbError> {
        let body = Bytes::from(serde_json::to_vec(body).map_err(|why| DbError::Broken(why.to_string()))?);
        self.send(limit, || {
            let builder = self
                .request(Method::POST, path)
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
            match idempotency_key {
                Some(key) => builder.header(IDEMPOTENCY_KEY, key),
                None => builder,
            }
        })
        .await
    }

    /// Sends what `build` makes until it is answered or the attempts are used up. Each may take `limit`.
    async fn send<T: DeserializeOwned>(
        &self,
        limit: Duration,
        build: impl Fn() -> RequestBuilder,
    ) -> Result<T, DbError> {
        retry::send(|| self.attempt(build().timeout(limit))).await
    }

    async fn attempt<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, DbError> {
        let response = request.send().await;
        json(checked(response.map_err(|why| self.unreachable(&why))?).await?).await
    }

    fn unreachable(&self, why: &reqwest::Error) -> DbError {
        DbError::Unreachable {
            url: self.base.clone(),
            why: error::innermost(why),
        }
    }
}

/// How long an answer to `request` is waited for: somewhat longer than it may take.
fn patience(request: &BatchRequest) -> Duration {
    let asked = Duration::from_millis(request.timeout_ms.unwrap_or_default());
    REQUEST_TIMEOUT.max(asked + Duration::from_secs(30))
}

/// The path of `table` under `route`, its name percent-encoded.
fn table_path(route: &str, table: &str) -> String {
    let mut name = String::with_capacity(table.len());
    for byte in table.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}"); // a String takes every write
        }
    }
    route.replace("{table}", &name)
}

/// A key that no other request has; none without a source of randomness, and then a write whose answer
/// got lost may be done twice.
fn fresh_key() -> Option<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

async fn checked(response: Response) -> Result<Response, DbError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response
        .bytes()
        .await
        .map_err(|why| DbError::Broken(error::innermost(&why)))?;
    Err(match serde_json::from_slice(&body) {
        Ok(problem) => DbError::Refused(Box::new(problem)),
        Err(_) => DbError::Broken(format!("status {status} without a problem document")),
    })
}

async fn json<T: DeserializeOwned>(response: Response) -> Result<T, DbError> {
    let body = response
        .bytes()
        .await
        .map_err(|why| DbError::Broken(error::innermost(&why)))?;
    serde_json::from_slice(&body).map_err(|why| DbError::Broken(why.to_string()))
}

fn body_stream(
    response: Response,
    url: String,
) -> impl Stream<Item = Result<Bytes, DbError>> + Send + 'static {
    use futures_util::StreamExt as _;
    response.bytes_stream().map(move |chunk| {
        chunk.map_err(|why| DbError::BrokeOff {
            url: url.clone(),
            why: error::innermost(&why),
        })
    })
}
