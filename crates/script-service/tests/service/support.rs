//! What the tests of script-service share beside the [`TestStack`].

use serde_json::Value;
use std::path::{Path, PathBuf};
use test_kit::ReservedPort;
pub(crate) use test_kit::{Script, TestStack as Stack};

/// The sample data of the repository.
pub(crate) fn sample() -> PathBuf {
    Stack::sample_data()
}

/// A script-service in a process of its own, which can be killed at any moment.
pub(crate) struct Process {
    pub script: Script,
    child: std::process::Child,
    _port: ReservedPort,
}

impl Process {
    pub(crate) async fn start(db_url: &str, data: &Path, arguments: &[&str]) -> Self {
        let port = ReservedPort::take();
        let address = port.address();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_script-service"))
            .args(["--listen", &address.to_string(), "--db-url", db_url])
            .arg("--data")
            .arg(data)
            .args(arguments)
            .env("RUST_LOG", "error")
            .spawn()
            .unwrap();
        let script = Script::at(format!("http://{address}"));
        // Whatever comes, the child is killed when this is dropped.
        let process = Self {
            script,
            child,
            _port: port,
        };
        process.script.until_ready().await;
        process
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub(crate) fn terminate(mut self) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap();
        assert!(sent.success());
        self.child.wait().unwrap();
    }

    /// Kills it (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }
}

/// A small generator of numbers.
pub(crate) struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What became of a job's records.
pub(crate) fn counters(job: &Value) -> [u64; 5] {
    ["read", "inserted", "updated", "unchanged", "rejected"]
        .map(|name| job["counters"][name].as_u64().unwrap())
}
