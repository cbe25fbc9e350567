//! The typed client of script-service: how long its answers may take, and what is asked again.
//!
//! [`ScriptClient`] has a method for each route that a program of ours calls. A request that makes a job can be
//! [submitted](ScriptClient::submit) so that a lost answer loses nothing, and a job can be
//! [followed](ScriptClient::follow) to its end.

mod error;
mod follow;
mod retry;

pub use error::ScriptError;
pub use follow::Sight;
pub use reqwest::{Body, Method, Response};
pub use script_api;

use bytes::Bytes;
use error::innermost;
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use script_api::{
    Accuracy, AnalysisList, Answer, CancelRequest, ForecastComparison, ForecastPage, ForecastRequest,
    ForecastRun, ImportRequest, Job, JobPage, JobSummary, Preview, RejectList, RejectedRecord, Schedule,
    ScheduleList, ScheduleRequest, SourceRequest, UndoRequest, paths,
};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long what may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A connection.
    pub connect: Duration,
    /// A request with a small answer.
    pub answer: Duration,
    /// The state of a job.
    pub look: Duration,
    /// The silence of a service that a job is asked of, or to which a request is sent again.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_mins(2),
            look: Duration::from_secs(10),
            patience: Duration::from_mins(1),
        }
    }
}

/// A query string, name by name.
pub type Query<'a> = [(&'a str, String)];

/// A client of one script-service; cheap to clone.
#[derive(Debug, Clone)]
pub struct ScriptClient {
    http: reqwest::Client,
    base: Url,
    limits: Limits,
}

