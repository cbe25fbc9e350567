//! What analyses answer, its rows by the names of their columns.

use crate::format;
use crate::language::Language;
use jiff::civil::Date;
use script_client::script_api::{self, AnalysisColumn, Translations, Window};
use script_client::{Query, ScriptClient, ScriptError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An answer of an analysis, its rows by the names of their columns.
#[derive(Debug, Clone)]
pub(crate) struct NamedAnswer {
    /// Its title.
    pub(crate) title: Title,
    /// The days that it is about.
    pub(crate) window: Window,
    /// What its rows hold.
    pub(crate) columns: Vec<AnalysisColumn>,
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// What is worth knowing.
    pub(crate) notes: Vec<String>,
    /// Further figures, by name.
    pub(crate) figures: Row,
}

/// The title of an analysis in the languages that it is written in.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Title {
    /// In English, or in the language of who wrote the analysis.
    pub(crate) title: String,
    /// In other languages, by language tag.
    #[serde(default)]
    pub(crate) titles: Translations,
}

impl Title {
    /// The title for a reader of `language`.
    pub(crate) fn in_language(&self, language: Language) -> &str {
        self.titles.get(language.tag()).unwrap_or(&self.title)
    }
}

/// A row of an answer, or its figures: values by name.
pub(crate) type Row = Map<String, Value>;

/// The answer of the analysis `name`.
pub(crate) async fn ask(
    script: &ScriptClient,
    name: &str,
    query: &Query<'_>,
) -> Result<NamedAnswer, ScriptError> {
    script.answer(name, query).await.map(NamedAnswer::from)
}

impl From<script_api::Answer> for NamedAnswer {
    fn from(answer: script_api::Answer) -> Self {
        let script_api::Answer {
            analysis: _,
            title,
            titles,
            window,
            columns,
            rows,
            figures,
            notes,
            dataset_version: _,
            amounts: _, // what is wrong with them is among the notes
            computed_at: _,
        } = answer;
        let names = || columns.iter().map(|column| column.name.clone());
        Self {
            title: Title { title, titles },
            window,
            rows: rows.into_iter().map(|row| names().zip(row).collect()).collect(),
            columns,
            notes,
            figures: figures.into_iter().collect(),
        }
    }
}

impl NamedAnswer {
    /// The days, where there are sales.
    pub(crate) fn days(&self) -> Option<(Date, Date)> {
        self.window.from.zip(self.window.to)
    }

    /// The first row.
    pub(crate) fn first(&self) -> Option<&Row> {
        self.rows.first()
    }
}

/// The members of what script-service says, by name.
pub(crate) fn row(of: &impl Serialize) -> Row {
    match serde_json::to_value(of) {
        Ok(Value::Object(row)) => row,
        _ => Row::new(),
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
