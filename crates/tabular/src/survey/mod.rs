//! The first pass over a source, a sniffer that reads to the end: what it is and how it is to be read.
//!
//! The survey takes the digest of the decoded content, and settles once per column what no single cell can
//! settle: decimal mark and date order. The passes after it read under the [`Reading`] that comes out, so every
//! pass sees the same records.
//!
//! `census` counts what the values say, `settle` decides by it, `digest` watches the bytes go by, `error` says why nothing can be made
//! of a source.

mod census;
mod digest;
mod error;
mod settle;

pub use error::SurveyError;

use crate::bytes::{self, Archive, Packing, SourceRead};
use crate::code_pages::Charset;
use crate::columns::Spec;
use crate::decisions::Decisions;
use crate::dialect::{self, Candidate, Dialect};
use crate::encoding::{self, Decoding, EncodingChoice, Utf8Census};
use crate::header;
use crate::json::{self, Shape};
use crate::magic;
use crate::options::{Format, ReadOptions};
use crate::reading::{Reading, records};
use crate::record::Record;
use crate::text::Text;
use crate::workbook::{self, SheetChoice, Wanted};
use census::Census;
use digest::{Digest, Hashing, SharedCensus};
use settle::{Settled, settle};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What workbooks begin with that are not zip files.
const OLD_WORKBOOK: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Opens a source at its beginning, as often as it is called.
pub type Opener<'a> = &'a (dyn Fn() -> io::Result<Box<dyn SourceRead>> + Send + Sync);

/// What the survey found.
#[derive(Debug)]
pub struct Survey {
    /// How to open its records.
    pub reading: Reading,
    /// The same as it is told.
    pub decisions: Decisions,
    /// How many records there are, the header not counted.
    pub records: u64,
    /// BLAKE3 of the decoded content, in hexadecimal.
    pub digest: String,
    /// What is odd about the source but does not keep it from being read.
    pub notes: Vec<Text>,
    /// The sheets of a workbook that are seen and have another header: they are not read.
    pub other_sheets: Vec<String>,
}

impl Survey {
    /// Lets its records have the fields of `joined` too, which have the headers `headers`.
    pub fn join(&mut self, joined: crate::Joined, headers: Vec<String>) {
        self.reading.headers.extend(headers);
        self.decisions.headers.clone_from(&self.reading.headers);
        self.reading.joined = Some(Arc::new(joined));
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
    let locale = options.convention();
    options.zone().map_err(SurveyError::Options)?;
    let head = bytes::head(open()?.as_mut(), OLD_WORKBOOK.len())?;
    let packing = Packing::of(&head);
    let archive = if packing == Packing::Zip {
        Some(bytes::archive(open()?.as_mut())?)
    } else {
        None
    };
    let mut beside = Vec::new();
    let workbook = match archive {
        Some(Archive::Many(files)) => return Err(SurveyError::Zip(files)),
        Some(Archive::Foreign(foreign)) => return Err(SurveyError::NoTable(foreign)),
        Some(Archive::Xlsx) => Some(Format::Xlsx),
        Some(Archive::Xlsb) => Some(Format::Xlsb),
        Some(Archive::Ods) => Some(Format::Ods),
        Some(Archive::One(_, others)) => {
            beside = others;
            None
        }
        None if head == OLD_WORKBOOK => Some(Format::Xls),
        None => None,
    };
    match (workbook, options.format) {
        (Some(format), None) => return survey_sheet(open()?, format, spec, options, key_needed),
        (Some(format), Some(said)) if format == said => {
            return survey_sheet(open()?, format, spec, options, key_needed);
        }
        (Some(_), Some(_)) => return Err(SurveyError::OtherFormat),
        (None, _) => {}
    }
    let limited = |reader: Box<dyn Read + Send>| -> Box<dyn Read + Send> {
        match limit {
            Some(limit) => Box::new(Lenient(reader).take(limit)),
            None => reader,
        }
    };
    let unpacked = || Ok::<_, io::Error>(limited(bytes::unpack(open()?, packing, progress)?));

    let mut head = Vec::new();
    unpacked()?
        .take(magic::HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    if packing != Packing::Plain && (Packing::of(&head) != Packing::Plain || head.starts_with(&OLD_WORKBOOK))
    {
        return Err(SurveyError::PackedTwice);
    }
    if let Some(foreign) = magic::foreign(&head) {
        return Err(SurveyError::NoTable(foreign));
    }
    if options.format.is_some_and(Format::is_workbook) {
        return Err(SurveyError::OtherFormat);
    }

    let text = Written {
        unpacked: &unpacked,
        beside: &beside,
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
            is_mixed: false,
            mark_bytes: if marked { encoding.mark_bytes } else { 0 },
            why: "the request says so",
        };
    }
    text.survey(&encoding, None)
}

/// A text to be surveyed.
struct Written<'a> {
    unpacked: &'a dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    /// The names of what stands beside it in an archive.
    beside: &'a [String],
    packing: Packing,
    /// Whether it is all of the source, or only its beginning.
    whole: bool,
    spec: &'static Spec,
    options: &'a ReadOptions,
    key_needed: bool,
}

