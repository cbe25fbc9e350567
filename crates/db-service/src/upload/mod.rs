//! Bodies of bulk inserts: kept on disk until they are whole, then read row by row.
//!
//! A body is inserted only when all of it is there, so a slow uploader holds nothing but a file.

mod affinity;
mod csv;
mod json;
mod spool;

pub(crate) use csv::CsvRows;
pub(crate) use json::{JsonRows, NdjsonRows};
pub(crate) use spool::{Coding, Spool, Unpacked};

use crate::engine::{BulkBatch, BulkRow, EngineError};
use db_api::{RowError, Value};

/// How many rows make a batch.
const BATCH_ROWS: usize = 1_000;
/// How large the texts and blobs of a batch may be in all before it is handed on, in bytes.
const BATCH_BYTES: usize = 1 << 20;
/// Errors of a batch that are described; the others are only counted.
const DESCRIBED: usize = 100;

/// Collects rows into batches.
#[derive(Default)]
struct Builder {
    batch: BulkBatch,
    /// Size of its texts and blobs.
    bytes: usize,
}

impl Builder {
    /// Adds a value to the row that is being read.
    fn push(&mut self, value: Value) {
        self.bytes += match &value {
            Value::Text(text) => text.len(),
            Value::RawText(bytes) | Value::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        self.batch.values.push(value);
    }

    /// Where the values of the next row begin.
    fn mark(&self) -> usize {
        self.batch.values.len()
    }

    /// The values since `start` are a row.
    fn row(&mut self, line: u64, shape: usize, start: usize) {
        self.batch.rows.push(BulkRow { line, shape, start });
    }

    /// The values since `start` are no row.
    fn unreadable(&mut self, line: u64, column: Option<String>, reason: String, start: usize) {
        self.batch.values.truncate(start);
        self.batch.unreadable_count += 1;
        if self.batch.unreadable.len() < DESCRIBED {
            self.batch.unreadable.push(RowError { line, column, reason });
        }
    }

    /// Hands the batch on when it is full; false when nobody wants more.
    fn flush_if_full(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> bool {
        let full = self.batch.rows.len() + self.batch.unreadable.len() >= BATCH_ROWS
            || self.batch.values.len() >= BATCH_ROWS * 64
            || self.bytes >= BATCH_BYTES;
        !full || self.flush(emit)
    }

    /// Hands the batch on; false when nobody wants more.
    fn flush(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> bool {
        self.bytes = 0;
        emit(std::mem::take(&mut self.batch))
    }
}

/// Why a body cannot be read on.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BodyFault {
    /// It is too large, or becomes so when it is unpacked.
    #[error("the body is larger than {limit} bytes (max_bulk_bytes); nothing was written")]
    TooLarge { limit: u64 },
    /// It is not compressed as it says.
    #[error("the body cannot be decompressed: {0}; nothing was written")]
    Packed(String),
    /// Nobody waits for it any more, or for too long.
    #[error("{0}")]
    Stopped(EngineError),
    /// A row of it is too long.
    #[error("{0}")]
    Row(RowTooLong),
}

impl From<BodyFault> for EngineError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge { .. } => Self::TooLarge(fault.to_string()),
            BodyFault::Packed(_) => Self::Invalid(fault.to_string()),
            BodyFault::Stopped(reason) => reason,
            BodyFault::Row(row) => row.into(),
        }
    }
}

/// The fault of a body that `cause` tells of; `None` when it is none of the body.
fn fault(cause: &std::io::Error) -> Option<EngineError> {
    let fault: &BodyFault = cause.get_ref()?.downcast_ref()?;
    Some(fault.clone().into())
}

/// Why a body cannot be read.
fn cannot_be_read(cause: &std::io::Error) -> EngineError {
    fault(cause).unwrap_or_else(|| EngineError::from_disk(cause))
}

/// A row that is longer than a request may be.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the row that begins on line {line} is longer than {limit} bytes (max_body_bytes)")]
pub(crate) struct RowTooLong {
    line: u64,
    limit: u64,
}

impl From<RowTooLong> for EngineError {
    fn from(row: RowTooLong) -> Self {
        Self::TooLarge(row.to_string())
    }
}
