//! Every built-in analysis over many sales, a window of a month, against the same question in plain SQL: in the
//! `sqlite3` shell on the same file, with and without its index on the date, and in `DuckDB` on the same rows.

use super::Bench;
use super::import::{Stack, Way};
use crate::data::Files;
use crate::foreign::{self, Python};
use crate::load::{self, Body};
use crate::report::{Goal, Report, median};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use test_kit::plain::{self, ANALYSES, Days, Dialect};

/// How often each analysis is asked in a round.
const REQUESTS: usize = 40;
/// The month that is asked for.
const MONTH: &str = "2023-11";

/// What was measured of one analysis, in milliseconds.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    /// Over all the data.
    whole: Vec<f64>,
    indexed: Vec<f64>,
    scanned: Vec<f64>,
    duckdb: Vec<f64>,
}

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    // With tickets, as an analysis is about them.
    let files = Files::with_tickets(&bench.folder, bench.analysed_rows)?;
    targets(files.folder())?;
    let days = month();
    let stack = Stack::start(bench, &files)?;
    let cost = stack.sales(&files, bench.analysed_rows, Way::Path)?;
    stack.import(files.folder(), "targets", Way::Path)?;
    eprintln!(
        "  imported {} sales in {:.1} s",
        bench.analysed_rows, cost.seconds
    );
    report.add(
        "import of the analysed sales: most memory of both services",
        cost.peak_mib,
        "MiB",
        Goal::AtMost(150.0),
    );
    let database = bench.path("import.db");
    let has_shell = foreign::has_shell();
    let mut duckdb = match Python::set_up(&bench.venv) {
        Some(interpreter) => {
            let mut python = Python::start(&interpreter, "duckdb")?;
            python.ask(&json!({ "load": files.folder() }))?;
            Some(python)
        }
        None => None,
    };
    let list = load::call(stack.script.address, "GET /analysis", &Body::Text(""))?;
    let list: Value = serde_json::from_str(&list)?;
    let description = |name: &str| {
        let list = list["analyses"].as_array().map_or(&[][..], Vec::as_slice);
        list.iter().find(|analysis| analysis["name"] == name).cloned()
    };
    let started = Instant::now();
    load::call(
        stack.script.address,
        &format!("GET /analysis/tickets?period={MONTH}"),
        &Body::Text(""),
    )?;
    report.add(
        "first answer about tickets after the import, a month: they are counted then",
        started.elapsed().as_secs_f64(),
        "s",
        Goal::None,
    );
    let mut times: Vec<Times> = ANALYSES.iter().map(|_| Times::default()).collect();
    for _ in 0..bench.rounds {
        for ((name, sql), times) in ANALYSES.iter().zip(&mut times) {
            let head = format!("GET /analysis/{name}?period={MONTH}");
            let mut answer = Value::Null;
            let mut connection = load::Connection::open(stack.script.address)?;
            let mut ask = |head: &str| -> anyhow::Result<(String, f64)> {
                let started = Instant::now();
                let body = connection.call(head, &Body::Text(""))?;
                Ok((body, started.elapsed().as_secs_f64() * 1e3))
            };
            for _ in 0..REQUESTS {
                let (body, ms) = ask(&head)?;
                times.ours.push(ms);
                answer = serde_json::from_str(&body)?;
            }
            let whole = format!("GET /analysis/{name}?period=all");
            for _ in 0..REQUESTS / 4 {
                times.whole.push(ask(&whole)?.1);
            }
            let description = description(name).with_context(|| format!("there is no analysis {name}"))?;
            let check = |rows: &[Value], peer: &str| {
                plain::same(&description, &answer, rows)
                    .map_err(|how| anyhow::anyhow!("{name} against {peer}: {how}"))
            };
            if has_shell {
                let sql = plain::render(sql, Dialect::Sqlite, &days);
                let (rows, ms) = by_shell(&database, &sql)?;
                check(&rows, "sqlite3")?;
                times.indexed.push(ms);
                let scan = sql.replace("FROM sales\n", "FROM sales NOT INDEXED\n");
                let (rows, ms) = by_shell(&database, &scan)?;
                check(&rows, "sqlite3 without the index")?;
                times.scanned.push(ms);
            }
            if let Some(duckdb) = &mut duckdb {
                let sql = plain::render(sql, Dialect::DuckDb, &days);
                let answer = duckdb.ask(&json!({ "sql": sql }))?;
                check(answer["rows"].as_array().context("rows of DuckDB")?, "DuckDB")?;
                times
                    .duckdb
                    .push(answer["seconds"].as_f64().unwrap_or(f64::NAN) * 1e3);
            }
        }
    }
    tell(report, times);
    drop(stack);
    // It is only here for this.
    std::fs::remove_dir_all(files.folder())?;
    Ok(())
}

