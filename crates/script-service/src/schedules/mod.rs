//! Schedules: jobs that are asked for again and again, at the times of a cron pattern or when a file comes.
//!
//! | file | what it does |
//! | --- | --- |
//! | `times` | the times of a cron pattern |
//! | `files` | the files that a pattern names |
//! | `store` | the rows |
//! | `clock` | makes the jobs |
//!
//! A schedule is a row, and so is each time at which it made a job: schedule and occurrence of a job are
//! unique, so however many processes look, there is one job for each time and for each state of a file.

pub(crate) mod clock;
pub(crate) mod files;
pub(crate) mod store;
pub(crate) mod times;

use crate::analysis::catalog::Catalog;
use crate::error::ApiError;
use crate::forecasting::request::ForecastRequest;
use crate::jobs::analysis::AnalysisRequest;
use crate::jobs::batch::Mode;
use crate::jobs::import::ImportRequest;
use crate::jobs::{JobKind, JobState};
use files::FilePattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use times::Times;
use utoipa::ToSchema;

/// How long a name may be, in characters.
const MAX_NAME: usize = 64;

fn yes() -> bool {
    true
}

fn import() -> JobKind {
    JobKind::Import
}

/// What a schedule is to be. It has either `cron` or `watch`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleRequest {
    /// The kind of jobs: `import` unless said otherwise.
    #[serde(default = "import")]
    pub job: JobKind,
    /// What `POST /jobs/{kind}` takes as its body; nothing means the same there. The one source of a `watch`
    /// comes without `path`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"sources": [{"table": "sales", "url": "https://example.org/sales.csv"}]}))]
    pub request: Value,
    /// When: minute, hour, day of month, month, day of week.
    #[schema(example = "0 6 * * 1-5")]
    pub cron: Option<String>,
    /// In which time zone `cron` is read; the service's setting unless given.
    #[schema(example = "Europe/Paris")]
    pub time_zone: Option<String>,
    /// Which files: a pattern under the data folder, `*` and `?` in its last part. Each file is imported when
    /// it is there and no longer grows, and again when it changes.
    #[schema(example = "inbox/*.csv")]
    pub watch: Option<String>,
    /// Whether times that passed while no service ran are made up for, by one job.
    #[serde(default = "yes")]
    pub catch_up: bool,
    /// Whether it makes jobs.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A schedule that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub kind: JobKind,
    /// The arguments of its jobs, as JSON; for a watch without the file.
    pub request: String,
    pub trigger: Trigger,
    pub catch_up: bool,
}

/// What makes a schedule make jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trigger {
    Cron { pattern: String, time_zone: String },
    Watch(String),
}

/// A schedule as callers see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedule {
    /// Its name.
    #[schema(example = "nightly")]
    pub name: String,
    /// The kind of its jobs.
    pub job: JobKind,
    /// Their arguments.
    #[schema(value_type = Object)]
    pub request: Box<RawValue>,
    /// When; null for one that watches.
    pub cron: Option<String>,
    /// In which `cron` is read.
    pub time_zone: Option<String>,
    /// Which files; null for one with times.
    pub watch: Option<String>,
    /// Whether times that passed while no service ran are made up for, by one job.
    pub catch_up: bool,
    /// Whether it makes jobs.
    pub enabled: bool,
    /// The next times, in its time zone.
    #[schema(example = json!(["2023-12-01T06:00:00+01:00"]))]
    pub next_runs: Vec<String>,
    /// How many times passed without a job.
    pub skipped: i64,
    /// Why the last of them did.
    pub last_skip: Option<String>,
    /// The last job that it made.
    pub last_job: Option<ScheduledJob>,
    /// When it was made.
    pub created_at: String,
}

/// A job that a schedule made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduledJob {
    /// Its id.
    pub id: i64,
    /// What became of it so far.
    pub state: JobState,
    /// What it was made for: a time, or a file with its size and time of change.
    pub occurrence: String,
}

/// `name` if a schedule may have it.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let plain = !name.is_empty()
        && name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
    if plain {
        return Ok(());
    }
    Err(field(
        "name",
        format!(
            "the name of a schedule is 1 to {MAX_NAME} lower-case letters, digits, `-` and `_`, not `{name}`"
        ),
    ))
}

