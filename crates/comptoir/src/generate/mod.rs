//! Data made by the program itself, the same on every machine.
//!
//! - [`sample`]: the small data set in `data/`, built to reproduce a published table of results.
//!
//! It draws from a seeded generator (`prng`) and calculates in integers only, so that its bytes depend on
//! nothing but its code.

mod calendar;
mod output;
mod prng;
pub mod sample;

pub use output::{WriteError, WrittenFile};