/// The days of the month, and where the data begins and ends.
fn month() -> Days {
    Days {
        from: "2023-11-01".into(),
        to: "2023-11-30".into(),
        previous_from: "2023-10-01".into(),
        previous_to: "2023-10-31".into(),
        previous_to_date: "2023-10-31".into(),
        first: "2021-01-01".into(),
        last: "2023-12-31".into(),
        six_days_before: "2023-10-26".into(),
    }
}

fn tell(report: &mut Report, times: Vec<Times>) {
    let (mut slowest, mut slowest_p99, mut of_index, mut of_scan, mut of_duckdb) =
        (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, f64::MAX);
    let mut slowest_whole = 0.0_f64;
    for ((name, _), mut times) in ANALYSES.iter().zip(times) {
        times.ours.sort_by(f64::total_cmp);
        let (p50, p99) = (
            times.ours[times.ours.len() / 2],
            times.ours[times.ours.len() * 99 / 100],
        );
        let (indexed, scanned, duckdb) = (median(times.indexed), median(times.scanned), median(times.duckdb));
        let whole = median(times.whole);
        slowest_whole = slowest_whole.max(whole);
        eprintln!(
            "  {name}: median {p50:.2} ms, p99 {p99:.2} ms, of all days {whole:.2} ms; plain SQL {indexed:.0} ms by the index, {scanned:.0} ms by a scan, DuckDB {duckdb:.1} ms"
        );
        slowest = slowest.max(p50);
        slowest_p99 = slowest_p99.max(p99);
        of_index = of_index.max(100.0 * p50 / indexed);
        of_scan = of_scan.max(100.0 * p50 / scanned);
        of_duckdb = of_duckdb.min(duckdb / p50);
    }
    report.add(
        "slowest analysis, a month: median",
        slowest,
        "ms",
        Goal::AtMost(20.0),
    );
    report.add("slowest analysis, a month: p99", slowest_p99, "ms", Goal::None);
    report.add(
        "slowest analysis, three years: median",
        slowest_whole,
        "ms",
        Goal::None,
    );
    if of_scan.is_finite() && of_scan > 0.0 {
        report.add(
            "least gain: part of the time of plain SQL, scanning",
            of_scan,
            "%",
            Goal::AtMost(1.0),
        );
        report.add(
            "least gain: part of the time of plain SQL, by the index on the date",
            of_index,
            "%",
            Goal::None,
        );
    }
    if of_duckdb < f64::MAX {
        report.add("least gain: DuckDB's time of ours", of_duckdb, "x", Goal::None);
    }
}

/// The rows of `sql` in the shell, and how long it took in milliseconds by the shell's own clock.
fn by_shell(database: &Path, sql: &str) -> anyhow::Result<(Vec<Value>, f64)> {
    let (output, _) = foreign::shell(database, &format!(".mode json\n.timer on\n{sql};\n"))?;
    let (rows, timer) = output
        .split_once("Run Time: real ")
        .context("the shell's timer")?;
    let seconds: f64 = timer
        .split_whitespace()
        .next()
        .context("the shell's time")?
        .parse()?;
    Ok((serde_json::from_str(rows.trim())?, seconds * 1e3))
}

/// Writes targets of all products for the month.
fn targets(folder: &Path) -> anyhow::Result<()> {
    let mut euros = String::from("product_id,month,target\n");
    let mut cents = String::from("product_id,month,target_cents\n");
    for product in 1..=200 {
        writeln!(euros, "{product},{MONTH},{}", product * 5_000)?;
        writeln!(cents, "{product},{MONTH},{}", product * 500_000)?;
    }
    std::fs::write(folder.join("targets.csv"), euros)?;
    std::fs::write(folder.join("product_targets.csv"), cents)?;
    Ok(())
}
