//! The schema as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a schema object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// An ordinary table.
    Table,
    /// A view.
    View,
    /// A virtual table.
    Virtual,
}

/// One line of `GET /v1/tables`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableSummary {
    /// Its name.
    #[schema(example = "sales")]
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// How many columns it has, hidden ones not counted.
    pub column_count: u64,
}

/// Answer of `GET /v1/tables`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableList {
    /// Tables and views.
    pub tables: Vec<TableSummary>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The declared type, as written; empty when there is none.
    #[serde(rename = "type")]
    pub declared_type: String,
    /// Whether NULL is refused by the declaration.
    pub not_null: bool,
    /// The default, as SQL text.
    pub default: Option<String>,
    /// Its place in the primary key, the first being 1; 0 when it is not part of it.
    pub primary_key: u64,
    /// `virtual` or `stored` for a generated column.
    pub generated: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForeignKey {
    /// The columns of this table.
    pub columns: Vec<String>,
    /// The table they refer to.
    pub references_table: String,
    /// The columns there; empty for its primary key.
    pub references_columns: Vec<String>,
    /// `NO ACTION`, `CASCADE`, ..
    pub on_update: String,
    /// `NO ACTION`, `CASCADE`, ..
    pub on_delete: String,
}

/// A column of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexColumn {
    /// The column; null for an expression.
    pub name: Option<String>,
    /// Whether it is ordered from high to low.
    pub descending: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether two equal keys are refused.
    pub unique: bool,
    /// `create_index`, `unique_constraint` or `primary_key`.
    pub origin: String,
    /// Whether it covers only some rows.
    pub partial: bool,
    /// Its columns, in order.
    pub columns: Vec<IndexColumn>,
    /// The statement that made it; null for one that a constraint made.
    pub sql: Option<String>,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
}

/// Answer of `GET /v1/tables/{table}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order.
    pub primary_key: Vec<String>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes, by name.
    pub indexes: Vec<Index>,
    /// Its triggers, by name.
    pub triggers: Vec<Trigger>,
    /// Whether it is `STRICT`.
    pub strict: bool,
    /// Whether it is `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// How many rows it has; null when counting took longer than the service's limit, and for views.
    pub row_count: Option<u64>,
    /// Why a view cannot be read, such as a table that is not there any more; its columns are not known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "no such table: main.sales_2022")]
    pub broken: Option<String>,
    /// The statement that made it.
    pub sql: String,
}
