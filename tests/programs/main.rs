//! What needs a program from outside: the tours need curl, the SDKs and the tools that read the contract Node.js and
//! Python.
//!
//! Without the program a test counts as ignored; `CI` (the tours), `COMPTOIR_REQUIRE_SDKS=1` and
//! `COMPTOIR_REQUIRE_CONTRACT_TOOLS=1` make that a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract_tools;
mod sdks;
mod tours;

use journeys::Program;
use std::process::ExitCode;
use test_kit::{Need, Trials, find_program, trials};

fn main() -> ExitCode {
    let no_curl = find_program(&["curl"])
        .is_none()
        .then(|| "curl is not installed".to_owned());
    let curl = Need::new(no_curl, "CI");
    let mut all = Trials::default()
        .and(trials!(Need::new(None, "CI"); tours: [
            an_ellipsis_stands_for_anything,
            every_document_with_a_tour_is_walked,
        ]))
        .and(trials!(curl; tours: [
            the_six_lines_of_readme_print_what_it_says,
            every_line_of_the_tour_prints_what_it_says,
            the_command_line_prints_what_its_document_says,
            forecasts_come_out_as_their_document_says,
        ]));
    let tools = Need::new(contract_tools::missing(), "COMPTOIR_REQUIRE_CONTRACT_TOOLS");
    all = all.and(trials!(tools; contract_tools: [
        redocly_finds_nothing,
        the_specification_is_kept,
        a_generated_client_reaches_every_route,
        a_fuzzer_finds_nothing_in_db_service,
        a_fuzzer_finds_nothing_in_script_service,
    ]));
    for sdk in sdks::SDKS {
        let need = Need::new(sdk.missing(), "COMPTOIR_REQUIRE_SDKS");
        all = all.and(vec![
            need.trial(&format!("sdks::{}_works", sdk.name), move || sdk.run()),
        ]);
    }
    all.run()
}

/// The program, built with these tests.
fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_comptoir-under-test"))
}
