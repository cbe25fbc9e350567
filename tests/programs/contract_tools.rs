//! The contract, read by the tools of others: linters, a generator of clients, a fuzzer. `tests/contract/install` puts
//! them where these tests look.

use crate::program;
use journeys::{Up, repository};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Where `tests/contract/install` puts the tools.
fn home() -> PathBuf {
    std::env::var_os("CONTRACT_TOOLS_HOME")
        .map_or_else(|| repository().join("target/contract"), PathBuf::from)
}

/// Why the tools cannot be used, when they are not installed.
pub(crate) fn missing() -> Option<String> {
    let needed = ["node_modules/.installed", "venv/.installed"];
    let all = needed.iter().all(|file| home().join(file).exists());
    (!all).then(|| "not installed: run tests/contract/install".to_owned())
}

/// A file of `tests/contract`.
fn ours(name: &str) -> PathBuf {
    repository().join("tests/contract").join(name)
}

/// A program of the tools for Python.
fn python(name: &str) -> Command {
    let mut command = Command::new(home().join("venv/bin").join(name));
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command
}

/// Runs `command`; it fails when the tool finds something, and says what.
async fn run(mut command: Command) {
    command.stdin(Stdio::null());
    let said = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap_or_else(|why| panic!("{said}: {why}"));
    assert!(
        output.status.success(),
        "{said}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A stack with the sample data whose db-service asks for tokens, and one of scope admin.
struct Guarded {
    up: Up,
    token: String,
    folder: TempDir,
}

impl Guarded {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        let tokens = tokens.to_str().unwrap();
        let made = program().run(&[
            "token", "new", "--name", "tests", "--scope", "admin", "--file", tokens,
        ]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let token = made.stdout.trim().to_owned();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let program = program().with("COMPTOIR_DB_TOKEN", &token);
        let up = program.up_in(&data, &["--db-tokens", tokens]);
        Self { up, token, folder }
    }

    /// The contract that is served by db-service, or by script-service, as a file.
    async fn served(&self, name: &str) -> PathBuf {
        let service = if name == "db" {
            &self.up.db
        } else {
            &self.up.script
        };
        let file = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&file, service.get("/openapi.json").await.to_string()).unwrap();
        file
    }
}

/// All contracts there are: the one of this repository, and those that are served.
async fn documents(guarded: &Guarded) -> [PathBuf; 3] {
    [
        repository().join("openapi.yaml"),
        guarded.served("db").await,
        guarded.served("script").await,
    ]
}

pub(crate) async fn redocly_finds_nothing() {
    let guarded = Guarded::start();

    let mut redocly = Command::new("node");
    redocly
        .arg(home().join("node_modules/@redocly/cli/bin/cli.js"))
        .args(["lint", "--format", "stylish", "--config"])
        .arg(ours("redocly.yaml"))
        .args(documents(&guarded).await)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");

    run(redocly).await;
}

pub(crate) async fn the_specification_is_kept() {
    let guarded = Guarded::start();

    let mut validator = python("openapi-spec-validator");
    validator.args(documents(&guarded).await);

    run(validator).await;
}

pub(crate) async fn a_generated_client_reaches_every_route() {
    let guarded = Guarded::start();
    let client = guarded.folder.path().join("client");

    let mut generator = python("openapi-python-client");
    generator
        .args(["generate", "--fail-on-warning", "--path"])
        .arg(repository().join("openapi.yaml"))
        .arg("--config")
        .arg(ours("client.yaml"))
        .arg("--output-path")
        .arg(&client);
    run(generator).await;
    let mut calls = python("python");
    calls.arg(ours("client.py")).arg(&client).args([
        guarded.up.db.base(),
        guarded.up.script.base(),
        &guarded.token,
    ]);

    run(calls).await;
}

pub(crate) async fn a_fuzzer_finds_nothing_in_db_service() {
    let guarded = Guarded::start();
    let document = guarded.served("db").await;

    let mut schemathesis = schemathesis(&document, guarded.up.db.base(), guarded.folder.path());
    schemathesis.args(["--header", &format!("Authorization: Bearer {}", guarded.token)]);

    run(schemathesis).await;
}

pub(crate) async fn a_fuzzer_finds_nothing_in_script_service() {
    let guarded = Guarded::start();
    let document = guarded.served("script").await;

    let mut schemathesis = schemathesis(&document, guarded.up.script.base(), guarded.folder.path());
    // Its answer has no end.
    schemathesis.args(["--exclude-path", "/events"]);

    run(schemathesis).await;
}

fn schemathesis(document: &Path, url: &str, folder: &Path) -> Command {
    let mut schemathesis = python("schemathesis");
    schemathesis
        .arg("--config-file")
        .arg(ours("schemathesis.toml"))
        .arg("run")
        .arg(document)
        .args(["--url", url, "--checks", "all", "--no-color", "--seed", "1"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .current_dir(folder);
    schemathesis
}
