//! Answers as JSON, written straight from SQLite's memory.

use crate::engine::{Cell, Description, Effect};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use db_api::ColumnHead;

pub(super) use crate::answer::json::{push_json, push_ms};

/// Appends a value.
pub(super) fn push_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"{\"type\":\"null\"}"),
        Cell::Integer(value) => {
            out.extend_from_slice(b"{\"type\":\"integer\",\"value\":\"");
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            out.extend_from_slice(b"\"}");
        }
        // What is not finite has no place in the protocol; serde writes null for it.
        Cell::Real(value) => {
            out.extend_from_slice(b"{\"type\":\"float\",\"value\":");
            push_json(out, &value);
            out.push(b'}');
        }
        Cell::Text(bytes) => {
            out.extend_from_slice(b"{\"type\":\"text\",\"value\":");
            match std::str::from_utf8(bytes) {
                Ok(text) => push_json(out, text),
                Err(_) => push_json(out, String::from_utf8_lossy(bytes).as_ref()),
            }
            out.push(b'}');
        }
        Cell::Blob(bytes) => {
            out.extend_from_slice(b"{\"type\":\"blob\",\"base64\":\"");
            let start = out.len();
            let length = base64::encoded_len(bytes.len(), false).unwrap_or_default();
            out.resize(start + length, 0);
            let written = STANDARD_NO_PAD.encode_slice(bytes, &mut out[start..]);
            debug_assert_eq!(written, Ok(length));
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Appends a row as an array.
pub(super) fn push_row(out: &mut Vec<u8>, cells: &[Cell<'_>]) {
    out.push(b'[');
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_cell(out, *cell);
    }
    out.push(b']');
}

/// Appends columns as an array.
pub(super) fn push_columns(out: &mut Vec<u8>, columns: &[ColumnHead]) {
    out.push(b'[');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        push_json(out, &column.name);
        out.extend_from_slice(b",\"decltype\":");
        push_json(out, &column.declared_type);
        out.push(b'}');
    }
    out.push(b']');
}

/// Appends what follows the rows of a result, its end included.
pub(super) fn push_effect(out: &mut Vec<u8>, effect: &Effect, rows: u64) {
    out.extend_from_slice(b",\"affected_row_count\":");
    push_number(out, effect.rows_affected);
    out.extend_from_slice(b",\"last_insert_rowid\":");
    match effect.last_insert_rowid {
        Some(rowid) => {
            out.push(b'"');
            push_number(out, rowid);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"replication_index\":null,\"rows_read\":");
    push_number(out, rows);
    out.extend_from_slice(b",\"rows_written\":");
    push_number(out, effect.rows_affected);
    out.extend_from_slice(b",\"query_duration_ms\":");
    push_ms(out, effect.ran);
    out.push(b'}');
}

/// Appends the result of `describe`.
pub(super) fn push_description(out: &mut Vec<u8>, description: &Description) {
    out.extend_from_slice(b"{\"params\":[");
    for (index, name) in description.params.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        push_json(out, name);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"cols\":");
    push_columns(out, &description.columns);
    out.extend_from_slice(b",\"is_explain\":");
    push_json(out, &description.is_explain);
    out.extend_from_slice(b",\"is_readonly\":");
    push_json(out, &description.is_readonly);
    out.push(b'}');
}

/// Appends a number.
pub(super) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        push_cell(&mut out, cell);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_are_digits_and_blobs_have_no_padding() {
        assert_eq!(
            json(Cell::Integer(i64::MIN)),
            r#"{"type":"integer","value":"-9223372036854775808"}"#
        );
        assert_eq!(json(Cell::Blob(b"a")), r#"{"type":"blob","base64":"YQ"}"#);
    }

    #[test]
    fn floats_that_json_cannot_hold_are_null() {
        assert_eq!(
            json(Cell::Real(f64::INFINITY)),
            r#"{"type":"float","value":null}"#
        );
        assert_eq!(json(Cell::Real(-0.0)), r#"{"type":"float","value":-0.0}"#);
    }
}
