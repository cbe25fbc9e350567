//! Rows as JSON, in one piece.

use super::kept::Kept;
use crate::engine::{Cell, EngineError, Halt, RowSink, Timing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use db_api::{ColumnHead, ValueForm};
use std::time::Duration;
use tokio::sync::oneshot;

/// The largest integer that a double holds together with all smaller ones.
const EXACT_IN_A_DOUBLE: u64 = (1 << 53) - 1;

/// Appends a value.
pub(crate) fn push_cell(out: &mut Vec<u8>, cell: Cell<'_>, form: ValueForm) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Integer(value) => {
            let tagged = form == ValueForm::Tagged && value.unsigned_abs() > EXACT_IN_A_DOUBLE;
            if tagged {
                out.extend_from_slice(b"{\"$integer\":\"");
            }
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            if tagged {
                out.extend_from_slice(b"\"}");
            }
        }
        Cell::Real(value) if value.is_finite() => push_json(out, &value),
        Cell::Real(value) if value.is_nan() => out.extend_from_slice(b"null"),
        Cell::Real(value) => out.extend_from_slice(if value > 0.0 {
            b"{\"$real\":\"Infinity\"}".as_slice()
        } else {
            b"{\"$real\":\"-Infinity\"}".as_slice()
        }),
        Cell::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => push_json(out, text),
            Err(_) => push_base64(out, "$text", bytes),
        },
        Cell::Blob(bytes) => push_base64(out, "$blob", bytes),
    }
}

/// Appends a row as an array.
pub(crate) fn push_row(out: &mut Vec<u8>, cells: &[Cell<'_>], form: ValueForm) {
    out.push(b'[');
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_cell(out, *cell, form);
    }
    out.push(b']');
}

/// Appends what serde writes.
pub(crate) fn push_json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Writing to memory fails only for maps without text keys, which are never written here.
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok());
}

/// Appends a duration in milliseconds, to the microsecond.
pub(crate) fn push_ms(out: &mut Vec<u8>, duration: Duration) {
    let micros = duration.as_micros();
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(micros / 1_000).as_bytes());
    out.push(b'.');
    let rest = micros % 1_000;
    out.extend([
        b'0' + (rest / 100) as u8,
        b'0' + (rest / 10 % 10) as u8,
        b'0' + (rest % 10) as u8,
    ]);
}

fn push_base64(out: &mut Vec<u8>, tag: &str, bytes: &[u8]) {
    push_tag(out, tag);
    let start = out.len();
    let length = base64::encoded_len(bytes.len(), true).unwrap_or_default();
    out.resize(start + length, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(length));
    out.extend_from_slice(b"\"}");
}

fn push_tag(out: &mut Vec<u8>, tag: &str) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\":\"");
}

/// Rows of one statement as members of a JSON object, within limits.
#[derive(Debug)]
pub(crate) struct JsonRows {
    /// What is written so far.
    pub out: Kept,
    form: ValueForm,
    max_rows: u64,
    max_bytes: u64,
    rows: u64,
    truncated: bool,
    began: bool,
}

impl JsonRows {
    /// Nothing yet.
    pub(crate) fn new(form: ValueForm, max_rows: u64, max_bytes: u64) -> Self {
        Self {
            out: Kept::with_capacity(256),
            form,
            max_rows,
            max_bytes,
            rows: 0,
            truncated: false,
            began: false,
        }
    }

    /// `"columns":[..],"rows":[`
    pub(crate) fn columns(&mut self, columns: &[ColumnHead]) {
        self.began = true;
        self.out.extend_from_slice(b"\"columns\":");
        push_json(&mut self.out, columns);
        self.out.extend_from_slice(b",\"rows\":[");
    }

