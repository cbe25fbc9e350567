//! Data made by the program itself, the same on every machine.
//!
//! - [`sample`]: the small data set in `data/`, built to reproduce a published table of results.
//! - [`sales`]: sales of any length, for benchmarks.
//!
//! Both draw from one seeded generator (`prng`) and calculate in integers only, so that their bytes depend on
//! nothing but their arguments.

mod calendar;
mod output;
mod prng;
pub mod sales;
pub mod sample;

pub use output::{WriteError, WrittenFile};
