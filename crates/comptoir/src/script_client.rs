//! The client of script-service, and the only place with its timeouts.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::Instant;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request with a small answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// How long the state of a job may take to come.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command goes on asking a service that gives no answer.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The pause before a request whose answer was lost is sent again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Why script-service gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    /// No connection.
    #[error(
        "script-service at {url} cannot be reached: {why}; start it with `comptoir up`, or name another with --script-url"
    )]
    Unreachable { url: String, why: String },
    /// The connection broke off, or no answer came in time: the request may have been done.
    #[error("the connection to script-service at {url} was lost: {why}")]
    Lost { url: String, why: String },
    /// The same, before the service had all of the request: nothing was done.
    #[error(
        "the connection to script-service at {url} broke off before all of it was sent, so nothing was imported: {why}"
    )]
    Cut { url: String, why: String },
    /// It answered with a problem document.
    #[error("{0}")]
    Refused(Problem),
    /// An answer that is not script-service's.
    #[error("script-service gave an answer that cannot be read: {0}")]
    Broken(String),
}

impl ScriptError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Cut { .. } => true,
            Self::Refused(problem) => problem.retryable,
            Self::Broken(_) => false,
        }
    }
}

/// A problem document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Problem {
    /// The stable name of the error.
    pub(crate) code: String,
    /// The same in words: all faults, when there are several.
    #[serde(default)]
    pub(crate) detail: String,
    /// Whether the same request may succeed later.
    #[serde(default)]
    retryable: bool,
    /// Every fault of the request.
    #[serde(default)]
    errors: Vec<Fault>,
}

impl Problem {
    /// Whether the request asks for what there is not, or in a way that cannot be understood: a fault of the
    /// arguments, then.
    pub(crate) fn is_of_the_arguments(&self) -> bool {
        matches!(self.code.as_str(), "invalid_request" | "not_found")
    }

    /// Whether a service that script-service needs, or itself, is not there yet.
    pub(crate) fn is_of_a_missing_service(&self) -> bool {
        matches!(self.code.as_str(), "not_ready" | "database_unavailable")
    }
}

