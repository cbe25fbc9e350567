//! The repository's own files.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use test_kit::contract::Contract;

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The text of a file, its path given from the root.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn read(path: &str) -> String {
    let file = repository().join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

/// The documents for people, by path from the root: what is in the root, and in `docs`.
///
/// # Panics
///
/// When the folders cannot be read.
#[must_use]
pub fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    for folder in ["", "docs/"] {
        let entries =
            std::fs::read_dir(repository().join(folder)).unwrap_or_else(|why| panic!("{folder}: {why}"));
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        documents.extend(
            names
                .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
                .map(|name| format!("{folder}{name}")),
        );
    }
    documents.sort();
    documents
}

/// What cargo knows of our own packages.
///
/// # Panics
///
/// When cargo fails.
#[must_use]
pub fn cargo_metadata() -> Value {
    read_json(&cargo(&[
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]))
}

/// What cargo knows of all packages that the lock file names.
///
/// # Panics
///
/// When cargo fails.
#[must_use]
pub fn cargo_packages() -> Vec<Value> {
    let metadata = read_json(&cargo(&[
        "metadata",
        "--locked",
        "--offline",
        "--format-version",
        "1",
    ]));
    metadata["packages"].as_array().cloned().unwrap_or_default()
}

/// The packages that a build for `target` has in more than one version, as `(name, version)`.
///
/// # Panics
///
/// When cargo fails.
#[must_use]
pub fn cargo_duplicates(target: &str) -> Vec<(String, String)> {
    let tree = [
        "tree",
        "--duplicates",
        "--workspace",
        "--locked",
        "--offline",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--edges",
        "normal,build,dev",
        "--target",
        target,
    ];
    let lines = cargo(&tree);
    let packages = lines.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        let version = rest.split_whitespace().next()?;
        Some((name.to_owned(), version.to_owned()))
    });
    packages.collect()
}

/// What `cargo` prints.
fn cargo(args: &[&str]) -> String {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(args)
        .current_dir(repository())
        .output()
        .unwrap_or_else(|why| panic!("cargo {args:?}: {why}"));
    assert!(
        output.status.success(),
        "cargo {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn read_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("cargo metadata: {why}"))
}

/// The contract of both services, `openapi.yaml`.
///
/// # Panics
///
/// When it cannot be read.
pub fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let document = serde_yaml_ng::from_str(&read("openapi.yaml"));
        Contract::new(document.unwrap_or_else(|why| panic!("openapi.yaml: {why}")))
    })
}
