//! script-service over HTTP, on a real db-service.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod analyses;
mod exports;
mod forecasts;
mod housekeeping;
mod imports;
mod jobs;
mod joined;
mod keys;
mod killed;
mod negotiation;
mod outages;
mod poison;
mod previews;
mod problems;
mod reading;
mod replays;
mod schedules;
mod schema;
mod secrets;
mod support;
mod undo;
mod waits;
mod windows;
mod workbooks;
