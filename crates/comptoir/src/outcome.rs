//! How a command ends, and the exit codes.

/// How a command ended when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it is done.
    Done,
    /// The import is done, and some records were not taken.
    SomeRejected,
}
