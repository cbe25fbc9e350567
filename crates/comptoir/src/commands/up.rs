//! `comptoir up`: every service in one process.

use crate::generate::sample;
use crate::outcome::Outcome;
use crate::progress::{ProgressLine, Unit};
use crate::stack::{self, Stack};
use anyhow::{Context as _, bail};
use clap::{Args, Parser as _};
use db_client::DbClient;
use script_client::script_api::{ForecastRequest, Job};
use script_client::{ScriptClient, Sight};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Of the import on first start: a second process asks for the same one.
const SAMPLE_KEY: &str = "comptoir-up-sample";

/// Start every service in one process and wait. Ctrl-C or SIGTERM stops them.
///
/// The first start imports the sample data and forecasts the week after it. Settings of a single service are taken from its own variables
/// (`DB_…`, `SCRIPT_…`).
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Folder with the files to import; the database is `sales.db` in it.
    #[arg(long, env = "COMPTOIR_DATA", default_value = "data")]
    data: PathBuf,
    /// Address to listen on. With another than a loopback address db-service needs --db-tokens.
    #[arg(long, env = "COMPTOIR_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port of db-service; 0 takes a free one.
    #[arg(long, env = "COMPTOIR_DB_PORT", default_value_t = 8080)]
    pub(crate) db_port: u16,
    /// Port of script-service; 0 takes a free one.
    #[arg(long, env = "COMPTOIR_SCRIPT_PORT", default_value_t = 5000)]
    script_port: u16,
    /// Port of dashboard-service; 0 takes a free one.
    #[arg(long, env = "COMPTOIR_DASHBOARD_PORT", default_value_t = 8501)]
    dashboard_port: u16,
    /// Leaves the database empty on first start.
    #[arg(long, env = "COMPTOIR_NO_SAMPLE")]
    pub(crate) no_sample: bool,
    /// Token file of db-service (see `comptoir token new`).
    #[arg(long, env = "DB_TOKENS")]
    db_tokens: Option<PathBuf>,
    /// Token, of scope admin, that script-service shows to db-service when that has a token file.
    #[arg(long, env = "COMPTOIR_DB_TOKEN", hide_env_values = true)]
    db_token: Option<String>,
}

impl Up {
    /// Runs until it is asked to stop, or until a service fails.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let mut stop_signal = Box::pin(service_kit::stop_signal());
        let mut stack = Stack::new();
        let ended = tokio::select! {
            ended = self.start_and_wait(&mut stack) => ended,
            () = &mut stop_signal => Ok(()),
        };
        let stopped = stack.stop().await;
        ended.and(stopped).map(|()| Outcome::Done)
    }

    /// Ends only with a failure.
    async fn start_and_wait(&self, stack: &mut Stack) -> anyhow::Result<()> {
        let began = Instant::now();
        let db_listener = stack::bind(SocketAddr::new(self.host, self.db_port), "--db-port").await?;
        let script_listener =
            stack::bind(SocketAddr::new(self.host, self.script_port), "--script-port").await?;
        let dashboard_listener = stack::bind(
            SocketAddr::new(self.host, self.dashboard_port),
            "--dashboard-port",
        )
        .await?;
        let db_url = url(db_listener.local_addr()?);
        let script_url = url(script_listener.local_addr()?);
        let dashboard_address = dashboard_listener.local_addr()?;
        let dashboard_url = url(dashboard_address);
        let wrote_sample = self.prepare_data()?;

        let db_config = self.db_config();
        let db = DbClient::new(&db_url, self.db_token.clone())?;
        let run_db = |shutdown: stack::Shutdown| db_service::run(db_config, db_listener, shutdown.wait());
        let db_is_ready = async || db.ready().await.is_ok();
        stack.start("db-service", run_db, db_is_ready).await?;

        let script_config = self.script_config(&db_url);
        let script = ScriptClient::new(&script_url)?;
        let run_script =
            |shutdown: stack::Shutdown| script_service::run(script_config, script_listener, shutdown.wait());
        let script_is_ready = async || script.ready().await.is_ok();
        stack.start("script-service", run_script, script_is_ready).await?;

        let dashboard_config = dashboard_service::Config::for_script(&script_url);
        let run_dashboard = |shutdown: stack::Shutdown| {
            dashboard_service::run(dashboard_config, dashboard_listener, shutdown.wait())
        };
        let dashboard_is_ready = async || service_kit::probe(dashboard_address).await.is_ok();
        stack
            .start("dashboard-service", run_dashboard, dashboard_is_ready)
            .await?;
        let ready_after = began.elapsed();

        let sample = if self.no_sample || has_jobs(&script).await? {
            None
        } else {
            let job = import_sample(&script).await?;
            forecast_sample(&script).await?;
            Some(job)
        };
        greet(&Greeting {
            ready_after,
            db_url: &db_url,
            script_url: &script_url,
            dashboard_url: &dashboard_url,
            wrote_sample: wrote_sample.then_some(self.data.as_path()),
            sample: sample.as_ref(),
        })?;
        Err(stack.failure().await)
    }

    /// Makes the data folder, with the sample files when it has no file to import; says whether it wrote them.
    fn prepare_data(&self) -> anyhow::Result<bool> {
        std::fs::create_dir_all(&self.data).with_context(|| {
            format!(
                "make the data folder {} (change it with --data)",
                self.data.display()
            )
        })?;
        let has_files = ["products.csv", "stores.csv", "sales.csv"]
            .iter()
            .any(|name| self.data.join(name).exists());
        if self.no_sample || has_files || self.database().exists() {
            return Ok(false);
        }
        sample::write(&self.data)?;
        Ok(true)
    }

    fn database(&self) -> PathBuf {
        self.data.join("sales.db")
    }

    fn db_config(&self) -> db_service::Config {
        let mut config = db_service::Config::for_database(self.database());
        config.tokens.clone_from(&self.db_tokens);
        config
    }

    fn script_config(&self, db_url: &str) -> script_service::Config {
        let mut config = script_service::Config::parse_from(["script-service"]);
        db_url.clone_into(&mut config.db_url);
        config.db_token.clone_from(&self.db_token);
        config.data.clone_from(&self.data);
        config
    }
}

