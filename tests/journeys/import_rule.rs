//! Who imports whom, held against `cargo metadata`.

use journeys::{cargo_metadata, read};
use std::collections::{BTreeMap, BTreeSet};

/// Packages that start services, and so may import them.
const STARTERS: [&str; 3] = ["comptoir", "test-kit", "bench"];
/// Packages that import nothing of ours.
const ALONE: [&str; 5] = ["db-api", "forecast", "script-api", "service-kit", "tabular"];

/// From each package to those of ours that it imports: without, and with, what only its tests import.
fn imports() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    packages
        .iter()
        .map(|package| {
            let ours = |with_tests: bool| {
                package["dependencies"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|dependency| with_tests || dependency["kind"] != "dev")
                    .map(|dependency| dependency["name"].as_str().unwrap())
                    .filter(|name| names.contains(name))
                    .map(str::to_owned)
                    .collect()
            };
            (
                package["name"].as_str().unwrap().to_owned(),
                (ours(false), ours(true)),
            )
        })
        .collect()
}

fn is_service(name: &str) -> bool {
    name.ends_with("-service")
}

#[test]
fn services_meet_over_http_only() {
    for (name, (ours, with_tests)) in imports() {
        if STARTERS.contains(&name.as_str()) {
            continue;
        }
        let services: Vec<_> = ours.iter().filter(|ours| is_service(ours)).collect();
        assert!(services.is_empty(), "{name} imports {services:?}");
        // Tests start services through test-kit.
        let services: Vec<_> = with_tests
            .iter()
            .filter(|ours| is_service(ours) && **ours != name)
            .collect();
        assert!(services.is_empty(), "the tests of {name} import {services:?}");
    }
}

#[test]
fn the_lowest_crates_import_nothing_of_ours() {
    let imports = imports();

    for name in ALONE {
        let Some((ours, _)) = imports.get(name) else {
            panic!("there is no {name}");
        };
        assert!(ours.is_empty(), "{name} imports {ours:?}");
    }
}

#[test]
fn a_crate_lives_in_a_folder_of_its_name() {
    let metadata = cargo_metadata();

    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let manifest = package["manifest_path"].as_str().unwrap();
        let expected = match name {
            "journeys" => "tests/Cargo.toml".to_owned(),
            _ => format!("crates/{name}/Cargo.toml"),
        };
        assert!(manifest.ends_with(&expected), "{name} is at {manifest}");
    }
}

#[test]
fn only_db_service_knows_sqlite() {
    let metadata = cargo_metadata();

    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        // Counting the memory of statements, a crate knows SQLite and opens no file.
        if ["db-service", "sqlite-budget", "bench"].contains(&name) {
            continue;
        }
        let knows = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .any(|dependency| dependency["name"] == "rusqlite");
        assert!(!knows, "{name} opens SQLite files itself");
    }
}

#[test]
fn every_crate_is_in_the_table_of_architecture() {
    let page = read("ARCHITECTURE.md");

    for package in cargo_metadata()["packages"].as_array().unwrap() {
        let name = match package["name"].as_str().unwrap() {
            "journeys" => "tests",
            name => name,
        };
        assert!(
            page.contains(&format!("| `{name}` | ")),
            "ARCHITECTURE says nothing of {name}"
        );
    }
}

#[test]
fn a_service_is_a_function_behind_a_short_main() {
    for service in ["db-service", "script-service", "dashboard-service"] {
        let main = read(&format!("crates/{service}/src/main.rs"));
        let lines = main.lines().count();
        assert!(lines <= 12, "the main.rs of {service} has {lines} lines");
        assert!(main.contains("::run"), "{main}");
    }
}
