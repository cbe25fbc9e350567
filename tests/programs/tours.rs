//! The tours in the documents: every command of a block marked `tour` runs, and prints what the document says.
//!
//! Each document is walked on a new stack, so it can be followed from its first line to its last.

use crate::program;
use journeys::{documents, read, repository};
use test_kit::ReservedPort;

/// The ports in the documents at which a tour starts a second stack.
const PORTS: [&str; 3] = ["8090", "5090", "8590"];
/// The documents that have a tour; each has a test of its own.
const TOURS: [&str; 4] = ["README.md", "docs/cli.md", "docs/forecasts.md", "docs/tour.md"];

/// A line that starts with `$ `, and what the document says that it prints.
#[derive(Debug)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// The steps of the blocks that open with ` ```console tour`.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in document.lines().enumerate() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && fence.trim() == "console tour";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: index + 1,
                command: command.to_owned(),
                expected: Vec::new(),
            });
        } else if inside && let Some(step) = steps.last_mut() {
            // A command that goes on ends with a backslash.
            if step.expected.is_empty() && step.command.ends_with('\\') {
                step.command.push('\n');
                step.command.push_str(line);
            } else {
                step.expected.push(line.to_owned());
            }
        }
    }
    steps
}

/// Whether `text` is what `pattern` says, where `…` stands for anything within the line.
fn line_fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    open || rest.is_empty()
}

/// Whether the lines are what a document says; a line of `…` alone stands for any number of lines.
fn fits(expected: &[String], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, left) => left.is_none(),
        (Some((pattern, others)), left) if pattern == "…" => {
            fits(others, lines) || left.is_some_and(|(_, after)| fits(expected, after))
        }
        (Some(_), None) => false,
        (Some((pattern, others)), Some((line, after))) => line_fits(pattern, line) && fits(others, after),
    }
}

/// Runs every step of `document`.
/// It waits for processes, so it has a thread of its own.
async fn walk(document: &'static str) {
    tokio::task::spawn_blocking(move || walk_through(document))
        .await
        .unwrap();
}

fn walk_through(document: &str) {
    let steps = steps(&read(document));
    assert!(steps.len() >= 4, "{document} has lost its tour");
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("comptoir");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_comptoir-under-test"), &bin).unwrap();
    std::os::unix::fs::symlink(repository().join("data"), folder.path().join("data")).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let ports = PORTS.map(|written| (written, ReservedPort::take()));
    let host = |base: &str| base.trim_start_matches("http://").to_owned();
    let here = |text: &str| {
        let mut text = text
            .replace("localhost:8080", &host(up.db.base()))
            .replace("localhost:5000", &host(up.script.base()));
        for (written, reserved) in &ports {
            text = text.replace(written, &reserved.number().to_string());
        }
        text
    };

    for step in steps {
        let output = program()
            .command_named("bash")
            .args(["-euo", "pipefail", "-c", &here(&step.command)])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("COMPTOIR_DB_URL", up.db.base())
            .env("COMPTOIR_SCRIPT_URL", up.script.base())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let text = text
            .replace(&host(up.db.base()), "localhost:8080")
            .replace(&host(up.script.base()), "localhost:5000");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            output.status.success() && fits(&step.expected, &lines),
            "{document}:{}: {}\nprinted:\n{text}\n{}",
            step.line,
            step.command,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

pub(crate) async fn the_six_lines_of_readme_print_what_it_says() {
    walk("README.md").await;
}

pub(crate) async fn every_line_of_the_tour_prints_what_it_says() {
    walk("docs/tour.md").await;
}

pub(crate) async fn the_command_line_prints_what_its_document_says() {
    walk("docs/cli.md").await;
}

pub(crate) async fn forecasts_come_out_as_their_document_says() {
    walk("docs/forecasts.md").await;
}

pub(crate) async fn every_document_with_a_tour_is_walked() {
    let found: Vec<String> = documents()
        .into_iter()
        .filter(|document| !steps(&read(document)).is_empty())
        .collect();

    assert_eq!(found, TOURS);
}

pub(crate) async fn an_ellipsis_stands_for_anything() {
    assert!(line_fits("{\"elapsed_ms\":…}", "{\"elapsed_ms\":0.25}"));
    assert!(line_fits("a…", "abc"));
    assert!(!line_fits("a…c", "ab"));
    assert!(!line_fits("ab", "abc"));
    let expected = ["a", "…", "z"].map(str::to_owned);
    assert!(fits(&expected, &["a", "b", "c", "z"]));
    assert!(fits(&expected, &["a", "z"]));
    assert!(!fits(&expected, &["a", "b"]));
}
