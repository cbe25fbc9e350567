//! Replaying rejects: the records that an import did not take, corrected, as an import of their own.
//!
//! A reject is replayed once: the job that replays it is noted with it, in the transaction that makes the job.
//! A job that failed or was cancelled before it wrote anything releases its rejects.

use super::batch::MAX_RAW_BYTES;
use super::corrections::{Correction, Layout};
use super::pieces::{Upload, UploadWriter};
use crate::store::StoreError;
use crate::store::jobs::{self, IdempotencyKey};
use crate::store::rejects::{self, KeptReject, NewReplay};
use crate::wire;
use bytes::Bytes;
use db_client::{DbClient, DbError};
use script_api::{
    Decisions, Format, ImportRequest, Job, JobKind, JobState, MatchedBy, Mode, ReadOptions, SourceRequest,
    UploadRef,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// How many rejects one job replays at most.
pub(crate) const MAX_REPLAYED: usize = 100_000;
/// How many rejects are read at once.
const PAGE: i64 = 5_000;
/// How many faults are told at once.
const MAX_FAULTS: usize = 20;

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("a replay takes at most {MAX_REPLAYED} records; send the rest with another")]
    TooMany,
    /// Each fault of what was sent.
    #[error("nothing was replayed: {}", .0.join("; "))]
    Corrections(Vec<String>),
    #[error("{0}")]
    NotReplayable(String),
    #[error("{0}")]
    AlreadyReplayed(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

impl From<DbError> for ReplayError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// A replay that is ready to be submitted.
#[derive(Debug)]
pub(crate) struct Replay {
    pub request: ImportRequest,
    pub uploads: Vec<Upload>,
    /// Source and record of each reject that it takes.
    pub places: Vec<(i64, i64)>,
    pub notes: Vec<String>,
}

/// What is asked of a replay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplayOptions {
    /// How it is written; as in the job itself unless given.
    pub mode: Option<Mode>,
    pub dry_run: bool,
    /// Takes rejects that were replayed before too.
    pub again: bool,
}

/// Prepares the replay of rejects of `job`: of those in `corrections`, or of all of them when there are none.
pub(crate) async fn prepare(
    db: &DbClient,
    job: &Job,
    corrections: Vec<Correction>,
    options: ReplayOptions,
) -> Result<Replay, ReplayError> {
    let original = check(job)?;
    let chosen = choose(db, job, corrections, options.again).await?;
    let mut replay = Replay {
        request: ImportRequest {
            mode: options.mode.unwrap_or_else(|| mode_of(job, &original)),
            dry_run: options.dry_run,
            replay_of: Some(job.id),
            ..ImportRequest::default()
        },
        uploads: Vec::new(),
        notes: vec![format!(
            "replays {} rejects of job {}",
            chosen.places.len(),
            job.id
        )],
        places: chosen.places,
    };
    if chosen.replayed_before > 0 {
        let note = format!(
            "{} rejects were replayed before and are left out",
            chosen.replayed_before
        );
        replay.notes.push(note);
    }
    for (source, text) in chosen.texts {
        let of = usize::try_from(source)
            .ok()
            .and_then(|index| original.sources.get(index));
        let Some(of) = of else {
            continue;
        };
        let mut writer = UploadWriter::new(db.clone(), true)?;
        writer.push(&Bytes::from(text.content)).await?;
        let upload = writer.finish().await?;
        replay.request.sources.push(SourceRequest {
            upload: Some(UploadRef {
                id: upload.id.clone(),
                bytes: upload.bytes,
                name: format!("{} (rejects of job {})", text.origin, job.id),
            }),
            options: ReadOptions {
                strict: of.options.strict,
                time_zone: of.options.time_zone.clone(),
                locale: of.options.locale,
                ..text.options
            },
            ..SourceRequest::new(of.table)
        });
        replay.uploads.push(upload);
    }
    Ok(replay)
}

/// The rejects that are replayed.
#[derive(Default)]
struct Chosen {
    /// By source.
    texts: BTreeMap<i64, Text>,
    places: Vec<(i64, i64)>,
    replayed_before: u64,
}

