//! Taking back what a cancelled import wrote, for imports that ask for it (`on_cancel: rollback`).
//!
//! Each batch keeps, in its own transaction, how the rows were that it changes, and the keys of those it
//! adds. Sales that it adds need no such note: each line says which job wrote it. All of it is taken back in
//! one transaction, so nobody sees half of it, and doing it twice changes nothing.

use super::batch::Rows;
use super::replace::ALL_AT_ONCE;
use super::store;
use crate::import::tables::TableSpec as _;
use crate::params::positional;
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::{JobState, Table};
use tabular::Spec;

/// Tables in the order in which rows are taken back: children before parents.
const ORDER: [Table; 4] = [Table::Sales, Table::Targets, Table::Stores, Table::Products];

/// A statement that notes how the rows with the keys of `rows` are now; `None` for no rows. It goes before the one that changes
/// them. A row that the job changed before keeps its first note.
pub(super) fn note_changed(job: i64, table: Table, rows: &[Vec<Value>]) -> Option<Statement> {
    let spec = table.spec();
    let places: Vec<String> = key_columns(spec)
        .enumerate()
        .map(|(index, column)| format!("{column} = ?{}", index + 2))
        .collect();
    let sql = format!(
        "INSERT INTO job_undo (job_id, table_name, row_key, before)
            SELECT ?1, '{table}', json_array({}), json_array({}) FROM {} WHERE {}
            ON CONFLICT DO NOTHING",
        key_columns(spec).collect::<Vec<_>>().join(", "),
        kept_columns(table).join(", "),
        spec.stored_as,
        places.join(" AND "),
    );
    (!rows.is_empty()).then(|| note(&sql, job, spec, rows.iter().map(Vec::as_slice)))
}

/// A statement that notes that `rows` are new; `None` for no rows, and for sales, which say so themselves.
pub(super) fn note_added(job: i64, table: Table, rows: &Rows) -> Option<Statement> {
    let spec = table.spec();
    let places: Vec<String> = (0..spec.key).map(|index| format!("?{}", index + 2)).collect();
    (table != Table::Sales && !rows.is_empty()).then(|| {
        note(
            &format!(
                "INSERT INTO job_undo (job_id, table_name, row_key) VALUES (?1, '{table}', json_array({}))
                ON CONFLICT DO NOTHING",
                places.join(", ")
            ),
            job,
            spec,
            rows.iter(),
        )
    })
}

fn note<'a>(sql: &str, job: i64, spec: &Spec, rows: impl Iterator<Item = &'a [Value]>) -> Statement {
    let keys = rows.map(|row| {
        let mut params = vec![Value::Integer(job)];
        params.extend_from_slice(&row[..spec.key]);
        Params::Positional(params)
    });
    Statement {
        sql: sql.to_owned(),
        params_many: Some(keys.collect()),
        ..Statement::default()
    }
}

fn key_columns(spec: &'static Spec) -> impl Iterator<Item = &'static str> {
    spec.columns[..spec.key].iter().map(|column| column.stored_as)
}

/// The columns that are put back.
fn kept_columns(table: Table) -> Vec<&'static str> {
    let spec = table.spec();
    let mut columns: Vec<&str> = spec.columns[spec.key..]
        .iter()
        .map(|column| column.stored_as)
        .collect();
    if table == Table::Sales {
        columns.push("import_job_id");
    }
    columns
}

/// Puts back everything that `job` noted, and takes away what it added. Rows that somebody else changed
/// since stay, as far as they say so; a product or a store that others refer to by now stays too. Returns
/// how many rows were put back or taken away.
pub(crate) async fn roll_back(db: &DbClient, job: i64) -> Result<u64, DbError> {
    let mut statements = Vec::new();
    for table in ORDER {
        statements.push(restore(job, table));
        statements.push(take_away(job, table));
    }
    let counted = statements.len();
    statements.push(forget_statement(job));
    statements.extend(store::nothing_left(job, &[JobState::Running]));
    let results = db.transaction_within(ALL_AT_ONCE, statements).await?;
    Ok(results[..counted].iter().map(|result| result.rows_affected).sum())
}

/// Drops the notes of `job`.
pub(crate) async fn forget(db: &DbClient, job: i64) -> Result<(), DbError> {
    let statement = forget_statement(job);
    db.transaction(vec![statement]).await.map(drop)
}

fn forget_statement(job: i64) -> Statement {
    Statement::new("DELETE FROM job_undo WHERE job_id = ?1", positional([job.into()]))
}

fn restore(job: i64, table: Table) -> Statement {
    let spec = table.spec();
    let values: Vec<String> = kept_columns(table)
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = json_extract(job_undo.before, '$[{index}]')"))
        .collect();
    let same_key: Vec<String> = key_columns(spec)
        .zip(noted_key(spec))
        .map(|(column, noted)| format!("{}.{column} = {noted}", spec.stored_as))
        .collect();
    let still_ours = if table == Table::Sales {
        " AND sales.import_job_id = ?1"
    } else {
        ""
    };
    Statement::new(
        format!(
            "UPDATE {} SET {} FROM job_undo
            WHERE job_undo.job_id = ?1 AND table_name = '{table}' AND before IS NOT NULL AND {}{still_ours}",
            spec.stored_as,
            values.join(", "),
            same_key.join(" AND "),
        ),
        positional([job.into()]),
    )
}

fn take_away(job: i64, table: Table) -> Statement {
    let spec = table.spec();
    let sql = match table {
        Table::Sales => "DELETE FROM sales WHERE import_job_id = ?1".to_owned(),
        Table::Targets | Table::Stores | Table::Products => {
            let unused = match table {
                Table::Products => {
                    " AND id NOT IN (SELECT product_id FROM sales)
                    AND id NOT IN (SELECT product_id FROM product_targets)"
                }
                Table::Stores => " AND id NOT IN (SELECT store_id FROM sales)",
                Table::Targets | Table::Sales => "",
            };
            format!(
                "DELETE FROM {} WHERE ({}) IN (
                    SELECT {} FROM job_undo
                    WHERE job_undo.job_id = ?1 AND table_name = '{table}' AND before IS NULL
                ){unused}",
                spec.stored_as,
                key_columns(spec).collect::<Vec<_>>().join(", "),
                noted_key(spec).join(", "),
            )
        }
    };
    Statement::new(sql, positional([job.into()]))
}

/// The columns of the key that a note is about.
fn noted_key(spec: &Spec) -> Vec<String> {
    (0..spec.key)
        .map(|index| format!("json_extract(job_undo.row_key, '$[{index}]')"))
        .collect()
}
