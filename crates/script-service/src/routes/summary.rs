//! `/jobs/{id}/summary`: what became of a job, in short.

use crate::error::{ApiError, ProblemDocument};
use crate::jobs::store;
use crate::jobs::{Counters, Job, JobKind, JobSource, JobState};
use crate::params::positional;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use db_client::DbClient;
use db_client::db_api::Value;
use serde::Serialize;
use serde_json::value::RawValue;
use service_kit::extract::Path;
use std::sync::Arc;
use utoipa::ToSchema;

/// What became of a job, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobSummary {
    /// The job.
    job: i64,
    /// What it does.
    kind: JobKind,
    /// What became of it so far.
    state: JobState,
    /// When it was first begun.
    started_at: Option<String>,
    /// When it ended.
    finished_at: Option<String>,
    /// How long it took from its begin to its end, or to now, in milliseconds.
    elapsed_ms: Option<i64>,
    /// Records a second.
    rows_per_s: Option<u64>,
    /// What became of the records of all its sources.
    counters: Counters,
    /// Rows that a replacing import took away.
    deleted: u64,
    /// The same for each source of an import.
    sources: Vec<SourceSummary>,
    /// Why records were not taken: those of a kind together, the most frequent first.
    rejects: Vec<RejectGroup>,
    /// What is worth knowing about it.
    notes: Vec<String>,
    /// Why it failed: a problem document.
    #[schema(value_type = Option<Object>)]
    error: Option<Box<RawValue>>,
}

/// What became of a source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceSummary {
    /// The table it goes to.
    table: String,
    /// What it is called.
    origin: String,
    /// What became of its records.
    counters: Counters,
    /// The latest earlier job that imported the same content into the same table.
    same_content_as: Option<i64>,
}

/// Records that were not taken for the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectGroup {
    /// Which source of the job, the first being 0.
    source: i64,
    /// What is wrong: a stable name.
    #[schema(example = "unknown_product")]
    code: String,
    /// The column at fault, when one is.
    column: Option<String>,
    /// How many records.
    records: i64,
    /// The physical line of the first of them.
    first_line: i64,
    /// What is wrong with the first of them, in words.
    message: String,
}

/// What became of a job, in short: counters, sources, and why records were not taken.
#[utoipa::path(
    get,
    path = "/jobs/{id}/summary",
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 200, description = "the summary", body = JobSummary),
        (status = "default", description = "an error", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Json<JobSummary>, ApiError> {
    let job = store::get(&app.db, id).await?;
    let rejects = rejects(&app.db, id).await?;
    Ok(Json(JobSummary {
        job: job.id,
        elapsed_ms: elapsed_ms(&job),
        kind: job.kind,
        state: job.state,
        started_at: job.started_at,
        finished_at: job.finished_at,
        rows_per_s: job.progress.rows_per_s,
        counters: job.counters,
        deleted: job.deleted,
        sources: job.sources.into_iter().map(summary_of).collect(),
        rejects,
        notes: job.notes,
        error: job.error,
    }))
}

fn summary_of(source: JobSource) -> SourceSummary {
    SourceSummary {
        table: source.table,
        origin: source.origin,
        counters: source.counters,
        same_content_as: source.same_content_as,
    }
}

fn elapsed_ms(job: &Job) -> Option<i64> {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let started = time(job.started_at.as_deref()?)?;
    let ended = match &job.finished_at {
        Some(finished) => time(finished)?,
        None => jiff::Timestamp::now(),
    };
    Some(ended.as_millisecond() - started.as_millisecond())
}

async fn rejects(db: &DbClient, job: i64) -> Result<Vec<RejectGroup>, ApiError> {
    // Beside MIN(line), SQLite takes the other columns from the row that has the least line.
    let result = db
        .query(
            "SELECT source, code, column_name, COUNT(*) AS records, MIN(line), message
            FROM job_rejects WHERE job_id = ?1
            GROUP BY source, code, column_name
            ORDER BY records DESC, source, MIN(line), code, column_name",
            positional([job.into()]),
        )
        .await?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(result
        .rows
        .iter()
        .map(|row| RejectGroup {
            source: row[0].as_i64().unwrap_or_default(),
            code: text(&row[1]).unwrap_or_default(),
            column: text(&row[2]),
            records: row[3].as_i64().unwrap_or_default(),
            first_line: row[4].as_i64().unwrap_or_default(),
            message: text(&row[5]).unwrap_or_default(),
        })
        .collect())
}
