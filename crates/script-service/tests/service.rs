//! script-service over HTTP, on a real db-service.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "service/analyses.rs"]
mod analyses;
#[path = "service/forecasts.rs"]
mod forecasts;
#[path = "service/imports.rs"]
mod imports;
#[path = "service/jobs.rs"]
mod jobs;
#[path = "service/killed.rs"]
mod killed;
#[path = "plain/mod.rs"]
mod plain;
#[path = "service/problems.rs"]
mod problems;
#[path = "service/reading.rs"]
mod reading;
#[path = "service/replays.rs"]
mod replays;
#[path = "service/schedules.rs"]
mod schedules;
#[path = "service/schema.rs"]
mod schema;
#[path = "service/support.rs"]
mod support;
#[path = "service/workbooks.rs"]
mod workbooks;
