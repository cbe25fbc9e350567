//! How a source is read once all is decided, and its records under that.

use crate::bytes::{self, Packing, SourceRead};
use crate::cents::DecimalMark;
use crate::columns::Spec;
use crate::dates::{self, DateOrder};
use crate::delimited::DelimitedReader;
use crate::dialect::Dialect;
use crate::encoding::{Decoding, EncodingChoice};
use crate::header::{self, Mapping};
use crate::joined::Joined;
use crate::json::{JsonReader, Shape};
use crate::options::{Format, ReadOptions};
use crate::record::Record;
use crate::text::Text;
use crate::workbook::{self, SheetChoice, SheetReader, Wanted};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// How a source is read: everything that was decided about it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How it is packed.
    pub packing: Packing,
    /// Which characters its bytes stand for.
    pub encoding: EncodingChoice,
    /// What it is.
    pub format: Format,
    /// How its lines are cut into fields, where it has such lines.
    pub dialect: Option<Dialect>,
    /// How the records of a JSON text stand in it.
    pub(crate) shape: Shape,
    /// The sheets that are read, where it is a workbook.
    pub sheets: Vec<SheetChoice>,
    /// The zone of the shop, where it is said.
    pub zone: Option<TimeZone>,
    /// What the request fixes.
    pub(crate) options: ReadOptions,
    /// The headers, or the names of the objects' members.
    pub headers: Vec<String>,
    /// Where each column of the table stands.
    pub mapping: Mapping,
    /// For each column of the table, the decimal mark.
    pub marks: Vec<DecimalMark>,
    /// For each column of the table, the date order.
    pub orders: Vec<DateOrder>,
    /// Whether an amount with more than two decimals is refused instead of rounded.
    pub strict: bool,
    /// For each column of the table that holds whole numbers or references, what its values are instead.
    pub whole: Vec<WholeEvidence>,
    /// Another table that says more of each record: its headers stand behind those of this one.
    pub joined: Option<Arc<Joined>>,
}

/// How many values of a column of whole numbers are something else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WholeEvidence {
    /// Digits with a zero in front.
    pub zero_led: u64,
    /// Numbers with decimals other than zeros.
    pub fractions: u64,
    /// Anything else that is not empty: words, codes.
    pub others: u64,
}

impl Reading {
    /// Whether `record` has as many fields as the header; those of objects and of sheets always have.
    #[must_use]
    pub fn fits(&self, record: &Record) -> bool {
        self.dialect.is_none() || record.fits(header::named(&self.headers), self.headers.len())
    }

    /// `text` in column `index` of the table as a date: the day in the shop's zone where the text says another one.
    #[must_use]
    pub fn date(&self, index: usize, text: &str) -> Option<Date> {
        let order = self.orders[index];
        match &self.zone {
            // What is no longer than a date has no zone.
            Some(zone) if text.len() > 10 => Some(dates::moment(text, order)?.date_in(zone)),
            _ => dates::parse(text, order),
        }
    }

    /// The name of the sheet that `record` is from, where several are read.
    #[must_use]
    pub fn sheet_of(&self, record: &Record) -> Option<&str> {
        let several = self.sheets.len() > 1;
        let sheet = self.sheets.get(record.sheet).filter(|_| several)?;
        Some(&sheet.name)
    }

    /// The records of `source` from its beginning, the header passed over.
    pub fn open(
        &self,
        source: Box<dyn SourceRead>,
        spec: &Spec,
        progress: &Arc<AtomicU64>,
    ) -> io::Result<Records> {
        if self.format.is_workbook() {
            let wanted = Wanted {
                sheet: self.options.sheet.as_deref(),
                skip_lines: self.options.skip_lines,
                spec,
                mapping: &self.options.mapping,
            };
            let reader = Reader::Sheet(workbook::open(source, self.format, &wanted)?);
            return Ok(Records {
                reader,
                joined: self.joined.clone(),
            });
        }
        let unpacked = bytes::unpack(source, self.packing, progress)?;
        let decoded: Box<dyn Read + Send> = Box::new(Decoding::new(unpacked, &self.encoding));
        let mut records = records(
            decoded,
            self.format,
            self.dialect.as_ref(),
            &self.shape,
            self.headers.clone(),
        )?;
        if let Some(dialect) = &self.dialect {
            records.skip_lines(dialect.skip_lines)?;
            records.next(&mut Record::default())?;
        }
        records.joined.clone_from(&self.joined);
        Ok(records)
    }
}

