//! CSV: a header line that names columns, then a line a row.

use super::{Builder, RowTooLong};
use crate::engine::{BulkBatch, BulkSource, EngineError};
use db_api::{Table, Value};
use std::io::Read;

/// How much is read at a time, in bytes.
const BUFFER: usize = 64 * 1024;

/// Reads CSV. An empty field is NULL; numbers are read for columns of a numeric type, and whatever is no number
/// goes to SQLite as text, which decides by the type of the column.
pub(crate) struct CsvRows<R> {
    reader: csv::Reader<Record<R>>,
    delimiter: u8,
    columns: Vec<String>,
    types: Vec<Reading>,
}

/// How the text of a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Text,
    Integer,
    Real,
}

impl<R: Read + Send> CsvRows<R> {
    /// Reads the header; the types come from the columns of `table`.
    pub(crate) fn open(body: R, delimiter: u8, longest_row: u64, table: &Table) -> Result<Self, EngineError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(Record {
                body,
                kept: Vec::new(),
                begins: 0,
                offset: 0,
                line: 1,
                longest: longest_row,
                body_ended: false,
            });
        let header = reader
            .headers()
            .map_err(|why| cannot_be_read("the header line", &why))?;
        let columns: Vec<String> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if columns.iter().all(String::is_empty) {
            return Err(EngineError::Invalid(
                "the body is empty; the first line must name the columns".to_owned(),
            ));
        }
        let types = columns
            .iter()
            .map(|name| {
                let column = table
                    .columns
                    .iter()
                    .find(|column| column.name.eq_ignore_ascii_case(name));
                column.map_or(Reading::Text, |column| Reading::of_type(&column.declared_type))
            })
            .collect();
        let end = reader.position().clone();
        reader.get_mut().next_begins_at(&end);
        Ok(Self {
            reader,
            delimiter,
            columns,
            types,
        })
    }
}

fn cannot_be_read(what: &str, why: &csv::Error) -> EngineError {
    if let csv::ErrorKind::Io(cause) = why.kind()
        && let Some(row) = cause
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<RowTooLong>())
    {
        return (*row).into();
    }
    EngineError::Invalid(format!("{what} cannot be read: {why}"))
}

/// Hands a body on and keeps the bytes of the record that is being read. The CSV reader's own position is where the
/// record before has ended, which is not where the next begins: the rest of a line end and blank lines are between them.
struct Record<R> {
    body: R,
    kept: Vec<u8>,
    /// Where in `kept` the record before has ended.
    begins: usize,
    /// The same, in the body.
    offset: u64,
    /// The line that is there.
    line: u64,
    /// How long a record may be, in bytes.
    longest: u64,
    /// Whether there is no more.
    body_ended: bool,
}

impl<R: Read> Read for Record<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.kept.drain(..self.begins);
        self.begins = 0;
        if self.kept.len() as u64 > self.longest {
            return Err(std::io::Error::other(RowTooLong {
                line: self.first_line(),
                limit: self.longest,
            }));
        }
        let read = self.body.read(buffer)?;
        self.body_ended = read == 0;
        self.kept.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

impl<R> Record<R> {
    /// The line on which the record begins.
    fn first_line(&self) -> u64 {
        let ends = self.kept[self.begins..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        self.line + ends.filter(|byte| **byte == b'\n').count() as u64
    }

    /// The bytes of the record, which has ended at `end`.
    fn bytes(&self, end: &csv::Position) -> &[u8] {
        let length = usize::try_from(end.byte() - self.offset).unwrap_or(usize::MAX);
        &self.kept[self.begins..self.kept.len().min(self.begins + length)]
    }

    /// The record has ended at `end`.
    fn next_begins_at(&mut self, end: &csv::Position) {
        self.begins += self.bytes(end).len();
        self.offset = end.byte();
        self.line = end.line();
    }
}

/// Whether a record ends within quotes.
fn is_open(record: &[u8], delimiter: u8) -> bool {
    let mut quoted = false;
    let mut field_begins = true;
    for byte in record {
        if quoted {
            // A doubled quote ends the field and begins it again.
            quoted = *byte != b'"';
            field_begins = !quoted;
        } else {
            quoted = *byte == b'"' && field_begins;
            field_begins = *byte == delimiter || matches!(byte, b'\r' | b'\n');
        }
    }
    quoted
}

impl Reading {
    /// By SQLite's rules of affinity (<https://www.sqlite.org/datatype3.html>).
    fn of_type(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR")
            || has("CLOB")
            || has("TEXT")
            || has("BLOB")
            || declared.is_empty()
            || declared == "ANY"
        {
            Self::Text
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Integer
        }
    }

