//! What needs something from outside: a C compiler, to make calls of the system fail, and the right to mount a small
//! disk.
//!
//! Without it a test counts as ignored; `COMPTOIR_REQUIRE_FAULTS=1` makes that a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod full_disk;
mod program;

use std::process::ExitCode;
use test_kit::{Need, Trials, trials};

const REQUIRED_BY: &str = "COMPTOIR_REQUIRE_FAULTS";

fn main() -> ExitCode {
    Trials::default()
        .and(trials!(Need::new(faults::missing(), REQUIRED_BY); faults: [
            an_error_of_the_disk_at_any_call_loses_nothing_that_was_acknowledged,
            a_disk_that_is_full_at_any_call_loses_nothing_that_was_acknowledged,
            a_disk_that_stays_full_is_told_and_reads_go_on,
        ]))
        .and(trials!(Need::new(full_disk::missing(), REQUIRED_BY); full_disk: [
            a_full_disk_is_507_everywhere_and_passes_when_there_is_room,
        ]))
        .run()
}
