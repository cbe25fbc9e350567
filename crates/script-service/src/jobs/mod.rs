//! Jobs: work that was asked for, kept as rows in db-service.
//!
//! | file | what it does |
//! | --- | --- |
//! | `kind` | what a kind of job is: the trait `Job`, and an entry of the registry (`crate::kinds`) |
//! | `context` | what a job has while it runs: progress, signals, why it stops |
//! | `runner` | takes one job after the other and writes down how it ended |
//! | `lease` | signs of life of a running job |
//! | `waits` | what jobs wait for, and since when |
//! | `upload_claims` | idempotency keys of uploads that are coming in |
//!
//! The invariant: nothing about a job is only in memory. A process that dies leaves a row from which
//! another one goes on.

pub(crate) mod context;
pub(crate) mod kind;
mod lease;
pub(crate) mod runner;
pub(crate) mod upload_claims;
pub(crate) mod waits;
