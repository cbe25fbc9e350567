//! Schedules: jobs that are asked for again and again.

use crate::job::{JobKind, JobState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

fn yes() -> bool {
    true
}

fn import() -> JobKind {
    JobKind::Import
}

/// What a schedule is to be. It has either `cron` or `watch`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleDefinition)]
pub struct ScheduleRequest {
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

/// A schedule as callers see it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledJob {
    /// Its id.
    pub id: i64,
    /// What became of it so far.
    pub state: JobState,
    /// What it was made for: a time, or a file with its size and time of change.
    pub occurrence: String,
}

/// All schedules.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<Schedule>,
}
