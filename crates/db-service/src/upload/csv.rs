//! CSV: a header line that names columns, then a line a row.
//!
//! What `GET /v1/query` writes as CSV comes in as it was. A field without quotes and without characters is NULL, `""` the
//! empty text; what the others are is said by the types of the columns, or with `values=tagged` by the field itself.

use super::affinity::Affinity;
use super::{BodyFault, Builder, RowTooLong};
use crate::engine::{BulkBatch, BulkSource, EngineError};
use db_api::{Table, Value, ValueForm};
use std::io::{Read, Seek};

/// How much is read at a time, in bytes.
const BUFFER: usize = 64 * 1024;

/// Reads CSV.
pub(crate) struct CsvRows<R> {
    /// At its beginning or somewhere behind it, when it is not being read.
    body: R,
    delimiter: u8,
    longest_row: u64,
    columns: Vec<String>,
    fields: Vec<Field>,
}

/// How the text of a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// As the type of its column says.
    Typed(Affinity),
    /// As it says itself.
    Tagged,
}

impl<R: Read + Seek + Send> CsvRows<R> {
    /// Reads the header; the types come from the columns of `table`.
    pub(crate) fn open(
        mut body: R,
        delimiter: u8,
        values: ValueForm,
        longest_row: u64,
        table: &Table,
    ) -> Result<Self, EngineError> {
        let mut reader = reader(&mut body, delimiter, longest_row)?;
        let header = reader
            .headers()
            .map_err(|why| cannot_be_read("the header line", &why))?;
        let known = |name: &str| {
            table
                .columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        };
        let columns: Vec<String> = header
            .iter()
            .map(|name| {
                let name = name.trim_start_matches('\u{feff}');
                if known(name).is_some() { name } else { name.trim() }.to_owned()
            })
            .collect();
        if columns.iter().all(String::is_empty) {
            return Err(EngineError::Invalid(
                "the body is empty; the first line must name the columns".to_owned(),
            ));
        }
        let fields = columns
            .iter()
            .map(|name| match values {
                ValueForm::Tagged => Field::Tagged,
                ValueForm::Plain => Field::Typed(known(name).map_or(Affinity::Text, |column| {
                    Affinity::of(&column.declared_type, table.strict)
                })),
            })
            .collect();
        drop(reader);
        // What unpacks it waits for its turn without the memory that it takes.
        body.rewind().map_err(EngineError::broken)?;
        Ok(Self {
            body,
            delimiter,
            longest_row,
            columns,
            fields,
        })
    }
}

/// A reader at the beginning of `body`.
fn reader<R: Read + Seek>(
    body: &mut R,
    delimiter: u8,
    longest_row: u64,
) -> Result<csv::Reader<Record<&mut R>>, EngineError> {
    body.rewind().map_err(EngineError::broken)?;
    Ok(csv::ReaderBuilder::new()
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
            after_return: false,
        }))
}

