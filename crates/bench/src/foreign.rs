//! The tools that people use instead: the `sqlite3` shell, and pandas and `DuckDB` in a Python environment of
//! their own.

use crate::process;
use anyhow::{Context as _, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// What is installed.
const REQUIREMENTS: [&str; 2] = ["pandas==3.1.1", "duckdb==2.0.1"];
/// The Python side of the comparisons.
const PEERS: &str = include_str!("../python/peers.py");

/// How long something took, in seconds, and the most memory it had, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds.
    pub(crate) seconds: f64,
    /// MiB.
    pub(crate) peak_mib: f64,
}

/// Runs `script` in the `sqlite3` shell on `database`; its output, and what it cost.
pub(crate) fn shell(database: &Path, script: &str) -> anyhow::Result<(String, Cost)> {
    let started = Instant::now();
    let mut child = Command::new("sqlite3")
        .arg("-bail")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start the sqlite3 shell")?;
    let id = child.id();
    let mut stdin = child.stdin.take().context("the shell's input")?;
    stdin.write_all(script.as_bytes())?;
    drop(stdin);
    // The peak of a process is gone with it, so it is looked at while it runs.
    let watch = std::thread::spawn(move || {
        let mut peak = 0.0_f64;
        while let Ok((_, seen)) = process::memory_mib(id) {
            peak = peak.max(seen);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        peak
    });
    let output = child.wait_with_output()?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(output.status.success(), "the sqlite3 shell failed");
    let peak_mib = watch.join().unwrap_or_default();
    Ok((
        String::from_utf8_lossy(&output.stdout).into_owned(),
        Cost { seconds, peak_mib },
    ))
}

/// Whether there is a `sqlite3` shell; says so when there is none.
pub(crate) fn has_shell() -> bool {
    let there = Command::new("sqlite3")
        .arg("-version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !there {
        eprintln!("  no sqlite3 shell here: the comparison with it is left out");
    }
    there
}

/// A Python with the tools, running `peers.py`.
pub(crate) struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Python {
    /// Installs the tools into `venv` unless they are there; `None`, and a word why, where that does not work.
    pub(crate) fn set_up(venv: &Path) -> Option<PathBuf> {
        match Self::install(venv) {
            Ok(interpreter) => Some(interpreter),
            Err(why) => {
                eprintln!("  no pandas and DuckDB here, so they are left out: {why:#}");
                None
            }
        }
    }

    fn install(venv: &Path) -> anyhow::Result<PathBuf> {
        let interpreter = venv.join("bin").join("python");
        let done = venv.join("installed");
        if !done.exists() {
            let made = Command::new("python3").arg("-m").arg("venv").arg(venv).status();
            ensure!(made.context("start python3")?.success(), "python3 -m venv failed");
            let installed = Command::new(&interpreter)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(REQUIREMENTS)
                .status()?;
            ensure!(installed.success(), "pip install failed");
            std::fs::write(done, "")?;
        }
        Ok(interpreter)
    }

    /// Starts `peers.py` in `mode`.
    pub(crate) fn start(interpreter: &Path, mode: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(interpreter)
            .args(["-c", PEERS, mode])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start Python")?;
        Ok(Self {
            stdin: child.stdin.take().context("Python's input")?,
            stdout: BufReader::new(child.stdout.take().context("Python's output")?),
            child,
        })
    }

    /// Sends one line of JSON and gives the one that comes back.
    pub(crate) fn ask(&mut self, question: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        writeln!(self.stdin, "{question}")?;
        self.stdin.flush()?;
        let mut answer = String::new();
        self.stdout.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("Python answered `{answer}`"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
