//! The tour in README: every line of its blocks marked `tour` runs, and answers what README says.

use crate::program;
use journeys::{read, repository};
use std::process::Command;

/// A line that starts with `$ `, and what README says that it prints.
#[derive(Debug)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// The steps of the blocks that open with ` ```console tour`.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in readme.lines().enumerate() {
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

/// Whether the lines are what README says; a line of `…` alone stands for any number of lines.
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

#[test]
fn every_line_of_the_tour_answers_what_readme_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "the tour needs curl");
        eprintln!("curl is not installed: the tour was not walked");
        return;
    }
    let steps = steps(&read("README.md"));
    assert!(steps.len() > 10, "README has lost its tour");
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

    for step in steps {
        let host = |base: &str| base.trim_start_matches("http://").to_owned();
        let command = step
            .command
            .replace("localhost:8080", &host(up.db.base()))
            .replace("localhost:5000", &host(up.script.base()));
        let output = program()
            .command_named("bash")
            .args(["-euo", "pipefail", "-c", &command])
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
            "README.md:{}: {}\nprinted:\n{text}\n{}",
            step.line,
            step.command,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn an_ellipsis_stands_for_anything() {
    assert!(line_fits("{\"elapsed_ms\":…}", "{\"elapsed_ms\":0.25}"));
    assert!(line_fits("a…", "abc"));
    assert!(!line_fits("a…c", "ab"));
    assert!(!line_fits("ab", "abc"));
    let expected = ["a", "…", "z"].map(str::to_owned);
    assert!(fits(&expected, &["a", "b", "c", "z"]));
    assert!(fits(&expected, &["a", "z"]));
    assert!(!fits(&expected, &["a", "b"]));
}
