//! What was decided about a source, and why, as it is told to people.

use crate::cents::DecimalMark;
use crate::dates::DateOrder;
use crate::dialect::Dialect;
use crate::header::MappedColumn;
use crate::options::Format;
use crate::text::Text;
use crate::workbook::SheetChoice;

/// Where a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// The request says so.
    Option,
    /// At least one value reads only this way.
    Evidence,
    /// Every value reads both ways; the locale tips it.
    Assumed,
}

/// What was decided about a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDecision {
    /// The column.
    pub column: String,
    /// The decimal mark, for amounts that have one.
    pub decimal: Option<DecimalMark>,
    /// The order of day and month, for dates that do not begin with the year.
    pub date_order: Option<DateOrder>,
    /// Where the decision comes from.
    pub decided_by: DecidedBy,
}

/// What was decided about a source, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// The format.
    pub format: Format,
    /// How it was packed: `gzip` or `zstd`.
    pub packing: Option<String>,
    /// The encoding.
    pub encoding: String,
    /// Why this encoding.
    pub encoding_why: String,
    /// How lines are cut into fields.
    pub dialect: Option<Dialect>,
    /// Why so, and how many records it fits.
    pub dialect_why: Option<String>,
    /// The sheet of a workbook that is read; the first of them where there are several.
    pub sheet: Option<SheetChoice>,
    /// All sheets that are read, where there are several: those that have the same header.
    pub sheets: Vec<SheetChoice>,
    /// The headers, in their order; for objects, the names of their members.
    pub headers: Vec<String>,
    /// Which header fills which column.
    pub mapping: Vec<MappedColumn>,
    /// Headers that fill no column.
    pub ignored_headers: Vec<String>,
    /// What was decided about columns whose values alone do not say.
    pub columns: Vec<ColumnDecision>,
    /// What cannot be decided: the file is not to be read before these are answered.
    pub questions: Vec<Question>,
}

/// What a file does not say by itself. It is settled by an answer under its name, or by an option for all columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name: the option that settles it for all columns, and the column that it is about.
    pub id: String,
    /// The column that it is about, where it is about one.
    pub column: Option<String>,
    /// What is known, and what is asked.
    pub text: Text,
    /// What may be answered.
    pub choices: Vec<Choice>,
    /// The option whose value the answer is.
    pub option: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The value of the option.
    pub value: String,
    /// What that means.
    pub text: Text,
}
