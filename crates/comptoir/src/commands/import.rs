//! `comptoir import`: a file or a URL into a table.

use super::ScriptAddress;
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
    /// A file (CSV, TSV, JSON, NDJSON; plain, gzip or zstd), or an http(s) URL that script-service fetches.
    source: String,
    /// The table: `products`, `stores`, `sales` or `targets`.
    #[arg(long)]
    table: String,
    /// What becomes of records whose id is in the table already, and of rows that the file lacks.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Reads and checks everything, writes nothing, and says what would have happened.
    #[arg(long)]
    dry_run: bool,
    /// Fails when more records are rejected: a number, or a percentage such as `5%`.
    #[arg(long)]
    max_rejects: Option<String>,
    /// A further option of the import, such as `encoding=windows-1252` or `delimiter=tab`; may be repeated.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = name_and_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    script: ScriptAddress,
}

/// What becomes of known ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
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
    fn name(self) -> &'static str {
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
        let began = Instant::now();
        let job = if self.source.starts_with("http://") || self.source.starts_with("https://") {
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
        self.report(&client, &job, began.elapsed()).await?;
        Ok(if job.counters.rejected > 0 {
            Outcome::SomeRejected
        } else {
            Outcome::Done
        })
    }

    fn request_of_url(&self) -> Value {
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
        let mut request = Map::new();
        request.insert("sources".into(), json!([source]));
        if let Some(mode) = self.mode {
            request.insert("mode".into(), mode.name().into());
        }
        if self.dry_run {
            request.insert("dry_run".into(), true.into());
        }
        if let Some(most) = &self.max_rejects {
            let most = most
                .parse::<u64>()
                .map_or_else(|_| most.as_str().into(), Value::from);
            request.insert("max_rejects".into(), most);
        }
        request.into()
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
        let mut options = vec![("table", self.table.clone())];
        if let Some(name) = path.file_name() {
            options.push(("name", name.to_string_lossy().into_owned()));
        }
        if let Some(mode) = self.mode {
            options.push(("mode", mode.name().to_owned()));
        }
        if self.dry_run {
            options.push(("dry_run", "true".to_owned()));
        }
        if let Some(most) = &self.max_rejects {
            options.push(("max_rejects", most.clone()));
        }
        options.extend(
            self.options
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
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

    async fn report(&self, client: &ScriptClient, job: &Job, took: Duration) -> anyhow::Result<()> {
        let Counters {
            read,
            inserted,
            updated,
            unchanged,
            rejected,
            warnings,
        } = job.counters;
        let would = if self.dry_run {
            " (dry run, nothing was written)"
        } else {
            ""
        };
        output::print(format_args!(
            "{} into {}, job {}, {:.1} s{would}",
            self.source,
            self.table,
            job.id,
            took.as_secs_f64()
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
                    "and {} more: {}/jobs/{}/rejects?format=csv",
                    rejected - SHOWN_REJECTS as u64,
                    self.script.script_url,
                    job.id
                ))?;
            }
        }
        Ok(())
    }
}

/// Waits for the end of `job`, showing how far it is.
async fn follow(client: &ScriptClient, mut job: Job) -> anyhow::Result<Job> {
    let mut progress = Progress::start(format!("Importing (job {})", job.id), Unit::Rows);
    let mut pause = FIRST_PAUSE;
    while !job.is_finished() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        job = client.get_job(job.id).await?;
        progress.set(job.counters.read, job.records_total());
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

fn name_and_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}
