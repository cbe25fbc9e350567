//! A point query by key, against a bare server on the same cores.

use super::Bench;
use crate::load::{self, Requests};
use crate::process::Server;
use crate::report::{Goal, Report, median};
use std::sync::Arc;

const CONNECTIONS: usize = 16;

/// Queries of one sale by its key.
pub(crate) fn requests(rows: u64) -> Requests {
    Arc::new(move |buffer, connection, sequence| {
        let id = key(connection, sequence, rows);
        load::post(
            buffer,
            "/v1/query",
            &format!(
                "{{\"sql\":\"SELECT id, product_id, store_id, sale_date, quantity, amount FROM sales WHERE id = ?\",\"params\":[{id}]}}"
            ),
        );
        0
    })
}

/// Spreads keys over `1..=rows`.
pub(crate) fn key(connection: usize, sequence: u64, rows: u64) -> u64 {
    let mixed = (sequence + 1 + ((connection as u64) << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    1 + (mixed >> 20) % rows
}

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let database = bench.path("point.db");
    drop(bench.files()?.database(&database, true)?);
    let hello = Server::hello()?;
    let db = Server::db(&database, &[])?;
    let greet: Requests = Arc::new(|buffer, _, _| {
        load::post(buffer, "/", "{}");
        0
    });
    let query = requests(bench.rows);
    let (mut rate, mut cpu, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    load::run(db.address, CONNECTIONS, 1, 0.5, &query)?;
    for _ in 0..bench.rounds {
        let mut round = Vec::new();
        for (server, requests) in [(&hello, &greet), (&db, &query)] {
            let before = server.cpu_s()?;
            let met = load::run(server.address, CONNECTIONS, 1, bench.seconds, requests)?;
            anyhow::ensure!(met.failed == 0, "{} requests failed", met.failed);
            #[expect(clippy::cast_precision_loss, reason = "some million answers")]
            let cpu = (server.cpu_s()? - before) / met.count() as f64;
            round.push((met.per_s, cpu * 1e6, met.percentile_ms(0, 99.0)));
        }
        eprintln!(
            "  hello {:.0}/s {:.1} µs p99 {:.2} ms, db {:.0}/s {:.1} µs p99 {:.2} ms",
            round[0].0, round[0].1, round[0].2, round[1].0, round[1].1, round[1].2
        );
        rate.push(round[1].0 / round[0].0);
        cpu.push(round[1].1 / round[0].1);
        p99.push(round[1].2 - round[0].2);
    }
    report.add(
        "point query, 16 connections: rate of a bare server's",
        median(rate),
        "x",
        Goal::AtLeast(0.45),
    );
    report.add(
        "point query: processor time a request of a bare server's",
        median(cpu),
        "x",
        Goal::AtMost(2.8),
    );
    report.add(
        "point query: p99 above a bare server's",
        median(p99),
        "ms",
        Goal::AtMost(1.0),
    );
    Ok(())
}