/// A new idempotency key, for one run of a command.
///
/// # Errors
///
/// When the system has no randomness.
pub fn new_key() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|why| std::io::Error::other(format!("no randomness for a key: {why}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

impl ScriptClient {
    /// A client of the script-service at `base`, such as `http://127.0.0.1:5000`. Nothing is sent yet.
    pub fn new(base: &str) -> Result<Self, ScriptError> {
        Self::with_limits(base, Limits::default())
    }

    /// The same with limits of its own.
    pub fn with_limits(base: &str, limits: Limits) -> Result<Self, ScriptError> {
        let wrong = |why: String| ScriptError::Address {
            url: base.to_owned(),
            why,
        };
        let mut parsed: Url = base
            .parse()
            .map_err(|why: url::ParseError| wrong(why.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong("the scheme must be http or https".into()));
        }
        if !parsed.path().ends_with('/') {
            parsed.set_path(&format!("{}/", parsed.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .no_proxy()
            .build()
            .map_err(|why| wrong(why.to_string()))?;
        Ok(Self {
            http,
            base: parsed,
            limits,
        })
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether it is ready to work.
    pub async fn ready(&self) -> Result<(), ScriptError> {
        let request = self.request(Method::GET, paths::READYZ, &[])?;
        self.send(request, Some(self.limits.connect)).await.map(drop)
    }

    /// A page of jobs, newest first; `query` as in `GET /jobs`.
    pub async fn jobs(&self, query: &Query<'_>) -> Result<JobPage, ScriptError> {
        self.get(paths::JOBS, query).await
    }

    /// The job as it is now.
    pub async fn job(&self, id: i64) -> Result<Job, ScriptError> {
        let request = self.request(Method::GET, &numbered(paths::JOB, id), &[])?;
        self.fetch(request, Some(self.limits.look)).await
    }

    /// What became of a job, in short: why it did not take records among it, the most frequent reason first.
    pub async fn summary(&self, id: i64) -> Result<JobSummary, ScriptError> {
        self.get(&numbered(paths::JOB_SUMMARY, id), &[]).await
    }

    /// Asks for the end of job `id` in the name of `by`; asking again changes nothing.
    pub async fn cancel(&self, id: i64, by: &str) -> Result<(), ScriptError> {
        let asked = CancelRequest {
            by: Some(by.to_owned()),
        };
        let request = self.request(Method::POST, &numbered(paths::JOB_CANCEL, id), &[])?;
        self.send(request.json(&asked), Some(self.limits.look))
            .await
            .map(drop)
    }

    /// Queues a job that takes import `id` back. The same `idempotency_key` queues it once.
    pub async fn undo(&self, id: i64, idempotency_key: &str, undo: UndoRequest) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, &numbered(paths::JOB_UNDO, id), &[])?
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .json(&undo);
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// Lets job `id`, which was given up, go on.
    pub async fn resume(&self, id: i64) -> Result<Job, ScriptError> {
        let request = self.request(Method::POST, &numbered(paths::JOB_RESUME, id), &[])?;
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// Queues an import of the configured sources. The same `idempotency_key` queues it once.
    pub async fn import_configured(&self, idempotency_key: &str) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, paths::JOBS_IMPORT, &[])?
            .header(IDEMPOTENCY_KEY, idempotency_key);
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// Queues an import that the service reads from its sources. The same `idempotency_key` queues it once.
    pub async fn import_sources(
        &self,
        idempotency_key: &str,
        import: &ImportRequest,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, paths::JOBS_IMPORT, &[])?
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .json(import);
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// Queues an import of `body`, one file; `query` as in `POST /jobs/import`. The same `idempotency_key` and
    /// file queue it once. It may take as long as it takes.
    pub async fn import_upload(
        &self,
        idempotency_key: &str,
        query: &Query<'_>,
        body: Body,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, paths::JOBS_IMPORT, query)?
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .body(body);
        self.fetch(request, None).await
    }

    /// What an import would make of `body`, a file or its beginning.
    pub async fn preview(&self, query: &Query<'_>, body: Body) -> Result<Preview, ScriptError> {
        let request = self
            .request(Method::POST, paths::IMPORTS_PREVIEW, query)?
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body);
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// The same of a source that the service reads.
    pub async fn preview_source(&self, source: &SourceRequest) -> Result<Preview, ScriptError> {
        let request = self.request(Method::POST, paths::IMPORTS_PREVIEW, &[])?;
        self.fetch(request.json(source), Some(self.limits.answer)).await
    }

    /// The first 10,000 records that a job did not take.
    pub async fn reject_list(&self, id: i64) -> Result<RejectList, ScriptError> {
        self.get(&numbered(paths::JOB_REJECTS, id), &[]).await
    }

    /// The first `limit` records that the job did not take.
    pub async fn first_rejects(&self, id: i64, limit: usize) -> Result<Vec<RejectedRecord>, ScriptError> {
        let query = [("format", "ndjson".to_owned())];
        let request = self.request(Method::GET, &numbered(paths::JOB_REJECTS, id), &query)?;
        let mut response = self.send(request, Some(self.limits.answer)).await?;
        let mut body = Vec::new();
        let mut ends = 0;
        while ends < limit
            && let Some(chunk) = response
                .chunk()
                .await
                .map_err(|why| self.unanswered(&why, Some(self.limits.answer)))?
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

    /// The rejects of a job, in the form that `query` says. It may take as long as it takes.
    pub async fn rejects(&self, id: i64, query: &Query<'_>) -> Result<Bytes, ScriptError> {
        let request = self.request(Method::GET, &numbered(paths::JOB_REJECTS, id), query)?;
        self.bytes(request, None).await
    }

    /// Queues the import of corrected rejects of job `id`; of all of them as they are when `body` is empty. The
    /// same `idempotency_key` queues it once.
    pub async fn replay(
        &self,
        id: i64,
        idempotency_key: &str,
        query: &Query<'_>,
        body: Bytes,
    ) -> Result<Job, ScriptError> {
        let request = self
            .request(Method::POST, &numbered(paths::JOB_REJECTS_REPLAY, id), query)?
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .body(body);
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// The schedules there are.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, ScriptError> {
        let list: ScheduleList = self.get(paths::SCHEDULES, &[]).await?;
        Ok(list.schedules)
    }

    /// The schedule `name`.
    pub async fn schedule(&self, name: &str) -> Result<Schedule, ScriptError> {
        self.get(&named(paths::SCHEDULE, name), &[]).await
    }

    /// Makes the schedule `name`, or changes it.
    pub async fn put_schedule(
        &self,
        name: &str,
        schedule: &ScheduleRequest,
    ) -> Result<Schedule, ScriptError> {
        let request = self.request(Method::PUT, &named(paths::SCHEDULE, name), &[])?;
        self.fetch(request.json(schedule), Some(self.limits.answer)).await
    }

    /// Deletes the schedule `name`.
    pub async fn delete_schedule(&self, name: &str) -> Result<(), ScriptError> {
        let request = self.request(Method::DELETE, &named(paths::SCHEDULE, name), &[])?;
        self.send(request, Some(self.limits.answer)).await.map(drop)
    }

    /// Queues a job of the schedule `name` now.
    pub async fn run_schedule(&self, name: &str) -> Result<Job, ScriptError> {
        let request = self.request(Method::POST, &named(paths::SCHEDULE_RUN, name), &[])?;
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// The analyses there are.
    pub async fn analyses(&self) -> Result<AnalysisList, ScriptError> {
        self.get(paths::ANALYSES, &[]).await
    }

    /// The answer of the analysis `name`; `query` as in `GET /analysis/{name}`.
    pub async fn answer(&self, name: &str, query: &Query<'_>) -> Result<Answer, ScriptError> {
        self.get(&named(paths::ANALYSIS, name), query).await
    }

    /// The same as it is sent, in the form that `accept` names.
    pub async fn answer_as(&self, name: &str, query: &Query<'_>, accept: &str) -> Result<Bytes, ScriptError> {
        let request = self
            .request(Method::GET, &named(paths::ANALYSIS, name), query)?
            .header(ACCEPT, accept);
        self.bytes(request, Some(self.limits.answer)).await
    }

    /// Queues a forecast of what `forecast` asks for.
    pub async fn submit_forecast(&self, forecast: &ForecastRequest) -> Result<Job, ScriptError> {
        let request = self.request(Method::POST, paths::JOBS_FORECAST, &[])?;
        self.fetch(request.json(forecast), Some(self.limits.answer)).await
    }

    /// A page of forecasts, newest first and without their points; `query` as in `GET /forecasts`.
    pub async fn forecasts(&self, query: &Query<'_>) -> Result<ForecastPage, ScriptError> {
        self.get(paths::FORECASTS, query).await
    }

    /// The newest forecast of the sales that `query` chooses, as in `GET /forecasts/latest`.
    pub async fn latest_forecast(&self, query: &Query<'_>) -> Result<ForecastRun, ScriptError> {
        self.get(paths::FORECASTS_LATEST, query).await
    }

    /// The models compared on one history; `query` as in `GET /forecasts/compare`.
    pub async fn compare_forecasts(&self, query: &Query<'_>) -> Result<ForecastComparison, ScriptError> {
        self.get(paths::FORECASTS_COMPARE, query).await
    }

    /// A forecast that was made.
    pub async fn forecast(&self, id: i64) -> Result<ForecastRun, ScriptError> {
        self.get(&numbered(paths::FORECAST, id), &[]).await
    }

    /// How right a forecast was.
    pub async fn forecast_accuracy(&self, id: i64) -> Result<Accuracy, ScriptError> {
        self.get(&numbered(paths::FORECAST_ACCURACY, id), &[]).await
    }

    /// A forecast that was made, as it is sent, in the form that `accept` names.
    pub async fn forecast_as(&self, id: i64, accept: &str) -> Result<Bytes, ScriptError> {
        let request = self
            .request(Method::GET, &numbered(paths::FORECAST, id), &[])?
            .header(ACCEPT, accept);
        self.bytes(request, Some(self.limits.answer)).await
    }

    /// `GET path` as JSON, for what has no method of its own.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>) -> Result<T, ScriptError> {
        let request = self.request(Method::GET, path, query)?;
        self.fetch(request, Some(self.limits.answer)).await
    }

    /// Sends a request on and gives its answer as it comes, whatever its status and however long it takes.
    /// `path_and_query` begins with a slash.
    pub async fn forward(
        &self,
        method: Method,
        path_and_query: &str,
        headers: Vec<(&'static str, String)>,
        body: Body,
    ) -> Result<Response, ScriptError> {
        let mut request = self.request(method, path_and_query, &[])?.body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map_err(|why| self.unanswered(&why, None))
    }

    /// Makes a job by `submission`, again when the answer was lost: it sends the same idempotency key each time,
    /// so the job is made once. It ends when the service has been silent for [`Limits::patience`].
    ///
    /// A service that cannot be reached at first, and one that refuses, are not asked again. `script_error` finds
    /// the error of this client in what `submission` fails with.
    pub async fn submit<T, E>(
        &self,
        script_error: impl Fn(&E) -> Option<&ScriptError>,
        submission: impl AsyncFn() -> Result<T, E>,
    ) -> Result<T, E> {
        retry::submit(self.limits.patience, script_error, submission).await
    }

    fn request(&self, method: Method, path: &str, query: &Query<'_>) -> Result<RequestBuilder, ScriptError> {
        let url = self
            .base
            .join(path.trim_start_matches('/'))
            .map_err(|why| ScriptError::Broken(format!("{path} is not a path: {why}")))?;
        Ok(self.http.request(method, url).query(query))
    }

    async fn fetch<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        limit: Option<Duration>,
    ) -> Result<T, ScriptError> {
        let body = self.bytes(request, limit).await?;
        serde_json::from_slice(&body).map_err(|why| ScriptError::Broken(why.to_string()))
    }

    async fn bytes(&self, request: RequestBuilder, limit: Option<Duration>) -> Result<Bytes, ScriptError> {
        let response = self.send(request, limit).await?;
        response.bytes().await.map_err(|why| self.unanswered(&why, limit))
    }

    /// Sends `request`, which may take `limit`; the answer when it is a success.
    async fn send(&self, request: RequestBuilder, limit: Option<Duration>) -> Result<Response, ScriptError> {
        let request = match limit {
            Some(limit) => request.timeout(limit),
            None => request,
        };
        let response = request.send().await.map_err(|why| self.unanswered(&why, limit))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response
            .bytes()
            .await
            .map_err(|why| self.unanswered(&why, limit))?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => ScriptError::Refused(Box::new(problem)),
            Err(_) => ScriptError::Broken(format!("status {status} without a problem document")),
        })
    }

    fn unanswered(&self, why: &reqwest::Error, limit: Option<Duration>) -> ScriptError {
        let url = self.base.as_str().trim_end_matches('/').to_owned();
        if why.is_connect() {
            return ScriptError::Unreachable {
                url,
                why: innermost(why),
            };
        }
        match limit {
            Some(limit) if why.is_timeout() => ScriptError::TimedOut { url, limit },
            _ => ScriptError::Lost {
                url,
                why: innermost(why),
            },
        }
    }
}

/// The path of `id` under `route`.
fn numbered(route: &str, id: i64) -> String {
    route.replace("{id}", &id.to_string())
}

/// The path of `name` under `route`, whatever letters it has.
fn named(route: &str, name: &str) -> String {
    let mut url = Url::parse("http://localhost").unwrap_or_else(|_| unreachable!("it is an address"));
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(name);
    }
    route.replace("{name}", url.path().trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_any_letters_is_one_segment_of_the_path() {
        assert_eq!(named(paths::SCHEDULE_RUN, "nightly"), "/schedules/nightly/run");
        assert_eq!(
            named(paths::ANALYSIS, "a/b?c d é"),
            "/analysis/a%2Fb%3Fc%20d%20%C3%A9"
        );
    }

    #[test]
    fn keys_differ() {
        assert_ne!(new_key().unwrap(), new_key().unwrap());
        assert_eq!(new_key().unwrap().len(), 32);
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_its_text() {
        for wrong in ["localhost:5000", "ftp://localhost", ""] {
            let error = ScriptClient::new(wrong).unwrap_err();
            assert!(matches!(error, ScriptError::Address { .. }), "{error}");
            assert!(error.to_string().contains(&format!("`{wrong}`")), "{error}");
        }
        assert!(ScriptClient::new("http://localhost:5000/behind/a/proxy").is_ok());
    }
}
