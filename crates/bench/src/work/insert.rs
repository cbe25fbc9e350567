//! One-row durable inserts, against transactions in process and against one transaction a request.

use super::Bench;
use crate::load::{self, Requests};
use crate::process::Server;
use crate::report::{Goal, Report, median};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Inserts of one note.
pub(crate) fn requests() -> Requests {
    Arc::new(|buffer, connection, sequence| {
        load::post(
            buffer,
            "/v1/execute",
            &format!(
                "{{\"sql\":\"INSERT INTO notes (text) VALUES (?)\",\"params\":[\"note {connection} {sequence}\"]}}"
            ),
        );
        0
    })
}

/// The same as the SDKs of libSQL send it.
fn requests_of_sdks() -> Requests {
    Arc::new(|buffer, connection, sequence| {
        load::post(
            buffer,
            "/v2/pipeline",
            &format!(
                "{{\"requests\":[{{\"type\":\"execute\",\"stmt\":{{\"sql\":\"INSERT INTO notes (text) VALUES (?)\",\"args\":[{{\"type\":\"text\",\"value\":\"note {connection} {sequence}\"}}]}}}},{{\"type\":\"close\"}}]}}"
            ),
        );
        0
    })
}

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let database = bench.path("insert.db");
    let single = bench.path("insert-single.db");
    let raw = bench.path("insert-raw.db");
    let files = crate::data::Files::make(&bench.folder, 1_000)?;
    drop(files.database(&database, false)?);
    drop(files.database(&single, false)?);
    let raw_conn = files.database(&raw, false)?;
    let db = Server::db(&database, &[])?;
    let alone = Server::db(&single, &["--max-group-writes", "1"])?;
    let insert = requests();
    let insert_of_sdks = requests_of_sdks();
    let (mut of_raw, mut of_sdks, mut of_alone, mut one) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        // A disk is not equally quick all the time: before and after.
        let raw_before = raw_inserts(&raw_conn, bench.seconds / 2.0)?;
        let at_16 = rate(&db, 16, bench.seconds, &insert)?;
        let sdks_at_16 = rate(&db, 16, bench.seconds, &insert_of_sdks)?;
        let raw_after = raw_inserts(&raw_conn, bench.seconds / 2.0)?;
        let raw = f64::midpoint(raw_before, raw_after);
        let at_1 = rate(&db, 1, bench.seconds, &insert)?;
        let at_64 = rate(&db, 64, bench.seconds, &insert)?;
        let alone_at_64 = rate(&alone, 64, bench.seconds, &insert)?;
        eprintln!(
            "  raw {raw:.0}/s, 16 connections {at_16:.0}/s, 16 SDKs {sdks_at_16:.0}/s, 1 connection {at_1:.0}/s, 64 connections {at_64:.0}/s, 64 connections without group commit {alone_at_64:.0}/s"
        );
        of_raw.push(at_16 / raw);
        of_sdks.push(sdks_at_16 / raw);
        of_alone.push(at_64 / alone_at_64);
        one.push(at_1 / raw);
    }
    report.add(
        "durable insert, 16 connections: rate of raw one-thread transactions",
        median(of_raw),
        "x",
        Goal::AtLeast(3.0),
    );
    report.add(
        "durable insert, 64 connections: rate of one transaction a request",
        median(of_alone),
        "x",
        Goal::AtLeast(9.0),
    );
    report.add(
        "durable insert, 1 connection: rate of raw one-thread transactions",
        median(one),
        "x",
        Goal::None,
    );
    report.add(
        "durable insert, 16 SDKs (Hrana): rate of raw one-thread transactions",
        median(of_sdks),
        "x",
        Goal::None,
    );
    Ok(())
}

fn rate(server: &Server, connections: usize, seconds: f64, requests: &Requests) -> anyhow::Result<f64> {
    let met = load::run(server.address, connections, 1, seconds, requests)?;
    anyhow::ensure!(met.failed == 0, "{} requests failed", met.failed);
    Ok(met.per_s)
}

fn raw_inserts(conn: &Connection, seconds: f64) -> anyhow::Result<f64> {
    let mut insert = conn.prepare("INSERT INTO notes (text) VALUES (?)")?;
    let started = Instant::now();
    let limit = Duration::from_secs_f64(seconds);
    let mut count = 0_u32;
    while started.elapsed() < limit {
        insert.execute([format!("note {count}")])?;
        count += 1;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// How many notes a database has.
pub(crate) fn count_notes(path: &Path) -> anyhow::Result<u64> {
    let count: i64 = Connection::open(path)?.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}
