//! Export of all sales, against walking the rows in process.

use super::Bench;
use crate::process::{Server, own_cpu_s};
use crate::report::{Goal, Report, median};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const SQL: &str = "SELECT id, product_id, store_id, sale_date, quantity, amount FROM sales ORDER BY id";

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let database = bench.path("export.db");
    let conn = bench.files()?.database(&database, true)?;
    let forms = [("NDJSON", "application/x-ndjson"), ("CSV", "text/csv")];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds {
        let before = own_cpu_s()?;
        walk(&conn)?;
        let walk_s = own_cpu_s()? - before;
        for (index, (name, media_type)) in forms.iter().enumerate() {
            let db = Server::db(&database, &[])?;
            let (idle, _) = db.memory_mib()?;
            let before = db.cpu_s()?;
            let (bytes, whole) = download(&db, media_type)?;
            let cpu_s = db.cpu_s()? - before;
            anyhow::ensure!(whole, "the answer broke off after {bytes} bytes");
            let (_, peak) = db.memory_mib()?;
            eprintln!(
                "  walk {walk_s:.2} s, {name} {cpu_s:.2} s CPU, {bytes} bytes, memory +{:.1} MiB",
                peak - idle
            );
            ratios[index].push(cpu_s / walk_s);
            memory[index].push(peak - idle);
        }
    }
    for ((name, _), (ratios, memory)) in forms.iter().zip(ratios.into_iter().zip(memory)) {
        report.add(
            &format!("export, {name}: processor time of walking the rows"),
            median(ratios),
            "x",
            Goal::AtMost(1.8),
        );
        report.add(
            &format!("export, {name}: memory above idle"),
            median(memory),
            "MiB",
            Goal::AtMost(32.0),
        );
    }
    Ok(())
}

/// Steps through all rows and looks at every value.
fn walk(conn: &Connection) -> anyhow::Result<()> {
    let mut statement = conn.prepare(SQL)?;
    let mut rows = statement.query([])?;
    let mut sum = 0_i64;
    while let Some(row) = rows.next()? {
        for index in 0..6 {
            sum = sum.wrapping_add(match row.get_ref(index)? {
                ValueRef::Integer(value) => value,
                ValueRef::Text(text) => i64::from(text.first().copied().unwrap_or_default()),
                _ => 1,
            });
        }
    }
    anyhow::ensure!(sum != 0, "no rows");
    Ok(())
}

/// Reads a whole answer; how many bytes it had, and whether its last chunk came.
fn download(db: &Server, media_type: &str) -> anyhow::Result<(usize, bool)> {
    let mut stream = TcpStream::connect(db.address)?;
    let body = format!("{{\"sql\":\"{SQL}\"}}");
    write!(
        stream,
        "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {media_type}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    let mut end = Vec::new();
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, end.ends_with(b"0\r\n\r\n")));
        }
        bytes += read;
        end.extend_from_slice(&buffer[read.saturating_sub(5)..read]);
        end.drain(..end.len().saturating_sub(5));
    }
}
