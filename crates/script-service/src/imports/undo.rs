//! Taking back what a cancelled import wrote, for imports that ask for it (`on_cancel: rollback`).
//!
//! Each batch keeps, in its own transaction, how the rows were that it changes, and the keys of those it
//! adds. Sales that it adds need no such note: each line says which job wrote it. All of it is taken back in
//! one transaction, so nobody sees half of it, and doing it twice changes nothing.

use super::tables::TableSpec as _;
use crate::store::undo::{self, UndoTable};
use db_client::{DbClient, DbError};
use script_api::Table;

/// Tables in the order in which rows are taken back: children before parents.
const ORDER: [Table; 4] = [Table::Sales, Table::Targets, Table::Stores, Table::Products];

/// Puts back everything that `job` changed, and takes away what it added. Returns how many rows that were.
pub(super) async fn roll_back(db: &DbClient, job: i64) -> Result<u64, DbError> {
    undo::roll_back(db, job, &ORDER.map(undo_table)).await
}

/// How rows of `table` are taken back.
pub(super) fn undo_table(table: Table) -> UndoTable {
    let spec = table.spec();
    let (key, others) = spec.columns.split_at(spec.key);
    let is_sales = table == Table::Sales;
    let others = others.iter().map(|column| column.stored_as);
    UndoTable {
        name: table.as_str(),
        sql: spec.stored_as,
        key: key.iter().map(|column| column.stored_as).collect(),
        others: others.chain(is_sales.then_some("import_job_id")).collect(),
        names_its_job: is_sales,
        used_by: match table {
            Table::Products => &[("sales", "product_id"), ("product_targets", "product_id")],
            Table::Stores => &[("sales", "store_id")],
            Table::Targets | Table::Sales => &[],
        },
    }
}
