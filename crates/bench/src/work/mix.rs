//! Nine point queries to one insert, and point queries beside one long query.

use super::{Bench, insert, point};
use crate::load::{self, Requests};
use crate::process::Server;
use crate::report::{Goal, Report, median};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

const CONNECTIONS: usize = 16;
const LONG: &str =
    "SELECT store_id, sum(quantity * amount) FROM sales GROUP BY store_id, product_id, quantity ORDER BY 2";

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let database = bench.path("mix.db");
    drop(bench.files()?.database(&database, true)?);
    let db = Server::db(&database, &[])?;
    let (query, insert) = (point::requests(bench.rows), insert::requests());
    let queries = Arc::clone(&query);
    let mixed: Requests = Arc::new(move |buffer, connection, sequence| {
        let writes = point::key(connection, sequence, 10) == 1;
        if writes {
            insert(buffer, connection, sequence)
        } else {
            queries(buffer, connection, sequence)
        };
        usize::from(writes)
    });
    let (mut all, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let met = load::run(db.address, CONNECTIONS, 2, bench.seconds, &mixed)?;
        anyhow::ensure!(met.failed == 0, "{} requests failed", met.failed);
        let p99 = met.percentile_ms(0, 99.0).max(met.percentile_ms(1, 99.0));
        let quiet = load::run(db.address, CONNECTIONS, 1, bench.seconds, &query)?.percentile_ms(0, 99.0);
        let long = LongQueries::start(&db);
        let busy = load::run(db.address, CONNECTIONS, 1, bench.seconds, &query)?.percentile_ms(0, 99.0);
        long.stop()?;
        eprintln!(
            "  mix {:.0}/s p99 {p99:.2} ms; point queries p99 {quiet:.2} ms, beside a long one {busy:.2} ms",
            met.per_s
        );
        all.push(p99);
        beside.push(busy / quiet);
    }
    report.add(
        "90/10 mix, 16 connections: p99 of the slower kind",
        median(all),
        "ms",
        Goal::AtMost(8.0),
    );
    report.add(
        "point query beside a long query: p99 of that without",
        median(beside),
        "x",
        Goal::AtMost(2.0),
    );
    Ok(())
}

/// One long query after the other, until it is stopped.
struct LongQueries {
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<anyhow::Result<()>>,
}

impl LongQueries {
    fn start(db: &Server) -> Self {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (stopped, address) = (Arc::clone(&stop), db.address);
        let thread = std::thread::spawn(move || {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let mut stream = TcpStream::connect(address)?;
                let body = format!("{{\"sql\":\"{LONG}\"}}");
                write!(
                    stream,
                    "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )?;
                stream.read_to_end(&mut Vec::new())?;
            }
            Ok(())
        });
        Self { stop, thread }
    }

    fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the long query failed"))?
    }
}
