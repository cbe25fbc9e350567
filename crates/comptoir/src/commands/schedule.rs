//! `comptoir schedule`: imports, analyses and forecasts that are asked for again and again.

use super::import::{self, Mode};
use super::{ScriptAddress, name_and_value};
use crate::outcome::Outcome;
use crate::output;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use script_client::ScriptClient;
use script_client::script_api::{ImportRequest, JobKind, Schedule, ScheduleRequest};
use serde_json::Value;

/// Keep schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a schedule, or change it.
    Set(Set),
    /// List the schedules.
    List(Address),
    /// Let a schedule make no more jobs for now.
    Pause(Named),
    /// Let a paused schedule make jobs again.
    Resume(Named),
    /// Make a job of a schedule now.
    Run(Named),
    /// Delete a schedule; the jobs that it made stay.
    Remove(Named),
}

/// What a schedule is to be.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Its name: lower-case letters, digits, `-` and `_`.
    name: String,
    /// When: minute, hour, day of month, month, day of week, such as "0 6 * * 1-5".
    #[arg(long, required_unless_present = "watch")]
    cron: Option<String>,
    /// In which time zone; the service's setting unless given.
    #[arg(long, requires = "cron")]
    time_zone: Option<String>,
    /// Which files: a pattern under the data folder of the service, such as "inbox/*.csv".
    #[arg(long, conflicts_with = "cron", requires = "table")]
    watch: Option<String>,
    /// What it does.
    #[arg(long, value_enum, default_value_t = Job::Import)]
    job: Job,
    /// The table that it imports into: `products`, `stores`, `sales` or `targets`. Without it, an import takes
    /// the configured files of the data folder.
    #[arg(long)]
    table: Option<String>,
    /// The http(s) URL that it imports.
    #[arg(long, requires = "table", conflicts_with = "watch")]
    url: Option<String>,
    /// The file under the data folder that it imports.
    #[arg(long, requires = "table", conflicts_with_all = ["watch", "url"])]
    path: Option<String>,
    /// What becomes of records whose id is in the table already.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// A further option of the import, such as `encoding=windows-1252`; may be repeated.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = name_and_value)]
    options: Vec<(String, String)>,
    /// The arguments of an analysis or a forecast as JSON, such as `{"model":"arima"}`.
    #[arg(long, conflicts_with_all = ["table", "mode", "options"])]
    request: Option<String>,
    /// Lets times pass that come while no service runs; else one job makes up for them.
    #[arg(long)]
    no_catch_up: bool,
    #[command(flatten)]
    script: ScriptAddress,
}

/// What a schedule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Job {
    /// Imports.
    Import,
    /// Computes analyses and keeps the answers.
    Analysis,
    /// Forecasts and keeps the forecast.
    Forecast,
}

/// Where the schedules are.
#[derive(Debug, Args)]
pub(crate) struct Address {
    #[command(flatten)]
    script: ScriptAddress,
}

/// Which schedule.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name.
    name: String,
    #[command(flatten)]
    script: ScriptAddress,
}

impl Command {
    /// Does it, and prints how things stand then.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Set(set) => {
                let client = ScriptClient::new(&set.script.script_url)?;
                let schedule = client.put_schedule(&set.name, &set.body()?).await?;
                print(&[schedule])?;
            }
            Self::List(address) => {
                let client = ScriptClient::new(&address.script.script_url)?;
                print(&client.schedules().await?)?;
            }
            Self::Pause(named) => named.enable(false).await?,
            Self::Resume(named) => named.enable(true).await?,
            Self::Run(named) => {
                let client = ScriptClient::new(&named.script.script_url)?;
                let job = client.run_schedule(&named.name).await?;
                output::print(format_args!("{} made job {}", named.name, job.id))?;
            }
            Self::Remove(named) => {
                let client = ScriptClient::new(&named.script.script_url)?;
                client.delete_schedule(&named.name).await?;
                output::print(format_args!("{} is gone", named.name))?;
            }
        }
        Ok(Outcome::Done)
    }
}

impl Named {
    async fn enable(&self, enabled: bool) -> anyhow::Result<()> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let now = client.schedule(&self.name).await?;
        let changed = ScheduleRequest {
            job: now.job,
            request: serde_json::from_str(now.request.get()).context("read the request of the schedule")?,
            cron: now.cron,
            time_zone: now.time_zone,
            watch: now.watch,
            catch_up: now.catch_up,
            enabled,
        };
        print(&[client.put_schedule(&self.name, &changed).await?])?;
        Ok(())
    }
}

impl Set {
    /// What it is to be.
    fn body(&self) -> anyhow::Result<ScheduleRequest> {
        let (job, request) = match self.job {
            Job::Import => (JobKind::Import, self.import()?),
            Job::Analysis => (JobKind::Analysis, self.request()?),
            Job::Forecast => (JobKind::Forecast, self.request()?),
        };
        Ok(ScheduleRequest {
            job,
            request,
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            watch: self.watch.clone(),
            catch_up: !self.no_catch_up,
            enabled: true,
        })
    }

    fn request(&self) -> anyhow::Result<Value> {
        if self.table.is_some() || self.mode.is_some() || !self.options.is_empty() {
            bail!(
                "--table, --mode and --option are for imports; --request holds the arguments of other jobs"
            );
        }
        match &self.request {
            Some(text) => serde_json::from_str(text).context("read --request as JSON"),
            None => Ok(Value::Null),
        }
    }

    fn import(&self) -> anyhow::Result<Value> {
        if let Some(text) = &self.request {
            return serde_json::from_str(text).context("read --request as JSON");
        }
        let mut request = ImportRequest {
            mode: self.mode.unwrap_or(Mode::Upsert).on_the_wire(),
            ..ImportRequest::default()
        };
        if let Some(table) = &self.table {
            let mut source = import::source(table, &self.options)?;
            source.url.clone_from(&self.url);
            source.path.clone_from(&self.path);
            if source.url.is_none() && source.path.is_none() && self.watch.is_none() {
                bail!("--table needs --url, --path or --watch");
            }
            request.sources.push(source);
        } else if !self.options.is_empty() {
            bail!("--option needs --table");
        }
        Ok(serde_json::to_value(request)?)
    }
}

fn print(schedules: &[Schedule]) -> anyhow::Result<()> {
    let heads = ["name", "job", "when", "next", "last job", "skipped"].map(str::to_owned);
    let rows = schedules.iter().map(|schedule| {
        let when = match (&schedule.cron, &schedule.time_zone, &schedule.watch) {
            (Some(cron), Some(zone), _) => format!("{cron} ({zone})"),
            (_, _, Some(watch)) => format!("a file comes: {watch}"),
            _ => String::new(),
        };
        let next = if schedule.enabled {
            schedule.next_runs.first().cloned().unwrap_or_default()
        } else {
            "paused".to_owned()
        };
        let last = schedule.last_job.as_ref();
        vec![
            schedule.name.clone(),
            schedule.job.to_string(),
            when,
            next,
            last.map(|job| format!("{}: {}", job.id, job.state))
                .unwrap_or_default(),
            schedule.skipped.to_string(),
        ]
    });
    output::print(output::table(
        &heads,
        &[false, false, false, false, false, true],
        rows,
    ))?;
    Ok(())
}
