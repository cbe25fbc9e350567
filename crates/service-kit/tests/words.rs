//! This crate knows no word of what services are about: what it says, it says of all of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own sources fails")]

use std::path::{Path, PathBuf};

/// Words of single services, without endings.
const DOMAIN: [&str; 31] = [
    "analysis",
    "analyses",
    "backup",
    "batch",
    "category",
    "csv",
    "dashboard",
    "database",
    "db",
    "euro",
    "excel",
    "forecast",
    "hrana",
    "import",
    "job",
    "libsql",
    "ndjson",
    "price",
    "product",
    "reject",
    "replay",
    "row",
    "sale",
    "schedule",
    "script",
    "sql",
    "sqlite",
    "stack",
    "table",
    "ticket",
    "transaction",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn it_knows_no_word_of_a_single_service() {
    let mut found = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (index, line) in text.lines().enumerate() {
            for word in line.split(|c: char| !c.is_alphanumeric()) {
                let word = word.to_lowercase();
                let singular = word.strip_suffix('s').unwrap_or(&word);
                if DOMAIN.contains(&word.as_str()) || DOMAIN.contains(&singular) {
                    found.push(format!("{}:{}: {word}", file.display(), index + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
