//! Takes imports and analyses as jobs, runs them, answers with figures.

mod import;
