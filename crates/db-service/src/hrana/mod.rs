//! The Hrana protocol over HTTP in JSON: what the SDKs of libSQL and Turso speak.
//!
//! `proto` is the shape of requests, `encode` of answers, `error` of refusals; `streams` keeps connections between
//! requests; `runner` runs statements on one; `pipeline` and `cursor` are the two kinds of request, `v1`
//! those of version 1, `one_shot` what a stream of one statement comes to, `baton` what names a stream. Invariant: a baton is good for one request, and a
//! stream serves one at a time.

mod baton;
pub(crate) mod cursor;
mod encode;
pub(crate) mod error;
mod one_shot;
pub(crate) mod pipeline;
mod proto;
mod runner;
pub(crate) mod streams;
pub(crate) mod v1;
