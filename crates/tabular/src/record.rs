//! One record of a source, whatever its format: where it stands, its text, its fields.

use std::fmt;

/// Why a record cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// A quote that no other closes.
    UnterminatedQuote,
    /// Longer than a record may be.
    RecordTooLong,
    /// Bytes that are not characters in the source's encoding.
    BadEncoding,
    /// Not a JSON object.
    BadJson,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnterminatedQuote => "a quote is opened and not closed",
            Self::RecordTooLong => "the record is longer than 1 MiB",
            Self::BadEncoding => "some bytes are no characters in the source's encoding",
            Self::BadJson => "not a JSON object",
        })
    }
}

/// What kind of text a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text as a person or an export wrote it.
    Written,
    /// A number of a format that has numbers (JSON, spreadsheets): a point is its decimal mark.
    Number,
    /// A number of which a workbook keeps fewer digits than it had: not to be taken for an id.
    Inexact,
    /// The source has no such field here.
    Absent,
}

/// One record, reused from one to the next. `raw` is its source text without the line break.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The physical line where it begins, the first being 1; a row number in a spreadsheet.
    pub line: u64,
    /// Where it begins, in bytes of the decoded text.
    pub byte_offset: u64,
    /// Its source text, without the line break.
    pub raw: Vec<u8>,
    /// The sheet of a workbook that it is from, as its place among those that are read.
    pub sheet: usize,
    /// Why it cannot be read at all.
    pub fault: Option<Unreadable>,
    text: Vec<u8>,
    fields: Vec<(usize, usize, FieldKind)>,
}

impl Record {
    /// Empties it, to be filled again.
    pub fn begin(&mut self, line: u64, byte_offset: u64) {
        self.line = line;
        self.byte_offset = byte_offset;
        self.fault = None;
        self.raw.clear();
        self.text.clear();
        self.fields.clear();
    }

    /// Appends a field.
    pub fn push(&mut self, bytes: &[u8], kind: FieldKind) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        self.fields.push((start, self.text.len(), kind));
    }

    /// Makes it hold `count` fields, those that are not there yet absent.
    pub fn widen(&mut self, count: usize) {
        self.fields
            .resize(count.max(self.fields.len()), (0, 0, FieldKind::Absent));
    }

    /// Sets field `index`, which must be there.
    pub fn set(&mut self, index: usize, bytes: &[u8], kind: FieldKind) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        self.fields[index] = (start, self.text.len(), kind);
    }

    /// Takes a line whose fields stand between `delimiter`s, none of them quoted.
    pub fn split(&mut self, line: &[u8], delimiter: u8) {
        self.raw.extend_from_slice(line);
        self.text.extend_from_slice(line);
        let mut start = 0;
        for end in memchr::memchr_iter(delimiter, line) {
            self.fields.push((start, end, FieldKind::Written));
            start = end + 1;
        }
        self.fields.push((start, line.len(), FieldKind::Written));
    }

    /// How many fields it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.fields.len()
    }

    /// Whether it has the fields of a header of `width` names, of which those from `named` on are empty: such fields
    /// may hold something or be missing.
    #[must_use]
    pub fn fits(&self, named: usize, width: usize) -> bool {
        self.width() >= named && (width..self.width()).all(|field| self.field(field).0.is_empty())
    }

    /// Field `index`: its bytes and kind. Absent when there is none.
    #[must_use]
    pub fn field(&self, index: usize) -> (&[u8], FieldKind) {
        match self.fields.get(index) {
            Some(&(start, end, kind)) => (&self.text[start..end], kind),
            None => (&[], FieldKind::Absent),
        }
    }

    /// The fields as text, broken characters replaced.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        (0..self.width())
            .map(|index| String::from_utf8_lossy(self.field(index).0).into_owned())
            .collect()
    }

    /// Whether its source text is UTF-8.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.raw.is_ascii() || std::str::from_utf8(&self.raw).is_ok()
    }
}
