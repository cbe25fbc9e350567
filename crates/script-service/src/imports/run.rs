//! A run of an import: each source is surveyed, then written batch by batch.
//!
//! A batch and the checkpoint behind it are one transaction, so a job that is taken up again reads its source
//! from the beginning, passes over the records that are done, and ends with what one clean run leaves.

use super::check::check_all;
use super::foreseen::Foreseen;
use super::pairs::Pairs;
use super::request::origin;
use super::{replace, source};
use crate::jobs::context::{JobContext, Stop};
use crate::store::{job_sources, running_jobs};
use script_api::{Counters, ImportRequest, OnError};

/// Runs an import from the checkpoint of `context` on.
pub(super) async fn run(context: &JobContext, request: &ImportRequest) -> Result<Counters, Stop> {
    let mut checkpoint = context.checkpoint.clone();
    let mut foreseen = Foreseen::default();
    prepare(context, request).await?;
    if request.dry_run && checkpoint.batches > 0 {
        running_jobs::begin_again(&context.db, context.job, &mut checkpoint).await?;
    }
    let pairs = Pairs::find(context, request).await?;
    let nothing_is_read = checkpoint.source == 0 && checkpoint.source_read == 0;
    if nothing_is_read && (request.on_error == OnError::Abort || request.max_rejects.is_some()) {
        check_all(context, request, &pairs).await?;
    }
    while let Some(source) = usize::try_from(checkpoint.source)
        .ok()
        .and_then(|index| request.sources.get(index))
    {
        source::import(context, request, source, &pairs, &mut checkpoint, &mut foreseen).await?;
    }
    if request.mode.replaces() && request.dry_run {
        replace::foresee(context, request.mode, &foreseen.replacement, &mut checkpoint).await?;
    } else if request.mode.replaces() {
        replace::replace(context, request.mode, request.sources.len(), &mut checkpoint).await?;
    }
    Ok(checkpoint.counters)
}

/// Makes a row for each source.
async fn prepare(context: &JobContext, request: &ImportRequest) -> Result<(), Stop> {
    let rows = request.sources.iter().zip(0..).map(|(source, index)| {
        let upload = source.upload.as_ref().map(|upload| upload.id.as_str());
        job_sources::insert(context.job, index, source.table.as_str(), origin(source), upload)
    });
    let statements: Vec<_> = rows.collect();
    if !statements.is_empty() {
        context.db.transaction(statements).await?;
    }
    Ok(())
}
