//! Measures the services: db-service against its physical limits (a bare axum server, raw rusqlite, the `sqlite3`
//! shell), imports and analyses against what people use instead (the `sqlite3` shell, pandas, `DuckDB`).
//!
//! `cargo run --release -p bench` prints one table. Every figure is a ratio of two measurements of the same run,
//! taken in turns; shown are medians. `--only point,insert` runs some of them, `--rounds` sets how often, `--rows` how large
//! the tables are. The Python tools are installed from a package index into a folder that is deleted at the end;
//! what is not there is left out, and said.
//!
//! The servers are processes of their own (this program with another argument), so that their processor time and
//! memory can be read; the load comes from this process, on the same cores.

mod data;
mod foreign;
mod load;
mod process;
mod report;
mod work;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use report::Report;
use std::path::PathBuf;

/// Measures the services against their limits and against what people use instead.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each measurement is taken; the table shows medians.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a server is under load in a round, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many sales the bulk insert, the export and the aggregate work on.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How many sales the analyses work on.
    #[arg(long, default_value_t = 10_000_000)]
    analysed_rows: u64,
    /// How large the file of the preview is, in bytes.
    #[arg(long, default_value_t = 1_000_000_000)]
    preview_bytes: u64,
    /// Only these: point, insert, kill, bulk, export, mix, aggregate, import, tickets, analyses, preview.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where databases and files go; a temporary folder by default.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where the Python tools are installed, and found the next time; below the folder by default.
    #[arg(long)]
    venv: Option<PathBuf>,
    #[command(subcommand)]
    server: Option<Server>,
}

/// What this program is in another process.
#[derive(Debug, Subcommand)]
enum Server {
    /// A bare axum server that says hello.
    #[command(hide = true)]
    Hello,
    /// db-service.
    #[command(hide = true)]
    Db {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// script-service.
    #[command(hide = true)]
    Script {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.server {
        Some(Server::Hello) => process::serve_hello(),
        Some(Server::Db { arguments }) => process::serve_db(&arguments),
        Some(Server::Script { arguments }) => process::serve_script(&arguments),
        None => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir().context("make a temporary folder")?;
    let folder = arguments
        .folder
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let bench = work::Bench {
        venv: arguments.venv.clone().unwrap_or_else(|| folder.join("python")),
        folder,
        rounds: arguments.rounds.max(1),
        seconds: arguments.seconds,
        rows: arguments.rows,
        analysed_rows: arguments.analysed_rows,
        preview_bytes: arguments.preview_bytes,
    };
    let mut report = Report::new();
    for (name, run) in work::ALL {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            eprintln!("{name} ...");
            run(&bench, &mut report).with_context(|| format!("measure {name}"))?;
        }
    }
    report.print(&bench);
    Ok(())
}
