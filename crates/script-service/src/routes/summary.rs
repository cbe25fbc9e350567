//! `/jobs/{id}/summary`: what became of a job, in short.

use crate::contract;
use crate::error::ApiError;
use crate::state::App;
use crate::store::{jobs, rejects};
use axum::Json;
use axum::extract::State;
use script_api::{Job, JobSource, JobSummary, SourceSummary};
use service_kit::extract::Path;
use std::sync::Arc;

/// What became of a job, in short: counters, sources, and why records were not taken.
#[utoipa::path(
    get,
    path = script_api::paths::JOB_SUMMARY,
    tag = "jobs",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 200, description = "the summary", body = JobSummary),
        contract::OfOne,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Json<JobSummary>, ApiError> {
    let job = jobs::get(&app.db, id).await?;
    let rejects = rejects::groups(&app.db, id).await?;
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
