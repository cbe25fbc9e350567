//! The first pass over a source: what it is and how it is to be read.
//!
//! The survey reads the source to its end, takes the digest of its decoded content, and settles once per
//! column what no single cell can settle: decimal mark and date order. The passes after it read under the
//! [`Reading`] that comes out, so every pass sees the same records.

use crate::bytes::{self, Archive, Packing, SourceRead};
use crate::cents::{self, DecimalMark, MarkEvidence};
use crate::dates::{self, DateOrder, OrderEvidence};
use crate::delimited::DelimitedReader;
use crate::dialect::{self, Candidate, Dialect};
use crate::encoding::{self, Decoding, EncodingChoice, Utf8Census};
use crate::header::{self, MappedColumn, Mapping, MappingError};
use crate::json::JsonReader;
use crate::options::{Format, Convention, ReadOptions};
use crate::record::{FieldKind, Record};
use crate::sheet::{self, SheetChoice, SheetReader, Wanted};
use crate::columns::{Kind, Spec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use utoipa::ToSchema;

/// What workbooks begin with that are not zip files.
const OLD_WORKBOOK: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Opens a source at its beginning, as often as it is called.
pub type Opener<'a> = &'a (dyn Fn() -> io::Result<Box<dyn SourceRead>> + Send + Sync);

/// Why a source cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("the source is empty: not even a header")]
    Empty,
    #[error("{0}")]
    Options(String),
    #[error("{0}")]
    Mapping(#[from] MappingError),
    #[error(
        "{error}; so it is with {delimiter} between fields: `mapping` says which header stands for what, `delimiter` what else divides them"
    )]
    Headers { error: MappingError, delimiter: String },
    #[error(
        "with {delimiter} between fields, {wrong} of {records} records have another number of fields than the header, which has {width}; the first is on line {line}; `delimiter`, `quote` and `skip_lines` say how to read them"
    )]
    NotATable {
        delimiter: String,
        wrong: u64,
        records: u64,
        width: usize,
        line: u64,
    },
    #[error(
        "column `{header}` has conflicting numbers: line {comma} has a decimal comma, line {point} a decimal point; `decimal` says which is right"
    )]
    ConflictingMarks { header: String, comma: u64, point: u64 },
    #[error(
        "column `{header}` has conflicting dates: line {day_first} has the day first, line {month_first} the month; `date_order` says which is right"
    )]
    ConflictingDates {
        header: String,
        day_first: u64,
        month_first: u64,
    },
    #[error("{0}; a JSON source is an array of objects, or one object a line")]
    Objects(MappingError),
    #[error("the archive holds {0} files; send the one that is meant")]
    Zip(usize),
    #[error("the source is packed more than once; unpack it before it is sent")]
    PackedTwice,
    #[error(
        "this is a workbook of Excel 97 (.xls), or one that is protected by a password; save it as .xlsx without a password, or as CSV"
    )]
    OldWorkbook,
    #[error(
        "`format` says one thing, the source is another: leave `format` out and it is told by its content"
    )]
    OtherFormat,
    #[error("the source cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl SurveyError {
    /// Whether another dialect might do better.
    fn is_of_dialect(&self) -> bool {
        matches!(self, Self::Headers { .. } | Self::NotATable { .. })
    }
}

/// Where a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The request says so.
    Option,
    /// At least one value reads only this way.
    Evidence,
    /// Every value reads both ways; the locale tips it.
    Assumed,
}

/// What was decided about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnDecision {
    /// The column.
    #[schema(example = "amount")]
    pub column: String,
    /// The decimal mark, for amounts that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalMark>,
    /// The order of day and month, for dates that do not begin with the year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// Where the decision comes from.
    pub decided_by: DecidedBy,
}

