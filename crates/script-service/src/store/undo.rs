//! What cancelled imports take back: how rows were before, and which are new.
//!
//! Sales that an import adds need no such note: each line says which job wrote it. Doing it twice changes nothing.

use super::running_jobs;
use super::staged_sales::ALL_AT_ONCE;
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::JobState;

/// A table from which rows are taken back.
#[derive(Debug, Clone)]
pub(crate) struct UndoTable {
    /// What it is called in notes.
    pub name: &'static str,
    /// What it is called in SQL.
    pub sql: &'static str,
    /// The columns of its key.
    pub key: Vec<&'static str>,
    /// The others, which are put back.
    pub others: Vec<&'static str>,
    /// Its rows say themselves which job wrote them.
    pub names_its_job: bool,
    /// The columns that refer to a row of it, each with its table.
    pub used_by: &'static [(&'static str, &'static str)],
}

/// A statement that notes how the rows with the keys of `rows` are now; `None` for no rows. It goes before the one
/// that changes them. A row that the job changed before keeps its first note.
pub(crate) fn note_changed(job: i64, table: &UndoTable, rows: &[Vec<Value>]) -> Option<Statement> {
    let places: Vec<String> = table
        .key
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = ?{}", index + 2))
        .collect();
    let sql = format!(
        "INSERT INTO job_undo (job_id, table_name, row_key, before)
            SELECT ?1, '{}', json_array({}), json_array({}) FROM {} WHERE {}
            ON CONFLICT DO NOTHING",
        table.name,
        table.key.join(", "),
        table.others.join(", "),
        table.sql,
        places.join(" AND "),
    );
    (!rows.is_empty()).then(|| note(sql, job, table, rows.iter().map(Vec::as_slice)))
}

/// A statement that notes that `rows` are new; `None` for no rows, and for those that say so themselves.
pub(crate) fn note_added<'a>(
    job: i64,
    table: &UndoTable,
    rows: impl Iterator<Item = &'a [Value]>,
) -> Option<Statement> {
    let places: Vec<String> = (0..table.key.len())
        .map(|index| format!("?{}", index + 2))
        .collect();
    let sql = format!(
        "INSERT INTO job_undo (job_id, table_name, row_key) VALUES (?1, '{}', json_array({}))
        ON CONFLICT DO NOTHING",
        table.name,
        places.join(", ")
    );
    let mut rows = rows.peekable();
    (!table.names_its_job && rows.peek().is_some()).then(|| note(sql, job, table, rows))
}

fn note<'a>(sql: String, job: i64, table: &UndoTable, rows: impl Iterator<Item = &'a [Value]>) -> Statement {
    let keys = rows.map(|row| {
        let mut params = vec![Value::Integer(job)];
        params.extend_from_slice(&row[..table.key.len()]);
        Params::Positional(params)
    });
    Statement {
        sql,
        params_many: Some(keys.collect()),
        ..Statement::default()
    }
}

/// Puts back everything that `job` noted, and takes away what it added, in the order of `tables`: children before
/// parents. Rows that somebody else changed since stay, as far as they say so; what others refer to by now stays too.
/// Returns how many rows were put back or taken away.
pub(crate) async fn roll_back(db: &DbClient, job: i64, tables: &[UndoTable]) -> Result<u64, DbError> {
    let mut statements = Vec::new();
    // What is put back names the job before again, so that it is not taken away with what is new.
    statements.extend(tables.iter().map(|table| restore(job, table)));
    statements.extend(tables.iter().map(|table| take_away(job, table)));
    let counted = statements.len();
    statements.push(forget_statement(job));
    statements.extend(running_jobs::nothing_left(job, &[JobState::Running]));
    let results = db.transaction_within(ALL_AT_ONCE, statements).await?;
    Ok(results[..counted].iter().map(|result| result.rows_affected).sum())
}

/// Takes away products and stores that `job` made because lines named them, and that nothing uses.
pub(crate) async fn take_away_made(db: &DbClient, job: i64) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM products WHERE made_by_job = ?1 AND id NOT IN (SELECT product_id FROM sales)
            AND id NOT IN (SELECT product_id FROM product_targets)",
        "DELETE FROM stores WHERE made_by_job = ?1 AND id NOT IN (SELECT store_id FROM sales)",
        "UPDATE jobs SET created_products = (SELECT COUNT(*) FROM products WHERE made_by_job = ?1),
            created_stores = (SELECT COUNT(*) FROM stores WHERE made_by_job = ?1), revision = revision + 1
        WHERE id = ?1",
    ];
    let statements = statements.map(|sql| Statement::new(sql, [job.into()]));
    db.transaction_within(ALL_AT_ONCE, statements.into())
        .await
        .map(drop)
}

/// Drops the notes of `job`.
pub(crate) async fn forget(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.transaction(vec![forget_statement(job)]).await.map(drop)
}

fn forget_statement(job: i64) -> Statement {
    Statement::new("DELETE FROM job_undo WHERE job_id = ?1", [job.into()])
}

fn restore(job: i64, table: &UndoTable) -> Statement {
    let values: Vec<String> = table
        .others
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = json_extract(job_undo.before, '$[{index}]')"))
        .collect();
    let same_key: Vec<String> = table
        .key
        .iter()
        .zip(noted_key(table))
        .map(|(column, noted)| format!("{}.{column} = {noted}", table.sql))
        .collect();
    let still_ours = if table.names_its_job {
        format!(" AND {}.import_job_id = ?1", table.sql)
    } else {
        String::new()
    };
    Statement::new(
        format!(
            "UPDATE {} SET {} FROM job_undo
            WHERE job_undo.job_id = ?1 AND table_name = '{}' AND before IS NOT NULL AND {}{still_ours}",
            table.sql,
            values.join(", "),
            table.name,
            same_key.join(" AND "),
        ),
        [job.into()],
    )
}

fn take_away(job: i64, table: &UndoTable) -> Statement {
    let sql = if table.names_its_job {
        format!("DELETE FROM {} WHERE import_job_id = ?1", table.sql)
    } else {
        let unused: Vec<String> = table
            .used_by
            .iter()
            .map(|(user, column)| format!(" AND id NOT IN (SELECT {column} FROM {user})"))
            .collect();
        let unused = unused.concat();
        format!(
            "DELETE FROM {} WHERE ({}) IN (
                SELECT {} FROM job_undo
                WHERE job_undo.job_id = ?1 AND table_name = '{}' AND before IS NULL
            ){unused}",
            table.sql,
            table.key.join(", "),
            noted_key(table).join(", "),
            table.name,
        )
    };
    Statement::new(sql, [job.into()])
}

/// The columns of the key that a note is about.
fn noted_key(table: &UndoTable) -> Vec<String> {
    (0..table.key.len())
        .map(|index| format!("json_extract(job_undo.row_key, '$[{index}]')"))
        .collect()
}
