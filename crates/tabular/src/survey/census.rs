//! What all values of a source say together: how many records fit, which mark is decimal, which order dates have.

use super::{SurveyError, Text};
use crate::cents::{self, DecimalMark, MarkEvidence};
use crate::columns::{Kind, Spec};
use crate::dates::{self, DateOrder, OrderEvidence};
use crate::decisions::{ColumnDecision, DecidedBy};
use crate::dialect::Dialect;
use crate::header::{self, Mapping, MappingError};
use crate::options::{Convention, ReadOptions};
use crate::reading::Records;
use crate::record::{FieldKind, Record};

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
pub(super) struct Census {
    pub(super) records: u64,
    wrong_width: u64,
    /// The line of the first record that is not as wide as the header.
    first_wrong: Option<u64>,
    fields: Vec<FieldEvidence>,
    /// Which fields are amounts and which dates; `None` watches all as both.
    watched: Option<Vec<(usize, Kind)>>,
}

/// What was decided about the columns.
pub(super) struct Settled {
    pub(super) headers: Vec<String>,
    pub(super) mapping: Mapping,
    pub(super) marks: Vec<DecimalMark>,
    pub(super) orders: Vec<DateOrder>,
    pub(super) options: ReadOptions,
    pub(super) columns: Vec<ColumnDecision>,
}

impl Settled {
    /// What was assumed, in words.
    pub(super) fn notes(&self) -> Vec<String> {
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
    pub(super) fn take_table(
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
    pub(super) fn take_objects(
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
            .filter(|(_, kind)| matches!(kind, Kind::Cents | Kind::Date | Kind::Month))
            .collect();
        self.watched = Some(watched);
    }

    /// Counts `record`; `width` is the header's, 0 when there is none.
    pub(super) fn take(&mut self, record: &Record, width: usize) {
        self.records += 1;
        if record.fault.is_some() {
            return;
        }
        if width > 0 && !record.is_as_wide_as(width) {
            self.wrong_width += 1;
            self.first_wrong.get_or_insert(record.line);
            return;
        }
        if self.fields.len() < record.width() {
            self.fields.resize(record.width(), FieldEvidence::default());
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
            for field in 0..record.width() {
                look(&mut self.fields[field], record, field, true, true);
            }
        }
    }

    pub(super) fn decide(
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
            options: options.clone(),
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
