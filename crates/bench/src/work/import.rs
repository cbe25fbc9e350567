//! A file of sales from the request to the finished job, through both services, against the tools that people use
//! instead; and what tickets cost.

use super::Bench;
use crate::data::Files;
use crate::foreign::{self, Cost, Python};
use crate::load::{self, Body};
use crate::process::Server;
use crate::report::{Goal, Report, median};
use rusqlite::Connection;
use script_client::script_api::{Job, JobState};
use std::path::Path;
use std::time::Instant;

/// The typed table that the other tools fill: ours, with the amount as the file has it.
const TABLE: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, category TEXT) STRICT;
    CREATE TABLE stores (id INTEGER PRIMARY KEY, city TEXT NOT NULL, region TEXT, address TEXT) STRICT;
    CREATE TABLE sales (
        id INTEGER PRIMARY KEY,
        product_id INTEGER NOT NULL REFERENCES products (id),
        store_id INTEGER NOT NULL REFERENCES stores (id),
        sale_date TEXT NOT NULL CHECK (sale_date GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
        quantity INTEGER NOT NULL,
        amount REAL NOT NULL
    ) STRICT;
    CREATE INDEX sales_by_date ON sales (sale_date);
";

/// How the file reaches script-service.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// As the body of the request.
    Upload,
    /// By its name under the data folder.
    Path,
}

/// Both services with products and stores.
pub(crate) struct Stack {
    db: Server,
    pub(crate) script: Server,
}

impl Stack {
    pub(crate) fn start(bench: &Bench, files: &Files) -> anyhow::Result<Self> {
        let database = bench.path("import.db");
        remove(&database);
        let db = Server::db(&database, &[])?;
        let script = Server::script(&db, files.folder())?;
        let stack = Self { db, script };
        for table in ["products", "stores"] {
            stack.import(files.folder(), table, Way::Upload)?;
        }
        Ok(stack)
    }

    /// Imports the file of `table`; the finished job.
    pub(crate) fn import(&self, folder: &Path, table: &str, way: Way) -> anyhow::Result<Job> {
        let file = folder.join(format!("{table}.csv"));
        let source = format!("{{\"sources\":[{{\"table\":\"{table}\",\"path\":\"{table}.csv\"}}]}}");
        let answer = match way {
            Way::Upload => load::call(
                self.script.address,
                &format!("POST /jobs/import?table={table}"),
                &Body::File(&file),
            ),
            Way::Path => load::call(self.script.address, "POST /jobs/import", &Body::Text(&source)),
        };
        let job: Job = serde_json::from_str(&answer?)?;
        anyhow::ensure!(job.state == JobState::Succeeded, "{job:?}");
        Ok(job)
    }

    /// Imports all sales: seconds, and the most memory of both services.
    pub(crate) fn sales(&self, files: &Files, rows: u64, way: Way) -> anyhow::Result<Cost> {
        let started = Instant::now();
        let job = self.import(files.folder(), "sales", way)?;
        let seconds = started.elapsed().as_secs_f64();
        anyhow::ensure!(job.counters.inserted == rows, "{job:?}");
        Ok(Cost {
            seconds,
            peak_mib: self.db.memory_mib()?.1 + self.script.memory_mib()?.1,
        })
    }
}

