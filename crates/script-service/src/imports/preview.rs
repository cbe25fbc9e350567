//! A look at the beginning of a source: what an import would decide, and the first rows as it would read
//! them.

use super::ids::References;
use super::rows::RowReader;
use super::tables::TableSpec as _;
use crate::wire;
use db_client::db_api::Value;
use script_api::{Preview, PreviewRow, Table};
use std::collections::BTreeMap;
use std::sync::Arc;
use tabular::{Kind, Opener, ReadOptions, Record, SurveyError, cents};

/// How much of a source is looked at, in bytes of decoded text.
pub(crate) const PREVIEW_BYTES: u64 = 2 << 20;
/// How many rows are shown.
const PREVIEW_ROWS: usize = 20;

/// Looks at the source that `open` opens.
pub(crate) fn preview(
    open: Opener<'_>,
    table: Table,
    options: &ReadOptions,
    references: &References,
) -> Result<Preview, SurveyError> {
    let progress = Arc::default();
    let survey = tabular::survey(open, table.spec(), options, false, &progress, Some(PREVIEW_BYTES))?;
    let mut records = survey.reading.open(open()?, table.spec(), &progress)?;
    let mut reader = RowReader::new(table, &survey.reading);
    let mut record = Record::default();
    let mut rows = Vec::new();
    while rows.len() < PREVIEW_ROWS && records.next(&mut record).unwrap_or(false) {
        let mut values = Vec::new();
        let read = reader.read(&record, references, &mut values);
        let (values, fault) = match read {
            Ok(_) => (Some(named(table, &reader, &values)), None),
            Err(fault) => (None, Some(fault)),
        };
        rows.push(PreviewRow {
            line: record.line,
            raw: String::from_utf8_lossy(&record.raw).into_owned(),
            values,
            code: fault.as_ref().map(|fault| fault.code.to_string()),
            message: fault.map(|fault| fault.message),
        });
    }
    Ok(Preview {
        table,
        decisions: wire::decisions_said(survey.decisions),
        notes: survey.notes,
        rows,
    })
}

fn named(table: Table, reader: &RowReader<'_>, values: &[Value]) -> BTreeMap<String, serde_json::Value> {
    reader
        .columns()
        .into_iter()
        .zip(values)
        .filter_map(|(sql, value)| {
            let column = table
                .spec()
                .columns
                .iter()
                .find(|column| column.stored_as == sql)?;
            let value = match value {
                Value::Integer(cents) if column.kind == Kind::Cents => cents::to_decimal(*cents).into(),
                Value::Integer(number) => (*number).into(),
                Value::Text(text) => text.as_str().into(),
                _ => serde_json::Value::Null,
            };
            Some((column.name.to_owned(), value))
        })
        .collect()
}
