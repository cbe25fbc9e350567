//! The settings in `docs/limits.md`, held against those of the services.

use clap::CommandFactory as _;
use std::fmt::Write as _;
use std::path::Path;

/// Set by who wants the tables taken anew: they are written instead of compared.
const RECORD: &str = "COMPTOIR_RECORD_SETTINGS";

/// A row for each setting: flag, variable, default, and what the service's own help says.
fn table(command: &clap::Command) -> String {
    let mut table = "| flag | variable | default | what it sets |\n| --- | --- | --- | --- |\n".to_owned();
    for argument in command.get_arguments() {
        let Some(variable) = argument.get_env() else {
            continue; // --help and --version
        };
        let flag = argument.get_long().unwrap();
        let defaults = argument.get_default_values();
        let default = match defaults.first() {
            _ if !argument.get_action().takes_values() => "off".to_owned(),
            Some(default) => format!("`{}`", default.display()),
            None => "none".to_owned(),
        };
        let help = argument
            .get_long_help()
            .or_else(|| argument.get_help())
            .unwrap()
            .to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let stop = if help.ends_with('.') { "" } else { "." };
        writeln!(
            table,
            "| `--{flag}` | `{}` | {default} | {help}{stop} |",
            variable.display()
        )
        .unwrap();
    }
    table
}

#[test]
fn the_page_of_limits_has_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for (service, command) in [
        ("db-service", db_service::Config::command()),
        ("script-service", script_service::Config::command()),
        ("dashboard-service", dashboard_service::Config::command()),
    ] {
        let heading = format!("## {service}\n\n");
        let start = expected.find(&heading).unwrap() + heading.len();
        let end = start + expected[start..].find("\n\n").unwrap() + 1;
        expected.replace_range(start..end, &table(&command));
    }

    if std::env::var_os(RECORD).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == expected,
        "docs/limits.md is out of date; make its tables again: {RECORD}=1 cargo test -p comptoir documented_settings"
    );
}
