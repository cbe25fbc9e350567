//! How a delimited text is cut into fields, guessed from its beginning.
//!
//! Each delimiter in common use is tried on the first lines. What counts is, in this order: how many columns
//! of the table its header names, how many records are as wide as the header, and the width itself. The
//! survey then counts the fields of every record, so a wrong guess is seen.

use super::delimited::DelimitedReader;
use super::header;
use super::record::Record;
use super::tables::Spec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many bytes of the text are looked at.
pub(crate) const HEAD_BYTES: usize = 256 * 1024;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const SAMPLE_RECORDS: usize = 1_000;

/// How a delimited text is cut into fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Dialect {
    /// The character between fields.
    #[schema(example = ";", value_type = String)]
    pub delimiter: char,
    /// What ends a line: `lf`, `crlf` or `cr`.
    pub line_end: LineEnd,
    /// How many lines stand before the header.
    pub skip_lines: u64,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineEnd {
    /// `\n`.
    Lf,
    /// `\r\n`.
    Crlf,
    /// `\r` alone, as old Macs wrote it.
    Cr,
}

impl Dialect {
    /// The last byte of a line end.
    pub(crate) fn terminator(&self) -> u8 {
        if self.line_end == LineEnd::Cr {
            b'\r'
        } else {
            b'\n'
        }
    }

    /// The delimiter as the byte it is.
    pub(crate) fn delimiter_byte(&self) -> u8 {
        u8::try_from(self.delimiter).unwrap_or(b',')
    }
}

/// The dialect of `head`, the beginning of a text meant for the table `spec`. What `delimiter` and
/// `skip_lines` say is not guessed.
pub(crate) fn sniff(head: &[u8], spec: &Spec, delimiter: Option<u8>, skip_lines: Option<u64>) -> Dialect {
    let line_end = line_end(head);
    let announced = announced_delimiter(head);
    let skip_lines = skip_lines.unwrap_or(u64::from(announced.is_some()));
    let guess = |delimiter: u8| Dialect {
        delimiter: char::from(delimiter),
        line_end,
        skip_lines,
    };
    if let Some(delimiter) = delimiter.or(announced) {
        return guess(delimiter);
    }
    let scored = DELIMITERS.map(|delimiter| (score(head, spec, &guess(delimiter)), delimiter));
    // Of equals the first wins, so the order of `DELIMITERS` is one of preference.
    let best = scored
        .iter()
        .rev()
        .max_by_key(|(score, _)| *score)
        .map_or(b',', |(_, delimiter)| *delimiter);
    guess(best)
}

fn line_end(head: &[u8]) -> LineEnd {
    match memchr::memchr(b'\n', head) {
        Some(at) if at > 0 && head[at - 1] == b'\r' => LineEnd::Crlf,
        None if memchr::memchr(b'\r', head).is_some() => LineEnd::Cr,
        _ => LineEnd::Lf,
    }
}

/// The delimiter that a first line `sep=;`, as Excel writes it, announces.
fn announced_delimiter(head: &[u8]) -> Option<u8> {
    match head {
        [
            b's' | b'S',
            b'e' | b'E',
            b'p' | b'P',
            b'=',
            delimiter,
            b'\r' | b'\n',
            ..,
        ] => Some(*delimiter),
        _ => None,
    }
}

/// What `dialect` makes of `head`: columns recognised, records as wide as the header in thousandths, width.
fn score(head: &[u8], spec: &Spec, dialect: &Dialect) -> (usize, usize, usize) {
    let mut reader = DelimitedReader::new(head, dialect.delimiter_byte(), dialect.terminator());
    let mut record = Record::default();
    for _ in 0..dialect.skip_lines {
        let _ = reader.next(&mut record); // a slice does not fail to be read
    }
    if !reader.next(&mut record).unwrap_or(false) {
        return (0, 0, 0);
    }
    let headers = record.texts();
    let (mut records, mut as_wide) = (0, 0);
    while records < SAMPLE_RECORDS && reader.next(&mut record).unwrap_or(false) {
        records += 1;
        as_wide += usize::from(record.fault.is_none() && record.len() == headers.len());
    }
    let consistent = if headers.len() < 2 {
        0
    } else {
        (as_wide * 1_000_usize).checked_div(records).unwrap_or(1_000)
    };
    (header::recognised(spec, &headers), consistent, headers.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::tables::Table;

    fn delimiter_of(head: &str) -> char {
        sniff(head.as_bytes(), Table::Sales.spec(), None, None).delimiter
    }

    #[test]
    fn delimiters_are_told_apart() {
        assert_eq!(delimiter_of("id,product_id,store_id\n1,2,3\n"), ',');
        assert_eq!(delimiter_of("N° ligne;Montant\r\n1;1 234,56\r\n2;3,50\r\n"), ';');
        assert_eq!(delimiter_of("id\tamount\n1\t2,5\n"), '\t');
        assert_eq!(delimiter_of("id|amount\n1|2,5\n"), '|');
        assert_eq!(delimiter_of("x;y,z\n1;2,5\n1;2,5\n"), ',');
    }

    #[test]
    fn excels_own_announcement_is_taken() {
        let dialect = sniff(b"sep=;\r\nid;amount\r\n1;2\r\n", Table::Sales.spec(), None, None);

        assert_eq!(
            (dialect.delimiter, dialect.skip_lines, dialect.line_end),
            (';', 1, LineEnd::Crlf)
        );
    }
}