/// The records of a source, whatever its format.
pub struct Records {
    reader: Reader,
    joined: Option<Arc<Joined>>,
}

enum Reader {
    Delimited(DelimitedReader<Box<dyn Read + Send>>),
    Json(JsonReader<Box<dyn Read + Send>>),
    Sheet(SheetReader),
}

impl Records {
    /// Fills `record` with the next one; `false` at the end.
    pub fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        let there = match &mut self.reader {
            Reader::Delimited(reader) => reader.next(record),
            Reader::Json(reader) => reader.next(record),
            Reader::Sheet(reader) => reader.next(record),
        }?;
        if there && let Some(joined) = &self.joined {
            joined.extend(record);
        }
        Ok(there)
    }

    /// Passes over lines before the header.
    pub(crate) fn skip_lines(&mut self, count: u64) -> io::Result<()> {
        match &mut self.reader {
            Reader::Delimited(reader) => reader.skip_lines(count),
            Reader::Json(_) | Reader::Sheet(_) => Ok(()),
        }
    }

    /// Whether the source ended within the record that came last.
    pub(crate) fn is_cut_off(&self) -> bool {
        matches!(&self.reader, Reader::Delimited(reader) if !reader.ended_with_newline)
    }

    /// The names of the members of the objects that came so far.
    pub(crate) fn names(&self) -> &[String] {
        match &self.reader {
            Reader::Json(reader) => &reader.names,
            Reader::Delimited(_) | Reader::Sheet(_) => &[],
        }
    }

    /// What is odd about the end of the source, once it is reached.
    pub(crate) fn note_on_end(&self) -> Option<Text> {
        match &self.reader {
            Reader::Delimited(reader) if !reader.ended_with_newline => Some(Text::new(
                "the last line has no line break: the source may have been cut off",
                "la dernière ligne n’a pas de saut de ligne : le fichier est peut-être tronqué",
            )),
            Reader::Json(reader) if !reader.ended_well => Some(Text::new(
                "the array is not closed: the source was cut off",
                "le tableau n’est pas fermé : le fichier est tronqué",
            )),
            _ => None,
        }
    }
}

/// The records of the text `decoded`, from its beginning.
pub(crate) fn records(
    mut decoded: Box<dyn Read + Send>,
    format: Format,
    dialect: Option<&Dialect>,
    shape: &Shape,
    names: Vec<String>,
) -> io::Result<Records> {
    let reader = match (format, dialect, shape) {
        (Format::Csv, Some(dialect), _) => Reader::Delimited(DelimitedReader::new(
            decoded,
            dialect.delimiter_byte(),
            dialect.quote_byte(),
            dialect.terminator(),
        )),
        (Format::Json, _, &Shape::Inside { skip, line, .. }) => {
            io::copy(&mut (&mut decoded).take(skip), &mut io::sink())?;
            Reader::Json(JsonReader::inside(decoded, names, line, skip))
        }
        (Format::Json, _, Shape::Array) => Reader::Json(JsonReader::array(decoded, names)),
        (Format::Json, ..) => Reader::Json(JsonReader::values(decoded, names)),
        (Format::Ndjson, ..) => Reader::Json(JsonReader::lines(decoded, names)),
        _ => Reader::Delimited(DelimitedReader::new(decoded, b',', Some(b'"'), b'\n')),
    };
    Ok(Records { reader, joined: None })
}
