//! The documents for people: the paths that they name are there, their links lead somewhere, README stays short.

use journeys::{documents, read, repository};
use std::path::Path;

/// How long README may be, in bytes: it is the way in, and not the manual.
const README_BYTES: usize = 10_000;
/// The ends of names that are files.
const ENDINGS: [&str; 13] = [
    "css", "csv", "geojson", "html", "js", "json", "md", "png", "py", "rs", "sql", "toml", "yaml",
];

/// Every file of the repository, by path from the root.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    gather(&repository(), &mut files);
    files
}

fn gather(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["target", ".git", "node_modules"].contains(&name) {
                gather(&path, files);
            }
        } else {
            files.push(
                path.strip_prefix(repository())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}

/// The lines of a document that are not code.
fn prose(document: &str) -> String {
    let mut inside = false;
    let mut prose = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// What `prose` sets in code within a line.
fn code(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

/// Whether `code` is the path of a file or folder of the repository, and not one of a URL or of a reader's own.
fn is_path(code: &str) -> bool {
    let is_file = code
        .rsplit_once('.')
        .is_some_and(|(stem, end)| !stem.is_empty() && ENDINGS.contains(&end));
    let is_below = ["crates/", "tests/", "docs/", "docker/", ".ci/", "data/"]
        .iter()
        .any(|folder| code.starts_with(folder));
    !code.contains(char::is_whitespace) && !code.starts_with('/') && (is_file || is_below)
}

/// Whether one of `files` is at `path`: from the root, or below a folder that the sentence has named; `*` is any name.
fn is_there(path: &str, files: &[String]) -> bool {
    let path = path.trim_end_matches('/');
    let (before, after) = path.split_once('*').unwrap_or((path, ""));
    files.iter().any(|file| {
        if path.contains('*') {
            return file.starts_with(before)
                && (file.ends_with(after) || file.contains(&format!("{after}/")));
        }
        file == path || file.starts_with(&format!("{path}/")) || file.ends_with(&format!("/{path}"))
    })
}

/// Names of files that are the reader's, or that a service makes.
const NOT_OURS: [&str; 7] = [
    "data/sales.db",
    "december.csv",
    "sales.csv",
    "tokens.toml",
    "products.csv",
    "stores.csv",
    "targets.csv",
];

#[test]
fn every_path_in_a_document_is_there() {
    let files = files();
    let mut missing = Vec::new();

    for document in documents() {
        if document == "CHANGELOG.md" {
            continue; // it tells of what was there, too
        }
        for path in code(&prose(&read(&document))) {
            if is_path(path) && !NOT_OURS.contains(&path) && !is_there(path, &files) {
                missing.push(format!("{document}: {path}"));
            }
        }
    }

    assert!(missing.is_empty(), "{missing:#?}");
}

/// The name by which a link leads to a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
            _ => None,
        })
        .collect()
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    let mut broken = Vec::new();

    for document in documents() {
        let folder = Path::new(&document).parent().unwrap();
        for link in prose(&read(&document)).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => repository().join(&document),
                file => repository().join(folder).join(file),
            };
            let leads = path.exists()
                && (heading.is_empty()
                    || prose(&std::fs::read_to_string(&path).unwrap())
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading));
            if !leads {
                broken.push(format!("{document}: {target}"));
            }
        }
    }

    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn readme_is_short() {
    let length = read("README.md").len();

    assert!(
        length <= README_BYTES,
        "README.md has {length} bytes: what is longer has a document in docs"
    );
}

#[test]
fn a_path_is_told_from_other_code() {
    for path in [
        "docs/tour.md",
        "crates/db-service/src/",
        "authorizer.rs",
        "crates/a/*.sql",
    ] {
        assert!(is_path(path), "{path}");
    }
    for other in [
        "/v1/query",
        "cargo run",
        "amount",
        "db-service",
        "0.5",
        "GET /analysis/a.sql",
    ] {
        assert!(!is_path(other), "{other}");
    }
    let files = ["crates/a/one.sql".to_owned()];
    assert!(
        is_there("crates/a", &files) && is_there("one.sql", &files) && is_there("crates/a/*.sql", &files)
    );
    assert!(!is_there("two.sql", &files) && !is_there("crates/b/", &files) && !is_there("ne.sql", &files));
    assert_eq!(anchor("## Settings of `up`"), "settings-of-up");
}
