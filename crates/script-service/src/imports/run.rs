//! Import jobs: each source is surveyed, then written batch by batch.
//!
//! A batch and the checkpoint behind it are one transaction, so a job that is taken up again reads its source
//! from the beginning, passes over the records that are done, and ends with what one clean run leaves.

use super::batch::{self, Batch, ForeseenRows, Place, Reject, Rows, Writer};
use super::fetch::{self, FetchError, Fetched, Validators};
use super::replace::{self, Replacement};
use super::source::Location;
use super::store::{self, Checkpoint};
use crate::import::ids::{IdSet, References};
use crate::import::rows::RowReader;
use crate::import::tables::TableSpec as _;
use crate::params::positional;
use crate::runner::{JobContext, Stop};
use crate::wire;
use db_client::db_api::{ErrorCode, QueryRequest, Statement};
use db_client::{DbClient, DbError};
use script_api::{Counters, ImportRequest, Mode, OnError, SourceRequest, Table};
use service_kit::faults::{Fault, Faults};
use service_kit::problem::Problem;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tabular::{Reading, Record, Survey, SurveyError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How much of a record's source text a reject keeps, in bytes.
pub(crate) const MAX_RAW_BYTES: usize = 4_096;
/// How many rejects a job that fails because of them keeps.
const MAX_KEPT_ON_FAILURE: usize = 1_000;

/// All that is wrong with a source.
pub(crate) fn source_faults(source: &SourceRequest) -> Faults {
    let mut faults: Faults = source
        .unknown
        .keys()
        .map(|unknown| {
            let reason = format!("unknown field `{unknown}`: a source has no such member");
            Fault::at(format!("/{unknown}"), reason)
        })
        .collect();
    let given = [
        source.path.is_some(),
        source.url.is_some(),
        source.upload.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        faults.push(Fault::at("", "a source has either `path` or `url`"));
    }
    let options = wire::options(&source.options).faults().into_iter();
    faults.extend(options.map(|(member, reason)| Fault::at(format!("/{member}"), reason)));
    if let Some(url) = &source.url {
        let parsed = fetch::parse(url);
        faults.take(parsed.map_err(|error| Fault::at("/url", error.to_string())));
    }
    faults
}

/// All that is wrong with a request.
pub(crate) fn faults(request: &ImportRequest) -> Faults {
    let mut faults = Faults::default();
    for (index, source) in request.sources.iter().enumerate() {
        let pointer = format!("/sources/{index}");
        faults.extend(
            source_faults(source)
                .into_iter()
                .map(|fault| fault.under(&pointer)),
        );
        if request.mode.replaces() && source.table != Table::Sales {
            let reason = "only sales can be replaced as a whole";
            faults.push(Fault::at(format!("{pointer}/table"), reason));
        }
    }
    if let Some(limit) = &request.max_rejects {
        let parsed = limit.exceeded(0, 0);
        faults.take(parsed.map_err(|reason| Fault::at("/max_rejects", reason)));
    }
    faults
}

/// Members of a request that its caller has set though only the service does.
pub(crate) fn not_set_by_callers(request: &ImportRequest) -> Faults {
    let replay = request.replay_of.map(|_| "/replay_of".to_owned());
    let uploads = request
        .sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.upload.is_some())
        .map(|(index, _)| format!("/sources/{index}/upload"));
    replay
        .into_iter()
        .chain(uploads)
        .map(|pointer| {
            Fault::at(
                pointer,
                "it is set by the service; a source has either `path` or `url`",
            )
        })
        .collect()
}

/// The sources that are imported when a request names none: what the data folder has of products, stores,
/// targets and sales, parents before children.
pub(crate) fn configured_sources(folder: &Path) -> Vec<SourceRequest> {
    let source = |table: Table, path: String| SourceRequest {
        path: Some(path),
        ..SourceRequest::new(table)
    };
    let mut sources: Vec<SourceRequest> = Table::ALL
        .into_iter()
        .map(|table| (table, format!("{table}.csv")))
        .filter(|(_, path)| folder.join(path).is_file())
        .map(|(table, path)| source(table, path))
        .collect();
    let history = std::fs::read_dir(folder.join("history")).into_iter().flatten();
    let mut history: Vec<String> = history
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "csv")
        })
        .collect();
    history.sort();
    sources.extend(
        history
            .into_iter()
            .map(|name| source(Table::Sales, format!("history/{name}"))),
    );
    sources
}

