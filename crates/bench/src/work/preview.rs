//! How soon a preview of a large file is there.

use super::Bench;
use crate::data::Files;
use crate::load::{self, Body};
use crate::process::Server;
use crate::report::{Goal, Report, median};
use std::time::Instant;

/// About how long a sale is in a file, in bytes.
const SALE_BYTES: u64 = 36;

/// Measures.
pub(crate) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let files = Files::make(&bench.folder, bench.preview_bytes / SALE_BYTES)?;
    let size = std::fs::metadata(files.sales_csv())?.len();
    eprintln!("  a file of {size} bytes");
    let database = bench.path("preview.db");
    let db = Server::db(&database, &[])?;
    let script = Server::script(&db, files.folder())?;
    let (mut by_path, mut uploaded) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let source = "{\"table\":\"sales\",\"path\":\"sales.csv\"}";
        let started = Instant::now();
        let answer = load::call(script.address, "POST /imports/preview", &Body::Text(source))?;
        by_path.push(started.elapsed().as_secs_f64());
        anyhow::ensure!(answer.contains("\"decisions\""), "{answer}");
        let started = Instant::now();
        let head = "POST /imports/preview?table=sales";
        let answer = load::call(script.address, head, &Body::File(&files.sales_csv()))?;
        uploaded.push(started.elapsed().as_secs_f64());
        anyhow::ensure!(answer.contains("\"decisions\""), "{answer}");
    }
    report.add(
        "preview of a large file in the data folder",
        median(by_path),
        "s",
        Goal::AtMost(1.0),
    );
    report.add(
        "preview of a large file as it is uploaded",
        median(uploaded),
        "s",
        Goal::AtMost(1.0),
    );
    // It is only here for this.
    std::fs::remove_dir_all(files.folder())?;
    Ok(())
}
