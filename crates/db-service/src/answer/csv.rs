//! Rows as CSV (RFC 4180, but lines end with LF).
//!
//! NULL is an empty field and an empty text is `""`. Blobs are base64, infinite reals `Infinity` and `-Infinity`. What is
//! exported so comes back as it was into a `STRICT` table whose columns have a type each. Tagged, every field says itself
//! what it is, for all tables: numbers stand without quotes and texts within them, blobs are `{"$blob":"<base64>"}`, and
//! texts that are not UTF-8, or that begin like a tag, `{"$text":"<base64>"}`.

use crate::engine::Cell;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use db_api::{ColumnHead, ValueForm};

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
pub(crate) fn push_row(out: &mut Vec<u8>, cells: &[Cell<'_>], values: ValueForm) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match *cell {
            // A blank line is a row to our own reader when there is one column only.
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
            Cell::Text(bytes) if values == ValueForm::Plain => push_text(out, bytes),
            Cell::Text(bytes) if bytes.starts_with(b"{\"$") || std::str::from_utf8(bytes).is_err() => {
                push_tagged(out, "$text", bytes);
            }
            Cell::Text(bytes) => push_quoted(out, bytes),
            Cell::Blob(bytes) if values == ValueForm::Tagged => push_tagged(out, "$blob", bytes),
            Cell::Blob(b"") => out.extend_from_slice(b"\"\""),
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
    } else {
        push_quoted(out, text);
    }
}

/// Appends bytes that say themselves what they are.
fn push_tagged(out: &mut Vec<u8>, tag: &str, bytes: &[u8]) {
    out.extend_from_slice(b"\"{\"\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\"\":\"\"");
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.extend_from_slice(b"\"\"}\"");
}

/// Appends a text in quotes.
fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
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
            &[
                Cell::Null,
                Cell::Text(b""),
                Cell::Text(b"a \"b\", c"),
                Cell::Blob(b""),
            ],
            ValueForm::Plain,
        );

        assert_eq!(out, b",\"\",\"a \"\"b\"\", c\",\"\"\n");
    }

    #[test]
    fn tagged_fields_say_themselves_what_they_are() {
        let mut out = Vec::new();
        push_row(
            &mut out,
            &[
                Cell::Text(b"5"),
                Cell::Integer(5),
                Cell::Real(5.0),
                Cell::Blob(b"\x01"),
                Cell::Text(b"{\"$blob\":\"\"}"),
            ],
            ValueForm::Tagged,
        );

        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"5\",5,5.0,\"{\"\"$blob\"\":\"\"AQ==\"\"}\",\"{\"\"$text\"\":\"\"eyIkYmxvYiI6IiJ9\"\"}\"\n"
        );
    }
}