/// What the sources of a dry run would have left for later ones to refer to.
#[derive(Debug, Default)]
struct Foreseen {
    products: IdSet,
    stores: IdSet,
    parents: Vec<Statement>,
    /// For tables that several sources go to: the rows that they would have left.
    rows: BTreeMap<Table, ForeseenRows>,
    replacement: Replacement,
}

/// Whether another source of `request` goes to the table of `source`.
fn shares_its_table(request: &ImportRequest, source: &SourceRequest) -> bool {
    let same = |other: &&SourceRequest| other.table == source.table;
    request.sources.iter().filter(same).count() > 1
}

/// Runs an import from `checkpoint` on.
pub(crate) async fn run(
    context: &JobContext,
    request: &ImportRequest,
    mut checkpoint: Checkpoint,
) -> Result<Counters, Stop> {
    let mut foreseen = Foreseen::default();
    prepare(context, request).await?;
    if request.dry_run && checkpoint.batches > 0 {
        store::begin_again(&context.db, context.job, &mut checkpoint).await?;
    }
    if checkpoint.source == 0
        && checkpoint.source_read == 0
        && (request.on_error == OnError::Abort || request.max_rejects.is_some())
    {
        check_all(context, request).await?;
    }
    while let Some(source) = usize::try_from(checkpoint.source)
        .ok()
        .and_then(|index| request.sources.get(index))
    {
        import_source(context, request, source, &mut checkpoint, &mut foreseen).await?;
    }
    // One step behind the last source: the swap is done once.
    let swapped = checkpoint.source > request.sources.len() as u64;
    if request.mode.replaces() && request.dry_run {
        let replacement = &foreseen.replacement;
        if request.mode == Mode::ReplaceAll && replacement.is_empty() {
            return Err(nothing_to_replace_with());
        }
        checkpoint.deleted = replace::foresee(&context.db, request.mode, replacement)
            .await?
            .map_err(|id| {
                failed(
                    "conflicting_keys",
                    format!("a row has the id of one that stays, {id}; nothing would be replaced"),
                )
            })?;
        let foreseen = store::checkpoint_statement(context.job, &checkpoint);
        context.db.transaction(vec![foreseen]).await?;
    } else if request.mode.replaces() && !swapped {
        context.progress.begin("replacing", None);
        if request.mode == Mode::ReplaceAll && replace::stages_nothing(&context.db, context.job).await? {
            return Err(nothing_to_replace_with());
        }
        let swapped = replace::swap(&context.db, context.job, request.mode, &mut checkpoint).await;
        if let Err(error) = swapped {
            return Err(swap_failure(context, request.mode, error).await);
        }
    }
    Ok(checkpoint.counters)
}

/// All sales would go and none come: hardly what was meant.
fn nothing_to_replace_with() -> Stop {
    failed(
        "nothing_to_replace_with",
        "no record could be taken, so no sale was replaced; the rejects say why, and SQL deletes all sales \
         where that is what is meant",
    )
}

/// A key that stays in the table outside what is replaced is the request's fault.
async fn swap_failure(context: &JobContext, mode: Mode, error: DbError) -> Stop {
    match error {
        DbError::Refused(problem) if problem.code == ErrorCode::ConstraintViolation => {
            let which = match replace::conflicts(&context.db, context.job, mode).await {
                Ok(conflicts) if !conflicts.is_empty() => conflicts.join(", "),
                Ok(_) => problem.detail,
                Err(error) => return Stop::from(error),
            };
            failed(
                "conflicting_keys",
                format!("a row has the id of one that stays; nothing was replaced: {which}"),
            )
        }
        other => Stop::from(other),
    }
}

