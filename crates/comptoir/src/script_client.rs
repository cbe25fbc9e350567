//! The client of script-service, and the only place with its timeouts.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request with a small answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Why script-service gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    /// No connection, or it broke off.
    #[error(
        "script-service at {url} cannot be reached: {why}; start it with `comptoir up`, or name another with --script-url"
    )]
    Unreachable { url: String, why: String },
    /// It answered with a problem document.
    #[error("{0}")]
    Refused(Problem),
    /// An answer that is not script-service's.
    #[error("script-service gave an answer that cannot be read: {0}")]
    Broken(String),
}

/// A problem document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Problem {
    /// The stable name of the error.
    code: String,
    /// The same in words.
    #[serde(default)]
    detail: String,
    /// The faults, when there are several.
    #[serde(default)]
    errors: Vec<Fault>,
}

/// One of several faults.
#[derive(Debug, Clone, Deserialize)]
struct Fault {
    #[serde(default)]
    detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let detail = if self.detail.is_empty() {
            &self.code
        } else {
            &self.detail
        };
        f.write_str(detail)?;
        for fault in &self.errors {
            if !self.detail.contains(&fault.detail) {
                write!(f, "; {}", fault.detail)?;
            }
        }
        Ok(())
    }
}

/// A client of one script-service; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ScriptClient {
    http: reqwest::Client,
    base: String,
}

impl ScriptClient {
    /// A client of the script-service at `base`. Nothing is sent yet.
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is ready to work.
    pub(crate) async fn ready(&self) -> Result<(), ScriptError> {
        let request = self.request(Method::GET, "/readyz");
        self.send(request.timeout(CONNECT_TIMEOUT)).await.map(drop)
    }

    /// Whether it has ever been given a job.
    pub(crate) async fn has_jobs(&self) -> Result<bool, ScriptError> {
        let jobs: JobList = self.get("/jobs?page_size=1").await?;
        Ok(!jobs.jobs.is_empty())
    }

