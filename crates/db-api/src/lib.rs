//! What db-service speaks on the wire: paths, requests, answers, values and error codes.
//!
//! Nothing here does I/O. `db-service` and `db-client` share these types, so a field that
//! is renamed here is renamed on both ends; `openapi.yaml` is generated from them.
//!
//! | what | where it begins |
//! | --- | --- |
//! | one statement that reads, its rows | [`QueryRequest`], [`QueryResult`] |
//! | one that writes | [`ExecuteRequest`], [`ExecuteResult`] |
//! | several in one transaction | [`BatchRequest`] of [`Statement`]s, [`BatchOutcome`] |
//! | rows of a file into a table | [`OnConflict`], [`OnError`], [`BulkReport`] |
//! | values, which JSON holds exactly | [`Value`], [`Params`] |
//! | tables, columns, keys | [`Table`] |
//! | errors: a stable code, words, places | [`Problem`], [`ErrorCode`] |
//! | paths | [`QUERY`], [`BATCH`] and their like |
//!
//! ```
//! use db_api::{Statement, Value};
//!
//! let statement = Statement::new("UPDATE products SET name = ?1 WHERE id = ?2", [
//!     Value::from("Espresso"),
//!     Value::from(9_007_199_254_740_993_i64),
//! ])
//! .must_change(1);
//! let json = serde_json::to_value(&statement)?;
//! assert_eq!(json["must_change"], 1);
//! assert_eq!(serde_json::from_value::<Statement>(json)?, statement, "no digit of an integer is lost");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod bulk;
mod paths;
mod problem;
mod schema;
mod statement;
mod value;

pub use bulk::{BulkReport, OnConflict, OnError, RowError};
pub use paths::*;
pub use problem::{ErrorCode, Problem, ProblemError, RequestFault};
pub use schema::{
    Column, ForeignKey, Index, IndexColumn, Table, TableKind, TableList, TableSummary, Trigger,
};
pub use statement::{
    BatchMode, BatchOutcome, BatchRequest, BatchResult, ColumnHead, ExecuteRequest, ExecuteResult, Params,
    PlanNode, QueryRequest, QueryResult, RunningStatement, RunningStatements, Statement, ValueForm,
};
pub use value::{Value, ValueError};
