//! What all values of a source say together: how many records fit, which mark is decimal, which order dates have.

use super::{SurveyError, Written};
use crate::cents::{self, DecimalMark, MarkEvidence};
use crate::columns::{Kind, Spec};
use crate::dates::{self, DateOrder, OrderEvidence};
use crate::dialect::Dialect;
use crate::header::{self, Mapping, MappingError};
use crate::options::ReadOptions;
use crate::reading::{Records, WholeEvidence};
use crate::record::{FieldKind, Record};

/// Values that say the same: how many there are, and the first of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) line: u64,
    pub(super) example: String,
}

impl Seen {
    fn note(&mut self, line: u64, text: &str) {
        if self.count == 0 {
            self.line = line;
            self.example = text.trim().chars().take(40).collect();
        }
        self.count += 1;
    }
}

/// What is known of the values of one field.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldEvidence {
    /// Amounts that only read with this decimal mark.
    pub(super) comma: Seen,
    pub(super) point: Seen,
    /// Amounts with three digits behind their only mark: a comma, a point.
    pub(super) three_digits: [Seen; 2],
    /// Whole amounts without a mark, of less than a thousand and of more.
    pub(super) below_thousand: u64,
    pub(super) above_thousand: u64,
    /// Amounts in dollars or pounds, and in euros, among the first ones.
    pub(super) dollars: u64,
    pub(super) euros: u64,
    /// Dates that only read in this order, and those that read in both.
    pub(super) day_first: Seen,
    pub(super) month_first: Seen,
    pub(super) either_order: Seen,
    /// Dates with years of two digits, and numbers of days.
    pub(super) short_years: u64,
    pub(super) serials: u64,
    /// Of whole numbers and references: what its values are instead.
    pub(super) whole: WholeEvidence,
}

/// Of how many amounts of a field the currency is looked for.
const CURRENCIES: u64 = 1_000;

/// Counts over all records.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) records: u64,
    wrong_width: u64,
    /// The line of the first record that is not as wide as the header.
    first_wrong: Option<u64>,
    fields: Vec<FieldEvidence>,
    /// Which fields are amounts and which dates; `None` watches all as both.
    watched: Option<Vec<(usize, Kind)>>,
}

