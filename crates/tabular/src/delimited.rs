//! Records of CSV and its relatives.
//!
//! A quote counts only at the beginning of a field. One that no other closes within [`MAX_QUOTED_BYTES`]
//! costs its own line and nothing after it: the next record begins on the next line.

use crate::lines::{ByteWindow, MAX_RECORD_BYTES};
use crate::record::{FieldKind, Record, Unreadable};
use memchr::memchr;
use std::io::{self, Read};

/// How far the closing quote of a record may be from its beginning, in bytes.
pub const MAX_QUOTED_BYTES: usize = 64 * 1024;

/// Reads one record after the other.
#[derive(Debug)]
pub struct DelimitedReader<R> {
    window: ByteWindow<R>,
    delimiter: u8,
    quote: Option<u8>,
    terminator: u8,
    /// Whether the last line had its line break; known at the end.
    pub ended_with_newline: bool,
}

impl<R: Read> DelimitedReader<R> {
    /// Reads `reader`, whose fields end with `delimiter` and may stand in `quote`s, and whose lines end with
    /// `terminator`.
    pub fn new(reader: R, delimiter: u8, quote: Option<u8>, terminator: u8) -> Self {
        Self {
            window: ByteWindow::new(reader),
            delimiter,
            quote,
            terminator,
            ended_with_newline: true,
        }
    }

    /// Passes over `count` lines, whatever is in them.
    pub fn skip_lines(&mut self, count: u64) -> io::Result<()> {
        let mut skipped = 0;
        while skipped < count
            && let Some((length, terminated)) = self.window.line(self.terminator)?
        {
            self.window
                .consume(length + usize::from(terminated), u64::from(terminated));
            skipped += u64::from(terminated);
        }
        Ok(())
    }

    /// Fills `record` with the next one; `false` at the end. Lines with nothing in them are passed over, delimiters
    /// and blanks being nothing.
    pub fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        loop {
            let Some((length, terminated)) = self.window.line(self.terminator)? else {
                return Ok(false);
            };
            let advance = length + usize::from(terminated);
            if length > MAX_RECORD_BYTES {
                self.give_up_on_line(record, length)?;
                return Ok(true);
            }
            let line = trim_carriage_return(&self.window.bytes()[..length]);
            self.ended_with_newline = terminated;
            if is_empty(line, self.delimiter) {
                self.window.consume(advance, u64::from(terminated));
                continue;
            }
            record.begin(self.window.line, self.window.offset);
            let quote = self.quote.filter(|&quote| memchr(quote, line).is_some());
            let Some(quote) = quote else {
                record.split(line, self.delimiter);
                self.window.consume(advance, u64::from(terminated));
                return Ok(true);
            };
            return self.next_quoted(record, quote, length, advance);
        }
    }

    /// The record at the window's beginning, whose first line has quotes and is `first_line` bytes long.
    fn next_quoted(
        &mut self,
        record: &mut Record,
        quote: u8,
        first_line: usize,
        advance: usize,
    ) -> io::Result<bool> {
        loop {
            let (line, offset) = (self.window.line, self.window.offset);
            record.begin(line, offset);
            let limit = MAX_QUOTED_BYTES.max(advance);
            let bytes = self.window.bytes();
            let bytes = &bytes[..bytes.len().min(limit)];
            let at_end = self.window.at_end() && bytes.len() == self.window.bytes().len();
            match split_quoted(bytes, at_end, (self.delimiter, quote, self.terminator), record) {
                Split::Whole(end) => {
                    record
                        .raw
                        .extend_from_slice(trim_carriage_return(&bytes[..end.text]));
                    let lines = memchr::memchr_iter(self.terminator, &bytes[..end.next]).count() as u64;
                    self.ended_with_newline = end.next > end.text;
                    self.window.consume(end.next, lines);
                    return Ok(true);
                }
                Split::EndUnseen if bytes.len() < limit && self.window.fill()? => continue,
                Split::EndUnseen | Split::Unterminated => {}
            }
            let bytes = self.window.bytes();
            record.begin(line, offset);
            record
                .raw
                .extend_from_slice(trim_carriage_return(&bytes[..first_line]));
            record.fault = Some(Unreadable::UnterminatedQuote);
            self.window.consume(advance, u64::from(advance > first_line));
            return Ok(true);
        }
    }

    /// Passes over a line that is too long; `record` keeps its beginning.
    fn give_up_on_line(&mut self, record: &mut Record, length: usize) -> io::Result<()> {
        record.begin(self.window.line, self.window.offset);
        record.raw.extend_from_slice(&self.window.bytes()[..1024]);
        record.fault = Some(Unreadable::RecordTooLong);
        self.window.consume(length, 0);
        loop {
            let bytes = self.window.bytes();
            if let Some(found) = memchr(self.terminator, bytes) {
                self.window.consume(found + 1, 1);
                return Ok(());
            }
            let all = bytes.len();
            self.window.consume(all, 0);
            if !self.window.fill()? {
                return Ok(());
            }
        }
    }
}

