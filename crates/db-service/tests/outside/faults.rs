//! A call of the system fails: the n-th, for every n of a fixed piece of work. Then the process is killed, and the next
//! one finds what was acknowledged, and nothing half.

use crate::program::Program;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use test_kit::find_program;

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/faults.c");
/// The numbers of the system.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// How many rows the bulk insert has, beginning at 1,000.
const BULK_ROWS: i64 = 40;
/// How long its body is besides, in bytes: more than stays in memory.
const BULK_BYTES: usize = 1_200_000;
/// How many processes are tried at once.
const AT_ONCE: usize = 4;
/// How long the service may take to say that it does not write.
const PATIENCE: Duration = Duration::from_mins(1);
/// More calls than the work makes.
const MOST_CALLS: u64 = 2_000;

pub(crate) fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("calls are made to fail on Linux only".to_owned());
    }
    find_program(&["cc"])
        .is_none()
        .then(|| "there is no C compiler (cc)".to_owned())
}

/// How the call fails.
#[derive(Debug, Clone, Copy)]
struct Fault {
    at: u64,
    errno: i32,
    stays: bool,
}

/// Builds the shim into `folder`.
fn build(folder: &Path) -> PathBuf {
    let shim = folder.join("faults.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", SHIM, "-o"])
        .arg(&shim)
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    shim
}

/// What was acknowledged, by the ids of its rows.
#[derive(Debug, Default)]
struct Acknowledged(Vec<i64>);

impl Acknowledged {
    /// Takes note of an answer; one that refuses has words.
    fn note(&mut self, fault: Fault, answer: &crate::program::Answer, ids: &[i64]) {
        let (status, text) = answer;
        match status {
            200 => self.0.extend(ids),
            500..=599 => assert!(text.contains("\"code\""), "{fault:?}: {status} {text}"),
            _ => panic!("{fault:?}: {status} {text}"),
        }
    }
}

fn insert(ids: &[i64]) -> Vec<String> {
    let one = |id| format!("INSERT INTO t (id, text) VALUES ({id}, hex(zeroblob(500)))");
    ids.iter().map(one).collect()
}

