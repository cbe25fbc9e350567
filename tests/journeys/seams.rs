//! What each room of db-service knows, held against its source.

use journeys::repository;
use std::path::Path;

/// The lines of code below `folder` of db-service, each with its file and number; comments are left out.
fn code(folder: &str) -> Vec<(String, String)> {
    let root = repository().join("crates/db-service/src").join(folder);
    let mut lines = Vec::new();
    gather(&root, &root, &mut lines);
    assert!(!lines.is_empty(), "there is no code in {}", root.display());
    lines
}

fn gather(root: &Path, folder: &Path, lines: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, lines);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            for (index, line) in text.lines().enumerate() {
                if !line.trim_start().starts_with("//") {
                    lines.push((format!("{name}:{}", index + 1), line.to_owned()));
                }
            }
        }
    }
}

/// The places in `lines` that hold one of `words`, except in files whose name begins with one of `apart`.
fn found(lines: &[(String, String)], words: &[&str], apart: &[&str]) -> Vec<String> {
    lines
        .iter()
        .filter(|(place, line)| {
            words.iter().any(|word| line.contains(word)) && !apart.iter().any(|name| place.starts_with(name))
        })
        .map(|(place, line)| format!("{place}: {}", line.trim()))
        .collect()
}

#[test]
fn only_the_sqlite_folder_of_db_service_knows_rusqlite() {
    let others = found(&code(""), &["rusqlite", "r2d2_sqlite"], &["sqlite/"]);

    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn a_status_of_db_service_is_named_in_one_file() {
    let others = found(&code(""), &["StatusCode::", "status_mut"], &["error.rs"]);

    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn engine_and_sqlite_know_nothing_of_http() {
    let words = [
        "axum",
        "http::",
        "StatusCode",
        "/v1/",
        "/v2/",
        "/v3/",
        "this route",
        "application/",
        "text/csv",
        "crate::routes",
        "crate::error",
        "crate::answer",
        "crate::hrana",
    ];

    for folder in ["engine", "sqlite"] {
        let knows = found(&code(folder), &words, &[]);
        assert!(knows.is_empty(), "{folder}: {knows:#?}");
    }
}

#[test]
fn the_engine_does_not_know_which_one_it_is() {
    let knows = found(&code("engine"), &["crate::sqlite"], &[]);

    assert!(knows.is_empty(), "{knows:#?}");
}