/// Makes a row for each source.
async fn prepare(context: &JobContext, request: &ImportRequest) -> Result<(), Stop> {
    let statements = request
        .sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            Statement::new(
                "INSERT INTO job_sources (job_id, source, table_name, origin, upload_id)
                VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                positional([
                    context.job.into(),
                    i64::try_from(index).unwrap_or(i64::MAX).into(),
                    source.table.as_str().into(),
                    origin(source).into(),
                    source.upload.as_ref().map(|upload| upload.id.as_str()).into(),
                ]),
            )
        })
        .collect::<Vec<_>>();
    if !statements.is_empty() {
        context.db.transaction(statements).await?;
    }
    Ok(())
}

/// What a source is called.
fn origin(source: &SourceRequest) -> &str {
    source
        .path
        .as_deref()
        .or(source.url.as_deref())
        .or(source.upload.as_ref().map(|upload| upload.name.as_str()))
        .unwrap_or_default()
}

/// Where the bytes of source `index` are; a URL is fetched when it was not before. `None` when the URL has
/// nothing newer than what an earlier job imported.
async fn locate(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    force: bool,
) -> Result<Option<Location>, Stop> {
    if let Some(path) = &source.path {
        return Location::under(&context.config.data, path)
            .map(Some)
            .map_err(|error| failed("no_such_file", format!("{error:#}")));
    }
    if let Some(upload) = &source.upload {
        return Ok(Some(Location::Upload {
            id: upload.id.clone(),
            bytes: upload.bytes,
        }));
    }
    let Some(url) = &source.url else {
        return Err(failed(
            "invalid_request",
            "the source has neither `path` nor `url`",
        ));
    };
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let fetched = context
        .db
        .query(
            "SELECT upload_id, upload_bytes FROM job_sources WHERE job_id = ?1 AND source = ?2",
            positional([context.job.into(), index.into()]),
        )
        .await?;
    if let Some(row) = fetched.rows.first()
        && let (Some(id), Some(bytes)) = (row[0].as_str(), row[1].as_i64())
    {
        return Ok(Some(Location::Upload {
            id: id.to_owned(),
            bytes: bytes.max(0).cast_unsigned(),
        }));
    }
    let known = if force {
        Validators::default()
    } else {
        known_version(context, source, url).await?
    };
    context.progress.begin("fetching", None);
    let bytes = Arc::clone(&context.progress.bytes);
    let outcome = fetch::fetch(&context.db, &context.config, url, &known, |count| {
        context.progress.set_bytes_total(count);
        bytes.store(count, std::sync::atomic::Ordering::Relaxed);
    })
    .await;
    match outcome {
        Ok(Fetched::NotModified) => Ok(None),
        Ok(Fetched::Content(upload, validators)) => {
            context
                .db
                .execute(
                    "UPDATE job_sources SET upload_id = ?3, upload_bytes = ?4, etag = ?5, last_modified = ?6
                    WHERE job_id = ?1 AND source = ?2",
                    positional([
                        context.job.into(),
                        index.into(),
                        upload.id.as_str().into(),
                        i64::try_from(upload.bytes).unwrap_or(i64::MAX).into(),
                        validators.etag.into(),
                        validators.last_modified.into(),
                    ]),
                )
                .await?;
            Ok(Some(Location::Upload {
                id: upload.id,
                bytes: upload.bytes,
            }))
        }
        Err(FetchError::Refused(detail)) => Err(failed("fetch_failed", detail)),
        Err(FetchError::Db(error)) => Err(error.into()),
    }
}

