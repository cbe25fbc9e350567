//! Rows as CSV (RFC 4180, but lines end with LF).
//!
//! NULL is an empty field and an empty text is `""`. Blobs are base64, infinite reals `Infinity` and `-Infinity`.

use crate::engine::Cell;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use db_api::ColumnHead;

/// Appends the header line.
pub(crate) fn push_header(out: &mut Vec<u8>, columns: &[ColumnHead]) {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_text(out, column.name.as_bytes());
    }
    out.push(b'\n');
}

/// Appends a row.
pub(crate) fn push_row(out: &mut Vec<u8>, cells: &[Cell<'_>]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match *cell {
            // A line of one empty field would be no line to a reader.
            Cell::Null => {}
            Cell::Integer(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Cell::Real(value) if value.is_finite() => super::json::push_json(out, &value),
            Cell::Real(value) if value.is_nan() => {}
            Cell::Real(value) => {
                out.extend_from_slice(if value > 0.0 {
                    b"Infinity".as_slice()
                } else {
                    b"-Infinity"
                });
            }
            Cell::Text(bytes) => push_text(out, bytes),
            Cell::Blob(bytes) => out.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
        }
    }
    out.push(b'\n');
}

/// Appends a text, in quotes when it needs them.
fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    let plain = !text.is_empty()
        && !text
            .iter()
            .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if plain {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for part in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.last() == Some(&b'"') {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_text_differ() {
        let mut out = Vec::new();
        push_row(
            &mut out,
            &[Cell::Null, Cell::Text(b""), Cell::Text(b"a \"b\", c")],
        );

        assert_eq!(out, b",\"\",\"a \"\"b\"\", c\"\n");
    }
}