/// Where a record's text ends and where the next one begins.
struct End {
    text: usize,
    next: usize,
}

/// What became of an attempt to split a record.
enum Split {
    Whole(End),
    /// Its end is not among the bytes there are.
    EndUnseen,
    /// Its quotes cannot be right: one closes on a later line, in the middle of a field.
    Unterminated,
}

/// Splits the record at the beginning of `bytes` into `record`. `at_end` says that nothing comes after
/// `bytes`.
fn split_quoted(
    bytes: &[u8],
    at_end: bool,
    (delimiter, quote, terminator): (u8, u8, u8),
    record: &mut Record,
) -> Split {
    let mut field = Vec::new();
    let mut at = 0;
    loop {
        field.clear();
        if bytes.get(at) == Some(&quote) {
            let opened = at;
            at += 1;
            loop {
                let Some(length) = memchr(quote, &bytes[at..]) else {
                    return Split::EndUnseen;
                };
                field.extend_from_slice(&bytes[at..at + length]);
                at += length + 1;
                if bytes.get(at) != Some(&quote) {
                    break;
                }
                field.push(quote);
                at += 1;
            }
            let closes_well = match bytes.get(at) {
                Some(&byte) => byte == delimiter || byte == terminator || byte == b'\r',
                None => true,
            };
            if !closes_well && memchr(terminator, &bytes[opened..at]).is_some() {
                return Split::Unterminated;
            }
        }
        let rest = &bytes[at..];
        let length = memchr::memchr2(delimiter, terminator, rest).unwrap_or(rest.len());
        let text = if rest.get(length) == Some(&delimiter) {
            &rest[..length]
        } else {
            trim_carriage_return(&rest[..length])
        };
        field.extend_from_slice(text);
        record.push(&field, FieldKind::Written);
        at += length;
        match bytes.get(at) {
            Some(&byte) if byte == delimiter => at += 1,
            Some(_) => {
                return Split::Whole(End {
                    text: at,
                    next: at + 1,
                });
            }
            None if at_end => return Split::Whole(End { text: at, next: at }),
            None => return Split::EndUnseen,
        }
    }
}

/// Whether `line` holds delimiters and blanks at most.
fn is_empty(line: &[u8], delimiter: u8) -> bool {
    line.iter()
        .all(|&byte| byte == delimiter || byte == b' ' || byte == b'\t')
}

