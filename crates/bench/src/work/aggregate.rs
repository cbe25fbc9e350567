//! Revenue by region over all sales by plain SQL, against the `sqlite3` shell.

use super::Bench;
use crate::load;
use crate::process::Server;
use crate::report::{Goal, Report, median};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use tokio::io::AsyncWriteExt as _;

const SQL: &str = "SELECT stores.region, sum(sales.amount) AS total FROM sales JOIN stores ON stores.id = sales.store_id GROUP BY stores.region ORDER BY total DESC";

/// Measures; without a `sqlite3` shell it measures only how two at once scale.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let database = bench.path("aggregate.db");
    drop(bench.files()?.database(&database, true)?);
    let db = Server::db(&database, &[])?;
    let has_shell = shell(&database).is_ok();
    let (mut of_shell, mut two) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let shell_s = if has_shell { shell(&database)? } else { f64::NAN };
        let one_s = at_once(&db, 1)?;
        let two_s = at_once(&db, 2)?;
        eprintln!("  shell {shell_s:.3} s, one {one_s:.3} s, two at once {two_s:.3} s");
        of_shell.push(one_s / shell_s);
        two.push(2.0 * one_s / two_s);
    }
    if has_shell {
        report.add(
            "aggregate: time of the sqlite3 shell",
            median(of_shell),
            "x",
            Goal::AtMost(1.1),
        );
    } else {
        eprintln!("  no sqlite3 shell here: the comparison with it is left out");
    }
    report.add(
        "aggregate, two at once: throughput of one",
        median(two),
        "x",
        Goal::AtLeast(1.5),
    );
    Ok(())
}

fn shell(database: &Path) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = Command::new("sqlite3")
        .arg(database)
        .arg(SQL)
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "sqlite3 failed");
    Ok(started.elapsed().as_secs_f64())
}

fn at_once(db: &Server, count: usize) -> anyhow::Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..count {
            let mut stream = tokio::net::TcpStream::connect(db.address).await?;
            tasks.push(tokio::spawn(async move {
                let mut request = Vec::new();
                load::post(&mut request, "/v1/query", &format!("{{\"sql\":\"{SQL}\"}}"));
                stream.write_all(&request).await?;
                load::read_answer(&mut stream, &mut Vec::new()).await
            }));
        }
        for task in tasks {
            anyhow::ensure!(task.await??, "a query failed");
        }
        Ok(started.elapsed().as_secs_f64())
    })
}