impl Census {
    /// Counts all records of a table with a header.
    pub(super) fn take_table(
        &mut self,
        records: &mut Records,
        dialect: &Dialect,
        text: &Written<'_>,
    ) -> Result<(Vec<String>, Mapping), SurveyError> {
        let options = text.options;
        let mut record = Record::default();
        records.skip_lines(dialect.skip_lines)?;
        if !records.next(&mut record)? {
            return Err(SurveyError::Empty);
        }
        let headers = record.texts();
        let named = header::named(&headers);
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
            let is_cut = !text.whole && records.is_cut_off() && !record.fits(named, headers.len());
            if !is_cut {
                self.take(&record, named, headers.len());
            }
        }
        // Who says how lines are cut, and where they begin, gets each line that is not so listed instead.
        let is_said = options.delimiter.is_some() && options.skip_lines.is_some();
        if !is_said && self.wrong_width > 0 && self.wrong_width * 2 > self.records {
            return Err(SurveyError::NotATable {
                delimiter: dialect.delimiter_name(),
                wrong: self.wrong_width,
                records: self.records,
                width: named,
                line: self.first_wrong.unwrap_or_default(),
            });
        }
        Ok((headers, mapping))
    }

    /// Counts all records that are objects; their names are known at the end.
    pub(super) fn take_objects(
        &mut self,
        records: &mut Records,
        spec: &'static Spec,
        options: &ReadOptions,
        key_needed: bool,
    ) -> Result<(Vec<String>, Mapping), SurveyError> {
        let mut record = Record::default();
        while records.next(&mut record)? {
            self.take(&record, 0, 0);
        }
        let headers = records.names().to_vec();
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
    pub(super) fn fit(&self, whole: bool) -> String {
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
    pub(super) fn watch(&mut self, spec: &Spec, mapping: &Mapping) {
        let watched = spec
            .columns
            .iter()
            .zip(&mapping.fields)
            .filter_map(|(column, field)| field.map(|field| (field, column.kind)))
            .filter(|(_, kind)| *kind != Kind::Text)
            .collect();
        self.watched = Some(watched);
    }

    /// Counts `record`; `width` is the header's, up to its last name and in all, 0 when there is none.
    pub(super) fn take(&mut self, record: &Record, named: usize, width: usize) {
        self.records += 1;
        if record.fault.is_some() {
            return;
        }
        if width > 0 && !record.fits(named, width) {
            self.wrong_width += 1;
            self.first_wrong.get_or_insert(record.line);
            return;
        }
        if self.fields.len() < record.width() {
            self.fields.resize(record.width(), FieldEvidence::default());
        }
        if let Some(watched) = &self.watched {
            for &(field, kind) in watched {
                let evidence = &mut self.fields[field];
                match kind {
                    Kind::Integer | Kind::Reference(_) => look_at_whole(evidence, record, field),
                    Kind::Cents => look(evidence, record, field, false, true),
                    Kind::Date | Kind::Month | Kind::Text => look(evidence, record, field, true, false),
                }
            }
        } else {
            for field in 0..record.width() {
                look(&mut self.fields[field], record, field, true, true);
                look_at_whole(&mut self.fields[field], record, field);
            }
        }
    }

    /// What is known of the values of field `index`.
    pub(super) fn field(&self, index: usize) -> Option<&FieldEvidence> {
        self.fields.get(index)
    }
}

/// Looks whether the value is a plain whole number; an empty one may be.
fn look_at_whole(evidence: &mut FieldEvidence, record: &Record, field: usize) {
    let bytes = record.field(field).0.trim_ascii();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.iter().all(u8::is_ascii_digit) && digits.len() < 19 {
        if digits.len() > 1 && digits[0] == b'0' {
            evidence.whole.zero_led += 1;
        }
        return;
    }
    let fraction = digits.iter().position(|byte| matches!(byte, b',' | b'.'));
    match fraction {
        Some(at)
            if digits[..at]
                .iter()
                .chain(&digits[at + 1..])
                .all(u8::is_ascii_digit) =>
        {
            evidence.whole.fractions += u64::from(digits[at + 1..].iter().any(|digit| *digit != b'0'));
        }
        _ => evidence.whole.others += 1,
    }
}

/// Takes note of what the value of `field` in `record` says.
fn look(evidence: &mut FieldEvidence, record: &Record, field: usize, dates: bool, amounts: bool) {
    let (bytes, kind) = record.field(field);
    if kind != FieldKind::Written {
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let line = record.line;
    if amounts {
        look_at_amount(evidence, line, text);
    }
    if dates && !is_iso(bytes) {
        let sighting = dates::sighting(text);
        evidence.short_years += u64::from(sighting.short_year);
        evidence.serials += u64::from(sighting.serial);
        match sighting.order {
            OrderEvidence::Silent => {}
            OrderEvidence::Ambiguous => evidence.either_order.note(line, text),
            OrderEvidence::Says(DateOrder::DayFirst) => evidence.day_first.note(line, text),
            OrderEvidence::Says(DateOrder::MonthFirst) => evidence.month_first.note(line, text),
        }
    }
}

fn look_at_amount(evidence: &mut FieldEvidence, line: u64, text: &str) {
    match cents::evidence(text) {
        MarkEvidence::Silent => return,
        MarkEvidence::Whole(true) => evidence.below_thousand += 1,
        MarkEvidence::Whole(false) => evidence.above_thousand += 1,
        MarkEvidence::Ambiguous(DecimalMark::Comma) => evidence.three_digits[0].note(line, text),
        MarkEvidence::Ambiguous(DecimalMark::Point) => evidence.three_digits[1].note(line, text),
        MarkEvidence::Says(DecimalMark::Comma) => evidence.comma.note(line, text),
        MarkEvidence::Says(DecimalMark::Point) => evidence.point.note(line, text),
    }
    // A currency stands at one of the ends.
    let is_plain = matches!(text.as_bytes(), [b'0'..=b'9' | b'-', .., b'0'..=b'9'] | [_]);
    if !is_plain && evidence.dollars + evidence.euros < CURRENCIES {
        match cents::currency(text) {
            Some("$" | "USD" | "GBP" | "CAD" | "AUD" | "NZD") => evidence.dollars += 1,
            Some("EUR") => evidence.euros += 1,
            _ => {}
        }
    }
}

/// Whether `bytes` look like `2023-11-03`, which says nothing about the order of other dates.
fn is_iso(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, b'-', _, _, b'-', _, _])
}
