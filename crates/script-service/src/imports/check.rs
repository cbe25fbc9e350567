//! The look at all sources before anything is written, for imports that fail when too many records cannot be taken.

use super::batch::{Reject, reject_statement};
use super::failure::{failed, read_failure};
use super::foreseen::Foreseen;
use super::locate::locate;
use super::pairs::Pairs;
use super::source::OpenSource;
use super::survey;
use crate::jobs::context::{JobContext, Stop};
use crate::store::running_jobs;
use script_api::{Counters, ImportRequest};

/// How many rejects a job that fails because of them keeps.
const MAX_KEPT_ON_FAILURE: usize = 1_000;

/// What a look at all sources found.
#[derive(Default)]
struct Found {
    counters: Counters,
    /// The first rejects, each with the number of its source.
    rejects: Vec<(u64, Reject)>,
}

/// Reads all sources without writing, and fails when too many records cannot be taken.
pub(super) async fn check_all(
    context: &JobContext,
    request: &ImportRequest,
    pairs: &Pairs,
) -> Result<(), Stop> {
    let found = look_at_all(context, request, pairs).await?;
    let Counters { read, rejected, .. } = found.counters;
    let too_many = match &request.max_rejects {
        Some(limit) => limit
            .exceeded(rejected, read)
            .map_err(|error| failed("invalid_request", error))?,
        None => rejected > 0,
    };
    if !too_many {
        return Ok(());
    }
    keep(context, request, &found).await?;
    Err(failed(
        "too_many_rejects",
        format!(
            "{rejected} of {read} records cannot be taken, and the request allows fewer; nothing was written; \
             /jobs/{}/rejects lists them",
            context.job
        ),
    ))
}

async fn look_at_all(context: &JobContext, request: &ImportRequest, pairs: &Pairs) -> Result<Found, Stop> {
    let mut foreseen = Foreseen::default();
    let mut found = Found::default();
    let mut number = 0;
    for (source, index) in request.sources.iter().zip(0..) {
        if pairs.lines_of(index).is_some() {
            continue;
        }
        let Some(location) = locate(context, source, index, request.force).await? else {
            continue;
        };
        let surveyed = survey::survey(context, request, (source, index), &location, pairs).await?;
        let records = surveyed.survey.records;
        let start = (0, true);
        let mut open = OpenSource::open(
            context,
            request,
            source,
            &location,
            surveyed,
            &mut foreseen,
            start,
        )
        .await?;
        context.progress.begin("checking", Some(records));
        while let Some(batch) = open.batches.recv().await {
            let mut batch = batch.map_err(|error| read_failure(&error))?;
            context.check_stop()?;
            let duplicates = open.writer.duplicates(&batch, number).await?;
            number += 1;
            batch.rejects.extend(duplicates);
            batch.rejects.sort_by_key(|reject| reject.record);
            found.counters.read += batch.counted();
            found.counters.rejected += batch.rejects.len() as u64;
            foreseen.add(open.table, &batch, &[]);
            let room = MAX_KEPT_ON_FAILURE.saturating_sub(found.rejects.len());
            let rejects = batch.rejects.into_iter().take(room);
            found.rejects.extend(rejects.map(|reject| (index, reject)));
        }
        open.remember(&mut foreseen);
    }
    Ok(found)
}

async fn keep(context: &JobContext, request: &ImportRequest, found: &Found) -> Result<(), Stop> {
    let mut statements = vec![running_jobs::set_read(context.job, &found.counters)];
    for source in 0..request.sources.len() as u64 {
        let rejects: Vec<Reject> = found
            .rejects
            .iter()
            .filter(|(of, _)| *of == source)
            .map(|(_, reject)| reject.clone())
            .collect();
        statements.extend(reject_statement(context.job, source, &rejects));
    }
    context.db.transaction(statements).await?;
    Ok(())
}