    fn read(self, field: &str) -> Value {
        if field.is_empty() {
            return Value::Null;
        }
        match self {
            Self::Text => Value::Text(field.to_owned()),
            Self::Integer => integer(field).map_or_else(|| Value::Text(field.to_owned()), Value::Integer),
            Self::Real => real(field).map_or_else(|| Value::Text(field.to_owned()), Value::Real),
        }
    }
}

/// A whole number of up to 18 digits; longer ones are SQLite's to judge.
fn integer(field: &str) -> Option<i64> {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { field.parse().ok() } else { None }
}

/// A decimal number, or an infinity as our own CSV writes it.
fn real(field: &str) -> Option<f64> {
    match field {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if field
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')) =>
        {
            field.parse().ok()
        }
        _ => None,
    }
}

impl<R: Read + Send> BulkSource for CsvRows<R> {
    fn read(mut self: Box<Self>, emit: &mut dyn FnMut(BulkBatch) -> bool) -> Result<(), EngineError> {
        let mut builder = Builder::default();
        builder.batch.new_shapes.push(self.columns.clone());
        builder.batch.has_header = true;
        let mut record = csv::ByteRecord::new();
        let width = self.columns.len();
        while self
            .reader
            .read_byte_record(&mut record)
            .map_err(|why| cannot_be_read("the body", &why))?
        {
            let end = self.reader.position().clone();
            let line = self.reader.get_ref().first_line();
            // What ends within quotes ends with the body.
            let open = self.reader.get_ref().body_ended
                && is_open(self.reader.get_ref().bytes(&end), self.delimiter);
            self.reader.get_mut().next_begins_at(&end);
            let start = builder.mark();
            if open {
                let reason =
                    "a quote is opened and never closed: the rest of the body belongs to it".to_owned();
                let column = self.columns.get(record.len().saturating_sub(1)).cloned();
                builder.unreadable(line, column, reason, start);
            } else if record.len() == width {
                let mut bad = None;
                for (index, field) in record.iter().enumerate() {
                    let Ok(text) = std::str::from_utf8(field) else {
                        bad = Some(index);
                        break;
                    };
                    builder.push(self.types[index].read(text));
                }
                match bad {
                    None => builder.row(line, 0, start),
                    Some(index) => {
                        let reason = "the text is not UTF-8; save the file as UTF-8".to_owned();
                        builder.unreadable(line, Some(self.columns[index].clone()), reason, start);
                    }
                }
            } else {
                let reason = format!("{} fields where the header has {width}", record.len());
                builder.unreadable(line, None, reason, start);
            }
            if !builder.flush_if_full(emit) {
                return Ok(());
            }
        }
        builder.flush(emit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_knows_its_first_line_whatever_ends_the_lines_before() {
        let lines = |body: &str| {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .buffer_capacity(8)
                .from_reader(Record {
                    body: body.as_bytes(),
                    kept: Vec::new(),
                    begins: 0,
                    offset: 0,
                    line: 1,
                    longest: 1_000,
                    body_ended: false,
                });
            let mut lines = Vec::new();
            let mut record = csv::ByteRecord::new();
            while reader.read_byte_record(&mut record).unwrap() {
                lines.push(reader.get_ref().first_line());
                let end = reader.position().clone();
                reader.get_mut().next_begins_at(&end);
            }
            lines
        };

        assert_eq!(lines("a,b\nc\n\n\nd\n"), [1, 2, 5]);
        assert_eq!(lines("a,b\r\nc\r\n\r\nd"), [1, 2, 4]);
        assert_eq!(lines("\u{feff}a\r\n\"c\r\nd\",e\r\nf\r\n"), [1, 2, 4]);
        assert_eq!(lines("\n\na,\"b\n\n\"\nc\n"), [3, 6]);
    }

    #[test]
    fn a_record_that_ends_within_quotes_is_told() {
        for open in ["\"", "a,\"b", "\na,\"b\"\"", "\"a\",\"b\nc"] {
            assert!(is_open(open.as_bytes(), b','), "{open}");
        }
        for closed in ["", "\"\"", "5\",6", "\"a\"\"b\"", "\"a\"b\",c", "a;\"b"] {
            assert!(!is_open(closed.as_bytes(), b','), "{closed}");
        }
    }

    #[test]
    fn only_what_surely_is_a_number_is_read_as_one() {
        assert_eq!(Reading::Integer.read("-42"), Value::Integer(-42));
        assert_eq!(Reading::Integer.read("1 234"), Value::Text("1 234".into()));
        assert_eq!(Reading::Integer.read("12.5"), Value::Text("12.5".into()));
        assert_eq!(Reading::Real.read("12.5"), Value::Real(12.5));
        assert_eq!(Reading::Real.read("nan"), Value::Text("nan".into()));
        assert_eq!(Reading::Text.read("007"), Value::Text("007".into()));
        assert_eq!(Reading::Text.read(""), Value::Null);
    }
}
