//! The pages in a real browser, on real services: db-service, script-service, dashboard-service.
//!
//! Skipped with a word where there is no Chromium; `COMPTOIR_REQUIRE_BROWSER=1` makes that a failure. Pictures
//! of the pages are left in `target/tmp/dashboard`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod browser;
mod figures;
mod filters;
mod forecasts;
mod imports;
mod pages;
mod pictures;
mod stage;
mod states;
mod weight;