    /// Queues an import of the configured sources. The same `idempotency_key` queues it once.
    pub(crate) async fn import_configured(&self, idempotency_key: &str) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, "/jobs/import")
            .header("idempotency-key", idempotency_key);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Queues an import that the service reads from its sources: `body` is the request as JSON.
    pub(crate) async fn import_sources(&self, body: &serde_json::Value) -> Result<Job, ScriptError> {
        let request = self.request(Method::POST, "/jobs/import").json(body);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Queues an import of `body`, one file; `options` go into the query string.
    pub(crate) async fn import_upload(
        &self,
        options: &[(&str, String)],
        body: reqwest::Body,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, "/jobs/import")
            .query(options)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body);
        self.fetch(request).await
    }

    /// Queues a forecast: `body` is the request as JSON.
    pub(crate) async fn submit_forecast(&self, body: &serde_json::Value) -> Result<Job, ScriptError> {
        let request = self.request(Method::POST, "/jobs/forecast").json(body);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// A forecast that was made, in the form that `accept` names.
    pub(crate) async fn forecast(&self, id: i64, accept: &str) -> Result<Bytes, ScriptError> {
        let request = self
            .request(Method::GET, &format!("/forecasts/{id}"))
            .header(ACCEPT, accept)
            .timeout(REQUEST_TIMEOUT);
        body_of(self.send(request).await?).await
    }

    /// What an import would make of `body`, a file or its beginning.
    pub(crate) async fn preview(
        &self,
        options: &[(&str, String)],
        body: reqwest::Body,
    ) -> Result<serde_json::Value, ScriptError> {
        let request = self
            .request(Method::POST, "/imports/preview")
            .query(options)
            .header(CONTENT_TYPE, "application/octet-stream")
            .timeout(REQUEST_TIMEOUT)
            .body(body);
        self.fetch(request).await
    }

    /// The rejects of a job, in the form that `query` says.
    pub(crate) async fn rejects(&self, id: i64, query: &[(&str, &str)]) -> Result<Bytes, ScriptError> {
        let request = self
            .request(Method::GET, &format!("/jobs/{id}/rejects"))
            .query(query);
        body_of(self.send(request).await?).await
    }

    /// Queues the import of corrected rejects of job `id`; of all of them as they are when `body` is empty.
    pub(crate) async fn replay(
        &self,
        id: i64,
        options: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, &format!("/jobs/{id}/rejects/replay"))
            .query(options)
            .header(CONTENT_TYPE, "application/octet-stream")
            .timeout(REQUEST_TIMEOUT)
            .body(body);
        self.fetch(request).await
    }

    /// The schedules there are.
    pub(crate) async fn schedules(&self) -> Result<Vec<Schedule>, ScriptError> {
        let list: ScheduleList = self.get("/schedules").await?;
        Ok(list.schedules)
    }

    /// The schedule `name`, every member of it.
    pub(crate) async fn schedule(&self, name: &str) -> Result<serde_json::Value, ScriptError> {
        let request = self.http.get(self.schedule_url(name, None)?);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Makes the schedule `name`, or changes it: `body` is what it is to be, as JSON.
    pub(crate) async fn put_schedule(
        &self,
        name: &str,
        body: &serde_json::Value,
    ) -> Result<Schedule, ScriptError> {
        let request = self.http.put(self.schedule_url(name, None)?).json(body);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Deletes the schedule `name`.
    pub(crate) async fn delete_schedule(&self, name: &str) -> Result<(), ScriptError> {
        let request = self.http.delete(self.schedule_url(name, None)?);
        self.send(request.timeout(REQUEST_TIMEOUT)).await.map(drop)
    }

    /// Queues a job of the schedule `name` now.
    pub(crate) async fn run_schedule(&self, name: &str) -> Result<Job, ScriptError> {
        let request = self.http.post(self.schedule_url(name, Some("run"))?);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    fn schedule_url(&self, name: &str, action: Option<&str>) -> Result<reqwest::Url, ScriptError> {
        self.url(["schedules", name].into_iter().chain(action))
    }

    /// How the analysis `name` is best drawn, if it says so.
    pub(crate) async fn chart(&self, name: &str) -> Result<Option<Chart>, ScriptError> {
        let list: AnalysisList = self.get("/analysis").await?;
        Ok(list
            .analyses
            .into_iter()
            .find(|analysis| analysis.name == name)
            .and_then(|analysis| analysis.chart))
    }

    /// The job as it is now.
    pub(crate) async fn get_job(&self, id: i64) -> Result<Job, ScriptError> {
        self.get(&format!("/jobs/{id}")).await
    }

    /// The first `limit` records that the job did not take.
    pub(crate) async fn list_rejects(&self, id: i64, limit: usize) -> Result<Vec<Reject>, ScriptError> {
        let request = self.request(Method::GET, &format!("/jobs/{id}/rejects?format=ndjson"));
        let body = body_of(self.send(request.timeout(REQUEST_TIMEOUT)).await?).await?;
        body.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .take(limit)
            .map(|line| serde_json::from_slice(line).map_err(|why| ScriptError::Broken(why.to_string())))
            .collect()
    }

    /// The answer of an analysis, in the form that `accept` names.
    pub(crate) async fn analysis(
        &self,
        name: &str,
        options: &[(&str, String)],
        accept: &str,
    ) -> Result<Bytes, ScriptError> {
        let request = self
            .http
            .get(self.url(["analysis", name])?)
            .query(options)
            .header(ACCEPT, accept)
            .timeout(REQUEST_TIMEOUT);
        body_of(self.send(request).await?).await
    }

    /// The address of `segments`, whatever letters they have.
    fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<reqwest::Url, ScriptError> {
        let mut path = url_of(&self.base)?;
        match path.path_segments_mut() {
            Ok(mut place) => place.pop_if_empty().extend(segments),
            Err(()) => return Err(ScriptError::Broken(format!("`{}` is no address", self.base))),
        };
        Ok(path)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ScriptError> {
        self.fetch(self.request(Method::GET, path).timeout(REQUEST_TIMEOUT))
            .await
    }

    async fn fetch<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ScriptError> {
        let body = body_of(self.send(request).await?).await?;
        serde_json::from_slice(&body).map_err(|why| ScriptError::Broken(why.to_string()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ScriptError> {
        let response = request.send().await.map_err(|why| ScriptError::Unreachable {
            url: self.base.clone(),
            why: innermost(&why),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = body_of(response).await?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => ScriptError::Refused(problem),
            Err(_) => ScriptError::Broken(format!("status {status} without a problem document")),
        })
    }
}

fn url_of(base: &str) -> Result<reqwest::Url, ScriptError> {
    base.parse()
        .map_err(|why| ScriptError::Broken(format!("`{base}` is no address: {why}")))
}

async fn body_of(response: Response) -> Result<Bytes, ScriptError> {
    let read: Result<Bytes, reqwest::Error> = response.bytes().await;
    read.map_err(|why| ScriptError::Broken(innermost(&why)))
}

/// The message of the last error in a chain: the others only say that there is one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A job, as far as the command line looks at it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    /// Its number.
    pub(crate) id: i64,
    state: String,
    /// How many records went which way so far.
    #[serde(default)]
    pub(crate) counters: Counters,
    #[serde(default)]
    progress: JobProgress,
    error: Option<Problem>,
    result: Option<JobResult>,
    /// What the service wants said about it.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

/// How many records went which way: `read` is the sum of the others but `warnings`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    pub(crate) read: u64,
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) unchanged: u64,
    pub(crate) rejected: u64,
    pub(crate) warnings: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct JobProgress {
    bytes: u64,
    bytes_total: Option<u64>,
    phase: Option<String>,
    rows_total: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct JobResult {
    id: Option<i64>,
}

impl Job {
    /// Whether nothing more will happen to it.
    pub(crate) fn is_finished(&self) -> bool {
        !matches!(self.state.as_str(), "queued" | "running" | "interrupted")
    }

    /// Whether it ended without doing what was asked.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "cancelled")
    }

    /// Why it ended like that.
    pub(crate) fn reason(&self) -> String {
        match &self.error {
            Some(problem) => problem.to_string(),
            None => self.state.clone(),
        }
    }

    /// The id of the forecast that it made.
    pub(crate) fn forecast_id(&self) -> Option<i64> {
        self.result.and_then(|result| result.id)
    }

    /// What it does now.
    pub(crate) fn phase(&self) -> Option<&str> {
        self.progress.phase.as_deref()
    }

    /// How many bytes of the current source are read, and how many it has.
    pub(crate) fn bytes(&self) -> (u64, Option<u64>) {
        (self.progress.bytes, self.progress.bytes_total)
    }

    /// How many records there are, once that is known.
    pub(crate) fn records_total(&self) -> Option<u64> {
        self.progress.rows_total
    }
}

/// A schedule, as far as the command line looks at it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Schedule {
    /// Its name.
    pub(crate) name: String,
    /// The kind of its jobs.
    pub(crate) job: String,
    /// When.
    pub(crate) cron: Option<String>,
    /// In which `cron` is read.
    pub(crate) time_zone: Option<String>,
    /// Which files.
    pub(crate) watch: Option<String>,
    /// Whether it makes jobs.
    pub(crate) enabled: bool,
    /// The next times.
    pub(crate) next_runs: Vec<String>,
    /// How many times passed without a job.
    pub(crate) skipped: u64,
    /// The last job that it made.
    pub(crate) last_job: Option<ScheduledJob>,
}

/// A job that a schedule made.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ScheduledJob {
    /// Its number.
    pub(crate) id: i64,
    /// What became of it.
    pub(crate) state: String,
}

#[derive(Debug, Deserialize)]
struct ScheduleList {
    schedules: Vec<Schedule>,
}

/// How an analysis is best drawn.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Chart {
    /// `number`, `bar`, `line` or `map`.
    pub(crate) kind: String,
    /// The columns that are drawn.
    pub(crate) y: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct AnalysisList {
    analyses: Vec<AnalysisEntry>,
}

#[derive(Debug, Deserialize)]
struct AnalysisEntry {
    name: String,
    chart: Option<Chart>,
}

#[derive(Debug, Deserialize)]
struct JobList {
    jobs: Vec<serde::de::IgnoredAny>,
}

/// A record that was not taken.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reject {
    /// The physical line where it begins; the first is 1.
    pub(crate) line: u64,
    /// The column at fault, when one is.
    pub(crate) column: Option<String>,
    /// What stands there.
    pub(crate) value: Option<String>,
    /// The stable name of the reason.
    pub(crate) code: String,
    /// The same in words.
    pub(crate) message: String,
}
