//! What analyses answer.

use crate::format;
use crate::locale::Locale;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An answer of `GET /analysis/{name}`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answer {
    /// Its title.
    #[serde(flatten)]
    pub(crate) title: Title,
    /// The days that it is about.
    pub(crate) window: Window,
    /// What its rows hold.
    pub(crate) columns: Vec<Column>,
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// What is worth knowing.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// Further figures, by name.
    #[serde(flatten)]
    pub(crate) figures: Map<String, Value>,
}

/// The title of an analysis in the languages that it is written in.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Title {
    /// In English, or in the language of who wrote the analysis.
    title: String,
    /// In other languages, by language tag.
    #[serde(default)]
    titles: BTreeMap<String, String>,
}

impl Title {
    /// The title for a reader of `locale`.
    pub(crate) fn in_locale(&self, locale: Locale) -> &str {
        self.titles.get(locale.tag()).unwrap_or(&self.title)
    }
}

/// A row of an answer.
pub(crate) type Row = Map<String, Value>;

/// The days of an answer; none when there are no sales at all.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Window {
    /// The first day.
    pub(crate) from: Option<Date>,
    /// The last day.
    pub(crate) to: Option<Date>,
}

/// A column of an answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// What its values are.
    #[serde(rename = "type", default)]
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A whole number.
    Integer,
    /// A number with decimals.
    Number,
    /// An amount in euros.
    Money,
    /// A number in percent.
    Percent,
    /// 100 is the mean.
    Index,
    /// A day.
    Date,
    /// A month.
    Month,
    /// Yes or no.
    Boolean,
    /// Text, and what is not known here.
    #[default]
    #[serde(other)]
    Text,
}

impl Answer {
    /// The days, where there are sales.
    pub(crate) fn days(&self) -> Option<(Date, Date)> {
        self.window.from.zip(self.window.to)
    }

    /// The first row.
    pub(crate) fn first(&self) -> Option<&Row> {
        self.rows.first()
    }
}

/// A text of a row.
pub(crate) fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number of a row in units of ten to the power of minus `decimals`.
pub(crate) fn number(row: &Row, name: &str, decimals: usize) -> Option<i64> {
    format::scaled(row.get(name)?, decimals)
}
