//! `comptoir import`: files or URLs into tables.

use super::asking::{self, Language, Unanswered, is_dialogue};
use super::follow::{follow, submitted};
use super::imported::Imported;
use super::{ScriptAddress, name_and_value, preview};
use crate::interrupts::Interrupts;
use crate::outcome::Outcome;
use crate::progress::{ProgressLine, Step, Unit};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use script_client::script_api::{
    self, ImportRequest, ImportTable, Job, MaxRejects, Progress, Question, SourceRequest,
};
use script_client::{Body, ScriptClient, ScriptError, new_key};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio_util::io::ReaderStream;

/// The tables that files go to.
const TABLES: [&str; 4] = ["products", "stores", "sales", "targets"];
/// How often a file may ask anew: an answer may lead to another question.
const ROUNDS: usize = 10;
/// In whose name an import is cancelled.
const BY: &str = "comptoir import (Ctrl-C)";

/// Import files, or what URLs give.
///
/// The service finds out what each file is and how it is read; options fix it. What a file leaves open is asked on a
/// terminal, in English or French by LANG; in a script `--answer` says it, and a question that stays open ends the
/// command with exit code 2 before anything is imported.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files (CSV, TSV, JSON, NDJSON, xlsx, xls, ods; plain, gzip, zstd or zip), or http(s) URLs that script-service
    /// fetches.
    #[arg(required = true, value_name = "FILE|URL")]
    sources: Vec<String>,
    /// The table of all of them; by default what each file is, and sales for a URL.
    #[arg(long, value_parser = TABLES)]
    table: Option<String>,
    /// An answer to a question that a file leaves open, such as `store=Lyon`; may be repeated.
    #[arg(long = "answer", value_name = "QUESTION=ANSWER", value_parser = name_and_value)]
    answers: Vec<(String, String)>,
    /// What becomes of records whose id is in the table already, and of rows that the file lacks.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Shows how the source would be read, from its beginning: decisions and the first rows. Nothing is kept.
    #[arg(long, conflicts_with_all = ["mode", "dry_run", "max_rejects", "force", "on_cancel"])]
    preview: bool,
    /// Reads and checks everything, writes nothing, and says what would have happened.
    #[arg(long)]
    dry_run: bool,
    /// Fetches a URL again even where its server says that nothing changed.
    #[arg(long)]
    force: bool,
    /// What becomes of what is written when the import is cancelled.
    #[arg(long, value_enum)]
    on_cancel: Option<OnCancel>,
    /// Fails when more records are rejected: a number, or a percentage such as `5%`.
    #[arg(long)]
    max_rejects: Option<String>,
    /// A further option of the import, such as `encoding=windows-1252` or `delimiter=tab`; may be repeated.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = name_and_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    script: ScriptAddress,
}

/// What becomes of what a cancelled import has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnCancel {
    /// It stays; the default.
    Keep,
    /// It is taken back.
    Rollback,
}

impl OnCancel {
    fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Rollback => "rollback",
        }
    }

    fn on_the_wire(self) -> script_api::OnCancel {
        match self {
            Self::Keep => script_api::OnCancel::Keep,
            Self::Rollback => script_api::OnCancel::Rollback,
        }
    }
}

/// What becomes of known ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Known ids are updated; the default.
    Upsert,
    /// Known ids are left alone.
    InsertNew,
    /// Known ids are rejected.
    Append,
    /// The sales from the first to the last day of the file give way to the file, all at once.
    ReplacePeriod,
    /// All sales give way to the file, all at once.
    ReplaceAll,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::InsertNew => "insert_new",
            Self::Append => "append",
            Self::ReplacePeriod => "replace_period",
            Self::ReplaceAll => "replace_all",
        }
    }

    pub(super) fn on_the_wire(self) -> script_api::Mode {
        match self {
            Self::Upsert => script_api::Mode::Upsert,
            Self::InsertNew => script_api::Mode::InsertNew,
            Self::Append => script_api::Mode::Append,
            Self::ReplacePeriod => script_api::Mode::ReplacePeriod,
            Self::ReplaceAll => script_api::Mode::ReplaceAll,
        }
    }
}

/// A source of `table` that is read as `options` say; the service says what is wrong with them.
pub(super) fn source(table: &str, options: &[(String, String)]) -> anyhow::Result<SourceRequest> {
    let table = ImportTable::parse(table)
        .with_context(|| format!("`{table}` is not one of {}", TABLES.join(", ")))?;
    let options = options.iter().map(|(name, value)| {
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
        (name.clone(), value)
    });
    Ok(SourceRequest {
        unknown: options.collect(),
        ..SourceRequest::new(table)
    })
}

/// A source whose table is known, and whose questions are answered.
struct Settled<'a> {
    source: &'a str,
    table: ImportTable,
    answers: BTreeMap<String, String>,
}