/// `line` without the carriage returns at its end: some programs write one too many.
fn trim_carriage_return(mut line: &[u8]) -> &[u8] {
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: u8) -> Vec<(u64, Vec<String>, Option<Unreadable>)> {
        let mut reader = DelimitedReader::new(text.as_bytes(), delimiter, Some(b'"'), b'\n');
        let mut record = Record::default();
        let mut found = Vec::new();
        while reader.next(&mut record).unwrap() {
            found.push((record.line, record.texts(), record.fault));
        }
        found
    }

    fn fields(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn lines_fields_and_quotes_are_read() {
        let found = read(
            "a;b\r\n; \t\r\n1;\"x;\"\"y\"\"\"\r\n\"two\r\nlines\";2\r\n5\" tube;3",
            b';',
        );

        assert_eq!(
            found,
            [
                (1, fields(&["a", "b"]), None),
                (3, fields(&["1", "x;\"y\""]), None),
                (4, fields(&["two\r\nlines", "2"]), None),
                (6, fields(&["5\" tube", "3"]), None),
            ]
        );
    }

    #[test]
    fn carriage_returns_at_line_ends_are_none_of_the_field() {
        for end in ["\n", "\r\n", "\r\r\n", "\r\r\r\n"] {
            let found = read(&format!("a;b{end}{end}1;\"x\"{end}2;y"), b';');

            let texts: Vec<_> = found
                .into_iter()
                .map(|(_, texts, fault)| (texts, fault))
                .collect();
            assert_eq!(
                texts,
                [
                    (fields(&["a", "b"]), None),
                    (fields(&["1", "x"]), None),
                    (fields(&["2", "y"]), None)
                ],
                "{end:?}"
            );
        }
    }

    #[test]
    fn quotes_are_those_of_the_dialect_and_lines_are_skipped_whole() {
        let text = "a \"title\n\nx;y\n'1;''1';\"2\n";
        let read = |quote| {
            let mut reader = DelimitedReader::new(text.as_bytes(), b';', quote, b'\n');
            reader.skip_lines(3).unwrap();
            let mut record = Record::default();
            assert!(reader.next(&mut record).unwrap());
            (record.line, record.texts())
        };

        assert_eq!(read(Some(b'\'')), (4, fields(&["1;'1", "\"2"])));
        assert_eq!(read(None), (4, fields(&["'1", "''1'", "\"2"])));
    }

    #[test]
    fn an_open_quote_costs_its_own_line_only() {
        let mut text = String::from("a,b\n1,\"open\n");
        text.extend((0..20_000).map(|row| format!("{row},fine\n")));

        let found = read(&text, b',');

        assert_eq!(found.len(), 20_002);
        assert_eq!(found[1], (2, vec![], Some(Unreadable::UnterminatedQuote)));
        assert_eq!(found[2], (3, fields(&["0", "fine"]), None));
    }

    #[test]
    fn an_open_quote_does_not_close_on_the_next_record() {
        let found = read("a,b\n1,\"open\n2,\"x\"\n3,y\n", b',');

        assert_eq!(found[1].2, Some(Unreadable::UnterminatedQuote));
        assert_eq!(found[2], (3, fields(&["2", "x"]), None));
        assert_eq!(found[3], (4, fields(&["3", "y"]), None));
    }

    #[test]
    fn an_open_quote_near_the_end_costs_its_own_line_only() {
        let found = read("a,b\n1,\"open\n2,fine\n", b',');

        assert_eq!(found[1].2, Some(Unreadable::UnterminatedQuote));
        assert_eq!(found[2], (3, fields(&["2", "fine"]), None));
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let text = format!("a,b\n{}\n1,2\n", "x".repeat(3 * MAX_RECORD_BYTES));

        let found = read(&text, b',');

        assert_eq!(found[1].2, Some(Unreadable::RecordTooLong));
        assert_eq!(found[2], (3, fields(&["1", "2"]), None));
    }

    #[test]
    fn offsets_and_source_text_point_into_the_source() {
        let text = "a,b\n1,\"x\ny\"\n2,z\n";
        let mut reader = DelimitedReader::new(text.as_bytes(), b',', Some(b'"'), b'\n');
        let mut record = Record::default();
        while reader.next(&mut record).unwrap() {
            let start = usize::try_from(record.byte_offset).unwrap();
            assert!(text.as_bytes()[start..].starts_with(&record.raw));
        }
    }
}
