//! A look at the beginning of a source: what an import would decide, and the first rows as it would read
//! them.

use super::exports::{self, Export, ExportOptions, LookError, Surveyed};
use super::ids::References;
use super::questions;
use super::rows::RowReader;
use super::tables::{QUANTITY_MILLI, TableSpec as _};
use crate::language::Language;
use db_client::db_api::Value;
use script_api::{ImportTable, Preview, PreviewRow};
use shop_exports::{Database, EXPORT, Line, LineKey, Lines, Outcome, Place};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tabular::{Kind, Opener, ReadOptions, Reading, Record, SurveyError, cents};

/// How much of a source is looked at, in bytes of decoded text.
pub(crate) const PREVIEW_BYTES: u64 = 2 << 20;
/// How many rows are shown.
const PREVIEW_ROWS: usize = 20;

/// What a source is looked at for, and with.
pub(crate) struct Look<'a> {
    pub table: ImportTable,
    pub options: &'a ReadOptions,
    pub asked: &'a ExportOptions,
    /// Whether the import needs a key on each line.
    pub key_needed: bool,
    /// The language of what is told to people.
    pub language: Language,
    pub references: &'a References,
    pub database: &'a Database,
}

/// Looks at the source that `open` opens.
pub(crate) fn preview(open: Opener<'_>, look: &Look<'_>) -> Result<Preview, LookError> {
    let (table, language) = (look.table, look.language);
    let progress = Arc::default();
    let (key_needed, limit) = (look.key_needed, Some(PREVIEW_BYTES));
    let surveyed = if table == ImportTable::Sales {
        let pace = (&progress, limit);
        exports::look(
            open,
            look.options,
            look.asked,
            key_needed,
            look.database,
            (None, &[]),
            pace,
        )?
    } else {
        let survey = tabular::survey(open, table.spec(), look.options, key_needed, &progress, limit)?;
        Surveyed {
            survey,
            prepared: None,
            export: None,
        }
    };
    let rows = match (&surveyed.prepared, &surveyed.export) {
        (Some(_), None) => Vec::new(),
        (_, Some(export)) => export_rows(open, &surveyed.survey.reading, export, &progress)?,
        (None, None) => plain_rows(open, table, &surveyed.survey.reading, look.references, &progress)?,
    };
    let questions = questions::told(questions::open(&surveyed), language);
    let mut decisions = exports::decisions(&surveyed);
    for decision in &mut decisions.sales {
        let french = decision.fr.take();
        if let (Language::Fr, Some(french)) = (language, french) {
            decision.text = french;
        }
    }
    Ok(Preview {
        table,
        decisions,
        notes: surveyed
            .survey
            .notes
            .iter()
            .map(|note| language.of(note))
            .collect(),
        questions,
        report: surveyed.export.map(|export| export.report),
        rows,
    })
}

/// The first rows of a source in our own layout.
fn plain_rows(
    open: Opener<'_>,
    table: ImportTable,
    reading: &Reading,
    references: &References,
    progress: &Arc<AtomicU64>,
) -> Result<Vec<PreviewRow>, SurveyError> {
    let mut records = reading.open(open()?, table.spec(), progress)?;
    let mut reader = RowReader::new(table, reading);
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
    Ok(rows)
}

/// The first rows of an export, as they would be stored: with the names of their products and stores.
fn export_rows(
    open: Opener<'_>,
    reading: &Reading,
    export: &Export,
    progress: &Arc<AtomicU64>,
) -> Result<Vec<PreviewRow>, SurveyError> {
    let (mut products, mut stores) = (export.products.clone(), export.stores.clone());
    let mut lines = Lines::new(&export.plan, export.repeats.clone()).of_width(exports::width(reading));
    let mut rows: Vec<PreviewRow> = Vec::new();
    let mut out = |place: Place, outcome: Outcome| {
        let mut row = PreviewRow {
            line: place.line,
            raw: place.raw,
            values: None,
            code: None,
            message: None,
        };
        match outcome {
            Outcome::Line(line) => match (products.resolve(&line.product), stores.resolve(&line.store)) {
                (Ok(product), Ok(store)) => {
                    let amount = exports::amount_of(&line, export.prices.get(&product).copied());
                    row.values = Some(stored(&line, (product, store), amount));
                }
                (product, store) => {
                    let fault = exports::unresolved(&line, product, store);
                    row.code = Some(fault.code.to_string());
                    row.message = Some(fault.message);
                }
            },
            Outcome::Skipped(word) => {
                row.code = Some("skipped".into());
                row.message = Some(format!("`{word}` is no sale"));
            }
            Outcome::Fault(fault) => {
                row.code = Some(fault.code.into());
                row.message = Some(fault.message);
            }
        }
        rows.push(row);
    };
    let mut records = reading.open(open()?, &EXPORT, progress)?;
    let mut record = Record::default();
    let mut number = 0;
    while number < PREVIEW_ROWS as u64 && records.next(&mut record).unwrap_or(false) {
        number += 1;
        lines.take(number, &record, &mut out);
    }
    lines.finish(&mut out);
    Ok(rows)
}

fn stored(
    line: &Line,
    (product, store): (i64, i64),
    amount: Option<i64>,
) -> BTreeMap<String, serde_json::Value> {
    let mut values: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    let mut set = |name: &str, value: serde_json::Value| {
        values.insert(name.to_owned(), value);
    };
    set("product_id", product.into());
    set("product", line.product.shown().into());
    set("store_id", store.into());
    set("store", line.store.shown().into());
    set("sale_date", line.date.as_str().into());
    set("quantity", wholes(line.quantity_milli));
    set(
        "amount",
        amount.map_or(serde_json::Value::Null, |amount| cents::to_decimal(amount).into()),
    );
    set("ticket_id", line.ticket.as_deref().into());
    if let LineKey::Id(id) = line.key {
        set("id", id.into());
    }
    if let Some(time) = &line.time {
        set("sale_time", time.as_str().into());
    }
    values
}

fn named(
    table: ImportTable,
    reader: &RowReader<'_>,
    values: &[Value],
) -> BTreeMap<String, serde_json::Value> {
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
                Value::Integer(milli) if column.stored_as == QUANTITY_MILLI => wholes(*milli),
                Value::Integer(number) => (*number).into(),
                Value::Text(text) => text.as_str().into(),
                _ => serde_json::Value::Null,
            };
            Some((column.name.to_owned(), value))
        })
        .collect()
}

/// Thousandths as a number: an integer where it is whole.
fn wholes(milli: i64) -> serde_json::Value {
    if milli % 1_000 == 0 {
        return (milli / 1_000).into();
    }
    let text = format!(
        "{}{}.{:03}",
        if milli < 0 { "-" } else { "" },
        milli.abs() / 1_000,
        milli.abs() % 1_000
    );
    text.parse::<f64>().map_or(serde_json::Value::Null, Into::into)
}
