//! Jobs: what became of them so far, and in short.

use crate::decisions::Decisions;
use crate::export::{Created, ImportReport};
use crate::problem::Problem;
use crate::undo::{Undo, Undone};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use utoipa::ToSchema;

/// The kinds of jobs. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Reads files into tables.
    Import,
    /// Computes analyses and keeps the answers.
    Analysis,
    /// Forecasts daily revenue and keeps the forecast.
    Forecast,
    /// Takes an import back.
    Undo,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Import, Self::Analysis, Self::Forecast, Self::Undo];

    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Analysis => "analysis",
            Self::Forecast => "forecast",
            Self::Undo => "undo",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a job so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
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
    /// All of them.
    pub const ALL: [Self; 7] = [
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
    pub fn as_str(self) -> &'static str {
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
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the job ended without doing what was asked.
    #[must_use]
    pub fn has_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }

    /// Whether nothing more happens to the job.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Interrupted)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the records of a source or of a job. `read` is the sum of all others but `moved` and the warnings (a record that
/// is a sale and its refund counts as two), unless the job took
/// back what it wrote, or ended before it replaced anything: then nothing was inserted, updated or left as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counters {
    /// Records read.
    pub read: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that changed.
    pub updated: u64,
    /// Those of them, and of those that stayed, that are sales of another day, store or ticket by now, or would be.
    #[serde(default)]
    pub moved: u64,
    /// Rows that were there already, and as they are.
    pub unchanged: u64,
    /// Records that were not taken.
    pub rejected: u64,
    /// Records that are no sales by their own words: voided, cancelled, tests, totals of others.
    #[serde(default)]
    pub skipped: u64,
    /// Records that were taken with a remark, such as a rounded amount.
    pub warnings: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.moved += other.moved;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
        self.skipped += other.skipped;
        self.warnings += other.warnings;
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
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
pub struct JobSource {
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
    /// What it brought, in the words of a shop; null until it was looked at, and for files that are no export.
    #[serde(default)]
    pub report: Option<ImportReport>,
}

/// Lines that were there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlreadyThere {
    /// The import that wrote them; null when none did.
    pub job: Option<i64>,
    /// How many they are.
    pub lines: u64,
}

/// What a job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// Since when db-service has failed it in the same place.
    pub since: String,
    /// With what.
    pub because: String,
    /// When it is waited for no longer; null when that time has come: it goes on once it is resumed.
    pub until: Option<String>,
}

/// A job as callers see it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
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
    /// Products and stores that were made because lines of sales named them.
    #[serde(default)]
    pub created: Created,
    /// Rows that a replacing import took away.
    pub deleted: u64,
    /// Lines of sales that were there already, by the import that had written them.
    #[serde(default)]
    pub already: Vec<AlreadyThere>,
    /// When its rejects were dropped, as they were old: the counter counts what is no longer listed.
    #[serde(default)]
    pub rejects_dropped_at: Option<String>,
    /// When the source text of its rejects was dropped.
    #[serde(default)]
    pub reject_text_dropped_at: Option<String>,
    /// What it waits for, when it does.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// The sources of an import.
    pub sources: Vec<JobSource>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
    /// What it was asked to do.
    #[schema(value_type = Object)]
    pub request: Box<RawValue>,
    /// What it found; for an analysis job the answers by name, for a forecast job the forecast, for an undo job what was
    /// taken back.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
    /// Why it failed: a problem document.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Box<RawValue>>,
    /// Of an import: whether it can be taken back.
    #[serde(default)]
    pub undo: Option<Undo>,
    /// The schedule that made it, by name, if it is still there.
    pub schedule: Option<String>,
    /// What the schedule made it for: a time, or a file with its size and time of change.
    pub occurrence: Option<String>,
    /// Raised by every change.
    pub revision: i64,
}

impl Job {
    /// Why it failed, in a form that can be looked at.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let error = self.error.as_ref()?;
        serde_json::from_str(error.get()).ok()
    }

    /// Why it ended like that, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        self.problem()
            .map_or_else(|| self.state.to_string(), |problem| problem.to_string())
    }

    /// The id of the forecast that a forecast job made.
    #[must_use]
    pub fn forecast_id(&self) -> Option<i64> {
        self.result_number("id")
    }

    /// What an undo job took back.
    #[must_use]
    pub fn undone(&self) -> Option<Undone> {
        let result = self.result.as_ref().filter(|_| self.kind == JobKind::Undo)?;
        serde_json::from_str(result.get()).ok()
    }

    /// How many rows were taken back when it was cancelled; `None` when those that it wrote are kept.
    #[must_use]
    pub fn rolled_back(&self) -> Option<u64> {
        self.result_number("rolled_back")
            .and_then(|rows| rows.try_into().ok())
    }

    fn result_number(&self, name: &str) -> Option<i64> {
        let result: serde_json::Value = serde_json::from_str(self.result.as_ref()?.get()).ok()?;
        result.get(name)?.as_i64()
    }
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// The jobs, their sources left out.
    pub jobs: Vec<Job>,
    /// Where the next page begins; null on the last one.
    pub next_page_token: Option<String>,
}

/// Who asks for the end of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Who, as `cancelled_by` is to say it, at most 200 characters; by default what the client calls itself.
    #[schema(example = "Marie")]
    pub by: Option<String>,
}

/// What became of a job, in short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// The job.
    pub job: i64,
    /// What it does.
    pub kind: JobKind,
    /// What became of it so far.
    pub state: JobState,
    /// When it was first begun.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// How long it took from its begin to its end, or to now, in milliseconds.
    pub elapsed_ms: Option<i64>,
    /// Records a second.
    pub rows_per_s: Option<u64>,
    /// What became of the records of all its sources.
    pub counters: Counters,
    /// Rows that a replacing import took away.
    pub deleted: u64,
    /// The same for each source of an import.
    pub sources: Vec<SourceSummary>,
    /// Why records were not taken: those of a kind together, the most frequent first.
    pub rejects: Vec<RejectGroup>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
    /// Why it failed: a problem document.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Box<RawValue>>,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceSummary {
    /// The table it goes to.
    pub table: String,
    /// What it is called.
    pub origin: String,
    /// What became of its records.
    pub counters: Counters,
    /// The latest earlier job that imported the same content into the same table.
    pub same_content_as: Option<i64>,
}

/// Records that were not taken for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectGroup {
    /// Which source of the job, the first being 0.
    pub source: i64,
    /// What is wrong: a stable name.
    #[schema(example = "unknown_product")]
    pub code: String,
    /// The column at fault, when one is.
    pub column: Option<String>,
    /// How many records.
    pub records: i64,
    /// The physical line of the first of them.
    pub first_line: i64,
    /// What is wrong with the first of them, in words.
    pub message: String,
}
