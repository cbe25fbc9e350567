//! A table to look for, and what is read of a file.

use std::io::Cursor;
use tabular::{Column, Decisions, Kind, ReadOptions, Record, SourceRead, Spec, SurveyError};

const fn column(name: &'static str, kind: Kind, required: bool, synonyms: &'static [&'static str]) -> Column {
    Column {
        name,
        stored_as: name,
        kind,
        required,
        synonyms,
    }
}

/// Lines of sales.
pub(crate) static SALES: Spec = Spec {
    stored_as: "sales",
    key: 1,
    knows_header: None,
    columns: &[
        column("id", Kind::Integer, true, &["n ligne", "no ligne", "line id"]),
        column(
            "product_id",
            Kind::Reference("products"),
            true,
            &["ref produit", "produit"],
        ),
        column("store_id", Kind::Reference("stores"), true, &["magasin", "store"]),
        column("sale_date", Kind::Date, true, &["date", "date de vente"]),
        column("quantity", Kind::Integer, true, &["quantite", "qty"]),
        column("amount", Kind::Cents, true, &["montant", "montant ttc", "total"]),
        column("ticket_id", Kind::Text, false, &["ticket"]),
    ],
};

/// What was read of a file.
#[derive(Debug)]
pub(crate) struct Found {
    pub decisions: Decisions,
    pub notes: Vec<String>,
    /// The line, the sheet where there are several, and the texts of each record in the order of [`SALES`].
    pub rows: Vec<(u64, Option<String>, Vec<String>)>,
}

/// The bytes of a file beside the tests.
pub(crate) fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn read(bytes: &[u8]) -> Result<Found, SurveyError> {
    read_with(bytes, &ReadOptions::default())
}

/// Reads `bytes` as sales.
pub(crate) fn read_with(bytes: &[u8], options: &ReadOptions) -> Result<Found, SurveyError> {
    let open = || Ok(Box::new(Cursor::new(bytes.to_vec())) as Box<dyn SourceRead>);
    let progress = std::sync::Arc::default();
    let survey = tabular::survey(&open, &SALES, options, true, &progress, None)?;
    let reading = &survey.reading;
    let mut records = reading.open(open()?, &SALES, &progress)?;
    let mut record = Record::default();
    let mut rows = Vec::new();
    while records.next(&mut record)? {
        let texts = reading.mapping.fields.iter().map(|field| {
            let bytes = field.map_or(&b""[..], |field| record.field(field).0);
            String::from_utf8_lossy(bytes).into_owned()
        });
        let texts = texts.collect();
        rows.push((record.line, reading.sheet_of(&record).map(str::to_owned), texts));
    }
    assert_eq!(survey.records, rows.len() as u64);
    Ok(Found {
        decisions: survey.decisions,
        notes: survey.notes.iter().map(ToString::to_string).collect(),
        rows,
    })
}

/// The texts of `found`, each row in one line.
pub(crate) fn lines(found: &Found) -> Vec<String> {
    found.rows.iter().map(|(_, _, texts)| texts.join("|")).collect()
}
