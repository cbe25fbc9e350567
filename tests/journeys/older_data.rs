//! Data folders of earlier releases, opened by the program of today; and one of a later release, which is refused.

use crate::program;
use journeys::{Up, repository, wait_for};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The import that was stopped in the middle when the folders were made (`tests/data/make`), and its sales.
const STOPPED_JOB: &str = "/jobs/7";
const STOPPED_SALES: u64 = 498;

/// What depends on the moment of asking, and words, which may be said better.
const NOT_COMPARED: [&str; 11] = [
    "columns",
    "computed_at",
    "dataset_version",
    "detail",
    "elapsed_ms",
    "explanation",
    "next_runs",
    "notes",
    "progress",
    "revision",
    "title",
];

/// The folders in `tests/data`, each named by its release.
fn folders() -> Vec<PathBuf> {
    let all = std::fs::read_dir(repository().join("tests/data")).unwrap();
    let folders: Vec<PathBuf> = all
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(!folders.is_empty(), "no release has left its data");
    folders
}

/// A data folder with a copy of the database of `release`.
fn copy(release: &Path) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::copy(release.join("sales.db"), data.path().join("sales.db")).unwrap();
    data
}

/// The answer of today to the first line of a file in `answers/`.
async fn ask(up: &Up, request: &str) -> Value {
    match request.split_once(' ').unwrap() {
        ("script", target) => up.script.get(target).await,
        ("db", sql) => up.db.post("/v1/query", &json!({ "sql": sql })).await,
        (other, _) => panic!("no service {other}"),
    }
}

/// Where `now` does not say what `then` said. It may say more.
fn differences(place: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (name, then) in then {
                if !NOT_COMPARED.contains(&name.as_str()) {
                    let now = now.get(name).unwrap_or(&Value::Null);
                    differences(&format!("{place}/{name}"), then, now, found);
                }
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            for (index, (then, now)) in then.iter().zip(now).enumerate() {
                differences(&format!("{place}/{index}"), then, now, found);
            }
        }
        (Value::Number(then), Value::Number(now)) if then.as_f64() == now.as_f64() => {}
        _ if then == now => {}
        _ => found.push(format!("{place}: {then} became {now}")),
    }
}

#[tokio::test]
async fn data_of_every_earlier_release_is_read_as_it_was() {
    for release in folders() {
        let data = copy(&release);
        let up = program().up_in(data.path(), &["--no-sample"]);
        let mut found = Vec::new();

        for file in std::fs::read_dir(release.join("answers")).unwrap() {
            let file = file.unwrap().path();
            let text = std::fs::read_to_string(&file).unwrap();
            let (request, then) = text.split_once('\n').unwrap();
            let then = serde_json::from_str(then).unwrap();
            differences(request, &then, &ask(&up, request).await, &mut found);
        }

        assert!(found.is_empty(), "{}: {found:#?}", release.display());
    }
}

#[tokio::test]
async fn an_import_that_an_earlier_release_began_is_finished() {
    for release in folders() {
        let data = copy(&release);
        let up = program().up_in(data.path(), &["--no-sample"]);

        let job = wait_for("the end of the stopped import", async || {
            let job = up.script.get(STOPPED_JOB).await;
            job["finished_at"].is_string().then_some(job)
        })
        .await;

        assert_eq!(job["state"], "succeeded", "{}: {job}", release.display());
        assert_eq!(job["counters"]["read"], json!(STOPPED_SALES));
        let sql =
            "SELECT COUNT(*), (SELECT SUM(amount_cents) FROM sales) - (SELECT SUM(amount_cents) FROM days)
            FROM sales WHERE sale_date < '2023'";
        let answer = up.db.post("/v1/query", &json!({ "sql": sql })).await;
        assert_eq!(answer["rows"], json!([[STOPPED_SALES, 0]]));
    }
}

#[tokio::test]
async fn data_of_a_later_release_is_refused_and_left_as_it_is() {
    let data = copy(&folders()[0]);
    let database = data.path().join("sales.db");
    let mut up = program().up_in(data.path(), &["--no-sample"]);
    let later =
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1000000, 'of_the_future', '2099')";
    up.db.post("/v1/execute", &json!({ "sql": later })).await;
    up.stop();
    let before = std::fs::read(&database).unwrap();

    let ended = program()
        .command()
        .args([
            "up",
            "--no-sample",
            "--db-port",
            "0",
            "--script-port",
            "0",
            "--dashboard-port",
            "0",
            "--data",
        ])
        .arg(data.path())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.contains("1000000") && said.contains("later version of Comptoir"),
        "{said}"
    );
    let after = std::fs::read(&database).unwrap();
    let changed: Vec<usize> = (0..before.len())
        .filter(|&at| after.get(at) != before.get(at))
        .collect();
    assert_eq!(after.len(), before.len());
    // A service that starts writes the second at which it did, to see whether it can.
    let second = changed.first().map_or(0..0, |&first| first..first + 4);
    assert!(
        changed.iter().all(|at| second.contains(at)),
        "the database has changed at {changed:?}"
    );
}