/// The address that a program on this machine calls.
fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

/// Whether it has ever been given a job.
async fn has_jobs(script: &ScriptClient) -> anyhow::Result<bool> {
    let newest = script.jobs(&[("page_size", "1".to_owned())]).await?;
    Ok(!newest.jobs.is_empty())
}

async fn import_sample(script: &ScriptClient) -> anyhow::Result<Job> {
    let job = script
        .import_configured(SAMPLE_KEY)
        .await
        .context("import the sample data")?;
    let mut progress = ProgressLine::start("Importing the sample data", Unit::Rows);
    let job = script
        .follow(job, |sight| {
            if let Sight::Job(job) = sight {
                progress.set(job.counters.read, None);
            }
        })
        .await?;
    if job.state.has_failed() {
        bail!(
            "the sample data cannot be imported: {}; start with --no-sample to go on without it",
            job.reason()
        );
    }
    Ok(job)
}

/// Has the next week forecast, so that the page shows it from the first visit on. A history that cannot be
/// forecast is no reason not to start: the job says why.
async fn forecast_sample(script: &ScriptClient) -> anyhow::Result<()> {
    let job = script
        .submit_forecast(&ForecastRequest::default())
        .await
        .context("forecast the sample data")?;
    script.follow(job, |_| {}).await?;
    Ok(())
}

/// What is said when everything runs.
struct Greeting<'a> {
    ready_after: Duration,
    db_url: &'a str,
    script_url: &'a str,
    dashboard_url: &'a str,
    wrote_sample: Option<&'a Path>,
    sample: Option<&'a Job>,
}

fn greet(greeting: &Greeting<'_>) -> io::Result<()> {
    let Greeting {
        db_url,
        script_url,
        dashboard_url,
        ..
    } = greeting;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Comptoir is ready after {:.2} s. Stop it with Ctrl-C.\n",
        greeting.ready_after.as_secs_f64()
    )?;
    if let Some(data) = greeting.wrote_sample {
        writeln!(out, "Wrote the sample files to {}.", data.display())?;
    }
    if let Some(job) = greeting.sample {
        writeln!(
            out,
            "Imported the sample data: {} records, {} rejected ({script_url}/jobs/{}).\n",
            job.counters.read, job.counters.rejected, job.id
        )?;
    }
    writeln!(out, "  db-service         {db_url}   try it at {db_url}/docs")?;
    writeln!(
        out,
        "  script-service     {script_url}   try it at {script_url}/docs"
    )?;
    writeln!(
        out,
        "  dashboard-service  {dashboard_url}   open it in a browser\n"
    )?;
    writeln!(out, "  curl '{script_url}/analysis/region?format=csv'")?;
    writeln!(
        out,
        "  curl -X POST -H 'Prefer: wait=30' {script_url}/jobs/import"
    )?;
    writeln!(
        out,
        "  curl -d '{{\"sql\":\"SELECT SUM(amount) FROM sales\"}}' {db_url}/v1/query\n"
    )?;
    out.flush()
}
