//! What we build on: licences, where it is from, and what is there twice.
//!
//! Advisories are not looked up here, as that needs the network: `cargo deny check advisories` does.

use journeys::{cargo_duplicates, cargo_packages};
use spdx::{Expression, ParseMode};
use std::collections::{BTreeMap, BTreeSet};

/// Licences that let anybody use, change and pass on the program, with the notice that `NOTICE` gives.
const LICENCES: [&str; 11] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What a build for Linux has in several versions, and who asks for which.
const DUPLICATES: [(&str, &str); 22] = [
    ("base64", "`headers` takes 0.22, `hyper-util` and `reqwest` 0.23"),
    ("constant_time_eq", "`blake3` takes 0.4, `zip` 0.6"),
    (
        "cpufeatures",
        "`sha1` and `sha2` take 0.2, `blake3` and `rand` 0.3",
    ),
    (
        "darling",
        "macros of `plotly`, `serde_with` and `derive_builder`; nothing of it is in a program",
    ),
    ("darling_core", "see `darling`"),
    ("darling_macro", "see `darling`"),
    ("getrandom", "`ring` takes 0.2, we 0.3, `rand` 0.10 and `zip` 0.4"),
    ("lock_api", "see `parking_lot`"),
    (
        "nalgebra",
        "`augurs-prophet` takes 0.33 by way of `statrs`, `augurs-ets` 0.35",
    ),
    (
        "parking_lot",
        "`prometheus` takes 0.12, `r2d2` by way of its pool of threads 0.13",
    ),
    ("parking_lot_core", "see `parking_lot`"),
    (
        "rand",
        "`augurs` takes 0.8, `tungstenite` (in tests) 0.9, `plotly`, `basin` and `proptest` 0.10",
    ),
    ("rand_chacha", "see `rand`"),
    ("rand_core", "see `rand`"),
    ("rand_distr", "`augurs-ets` takes 0.4, `basin` 0.6"),
    ("safe_arch", "see `nalgebra`"),
    ("simba", "see `nalgebra`"),
    ("strum", "`croner` takes 0.27, `jsonschema` (in tests) 0.28"),
    ("strum_macros", "see `strum`"),
    ("syn", "macros are between 2 and 3; nothing of it is in a program"),
    ("tower-http", "`reqwest` takes 0.6, we 0.7"),
    ("wide", "see `nalgebra`"),
];

#[test]
fn every_dependency_has_a_licence_that_passes_on() {
    let packages = cargo_packages();
    assert!(packages.len() > 100, "{} packages", packages.len());

    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        let expression = Expression::parse_mode(licence, ParseMode::LAX)
            .unwrap_or_else(|why| panic!("the licence of {name} is no expression: `{licence}`: {why}"));
        let allowed = expression.evaluate(|asked| {
            let id = asked.license.id().map(|id| id.name);
            id.is_some_and(|id| LICENCES.contains(&id)) && asked.addition.is_none()
        });
        assert!(allowed, "{name} is under `{licence}`");
    }
}

#[test]
fn every_dependency_is_from_crates_io() {
    for package in cargo_packages() {
        let (name, source) = (&package["name"], &package["source"]);
        let ours = source.is_null()
            && package["manifest_path"]
                .as_str()
                .unwrap()
                .starts_with(journeys::repository().to_str().unwrap());
        let from_registry = source == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(ours || from_registry, "{name} is from {source}");
    }
}

#[test]
fn what_is_there_twice_has_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in cargo_duplicates("x86_64-unknown-linux-gnu") {
        versions.entry(name).or_default().insert(version);
    }
    // One version that is built for the host and for the target is one.
    versions.retain(|_, versions| versions.len() > 1);
    let found: BTreeSet<&str> = versions.keys().map(String::as_str).collect();
    let known = BTreeSet::from(DUPLICATES.map(|(name, _)| name));

    let new: Vec<_> = found
        .difference(&known)
        .map(|name| (name, &versions[*name]))
        .collect();
    let gone: Vec<_> = known.difference(&found).collect();

    assert!(new.is_empty(), "agree on one version, or say why not: {new:#?}");
    assert!(gone.is_empty(), "there once now, take them out: {gone:?}");
}