impl Settled<'_> {
    fn is_url(&self) -> bool {
        is_url(self.source)
    }
}

fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

impl Import {
    /// Asks what is open, imports one source after the other, and prints what each brought.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        if self.preview {
            for source in &self.sources {
                if is_url(source) {
                    preview::run_url(
                        &client,
                        &self.source_of_url(source, self.table()?, &self.given())?,
                    )
                    .await?;
                } else {
                    preview::run(
                        &client,
                        Path::new(source),
                        &self.reading_options(self.table()?, &self.given())?,
                    )
                    .await?;
                }
            }
            return Ok(Outcome::Done);
        }
        let mut settled = Vec::new();
        for source in &self.sources {
            settled.push(self.settle(&client, source).await?);
        }
        // Products and stores come before the sales that name them.
        settled.sort_by_key(|settled| ImportTable::ALL.iter().position(|table| *table == settled.table));
        let mut outcome = Outcome::Done;
        for source in &settled {
            if self.import(&client, source).await? == Outcome::SomeRejected {
                outcome = Outcome::SomeRejected;
            }
        }
        Ok(outcome)
    }

    /// What `source` is, with its questions answered.
    async fn settle<'a>(&self, client: &ScriptClient, source: &'a str) -> anyhow::Result<Settled<'a>> {
        let given = self.table()?;
        let mut settled = Settled {
            source,
            table: given.unwrap_or(ImportTable::Sales),
            answers: self.given(),
        };
        let path = Path::new(source);
        // What comes through a pipe can be read once only.
        if is_url(source) || !path.is_file() {
            return Ok(settled);
        }
        let language = Language::of_environment();
        for _ in 0..ROUNDS {
            let mut options = self.reading_options(given, &settled.answers)?;
            options.push(("lang", language.tag().to_owned()));
            if let Some(mode) = self.mode {
                options.push(("mode", mode.name().to_owned()));
            }
            let seen = match client.preview(&options, preview::head(path).await?.into()).await {
                Ok(seen) => seen,
                // Where the table is known the import itself says what is wrong, and waits for a service that is away.
                Err(_) if given.is_some() => break,
                Err(error) => return Err(anyhow::Error::from(error).context(format!("import {source}"))),
            };
            settled.table = seen.table;
            let unasked = |question: &&Question| !settled.answers.contains_key(&question.id);
            let questions: Vec<Question> = seen.questions.iter().filter(unasked).cloned().collect();
            if !is_dialogue() {
                if let Some(unanswered) = Unanswered::of(source, &questions) {
                    return Err(unanswered.into());
                }
                break;
            }
            if questions.is_empty() {
                break;
            }
            let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
            asking::ask(
                &questions,
                language,
                &mut settled.answers,
                &mut input,
                &mut output,
            )?;
        }
        Ok(settled)
    }

    async fn import(&self, client: &ScriptClient, settled: &Settled<'_>) -> anyhow::Result<Outcome> {
        let mut interrupts = Interrupts::listen();
        let began = Instant::now();
        let key = new_key()?;
        let job = if settled.is_url() {
            let request = self.request_of_url(settled)?;
            let submission = client.submit(anyhow::Error::downcast_ref, async || {
                Ok(client.import_sources(&key, &request).await?)
            });
            submitted(&mut interrupts, || true, submission).await?
        } else {
            let upload = Upload::new(Path::new(settled.source));
            let submission = upload.send(client, &key, self.upload_options(settled)?);
            submitted(&mut interrupts, || upload.is_sent(), submission).await?
        };
        let job = follow_import(client, job, &mut interrupts, BY).await?;
        Imported {
            client,
            script_url: &self.script.script_url,
            title: &format!("{} into {}", settled.source, settled.table),
            subject: settled.source,
            dry_run: self.dry_run,
            took: began.elapsed(),
            interrupted: interrupts.presses() > 0,
        }
        .report(&job)
        .await
    }

    fn table(&self) -> anyhow::Result<Option<ImportTable>> {
        let named = self.table.as_deref();
        named
            .map(|name| {
                ImportTable::parse(name)
                    .with_context(|| format!("`{name}` is not one of {}", TABLES.join(", ")))
            })
            .transpose()
    }

    /// The answers of the command line.
    fn given(&self) -> BTreeMap<String, String> {
        self.answers.iter().cloned().collect()
    }

    fn source_of_url(
        &self,
        url: &str,
        table: Option<ImportTable>,
        answers: &BTreeMap<String, String>,
    ) -> anyhow::Result<SourceRequest> {
        let mut source = source(table.unwrap_or(ImportTable::Sales).as_str(), &self.options)?;
        source.url = Some(url.to_owned());
        source.options.answers.extend(answers.clone());
        Ok(source)
    }

    fn request_of_url(&self, settled: &Settled<'_>) -> anyhow::Result<ImportRequest> {
        Ok(ImportRequest {
            sources: vec![self.source_of_url(settled.source, Some(settled.table), &settled.answers)?],
            mode: self.mode.unwrap_or(Mode::Upsert).on_the_wire(),
            dry_run: self.dry_run,
            force: self.force,
            on_cancel: self.on_cancel.unwrap_or(OnCancel::Keep).on_the_wire(),
            max_rejects: self.max_rejects.as_ref().map(|most| match most.parse() {
                Ok(count) => MaxRejects::Count(count),
                Err(_) => MaxRejects::Percent(most.clone()),
            }),
            ..ImportRequest::default()
        })
    }

    /// The table, where it is known, and what is fixed about the reading of the file.
    fn reading_options(
        &self,
        table: Option<ImportTable>,
        answers: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<(&str, String)>> {
        let further = self
            .options
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let mut options: Vec<(&str, String)> = table
            .map(|table| ("table", table.to_string()))
            .into_iter()
            .chain(further)
            .collect();
        if !answers.is_empty() {
            options.push(("answers", serde_json::to_string(answers)?));
        }
        Ok(options)
    }

    fn upload_options(&self, settled: &Settled<'_>) -> anyhow::Result<Vec<(&str, String)>> {
        let mut options = self.reading_options(Some(settled.table), &settled.answers)?;
        if let Some(name) = Path::new(settled.source).file_name() {
            options.push(("name", name.to_string_lossy().into_owned()));
        }
        if let Some(mode) = self.mode {
            options.push(("mode", mode.name().to_owned()));
        }
        if self.dry_run {
            options.push(("dry_run", "true".to_owned()));
        }
        if let Some(on_cancel) = self.on_cancel {
            options.push(("on_cancel", on_cancel.name().to_owned()));
        }
        if let Some(most) = &self.max_rejects {
            options.push(("max_rejects", most.clone()));
        }
        Ok(options)
    }
}