/// What the server said of the version of `url` that was imported last into the same table.
async fn known_version(context: &JobContext, source: &SourceRequest, url: &str) -> Result<Validators, Stop> {
    let result = context
        .db
        .query(
            "SELECT etag, last_modified FROM job_sources
            JOIN jobs ON jobs.id = job_sources.job_id
            WHERE origin = ?1 AND table_name = ?2 AND jobs.state IN ('succeeded', 'succeeded_with_rejects')
                AND jobs.request ->> '$.dry_run' = 0 AND digest IS NOT NULL
            ORDER BY jobs.id DESC LIMIT 1",
            positional([url.into(), source.table.as_str().into()]),
        )
        .await?;
    let text = |index: usize| {
        let row = result.rows.first()?;
        row[index].as_str().map(str::to_owned)
    };
    Ok(Validators {
        etag: text(0),
        last_modified: text(1),
    })
}

/// Reads all sources without writing, and fails when too many records cannot be taken.
async fn check_all(context: &JobContext, request: &ImportRequest) -> Result<(), Stop> {
    let mut foreseen = Foreseen::default();
    let mut counters = Counters::default();
    let mut kept: Vec<(u64, Reject)> = Vec::new();
    let mut number = 0;
    for (index, source) in request.sources.iter().enumerate() {
        let Some(location) = locate(context, source, index as u64, request.force).await? else {
            continue;
        };
        let survey = survey_source(context, request, source, &location).await?;
        let table = source.table;
        let references = references(context, table, &foreseen).await?;
        let mut writer = writer(context, request, source, &survey.reading, &mut foreseen, true);
        context.progress.begin("checking", Some(survey.records));
        let mut batches = read_batches(
            context,
            table,
            &location,
            survey.reading,
            references,
            (0, request.mode == Mode::Append),
        );
        while let Some(batch) = batches.recv().await {
            let mut batch = batch.map_err(|error| read_failure(&error))?;
            context.check_stop()?;
            let duplicates = writer.duplicates(&batch, number).await?;
            number += 1;
            batch.rejects.extend(duplicates);
            batch.rejects.sort_by_key(|reject| reject.record);
            counters.read += batch.read;
            counters.rejected += batch.rejects.len() as u64;
            foresee(&mut foreseen, table, &batch, &[]);
            let room = MAX_KEPT_ON_FAILURE.saturating_sub(kept.len());
            kept.extend(
                batch
                    .rejects
                    .into_iter()
                    .take(room)
                    .map(|reject| (index as u64, reject)),
            );
        }
        remember(&mut foreseen, table, writer);
    }
    let too_many = match &request.max_rejects {
        Some(limit) => limit
            .exceeded(counters.rejected, counters.read)
            .map_err(|error| failed("invalid_request", error))?,
        None => counters.rejected > 0,
    };
    if !too_many {
        return Ok(());
    }
    let mut statements = vec![store::read_statement(context.job, &counters)];
    for (index, _) in request.sources.iter().enumerate() {
        let source = index as u64;
        let rejects: Vec<Reject> = kept
            .iter()
            .filter(|(of, _)| *of == source)
            .map(|(_, reject)| reject.clone())
            .collect();
        statements.extend(batch::reject_statement(context.job, source, &rejects));
    }
    context.db.transaction(statements).await?;
    Err(failed(
        "too_many_rejects",
        format!(
            "{} of {} records cannot be taken, and the request allows fewer; nothing was written; \
             /jobs/{}/rejects lists them",
            counters.rejected, counters.read, context.job
        ),
    ))
}

async fn import_source(
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
        return finish_source(context, checkpoint).await;
    };
    let survey = survey_source(context, request, source, &location).await?;
    note_survey(context, source, index, &survey, checkpoint).await?;
    let table = source.table;
    let references = references(context, table, foreseen).await?;
    let columns = RowReader::new(table, &survey.reading).columns();
    let mut writer = writer(
        context,
        request,
        source,
        &survey.reading,
        foreseen,
        request.dry_run,
    )
    .on_cancel(request.on_cancel);
    writer.look_at_triggers().await?;
    context.progress.begin("writing", Some(survey.records));
    let mut batches = read_batches(
        context,
        table,
        &location,
        survey.reading,
        references,
        (checkpoint.source_read, request.mode == Mode::Append),
    );
    let written = async {
        while let Some(batch) = batches.recv().await {
            let batch = batch.map_err(|error| read_failure(&error))?;
            context.check_stop()?;
            if request.dry_run {
                foresee(foreseen, table, &batch, &columns);
                if request.mode.replaces() {
                    foreseen.replacement.note(&batch.rows, &columns);
                }
            }
            writer.write(batch, index, checkpoint).await?;
            context.changed();
        }
        Ok::<(), Stop>(())
    }
    .await;
    // Whatever ended it: the job goes on, or is left, where its last batch is in.
    let settled = writer.settle(checkpoint).await;
    written?;
    settled?;
    remember(foreseen, table, writer);
    finish_source(context, checkpoint).await
}

