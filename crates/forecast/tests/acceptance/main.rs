//! The crate against what Python's libraries say of public series, and against degenerate input.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod baselines;
mod degenerate;
mod prophet;
mod references;
mod request;
mod sample;
mod statsmodels;
