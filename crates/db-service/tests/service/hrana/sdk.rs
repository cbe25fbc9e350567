//! The published SDKs, unmodified, against a real service. `tests/sdk/install` puts them where these tests look.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use test_kit::TestDb;

/// Set to 1 it makes a missing SDK a failure.
const REQUIRE: &str = "COMPTOIR_REQUIRE_SDKS";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where `tests/sdk/install` puts the SDKs.
fn home() -> PathBuf {
    std::env::var_os("SDK_HOME").map_or_else(|| workspace().join("target/sdk"), PathBuf::from)
}

/// Runs `program` against a new service, when what it `needs` is there; it fails when something is not as it should
/// be.
async fn run(name: &str, program: &Path, script: Option<&str>, needs: &Path) {
    if !needs.exists() {
        let why = format!("{name} is skipped: no {}; run tests/sdk/install", needs.display());
        assert!(std::env::var(REQUIRE).as_deref() != Ok("1"), "{why}");
        println!("{why}");
        return;
    }
    let db = TestDb::start().await;
    let mut command = Command::new(program);
    command
        .args(script.map(|script| workspace().join("tests/sdk").join(script)))
        .arg(&db.url)
        .env("SDK_HOME", home())
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap_or_else(|cause| panic!("{} does not start: {cause}", program.display()));
    assert!(
        output.status.success(),
        "{name}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn node(script: &str, package: &str) {
    let needs = home().join("node_modules").join(package);
    run(script, Path::new("node"), Some(script), &needs).await;
}

async fn python(script: &str) {
    let python = home().join("venv/bin/python");
    let installed = home().join("venv/.installed");
    run(script, &python, Some(script), &installed).await;
}

#[tokio::test]
async fn libsql_client_for_javascript_works() {
    node("libsql-client.mjs", "@libsql/client").await;
}

#[tokio::test]
async fn turso_serverless_for_javascript_works() {
    node("turso-serverless.mjs", "@tursodatabase/serverless").await;
}

#[tokio::test]
async fn libsql_client_for_python_works() {
    python("libsql_client_py.py").await;
}

#[tokio::test]
async fn libsql_for_python_works() {
    python("libsql_py.py").await;
}

#[tokio::test]
async fn sqlalchemy_libsql_works() {
    python("sqlalchemy_py.py").await;
}

#[tokio::test]
async fn libsql_for_rust_works() {
    let program = home().join("rust/debug/sdk-rust");
    run("libsql for Rust", &program, None, &program).await;
}
