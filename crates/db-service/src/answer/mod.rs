//! Answers, written straight from the engine's rows.

pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod stream;
pub(crate) mod write;
