//! What db-service speaks on the wire: paths, requests, answers, values and error codes.
//!
//! Nothing here does I/O. `db-service` and `db-client` share these types, so a field that
//! is renamed here is renamed on both ends; `openapi.yaml` is generated from them.

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
