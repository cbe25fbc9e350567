//! `comptoir import` when somebody presses Ctrl-C, and when the service starts anew beneath it.

use crate::program;
use comptoir::generate::sales::{self, SalesPlan};
use journeys::{Program, Up, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

/// Enough batches of [`BATCH`] rows for an import to be under way when it is disturbed.
const ROWS: u64 = 60_000;
const BATCH: &str = "1000";

fn with_small_batches() -> Program {
    program()
        .with("SCRIPT_BATCH_ROWS", BATCH)
        .with("SCRIPT_JOB_LEASE_MS", "200")
}

fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

/// An import of sales by the command line, under way.
struct Import {
    child: Child,
    stderr: BufReader<ChildStderr>,
    job: i64,
}

impl Import {
    /// Puts [`ROWS`] sales into `folder` and imports them into `up`; returns once some of them are there.
    async fn of_sales(up: &Up, folder: &Path, more: &[&str]) -> Self {
        sales::write(folder, SalesPlan { rows: ROWS, seed: 7 }, |_| {}).unwrap();
        for table in ["products", "stores"] {
            let file = folder.join(format!("{table}.csv"));
            let file = file.to_str().unwrap();
            let ended = program().run(&["import", file, "--table", table, "--script-url", up.script.base()]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        let mut child = program()
            .command()
            .arg("import")
            .arg(folder.join("sales.csv"))
            .args(["--table", "sales", "--script-url", up.script.base()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let job = wait_for("the first batch", async || {
            let jobs = up.script.get("/jobs?page_size=1").await;
            let job = &jobs["jobs"][0];
            let is_under_way = job["request"]["sources"][0]["table"] == "sales"
                && job["counters"]["inserted"].as_u64() > Some(0);
            is_under_way.then(|| job["id"].as_i64().unwrap())
        })
        .await;
        Self { child, stderr, job }
    }

    fn press_ctrl_c(&self) {
        signal(self.child.id(), Signal::INT);
    }

    /// The next line of standard error.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits for its end: exit code, standard output, and what is left of standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), stdout, stderr)
    }
}

async fn count_of_sales(up: &Up) -> u64 {
    let sql = serde_json::json!({ "sql": "SELECT COUNT(*) FROM sales" });
    up.db.post("/v1/query", &sql).await["rows"][0][0]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn ctrl_c_cancels_an_import_and_says_what_is_left_of_it() {
    for (on_cancel, words) in [("keep", "are kept"), ("rollback", "were taken back")] {
        let folder = tempfile::tempdir().unwrap();
        let up = with_small_batches().up_empty();
        let mut import = Import::of_sales(&up, folder.path(), &["--on-cancel", on_cancel]).await;
        let job = import.job;

        import.press_ctrl_c();

        assert_eq!(
            import.line(),
            format!("cancelling job {job}; press Ctrl-C again to leave it to itself")
        );
        let (code, stdout, stderr) = import.end();
        assert_eq!(code, Some(130), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.contains(&format!("(job {job})")) && stderr.contains(words),
            "{stderr}"
        );
        assert!(stdout.contains("inserted"), "{stdout}");
        let job = up.script.get(&format!("/jobs/{job}")).await;
        assert_eq!(job["state"], "cancelled");
        let left = count_of_sales(&up).await;
        assert_eq!(left == 0, on_cancel == "rollback", "{left} rows are left");
        assert!(left < ROWS);
    }
}

#[tokio::test]
async fn ctrl_c_twice_leaves_an_import_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let up = with_small_batches().up_empty();
    let mut import = Import::of_sales(&up, folder.path(), &[]).await;
    let job = import.job;
    // A service that hears nothing for the time being.
    signal(up.id(), Signal::STOP);

    import.press_ctrl_c();
    assert!(import.line().contains("press Ctrl-C again"));
    import.press_ctrl_c();
    let (code, _, stderr) = import.end();

    signal(up.id(), Signal::CONT);
    assert_eq!(code, Some(130));
    assert!(
        stderr.contains(&format!("left job {job}, which may go on")),
        "{stderr}"
    );
}

#[tokio::test]
async fn an_import_outlives_a_restart_of_the_service() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let up = with_small_batches().up_in(data.path(), &["--no-sample"]);
    let port = up.script.base().rsplit(':').next().unwrap().to_owned();
    let mut import = Import::of_sales(&up, folder.path(), &[]).await;
    up.kill();

    assert!(import.line().contains("waiting for it"));
    let up = with_small_batches().up_at(data.path(), &port, &["--no-sample"]);
    let (code, stdout, stderr) = import.end();

    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("60,000"), "{stdout}");
    assert_eq!(count_of_sales(&up).await, ROWS);
}
