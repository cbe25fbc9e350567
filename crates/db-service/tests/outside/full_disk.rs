//! A small disk that is full.

use crate::program::Program;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than the room that the service needs to be ready.
const DISK: &str = "size=48m";

/// A file system in memory, taken away when it is dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { folder })
    }

    /// Fills it but for `left` bytes.
    fn fill(&self, left: usize) -> PathBuf {
        let filler = self.folder.path().join("filler");
        let mut bytes = std::fs::read(&filler).unwrap_or_default();
        loop {
            bytes.resize(bytes.len() + (64 << 10), 0);
            if std::fs::write(&filler, &bytes).is_err() {
                break;
            }
        }
        let whole = std::fs::read(&filler).unwrap().len();
        std::fs::write(&filler, vec![0; whole.saturating_sub(left)]).unwrap();
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is left of it goes with the machine.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

pub(crate) fn missing() -> Option<String> {
    Disk::mount()
        .is_none()
        .then(|| "no file system may be mounted here (root may)".to_owned())
}

fn database(disk: &Disk) -> PathBuf {
    Path::join(disk.folder.path(), "x.db")
}

fn code(text: &str) -> Value {
    serde_json::from_str::<Value>(text).map_or(Value::Null, |problem| problem["code"].clone())
}

pub(crate) async fn a_full_disk_is_507_everywhere_and_passes_when_there_is_room() {
    let disk = Disk::mount().unwrap();
    let program = Program::start(&database(&disk), &[]).unwrap();
    let insert = json!({"sql": "INSERT INTO t (text) VALUES (hex(zeroblob(500000)))"});
    let table = json!({"sql": "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"});
    assert_eq!(program.post("/v1/execute", &table).await.0, 200);
    for _ in 0..4 {
        assert_eq!(program.post("/v1/execute", &insert).await.0, 200);
    }
    assert_eq!(program.get("/readyz").await.0, 200);

    let filler = disk.fill(256 << 10);

    let rows = ("text\n".to_owned() + &"x".repeat(3 << 20) + "\n").into_bytes();
    let in_memory = ("text\n".to_owned() + &"x".repeat(1 << 19) + "\n").into_bytes();
    let write = program.post("/v1/execute", &insert).await;
    let batch = program.post("/v1/batch", &json!({"statements": [insert]})).await;
    let bulk = program
        .send(Method::POST, "/v1/tables/t/rows", "text/csv", rows)
        .await;
    let small = program
        .send(Method::POST, "/v1/tables/t/rows", "text/csv", in_memory)
        .await;
    let backup = program.get("/v1/backup").await;
    let sorted =
        "SELECT count(*) FROM (SELECT a.text || b.text || c.text AS x FROM t a, t b, t c ORDER BY x)";
    let sort = program.post("/v1/query", &json!({"sql": sorted})).await;
    for (what, (status, text)) in [
        ("write", write),
        ("batch", batch),
        ("bulk", bulk),
        ("bulk in memory", small),
        ("backup", backup),
        ("sort", sort),
    ] {
        assert_eq!((status, code(&text)), (507, json!("disk_full")), "{what}: {text}");
    }
    let requests = json!([{"type": "execute", "stmt": insert}, {"type": "close"}]);
    let (_, stream) = program.post("/v3/pipeline", &json!({"requests": requests})).await;
    assert!(stream.contains("SQLITE_FULL"), "{stream}");
    let (ready, why) = program.get("/readyz").await;
    assert_eq!((ready, code(&why)), (507, json!("disk_full")), "{why}");
    assert_eq!(program.ids("SELECT count(*) FROM t").await, [4], "reads go on");

    std::fs::remove_file(filler).unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while program.get("/readyz").await.0 != 200 {
        assert!(Instant::now() < until, "it is never ready again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(program.post("/v1/execute", &insert).await.0, 200);
    assert_eq!(program.ids("SELECT count(*) FROM t").await, [5]);
}
