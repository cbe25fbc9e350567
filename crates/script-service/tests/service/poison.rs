//! Jobs under which process after process dies.

use crate::support::Process;
use reqwest::Method;
use serde_json::Value;
use std::path::Path;
use test_kit::TestDb;
use tokio::net::{TcpListener, TcpStream};

/// A place in which a job stays: a server that takes connections and says nothing.
struct Trap {
    listener: TcpListener,
    caught: Vec<TcpStream>,
}

impl Trap {
    async fn set() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            caught: Vec::new(),
        }
    }

    fn request(&self) -> String {
        let address = self.listener.local_addr().unwrap();
        format!(r#"{{"sources":[{{"table":"stores","url":"http://{address}/stores.csv"}}]}}"#)
    }

    /// Waits until a job is in it.
    async fn catch(&mut self) {
        self.caught.push(self.listener.accept().await.unwrap().0);
    }
}

async fn start(db: &TestDb, data: &Path) -> Process {
    let arguments = ["--job-lease-ms", "200", "--allow-private-address", "127.0.0.1"];
    Process::start(&db.url, data, &arguments).await
}

async fn submit(process: &Process, trap: &Trap) -> String {
    let accepted = process
        .script
        .request(Method::POST, "/jobs/import")
        .header("content-type", "application/json")
        .body(trap.request())
        .send()
        .await
        .unwrap();
    accepted.headers()["location"].to_str().unwrap().to_owned()
}

async fn finished(process: &Process, location: &str) -> Value {
    process
        .script
        .until(location, |_, job| job["finished_at"].is_string())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_under_which_processes_die_in_one_place_fails_and_the_next_one_runs() {
    let db = TestDb::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut trap = Trap::set().await;
    let mut process = start(&db, data.path()).await;
    let location = submit(&process, &trap).await;
    for _ in 0..3 {
        trap.catch().await;
        process.kill();
        process = start(&db, data.path()).await;
    }

    let job = finished(&process, &location).await;

    assert_eq!(job["state"], "failed", "{job:#}");
    assert_eq!(job["error"]["code"], "process_died", "{job:#}");
    let detail = job["error"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("3 times") && detail.contains("after record 0 of source 1"),
        "{detail}"
    );
    let next = process
        .script
        .job("/jobs/import?table=stores", "id,city\n7,Lyon\n")
        .await;
    assert_eq!(next["state"], "succeeded", "{next:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn being_asked_to_stop_is_no_death() {
    let db = TestDb::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut trap = Trap::set().await;
    let mut process = start(&db, data.path()).await;
    let location = submit(&process, &trap).await;
    for turn in 0..5 {
        trap.catch().await;
        if turn < 2 {
            process.kill(); // two deaths are not too many
        } else {
            process.terminate();
        }
        process = start(&db, data.path()).await;
    }

    // It is being run once more.
    trap.catch().await;
    let job = process.script.json(&location).await;

    assert_eq!(job["finished_at"], Value::Null, "{job:#}");
    assert_eq!(job["error"], Value::Null, "{job:#}");
}
