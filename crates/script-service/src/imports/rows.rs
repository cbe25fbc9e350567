//! The second pass: a record becomes a row of its table, or a fault.

use super::fault::{FaultCode, RecordFault};
use super::ids::{References, SeenKeys};
use super::tables::{QUANTITY_MILLI, TableSpec as _};
use db_client::db_api::Value;
use script_api::ImportTable;
use tabular::{DecimalMark, FieldKind, Kind, Reading, Record, Spec, cents, dates};

/// Turns records into rows under a [`Reading`]. It remembers the keys it has seen.
#[derive(Debug)]
pub(crate) struct RowReader<'a> {
    spec: &'static Spec,
    reading: &'a Reading,
    /// The columns that the source has: their places in the table and in the record.
    columns: Vec<(usize, usize)>,
    has_key: bool,
    seen: SeenKeys,
    /// The last date as written, and as it is stored.
    last_date: (String, String),
}

impl<'a> RowReader<'a> {
    /// Reads rows of `table`.
    pub(crate) fn new(table: ImportTable, reading: &'a Reading) -> Self {
        let spec = table.spec();
        let columns: Vec<(usize, usize)> = reading
            .mapping
            .fields
            .iter()
            .enumerate()
            .filter_map(|(index, field)| field.map(|field| (index, field)))
            .collect();
        let has_key = (0..spec.key).all(|index| reading.mapping.fields[index].is_some());
        Self {
            spec,
            reading,
            columns,
            has_key,
            seen: SeenKeys::default(),
            last_date: Default::default(),
        }
    }