/// What was decided about a source, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decisions {
    /// The format.
    pub format: Format,
    /// How it was packed: `gzip` or `zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<String>,
    /// The encoding.
    #[schema(example = "windows-1252")]
    pub encoding: String,
    /// Why this encoding.
    pub encoding_why: String,
    /// How lines are cut into fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Why so, and how many records it fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect_why: Option<String>,
    /// The sheet of a workbook that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<SheetChoice>,
    /// The headers, in their order; for objects, the names of their members.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Which header fills which column.
    pub mapping: Vec<MappedColumn>,
    /// Headers that fill no column.
    pub ignored_headers: Vec<String>,
    /// What was decided about columns whose values alone do not say.
    pub columns: Vec<ColumnDecision>,
}

/// How a source is read: everything that was decided about it.
#[derive(Debug, Clone)]
pub struct Reading {
    pub packing: Packing,
    pub encoding: EncodingChoice,
    pub format: Format,
    pub dialect: Option<Dialect>,
    pub sheet: Option<SheetChoice>,
    /// The headers, or the names of the objects' members.
    pub headers: Vec<String>,
    pub mapping: Mapping,
    /// For each column of the table, the decimal mark.
    pub marks: Vec<DecimalMark>,
    /// For each column of the table, the date order.
    pub orders: Vec<DateOrder>,
    pub strict: bool,
}

/// What the survey found.
#[derive(Debug)]
pub struct Survey {
    pub reading: Reading,
    pub decisions: Decisions,
    /// How many records there are, the header not counted.
    pub records: u64,
    /// BLAKE3 of the decoded content, in hexadecimal.
    pub digest: String,
    /// What is odd about the source but does not keep it from being read.
    pub notes: Vec<String>,
}

/// The records of a source, whatever its format.
pub enum Records {
    Delimited(DelimitedReader<Box<dyn Read + Send>>),
    Json(JsonReader<Box<dyn Read + Send>>),
    Sheet(SheetReader),
}

impl Records {
    /// Fills `record` with the next one; `false` at the end.
    pub fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        match self {
            Self::Delimited(reader) => reader.next(record),
            Self::Json(reader) => reader.next(record),
            Self::Sheet(reader) => Ok(reader.next(record)),
        }
    }

    /// Passes over lines before the header.
    fn skip_lines(&mut self, count: u64) -> io::Result<()> {
        match self {
            Self::Delimited(reader) => reader.skip_lines(count),
            Self::Json(_) | Self::Sheet(_) => Ok(()),
        }
    }

    /// Whether the source ended within the record that came last.
    fn is_cut_off(&self) -> bool {
        matches!(self, Self::Delimited(reader) if !reader.ended_with_newline)
    }

    /// What is odd about the end of the source, once it is reached.
    fn note_on_end(&self) -> Option<&'static str> {
        match self {
            Self::Delimited(reader) if !reader.ended_with_newline => {
                Some("the last line has no line break: the source may have been cut off")
            }
            Self::Json(reader) if !reader.ended_well => {
                Some("the array is not closed: the source was cut off")
            }
            _ => None,
        }
    }
}

impl Reading {
    /// The records of `source` from its beginning, the header passed over.
    pub fn open(
        &self,
        source: Box<dyn SourceRead>,
        spec: &Spec,
        progress: &Arc<AtomicU64>,
    ) -> io::Result<Records> {
        if matches!(self.format, Format::Xlsx | Format::Ods) {
            let sheet = sheet::open(
                source,
                self.format == Format::Ods,
                &Wanted {
                    sheet: self.sheet.as_ref().map(|sheet| sheet.name.as_str()),
                    skip_lines: self.sheet.as_ref().map(|sheet| sheet.skip_lines),
                    spec,
                    mapping: &BTreeMap::new(),
                },
            )?;
            let mut records = Records::Sheet(sheet);
            records.next(&mut Record::default())?;
            return Ok(records);
        }
        let unpacked = bytes::unpack(source, self.packing, progress)?;
        let decoded: Box<dyn Read + Send> = Box::new(Decoding::new(unpacked, &self.encoding));
        let mut records = records(decoded, self.format, self.dialect.as_ref(), self.headers.clone());
        if let Some(dialect) = &self.dialect {
            records.skip_lines(dialect.skip_lines)?;
            records.next(&mut Record::default())?;
        }
        Ok(records)
    }
}