/// A file on its way to the service.
struct Upload<'a> {
    path: &'a Path,
    /// Whether all of it was handed to the connection, once at least.
    is_sent: Arc<AtomicBool>,
}

impl<'a> Upload<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            is_sent: Arc::default(),
        }
    }

    fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }

    /// Sends it, and again when only the answer was lost. A connection that broke off before made no job.
    async fn send(
        &self,
        client: &ScriptClient,
        key: &str,
        options: Vec<(&str, String)>,
    ) -> anyhow::Result<Job> {
        client
            .submit(anyhow::Error::downcast_ref, async || {
                let body = self.open().await?;
                let job = client.import_upload(key, &options, body).await;
                Ok(job.map_err(|error| match error {
                    ScriptError::Lost { url, why } if !self.is_sent() => ScriptError::Cut { url, why },
                    other => other,
                })?)
            })
            .await
    }

    /// Its content, which shows on a progress bar how much of it is gone.
    async fn open(&self) -> anyhow::Result<Body> {
        let open = || format!("open {}", self.path.display());
        let file = tokio::fs::File::open(self.path).await.with_context(open)?;
        let metadata = file.metadata().await.with_context(open)?;
        if metadata.is_dir() {
            bail!("{} is a folder, not a file", self.path.display());
        }
        let total = metadata.len();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let mut progress = ProgressLine::start(format!("Sending {name}"), Unit::Bytes);
        let is_sent = Arc::clone(&self.is_sent);
        let mut sent = 0;
        let chunks = ReaderStream::with_capacity(file, 256 * 1024).inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                sent += chunk.len() as u64;
                progress.set(sent, Some(total));
                if sent >= total {
                    is_sent.store(true, Ordering::Relaxed);
                }
            }
        });
        Ok(Body::wrap_stream(chunks))
    }
}

/// Waits for the end of an import that Ctrl-C cancels in the name of `by`, showing how far it is: bytes while it
/// is read for the first time, then rows.
pub(super) async fn follow_import(
    client: &ScriptClient,
    job: Job,
    interrupts: &mut Interrupts,
    by: &str,
) -> anyhow::Result<Job> {
    let progress = ProgressLine::start("Waiting", Unit::Bytes);
    follow(client, job, interrupts, by, progress, show).await
}

fn show(job: &Job, progress: &mut ProgressLine) {
    let &Progress {
        bytes,
        bytes_total,
        rows,
        rows_total,
        rows_per_s,
        ..
    } = &job.progress;
    if rows_total.is_some() {
        progress.count(Unit::Rows);
        progress.say("Importing");
        progress.show(Step {
            position: rows,
            total: rows_total,
            per_second: rows_per_s,
            bytes: bytes_total.map(|total| (bytes, total)),
        });
    } else {
        progress.count(Unit::Bytes);
        progress.say(match job.progress.phase.as_deref() {
            Some("fetching") => "Fetching",
            Some("surveying") => "Reading",
            _ => "Waiting",
        });
        progress.set(bytes, bytes_total);
    }
}