    /// The SQL names of the columns that rows have, in their order.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        self.columns
            .iter()
            .map(|&(index, _)| self.spec.columns[index].stored_as)
            .collect()
    }

    /// Reads `record` and puts its values behind `values`, in the order of [`RowReader::columns`]; whether an
    /// amount was rounded to cents. The first fault found is its fault, and then nothing is added.
    pub(crate) fn read(
        &mut self,
        record: &Record,
        references: &References,
        values: &mut Vec<Value>,
    ) -> Result<bool, RecordFault> {
        let before = values.len();
        let outcome = self.read_values(record, references, values);
        if outcome.is_err() {
            values.truncate(before);
        }
        outcome.map_err(|mut fault| {
            if let Some(sheet) = self.reading.sheet_of(record) {
                fault.message = format!("sheet `{sheet}`: {}", fault.message);
            }
            fault
        })
    }

    fn read_values(
        &mut self,
        record: &Record,
        references: &References,
        values: &mut Vec<Value>,
    ) -> Result<bool, RecordFault> {
        self.check_shape(record)?;
        let before = values.len();
        let mut rounded = false;
        for place in 0..self.columns.len() {
            let (index, field) = self.columns[place];
            let column = &self.spec.columns[index];
            let (bytes, kind) = record.field(field);
            // The record is UTF-8 as a whole, and fields end at ASCII characters.
            let text = std::str::from_utf8(bytes)
                .unwrap_or_default()
                .trim_matches(|character: char| character.is_whitespace());
            if text.is_empty() {
                if column.required {
                    return Err(RecordFault::of_field(
                        column.name,
                        "",
                        FaultCode::MissingValue,
                        format!("{} is empty", column.name),
                    ));
                }
                values.push(Value::Null);
                continue;
            }
            let value = self.read_value(index, text, kind, references, &mut rounded);
            let fault = |(code, message)| RecordFault::of_field(column.name, text, code, message);
            values.push(value.map_err(fault)?);
        }
        if self.has_key && !self.seen.insert(&values[before..before + self.spec.key]) {
            let (_, field) = self.columns[0];
            let value = String::from_utf8_lossy(record.field(field).0).into_owned();
            return Err(RecordFault::of_field(
                self.spec.columns[0].name,
                &value,
                FaultCode::DuplicateKeyInFile,
                "an earlier record of this source has the same key",
            ));
        }
        Ok(rounded)
    }

    /// What `text` in column `index` stands for; it sets `rounded` where decimals were rounded away. `Err` is what
    /// is wrong with it.
    fn read_value(
        &mut self,
        index: usize,
        text: &str,
        kind: FieldKind,
        references: &References,
        rounded: &mut bool,
    ) -> Result<Value, (FaultCode, String)> {
        let column = &self.spec.columns[index];
        if kind == FieldKind::Inexact && column.kind != Kind::Cents {
            let message = format!(
                "`{text}` has more digits than the workbook keeps of a number; format the column as text"
            );
            return Err((FaultCode::BadInteger, message));
        }
        let mark = if matches!(kind, FieldKind::Number | FieldKind::Inexact) {
            DecimalMark::Point
        } else {
            self.reading.marks[index]
        };
        Ok(match column.kind {
            Kind::Text => Value::Text(text.to_owned()),
            Kind::Integer => {
                let number = cents::parse_integer(text, mark);
                // Quantities are kept in thousandths.
                let factor = if column.stored_as == QUANTITY_MILLI {
                    1_000
                } else {
                    1
                };
                Value::Integer(
                    number
                        .and_then(|number| number.checked_mul(factor))
                        .ok_or_else(|| (FaultCode::BadInteger, format!("`{text}` is not a whole number")))?,
                )
            }
            Kind::Reference("products") => {
                Value::Integer(reference(text, &references.products, FaultCode::UnknownProduct)?)
            }
            Kind::Reference(_) => {
                Value::Integer(reference(text, &references.stores, FaultCode::UnknownStore)?)
            }
            Kind::Date => Value::Text(
                date(self.reading, index, text, &mut self.last_date)
                    .ok_or_else(|| (FaultCode::BadDate, format!("`{text}` is not a date")))?,
            ),
            Kind::Month => Value::Text(
                dates::parse_month(text, self.reading.orders[index])
                    .ok_or_else(|| (FaultCode::BadDate, format!("`{text}` is not a month")))?
                    .strftime("%Y-%m")
                    .to_string(),
            ),
            Kind::Cents => match cents::parse(text, mark) {
                Some(amount) if amount.rounded && self.reading.strict => {
                    return Err((
                        FaultCode::BadAmount,
                        format!("`{text}` has more than two decimals"),
                    ));
                }
                Some(amount) if !amount.is_in_range() => {
                    let most = cents::to_decimal(cents::MAX_CENTS);
                    return Err((FaultCode::BadAmount, format!("`{text}` is beyond {most}")));
                }
                Some(amount) => {
                    *rounded |= amount.rounded;
                    Value::Integer(amount.cents)
                }
                None => return Err((FaultCode::BadAmount, format!("`{text}` is not an amount"))),
            },
        })
    }

    fn check_shape(&self, record: &Record) -> Result<(), RecordFault> {
        if let Some(why) = record.fault {
            return Err(RecordFault::of_record(why.into(), why.to_string()));
        }
        if !record.is_utf8() {
            return Err(RecordFault::of_record(
                FaultCode::BadEncoding,
                format!(
                    "some bytes are no characters in {}",
                    self.reading.encoding.encoding.name()
                ),
            ));
        }
        let expected = self.reading.headers.len();
        let found = record.width();
        if !self.reading.fits(record) {
            return Err(RecordFault::of_record(
                FaultCode::WrongFieldCount,
                format!("{found} fields where the header has {expected}"),
            ));
        }
        Ok(())
    }
}

/// `text` as a date is stored; mostly it is that of the record before, `last`: as written, and as stored.
fn date(reading: &Reading, index: usize, text: &str, last: &mut (String, String)) -> Option<String> {
    if last.0 != text {
        *last = (text.to_owned(), reading.date(index, text)?.to_string());
    }
    Some(last.1.clone())
}

fn reference(text: &str, known: &super::ids::IdSet, code: FaultCode) -> Result<i64, (FaultCode, String)> {
    let id = cents::parse_id(text).filter(|&id| known.contains(id));
    id.ok_or_else(|| {
        let what = if code == FaultCode::UnknownProduct {
            "product"
        } else {
            "store"
        };
        (code, format!("there is no {what} `{text}`"))
    })
}