impl ScheduleRequest {
    /// The definition, its request checked as if it had been sent now.
    pub(crate) fn checked(self, catalog: &Catalog, default_zone: &str) -> Result<Definition, ApiError> {
        let trigger = match (self.cron, self.watch) {
            (Some(pattern), None) => {
                let time_zone = self.time_zone.unwrap_or_else(|| default_zone.to_owned());
                Times::parse(&pattern, &time_zone)?;
                Trigger::Cron { pattern, time_zone }
            }
            (None, Some(pattern)) => {
                FilePattern::parse(&pattern).map_err(|reason| field("watch", reason))?;
                if self.time_zone.is_some() {
                    return Err(field("time_zone", "only `cron` has a time zone"));
                }
                Trigger::Watch(pattern)
            }
            (Some(_), Some(_)) => {
                return Err(field(
                    "watch",
                    "a schedule has either `cron` or `watch`, not both",
                ));
            }
            (None, None) => {
                return Err(field(
                    "cron",
                    "a schedule has `cron`, such as \"0 6 * * *\", or `watch`, such as \"inbox/*.csv\"",
                ));
            }
        };
        let watches = matches!(trigger, Trigger::Watch(_));
        if watches && self.job != JobKind::Import {
            return Err(field("job", "a file that comes can only be imported"));
        }
        let request = match self.job {
            JobKind::Import => import_request(self.request, watches)?,
            JobKind::Analysis => analysis_request(self.request, catalog)?,
            JobKind::Forecast => {
                let body = if self.request.is_null() {
                    String::new()
                } else {
                    self.request.to_string()
                };
                json(&ForecastRequest::parse(body.as_bytes())?)?
            }
        };
        Ok(Definition {
            kind: self.job,
            request,
            trigger,
            catch_up: self.catch_up,
        })
    }
}

fn import_request(request: Value, watches: bool) -> Result<String, ApiError> {
    let mut import: ImportRequest = parse(request)?;
    if import.replay_of.is_some() || import.sources.iter().any(|source| source.upload.is_some()) {
        return Err(field("request", "a source has either `path` or `url`"));
    }
    if import.mode == Mode::Append {
        return Err(field(
            "request.mode",
            "`append` would add the same rows with every job; upsert, insert_new, replace_period and \
             replace_all leave the same rows however often they are run",
        ));
    }
    if !watches {
        return json(&import.checked().map_err(|reason| field("request", reason))?);
    }
    let [source] = import.sources.as_mut_slice() else {
        return Err(field(
            "request.sources",
            "a watch has one source that says the table, such as {\"sources\":[{\"table\":\"sales\"}]}",
        ));
    };
    if source.path.is_some() || source.url.is_some() {
        return Err(field(
            "request.sources",
            "the source of a watch has neither `path` nor `url`: the file is the one that comes",
        ));
    }
    source.path = Some("file".to_owned());
    let mut import = import.checked().map_err(|reason| field("request", reason))?;
    if let Some(source) = import.sources.first_mut() {
        source.path = None;
    }
    json(&import)
}

fn analysis_request(request: Value, catalog: &Catalog) -> Result<String, ApiError> {
    let asked: AnalysisRequest = parse(request)?;
    if let Some(unknown) = asked.analyses.iter().find(|name| catalog.find(name).is_none()) {
        return Err(field(
            "request.analyses",
            format!("there is no analysis `{unknown}`"),
        ));
    }
    json(&asked)
}

fn parse<T: Default + serde::de::DeserializeOwned>(request: Value) -> Result<T, ApiError> {
    if request.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(request).map_err(|error| field("request", error.to_string()))
}

fn json<T: Serialize>(request: &T) -> Result<String, ApiError> {
    serde_json::to_string(request).map_err(|error| ApiError::Internal(error.into()))
}

fn field(field: &str, reason: impl Into<String>) -> ApiError {
    ApiError::Field {
        field: field.to_owned(),
        reason: reason.into(),
    }
}