fn records(
    decoded: Box<dyn Read + Send>,
    format: Format,
    dialect: Option<&Dialect>,
    names: Vec<String>,
) -> Records {
    match (format, dialect) {
        (Format::Csv, Some(dialect)) => Records::Delimited(DelimitedReader::new(
            decoded,
            dialect.delimiter_byte(),
            dialect.quote_byte(),
            dialect.terminator(),
        )),
        (Format::Json, _) => Records::Json(JsonReader::array(decoded, names)),
        (Format::Ndjson, _) => Records::Json(JsonReader::lines(decoded, names)),
        (Format::Csv | Format::Xlsx | Format::Ods, _) => {
            Records::Delimited(DelimitedReader::new(decoded, b',', Some(b'"'), b'\n'))
        }
    }
}

/// Surveys the source that `open` opens, meant for the table `spec`. `limit` stops after so many bytes of decoded
/// text: a preview.
pub fn survey(
    open: Opener<'_>,
    spec: &'static Spec,
    options: &ReadOptions,
    key_needed: bool,
    progress: &Arc<AtomicU64>,
    limit: Option<u64>,
) -> Result<Survey, SurveyError> {
    let locale = options.locale.unwrap_or_default();
    let head = bytes::head(open()?.as_mut(), OLD_WORKBOOK.len())?;
    if head == OLD_WORKBOOK {
        return Err(SurveyError::OldWorkbook);
    }
    let packing = Packing::of(&head);
    let archive = if packing == Packing::Zip {
        Some(bytes::archive(open()?.as_mut())?)
    } else {
        None
    };
    let workbook = match archive {
        Some(Archive::Many(files)) => return Err(SurveyError::Zip(files)),
        Some(Archive::Xlsx) => Some(Format::Xlsx),
        Some(Archive::Ods) => Some(Format::Ods),
        Some(Archive::One(_)) | None => None,
    };
    match (workbook, options.format) {
        (Some(format), None) => return survey_sheet(open()?, format, spec, options, key_needed),
        (Some(format), Some(said)) if format == said => {
            return survey_sheet(open()?, format, spec, options, key_needed);
        }
        (Some(_), Some(_)) | (None, Some(Format::Xlsx | Format::Ods)) => {
            return Err(SurveyError::OtherFormat);
        }
        (None, _) => {}
    }
    let limited = |reader: Box<dyn Read + Send>| -> Box<dyn Read + Send> {
        match limit {
            Some(limit) => Box::new(Lenient(reader).take(limit)),
            None => reader,
        }
    };
    let unpacked = || Ok::<_, io::Error>(limited(bytes::unpack(open()?, packing, progress)?));

    if packing != Packing::Plain {
        let mut head = Vec::new();
        unpacked()?.take(4).read_to_end(&mut head)?;
        if Packing::of(&head) != Packing::Plain {
            return Err(SurveyError::PackedTwice);
        }
    }

    let text = Text {
        unpacked: &unpacked,
        packing,
        whole: limit.is_none(),
        spec,
        options,
        key_needed,
    };

    // Mostly it is UTF-8, and reading it shows: then one pass does.
    if text.whole
        && options.encoding.is_none()
        && let Some(encoding) = encoding::assume_utf8(unpacked()?)?
        && let Some(surveyed) = text.survey_assuming(&encoding)?
    {
        return Ok(surveyed);
    }
    let mut encoding = encoding::detect(unpacked()?, locale.domain(), limit.is_none())?;
    if let Some(wanted) = options.encoding().map_err(SurveyError::Options)? {
        let marked = encoding.mark_bytes > 0 && encoding.encoding == wanted;
        encoding = EncodingChoice {
            encoding: wanted,
            mark_bytes: if marked { encoding.mark_bytes } else { 0 },
            why: "the request says so",
        };
    }
    text.survey(&encoding, None)
}