/// Puts the rejects that are asked for into texts, each as it was corrected.
async fn choose(
    db: &DbClient,
    job: &Job,
    corrections: Vec<Correction>,
    again: bool,
) -> Result<Chosen, ReplayError> {
    let all = corrections.is_empty();
    let mut asked: BTreeMap<(i64, i64), Correction> = corrections
        .into_iter()
        .map(|correction| (place_of(&correction), correction))
        .collect();
    let mut chosen = Chosen::default();
    let mut faults = Vec::new();
    let mut after = (-1, 0);
    loop {
        let page = rejects::page_to_replay(db, job.id, after, PAGE).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = (last.source, last.record);
        for reject in page {
            let place = (reject.source, reject.record);
            let correction = asked.remove(&place);
            if !all && correction.is_none() {
                continue;
            }
            if reject.is_replayed && !again {
                chosen.replayed_before += 1;
                continue;
            }
            if chosen.places.len() >= MAX_REPLAYED {
                return Err(ReplayError::TooMany);
            }
            let text = match chosen.texts.entry(place.0) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(Text::of(job, place.0)?),
            };
            match text.add(&reject, correction) {
                Ok(()) => chosen.places.push(place),
                Err(fault) if faults.len() < MAX_FAULTS => faults.push(fault),
                Err(_) => {}
            }
        }
    }
    faults.extend(
        asked.keys().take(MAX_FAULTS).map(|(source, record)| {
            format!("job {} did not reject record {record} of source {source}", job.id)
        }),
    );
    if !faults.is_empty() {
        return Err(ReplayError::Corrections(faults));
    }
    if chosen.places.is_empty() {
        let detail = if chosen.replayed_before == 0 {
            format!("job {} rejected nothing", job.id)
        } else {
            format!(
                "all of these rejects of job {} were replayed before; `again=true` replays them all the same",
                job.id
            )
        };
        return Err(ReplayError::AlreadyReplayed(detail));
    }
    Ok(chosen)
}

/// How rejects of `job` are written unless the replay says: as the job itself did. What a replacing job has
/// put in place stays, and they join it.
fn mode_of(job: &Job, original: &ImportRequest) -> Mode {
    if !original.mode.replaces() {
        return original.mode;
    }
    let has_keys = job.sources.iter().all(|source| {
        let key = source_key(&source.table);
        let decisions = source.decisions.as_ref();
        decisions.is_some_and(|decisions| decisions.mapping.iter().any(|mapped| mapped.column == key))
    });
    if has_keys { Mode::Upsert } else { Mode::Append }
}

fn source_key(table: &str) -> &'static str {
    if table == "targets" { "product_id" } else { "id" }
}

fn place_of(correction: &Correction) -> (i64, i64) {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    (signed(correction.source), signed(correction.record))
}

/// The arguments of `job`, if its rejects can be replayed.
fn check(job: &Job) -> Result<ImportRequest, ReplayError> {
    let not = |why: &str| {
        Err(ReplayError::NotReplayable(format!(
            "the rejects of job {} cannot be replayed: {why}",
            job.id
        )))
    };
    if job.kind != JobKind::Import {
        return not("it is not an import");
    }
    if !job.state.is_final() {
        return not("it is not finished");
    }
    let request: ImportRequest = serde_json::from_str(job.request.get()).map_err(anyhow::Error::from)?;
    if job.reject_text_dropped_at.is_some() || job.rejects_dropped_at.is_some() {
        return not("their source text is no longer kept (--keep-reject-text-days, --keep-rejects-days)");
    }
    if request.dry_run {
        return not("it was a dry run; import the corrected file");
    }
    if job.state == JobState::Failed && job.counters.read == 0 {
        return not("it wrote nothing; import the corrected file");
    }
    Ok(request)
}

/// The text in which the rejects of a source are read again.
struct Text {
    origin: String,
    layout: Layout,
    options: ReadOptions,
    content: String,
}

impl Text {
    fn of(job: &Job, source: i64) -> Result<Self, ReplayError> {
        let found = usize::try_from(source)
            .ok()
            .and_then(|index| job.sources.get(index));
        let decisions = found.and_then(|found| found.decisions.as_ref());
        let layout = decisions.and_then(|decisions| Layout::of(&wire::decisions(decisions.clone())));
        let (Some(found), Some(decisions), Some(layout)) = (found, decisions, layout) else {
            return Err(ReplayError::NotReplayable(format!(
                "job {} does not say how source {source} was read; import the corrected lines as a file",
                job.id
            )));
        };
        Ok(Self {
            origin: found.origin.clone(),
            content: layout.head().map_err(anyhow::Error::msg)?,
            options: read_as(decisions, &layout),
            layout,
        })
    }

