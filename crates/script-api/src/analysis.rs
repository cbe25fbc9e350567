//! Analyses: which there are, and what they answer.

use jiff::civil::Date;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// A text in languages other than English, by language tag such as `fr`.
pub type Translations = BTreeMap<String, String>;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number as SQL gives it; a quotient has two decimals.
    Number,
    /// An amount in EUR with two decimals.
    Money,
    /// A number in percent with one decimal.
    Percent,
    /// A quotient times 100, with one decimal.
    Index,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A month, `YYYY-MM`.
    Month,
    /// Yes or no.
    Boolean,
}

impl ColumnType {
    /// Whether its values are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Number | Self::Money | Self::Percent | Self::Index
        )
    }
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisColumn {
    /// Its name.
    #[schema(example = "total_sales")]
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Their unit: `EUR`, `%` or null.
    #[schema(example = "EUR")]
    pub unit: Option<String>,
}

/// A parameter of an analysis beyond those that all have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisParameter {
    /// Its name in the query string and, after a colon, in the statement.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// What it is when it is not given; null when it must be given.
    pub default: Option<String>,
    /// What it is for.
    pub description: String,
    /// The same in other languages, by language tag.
    #[schema(value_type = BTreeMap<String, String>)]
    pub descriptions: Translations,
}

/// How an answer is best drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChartHint {
    /// `number`, `bar`, `line` or `map`.
    pub kind: String,
    /// The column along the axis; null for `number`.
    pub x: Option<String>,
    /// The columns that are drawn.
    pub y: Vec<String>,
}

/// The window that is taken when none is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultWindow {
    /// The 30 days that end on the latest sale date.
    #[default]
    #[serde(rename = "last_30_days")]
    Last30Days,
    /// The calendar month of the latest sale date.
    Month,
    /// All the data.
    All,
}

/// An analysis that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisDescription {
    /// Its name in `/analysis/{name}`.
    #[schema(example = "region")]
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The same in other languages, by language tag.
    #[schema(example = json!({"fr": "Ventes par région"}))]
    #[schema(value_type = BTreeMap<String, String>)]
    pub titles: Translations,
    /// What it says. A parameter in braces stands for its value.
    pub description: String,
    /// The same in other languages, by language tag.
    #[schema(value_type = BTreeMap<String, String>)]
    pub descriptions: Translations,
    /// Whether it comes with the program.
    pub built_in: bool,
    /// The window that is taken when none is asked for.
    pub default_window: DefaultWindow,
    /// Its parameters beyond window, filters and limit.
    pub parameters: Vec<AnalysisParameter>,
    /// The columns of its rows; empty when they follow from the statement.
    pub columns: Vec<AnalysisColumn>,
    /// Values beside the rows.
    pub figures: Vec<AnalysisColumn>,
    /// How it is best drawn.
    pub chart: Option<ChartHint>,
}

/// A fault in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderError {
    /// The line, the first being 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// A file of the folder of analyses that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokenAnalysis {
    /// The file's name.
    pub file: String,
    /// What is wrong with it, with line numbers.
    pub errors: Vec<HeaderError>,
}

/// The analyses there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisList {
    /// Built-in ones first, then those of the folder by name.
    pub analyses: Vec<AnalysisDescription>,
    /// Files of the folder that are no analyses.
    pub broken: Vec<BrokenAnalysis>,
}

/// What an analysis job is asked to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisRequest {
    /// The analyses; all built-in ones when there are none.
    #[schema(example = json!(["region", "growth"]))]
    pub analyses: Vec<String>,
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Instead of first and last day: `2023-11`, `last_30_days`, `all`, ..
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// The days of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Window {
    /// First day; null when there are no sales at all.
    #[schema(value_type = Option<String>, example = "2023-11-01")]
    pub from: Option<Date>,
    /// Last day.
    #[schema(value_type = Option<String>, example = "2023-11-30")]
    pub to: Option<Date>,
}

/// An answer of an analysis, its values of type `V`: exact where it is written, JSON where it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<V = Value> {
    /// The analysis.
    pub analysis: String,
    /// What it is called.
    pub title: String,
    /// The same in other languages, by language tag.
    pub titles: Translations,
    /// The days it is about.
    pub window: Window,
    /// The columns, in order.
    pub columns: Vec<AnalysisColumn>,
    /// The rows, their values in the order of the columns; on the wire they are objects.
    pub rows: Vec<Vec<V>>,
    /// Further values, by name; on the wire they stand beside the rows.
    pub figures: Vec<(String, V)>,
    /// What is worth knowing about the figures.
    pub notes: Vec<String>,
    /// Which state of the data it was computed from.
    pub dataset_version: i64,
    /// What is known of its amounts; absent where no import said anything.
    pub amounts: Option<Amounts>,
    /// When, `YYYY-MM-DDTHH:MM:SSZ`.
    pub computed_at: String,
}

impl<V> Answer<V> {
    /// Where the column of that name stands.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The figure of that name.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<&V> {
        self.figures
            .iter()
            .find(|(figure, _)| figure == name)
            .map(|(_, value)| value)
    }
}

/// What is known of amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amounts {
    /// The code of their currency.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Whether they are with taxes: `included`, `excluded`, or `mixed` where some are and some are not.
    #[schema(example = "included")]
    pub taxes: Option<String>,
    /// What is wrong with adding them up, where something is.
    pub warning: Option<String>,
    /// The same in other languages, by language tag.
    #[serde(default, skip_serializing_if = "Translations::is_empty")]
    pub warnings: Translations,
}