/// What writes a source that is read as `reading` says, or foresees what would be written.
fn writer(
    context: &JobContext,
    request: &ImportRequest,
    source: &SourceRequest,
    reading: &Reading,
    foreseen: &mut Foreseen,
    only_looks: bool,
) -> Writer {
    let table = source.table;
    let spec = table.spec();
    let has_key = (0..spec.key).all(|index| reading.mapping.fields[index].is_some());
    let rows = (only_looks && shares_its_table(request, source))
        .then(|| foreseen.rows.remove(&table).unwrap_or_default());
    Writer::new(
        context.db.clone(),
        table,
        RowReader::new(table, reading).columns(),
        has_key,
        request.mode,
        context.job,
        request.dry_run,
        context.config.daily_sums,
        foreseen.parents.clone(),
    )
    .foreseeing(rows)
}

/// Keeps the rows that `writer` foresaw for later sources of its table.
fn remember(foreseen: &mut Foreseen, table: Table, writer: Writer) {
    if let Some(rows) = writer.into_foreseen() {
        foreseen.rows.insert(table, rows);
    }
}

/// Moves the checkpoint to the next source.
async fn finish_source(context: &JobContext, checkpoint: &mut Checkpoint) -> Result<(), Stop> {
    let finished = Statement::new(
        "UPDATE job_sources SET finished_at = ?3 WHERE job_id = ?1 AND source = ?2",
        positional([
            context.job.into(),
            i64::try_from(checkpoint.source).unwrap_or(i64::MAX).into(),
            store::now().into(),
        ]),
    );
    checkpoint.source += 1;
    checkpoint.source_read = 0;
    context
        .db
        .transaction(vec![
            finished,
            store::checkpoint_statement(context.job, checkpoint),
        ])
        .await?;
    Ok(())
}

/// Surveys a source on a thread of its own.
async fn survey_source(
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
    options.locale.get_or_insert(context.config.locale);
    let key_needed = table != Table::Sales || !request.mode.makes_keys();
    let bytes = Arc::clone(&context.progress.bytes);
    let surveyed = tokio::task::spawn_blocking(move || {
        let open = || location.open(&db, &runtime);
        tabular::survey(&open, table.spec(), &options, key_needed, &bytes, None)
    })
    .await
    .map_err(|error| Stop::Broken(error.into()))?;
    surveyed.map_err(|error| survey_failure(&error, origin(source)))
}

/// What a source that cannot be read is reported as.
pub(crate) fn survey_code(error: &SurveyError) -> &'static str {
    match error {
        SurveyError::Io(_) => "unreadable",
        SurveyError::Empty => "empty_source",
        SurveyError::Options(_) => "invalid_request",
        SurveyError::Mapping(_) | SurveyError::Headers { .. } | SurveyError::Objects(_) => "unknown_columns",
        SurveyError::NotATable { .. } => "wrong_dialect",
        SurveyError::ConflictingMarks { .. } => "conflicting_numbers",
        SurveyError::ConflictingDates { .. } => "conflicting_dates",
        SurveyError::Zip(_)
        | SurveyError::PackedTwice
        | SurveyError::OldWorkbook
        | SurveyError::OtherFormat => "unsupported_format",
    }
}

fn survey_failure(error: &SurveyError, origin: &str) -> Stop {
    if let SurveyError::Io(cause) = error
        && let Some(stop) = database_went_away(cause)
    {
        return stop;
    }
    failed(survey_code(error), format!("{origin}: {error}"))
}

