//! Servers as processes of their own, and what they cost.

use crate::load::{self, Body};
use anyhow::{Context as _, bail};
use clap::Parser as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Processor time is counted in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

/// Where a server listens: the system finds a port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

/// How long a server may take to be ready.
const START_TIME: Duration = Duration::from_secs(10);

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// The bare axum server.
    pub(crate) fn hello() -> anyhow::Result<Self> {
        Self::start(&["hello"])
    }

    /// db-service on `database`, with further arguments.
    pub(crate) fn db(database: &std::path::Path, more: &[&str]) -> anyhow::Result<Self> {
        let database = database.to_str().context("a path in UTF-8")?;
        let mut arguments = vec!["db", "--", "--listen", ANY_PORT, "--database", database];
        arguments.extend(more);
        Self::start(&arguments)
    }

    /// script-service on the db-service `db`, with the files in `data`.
    pub(crate) fn script(db: &Self, data: &std::path::Path) -> anyhow::Result<Self> {
        let url = format!("http://{}", db.address);
        let data = data.to_str().context("a path in UTF-8")?;
        let mut arguments = vec!["script"];
        let wait = load::MOST_WAIT_S.to_string();
        arguments.extend(["--", "--listen", ANY_PORT, "--db-url", &url, "--data", data]);
        arguments.extend(["--max-wait-s", &wait]);
        let server = Self::start(&arguments)?;
        let deadline = Instant::now() + START_TIME;
        while load::call(server.address, "GET /readyz", &Body::Text("")).is_err() {
            if Instant::now() > deadline {
                bail!("script-service was not ready within 10 s");
            }
            std::thread::yield_now();
        }
        Ok(server)
    }

    /// Starts it. Its first line says where it listens, so nobody else can have taken the port before.
    fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a server")?;
        let mut line = String::new();
        let read = child
            .stdout
            .take()
            .map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        read.context("the server's output")??;
        server.address = line
            .trim()
            .parse()
            .with_context(|| format!("a server did not start: it said `{}`", line.trim()))?;
        Ok(server)
    }

    /// Processor time so far, in seconds.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(&format!("/proc/{}/stat", self.child.id()))
    }

    /// Resident memory now and at most so far, in MiB.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<(f64, f64)> {
        memory_mib(self.child.id())
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of process `id` now and at most so far, in MiB.
pub(crate) fn memory_mib(id: u32) -> anyhow::Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok())
            .map(|kib| kib / 1_024.0)
            .with_context(|| format!("read {name} of a process"))
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Processor time of this process so far, in seconds.
pub(crate) fn own_cpu_s() -> anyhow::Result<f64> {
    cpu_s("/proc/self/stat")
}

fn cpu_s(path: &str) -> anyhow::Result<f64> {
    let mut stat = String::new();
    std::fs::File::open(path)?.read_to_string(&mut stat)?;
    // The name of the program, in brackets, may hold blanks.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .context("read stat")
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

/// Listens on `address` and says where that is, for the process that started this one.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

/// Runs the bare server until it is killed.
pub(crate) fn serve_hello() -> anyhow::Result<()> {
    runtime()?.block_on(async {
        use axum::serve::ListenerExt as _;
        let listener = listen(ANY_PORT.parse()?).await?.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let router = axum::Router::new().route("/", axum::routing::any(async || "hello"));
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// Runs db-service until it is killed.
pub(crate) fn serve_db(arguments: &[String]) -> anyhow::Result<()> {
    let config = db_service::Config::parse_from(
        std::iter::once("db-service").chain(arguments.iter().map(String::as_str)),
    );
    runtime()?.block_on(async {
        let listener = listen(config.listen).await?;
        db_service::run(config, listener, std::future::pending()).await
    })
}

/// Runs script-service until it is killed.
pub(crate) fn serve_script(arguments: &[String]) -> anyhow::Result<()> {
    let config = script_service::Config::parse_from(
        std::iter::once("script-service").chain(arguments.iter().map(String::as_str)),
    );
    runtime()?.block_on(async {
        let listener = listen(config.listen).await?;
        script_service::run(config, listener, std::future::pending()).await
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
