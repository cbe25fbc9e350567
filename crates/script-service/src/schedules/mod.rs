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

use crate::analyses;
use crate::analyses::catalog::Catalog;
use crate::error::ApiError;
use crate::forecasts::request::ForecastRequest;
use crate::jobs::import;
use files::FilePattern;
use script_api::{AnalysisRequest, ImportRequest, JobKind, Mode, ScheduleRequest};
use serde::Serialize;
use serde_json::Value;
use service_kit::faults::{self, Asked, Fault, Faults};
use times::Times;

/// How long a name may be, in characters.
const MAX_NAME: usize = 64;

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

/// The definition that `asked` means, its request checked as if it had been sent now. `Err` says all that is wrong.
pub(crate) fn checked(
    asked: ScheduleRequest,
    catalog: &Catalog,
    default_zone: &str,
) -> Result<Definition, ApiError> {
    let mut faults = Faults::default();
    let watches = asked.cron.is_none() && asked.watch.is_some();
    if watches && asked.job != JobKind::Import {
        faults.push(Fault::at("/job", "a file that comes can only be imported"));
    }
    let trigger = faults.take(trigger(asked.cron, asked.watch, asked.time_zone, default_zone));
    let request = match asked.job {
        JobKind::Import => import_request(asked.request, watches).map(|request| json(&request)),
        JobKind::Analysis => analysis_request(asked.request, catalog).map(|request| json(&request)),
        JobKind::Forecast => {
            let body = if asked.request.is_null() {
                String::new()
            } else {
                asked.request.to_string()
            };
            ForecastRequest::parse(body.as_bytes()).map(|request| json(&request))
        }
    };
    let request = request
        .map_err(|faults| -> Faults { faults.into_iter().map(|fault| fault.under("/request")).collect() });
    let request = faults.take(request);
    match (trigger, request) {
        (Some(trigger), Some(request)) if faults.is_empty() => Ok(Definition {
            kind: asked.job,
            request: request?,
            trigger,
            catch_up: asked.catch_up,
        }),
        _ => Err(faults.into()),
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
    faults.extend(import::not_set_by_callers(&import));
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
    faults.extend(import::faults(&import));
    if watches {
        for source in &mut import.sources {
            source.path = None;
        }
    }
    faults.or(import)
}

fn analysis_request(request: Value, catalog: &Catalog) -> Result<AnalysisRequest, Faults> {
    let Asked { value, mut faults } = parse::<AnalysisRequest>(request)?;
    faults.extend(analyses::job::faults(&value, catalog));
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
