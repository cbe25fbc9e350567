//! Bulk insert.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What a row does whose key is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Nothing is written; the answer names the row.
    #[default]
    Abort,
    /// The row there stays.
    Ignore,
    /// The row there is deleted and the new one inserted.
    Replace,
    /// The columns of the body are set on the row there, when any differs.
    Update,
}

impl fmt::Display for OnConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abort => "abort",
            Self::Ignore => "ignore",
            Self::Replace => "replace",
            Self::Update => "update",
        })
    }
}

/// What a row does that cannot be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Nothing is written; the answer names the row.
    #[default]
    Abort,
    /// The row is left out and reported; the others are written.
    Skip,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// The line of the body where the row begins; the first is 1, a CSV header included. For a JSON array,
    /// the number of the element, the first being 1.
    pub line: u64,
    /// The column at fault, when one is.
    pub column: Option<String>,
    /// Why.
    #[schema(example = "NOT NULL constraint failed: sales.product_id")]
    pub reason: String,
}

/// Answer of `POST /v1/tables/{table}/rows`. `received` is the sum of the four counts after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BulkReport {
    /// Rows in the body.
    pub received: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that changed or replaced one there.
    pub updated: u64,
    /// Rows whose key was there and that changed nothing.
    pub ignored: u64,
    /// Rows left out.
    pub rejected: u64,
    /// Why rows were left out: the first of them, at most as many as the service's limit says.
    pub errors: Vec<RowError>,
    /// How long the insert took, in milliseconds, the upload not counted.
    pub elapsed_ms: f64,
}
