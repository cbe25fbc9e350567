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

use crate::analyses::catalog::Catalog;
use crate::analyses::job::AnalysisRequest;
use crate::error::ApiError;
use crate::forecasts::request::ForecastRequest;
use crate::jobs::batch::Mode;
use crate::jobs::import::ImportRequest;
use crate::jobs::{JobKind, JobState};
use files::FilePattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use service_kit::faults::{self, Asked, Fault, Faults};
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
    Err(Fault::parameter(
        "name",
        format!(
            "the name of a schedule is 1 to {MAX_NAME} lower-case letters, digits, `-` and `_`, not `{name}`"
        ),
    )
    .into())
}

impl ScheduleRequest {
    /// The definition, its request checked as if it had been sent now. `Err` says all that is wrong.
    pub(crate) fn checked(self, catalog: &Catalog, default_zone: &str) -> Result<Definition, ApiError> {
        let mut faults = Faults::default();
        let watches = self.cron.is_none() && self.watch.is_some();
        if watches && self.job != JobKind::Import {
            faults.push(Fault::at("/job", "a file that comes can only be imported"));
        }
        let trigger = faults.take(trigger(self.cron, self.watch, self.time_zone, default_zone));
        let request = match self.job {
            JobKind::Import => import_request(self.request, watches).map(|request| json(&request)),
            JobKind::Analysis => analysis_request(self.request, catalog).map(|request| json(&request)),
            JobKind::Forecast => {
                let body = if self.request.is_null() {
                    String::new()
                } else {
                    self.request.to_string()
                };
                ForecastRequest::parse(body.as_bytes()).map(|request| json(&request))
            }
        };
        let request = request.map_err(|faults| -> Faults {
            faults.into_iter().map(|fault| fault.under("/request")).collect()
        });
        let request = faults.take(request);
        match (trigger, request) {
            (Some(trigger), Some(request)) if faults.is_empty() => Ok(Definition {
                kind: self.job,
                request: request?,
                trigger,
                catch_up: self.catch_up,
            }),
            _ => Err(faults.into()),
        }
    }
}

fn trigger(
    cron: Option<String>,
    watch: Option<String>,
    time_zone: Option<String>,
    default_zone: &str,
) -> Result<Trigger, Faults> {
    match (cron, watch) {
        (Some(pattern), None) => {
            let time_zone = time_zone.unwrap_or_else(|| default_zone.to_owned());
            Times::parse(&pattern, &time_zone)?;
            Ok(Trigger::Cron { pattern, time_zone })
        }
        (None, Some(pattern)) => {
            let mut faults = Faults::default();
            faults.take(FilePattern::parse(&pattern).map_err(|reason| Fault::at("/watch", reason)));
            if time_zone.is_some() {
                faults.push(Fault::at("/time_zone", "only `cron` has a time zone"));
            }
            faults.or(Trigger::Watch(pattern))
        }
        (Some(_), Some(_)) => {
            let reason = "a schedule has either `cron` or `watch`, not both";
            Err(Fault::at("/watch", reason).into())
        }
        (None, None) => {
            let reason = "a schedule has `cron`, such as \"0 6 * * *\", or `watch`, such as \"inbox/*.csv\"";
            Err(Fault::at("/cron", reason).into())
        }
    }
}

fn import_request(request: Value, watches: bool) -> Result<ImportRequest, Faults> {
    let Asked {
        value: mut import,
        mut faults,
    } = parse::<ImportRequest>(request)?;
    faults.extend(import.not_set_by_callers());
    if import.mode == Mode::Append {
        faults.push(Fault::at(
            "/mode",
            "`append` would add the same rows with every job; upsert, insert_new, replace_period and \
             replace_all leave the same rows however often they are run",
        ));
    }
    if watches {
        match import.sources.as_mut_slice() {
            [source] if source.path.is_none() && source.url.is_none() => {
                source.path = Some("file".to_owned());
            }
            [_] => faults.push(Fault::at(
                "/sources",
                "the source of a watch has neither `path` nor `url`: the file is the one that comes",
            )),
            _ => faults.push(Fault::at(
                "/sources",
                "a watch has one source that says the table, such as {\"sources\":[{\"table\":\"sales\"}]}",
            )),
        }
    }
    faults.extend(import.faults());
    if watches {
        for source in &mut import.sources {
            source.path = None;
        }
    }
    faults.or(import)
}

fn analysis_request(request: Value, catalog: &Catalog) -> Result<AnalysisRequest, Faults> {
    let Asked { value, mut faults } = parse::<AnalysisRequest>(request)?;
    faults.extend(value.faults(catalog));
    faults.or(value)
}

fn parse<T: Default + serde::de::DeserializeOwned>(request: Value) -> Result<Asked<T>, Faults> {
    if request.is_null() {
        return Ok(Asked {
            value: T::default(),
            faults: Faults::default(),
        });
    }
    if !request.is_object() {
        return Err(Fault::at("", "it is no JSON object").into());
    }
    faults::value(request)
}

fn json<T: Serialize>(request: &T) -> Result<String, ApiError> {
    serde_json::to_string(request).map_err(|error| ApiError::Internal(error.into()))
}
