//! `comptoir import`: a file or a URL into a table.

use super::follow::{follow, submitted};
use super::imported::Imported;
use super::{ScriptAddress, name_and_value, preview};
use crate::interrupts::Interrupts;
use crate::outcome::Outcome;
use crate::progress::{ProgressLine, Step, Unit};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use script_client::script_api::{self, ImportRequest, ImportTable, Job, MaxRejects, Progress, SourceRequest};
use script_client::{Body, ScriptClient, ScriptError, new_key};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio_util::io::ReaderStream;

/// The tables that files go to.
const TABLES: [&str; 4] = ["products", "stores", "sales", "targets"];
/// In whose name an import is cancelled.
const BY: &str = "comptoir import (Ctrl-C)";

/// Import a file or a URL into a table.
///
/// The service decides encoding, delimiter, decimal mark and date order from the content; options fix them.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A file (CSV, TSV, JSON, NDJSON, xlsx, ods; plain, gzip, zstd or zip), or an http(s) URL that script-service fetches.
    source: String,
    /// The table.
    #[arg(long, value_parser = TABLES)]
    table: String,
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

impl Import {
    /// Imports, and prints counters and the first rejects.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let is_url = self.source.starts_with("http://") || self.source.starts_with("https://");
        if self.preview {
            if is_url {
                return preview::run_url(&client, &self.source_of_url()?).await;
            }
            return preview::run(&client, Path::new(&self.source), &self.reading_options()).await;
        }
        let mut interrupts = Interrupts::listen();
        let began = Instant::now();
        let key = new_key()?;
        let job = if is_url {
            let request = self.request_of_url()?;
            let submission = client.submit(anyhow::Error::downcast_ref, async || {
                Ok(client.import_sources(&key, &request).await?)
            });
            submitted(&mut interrupts, || true, submission).await?
        } else {
            let upload = Upload::new(Path::new(&self.source));
            let submission = upload.send(&client, &key, self.upload_options());
            submitted(&mut interrupts, || upload.is_sent(), submission).await?
        };
        let job = follow_import(&client, job, &mut interrupts, BY).await?;
        Imported {
            client: &client,
            script_url: &self.script.script_url,
            title: &format!("{} into {}", self.source, self.table),
            subject: &self.source,
            dry_run: self.dry_run,
            took: began.elapsed(),
            interrupted: interrupts.presses() > 0,
        }
        .report(&job)
        .await
    }

    fn source_of_url(&self) -> anyhow::Result<SourceRequest> {
        Ok(SourceRequest {
            url: Some(self.source.clone()),
            ..source(&self.table, &self.options)?
        })
    }

    fn request_of_url(&self) -> anyhow::Result<ImportRequest> {
        Ok(ImportRequest {
            sources: vec![self.source_of_url()?],
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

    /// The table, and what is fixed about the reading of the file.
    fn reading_options(&self) -> Vec<(&str, String)> {
        let further = self
            .options
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        std::iter::once(("table", self.table.clone()))
            .chain(further)
            .collect()
    }

    fn upload_options(&self) -> Vec<(&str, String)> {
        let mut options = self.reading_options();
        if let Some(name) = Path::new(&self.source).file_name() {
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
        options
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
