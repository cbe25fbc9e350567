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

/// Runs a script against a new service; the script fails when something is not as it should be.
async fn run(script: &str, interpreter: &str, needs: &str) {
    let missing = home().join(needs);
    if !missing.exists() {
        let why = format!(
            "{script} is skipped: no {}; run tests/sdk/install",
            missing.display()
        );
        assert!(std::env::var(REQUIRE).as_deref() != Ok("1"), "{why}");
        println!("{why}");
        return;
    }
    let db = TestDb::start().await;
    let mut command = Command::new(interpreter);
    command
        .arg(workspace().join("tests/sdk").join(script))
        .arg(&db.url)
        .env("SDK_HOME", home())
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap_or_else(|cause| panic!("{interpreter} does not start: {cause}"));
    assert!(
        output.status.success(),
        "{script}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn node(script: &str, package: &str) {
    run(script, "node", &format!("node_modules/{package}/package.json")).await;
}

async fn python(script: &str, package: &str) {
    let python = home().join("venv/bin/python");
    let needs = format!("venv/lib/python3.11/site-packages/{package}");
    run(script, python.to_str().unwrap(), &needs).await;
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
    python("libsql_client_py.py", "libsql_client").await;
}

#[tokio::test]
async fn libsql_for_python_works() {
    python("libsql_py.py", "libsql").await;
}

#[tokio::test]
async fn sqlalchemy_libsql_works() {
    python("sqlalchemy_py.py", "sqlalchemy_libsql").await;
}
