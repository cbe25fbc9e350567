//! How a source is read: what a request may fix, what was decided, and why.

use crate::export::{ImportReport, SalesDecision};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// A table that takes imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportTable {
    /// What is sold.
    Products,
    /// Where it is sold.
    Stores,
    /// What each product should sell in a month.
    #[serde(alias = "product_targets")]
    Targets,
    /// What was sold: one line of a sale a row.
    Sales,
}

impl ImportTable {
    /// All of them, parents before children.
    pub const ALL: [Self; 4] = [Self::Products, Self::Stores, Self::Targets, Self::Sales];

    /// The name in requests and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Stores => "stores",
            Self::Targets => "targets",
            Self::Sales => "sales",
        }
    }

    /// The table of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "product_targets" {
            return Some(Self::Targets);
        }
        Self::ALL.into_iter().find(|table| table.as_str() == name)
    }
}

impl fmt::Display for ImportTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The format of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Fields between delimiters: CSV, TSV.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// An array of JSON objects.
    Json,
    /// A workbook of Excel.
    Xlsx,
    /// A workbook in the `OpenDocument` format.
    Ods,
    /// A workbook of Excel 97 to 2003.
    Xls,
    /// A workbook of Excel in its binary form.
    Xlsb,
}

/// How ambiguous numbers and dates are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// `1.234` is a thousand, `03/11/2023` is in November.
    #[default]
    Fr,
    /// `1,234` is a thousand, `03/11/2023` is in March.
    En,
}

/// The character between whole euros and cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// `1234.56`; a comma groups thousands.
    Point,
    /// `1234,56`; a point groups thousands.
    Comma,
}

/// Which of the first two numbers of `03/11/2023` is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// What a request fixes about the reading of a source; everything else is decided from its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ReadOptions {
    /// The format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The encoding, by any name that browsers know, such as `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The character between fields: one ASCII character, or `tab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The character around fields that hold delimiters or line breaks: one ASCII character, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The sheet of a workbook; otherwise that whose header names most columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// How many lines, or rows of a sheet, stand before the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_lines: Option<u64>,
    /// The decimal mark of every amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalMark>,
    /// The order of day and month in every date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// The time zone of the shop, such as `Europe/Paris`: a time with another zone is taken to it; the service's setting
    /// by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How ambiguous columns are read; by what the file says and the service's setting by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// From column to header, for headers that are not recognised.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mapping: BTreeMap<String, String>,
    /// Whether an amount with more than two decimals is rejected instead of rounded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// What is the same on all lines of sales: `store`, `product`, `currency`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub constants: BTreeMap<String, String>,
    /// Answers to the questions that a preview asks, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
    /// What one of another currency is worth in that of the database, by its code: `{"USD": 0.92}`. A converted line
    /// is rounded to the cent by itself, half up away from zero.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub rates: BTreeMap<String, serde_json::Number>,
    /// Which products and stores are made where lines of sales name some that are not there.
    #[serde(skip_serializing_if = "CreateMissing::is_default")]
    pub create_missing: CreateMissing,
}

/// Which products and stores an import of sales makes where lines name some that are not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreateMissing {
    /// None: their lines are rejected.
    None,
    /// Products.
    Products,
    /// Stores.
    Stores,
    /// Both.
    #[default]
    Both,
}

impl CreateMissing {
    /// Whether it is what is taken when nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether products are made.
    #[must_use]
    pub fn products(self) -> bool {
        matches!(self, Self::Products | Self::Both)
    }

    /// Whether stores are made.
    #[must_use]
    pub fn stores(self) -> bool {
        matches!(self, Self::Stores | Self::Both)
    }
}

/// Where a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The request says so.
    Option,
    /// At least one value reads only this way.
    Evidence,
    /// Every value reads both ways; the locale tips it.
    Assumed,
}

/// What was decided about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnDecision {
    /// The column.
    #[schema(example = "amount")]
    pub column: String,
    /// The decimal mark, for amounts that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalMark>,
    /// The order of day and month, for dates that do not begin with the year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// Where the decision comes from.
    pub decided_by: DecidedBy,
}

