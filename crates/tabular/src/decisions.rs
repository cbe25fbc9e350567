//! What was decided about a source, and why, as it is told to people.

use crate::cents::DecimalMark;
use crate::dates::DateOrder;
use crate::dialect::Dialect;
use crate::header::MappedColumn;
use crate::options::Format;
use crate::sheet::SheetChoice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// The sheet of a workbook that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<SheetChoice>,
    /// The headers, in their order; for objects, the names of their members.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Which header fills which column.
    pub mapping: Vec<MappedColumn>,
    /// Headers that fill no column.
    pub ignored_headers: Vec<String>,
    /// What was decided about columns whose values alone do not say.
    pub columns: Vec<ColumnDecision>,
}
