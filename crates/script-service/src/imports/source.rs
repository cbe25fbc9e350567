//! One source: opened, and written batch by batch.

use super::batch::{Batch, read_batches};
use super::delivery::{Destination, Refusal, SourceWriter};
use super::export_rows::{self, KeptBuyers, SALES_BY_LINE_KEY};
use super::exports::{self, Surveyed};
use super::failure::{failed, read_failure};
use super::foreseen::Foreseen;
use super::ids::References;
use super::locate::{Location, locate};
use super::pairs::{Pairs, joined_note};
use super::questions;
use super::request::{origin, shares_its_table};
use super::rows::RowReader;
use super::survey;
use super::tables::TableSpec as _;
use crate::jobs::context::{JobContext, Stop};
use crate::store::running_jobs::{self, Checkpoint};
use crate::store::undo::notes;
use crate::store::{self, job_sources, overlaps, references};
use db_client::DbError;
use db_client::db_api::{BatchRequest, ErrorCode, Statement};
use script_api::{ImportRequest, ImportTable, Mode, SourceRequest};
use shop_exports::plan::KeyRule;
use std::io;
use tokio::sync::mpsc::Receiver;

/// How often a source is surveyed again because other imports made what it names.
const MAKING_ATTEMPTS: u32 = 20;

/// A source whose batches are being read.
pub(super) struct OpenSource {
    pub table: ImportTable,
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
        surveyed: Surveyed,
        foreseen: &mut Foreseen,
        (done, only_looked_at): (u64, bool),
    ) -> Result<Self, Stop> {
        let table = source.table;
        let keep_raw = request.mode == Mode::Append;
        let ids_doubted = ids_doubted(context, request, source, &surveyed);
        let (spec, has_key, columns, batches) = if let Some(export) = surveyed.export {
            let is_id = export_rows::key_column(&export) == "id";
            // What is appended is new whatever is there.
            let has_key = is_id || request.mode != Mode::Append;
            let spec = if is_id { table.spec() } else { &SALES_BY_LINE_KEY };
            let columns = export_rows::columns(&export, has_key);
            let reading = surveyed.survey.reading;
            let start = (done, keep_raw, has_key);
            let buyers = KeptBuyers::of(&context.config, &export)
                .map_err(|error| failed("no_key", error.to_string()))?;
            let batches = export_rows::read_batches(context, location, reading, export, buyers, start);
            (spec, has_key, columns, batches)
        } else {
            let survey = surveyed.survey;
            let references = references_of(context, table, foreseen).await?;
            let mapping = &survey.reading.mapping;
            let has_key = (0..table.spec().key).all(|index| mapping.fields[index].is_some());
            let columns = RowReader::new(table, &survey.reading).columns();
            let start = (done, keep_raw);
            let batches = read_batches(context, table, location, survey.reading, references, start);
            (table.spec(), has_key, columns, batches)
        };
        let rows = (only_looked_at && shares_its_table(request, source))
            .then(|| foreseen.rows.remove(&table).unwrap_or_default());
        let destination = Destination {
            job: context.job,
            table,
            columns: columns.clone(),
            spec,
            has_key,
            mode: request.mode,
            ids_doubted,
            dry_run: request.dry_run.then(|| foreseen.parents.clone()),
        };
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
    pairs: &Pairs,
    checkpoint: &mut Checkpoint,
    foreseen: &mut Foreseen,
) -> Result<(), Stop> {
    let index = checkpoint.source;
    if let Some(lines) = pairs
        .lines_of(index)
        .and_then(|lines| usize::try_from(lines).ok())
        && let Some(lines) = request.sources.get(lines)
    {
        checkpoint.notes.push(joined_note(source, lines));
        return finish(context, checkpoint).await;
    }
    let Some(location) = locate(context, source, index, request.force).await? else {
        let note = format!(
            "{}: not modified since it was last imported; `force` imports it all the same",
            origin(source)
        );
        checkpoint.notes.push(note);
        return finish(context, checkpoint).await;
    };
    let surveyed =
        survey_and_make(context, request, (source, pairs), &location, checkpoint, foreseen).await?;
    let records = surveyed.survey.records;
    let start = (checkpoint.source_read, request.dry_run);
    let mut open = OpenSource::open(context, request, source, &location, surveyed, foreseen, start).await?;
    open.writer.look_at_triggers().await?;
    context.progress.begin("writing", Some(records));
    let written = write_batches(context, request, source, &mut open, checkpoint, foreseen).await;
    // Whatever ended it: the job goes on, or is left, where its last batch is in.
    let settled = open.writer.settle(checkpoint).await;
    written?;
    settled.map_err(|refusal| stop(refusal, source))?;
    open.remember(foreseen);
    if source.table == ImportTable::Sales {
        say_overlaps(context, source, checkpoint).await?;
    }
    finish(context, checkpoint).await
}

