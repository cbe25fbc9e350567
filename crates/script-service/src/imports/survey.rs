//! The first look at a source: what the crate `tabular` decides about it, kept for callers and for a process that goes
//! on.

use super::failure::{failed, question_failure, survey_failure};
use super::locate::Location;
use super::request::origin;
use super::tables::TableSpec as _;
use crate::jobs::context::{JobContext, Stop};
use crate::store::job_sources;
use crate::store::running_jobs::{self, Checkpoint};
use crate::wire;
use script_api::{ImportRequest, SourceRequest, Table};
use std::sync::Arc;
use tabular::Survey;
use tokio::runtime::Handle;

/// Surveys a source on a thread of its own.
pub(super) async fn survey(
    context: &JobContext,
    request: &ImportRequest,
    source: &SourceRequest,
    location: &Location,
) -> Result<Survey, Stop> {
    let total = location
        .len()
        .map_err(|error| failed("unreadable", error.to_string()))?;
    context.progress.begin("surveying", None);
    context.progress.set_bytes_total(total);
    let (db, runtime) = (context.db.clone(), Handle::current());
    let location = location.clone();
    let table = source.table;
    let mut options = wire::options(&source.options);
    options.default_locale = context.config.locale;
    options
        .time_zone
        .get_or_insert_with(|| context.config.time_zone.clone());
    let key_needed = table != Table::Sales || !request.mode.makes_keys();
    let bytes = Arc::clone(&context.progress.bytes);
    let surveyed = tokio::task::spawn_blocking(move || {
        let open = || location.open(&db, &runtime);
        tabular::survey(&open, table.spec(), &options, key_needed, &bytes, None)
    })
    .await
    .map_err(|error| Stop::Broken(error.into()))?;
    let survey = surveyed.map_err(|error| survey_failure(&error, origin(source)))?;
    match survey.decisions.questions.first() {
        Some(question) => Err(question_failure(question, origin(source))),
        None => Ok(survey),
    }
}

/// Keeps what the survey of source number `index` found. A source that is half done must be what it was.
pub(super) async fn keep(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    survey: &Survey,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    let (db, job, table) = (&context.db, context.job, source.table.as_str());
    if checkpoint.source_read > 0 {
        let known = job_sources::digest(db, job, index).await?;
        if known.as_ref() != Some(&survey.digest) {
            return Err(failed(
                "source_changed",
                format!("{} changed while its import was interrupted", origin(source)),
            ));
        }
        return Ok(());
    }
    let before = job_sources::same_content(db, job, table, &survey.digest).await?;
    let said = survey.notes.iter().map(ToString::to_string);
    let same = before.map(|job| format!("same content as in job {job}"));
    for note in said.chain(same) {
        let note = format!("{}: {note}", origin(source));
        if !checkpoint.notes.contains(&note) {
            checkpoint.notes.push(note);
        }
    }
    let decisions = wire::decisions_said(survey.decisions.clone());
    let surveyed = job_sources::set_survey(job, index, &survey.digest, survey.records, &decisions);
    let statements = vec![surveyed, running_jobs::checkpoint(job, checkpoint)];
    db.transaction(statements).await?;
    Ok(())
}
