//! What each room of the services knows, held against its source.

use journeys::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The lines of code below `folder` of db-service, each with its file and number; comments are left out.
fn code(folder: &str) -> Vec<(String, String)> {
    code_of("db-service", folder)
}

/// The same of another service.
fn code_of(service: &str, folder: &str) -> Vec<(String, String)> {
    let root = repository().join("crates").join(service).join("src").join(folder);
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

/// The lines of code of script-service without those of its tests.
fn script_service(folder: &str) -> Vec<(String, String)> {
    let mut lines = code_of("script-service", folder);
    leave_out_tests(&mut lines);
    lines
}

/// Takes out the tests, which stand at the end of a file.
fn leave_out_tests(lines: &mut Vec<(String, String)>) {
    let mut tests_of = None;
    lines.retain(|(place, line)| {
        let file = place.rsplit_once(':').map(|(file, _)| file.to_owned());
        if line.trim() == "#[cfg(test)]" {
            tests_of.clone_from(&file);
        }
        file != tests_of
    });
}

#[test]
fn the_sql_of_script_service_stands_in_its_store() {
    let words = [
        "SELECT ",
        "INSERT INTO",
        "INSERT OR",
        "DELETE FROM",
        "UPDATE ",
        "CREATE ",
        "DROP ",
    ];
    // Migrations keep their own table; a file of an analysis must be a SELECT, which is said where it is read.
    let apart = ["store/", "migrations.rs", "analyses/header.rs"];

    let others = found(&script_service(""), &words, &apart);

    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn an_error_status_of_script_service_is_named_in_one_file() {
    let words = [
        "StatusCode::BAD_REQUEST",
        "StatusCode::NOT_FOUND",
        "StatusCode::METHOD_NOT_ALLOWED",
        "StatusCode::CONFLICT",
        "StatusCode::PAYLOAD_TOO_LARGE",
        "StatusCode::UNSUPPORTED_MEDIA_TYPE",
        "StatusCode::UNPROCESSABLE_ENTITY",
        "StatusCode::REQUEST_TIMEOUT",
        "StatusCode::INTERNAL_SERVER_ERROR",
        "StatusCode::SERVICE_UNAVAILABLE",
    ];

    // The page of all codes says their statuses too.
    let named = found(&script_service(""), &words, &["error.rs", "problems.rs"]);
    // What another server answers is read where a URL is fetched.
    let below_the_routes = found(
        &script_service(""),
        &["StatusCode"],
        &["error.rs", "problems.rs", "routes/", "imports/fetch.rs"],
    );

    assert!(named.is_empty(), "{named:#?}");
    assert!(below_the_routes.is_empty(), "{below_the_routes:#?}");
}

#[test]
fn below_its_routes_script_service_has_errors_of_its_own() {
    // What becomes of them over HTTP is said in `error.rs`, once.
    let knows = found(
        &script_service(""),
        &["ApiError"],
        &["error.rs", "routes/", "lib.rs"],
    );

    assert!(knows.is_empty(), "{knows:#?}");
}

#[test]
fn what_runs_jobs_knows_no_kind_of_them() {
    let words = [
        "JobKind::",
        "ImportRequest",
        "AnalysisRequest",
        "ForecastRequest",
        "crate::imports",
        "crate::forecasts",
    ];

    let knows = found(&script_service("jobs"), &words, &[]);

    assert!(knows.is_empty(), "{knows:#?}");
}

#[test]
fn the_store_knows_nothing_of_those_who_ask_it() {
    let words = [
        "crate::imports",
        "crate::analyses",
        "crate::forecasts",
        "crate::schedules",
        "crate::jobs",
        "crate::routes",
    ];

    let knows = found(&script_service("store"), &words, &[]);

    assert!(knows.is_empty(), "{knows:#?}");
}

/// The lines of code of `crate_name`, the tests at the end of its files left out.
fn without_tests(crate_name: &str) -> Vec<(String, String)> {
    let mut lines = code_of(crate_name, "");
    leave_out_tests(&mut lines);
    lines
}

#[test]
fn what_is_pure_reads_nothing_asks_nobody_and_has_no_clock() {
    let words = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "tokio",
        "getrandom",
        "rand::",
    ];

    for pure in ["db-api", "script-api", "tabular", "shop-exports", "forecast"] {
        let knows = found(&without_tests(pure), &words, &[]);
        assert!(knows.is_empty(), "{pure}: {knows:#?}");
    }
}

#[test]
fn services_are_asked_by_their_clients_alone() {
    // A URL that a caller names is fetched, which is no service of ours.
    let apart = ["imports/fetch.rs"];

    for caller in ["script-service", "dashboard-service", "comptoir"] {
        let knows = found(&without_tests(caller), &["reqwest", "Client::builder"], &apart);
        assert!(knows.is_empty(), "{caller}: {knows:#?}");
    }
}

#[test]
fn what_services_say_is_typed_once() {
    // The title of an answer that is kept whole; the examples of the contract; public series.
    let apart = ["answer.rs", "contract/", "commands/forecast/quality.rs"];

    for caller in ["dashboard-service", "comptoir"] {
        let types = found(&without_tests(caller), &["Deserialize)", "Deserialize,"], &apart);
        assert!(types.is_empty(), "{caller}: {types:#?}");
    }
}

#[test]
fn the_page_holds_no_sql_and_names_the_status_of_an_error_in_one_file() {
    let lines = without_tests("dashboard-service");

    let sql = found(&lines, &["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE "], &[]);
    let statuses = found(&lines, &["StatusCode::"], &["error.rs"]);
    let of_errors: Vec<_> = statuses
        .iter()
        .filter(|line| !line.contains("StatusCode::OK") && !line.contains("StatusCode::SEE_OTHER"))
        .collect();

    assert!(sql.is_empty(), "{sql:#?}");
    assert!(of_errors.is_empty(), "{of_errors:#?}");
}

#[test]
fn housekeeping_names_no_table_of_the_model() {
    let lines = code_of("script-service", "store");
    let retention: Vec<_> = lines
        .into_iter()
        .filter(|(place, _)| place.starts_with("retention.rs"))
        .collect();
    assert!(!retention.is_empty());

    let model = [
        " sales ",
        " products ",
        " stores ",
        "product_targets",
        "\"sales\"",
        "\"products\"",
        "\"stores\"",
    ];
    let named = found(&retention, &model, &[]);

    assert!(named.is_empty(), "{named:#?}");
}

/// How many lines of code a file has at most; neither comments nor blank lines count.
const MOST_LINES: usize = 600;

/// Longer files, and why they are.
const LONG_FILES: [(&str, &str); 7] = [
    (
        "crates/shop-exports/src/words.rs",
        "one list: the words of headers in eight languages",
    ),
    (
        "crates/shop-exports/src/headers.rs",
        "the rules of headers, which read each other's words",
    ),
    ("crates/shop-exports/src/lines.rs", "one pass over the records"),
    (
        "crates/tabular/src/cents.rs",
        "a number is read in one pass, half of it are its tests",
    ),
    (
        "crates/db-service/tests/service/matrix.rs",
        "one matrix: each statement with each token by each route",
    ),
    (
        "crates/script-service/tests/service/analyses.rs",
        "each analysis against the same in plain SQL",
    ),
    (
        "crates/script-service/tests/service/imports.rs",
        "each way into one import",
    ),
];

#[test]
fn no_file_is_longer_than_its_subject_needs() {
    let root = repository();
    let mut lines = Vec::new();
    for folder in ["crates", "tests"] {
        gather(&root, &root.join(folder), &mut lines);
    }
    let mut lengths = BTreeMap::new();
    for (place, _) in lines.iter().filter(|(_, line)| !line.trim().is_empty()) {
        let (file, _) = place.rsplit_once(':').unwrap();
        *lengths.entry(file).or_insert(0) += 1;
    }
    let long: BTreeSet<&str> = lengths
        .iter()
        .filter(|(_, length)| **length > MOST_LINES)
        .map(|(file, _)| *file)
        .collect();
    let known = BTreeSet::from(LONG_FILES.map(|(file, _)| file));

    let new: Vec<_> = long.difference(&known).collect();
    let gone: Vec<_> = known.difference(&long).collect();

    assert!(lengths.len() > 300, "only {} files were found", lengths.len());
    assert!(
        new.is_empty(),
        "split by subject what has more than {MOST_LINES} lines of code: {new:?}"
    );
    assert!(gone.is_empty(), "no longer exceptions, take them out: {gone:?}");
}
