//! A batch notes what it changes, in its own transaction. Noting a row twice keeps how it was before the first change.

use super::{LISTS, UndoTable};
use crate::store::staged_sales::gives_way;
use db_client::db_api::{Params, Statement, Value};
use script_api::Mode;

/// A statement that notes how the rows with the keys of `rows` are now, which goes before the one that changes them;
/// none for no rows. A key is the first values of a row, those of the columns `by`. Sales that the job wrote itself need
/// no note.
pub(crate) fn note_changed(
    job: i64,
    table: &UndoTable,
    by: &[&str],
    rows: &[Vec<Value>],
) -> Option<Statement> {
    let (of_job, not_its_own) = if table.names_its_job() {
        ("import_job_id", " AND import_job_id IS NOT ?1")
    } else {
        ("NULL", "")
    };
    let sql = format!(
        "INSERT INTO job_undo (job_id, table_name, row_key, change, before, of_job)
        SELECT ?1, '{}', {}, 'updated', {}, {of_job} FROM {} WHERE {}{not_its_own}
        ON CONFLICT DO NOTHING",
        table.sql,
        table.key_now(),
        table.values_now(),
        table.sql,
        places(by),
    );
    (!rows.is_empty()).then(|| for_each(sql, job, by.len(), rows.iter().map(Vec::as_slice)))
}

/// A statement that notes how the rows with the keys of `rows` are now, behind the one that changed or added them; none
/// for no rows, and for those that say so themselves.
pub(crate) fn note_left<'a>(
    job: i64,
    table: &UndoTable,
    rows: impl Iterator<Item = &'a [Value]>,
) -> Option<Statement> {
    let sql = format!(
        "INSERT INTO job_undo (job_id, table_name, row_key, change, after)
        SELECT ?1, '{}', {}, 'added', {} FROM {} WHERE {}
        ON CONFLICT (job_id, table_name, row_key) DO UPDATE SET after = excluded.after",
        table.sql,
        table.key_now(),
        table.values_now(),
        table.sql,
        places(table.key),
    );
    let mut rows = rows.peekable();
    (!table.names_its_job() && rows.peek().is_some()).then(|| for_each(sql, job, table.key.len(), rows))
}

fn places(columns: &[&str]) -> String {
    let places: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{column} = ?{}", place + 2))
        .collect();
    places.join(" AND ")
}

fn for_each<'a>(sql: String, job: i64, key: usize, rows: impl Iterator<Item = &'a [Value]>) -> Statement {
    let keys = rows.map(|row| {
        let mut params = vec![Value::Integer(job)];
        params.extend_from_slice(&row[..key]);
        Params::Positional(params)
    });
    Statement {
        sql,
        params_many: Some(keys.collect()),
        ..Statement::default()
    }
}

/// A statement that notes the sales that give way to the staged ones of `job`.
pub(crate) fn note_replaced(job: i64, mode: Mode) -> Statement {
    let sales = &super::SALES;
    Statement::new(
        format!(
            "INSERT INTO job_undo (job_id, table_name, row_key, change, before, of_job)
            SELECT ?1, 'sales', {}, 'deleted', {}, import_job_id FROM sales WHERE {} ORDER BY id
            ON CONFLICT DO NOTHING",
            sales.key_now(),
            sales.values_now(),
            gives_way(mode)
        ),
        [job.into()],
    )
}

/// Statements that note the products and stores that `job` made because lines named them.
pub(crate) fn note_made(job: i64) -> impl Iterator<Item = Statement> {
    let made = LISTS
        .into_iter()
        .filter(|table| table.others.contains(&"made_by_job"));
    made.map(move |table| {
        Statement::new(
            format!(
                "INSERT INTO job_undo (job_id, table_name, row_key, change, after)
                SELECT ?1, '{}', {}, 'made', {} FROM {} WHERE made_by_job = ?1
                ON CONFLICT DO NOTHING",
                table.sql,
                table.key_now(),
                table.values_now(),
                table.sql,
            ),
            [job.into()],
        )
    })
}

/// What notes the currency and the taxes of the database: before `job` may say them, and after it did.
pub(crate) fn note_amounts(job: i64) -> [Statement; 2] {
    const VALUES: &str = "json_object('currency', currency, 'taxes', taxes)";
    [
        format!(
            "INSERT INTO job_undo (job_id, table_name, row_key, change, before)
            SELECT ?1, 'dataset', '[1]', 'updated', {VALUES} FROM dataset WHERE id = 1
            ON CONFLICT DO NOTHING"
        ),
        format!(
            "UPDATE job_undo SET after = (SELECT {VALUES} FROM dataset WHERE id = 1)
            WHERE job_id = ?1 AND table_name = 'dataset'"
        ),
    ]
    .map(|sql| Statement::new(sql, [job.into()]))
}