/// How a delimited text is cut into fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dialect {
    /// The character between fields.
    #[schema(example = ";", value_type = String)]
    pub delimiter: char,
    /// The character around fields that hold delimiters or line breaks; null when there is none.
    #[serde(default = "double_quote")]
    #[schema(example = "\"", value_type = Option<String>)]
    pub quote: Option<char>,
    /// What ends a line: `lf`, `crlf` or `cr`.
    pub line_end: LineEnd,
    /// How many lines stand before the header.
    pub skip_lines: u64,
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for an optional character")]
fn double_quote() -> Option<char> {
    Some('"')
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// `\n`.
    Lf,
    /// `\r\n`.
    Crlf,
    /// `\r` alone, as old Macs wrote it.
    Cr,
}

/// How a header came to its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The request says so.
    Mapping,
    /// The header is the column's name.
    Name,
    /// The header is the column's name but for case, accents or punctuation.
    FoldedName,
    /// The header is another word for the column.
    Synonym,
}

/// A header and its column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MappedColumn {
    /// The header as it stands in the source.
    #[schema(example = "Réf. produit")]
    pub header: String,
    /// The column it fills.
    #[schema(example = "product_id")]
    pub column: String,
    /// How it came to it.
    pub matched_by: MatchedBy,
}

/// Where a workbook's table stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SheetChoice {
    /// The sheet.
    #[schema(example = "Ventes")]
    pub name: String,
    /// How many rows stand before the header.
    pub skip_lines: u64,
}

/// What was decided about a source, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decisions {
    /// The format.
    pub format: Format,
    /// How it was packed: `gzip` or `zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<String>,
    /// The encoding.
    #[schema(example = "windows-1252")]
    pub encoding: String,
    /// Why this encoding.
    pub encoding_why: String,
    /// How lines are cut into fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Why so, and how many records it fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect_why: Option<String>,
    /// The sheet of a workbook that is read; the first of them where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<SheetChoice>,
    /// All sheets that are read, where there are several: those that have the same header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sheets: Vec<SheetChoice>,
    /// The headers, in their order; for objects, the names of their members.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Which header fills which column.
    pub mapping: Vec<MappedColumn>,
    /// Headers that fill no column.
    pub ignored_headers: Vec<String>,
    /// What was decided about columns whose values alone do not say.
    pub columns: Vec<ColumnDecision>,
    /// What was decided about the sales in an export: how amounts are made, what makes a line the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sales: Vec<SalesDecision>,
}

/// A question that a file leaves open. Its text is in the language that the request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// Its name: the member of `answers` that settles it.
    #[schema(example = "store")]
    pub id: String,
    /// The column that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is known, and what is asked.
    pub text: String,
    /// What may be answered; any text where there are none.
    pub choices: Vec<Choice>,
    /// What is taken without an answer; where it is null, an import refuses the file until there is one.
    pub assumed: Option<String>,
    /// The option of the source that settles it.
    #[schema(example = "answers.store")]
    pub option: String,
}

/// An answer that may be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// What to answer.
    #[schema(example = "Lyon")]
    pub value: String,
    /// What that means.
    pub text: String,
}

/// What an import would make of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// The table.
    pub table: ImportTable,
    /// What would be decided, from the first 2 MiB; the import looks at all of it.
    pub decisions: Decisions,
    /// What is odd.
    pub notes: Vec<String>,
    /// What the file leaves open. An import refuses it while a question without an assumed answer is open.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// What would be brought, as far as the file was looked at.
    #[serde(default)]
    pub report: Option<ImportReport>,
    /// The first rows.
    pub rows: Vec<PreviewRow>,
}

/// A record as it would be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewRow {
    /// The physical line where it begins.
    pub line: u64,
    /// Its source text.
    pub raw: String,
    /// The row; null when the record cannot be taken. Amounts are decimal text.
    #[schema(value_type = Option<Object>)]
    pub values: Option<BTreeMap<String, serde_json::Value>>,
    /// What is wrong with it: a stable name.
    pub code: Option<String>,
    /// The same in words.
    pub message: Option<String>,
}