    /// Adds a reject; `Err` says why it cannot be read again.
    fn add(&mut self, reject: &KeptReject, correction: Option<Correction>) -> Result<(), String> {
        let fault = |why: String| format!("record {} of source {}: {why}", reject.record, reject.source);
        let correction = correction.unwrap_or_default();
        let raw = correction.raw.as_deref().unwrap_or(&reject.raw);
        let was_cut = reject.raw.len() >= MAX_RAW_BYTES || reject.code == "record_too_long";
        if raw == reject.raw && was_cut {
            return Err(fault(
                "only the beginning of its source text was kept; send all of it as `raw`".into(),
            ));
        }
        if raw.is_empty() {
            return Err(fault("its source text was not kept; send it as `raw`".into()));
        }
        let mut changes = correction.values;
        if correction.value.is_some() && correction.value != reject.value {
            match (&reject.column_name, correction.value) {
                (Some(column), Some(value)) => {
                    changes.entry(column.clone()).or_insert(value);
                }
                // A spreadsheet sends an empty cell where there was none.
                (None, Some(value)) if !value.is_empty() => {
                    return Err(fault("no single column is at fault; correct `raw`".into()));
                }
                _ => {}
            }
        }
        self.content
            .push_str(&self.layout.line(raw, &changes).map_err(fault)?);
        Ok(())
    }
}

/// What fixes the reading to what it was.
fn read_as(decisions: &Decisions, layout: &Layout) -> ReadOptions {
    let mut options = ReadOptions {
        encoding: Some("utf-8".to_owned()),
        decimal: decisions.columns.iter().find_map(|column| column.decimal),
        date_order: decisions.columns.iter().find_map(|column| column.date_order),
        ..ReadOptions::default()
    };
    match layout {
        Layout::Lines { delimiter, quote, .. } => {
            options.format = Some(Format::Csv);
            options.delimiter = Some(char::from(*delimiter).to_string());
            options.quote = Some(quote.map_or("none".to_owned(), |quote| char::from(quote).to_string()));
            options.skip_lines = Some(0);
            options.mapping = decisions
                .mapping
                .iter()
                .map(|mapped| (mapped.column.clone(), mapped.header.clone()))
                .collect();
        }
        Layout::Objects { .. } => {
            options.format = Some(Format::Ndjson);
            options.mapping = decisions
                .mapping
                .iter()
                .filter(|mapped| mapped.matched_by == MatchedBy::Mapping)
                .map(|mapped| (mapped.column.clone(), mapped.header.clone()))
                .collect();
        }
    }
    options
}

/// Puts a replay into the queue and notes it with its rejects, in one transaction. A key that made a job
/// before gives that job; the flag says so.
pub(crate) async fn submit(
    db: &DbClient,
    job: i64,
    replay: &Replay,
    again: bool,
    key: Option<&IdempotencyKey>,
    limit: u32,
) -> Result<(i64, bool), ReplayError> {
    if let Some(key) = key
        && let Some(job) = jobs::find_by_key(db, key).await?
    {
        return Ok((job, true));
    }
    let request = serde_json::to_string(&replay.request).map_err(anyhow::Error::from)?;
    let notes = serde_json::to_string(&replay.notes).map_err(anyhow::Error::from)?;
    let new = NewReplay {
        of: job,
        places: &replay.places,
        request: &request,
        notes: &notes,
        again,
        dry_run: replay.request.dry_run,
    };
    match rejects::insert_replay(db, &new, key, limit).await {
        Ok(Some(id)) => Ok((id, false)),
        Ok(None) if rejects::are_free(db, job, &replay.places).await? => {
            Err(StoreError::QueueFull { limit }.into())
        }
        Ok(None) => Err(ReplayError::AlreadyReplayed(format!(
            "rejects of job {job} were replayed by another request just now"
        ))),
        Err(error) => match key {
            // The same key came twice at once, and the other one was faster.
            Some(key) => match jobs::find_by_key(db, key).await? {
                Some(job) => Ok((job, true)),
                None => Err(error.into()),
            },
            None => Err(error.into()),
        },
    }
}
