//! CSV: a header line that names columns, then a line a row.

use super::Builder;
use crate::engine::{BulkBatch, BulkSource, EngineError};
use db_api::{Table, Value};
use std::io::Read;

/// Reads CSV. An empty field is NULL; numbers are read for columns of a numeric type, and whatever is no number
/// goes to SQLite as text, which decides by the type of the column.
pub(crate) struct CsvRows<R> {
    reader: csv::Reader<R>,
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
    pub(crate) fn open(body: R, delimiter: u8, table: &Table) -> Result<Self, EngineError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(body);
        let header = reader
            .headers()
            .map_err(|why| EngineError::Invalid(format!("the header line cannot be read: {why}")))?;
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
        Ok(Self {
            reader,
            columns,
            types,
        })
    }
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
        let mut record = csv::ByteRecord::new();
        let width = self.columns.len();
        while self
            .reader
            .read_byte_record(&mut record)
            .map_err(|why| EngineError::Invalid(format!("the body cannot be read: {why}")))?
        {
            let line = record.position().map_or(0, csv::Position::line);
            let start = builder.mark();
            if record.len() == width {
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
