//! Taking an import back.

use crate::job::AlreadyThere;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why an import cannot be taken back as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoCode {
    /// It has not ended.
    NotFinished,
    /// It wrote nothing.
    NothingWritten,
    /// It was taken back before.
    Undone,
    /// It is being taken back.
    BeingUndone,
    /// What it replaced is no longer kept.
    Expired,
    /// Others changed some of its rows since; what they did not can be taken back.
    ChangedSince,
}

/// Whether an import can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undo {
    /// Whether all of it can, as far as is known before a look at its rows.
    pub possible: bool,
    /// Why not.
    pub code: Option<UndoCode>,
    /// The same in words.
    #[schema(example = "others changed some of its rows since: job 14")]
    pub reason: Option<String>,
    /// Until when what it replaced is kept, unless more imports come than are kept; null: for ever.
    pub until: Option<String>,
    /// The job that took it back, or does.
    pub by_job: Option<i64>,
}

/// How an import is taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UndoRequest {
    /// Leaves rows that others changed since as they are; otherwise one such row leaves all as it is.
    pub partial: bool,
}

/// What keeps rows from being taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoConflictCode {
    /// SQL by hand changed them.
    ChangedByHand,
    /// A later import changed them.
    ChangedByImport,
    /// A later import put others in their place.
    ReplacedByImport,
    /// Somebody deleted them.
    DeletedSince,
    /// Other sales have the ids of those that it replaced.
    PlaceTaken,
    /// The products or stores of the sales before are gone.
    ReferenceGone,
    /// They are no longer as the import left them.
    ChangedSince,
    /// Rows of others refer to them.
    Used,
}

impl UndoConflictCode {
    /// The same in words, of rows.
    #[must_use]
    pub fn as_words(self) -> &'static str {
        match self {
            Self::ChangedByHand => "were changed by SQL since",
            Self::ChangedByImport => "were changed by a later import",
            Self::ReplacedByImport => "were replaced by a later import",
            Self::DeletedSince => "were deleted since",
            Self::PlaceTaken => "cannot come back: other sales have their ids",
            Self::ReferenceGone => "cannot come back: their products or stores are gone",
            Self::ChangedSince => "were changed since",
            Self::Used => "are used by rows of others",
        }
    }
}

/// Rows that cannot be taken back, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoConflict {
    /// The reason.
    pub code: UndoConflictCode,
    /// Their table.
    #[schema(example = "sales")]
    pub table: String,
    /// How many they are.
    pub rows: u64,
    /// The import that changed them, where one did.
    pub by_job: Option<i64>,
    /// The first of them.
    #[schema(example = json!(["sale 7 of 2023-11-13"]))]
    pub examples: Vec<String>,
}

impl std::fmt::Display for UndoConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of {} {}", self.rows, self.table, self.code.as_words())?;
        if let Some(job) = self.by_job {
            write!(f, ", job {job}")?;
        }
        if !self.examples.is_empty() {
            write!(f, " ({}", self.examples.join(", "))?;
            let more = self.rows > self.examples.len() as u64;
            f.write_str(if more { ", …)" } else { ")" })?;
        }
        Ok(())
    }
}

/// New products or stores that stay, as others use or changed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoKept {
    /// Their table.
    #[schema(example = "products")]
    pub table: String,
    /// How many they are.
    pub rows: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// How many rows of sales were taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoneSales {
    /// Those that the import added.
    pub removed: u64,
    /// Those that it had changed.
    pub restored: u64,
    /// Those that it had replaced.
    pub brought_back: u64,
}

/// How many rows of a list were taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoneRows {
    /// Those that the import added.
    pub removed: u64,
    /// Those that it had changed.
    pub restored: u64,
}

/// What was taken back: the result of an undo job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Undone {
    /// Rows of sales.
    pub sales: UndoneSales,
    /// Rows of products.
    pub products: UndoneRows,
    /// Rows of stores.
    pub stores: UndoneRows,
    /// Rows of targets.
    pub product_targets: UndoneRows,
    /// New products and stores that stay, as others use or changed them.
    pub kept: Vec<UndoKept>,
    /// Imports that left out lines because this one had brought them; their files may be imported again.
    pub relied_on_by: Vec<AlreadyThere>,
    /// What was left as it is, with `partial`.
    pub left: Vec<UndoConflict>,
}

impl Undone {
    /// How many rows were put back or taken away.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let lists = [self.products, self.stores, self.product_targets];
        let lists: u64 = lists.iter().map(|rows| rows.removed + rows.restored).sum();
        self.sales.removed + self.sales.restored + self.sales.brought_back + lists
    }
}
