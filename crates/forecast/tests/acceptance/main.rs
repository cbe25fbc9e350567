//! The crate against what Python's libraries say of public series, and against degenerate input.

mod baselines;
mod degenerate;
mod prophet;
mod references;
mod request;
mod sample;
mod statsmodels;
