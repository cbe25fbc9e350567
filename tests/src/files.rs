//! The repository's own files.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What `cargo metadata` says of the workspace's own packages.
///
/// # Panics
///
/// When cargo does not answer.
#[must_use]
pub fn cargo_metadata() -> Value {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .unwrap_or_else(|why| panic!("cargo metadata: {why}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("cargo metadata: {why}"))
}