fn read_failure(error: &io::Error) -> Stop {
    database_went_away(error).unwrap_or_else(|| {
        failed(
            "unreadable",
            format!("the source cannot be read to its end: {error}"),
        )
    })
}

/// An error of reading that is db-service's going away: the job goes on later.
fn database_went_away(error: &io::Error) -> Option<Stop> {
    let cause = error.get_ref()?.downcast_ref::<DbError>()?;
    cause.is_retryable().then(|| Stop::Database(cause.clone()))
}

fn failed(code: &'static str, detail: impl Into<String>) -> Stop {
    Stop::Failed(Problem::new(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        code,
        detail,
    ))
}

/// Keeps what the survey found. A source that is half done must be what it was.
async fn note_survey(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    survey: &Survey,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    if checkpoint.source_read > 0 {
        let known = context
            .db
            .query(
                "SELECT digest FROM job_sources WHERE job_id = ?1 AND source = ?2",
                positional([context.job.into(), index.into()]),
            )
            .await?;
        let known = known.rows.first().and_then(|row| row[0].as_str());
        if known != Some(&survey.digest) {
            return Err(failed(
                "source_changed",
                format!("{} changed while its import was interrupted", origin(source)),
            ));
        }
        return Ok(());
    }
    let before = context
        .db
        .query(
            "SELECT job_sources.job_id FROM job_sources JOIN jobs ON jobs.id = job_sources.job_id
            WHERE digest = ?1 AND table_name = ?2 AND job_sources.job_id <> ?3
                AND jobs.state IN ('succeeded', 'succeeded_with_rejects')
                AND COALESCE(jobs.request ->> '$.dry_run', 0) = 0
            ORDER BY job_sources.job_id DESC LIMIT 1",
            positional([
                survey.digest.as_str().into(),
                source.table.as_str().into(),
                context.job.into(),
            ]),
        )
        .await?;
    let mut notes: Vec<String> = survey
        .notes
        .iter()
        .map(|note| format!("{}: {note}", origin(source)))
        .collect();
    if let Some(job) = before.rows.first().and_then(|row| row[0].as_i64()) {
        notes.push(format!("{}: same content as in job {job}", origin(source)));
    }
    for note in notes {
        if !checkpoint.notes.contains(&note) {
            checkpoint.notes.push(note);
        }
    }
    let decisions =
        serde_json::to_string(&wire::decisions_said(survey.decisions.clone())).unwrap_or_default();
    let surveyed = Statement::new(
        "UPDATE job_sources SET digest = ?3, records = ?4, decisions = ?5 WHERE job_id = ?1 AND source = ?2",
        positional([
            context.job.into(),
            index.into(),
            survey.digest.as_str().into(),
            i64::try_from(survey.records).unwrap_or(i64::MAX).into(),
            decisions.into(),
        ]),
    );
    context
        .db
        .transaction(vec![
            surveyed,
            store::checkpoint_statement(context.job, checkpoint),
        ])
        .await?;
    Ok(())
}

/// The ids that rows of `table` may refer to.
async fn references(context: &JobContext, table: Table, foreseen: &Foreseen) -> Result<References, Stop> {
    let mut references = References::default();
    if matches!(table, Table::Sales | Table::Targets) {
        references.products = ids(&context.db, "SELECT id FROM products").await?;
        references.products.extend(&foreseen.products);
    }
    if table == Table::Sales {
        references.stores = ids(&context.db, "SELECT id FROM stores").await?;
        references.stores.extend(&foreseen.stores);
    }
    Ok(references)
}

pub(crate) async fn ids(db: &DbClient, sql: &str) -> Result<IdSet, DbError> {
    let mut set = IdSet::default();
    let mut after = i64::MIN;
    loop {
        let page = db
            .query_request(&QueryRequest {
                sql: format!("{sql} WHERE id > ?1 ORDER BY id LIMIT 50000"),
                params: positional([after.into()]),
                ..QueryRequest::default()
            })
            .await?;
        let Some(last) = page.rows.last().and_then(|row| row[0].as_i64()) else {
            return Ok(set);
        };
        for row in &page.rows {
            if let Some(id) = row[0].as_i64() {
                set.insert(id);
            }
        }
        after = last;
    }
}

