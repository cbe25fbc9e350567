//! The outcome of writes as JSON.

use super::json::{JsonRows, push_json, push_ms};
use crate::engine::{Cell, Effect, EngineError, Halt, WriteSink};
use bytes::Bytes;
use db_api::{ColumnHead, ValueForm};
use std::time::Duration;

/// Whether the body is one outcome or a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `POST /v1/execute`.
    One,
    /// `POST /v1/batch`.
    Many {
        /// Whether it is rolled back in the end.
        dry_run: bool,
    },
}

/// Writes [`db_api::ExecuteResult`] or [`db_api::BatchResult`].
pub(crate) struct JsonWrite {
    shape: Shape,
    rows: JsonRows,
    form: ValueForm,
    max_rows: u64,
    max_bytes: u64,
    outcomes: u64,
    rows_affected: u64,
    /// Where the statement that runs begins; what a failing one has written is taken back.
    begins: usize,
}

impl JsonWrite {
    /// Nothing yet.
    pub(crate) fn new(shape: Shape, form: ValueForm, max_rows: u64, max_bytes: u64) -> Self {
        let mut sink = Self {
            shape,
            rows: JsonRows::new(form, max_rows, max_bytes),
            form,
            max_rows,
            max_bytes,
            outcomes: 0,
            rows_affected: 0,
            begins: 0,
        };
        sink.begin();
        sink
    }

    /// Opens the answer.
    fn begin(&mut self) {
        if let Shape::Many { .. } = self.shape {
            self.rows.out.extend_from_slice(b"{\"results\":[");
        }
        self.begins = self.rows.out.len();
    }

    /// Opens the outcome of the next statement.
    fn open(&mut self) {
        if self.rows.out.len() > self.begins {
            return;
        }
        if let Shape::Many { .. } = self.shape {
            if self.outcomes > 0 {
                self.rows.out.push(b',');
            }
            self.rows.out.extend_from_slice(b"{\"ok\":");
        }
        self.rows.out.push(b'{');
    }
}

impl WriteSink for JsonWrite {
    fn reset(&mut self) {
        self.rows = JsonRows::new(self.form, self.max_rows, self.max_bytes);
        self.outcomes = 0;
        self.rows_affected = 0;
        self.begin();
    }

    fn columns(&mut self, columns: Vec<ColumnHead>) -> Result<(), Halt> {
        self.open();
        self.rows.columns(&columns);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows.row(cells)
    }

    fn done(&mut self, effect: Effect) -> Result<(), EngineError> {
        self.rows_affected += effect.rows_affected;
        self.open();
        self.rows.end();
        let out = &mut self.rows.out;
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b",\"rows_affected\":");
        out.extend_from_slice(digits.format(effect.rows_affected).as_bytes());
        out.extend_from_slice(b",\"last_insert_rowid\":");
        match effect.last_insert_rowid {
            Some(id) => out.extend_from_slice(digits.format(id).as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"elapsed_ms\":");
        push_ms(out, effect.ran);
        out.push(b'}');
        if let Shape::Many { .. } = self.shape {
            out.push(b'}');
        }
        self.outcomes += 1;
        self.begins = out.len();
        Ok(())
    }

    fn failed(&mut self, error: &EngineError) {
        self.rows.abandon(self.begins);
        if self.outcomes > 0 {
            self.rows.out.push(b',');
        }
        self.rows.out.extend_from_slice(b"{\"error\":");
        push_json(&mut self.rows.out, &crate::error::problem(error));
        self.rows.out.push(b'}');
        self.outcomes += 1;
        self.begins = self.rows.out.len();
    }

    fn rows_affected(&self) -> u64 {
        self.rows_affected
    }

    fn body(&mut self, ran: Duration) -> Bytes {
        let mut out = std::mem::take(&mut self.rows.out);
        if let Shape::Many { dry_run } = self.shape {
            out.extend_from_slice(b"],\"dry_run\":");
            out.extend_from_slice(if dry_run {
                b"true".as_slice()
            } else {
                b"false".as_slice()
            });
            out.extend_from_slice(b",\"elapsed_ms\":");
            push_ms(&mut out, ran);
            out.push(b'}');
        }
        out.into()
    }
}