    /// One row, within the limits.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        if self.rows >= self.max_rows {
            self.truncated = true;
            return Err(Halt::Enough);
        }
        if self.rows > 0 {
            self.out.push(b',');
        }
        self.rows += 1;
        push_row(&mut self.out, cells, self.form);
        if self.out.len() as u64 > self.max_bytes {
            return Err(Halt::Failed(EngineError::ResultTooLarge {
                limit_bytes: self.max_bytes,
            }));
        }
        self.out.count().map_err(Halt::Failed)
    }

    /// Takes back what was written from `length` on.
    pub(crate) fn abandon(&mut self, length: usize) {
        self.out.truncate(length);
        self.rows = 0;
        self.truncated = false;
        self.began = false;
    }

    /// `],"row_count":..,"truncated":..`, and room for the next statement.
    pub(crate) fn end(&mut self) {
        if !self.began {
            self.columns(&[]);
        }
        self.out.extend_from_slice(b"],\"row_count\":");
        self.out
            .extend_from_slice(itoa::Buffer::new().format(self.rows).as_bytes());
        self.out.extend_from_slice(if self.truncated {
            b",\"truncated\":true".as_slice()
        } else {
            b",\"truncated\":false".as_slice()
        });
        self.rows = 0;
        self.truncated = false;
        self.began = false;
    }
}

/// The body of `POST /v1/query`, handed over when it is whole.
pub(crate) struct JsonSink {
    rows: JsonRows,
    reply: oneshot::Sender<Result<(Kept, Timing), EngineError>>,
}

impl JsonSink {
    /// A sink and where its body arrives.
    #[expect(clippy::type_complexity, reason = "the receiving half of the sink")]
    pub(crate) fn new(
        form: ValueForm,
        max_rows: u64,
        max_bytes: u64,
    ) -> (Box<Self>, oneshot::Receiver<Result<(Kept, Timing), EngineError>>) {
        let (reply, body) = oneshot::channel();
        let mut rows = JsonRows::new(form, max_rows, max_bytes);
        rows.out.push(b'{');
        (Box::new(Self { rows, reply }), body)
    }
}

impl RowSink for JsonSink {
    fn begin(&mut self, columns: Vec<ColumnHead>, _volatile: bool) -> Result<(), Halt> {
        self.rows.columns(&columns);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows.row(cells)
    }

    fn restart(&mut self) -> bool {
        self.rows.abandon(1);
        true
    }

    fn finish(self: Box<Self>, outcome: Result<Timing, EngineError>) {
        let Self { mut rows, reply } = *self;
        let answer = outcome.map(|timing| {
            rows.end();
            let mut out = rows.out;
            out.extend_from_slice(b",\"elapsed_ms\":");
            push_ms(&mut out, timing.ran);
            out.push(b'}');
            (out, timing)
        });
        // Nobody listens when the client went away.
        let _ = reply.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: Cell<'_>, form: ValueForm) -> String {
        let mut out = Vec::new();
        push_cell(&mut out, cell, form);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_beyond_a_double_are_tagged_when_asked() {
        let edge = (1_i64 << 53) - 1;

        assert_eq!(
            json(Cell::Integer(i64::MIN), ValueForm::Plain),
            "-9223372036854775808"
        );
        assert_eq!(json(Cell::Integer(edge), ValueForm::Tagged), edge.to_string());
        assert_eq!(
            json(Cell::Integer(-edge - 1), ValueForm::Tagged),
            r#"{"$integer":"-9007199254740992"}"#
        );
    }

    #[test]
    fn reals_keep_their_sign_and_their_kind() {
        assert_eq!(json(Cell::Real(-0.0), ValueForm::Plain), "-0.0");
        assert_eq!(json(Cell::Real(1.0), ValueForm::Plain), "1.0");
        assert_eq!(
            json(Cell::Real(f64::NEG_INFINITY), ValueForm::Plain),
            r#"{"$real":"-Infinity"}"#
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_kept_bit_for_bit() {
        assert_eq!(json(Cell::Text(b"\xff"), ValueForm::Plain), r#"{"$text":"/w=="}"#);
        assert_eq!(json(Cell::Text(b"a\0\"b"), ValueForm::Plain), "\"a\\u0000\\\"b\"");
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        let mut out = Vec::new();
        push_ms(&mut out, Duration::from_micros(12_034));

        assert_eq!(out, b"12.034");
    }
}