/// Surveys the source that `checkpoint` is at, keeps what was decided, and makes the products and stores that its lines
/// name. Where another import makes the same ones meanwhile, it is surveyed again.
async fn survey_and_make(
    context: &JobContext,
    request: &ImportRequest,
    (source, pairs): (&SourceRequest, &Pairs),
    location: &Location,
    checkpoint: &mut Checkpoint,
    foreseen: &mut Foreseen,
) -> Result<Surveyed, Stop> {
    let (index, job) = (checkpoint.source, context.job);
    let mut attempt = 0;
    loop {
        let surveyed = survey::survey(context, request, (source, index), location, pairs).await?;
        survey::keep(context, source, index, &surveyed, checkpoint).await?;
        let Some(export) = &surveyed.export else {
            return Ok(surveyed);
        };
        let (products, stores) = (export.products.made(), export.stores.made());
        let rows = [
            references::make_products(job, products),
            references::make_stores(job, stores),
        ];
        let mut statements: Vec<Statement> = rows.into_iter().flatten().collect();
        if request.dry_run {
            foreseen.parents.extend(statements);
            return Ok(surveyed);
        }
        let taxes = exports::taxes_word(export.plan.amount.taxes);
        statements.extend(notes::note_made(job).filter(|_| !(products.is_empty() && stores.is_empty())));
        let [before, after] = notes::note_amounts(job);
        statements.extend([
            before,
            references::say_amounts(&export.plan.currencies.kept, taxes),
            after,
        ]);
        statements.push(references::count_made(
            job,
            products.len() as u64,
            stores.len() as u64,
        ));
        let made = BatchRequest {
            statements,
            ..BatchRequest::default()
        };
        match store::run(
            &context.db,
            &made,
            &format!("import-{job}-makes-{index}-{attempt}"),
        )
        .await
        {
            Ok(()) => return Ok(surveyed),
            Err(error)
                if error.code() == Some(ErrorCode::ConstraintViolation) && attempt < MAKING_ATTEMPTS =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Why an import of `source` stops whose batch is not written.
fn stop(refusal: Refusal, source: &SourceRequest) -> Stop {
    match refusal {
        Refusal::Database(error) => error.into(),
        Refusal::Ids(question) => questions::refused(&question, origin(source)),
    }
}

async fn write_batches(
    context: &JobContext,
    request: &ImportRequest,
    source: &SourceRequest,
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
        let written = open.writer.write(batch, index, checkpoint).await;
        written.map_err(|refusal| stop(refusal, source))?;
        context.changed();
    }
    Ok(())
}

/// The header of the ids of a source that may be none of the whole database, and how many percent of the sales with
/// these ids may be other ones.
fn ids_doubted(
    context: &JobContext,
    request: &ImportRequest,
    source: &SourceRequest,
    surveyed: &Surveyed,
) -> Option<(String, u32)> {
    let is_settled = source
        .options
        .answers
        .get(questions::KEYS)
        .is_some_and(|answer| answer == "id");
    let may_overwrite = matches!(request.mode, Mode::Upsert | Mode::InsertNew);
    if source.table != ImportTable::Sales || is_settled || !may_overwrite || request.replay_of.is_some() {
        return None;
    }
    let reading = &surveyed.survey.reading;
    let header = match &surveyed.export {
        Some(export) => match export.plan.key {
            KeyRule::Id(field) => reading.headers.get(field),
            _ => return None,
        },
        None => reading.mapping.fields[0].and_then(|field| reading.headers.get(field)),
    };
    let header = header.map_or("id", String::as_str);
    Some((header.to_owned(), context.config.max_moved_percent))
}

/// Says which lines of the source that `checkpoint` is at were there already.
async fn say_overlaps(
    context: &JobContext,
    source: &SourceRequest,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    let already = overlaps::of_source(&context.db, context.job, checkpoint.source).await?;
    if already.is_empty() {
        return Ok(());
    }
    let lines: u64 = already.iter().map(|there| there.lines).sum();
    let from: Vec<String> = already
        .iter()
        .map(|there| {
            let from = there
                .job
                .map_or("no import".to_owned(), |job| format!("job {job}"));
            if already.len() > 1 {
                format!("{from} ({})", there.lines)
            } else {
                from
            }
        })
        .collect();
    let note = format!(
        "{}: {lines} lines were there already, from {}; `mode=append` adds lines without ids all the same",
        origin(source),
        from.join(", ")
    );
    if !checkpoint.notes.contains(&note) {
        checkpoint.notes.push(note);
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
    table: ImportTable,
    foreseen: &Foreseen,
) -> Result<References, DbError> {
    let mut known = References::default();
    if matches!(table, ImportTable::Sales | ImportTable::Targets) {
        references::products(&context.db, |id| {
            known.products.insert(id);
        })
        .await?;
        known.products.extend(&foreseen.products);
    }
    if table == ImportTable::Sales {
        references::stores(&context.db, |id| {
            known.stores.insert(id);
        })
        .await?;
        known.stores.extend(&foreseen.stores);
    }
    Ok(known)
}