fn cannot_be_read(what: &str, why: &csv::Error) -> EngineError {
    if let csv::ErrorKind::Io(cause) = why.kind()
        && let Some(fault) = super::fault(cause)
    {
        return fault;
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
    /// Whether the record before has ended with a carriage return, whose line feed may follow.
    after_return: bool,
}

impl<R: Read> Read for Record<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.kept.drain(..self.begins);
        self.begins = 0;
        if self.kept.len() as u64 > self.longest {
            return Err(std::io::Error::other(BodyFault::Row(RowTooLong {
                line: self.first_line(),
                limit: self.longest,
            })));
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

    /// The blank lines before the record that has ended at `end`.
    fn blank_lines(&self, end: &csv::Position) -> std::ops::Range<u64> {
        self.blank(self.bytes(end))
    }

    /// The blank lines behind the last record, when the body has ended.
    fn blank_lines_to_the_end(&self) -> std::ops::Range<u64> {
        self.blank(&self.kept[self.begins..])
    }

    fn blank(&self, bytes: &[u8]) -> std::ops::Range<u64> {
        let ends = bytes
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(bytes, |length| &bytes[..length]);
        let rest = self.after_return && ends.first() == Some(&b'\n');
        let blank = &ends[usize::from(rest)..];
        let returns = memchr::memchr_iter(b'\r', blank).count();
        let feeds = memchr::memchr_iter(b'\n', blank).count();
        let first = self.line + u64::from(rest);
        first..first + returns.max(feeds) as u64
    }

    /// The record has ended at `end`.
    fn next_begins_at(&mut self, end: &csv::Position) {
        self.after_return = self.bytes(end).last() == Some(&b'\r');
        self.begins += self.bytes(end).len();
        self.offset = end.byte();
        self.line = end.line();
    }
}

/// Which fields of a record begin with a quote, and whether the last one is never closed.
#[derive(Debug, Default)]
struct Quotes {
    quoted: Vec<bool>,
    open: bool,
}

impl Quotes {
    /// Looks at the bytes of a record.
    fn of(&mut self, record: &[u8], delimiter: u8) {
        self.quoted.clear();
        self.quoted.push(false);
        self.open = false;
        let mut field_begins = true;
        for byte in record {
            if self.open {
                // A doubled quote ends the field and begins it again.
                self.open = *byte != b'"';
                field_begins = !self.open;
            } else if *byte == b'"' && field_begins {
                self.open = true;
                if let Some(last) = self.quoted.last_mut() {
                    *last = true;
                }
            } else {
                field_begins = *byte == delimiter || matches!(byte, b'\r' | b'\n');
                if *byte == delimiter {
                    self.quoted.push(false);
                }
            }
        }
    }

    /// Whether the field at `index` begins with a quote.
    fn quoted(&self, index: usize) -> bool {
        self.quoted.get(index).copied().unwrap_or(false)
    }
}

impl Field {
    /// The value of a field; an error says why it has none.
    fn read(self, text: &str, quoted: bool) -> Result<Value, String> {
        if text.is_empty() && !quoted {
            return Ok(Value::Null);
        }
        match self {
            Self::Typed(affinity) => typed(affinity, text),
            Self::Tagged => tagged(text, quoted),
        }
    }
}

/// A field that is not NULL, in a column of this affinity.
fn typed(affinity: Affinity, text: &str) -> Result<Value, String> {
    match affinity {
        Affinity::Blob => Value::from_tag("$blob", text)
            .map_err(|why| format!("{why}; blobs are base64 (or send `values=tagged`)")),
        Affinity::Text | Affinity::None => Ok(Value::Text(text.to_owned())),
        Affinity::Integer | Affinity::Numeric => match whole(text) {
            Some(Ok(number)) => Ok(Value::Integer(number)),
            Some(Err(why)) => Err(why),
            None => Ok(Value::Text(text.to_owned())),
        },
        Affinity::Real => Ok(real(text).map_or_else(|| Value::Text(text.to_owned()), Value::Real)),
    }
}

/// A field that is not NULL and says itself what it is.
fn tagged(text: &str, quoted: bool) -> Result<Value, String> {
    if text.starts_with("{\"$") {
        return serde_json::from_str(text).map_err(|why| format!("it begins like a tag and is none: {why}"));
    }
    if quoted {
        return Ok(Value::Text(text.to_owned()));
    }
    match whole(text) {
        Some(number) => number.map(Value::Integer),
        None => Ok(real(text).map_or_else(|| Value::Text(text.to_owned()), Value::Real)),
    }
}

/// A whole number; an error when it has more digits than fit.
fn whole(text: &str) -> Option<Result<i64, String>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .map_err(|_| db_api::ValueError::Integer(text.to_owned()).to_string()),
    )
}

/// A decimal number, or an infinity as our own CSV writes it.
fn real(text: &str) -> Option<f64> {
    let is_number = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    if is_number {
        text.parse().ok()
    } else {
        infinity(text)
    }
}