/// Measures the import.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let files = bench.files()?;
    let (has_shell, python) = (foreign::has_shell(), Python::set_up(&bench.venv));
    let (mut ours, mut by_path, mut shell, mut pandas) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let stack = Stack::start(bench, &files)?;
        ours.push(stack.sales(&files, bench.rows, Way::Upload)?);
        let cpu = stack.db.cpu_s()? + stack.script.cpu_s()?;
        drop(stack);
        let stack = Stack::start(bench, &files)?;
        by_path.push(stack.sales(&files, bench.rows, Way::Path)?);
        drop(stack);
        if has_shell {
            shell.push(by_shell(bench, &files)?);
        }
        if let Some(python) = &python {
            pandas.push(by_pandas(bench, &files, python)?);
        }
        eprintln!(
            "  ours {:?} (processor {cpu:.2} s), by path {:?}, sqlite3 {:?}, pandas {:?}",
            ours.last(),
            by_path.last(),
            shell.last(),
            pandas.last()
        );
    }
    let of = |peer: &[Cost], ours: &[Cost]| {
        median(
            peer.iter()
                .zip(ours)
                .map(|(peer, ours)| peer.seconds / ours.seconds)
                .collect(),
        )
    };
    let peak = |costs: &[Cost]| costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rows = bench.rows as f64;
    report.add(
        "import, uploaded: rows a second",
        median(ours.iter().map(|cost| rows / cost.seconds).collect()),
        "/s",
        Goal::None,
    );
    if !shell.is_empty() {
        report.add(
            "import, uploaded: rows/s of sqlite3 .import",
            of(&shell, &ours),
            "x",
            Goal::AtLeast(1.0),
        );
        report.add(
            "import, file in the data folder: rows/s of sqlite3 .import",
            of(&shell, &by_path),
            "x",
            Goal::AtLeast(1.0),
        );
    }
    if !pandas.is_empty() {
        report.add(
            "import, uploaded: rows/s of pandas read_csv + to_sql",
            of(&pandas, &ours),
            "x",
            Goal::AtLeast(1.4),
        );
        report.add(
            "import, file in the data folder: rows/s of pandas",
            of(&pandas, &by_path),
            "x",
            Goal::AtLeast(1.4),
        );
    }
    report.add(
        "import: most memory of both services",
        peak(&ours).max(peak(&by_path)),
        "MiB",
        Goal::AtMost(150.0),
    );
    if !shell.is_empty() {
        report.add("— of sqlite3", peak(&shell), "MiB", Goal::None);
    }
    if !pandas.is_empty() {
        report.add("— of pandas", peak(&pandas), "MiB", Goal::None);
    }
    Ok(())
}

/// Measures what tickets cost an import: their sums are kept beside those of lines.
pub(crate) fn run_tickets(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let files = [bench.files()?, Files::with_tickets(&bench.folder, bench.rows)?];
    let mut ratios = Vec::new();
    for _ in 0..bench.rounds {
        let mut seconds = [0.0; 2];
        for (seconds, files) in seconds.iter_mut().zip(&files) {
            let stack = Stack::start(bench, files)?;
            *seconds = stack.sales(files, bench.rows, Way::Path)?.seconds;
        }
        let [without, with] = seconds;
        eprintln!("  with tickets {with:.2} s, without {without:.2} s");
        ratios.push(with / without);
    }
    report.add(
        "import where every line names its ticket: time of that without",
        median(ratios),
        "x",
        Goal::AtMost(1.4),
    );
    Ok(())
}

/// A database that the other tools fill.
fn empty(bench: &Bench, files: &Files) -> anyhow::Result<std::path::PathBuf> {
    let path = bench.path("peer.db");
    remove(&path);
    let conn = Connection::open(&path)?;
    conn.execute_batch(TABLE)?;
    for table in ["products", "stores"] {
        let mut insert = conn.prepare(&format!("INSERT INTO {table} VALUES (?, ?, ?, ?)"))?;
        for record in csv::Reader::from_path(files.folder().join(format!("{table}.csv")))?.into_records() {
            insert.execute(rusqlite::params_from_iter(record?.iter()))?;
        }
    }
    Ok(path)
}

fn by_shell(bench: &Bench, files: &Files) -> anyhow::Result<Cost> {
    let database = empty(bench, files)?;
    let script = format!(
        "PRAGMA foreign_keys = ON;\n.import --csv --skip 1 '{}' sales\n",
        files.sales_csv().display()
    );
    let (_, cost) = foreign::shell(&database, &script)?;
    check(&database, bench.rows)?;
    Ok(cost)
}

fn by_pandas(bench: &Bench, files: &Files, interpreter: &Path) -> anyhow::Result<Cost> {
    let database = empty(bench, files)?;
    let mut python = Python::start(interpreter, "pandas")?;
    let answer = python.ask(&serde_json::json!({ "csv": files.sales_csv(), "database": &database }))?;
    check(&database, bench.rows)?;
    let number = |name: &str| answer[name].as_f64().unwrap_or(f64::NAN);
    Ok(Cost {
        seconds: number("seconds"),
        peak_mib: number("peak_mib"),
    })
}

fn check(database: &Path, rows: u64) -> anyhow::Result<()> {
    let count: i64 =
        Connection::open(database)?.query_row("SELECT COUNT(*) FROM sales", [], |row| row.get(0))?;
    anyhow::ensure!(count.cast_unsigned() == rows, "{count} of {rows} rows arrived");
    Ok(())
}

fn remove(database: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        // Nothing is there the first time.
        let _ = std::fs::remove_file(format!("{}{end}", database.display()));
    }
}