/// A text to be surveyed.
struct Text<'a> {
    unpacked: &'a dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    packing: Packing,
    /// Whether it is all of the source, or only its beginning.
    whole: bool,
    spec: &'static Spec,
    options: &'a ReadOptions,
    key_needed: bool,
}

impl Text<'_> {
    /// Surveys it in `encoding`, which is UTF-8. `None` where it turns out to be something else, or where
    /// nothing can be made of it so.
    fn survey_assuming(&self, encoding: &EncodingChoice) -> Result<Option<Survey>, SurveyError> {
        let utf8 = SharedCensus::default();
        let surveyed = self.survey(encoding, Some(&utf8));
        let clean = utf8
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_clean();
        match surveyed {
            _ if !clean => Ok(None),
            Ok(survey) => Ok(Some(survey)),
            Err(SurveyError::Io(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Surveys it in `encoding`; `utf8` watches what is read.
    fn survey(&self, encoding: &EncodingChoice, utf8: Option<&SharedCensus>) -> Result<Survey, SurveyError> {
        let decoded = || Ok::<_, io::Error>(Decoding::new((self.unpacked)()?, encoding));
        let mut head = Vec::new();
        decoded()?
            .take(dialect::HEAD_BYTES as u64)
            .read_to_end(&mut head)?;
        let format = self.options.format.unwrap_or_else(|| format_of(&head));
        if format != Format::Csv {
            drop(head);
            return self.survey_as(encoding, format, None, utf8);
        }
        let candidates = dialect::candidates(&head, self.spec, self.options).map_err(SurveyError::Options)?;
        drop(head);
        // The first that the whole source bears out; where none is, what was wrong with the best.
        let mut contradicted: Option<(Dialect, SurveyError)> = None;
        for mut candidate in candidates {
            if let Some((dialect, SurveyError::NotATable { wrong, records, .. })) = &contradicted {
                candidate.why = format!(
                    "{wrong} of {records} records do not fit with {}; {}",
                    dialect.delimiter_name(),
                    candidate.why
                );
            }
            let dialect = candidate.dialect.clone();
            match self.survey_as(encoding, format, Some(candidate), utf8) {
                Err(error) if error.is_of_dialect() => {
                    contradicted.get_or_insert((dialect, error));
                }
                outcome => return outcome,
            }
        }
        Err(contradicted.map_or(SurveyError::Empty, |(_, error)| error))
    }

    /// Surveys it in `encoding` as `format`, cut as `candidate` says.
    fn survey_as(
        &self,
        encoding: &EncodingChoice,
        format: Format,
        candidate: Option<Candidate>,
        utf8: Option<&SharedCensus>,
    ) -> Result<Survey, SurveyError> {
        let locale = self.options.locale.unwrap_or_default();
        if let Some(utf8) = utf8 {
            *utf8.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Utf8Census::default();
        }
        let is_below_titles = candidate
            .as_ref()
            .is_some_and(|candidate| candidate.is_below_titles);
        let (dialect, why) = candidate
            .map(|candidate| (candidate.dialect, candidate.why))
            .unzip();
        let decoded = Decoding::new((self.unpacked)()?, encoding);
        let (hashing, digest) = Hashing::new(decoded, utf8.cloned());
        let mut records = records(Box::new(hashing), format, dialect.as_ref(), Vec::new());
        let mut census = Census::default();
        let (headers, mapping) = match &dialect {
            Some(dialect) => census.take_table(&mut records, dialect, self)?,
            None => census.take_objects(&mut records, self.spec, self.options, self.key_needed)?,
        };
        let form = Form {
            packing: self.packing,
            encoding: encoding.clone(),
            format,
            dialect_why: why.map(|why| format!("{why}; {}", census.fit(self.whole))),
            dialect,
            sheet: None,
        };
        let settled = census.decide(self.spec, headers, mapping, self.options, locale)?;
        let mut notes = settled.notes();
        if let Some(dialect) = form.dialect.as_ref().filter(|_| is_below_titles) {
            notes.extend(note_on_header(dialect.skip_lines));
        }
        if self.whole {
            notes.extend(
                records
                    .note_on_end()
                    .filter(|_| census.records > 0)
                    .map(str::to_owned),
            );
        }
        drop(records);
        Ok(finish(form, settled, census.records, &digest, notes))
    }
}

/// That lines stand before the header, in words.
fn note_on_header(skip_lines: u64) -> Option<String> {
    let line = skip_lines + 1;
    (skip_lines > 0).then(|| format!("the header is on line {line}; what stands before it was passed over"))
}

/// Surveys a workbook.
fn survey_sheet(
    source: Box<dyn SourceRead>,
    format: Format,
    spec: &'static Spec,
    options: &ReadOptions,
    key_needed: bool,
) -> Result<Survey, SurveyError> {
    let mut sheet = sheet::open(
        source,
        format == Format::Ods,
        &Wanted {
            sheet: options.sheet.as_deref(),
            skip_lines: options.skip_lines,
            spec,
            mapping: &options.mapping,
        },
    )?;
    let mut record = Record::default();
    if !sheet.next(&mut record) {
        return Err(SurveyError::Empty);
    }
    let headers = record.texts();
    let digest = Digest(Arc::new(std::sync::Mutex::new(blake3::Hasher::new())));
    digest.update(&record.raw);
    let mapping = header::map(spec, &headers, &options.mapping, key_needed)?;
    let mut census = Census::default();
    census.watch(spec, &mapping);
    while sheet.next(&mut record) {
        digest.update(&record.raw);
        digest.update(b"\n");
        census.take(&record, headers.len());
    }
    let form = Form {
        packing: Packing::Plain,
        encoding: EncodingChoice {
            encoding: encoding_rs::UTF_8,
            mark_bytes: 0,
            why: "workbooks hold Unicode",
        },
        format,
        dialect: None,
        dialect_why: None,
        sheet: Some(sheet.choice.clone()),
    };
    let settled = census.decide(
        spec,
        headers,
        mapping,
        options,
        options.locale.unwrap_or_default(),
    )?;
    let mut notes = settled.notes();
    if options.skip_lines.is_none() {
        notes.extend(note_on_header(sheet.choice.skip_lines));
    }
    Ok(finish(form, settled, census.records, &digest, notes))
}

/// The format of a text that begins with `head`.
fn format_of(head: &[u8]) -> Format {
    match head.trim_ascii_start().first() {
        Some(b'[') => Format::Json,
        Some(b'{') => Format::Ndjson,
        _ => Format::Csv,
    }
}

/// What was decided about a source as a whole.
struct Form {
    packing: Packing,
    encoding: EncodingChoice,
    format: Format,
    dialect: Option<Dialect>,
    dialect_why: Option<String>,
    sheet: Option<SheetChoice>,
}

fn finish(form: Form, settled: Settled, records: u64, digest: &Digest, notes: Vec<String>) -> Survey {
    Survey {
        decisions: Decisions {
            format: form.format,
            packing: form.packing.name().map(str::to_owned),
            encoding: form.encoding.encoding.name().to_owned(),
            encoding_why: form.encoding.why.to_owned(),
            dialect: form.dialect.clone(),
            dialect_why: form.dialect_why,
            sheet: form.sheet.clone(),
            headers: settled.headers.clone(),
            mapping: settled.mapping.matched.clone(),
            ignored_headers: settled.mapping.ignored.clone(),
            columns: settled.columns,
        },
        reading: Reading {
            packing: form.packing,
            encoding: form.encoding,
            format: form.format,
            dialect: form.dialect,
            sheet: form.sheet,
            headers: settled.headers,
            mapping: settled.mapping,
            marks: settled.marks,
            orders: settled.orders,
            strict: settled.strict,
        },
        records,
        digest: digest.hex(),
        notes,
    }
}

/// What is known of the values of one field.
#[derive(Debug, Clone, Copy, Default)]
struct FieldEvidence {
    /// Lines of the first value that only reads so; `ambiguous` counts those that read both ways.
    comma: Option<u64>,
    point: Option<u64>,
    ambiguous_mark: u64,
    day_first: Option<u64>,
    month_first: Option<u64>,
    ambiguous_order: u64,
}

/// Counts over all records.
#[derive(Debug, Default)]
struct Census {
    records: u64,
    wrong_width: u64,
    /// The line of the first record that is not as wide as the header.
    first_wrong: Option<u64>,
    fields: Vec<FieldEvidence>,
    /// Which fields are amounts and which dates; `None` watches all as both.
    watched: Option<Vec<(usize, Kind)>>,
}

/// What was decided about the columns.
struct Settled {
    headers: Vec<String>,
    mapping: Mapping,
    marks: Vec<DecimalMark>,
    orders: Vec<DateOrder>,
    strict: bool,
    columns: Vec<ColumnDecision>,
}

impl Settled {
    /// What was assumed, in words.
    fn notes(&self) -> Vec<String> {
        self.columns
            .iter()
            .filter(|decision| decision.decided_by == DecidedBy::Assumed)
            .map(|decision| {
                let what = match (decision.decimal, decision.date_order) {
                    (Some(DecimalMark::Comma), _) => "a decimal comma",
                    (Some(DecimalMark::Point), _) => "a decimal point",
                    (_, Some(DateOrder::DayFirst)) => "the day first",
                    _ => "the month first",
                };
                format!(
                    "column `{}`: every value reads two ways; {what} was assumed",
                    decision.column
                )
            })
            .collect()
    }
}

impl Census {
    /// Counts all records of a table with a header.
    fn take_table(
        &mut self,
        records: &mut Records,
        dialect: &Dialect,
        text: &Text<'_>,
    ) -> Result<(Vec<String>, Mapping), SurveyError> {
        let options = text.options;
        let mut record = Record::default();
        records.skip_lines(dialect.skip_lines)?;
        if !records.next(&mut record)? {
            return Err(SurveyError::Empty);
        }
        let headers = record.texts();
        let mapping = header::map(text.spec, &headers, &options.mapping, text.key_needed).map_err(
            |error| match error {
                MappingError::MissingColumns { .. } if options.delimiter.is_none() => SurveyError::Headers {
                    error,
                    delimiter: dialect.delimiter_name(),
                },
                error => error.into(),
            },
        )?;
        self.watch(text.spec, &mapping);
        while records.next(&mut record)? {
            // A preview ends somewhere, mostly within a record.
            let is_cut = !text.whole && records.is_cut_off() && !record.is_as_wide_as(headers.len());
            if !is_cut {
                self.take(&record, headers.len());
            }
        }
        // Who says how lines are cut, and where they begin, gets each line that is not so listed instead.
        let is_said = options.delimiter.is_some() && options.skip_lines.is_some();
        if !is_said && self.wrong_width > 0 && self.wrong_width * 2 > self.records {
            return Err(SurveyError::NotATable {
                delimiter: dialect.delimiter_name(),
                wrong: self.wrong_width,
                records: self.records,
                width: headers.len(),
                line: self.first_wrong.unwrap_or_default(),
            });
        }
        Ok((headers, mapping))
    }

    /// Counts all records that are objects; their names are known at the end.
    fn take_objects(
        &mut self,
        records: &mut Records,
        spec: &'static Spec,
        options: &ReadOptions,
        key_needed: bool,
    ) -> Result<(Vec<String>, Mapping), SurveyError> {
        let mut record = Record::default();
        while records.next(&mut record)? {
            self.take(&record, 0);
        }
        let headers = match records {
            Records::Json(reader) => reader.names.clone(),
            Records::Delimited(_) | Records::Sheet(_) => Vec::new(),
        };
        if self.records > 0 {
            let mapping =
                header::map(spec, &headers, &options.mapping, key_needed).map_err(SurveyError::Objects)?;
            return Ok((headers, mapping));
        }
        if records.note_on_end().is_some() {
            return Err(SurveyError::Empty);
        }
        let mapping = Mapping {
            fields: vec![None; spec.columns.len()],
            matched: Vec::new(),
            ignored: Vec::new(),
        };
        Ok((headers, mapping))
    }

    /// How many records fit the dialect, in words.
    fn fit(&self, whole: bool) -> String {
        let looked_at = if whole { "" } else { " looked at" };
        match (self.records, self.wrong_width) {
            (0, _) => "there are no records".to_owned(),
            (1, 0) => format!("the one record{looked_at} has as many fields as the header"),
            (records, 0) => format!("all {records} records{looked_at} have as many fields as the header"),
            (records, wrong) => format!(
                "{} of {records} records{looked_at} have as many fields as the header",
                records - wrong
            ),
        }
    }

    /// Looks only at the fields that `mapping` gives a meaning.
    fn watch(&mut self, spec: &Spec, mapping: &Mapping) {
        let watched = spec
            .columns
            .iter()
            .zip(&mapping.fields)
            .filter_map(|(column, field)| field.map(|field| (field, column.kind)))
            .filter(|(_, kind)| matches!(kind, Kind::Cents | Kind::Date | Kind::Month))
            .collect();
        self.watched = Some(watched);
    }

    /// Counts `record`; `width` is the header's, 0 when there is none.
    fn take(&mut self, record: &Record, width: usize) {
        self.records += 1;
        if record.fault.is_some() {
            return;
        }
        if width > 0 && !record.is_as_wide_as(width) {
            self.wrong_width += 1;
            self.first_wrong.get_or_insert(record.line);
            return;
        }
        if self.fields.len() < record.len() {
            self.fields.resize(record.len(), FieldEvidence::default());
        }
        if let Some(watched) = &self.watched {
            for &(field, kind) in watched {
                look(
                    &mut self.fields[field],
                    record,
                    field,
                    kind != Kind::Cents,
                    kind == Kind::Cents,
                );
            }
        } else {
            for field in 0..record.len() {
                look(&mut self.fields[field], record, field, true, true);
            }
        }
    }

    fn decide(
        &self,
        spec: &Spec,
        headers: Vec<String>,
        mapping: Mapping,
        options: &ReadOptions,
        locale: Convention,
    ) -> Result<Settled, SurveyError> {
        let mut marks = vec![options.decimal.unwrap_or(DecimalMark::Point); spec.columns.len()];
        let mut orders = vec![options.date_order.unwrap_or(locale.date_order()); spec.columns.len()];
        let mut columns = Vec::new();
        for (index, column) in spec.columns.iter().enumerate() {
            let Some(field) = mapping.fields[index] else {
                continue;
            };
            let evidence = self.fields.get(field).copied().unwrap_or_default();
            if column.kind == Kind::Cents {
                let (mark, decided_by) = match (options.decimal, evidence.comma, evidence.point) {
                    (Some(mark), _, _) => (mark, DecidedBy::Option),
                    (None, Some(comma), Some(point)) => {
                        return Err(SurveyError::ConflictingMarks {
                            header: headers[field].clone(),
                            comma,
                            point,
                        });
                    }
                    (None, Some(_), None) => (DecimalMark::Comma, DecidedBy::Evidence),
                    (None, None, Some(_)) => (DecimalMark::Point, DecidedBy::Evidence),
                    (None, None, None) if evidence.ambiguous_mark > 0 => {
                        (locale.decimal(), DecidedBy::Assumed)
                    }
                    (None, None, None) => continue,
                };
                marks[index] = mark;
                columns.push(ColumnDecision {
                    column: column.name.to_owned(),
                    decimal: Some(mark),
                    date_order: None,
                    decided_by,
                });
            }
            if matches!(column.kind, Kind::Date | Kind::Month) {
                let (order, decided_by) = match (options.date_order, evidence.day_first, evidence.month_first)
                {
                    (Some(order), _, _) => (order, DecidedBy::Option),
                    (None, Some(day_first), Some(month_first)) => {
                        return Err(SurveyError::ConflictingDates {
                            header: headers[field].clone(),
                            day_first,
                            month_first,
                        });
                    }
                    (None, Some(_), None) => (DateOrder::DayFirst, DecidedBy::Evidence),
                    (None, None, Some(_)) => (DateOrder::MonthFirst, DecidedBy::Evidence),
                    (None, None, None) if evidence.ambiguous_order > 0 => {
                        (locale.date_order(), DecidedBy::Assumed)
                    }
                    (None, None, None) => continue,
                };
                orders[index] = order;
                columns.push(ColumnDecision {
                    column: column.name.to_owned(),
                    decimal: None,
                    date_order: Some(order),
                    decided_by,
                });
            }
        }
        // A whole number has no mark of its own: it follows the amounts beside it.
        let written = columns.iter().find_map(|decision| decision.decimal);
        for (index, column) in spec.columns.iter().enumerate() {
            if column.kind == Kind::Integer {
                marks[index] = options.decimal.or(written).unwrap_or(DecimalMark::Point);
            }
        }
        Ok(Settled {
            headers,
            mapping,
            marks,
            orders,
            strict: options.strict,
            columns,
        })
    }
}

fn look(evidence: &mut FieldEvidence, record: &Record, field: usize, dates: bool, amounts: bool) {
    let (bytes, kind) = record.field(field);
    if kind != FieldKind::Written {
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if amounts {
        match cents::evidence(text) {
            MarkEvidence::Silent => {}
            MarkEvidence::Ambiguous => evidence.ambiguous_mark += 1,
            MarkEvidence::Says(DecimalMark::Comma) => {
                evidence.comma.get_or_insert(record.line);
            }
            MarkEvidence::Says(DecimalMark::Point) => {
                evidence.point.get_or_insert(record.line);
            }
        }
    }
    if dates && !is_iso(bytes) {
        match dates::evidence(text) {
            OrderEvidence::Silent => {}
            OrderEvidence::Ambiguous => evidence.ambiguous_order += 1,
            OrderEvidence::Says(DateOrder::DayFirst) => {
                evidence.day_first.get_or_insert(record.line);
            }
            OrderEvidence::Says(DateOrder::MonthFirst) => {
                evidence.month_first.get_or_insert(record.line);
            }
        }
    }
}

/// Whether `bytes` look like `2023-11-03`, which says nothing about the order of other dates.
fn is_iso(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, b'-', _, _, b'-', _, _])
}

/// Takes a source that breaks off for one that ends there: a packed preview is cut somewhere.
struct Lenient<R>(R);

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        match self.0.read(output) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome,
        }
    }
}

/// Whether what was read so far is UTF-8.
type SharedCensus = Arc<std::sync::Mutex<Utf8Census>>;

/// Passes bytes through and digests them.
struct Hashing<R> {
    source: R,
    shared: Digest,
    utf8: Option<SharedCensus>,
}

#[derive(Clone)]
struct Digest(Arc<std::sync::Mutex<blake3::Hasher>>);

impl Digest {
    fn update(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .update(bytes);
    }

    fn hex(&self) -> String {
        let hasher = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        hasher.finalize().to_hex().to_string()
    }
}

impl<R: Read> Hashing<R> {
    fn new(source: R, utf8: Option<SharedCensus>) -> (Self, Digest) {
        let shared = Digest(Arc::new(std::sync::Mutex::new(blake3::Hasher::new())));
        (
            Self {
                source,
                shared: shared.clone(),
                utf8,
            },
            shared,
        )
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(output)?;
        self.shared.update(&output[..count]);
        if let Some(utf8) = &self.utf8 {
            utf8.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .feed(&output[..count]);
        }
        Ok(count)
    }
}