/// Remembers what `batch` would add for later sources to refer to. With `columns`, also the statements that
/// a dry run needs to check them against the schema.
fn foresee(foreseen: &mut Foreseen, table: Table, batch: &Batch, columns: &[&'static str]) {
    let set = match table {
        Table::Products => &mut foreseen.products,
        Table::Stores => &mut foreseen.stores,
        Table::Targets | Table::Sales => return,
    };
    for id in batch.rows.iter().filter_map(|row| row[0].as_i64()) {
        set.insert(id);
    }
    if columns.is_empty() || batch.rows.is_empty() {
        return;
    }
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    foreseen.parents.push(Statement {
        sql: format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
            table.spec().stored_as,
            columns.join(", "),
            places.join(", ")
        ),
        params_many: Some(
            batch
                .rows
                .iter()
                .map(|row| db_client::db_api::Params::Positional(row.to_vec()))
                .collect(),
        ),
        ..Statement::default()
    });
}

/// Reads a source on a thread of its own, the first `done` records passed over. At most one batch waits to be
/// written, so memory stays flat. `keep_raw` keeps the source text of the rows too.
fn read_batches(
    context: &JobContext,
    table: Table,
    location: &Location,
    reading: Reading,
    references: References,
    (done, keep_raw): (u64, bool),
) -> mpsc::Receiver<io::Result<Batch>> {
    let (sender, receiver) = mpsc::channel(1);
    let (db, runtime) = (context.db.clone(), Handle::current());
    let location = location.clone();
    let bytes = Arc::clone(&context.progress.bytes);
    let batch_rows = u64::from(context.config.batch_rows);
    tokio::task::spawn_blocking(move || {
        let read = || -> io::Result<()> {
            let mut records = reading.open(location.open(&db, &runtime)?, table.spec(), &bytes)?;
            let mut rows = RowReader::new(table, &reading);
            let mut record = Record::default();
            let width = rows.columns().len();
            let empty = || Batch {
                rows: Rows::new(width),
                ..Batch::default()
            };
            let mut batch = empty();
            let mut number = 0;
            while records.next(&mut record)? {
                number += 1;
                let read = rows.read(&record, &references, batch.rows.values_mut());
                if number <= done {
                    // Records that are done are read again, for the keys that they have.
                    batch.rows.values_mut().clear();
                    continue;
                }
                batch.read += 1;
                match read {
                    Ok(rounded) => {
                        batch.warnings += u64::from(rounded);
                        batch.places.push(Place {
                            record: number,
                            line: record.line,
                            byte_offset: record.byte_offset,
                        });
                        if keep_raw {
                            batch.raws.push(raw_text(&record.raw));
                        }
                    }
                    Err(fault) => batch.rejects.push(Reject {
                        record: number,
                        line: record.line,
                        byte_offset: record.byte_offset,
                        raw: raw_text(&record.raw),
                        fault,
                    }),
                }
                if batch.read >= batch_rows
                    && sender
                        .blocking_send(Ok(std::mem::replace(&mut batch, empty())))
                        .is_err()
                {
                    return Ok(());
                }
            }
            if batch.read > 0 {
                // A receiver that is gone has stopped for a reason of its own.
                let _ = sender.blocking_send(Ok(batch));
            }
            Ok(())
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn raw_text(raw: &[u8]) -> String {
    let end = raw.len().min(MAX_RAW_BYTES);
    String::from_utf8_lossy(&raw[..end]).into_owned()
}

/// The result of an import job, as JSON.
pub(crate) fn result(counters: &Counters, dry_run: bool) -> String {
    let mut result = serde_json::to_value(counters).unwrap_or_default();
    result["dry_run"] = dry_run.into();
    result.to_string()
}
