//! `comptoir import`: a file or a URL into a table.

use super::{ScriptAddress, name_and_value, preview};
use crate::cli::Outcome;
use crate::output::{self, grouped};
use crate::progress::{Progress, Unit};
use crate::script_client::{Counters, Job, Reject, ScriptClient};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::io::ReaderStream;

/// How many rejected records are shown.
const SHOWN_REJECTS: usize = 10;
/// How often the service is asked how far it is: soon at first, so that a small file does not wait.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// And then ever more seldom, up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Import a file or a URL into a table.
///
/// The service decides encoding, delimiter, decimal mark and date order from the content; options fix them.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A file (CSV, TSV, JSON, NDJSON, xlsx, ods; plain, gzip, zstd or zip), or an http(s) URL that script-service fetches.
    source: String,
    /// The table: `products`, `stores`, `sales` or `targets`.
    #[arg(long)]
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
}

impl Import {
    /// Imports, and prints counters and the first rejects.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let is_url = self.source.starts_with("http://") || self.source.starts_with("https://");
        if self.preview {
            if is_url {
                return preview::run_url(&client, &self.source_of_url()).await;
            }
            return preview::run(&client, Path::new(&self.source), &self.reading_options()).await;
        }
        let began = Instant::now();
        let job = if is_url {
            client.import_sources(&self.request_of_url()).await?
        } else {
            self.upload(&client).await?
        };
        let job = follow(&client, job).await?;
        if job.has_failed() {
            bail!(
                "{} was not imported (job {}): {}",
                self.source,
                job.id,
                job.reason()
            );
        }
        let title = format!("{} into {}", self.source, self.table);
        report(
            &client,
            &job,
            &title,
            self.dry_run,
            began.elapsed(),
            &self.script.script_url,
        )
        .await?;
        Ok(if job.counters.rejected > 0 {
            Outcome::SomeRejected
        } else {
            Outcome::Done
        })
    }

    fn source_of_url(&self) -> Value {
        let mut source: Map<String, Value> = self
            .options
            .iter()
            .map(|(name, value)| {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
                (name.clone(), value)
            })
            .collect();
        source.insert("table".into(), self.table.as_str().into());
        source.insert("url".into(), self.source.as_str().into());
        source.into()
    }

    fn request_of_url(&self) -> Value {
        let mut request = Map::new();
        request.insert("sources".into(), json!([self.source_of_url()]));
        if let Some(mode) = self.mode {
            request.insert("mode".into(), mode.name().into());
        }
        if self.dry_run {
            request.insert("dry_run".into(), true.into());
        }
        if self.force {
            request.insert("force".into(), true.into());
        }
        if let Some(on_cancel) = self.on_cancel {
            request.insert("on_cancel".into(), on_cancel.name().into());
        }
        if let Some(most) = &self.max_rejects {
            let most = most
                .parse::<u64>()
                .map_or_else(|_| most.as_str().into(), Value::from);
            request.insert("max_rejects".into(), most);
        }
        request.into()
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

    async fn upload(&self, client: &ScriptClient) -> anyhow::Result<Job> {
        let path = Path::new(&self.source);
        let open = || format!("open {}", path.display());
        let file = tokio::fs::File::open(path).await.with_context(open)?;
        let metadata = file.metadata().await.with_context(open)?;
        if metadata.is_dir() {
            bail!("{} is a folder, not a file", path.display());
        }
        let total = metadata.len();
        let mut options = self.reading_options();
        if let Some(name) = path.file_name() {
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
        let progress = Mutex::new(Progress::start(format!("Sending {}", self.source), Unit::Bytes));
        let sent = Arc::new(AtomicU64::new(0));
        let chunks = ReaderStream::with_capacity(file, 256 * 1024).inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let sent = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
                progress
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .set(sent, Some(total));
            }
        });
        Ok(client
            .import_upload(&options, reqwest::Body::wrap_stream(chunks))
            .await?)
    }
}

/// Prints what became of the records of `job`, its notes and the first rejects.
pub(super) async fn report(
    client: &ScriptClient,
    job: &Job,
    title: &str,
    dry_run: bool,
    took: Duration,
    script_url: &str,
) -> anyhow::Result<()> {
    let Counters {
        read,
        inserted,
        updated,
        unchanged,
        rejected,
        warnings,
    } = job.counters;
    let would = if dry_run {
        " (dry run, nothing was written)"
    } else {
        ""
    };
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let per_second = read as f64 / took.as_secs_f64().max(0.001);
    output::print(format_args!(
        "{title}, job {}, {:.1} s, {} rows/s{would}",
        job.id,
        took.as_secs_f64(),
        grouped(per_second, 0)
    ))?;
    let heads = ["read", "inserted", "updated", "unchanged", "rejected", "warnings"].map(str::to_owned);
    let counts = [read, inserted, updated, unchanged, rejected, warnings];
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let row = counts.map(|count| grouped(count as f64, 0)).to_vec();
    output::print(output::table(&heads, &[true; 6], [row]))?;
    for note in &job.notes {
        output::print(note)?;
    }
    if rejected > 0 {
        print_rejects(&client.list_rejects(job.id, SHOWN_REJECTS).await?)?;
        if rejected > SHOWN_REJECTS as u64 {
            output::print(format_args!(
                "and {} more: {script_url}/jobs/{}/rejects?format=csv",
                rejected - SHOWN_REJECTS as u64,
                job.id
            ))?;
        }
        if !dry_run {
            output::print(format_args!(
                "to correct them: comptoir rejects {0} > rejects.csv, then comptoir replay {0} rejects.csv",
                job.id
            ))?;
        }
    }
    Ok(())
}

/// Waits for the end of `job`, showing how far it is: bytes while it is read for the first time, then rows.
pub(super) async fn follow(client: &ScriptClient, mut job: Job) -> anyhow::Result<Job> {
    let mut progress = Progress::start(format!("Importing (job {})", job.id), Unit::Bytes);
    let mut pause = FIRST_PAUSE;
    while !job.is_finished() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        job = client.get_job(job.id).await?;
        let (bytes, total) = job.bytes();
        if let Some(records) = job.records_total() {
            progress.count(Unit::Rows);
            progress.say(match total {
                Some(total) => format!("Importing {} of {} MiB", bytes >> 20, total >> 20),
                None => "Importing".to_owned(),
            });
            progress.set(job.counters.read, Some(records.max(job.counters.read)));
        } else {
            progress.count(Unit::Bytes);
            progress.say(match job.phase() {
                Some("fetching") => "Fetching",
                Some("surveying") => "Reading",
                _ => "Waiting",
            });
            progress.set(bytes, total);
        }
    }
    Ok(job)
}

fn print_rejects(rejects: &[Reject]) -> io::Result<()> {
    let heads = ["line", "column", "value", "reason"].map(str::to_owned);
    let rows = rejects.iter().map(|reject| {
        vec![
            reject.line.to_string(),
            reject.column.clone().unwrap_or_default(),
            reject.value.clone().unwrap_or_default(),
            format!("{} ({})", reject.message, reject.code),
        ]
    });
    output::print(output::table(&heads, &[true, false, false, false], rows))
}
