//! Jobs: work that was asked for, kept as rows in db-service.
//!
//! | file | what it does |
//! | --- | --- |
//! | `store` | the rows: submit, claim, look up, finish |
//! | `import` | a source into a table, batch by batch |
//! | `batch` | one batch of rows as one transaction |
//! | `undo` | taking back what a cancelled import wrote |
//! | `receiving` | idempotency keys of uploads that are coming in |
//! | `replay` | rejects that come back corrected |
//! | `replace` | rows that take the place of others, all at once |
//! | `fetch` | a source from a URL |
//! | `source` | where the bytes of a source come from |
//!
//! The invariant: nothing about a job is only in memory. A process that dies leaves a row from which
//! another one goes on.

pub(crate) mod batch;
pub(crate) mod fetch;
pub(crate) mod import;
pub(crate) mod receiving;
pub(crate) mod replace;
pub(crate) mod replay;
pub(crate) mod source;
pub(crate) mod store;
pub(crate) mod undo;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use tabular::Decisions;
use utoipa::ToSchema;

/// The kinds of jobs. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobKind {
    /// Reads files into tables.
    Import,
    /// Computes analyses and keeps the answers.
    Analysis,
    /// Forecasts daily revenue and keeps the forecast.
    Forecast,
}

impl JobKind {
    /// The stored name.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Analysis => "analysis",
            Self::Forecast => "forecast",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Import, Self::Analysis, Self::Forecast]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// What became of a job so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// It is done.
    Succeeded,
    /// It is done, and some records were not taken.
    SucceededWithRejects,
    /// It ended early; `error` says why.
    Failed,
    /// It was cancelled; what was written before stays unless it asked for `on_cancel: rollback`.
    Cancelled,
    /// Its process went away; it goes on from its checkpoint when one is free.
    Interrupted,
}

impl JobState {
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::SucceededWithRejects,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The stored name.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::SucceededWithRejects => "succeeded_with_rejects",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state of that name.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more happens to the job.
    #[must_use]
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Interrupted)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the records of a source or of a job. `read` is the sum of the next four, unless the job took
/// back what it wrote, or ended before it replaced anything: then nothing was inserted, updated or left as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Counters {
    /// Records read.
    pub read: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that changed.
    pub updated: u64,
    /// Rows that were there already, and as they are.
    pub unchanged: u64,
    /// Records that were not taken.
    pub rejected: u64,
    /// Records that were taken with a remark, such as a rounded amount.
    pub warnings: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
        self.warnings += other.warnings;
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Progress {
    /// What it does now: `fetching`, `surveying`, `checking`, `writing`, or for a forecast `reading`,
    /// `comparing ets (3 of 8)`, `fitting`; null before and after.
    pub phase: Option<String>,
    /// Bytes of the current source read so far, as packed.
    pub bytes: u64,
    /// Bytes of the current source.
    pub bytes_total: Option<u64>,
    /// Records of the current source read so far.
    pub rows: u64,
    /// Records of the current source.
    pub rows_total: Option<u64>,
    /// Records a second since the job started.
    pub rows_per_s: Option<u64>,
    /// How much of the current source is done, in percent.
    pub percent: Option<u64>,
}

/// A source of an import, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct JobSource {
    /// The table it goes to.
    pub table: String,
    /// What it is called: a path under the data folder, a URL, a file name.
    pub origin: String,
    /// BLAKE3 of its decoded content, in hexadecimal.
    pub digest: Option<String>,
    /// How many records it has.
    pub records: Option<u64>,
    /// How it is read, and why so.
    pub decisions: Option<Decisions>,
    /// What became of its records.
    pub counters: Counters,
    /// The latest earlier job that imported the same content into the same table.
    pub same_content_as: Option<i64>,
    /// When it was done.
    pub finished_at: Option<String>,
}

/// A job as callers see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Job {
    /// Its id.
    pub id: i64,
    /// What it does.
    pub kind: JobKind,
    /// What became of it so far.
    pub state: JobState,
    /// When it was asked for.
    pub created_at: String,
    /// When it was first begun.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// When its end was asked for.
    pub cancel_requested_at: Option<String>,
    /// Who asked for its end: the name that came with the request, or what the client calls itself.
    pub cancelled_by: Option<String>,
    /// How far it is.
    pub progress: Progress,
    /// What became of the records of all its sources.
    pub counters: Counters,
    /// Rows that a replacing import took away.
    pub deleted: u64,
    /// The sources of an import.
    pub sources: Vec<JobSource>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
    /// What it was asked to do.
    #[schema(value_type = Object)]
    pub request: Box<RawValue>,
    /// What it found; for an analysis job the answers by name, for a forecast job the forecast.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
    /// Why it failed: a problem document.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Box<RawValue>>,
    /// The schedule that made it, by name, if it is still there.
    pub schedule: Option<String>,
    /// What the schedule made it for: a time, or a file with its size and time of change.
    pub occurrence: Option<String>,
    /// Raised by every change.
    pub revision: i64,
}
