//! One source: opened, and written batch by batch.

use super::batch::{Batch, read_batches};
use super::delivery::{Destination, SourceWriter};
use super::failure::read_failure;
use super::foreseen::Foreseen;
use super::ids::References;
use super::locate::{Location, locate};
use super::request::{origin, shares_its_table};
use super::rows::RowReader;
use super::survey;
use super::tables::TableSpec as _;
use crate::jobs::context::{JobContext, Stop};
use crate::store::running_jobs::{self, Checkpoint};
use crate::store::{job_sources, references};
use db_client::DbError;
use script_api::{ImportRequest, Mode, SourceRequest, Table};
use std::io;
use tabular::Survey;
use tokio::sync::mpsc::Receiver;

/// A source whose batches are being read.
pub(super) struct OpenSource {
    pub table: Table,
    /// The SQL names of the rows' values.
    pub columns: Vec<&'static str>,
    pub writer: SourceWriter,
    pub batches: Receiver<io::Result<Batch>>,
}

impl OpenSource {
    /// Opens the source at `location` that was surveyed. The first `done` records are passed over; one that is
    /// `only_looked_at` foresees its rows where another source goes to its table.
    pub(super) async fn open(
        context: &JobContext,
        request: &ImportRequest,
        source: &SourceRequest,
        location: &Location,
        survey: Survey,
        foreseen: &mut Foreseen,
        (done, only_looked_at): (u64, bool),
    ) -> Result<Self, Stop> {
        let table = source.table;
        let references = references_of(context, table, foreseen).await?;
        let mapping = &survey.reading.mapping;
        let has_key = (0..table.spec().key).all(|index| mapping.fields[index].is_some());
        let columns = RowReader::new(table, &survey.reading).columns();
        let rows = (only_looked_at && shares_its_table(request, source))
            .then(|| foreseen.rows.remove(&table).unwrap_or_default());
        let destination = Destination {
            job: context.job,
            table,
            columns: columns.clone(),
            has_key,
            mode: request.mode,
            on_cancel: request.on_cancel,
            dry_run: request.dry_run.then(|| foreseen.parents.clone()),
        };
        let keep_raw = request.mode == Mode::Append;
        let batches = read_batches(
            context,
            table,
            location,
            survey.reading,
            references,
            (done, keep_raw),
        );
        Ok(Self {
            table,
            columns,
            writer: SourceWriter::new(context.db.clone(), destination, rows),
            batches,
        })
    }

    /// Keeps the rows that it foresaw for later sources of its table.
    pub(super) fn remember(self, foreseen: &mut Foreseen) {
        if let Some(rows) = self.writer.into_foreseen() {
            foreseen.rows.insert(self.table, rows);
        }
    }
}

/// Imports the source that `checkpoint` is at, and moves the checkpoint to the next one.
pub(super) async fn import(
    context: &JobContext,
    request: &ImportRequest,
    source: &SourceRequest,
    checkpoint: &mut Checkpoint,
    foreseen: &mut Foreseen,
) -> Result<(), Stop> {
    let index = checkpoint.source;
    let Some(location) = locate(context, source, index, request.force).await? else {
        let note = format!(
            "{}: not modified since it was last imported; `force` imports it all the same",
            origin(source)
        );
        checkpoint.notes.push(note);
        return finish(context, checkpoint).await;
    };
    let survey = survey::survey(context, request, source, &location).await?;
    survey::keep(context, source, index, &survey, checkpoint).await?;
    let records = survey.records;
    let start = (checkpoint.source_read, request.dry_run);
    let mut open = OpenSource::open(context, request, source, &location, survey, foreseen, start).await?;
    open.writer.look_at_triggers().await?;
    context.progress.begin("writing", Some(records));
    let written = write_batches(context, request, &mut open, checkpoint, foreseen).await;
    // Whatever ended it: the job goes on, or is left, where its last batch is in.
    let settled = open.writer.settle(checkpoint).await;
    written?;
    settled?;
    open.remember(foreseen);
    finish(context, checkpoint).await
}

async fn write_batches(
    context: &JobContext,
    request: &ImportRequest,
    open: &mut OpenSource,
    checkpoint: &mut Checkpoint,
    foreseen: &mut Foreseen,
) -> Result<(), Stop> {
    let index = checkpoint.source;
    while let Some(batch) = open.batches.recv().await {
        let batch = batch.map_err(|error| read_failure(&error))?;
        context.check_stop()?;
        if request.dry_run {
            foreseen.add(open.table, &batch, &open.columns);
            if request.mode.replaces() {
                foreseen.replacement.note(&batch.rows, &open.columns);
            }
        }
        open.writer.write(batch, index, checkpoint).await?;
        context.changed();
    }
    Ok(())
}

/// Moves the checkpoint to the next source.
async fn finish(context: &JobContext, checkpoint: &mut Checkpoint) -> Result<(), Stop> {
    let finished = job_sources::finish(context.job, checkpoint.source);
    checkpoint.source += 1;
    checkpoint.source_read = 0;
    let statements = vec![finished, running_jobs::checkpoint(context.job, checkpoint)];
    context.db.transaction(statements).await?;
    Ok(())
}

/// The ids that rows of `table` may refer to.
async fn references_of(
    context: &JobContext,
    table: Table,
    foreseen: &Foreseen,
) -> Result<References, DbError> {
    let mut known = References::default();
    if matches!(table, Table::Sales | Table::Targets) {
        references::products(&context.db, |id| {
            known.products.insert(id);
        })
        .await?;
        known.products.extend(&foreseen.products);
    }
    if table == Table::Sales {
        references::stores(&context.db, |id| {
            known.stores.insert(id);
        })
        .await?;
        known.stores.extend(&foreseen.stores);
    }
    Ok(known)
}
