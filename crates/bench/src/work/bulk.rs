//! Bulk insert of all sales in one streamed body, against raw rusqlite.

use super::Bench;
use crate::data::insert_sales;
use crate::process::Server;
use crate::report::{Goal, Report, median};
use anyhow::Context as _;
use std::path::Path;
use std::time::Instant;

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let files = bench.files()?;
    let bodies = [
        ("CSV", "text/csv", files.sales_csv()),
        ("NDJSON", "application/x-ndjson", files.sales_ndjson()?),
    ];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds {
        let sales: Vec<_> = files.sales()?.collect();
        let mut conn = files.database(&bench.path("bulk-raw.db"), false)?;
        let started = Instant::now();
        let transaction = conn.transaction()?;
        insert_sales(&transaction, sales.into_iter())?;
        transaction.commit()?;
        let raw_s = started.elapsed().as_secs_f64();
        for (index, (name, media_type, body)) in bodies.iter().enumerate() {
            let database = bench.path("bulk.db");
            drop(files.database(&database, false)?);
            let db = Server::db(&database, &[])?;
            let (idle, _) = db.memory_mib()?;
            let started = Instant::now();
            let answer = upload(&db, media_type, body)?;
            let elapsed_s = started.elapsed().as_secs_f64();
            anyhow::ensure!(
                answer.contains(&format!("\"inserted\":{}", bench.rows)),
                "{answer}"
            );
            let (_, peak) = db.memory_mib()?;
            eprintln!(
                "  raw {raw_s:.2} s, {name} {elapsed_s:.2} s, memory +{:.1} MiB",
                peak - idle
            );
            ratios[index].push(raw_s / elapsed_s);
            memory[index].push(peak - idle);
        }
    }
    for ((name, ..), (ratios, memory)) in bodies.iter().zip(ratios.into_iter().zip(memory)) {
        report.add(
            &format!("bulk insert, {name}: rows/s of raw rusqlite"),
            median(ratios),
            "x",
            Goal::AtLeast(0.8),
        );
        report.add(
            &format!("bulk insert, {name}: memory above idle"),
            median(memory),
            "MiB",
            Goal::AtMost(40.0),
        );
    }
    Ok(())
}

/// Sends a file as the body of a bulk insert.
fn upload(db: &Server, media_type: &str, body: &Path) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(db.address).await?;
        let mut file = tokio::fs::File::open(body).await.context("open the body")?;
        let head = format!(
            "POST /v1/tables/sales/rows HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            file.metadata().await?.len()
        );
        stream.write_all(head.as_bytes()).await?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut file, &mut buffer).await?;
            if read == 0 {
                break;
            }
            stream.write_all(&buffer[..read]).await?;
        }
        let mut answer = Vec::new();
        crate::load::read_answer(&mut stream, &mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    })
}
