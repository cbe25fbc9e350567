//! `comptoir rejects` and `comptoir replay`: what an import did not take, and its way back.

use super::ScriptAddress;
use super::follow::submitted;
use super::import::{Mode, follow_import};
use super::imported::Imported;
use crate::interrupts::Interrupts;
use crate::outcome::Outcome;
use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use script_client::script_api::codes;
use script_client::{ScriptClient, ScriptError, new_key};
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
        let query: &[_] = match self.format {
            Form::Csv => &[("format", "csv")],
            Form::CsvFr => &[("format", "csv"), ("dialect", "fr")],
            Form::Ndjson => &[("format", "ndjson")],
        };
        let rejects = client
            .rejects(
                self.job,
                &query
                    .iter()
                    .map(|(name, value)| (*name, (*value).to_owned()))
                    .collect::<Vec<_>>(),
            )
            .await?;
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
        let body = Bytes::from(body);
        if self.file.is_some() && body.is_empty() {
            bail!("the file is empty; without a file all rejects are tried again as they are");
        }
        let mut options = vec![
            ("dry_run", self.dry_run.to_string()),
            ("again", self.again.to_string()),
        ];
        options.extend(self.mode.map(|mode| ("mode", mode.name().to_owned())));
        let mut interrupts = Interrupts::listen();
        let began = Instant::now();
        let key = new_key()?;
        let submission = client.submit(anyhow::Error::downcast_ref, async || {
            let job = client.replay(self.job, &key, &options, body.clone()).await;
            Ok(job.map_err(in_terms_of_flags)?)
        });
        let job = submitted(&mut interrupts, || true, submission).await?;
        let job = follow_import(&client, job, &mut interrupts, "comptoir replay (Ctrl-C)").await?;
        let rejects = format!("rejects of job {}", self.job);
        Imported {
            client: &client,
            script_url: &self.script.script_url,
            title: &rejects,
            subject: &rejects,
            dry_run: self.dry_run,
            took: began.elapsed(),
            interrupted: interrupts.presses() > 0,
        }
        .report(&job)
        .await
    }
}

/// The advice of the service as one follows it here.
fn in_terms_of_flags(error: ScriptError) -> ScriptError {
    match error {
        ScriptError::Refused(mut problem) if problem.code == codes::ALREADY_REPLAYED => {
            problem.detail = problem.detail.replace("`again=true`", "`--again`");
            ScriptError::Refused(problem)
        }
        other => other,
    }
}
