//! Taking back what a cancelled import wrote, for imports that ask for it (`on_cancel: rollback`).
//!
//! Each batch keeps, in its own transaction, how the rows were that it changes, and the keys of those it
//! adds. Sales that it adds need no such note: each line says which job wrote it. All of it is taken back in
//! one transaction, so nobody sees half of it, and doing it twice changes nothing.

use super::export_rows::SALES_BY_LINE_KEY;
use super::tables::TableSpec as _;
use crate::store::undo::{self, UndoTable};
use db_client::{DbClient, DbError};
use script_api::Table;
use tabular::Spec;

/// Tables in the order in which rows are taken back: children before parents.
const ORDER: [Table; 4] = [Table::Sales, Table::Targets, Table::Stores, Table::Products];

/// Puts back everything that `job` changed, and takes away what it added. Returns how many rows that were.
pub(super) async fn roll_back(db: &DbClient, job: i64) -> Result<u64, DbError> {
    let by_line_key = undo_table(Table::Sales, &SALES_BY_LINE_KEY);
    let tables: Vec<UndoTable> = std::iter::once(by_line_key)
        .chain(ORDER.map(|table| undo_table(table, table.spec())))
        .collect();
    let rows = undo::roll_back(db, job, &tables).await?;
    undo::take_away_made(db, job).await?;
    Ok(rows)
}

/// How rows of `table` whose keys are those of `spec` are taken back.
pub(super) fn undo_table(table: Table, spec: &'static Spec) -> UndoTable {
    let key: Vec<&str> = spec.columns[..spec.key]
        .iter()
        .map(|column| column.stored_as)
        .collect();
    let is_sales = table == Table::Sales;
    let others = table.spec().columns.iter().map(|column| column.stored_as);
    let others = others.filter(|column| !(key.contains(column) || is_sales && *column == "id"));
    let of_exports = [
        "sale_time",
        "cost_cents",
        "discount_cents",
        "tax_cents",
        "channel",
        "import_job_id",
    ];
    UndoTable {
        name: if key == ["line_key"] {
            "sales_by_line_key"
        } else {
            table.as_str()
        },
        sql: spec.stored_as,
        others: others
            .chain(of_exports.into_iter().filter(|_| is_sales))
            .collect(),
        key,
        names_its_job: is_sales,
        used_by: match table {
            Table::Products => &[("sales", "product_id"), ("product_targets", "product_id")],
            Table::Stores => &[("sales", "store_id")],
            Table::Targets | Table::Sales => &[],
        },
    }
}