/// What an answer looks like. Figures of the analysis, such as `weekend_uplift`, stand beside the rows under
/// their own names.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AnswerDocument {
    /// The analysis.
    #[schema(example = "region")]
    analysis: String,
    /// What it is called.
    title: String,
    /// The days it is about.
    window: Window,
    /// The columns, in order.
    columns: Vec<AnalysisColumn>,
    /// The rows, as objects. Amounts are numbers with exactly two decimals.
    #[schema(example = json!([{"region": "Île-de-France", "total_sales": 450_230.00, "share": 36.1}]), value_type = Vec<serde_json::Value>)]
    rows: Vec<Map<String, Value>>,
    /// What is worth knowing about the figures.
    notes: Vec<String>,
    /// Which state of the data it was computed from.
    dataset_version: i64,
    /// What is known of its amounts; absent where no import said anything.
    #[serde(default)]
    amounts: Option<Amounts>,
    /// When.
    computed_at: String,
    /// `title` in other languages, by language tag.
    #[schema(value_type = BTreeMap<String, String>)]
    titles: Translations,
    /// Its figures.
    #[serde(flatten)]
    figures: Map<String, Value>,
}

impl<V: Serialize> Serialize for Answer<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("analysis", &self.analysis)?;
        map.serialize_entry("title", &self.title)?;
        map.serialize_entry("window", &self.window)?;
        map.serialize_entry("columns", &self.columns)?;
        let rows: Vec<NamedRow<'_, V>> = self
            .rows
            .iter()
            .map(|row| NamedRow {
                columns: &self.columns,
                row,
            })
            .collect();
        map.serialize_entry("rows", &rows)?;
        for (name, figure) in &self.figures {
            map.serialize_entry(name, figure)?;
        }
        map.serialize_entry("notes", &self.notes)?;
        map.serialize_entry("dataset_version", &self.dataset_version)?;
        if let Some(amounts) = &self.amounts {
            map.serialize_entry("amounts", amounts)?;
        }
        map.serialize_entry("computed_at", &self.computed_at)?;
        map.serialize_entry("titles", &self.titles)?;
        map.end()
    }
}

/// A row as an object, its members in the order of the columns.
struct NamedRow<'a, V> {
    columns: &'a [AnalysisColumn],
    row: &'a [V],
}

impl<V: Serialize> Serialize for NamedRow<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.columns
                .iter()
                .map(|column| column.name.as_str())
                .zip(self.row),
        )
    }
}

impl<'de, V: DeserializeOwned> Deserialize<'de> for Answer<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = AnswerDocument::deserialize(deserializer)?;
        let read = |value: Value| serde_json::from_value(value).map_err(D::Error::custom);
        let columns = &document.columns;
        let rows = document
            .rows
            .into_iter()
            .map(|mut row| {
                columns
                    .iter()
                    .map(|column| read(row.remove(&column.name).unwrap_or_default()))
                    .collect()
            })
            .collect::<Result<_, D::Error>>()?;
        let figures = document
            .figures
            .into_iter()
            .map(|(name, value)| Ok((name, read(value)?)))
            .collect::<Result<_, D::Error>>()?;
        Ok(Self {
            analysis: document.analysis,
            title: document.title,
            titles: document.titles,
            window: document.window,
            columns: document.columns,
            rows,
            figures,
            notes: document.notes,
            dataset_version: document.dataset_version,
            amounts: document.amounts,
            computed_at: document.computed_at,
        })
    }
}

/// An answer that was kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeptResult {
    /// Its id.
    pub id: i64,
    /// The analysis.
    pub analysis_type: String,
    /// Its headline figure; `result_details` has it exactly.
    pub result_value: Option<f64>,
    /// The whole answer.
    #[schema(value_type = Object)]
    pub result_details: Box<RawValue>,
    /// When it was computed.
    pub created_at: String,
    /// The job that computed it; null when a request did.
    pub job_id: Option<i64>,
}

/// Answers that were kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeptResults {
    /// Newest first.
    pub results: Vec<KeptResult>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_back_its_values_in_the_order_of_the_columns() {
        let column = |name: &str, kind| AnalysisColumn {
            name: name.into(),
            kind,
            unit: None,
        };
        let answer: Answer = Answer {
            analysis: "region".into(),
            title: "Revenue by region".into(),
            titles: Translations::from([("fr".into(), "Ventes par région".into())]),
            window: Window {
                from: Some(jiff::civil::date(2023, 11, 1)),
                to: None,
            },
            columns: vec![
                column("region", ColumnType::Text),
                column("amount", ColumnType::Money),
            ],
            rows: vec![
                vec!["Bretagne".into(), 12.5.into()],
                vec!["?".into(), Value::Null],
            ],
            figures: vec![("uplift".into(), 4.into())],
            notes: vec!["a note".into()],
            dataset_version: 7,
            amounts: Some(Amounts {
                currency: Some("EUR".into()),
                ..Amounts::default()
            }),
            computed_at: "2023-12-01T00:00:00Z".into(),
        };

        let json = serde_json::to_value(&answer).unwrap();

        assert_eq!(json["rows"][0]["amount"], 12.5);
        assert_eq!(json["uplift"], 4);
        assert_eq!(serde_json::from_value::<Answer>(json).unwrap(), answer);
    }
}
