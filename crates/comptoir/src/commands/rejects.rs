//! `comptoir rejects` and `comptoir replay`: what an import did not take, and its way back.

use super::import::{self, Mode};
use super::{ScriptAddress, import::report};
use crate::cli::Outcome;
use crate::script_client::ScriptClient;
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

/// Print the records that an import did not take.
#[derive(Debug, Args)]
pub(crate) struct Rejects {
    /// The job.
    job: i64,
    /// The form.
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    format: Form,
    #[command(flatten)]
    script: ScriptAddress,
}

/// A form of rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// With commas.
    Csv,
    /// As a French Excel opens it: byte order mark and semicolons.
    CsvFr,
    /// One JSON object a line.
    Ndjson,
}

impl Rejects {
    /// Prints them.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let query: &[(&str, &str)] = match self.format {
            Form::Csv => &[("format", "csv")],
            Form::CsvFr => &[("format", "csv"), ("dialect", "fr")],
            Form::Ndjson => &[("format", "ndjson")],
        };
        let rejects = client.rejects(self.job, query).await?;
        let mut out = io::stdout().lock();
        out.write_all(&rejects)?;
        out.flush()?;
        Ok(Outcome::Done)
    }
}

/// Import corrected rejects.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The job whose rejects they are.
    job: i64,
    /// The file that `comptoir rejects` printed, with `raw` or `value` corrected; without one all rejects are
    /// tried again as they are.
    file: Option<PathBuf>,
    /// What becomes of records whose id is in the table already; as in the job itself unless given.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Reads and checks everything, writes nothing, and says what would have happened.
    #[arg(long)]
    dry_run: bool,
    /// Replays also what was replayed before.
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    script: ScriptAddress,
}

impl Replay {
    /// Imports them, and prints counters and the first rejects.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let body = match &self.file {
            Some(path) => std::fs::read(path).with_context(|| format!("open {}", path.display()))?,
            None => Vec::new(),
        };
        if self.file.is_some() && body.is_empty() {
            bail!("the file is empty; without a file all rejects are tried again as they are");
        }
        let mut options = vec![
            ("dry_run", self.dry_run.to_string()),
            ("again", self.again.to_string()),
        ];
        options.extend(self.mode.map(|mode| ("mode", mode.name().to_owned())));
        let began = Instant::now();
        let job = client.replay(self.job, &options, body).await?;
        let job = import::follow(&client, job).await?;
        if job.has_failed() {
            bail!(
                "the rejects of job {} were not imported (job {}): {}",
                self.job,
                job.id,
                job.reason()
            );
        }
        let title = format!("rejects of job {}", self.job);
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
}
