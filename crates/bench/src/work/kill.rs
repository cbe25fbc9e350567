//! Nothing that was acknowledged is missing after `kill -9` under load.

use super::{Bench, insert};
use crate::load;
use crate::process::Server;
use crate::report::{Goal, Report};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const CONNECTIONS: usize = 16;

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let mut missing = 0;
    let mut acknowledged_in_all = 0;
    for round in 0..bench.rounds {
        let database = bench.path(&format!("kill-{round}.db"));
        drop(crate::data::Files::make(&bench.folder, 1_000)?.database(&database, false)?);
        let mut db = Server::db(&database, &[])?;
        let acknowledged = acknowledged_until_killed(&mut db, bench.seconds / 2.0)?;
        let there = insert::count_notes(&database)?;
        acknowledged_in_all += acknowledged;
        missing += acknowledged.saturating_sub(there);
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand inserts")]
    {
        report.add(
            "acknowledged inserts before kill -9",
            acknowledged_in_all as f64,
            "",
            Goal::None,
        );
        report.add(
            "of these missing afterwards",
            missing as f64,
            "",
            Goal::AtMost(0.0),
        );
    }
    Ok(())
}

fn acknowledged_until_killed(db: &mut Server, seconds: f64) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let requests = insert::requests();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for connection in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(db.address).await?;
            let (requests, acknowledged) = (Arc::clone(&requests), Arc::clone(&acknowledged));
            tasks.push(tokio::spawn(async move {
                let (mut request, mut answer) = (Vec::new(), Vec::new());
                for sequence in 0.. {
                    request.clear();
                    requests(&mut request, connection, sequence);
                    // The server is killed in the midst: the loop ends with its connection.
                    if stream.write_all(&request).await.is_err() {
                        return;
                    }
                    match load::read_answer(&mut stream, &mut answer).await {
                        Ok(true) => acknowledged.fetch_add(1, Ordering::Relaxed),
                        _ => return,
                    };
                }
            }));
        }
        tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
        db.kill()?;
        for task in tasks {
            task.await?;
        }
        Ok(acknowledged.load(Ordering::Relaxed))
    })
}
