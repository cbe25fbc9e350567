//! Why a source cannot be read at all, in words that say what to do.

use crate::header::{self, MappingError};
use crate::magic::Foreign;
use std::io;

/// Why a source cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Nothing is in it.
    #[error("the source is empty: not even a header")]
    Empty,
    /// An option cannot be.
    #[error("{0}")]
    Options(String),
    /// The headers do not fit the table.
    #[error("{0}")]
    Mapping(#[from] MappingError),
    /// The same, where another delimiter might make others of them.
    #[error(
        "{error}; so it is with {delimiter} between fields: `mapping` says which header stands for what, `delimiter` what else divides them"
    )]
    Headers {
        /// What does not fit.
        error: MappingError,
        /// The delimiter that was taken, in words.
        delimiter: String,
    },
    /// Most records are not as wide as the header.
    #[error(
        "with {delimiter} between fields, {wrong} of {records} records have another number of fields than the header, which has {width}; the first is on line {line}; `delimiter`, `quote` and `skip_lines` say how to read them"
    )]
    NotATable {
        /// The delimiter that was taken, in words.
        delimiter: String,
        /// How many records are not as wide.
        wrong: u64,
        /// How many there are.
        records: u64,
        /// The number of headers.
        width: usize,
        /// The line of the first that is not.
        line: u64,
    },
    /// The members of objects do not fit the table.
    #[error(
        "{0}; a JSON source is an array of objects, such an array inside an object, or objects one after the other"
    )]
    Objects(MappingError),
    /// Several files are packed together, or none; their names.
    #[error("the archive holds {}; send the one that is meant", files(.0))]
    Zip(Vec<String>),
    /// A packed source is packed again.
    #[error("the source is packed more than once; unpack it before it is sent")]
    PackedTwice,
    /// It is a file of another kind.
    #[error("this is {}: {}", .0.what, .0.advice)]
    NoTable(Foreign),
    /// The format that the request names is not that of the source.
    #[error(
        "`format` says one thing, the source is another: leave `format` out and it is told by its content"
    )]
    OtherFormat,
    /// Reading it failed.
    #[error("the source cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl SurveyError {
    /// Whether another dialect might do better.
    pub(super) fn is_of_dialect(&self) -> bool {
        matches!(self, Self::Headers { .. } | Self::NotATable { .. })
    }
}

/// The names of an archive's files in a sentence.
fn files(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names {
        [] => "no file".to_owned(),
        _ if names.len() > SHOWN => format!(
            "{} files, {} among them",
            names.len(),
            header::list(&names[..SHOWN])
        ),
        _ => format!("{} files ({})", names.len(), header::list(names)),
    }
}