fn infinity(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

impl<R: Read + Seek + Send> BulkSource for CsvRows<R> {
    fn read(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> Result<(), EngineError> {
        let Self {
            body,
            delimiter,
            longest_row,
            columns,
            fields,
        } = self;
        let mut reader = reader(body, *delimiter, *longest_row)?;
        // The header, which is known.
        reader
            .headers()
            .map_err(|why| cannot_be_read("the header line", &why))?;
        let end = reader.position().clone();
        reader.get_mut().next_begins_at(&end);
        let mut rows = Rows {
            columns,
            fields,
            builder: Builder::default(),
            quotes: Quotes::default(),
        };
        rows.builder.batch.new_shapes.push(columns.clone());
        rows.builder.batch.has_header = true;
        let mut record = csv::ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .map_err(|why| cannot_be_read("the body", &why))?
        {
            let end = reader.position().clone();
            let raw = reader.get_ref();
            rows.blank_lines(raw.blank_lines(&end));
            let line = raw.first_line();
            rows.quotes.of(raw.bytes(&end), *delimiter);
            // What ends within quotes ends with the body.
            let open = raw.body_ended && rows.quotes.open;
            reader.get_mut().next_begins_at(&end);
            rows.push(&record, line, open);
            if !rows.builder.flush_if_full(emit) {
                return Ok(());
            }
        }
        let rest = reader.get_ref().blank_lines_to_the_end();
        rows.blank_lines(rest);
        rows.builder.flush(emit);
        Ok(())
    }
}

/// Makes rows of records.
struct Rows<'a> {
    columns: &'a [String],
    fields: &'a [Field],
    builder: Builder,
    quotes: Quotes,
}

impl Rows<'_> {
    /// Blank lines, as line numbers. In a table of one column each is a row whose value is NULL; otherwise it is nothing.
    fn blank_lines(&mut self, lines: std::ops::Range<u64>) {
        if self.columns.len() > 1 {
            return;
        }
        for line in lines {
            let start = self.builder.mark();
            self.builder.push(Value::Null);
            self.builder.row(line, 0, start);
        }
    }

    fn push(&mut self, record: &csv::ByteRecord, line: u64, open: bool) {
        let start = self.builder.mark();
        let width = self.columns.len();
        if open {
            let reason = "a quote is opened and never closed: the rest of the body belongs to it".to_owned();
            let column = self.columns.get(record.len().saturating_sub(1)).cloned();
            self.builder.unreadable(line, column, reason, start);
            return;
        }
        if record.len() != width {
            let reason = format!("{} fields where the header has {width}", record.len());
            self.builder.unreadable(line, None, reason, start);
            return;
        }
        for (index, bytes) in record.iter().enumerate() {
            let value = match std::str::from_utf8(bytes) {
                Ok(text) => self.fields[index].read(text, self.quotes.quoted(index)),
                Err(_) => Err("the text is not UTF-8; save the file as UTF-8".to_owned()),
            };
            match value {
                Ok(value) => self.builder.push(value),
                Err(reason) => {
                    let column = Some(self.columns[index].clone());
                    self.builder.unreadable(line, column, reason, start);
                    return;
                }
            }
        }
        self.builder.row(line, 0, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &str) -> (Vec<u64>, Vec<u64>) {
        let mut body = std::io::Cursor::new(body.as_bytes().to_vec());
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(8)
            .from_reader(Record {
                body: &mut body,
                kept: Vec::new(),
                begins: 0,
                offset: 0,
                line: 1,
                longest: 1_000,
                body_ended: false,
                after_return: false,
            });
        let (mut lines, mut blank) = (Vec::new(), Vec::new());
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).unwrap() {
            let end = reader.position().clone();
            blank.extend(reader.get_ref().blank_lines(&end));
            lines.push(reader.get_ref().first_line());
            reader.get_mut().next_begins_at(&end);
        }
        blank.extend(reader.get_ref().blank_lines_to_the_end());
        (lines, blank)
    }

    #[test]
    fn a_record_knows_its_first_line_whatever_ends_the_lines_before() {
        assert_eq!(lines("a,b\nc\n\n\nd\n").0, [1, 2, 5]);
        assert_eq!(lines("a,b\r\nc\r\n\r\nd").0, [1, 2, 4]);
        assert_eq!(lines("\u{feff}a\r\n\"c\r\nd\",e\r\nf\r\n").0, [1, 2, 4]);
        assert_eq!(lines("\n\na,\"b\n\n\"\nc\n").0, [3, 6]);
    }

    #[test]
    fn blank_lines_are_found_wherever_they_are() {
        assert_eq!(lines("a\n\n\nb\n\n").1, [2, 3, 5]);
        assert_eq!(lines("a\r\n\r\n\r\nb\r\n\r\n").1, [2, 3, 5]);
        assert_eq!(lines("\n\na\nb").1, [1, 2]);
        assert_eq!(lines("a\nb\n").1, [] as [u64; 0]);
        assert_eq!(lines("a\r\nb\r\n").1, [] as [u64; 0]);
        assert_eq!(lines("a\n\"\n\n\"\n").1, [] as [u64; 0]);
    }

    #[test]
    fn quotes_are_seen_and_a_record_that_ends_within_them_is_told() {
        let mut quotes = Quotes::default();
        for open in ["\"", "a,\"b", "\na,\"b\"\"", "\"a\",\"b\nc"] {
            quotes.of(open.as_bytes(), b',');
            assert!(quotes.open, "{open}");
        }
        for closed in ["", "\"\"", "5\",6", "\"a\"\"b\"", "\"a\"b\",c", "a;\"b"] {
            quotes.of(closed.as_bytes(), b',');
            assert!(!quotes.open, "{closed}");
        }
        quotes.of(b"\r\n\"a,b\",,\"\",5\",\"\"\"\"", b',');
        assert_eq!(quotes.quoted, [true, false, true, false, true]);
    }

    #[test]
    fn only_what_surely_is_a_number_is_read_as_one() {
        let read = |affinity, text: &str| Field::Typed(affinity).read(text, false).unwrap();

        assert_eq!(read(Affinity::Integer, "-42"), Value::Integer(-42));
        assert_eq!(
            read(Affinity::Integer, "9223372036854775807"),
            Value::Integer(i64::MAX)
        );
        assert_eq!(read(Affinity::Integer, "1 234"), Value::Text("1 234".into()));
        assert_eq!(read(Affinity::Integer, "12.5"), Value::Text("12.5".into()));
        assert_eq!(read(Affinity::Real, "12.5"), Value::Real(12.5));
        assert_eq!(read(Affinity::Real, "nan"), Value::Text("nan".into()));
        assert_eq!(read(Affinity::Text, "007"), Value::Text("007".into()));
        assert_eq!(read(Affinity::Text, ""), Value::Null);
        assert_eq!(read(Affinity::Blob, "AQI="), Value::Blob(vec![1, 2]));
        assert!(
            Field::Typed(Affinity::Integer)
                .read("9223372036854775808", false)
                .is_err()
        );
        assert!(Field::Typed(Affinity::Blob).read("no base64!", false).is_err());
    }

    #[test]
    fn a_tagged_field_says_itself_what_it_is() {
        let read = |text: &str, quoted| Field::Tagged.read(text, quoted);

        assert_eq!(read("", false), Ok(Value::Null));
        assert_eq!(read("", true), Ok(Value::Text(String::new())));
        assert_eq!(read("5", false), Ok(Value::Integer(5)));
        assert_eq!(read("5", true), Ok(Value::Text("5".into())));
        assert_eq!(read("5.0", false), Ok(Value::Real(5.0)));
        assert_eq!(read("-Infinity", false), Ok(Value::Real(f64::NEG_INFINITY)));
        assert_eq!(read("{\"$blob\":\"AQ==\"}", true), Ok(Value::Blob(vec![1])));
        assert_eq!(read("abc", false), Ok(Value::Text("abc".into())));
        assert!(read("99999999999999999999", false).is_err());
        assert!(read("{\"$date\":\"2026\"}", true).is_err());
    }
}
