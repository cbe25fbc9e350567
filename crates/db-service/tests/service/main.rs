//! db-service as its callers meet it: a real service, over HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "what a test's helper does not get, its test has failed to get"
)]

mod backups;
mod bulk;
mod cases;
mod clock;
mod control;
mod hardening;
mod hrana;
mod http;
mod log_growth;
mod matrix;
mod memory;
mod negotiation;
mod nul;
mod operations;
mod preconditions;
mod program;
mod rehearsals;
mod requests;
mod rights;
mod round_trip;
mod schema;
mod schema_changes;
mod shares;
mod short_statements;
mod spools;
mod statements;
mod streams;
mod values;
mod writes;