impl Written<'_> {
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
            let recognised = |names: &[String]| header::recognised(self.spec, names, &self.options.mapping);
            let shape = json::shape(&head, recognised);
            let format = match shape {
                Shape::Lines if self.options.format.is_none() => Format::Ndjson,
                _ if self.options.format.is_none() => Format::Json,
                _ => format,
            };
            drop(head);
            return self.survey_as(encoding, format, None, shape, utf8);
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
            match self.survey_as(encoding, format, Some(candidate), Shape::Lines, utf8) {
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
        shape: Shape,
        utf8: Option<&SharedCensus>,
    ) -> Result<Survey, SurveyError> {
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
        let mut records = records(Box::new(hashing), format, dialect.as_ref(), &shape, Vec::new())?;
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
            shape,
            sheets: Vec::new(),
        };
        let delimiter = form.dialect.as_ref().map(|dialect| dialect.delimiter);
        let settled = settle(&census, self.spec, headers, mapping, self.options, delimiter);
        let mut notes = settled.notes.clone();
        if let Shape::Inside { member, .. } = &form.shape {
            notes.push(Text::new(
                format!("the records are those of the member `{member}`"),
                format!("les enregistrements sont ceux du membre `{member}`"),
            ));
        }
        if !self.beside.is_empty() {
            let others = header::list(self.beside);
            notes.push(Text::new(
                format!("the archive also holds {others}: left out"),
                format!("l’archive contient aussi {others} : laissé de côté"),
            ));
        }
        if let Some(dialect) = form.dialect.as_ref().filter(|_| is_below_titles) {
            notes.extend(note_on_header(dialect.skip_lines));
        }
        if self.whole {
            notes.extend(records.note_on_end().filter(|_| census.records > 0));
        }
        drop(records);
        Ok(finish(form, settled, census.records, &digest, notes))
    }
}

/// That lines stand before the header, in words.
fn note_on_header(skip_lines: u64) -> Option<Text> {
    let line = skip_lines + 1;
    (skip_lines > 0).then(|| {
        Text::new(
            format!("the header is on line {line}; what stands before it was passed over"),
            format!("l’en-tête est à la ligne {line} ; ce qui précède n’est pas lu"),
        )
    })
}

/// Surveys a workbook.
fn survey_sheet(
    source: Box<dyn SourceRead>,
    format: Format,
    spec: &'static Spec,
    options: &ReadOptions,
    key_needed: bool,
) -> Result<Survey, SurveyError> {
    let mut sheet = workbook::open(
        source,
        format,
        &Wanted {
            sheet: options.sheet.as_deref(),
            skip_lines: options.skip_lines,
            spec,
            mapping: &options.mapping,
        },
    )?;
    let headers = sheet.headers.clone();
    let digest = Digest::new();
    digest.update(headers.join("\t").as_bytes());
    let mapping = header::map(spec, &headers, &options.mapping, key_needed)?;
    let mut census = Census::default();
    census.watch(spec, &mapping);
    let mut record = Record::default();
    while sheet.next(&mut record)? {
        digest.update(&record.raw);
        digest.update(b"\n");
        census.take(&record, 0, headers.len());
    }
    let form = Form {
        packing: Packing::Plain,
        encoding: EncodingChoice {
            encoding: Charset::Standard(encoding_rs::UTF_8),
            is_mixed: false,
            mark_bytes: 0,
            why: "workbooks hold Unicode",
        },
        format,
        dialect: None,
        dialect_why: None,
        shape: Shape::Lines,
        sheets: sheet.choices.clone(),
    };
    let settled = settle(&census, spec, headers, mapping, options, None);
    let mut notes = settled.notes.clone();
    notes.extend(sheet.notes.iter().cloned());
    let other_sheets = sheet.other_sheets.clone();
    if options.skip_lines.is_none() && sheet.choices.len() == 1 {
        notes.extend(note_on_header(sheet.choices[0].skip_lines));
    }
    let mut survey = finish(form, settled, census.records, &digest, notes);
    survey.other_sheets = other_sheets;
    Ok(survey)
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
    shape: Shape,
    sheets: Vec<SheetChoice>,
}

fn finish(form: Form, settled: Settled, records: u64, digest: &Digest, notes: Vec<Text>) -> Survey {
    Survey {
        decisions: Decisions {
            format: form.format,
            packing: form.packing.name().map(str::to_owned),
            encoding: form.encoding.encoding.name().to_owned(),
            encoding_why: form.encoding.why.to_owned(),
            dialect: form.dialect.clone(),
            dialect_why: form.dialect_why,
            sheet: form.sheets.first().cloned(),
            sheets: if form.sheets.len() > 1 {
                form.sheets.clone()
            } else {
                Vec::new()
            },
            headers: settled.headers.clone(),
            mapping: settled.mapping.matched.clone(),
            ignored_headers: settled.mapping.ignored.clone(),
            columns: settled.columns,
            questions: settled.questions,
        },
        reading: Reading {
            packing: form.packing,
            encoding: form.encoding,
            format: form.format,
            dialect: form.dialect,
            shape: form.shape,
            sheets: form.sheets,
            strict: settled.options.strict,
            zone: settled.options.zone().ok().flatten(),
            options: settled.options,
            headers: settled.headers,
            mapping: settled.mapping,
            marks: settled.marks,
            orders: settled.orders,
            whole: settled.whole,
            joined: None,
        },
        records,
        digest: digest.hex(),
        notes,
        other_sheets: Vec::new(),
    }
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