/// One of several faults, and where it is: in the body, in the query string or in a header.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Fault {
    pointer: Option<String>,
    parameter: Option<String>,
    header: Option<String>,
    detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match &self.pointer {
            Some(pointer) => pointer.trim_start_matches('/').replace('/', "."),
            None => self
                .parameter
                .as_ref()
                .or(self.header.as_ref())
                .cloned()
                .unwrap_or_default(),
        };
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.detail)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.errors.as_slice() {
            [] | [_] if self.detail.is_empty() => f.write_str(&self.code),
            [] | [_] => f.write_str(&self.detail),
            faults => {
                write!(f, "{} faults:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

/// A new idempotency key, for one run of a command.
pub(crate) fn new_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|why| anyhow::anyhow!("no randomness for a key: {why}"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Makes a job by `submit`, again when the answer was lost: `submit` sends the same idempotency key each time.
///
/// A service that cannot be reached at first, and one that refuses, are not asked again.
pub(crate) async fn submit(submit: impl AsyncFn() -> anyhow::Result<Job>) -> anyhow::Result<Job> {
    let mut lost: Option<Instant> = None;
    let (mut pause, longest) = PAUSES;
    loop {
        let error = match submit().await {
            Ok(job) => return Ok(job),
            Err(error) => error,
        };
        let again = match (error.downcast_ref(), lost) {
            (Some(ScriptError::Lost { .. }), None) => true,
            (Some(error), Some(lost)) => error.may_pass() && lost.elapsed() < PATIENCE,
            (_, None) | (None, _) => false,
        };
        if !again {
            return Err(error);
        }
        lost.get_or_insert_with(Instant::now);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
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
            .header(IDEMPOTENCY_KEY, idempotency_key);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Queues an import that the service reads from its sources: `body` is the request as JSON.
    /// The same `idempotency_key` queues it once.
    pub(crate) async fn import_sources(
        &self,
        idempotency_key: &str,
        body: &serde_json::Value,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, "/jobs/import")
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .json(body);
        self.fetch(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Queues an import of `body`, one file; `options` go into the query string. The same `idempotency_key`
    /// and file queue it once.
    pub(crate) async fn import_upload(
        &self,
        idempotency_key: &str,
        options: &[(&str, String)],
        body: reqwest::Body,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, "/jobs/import")
            .query(options)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(IDEMPOTENCY_KEY, idempotency_key)
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
        self.body_of(self.send(request).await?).await
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
        self.body_of(self.send(request).await?).await
    }

    /// Queues the import of corrected rejects of job `id`; of all of them as they are when `body` is empty. The
    /// same `idempotency_key` queues it once.
    pub(crate) async fn replay(
        &self,
        id: i64,
        idempotency_key: &str,
        options: &[(&str, String)],
        body: Bytes,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, &format!("/jobs/{id}/rejects/replay"))
            .query(options)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(IDEMPOTENCY_KEY, idempotency_key)
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
        let request = self.request(Method::GET, &format!("/jobs/{id}"));
        self.fetch(request.timeout(LOOK_TIMEOUT)).await
    }

    /// Asks for the end of job `id` in the name of `by`; asking again changes nothing.
    pub(crate) async fn cancel_job(&self, id: i64, by: &str) -> Result<(), ScriptError> {
        let request = self
            .request(Method::POST, &format!("/jobs/{id}/cancel"))
            .json(&serde_json::json!({ "by": by }));
        self.send(request.timeout(LOOK_TIMEOUT)).await.map(drop)
    }

    /// The first `limit` records that the job did not take.
    pub(crate) async fn list_rejects(&self, id: i64, limit: usize) -> Result<Vec<Reject>, ScriptError> {
        let request = self.request(Method::GET, &format!("/jobs/{id}/rejects?format=ndjson"));
        let mut response = self.send(request.timeout(REQUEST_TIMEOUT)).await?;
        let mut body = Vec::new();
        let mut ends = 0;
        while ends < limit
            && let Some(chunk) = response.chunk().await.map_err(|why| self.lost(&why))?
        {
            ends += chunk.split(|byte| *byte == b'\n').count() - 1;
            body.extend_from_slice(&chunk);
        }
        body.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .take(limit)
            .map(|line| serde_json::from_slice(line).map_err(|why| ScriptError::Broken(why.to_string())))
            .collect()
    }

    /// Why job `id` did not take records, the most frequent reason first.
    pub(crate) async fn reject_groups(&self, id: i64) -> Result<Vec<RejectGroup>, ScriptError> {
        let summary: JobSummary = self.get(&format!("/jobs/{id}/summary")).await?;
        Ok(summary.rejects)
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
        self.body_of(self.send(request).await?).await
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
        let response = self.send(request).await?;
        let body = self.body_of(response).await?;
        serde_json::from_slice(&body).map_err(|why| ScriptError::Broken(why.to_string()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ScriptError> {
        let response = request.send().await.map_err(|why| {
            if why.is_connect() {
                ScriptError::Unreachable {
                    url: self.base.clone(),
                    why: innermost(&why),
                }
            } else {
                self.lost(&why)
            }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body_of(response).await?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => ScriptError::Refused(problem),
            Err(_) => ScriptError::Broken(format!("status {status} without a problem document")),
        })
    }

    async fn body_of(&self, response: Response) -> Result<Bytes, ScriptError> {
        response.bytes().await.map_err(|why| self.lost(&why))
    }

    fn lost(&self, why: &reqwest::Error) -> ScriptError {
        ScriptError::Lost {
            url: self.base.clone(),
            why: innermost(why),
        }
    }
}

fn url_of(base: &str) -> Result<reqwest::Url, ScriptError> {
    base.parse()
        .map_err(|why| ScriptError::Broken(format!("`{base}` is no address: {why}")))
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
    cancelled_by: Option<String>,
    /// Rows that a replacing import took away.
    #[serde(default)]
    pub(crate) deleted: u64,
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
    rows: u64,
    rows_total: Option<u64>,
    rows_per_s: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct JobResult {
    id: Option<i64>,
    rolled_back: Option<u64>,
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

    /// Whether somebody ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state == "cancelled"
    }

    /// Who did.
    pub(crate) fn cancelled_by(&self) -> Option<&str> {
        self.cancelled_by.as_deref()
    }

    /// How many rows were taken back when it was cancelled; `None` when those that it wrote are kept.
    pub(crate) fn rolled_back(&self) -> Option<u64> {
        self.result.and_then(|result| result.rolled_back)
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

    /// How many records of the current source are done, and how many it has, once that is known.
    pub(crate) fn records(&self) -> (u64, Option<u64>) {
        (self.progress.rows, self.progress.rows_total)
    }

    /// How many records it has done in a second since it began.
    pub(crate) fn records_per_second(&self) -> Option<u64> {
        self.progress.rows_per_s
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

#[derive(Debug, Deserialize)]
struct JobSummary {
    rejects: Vec<RejectGroup>,
}

/// Records that were not taken for the same reason.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RejectGroup {
    /// The stable name of the reason.
    pub(crate) code: String,
    /// The column at fault, when one is.
    pub(crate) column: Option<String>,
    /// How many records.
    pub(crate) records: u64,
    /// The physical line of the first of them.
    pub(crate) first_line: u64,
    /// What is wrong with the first of them, in words.
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::Cell;

    fn problem(document: Value) -> Problem {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn each_of_several_faults_is_told_once_and_on_a_line_of_its_own() {
        let faults = problem(json!({
            "code": "invalid_request",
            "detail": "sources.0.delimiter: one character; locale: `de` is none",
            "errors": [
                {"pointer": "/sources/0/delimiter", "code": "invalid_value", "detail": "one character"},
                {"parameter": "locale", "code": "invalid_value", "detail": "`de` is none"},
            ],
        }));
        let fault = problem(json!({
            "code": "invalid_request",
            "detail": "locale: `de` is none",
            "errors": [{"parameter": "locale", "code": "invalid_value", "detail": "`de` is none"}],
        }));

        assert_eq!(
            faults.to_string(),
            "2 faults:\n  sources.0.delimiter: one character\n  locale: `de` is none"
        );
        assert_eq!(fault.to_string(), "locale: `de` is none");
        assert_eq!(problem(json!({"code": "not_found"})).to_string(), "not_found");
    }

    fn lost() -> ScriptError {
        ScriptError::Lost {
            url: "http://localhost:5000".into(),
            why: "connection reset".into(),
        }
    }

    fn unreachable() -> ScriptError {
        ScriptError::Unreachable {
            url: "http://localhost:5000".into(),
            why: "connection refused".into(),
        }
    }

    fn refused(document: Value) -> ScriptError {
        ScriptError::Refused(problem(document))
    }

    fn job() -> Job {
        serde_json::from_value(json!({"id": 7, "state": "queued"})).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_again_when_its_answer_was_lost() {
        let sent = Cell::new(0);

        let made = submit(async || {
            sent.set(sent.get() + 1);
            match sent.get() {
                1 => Err(lost().into()),
                2 => Err(unreachable().into()),
                3 => Err(refused(json!({"code": "not_ready", "retryable": true})).into()),
                _ => Ok(job()),
            }
        })
        .await;

        assert_eq!((made.unwrap().id, sent.get()), (7, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_not_sent_for_ever() {
        let began = Instant::now();

        let given_up = submit(async || Err(lost().into())).await.unwrap_err();

        assert!(given_up.is::<ScriptError>(), "{given_up:?}");
        assert!(began.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn a_request_that_never_arrived_or_was_refused_is_not_sent_again() {
        let errors: [fn() -> ScriptError; 3] = [
            unreachable,
            || refused(json!({"code": "invalid_request"})),
            || refused(json!({"code": "queue_full", "retryable": true})),
        ];
        for error in errors {
            let sent = Cell::new(0);
            let failed = submit(async || {
                sent.set(sent.get() + 1);
                Err(error().into())
            })
            .await;
            assert!(failed.is_err());
            assert_eq!(sent.get(), 1);
        }
    }

    #[test]
    fn keys_differ() {
        assert_ne!(new_key().unwrap(), new_key().unwrap());
        assert_eq!(new_key().unwrap().len(), 32);
    }
}