/// The work: single writes, a batch, a bulk insert, a transaction of a stream, a backup, a look at readiness, a write.
async fn work(program: &Program, fault: Fault) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let table = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT) STRICT";
    let made = program.post("/v1/execute", &json!({"sql": table})).await;
    acknowledged.note(fault, &made, &[]);
    if made.0 != 200 {
        // A second time is enough for a fault that passes.
        let made = program.post("/v1/execute", &json!({"sql": table})).await;
        acknowledged.note(fault, &made, &[]);
        if made.0 != 200 {
            return acknowledged;
        }
    }
    for id in 1..=3 {
        let answer = program
            .post("/v1/execute", &json!({"sql": insert(&[id])[0]}))
            .await;
        acknowledged.note(fault, &answer, &[id]);
    }
    let statements: Vec<Value> = insert(&[100, 101])
        .iter()
        .map(|sql| json!({"sql": sql}))
        .collect();
    let answer = program
        .post("/v1/batch", &json!({"statements": statements}))
        .await;
    acknowledged.note(fault, &answer, &[100, 101]);

    let bulk: Vec<i64> = (1_000..1_000 + BULK_ROWS).collect();
    let rows: Vec<String> = bulk
        .iter()
        .map(|id| format!("{{\"id\":{id},\"text\":\"x\"}}\n"))
        .collect();
    // Blank lines make the body long enough for the disk, and the work no longer.
    let body = rows.concat() + &"\n".repeat(BULK_BYTES);
    let answer = program
        .send(
            Method::POST,
            "/v1/tables/t/rows",
            "application/x-ndjson",
            body.into_bytes(),
        )
        .await;
    acknowledged.note(fault, &answer, &bulk);

    let statements = ["BEGIN IMMEDIATE".to_owned()]
        .into_iter()
        .chain(insert(&[200, 201]))
        .chain(["COMMIT".to_owned()]);
    let mut requests: Vec<Value> = statements
        .map(|sql| json!({"type": "execute", "stmt": {"sql": sql}}))
        .collect();
    requests.push(json!({"type": "close"}));
    let (status, text) = program.post("/v3/pipeline", &json!({"requests": requests})).await;
    assert!(status == 200 || status >= 500, "{fault:?}: {status} {text}");
    if status == 200 && !text.contains("\"type\":\"error\"") {
        acknowledged.0.extend([200, 201]);
    }

    let (status, _) = program.get("/v1/backup").await;
    assert!(
        status == 200 || status >= 500,
        "{fault:?}: a backup answers {status}"
    );
    let last = json!({"sql": insert(&[300])[0]});
    let (ready, why) = program.get("/readyz").await;
    let mut written = program.post("/v1/execute", &last).await;
    if written.0 != 200 && ready == 200 && !fault.stays {
        // It has failed at this very call, and that has passed.
        acknowledged.note(fault, &written, &[]);
        written = program.post("/v1/execute", &last).await;
        assert_eq!(written.0, 200, "{fault:?}: ready ({why}), and then {}", written.1);
    }
    acknowledged.note(fault, &written, &[300]);
    if written.0 != 200 {
        let until = Instant::now() + PATIENCE;
        while fault.stays && program.get("/readyz").await.0 == 200 {
            assert!(
                Instant::now() < until,
                "{fault:?}: ready, though no write succeeds"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (status, _) = program.post("/v1/query", &json!({"sql": "SELECT 1"})).await;
        assert_eq!(status, 200, "{fault:?}: reads go on");
    }
    acknowledged
}

/// What the next process finds.
async fn look(database: &Path, fault: Fault, Acknowledged(acknowledged): Acknowledged) {
    let program = Program::start(database, &[]).unwrap_or_else(|| panic!("{fault:?}: it starts no more"));
    let (status, copy) = program.get("/v1/backup").await;
    assert_eq!(status, 200, "{fault:?}: {copy}");
    if acknowledged.is_empty() {
        return;
    }
    let there = program.ids("SELECT id FROM t ORDER BY id").await;
    for id in &acknowledged {
        assert!(
            there.contains(id),
            "{fault:?}: {id} was acknowledged and is missing"
        );
    }
    let groups: [Vec<i64>; 3] = [
        vec![100, 101],
        vec![200, 201],
        (1_000..1_000 + BULK_ROWS).collect(),
    ];
    for group in groups {
        let found = group.iter().filter(|id| there.contains(id)).count();
        assert!(
            found == 0 || found == group.len(),
            "{fault:?}: half of {group:?} is there"
        );
    }
}

/// Tries one fault; whether the work came so far.
async fn try_one(shim: &Path, fault: Fault) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    let below = real.join("data");
    std::fs::create_dir(&below).unwrap();
    let (database, fired) = (below.join("x.db"), real.join("fired"));
    let mut variables = vec![
        ("LD_PRELOAD", shim.display().to_string()),
        ("COMPTOIR_FAULT_FOLDER", below.display().to_string()),
        ("COMPTOIR_FAULT_AT", fault.at.to_string()),
        ("COMPTOIR_FAULT_ERRNO", fault.errno.to_string()),
        ("COMPTOIR_FAULT_FIRED", fired.display().to_string()),
    ];
    if fault.stays {
        variables.push(("COMPTOIR_FAULT_STAYS", "1".to_owned()));
    }
    // One that does not start says so by its end.
    let acknowledged = match Program::start(&database, &variables) {
        Some(program) => work(&program, fault).await,
        None => Acknowledged::default(),
    };
    let has_fired = fired.exists();
    // All of them.
    let whole = 8 + usize::try_from(BULK_ROWS).unwrap();
    assert!(
        has_fired || acknowledged.0.len() == whole,
        "{fault:?}: {acknowledged:?}"
    );
    look(&database, fault, acknowledged).await;
    has_fired
}

/// Tries every call, until the work is done before the fault comes.
async fn try_all(errno: i32, stays: bool, step: u64) {
    let folder = tempfile::tempdir().unwrap();
    let shim = build(folder.path());
    let mut at = 1;
    loop {
        let tries = (0..AT_ONCE as u64).map(|index| {
            let fault = Fault {
                at: at + index * step,
                errno,
                stays,
            };
            try_one(&shim, fault)
        });
        let fired = futures_util::future::join_all(tries).await;
        at += AT_ONCE as u64 * step;
        if fired.contains(&false) {
            break;
        }
        assert!(at < MOST_CALLS, "the work never ends");
    }
    assert!(at > 30, "only {at} calls: the faults do not reach the service");
}

pub(crate) async fn an_error_of_the_disk_at_any_call_loses_nothing_that_was_acknowledged() {
    try_all(EIO, false, 1).await;
}

pub(crate) async fn a_disk_that_is_full_at_any_call_loses_nothing_that_was_acknowledged() {
    try_all(ENOSPC, false, 1).await;
}

pub(crate) async fn a_disk_that_stays_full_is_told_and_reads_go_on() {
    try_all(ENOSPC, true, 3).await;
}
