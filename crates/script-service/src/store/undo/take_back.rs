//! Puts back what an import changed, and takes away what it added.
//!
//! Sales, targets and changed lists are one transaction, so nobody sees half of it. Products and stores that are new go
//! after it, some at a time: to find that nothing refers to one takes a look at all sales. All of it may be done again:
//! what is done finds nothing to do.

use super::conflicts::{self, REFERS};
use super::{LISTS, PRODUCTS, SALES, STORES, UndoTable};
use crate::store;
use crate::store::staged_sales::ALL_AT_ONCE;
use db_client::db_api::{BatchRequest, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::{AlreadyThere, UndoConflict, UndoKept, Undone};
use serde::Deserialize;

/// How many products or stores a transaction takes away.
const PIECE: u64 = 20;
/// How many names of those that stay are told.
const EXAMPLES: u64 = 3;

/// What is counted, as the result of the job has it.
const NOTHING_YET: &str = r#"{"sales":{"removed":0,"restored":0,"brought_back":0},
    "products":{"removed":0,"restored":0},"stores":{"removed":0,"restored":0},
    "product_targets":{"removed":0,"restored":0}}"#;

/// Takes back what job `of` wrote in the tables, as far as nobody changed it since, in the name of job `by`, whose result
/// says how many rows that were, and what was `left`. Unless it may be `partial`, a conflict refuses all of it. A job takes itself back when it
/// was cancelled.
pub(crate) async fn take_back(
    db: &DbClient,
    by: i64,
    of: i64,
    partial: bool,
    left: &[UndoConflict],
) -> Result<(), DbError> {
    let mut statements = vec![claim(by, of, partial)];
    let mut run = |sql: String| statements.push(statement(sql, by, of));
    run(format!(
        "UPDATE jobs SET result = json('{NOTHING_YET}'), source_read = source_read + 1 WHERE id = ?1"
    ));
    let left = serde_json::to_string(left).unwrap_or_default();
    run("UPDATE dataset SET importing = 1, version = version + 1 WHERE id = 1".to_owned());
    for (sql, counted_as) in sales_taken_back() {
        run(sql);
        if let Some(counted_as) = counted_as {
            run(count(counted_as));
        }
    }
    for table in LISTS {
        run(restore_list(table));
        run(count(&format!("{}.restored", table.sql)));
        if !table.is_used() {
            run(remove_list(table, None));
            run(count(&format!("{}.removed", table.sql)));
        }
    }
    run(AMOUNTS_BEFORE.to_owned());
    run(NO_AMOUNTS.to_owned());
    run("UPDATE job_rejects SET replayed_by = NULL
        WHERE job_id = (SELECT request ->> '$.replay_of' FROM jobs WHERE id = ?2) AND replayed_by = ?2 AND ?1 <> ?2"
        .to_owned());
    run("DELETE FROM job_undo
        WHERE job_id = ?2 AND NOT (table_name IN ('products', 'stores') AND change IN ('added', 'made'))"
        .to_owned());
    run("DELETE FROM sales_changed_since WHERE job_id = ?2".to_owned());
    run("UPDATE dataset SET importing = 0 WHERE id = 1".to_owned());
    statements.insert(2, say("left", by, left));
    let request = BatchRequest {
        statements,
        timeout_ms: u64::try_from(ALL_AT_ONCE.as_millis()).ok(),
        ..BatchRequest::default()
    };
    store::run(db, &request, &format!("undo-{by}-of-{of}")).await
}

/// `sql`, whose parameter 1 is job `by` and 2 is job `of`.
fn statement(sql: String, by: i64, of: i64) -> Statement {
    let both = [by, of].map(Value::Integer);
    let used = ["?1", "?2"].iter().rposition(|place| sql.contains(place));
    Statement::new(sql, both[..used.map_or(0, |last| last + 1)].to_vec())
}

/// A statement that is refused unless job `of` may be taken back now.
fn claim(by: i64, of: i64, partial: bool) -> Statement {
    let sql = if by == of {
        "UPDATE jobs SET revision = revision + 1 WHERE id = ?2".to_owned()
    } else {
        let whole = if partial {
            "1".to_owned()
        } else {
            conflicts::none()
        };
        format!(
            "UPDATE jobs SET undone_by = ?1, revision = revision + 1
            WHERE id = ?2 AND undone_by IS NULL AND undo_dropped = 0 AND finished_at IS NOT NULL AND {whole}"
        )
    };
    statement(sql, by, of).must_change(1)
}

/// A statement that keeps `json` as the member `what` of the result.
fn say(what: &str, by: i64, json: String) -> Statement {
    Statement::new(
        format!("UPDATE jobs SET result = json_set(result, '$.{what}', json(?2)) WHERE id = ?1"),
        [by.into(), json.into()],
    )
}

/// Says in the result of job `by` which imports left out lines because the one that it took back had brought them.
pub(crate) async fn say_relying(db: &DbClient, by: i64, relying: &[AlreadyThere]) -> Result<(), DbError> {
    let json = serde_json::to_string(relying).unwrap_or_default();
    db.transaction(vec![say("relied_on_by", by, json)])
        .await
        .map(drop)
}

/// Whether job `by` has begun to take job `of` back.
pub(crate) async fn is_begun(db: &DbClient, by: i64, of: i64) -> Result<bool, DbError> {
    let begun: Option<i64> = db
        .first_row(
            "SELECT id FROM jobs WHERE id = ?2 AND undone_by = ?1",
            [by.into(), of.into()],
        )
        .await?;
    Ok(begun.is_some())
}

/// A statement that keeps how many rows the one before it changed.
fn count(what: &str) -> String {
    format!("UPDATE jobs SET result = json_set(result, '$.{what}', changes()) WHERE id = ?1")
}

/// What takes sales back, and what the rows of a statement count as.
fn sales_taken_back() -> Vec<(String, Option<&'static str>)> {
    let columns = SALES.others.join(", ");
    let before: Vec<String> = SALES
        .others
        .iter()
        .map(|column| format!("json_extract(u.before, '$.{column}')"))
        .collect();
    let before = before.join(", ");
    let is_noted = SALES.is_noted();
    vec![
        (
            format!(
                "UPDATE sales SET ({columns}) = ({before}) FROM job_undo AS u
                WHERE u.job_id = ?2 AND u.table_name = 'sales' AND u.change = 'updated' AND {is_noted}
                    AND sales.import_job_id = ?2 AND {REFERS}
                    AND NOT EXISTS (SELECT 1 FROM sales_changed_since AS c WHERE c.job_id = ?2 AND c.sale_id = sales.id)"
            ),
            Some("sales.restored"),
        ),
        (
            "DELETE FROM sales
            WHERE import_job_id = ?2
                AND id NOT IN (SELECT sale_id FROM sales_changed_since WHERE job_id = ?2)
                AND id NOT IN (
                    SELECT json_extract(row_key, '$[0]') FROM job_undo
                    WHERE job_id = ?2 AND table_name = 'sales' AND change = 'updated'
                )"
            .to_owned(),
            Some("sales.removed"),
        ),
        (
            "INSERT INTO dirty_days (sale_date)
            SELECT DISTINCT json_extract(u.before, '$.sale_date') FROM job_undo AS u
            WHERE u.job_id = ?2 AND u.table_name = 'sales' AND u.change = 'deleted'
                AND json_extract(u.before, '$.sale_date') NOT IN (SELECT sale_date FROM dirty_days)"
                .to_owned(),
            None,
        ),
        (
            format!(
                "INSERT INTO sales (id, {columns})
                SELECT json_extract(u.row_key, '$[0]'), {before} FROM job_undo AS u
                WHERE u.job_id = ?2 AND u.table_name = 'sales' AND u.change = 'deleted' AND {REFERS}
                    AND NOT EXISTS (SELECT 1 FROM sales WHERE {is_noted})
                    AND NOT EXISTS (
                        SELECT 1 FROM sales WHERE sales.line_key = json_extract(u.before, '$.line_key')
                    )
                ORDER BY json_extract(u.row_key, '$[0]')"
            ),
            Some("sales.brought_back"),
        ),
        // What others changed is theirs by now.
        ("UPDATE sales SET import_job_id = NULL WHERE import_job_id = ?2".to_owned(), None),
        // What a later import changed of it is, to that import, as it was before both.
        (
            "UPDATE job_undo AS k SET before = u.before, of_job = u.of_job FROM job_undo AS u
            WHERE k.of_job = ?2 AND k.table_name = 'sales' AND k.job_id <> ?2
                AND u.job_id = ?2 AND u.table_name = 'sales' AND u.row_key = k.row_key AND u.change = 'updated'"
                .to_owned(),
            None,
        ),
        (
            "DELETE FROM job_undo WHERE of_job = ?2 AND table_name = 'sales' AND job_id <> ?2".to_owned(),
            None,
        ),
    ]
}

fn restore_list(table: &UndoTable) -> String {
    let columns = table.others.join(", ");
    let before: Vec<String> = table
        .others
        .iter()
        .map(|column| format!("json_extract(u.before, '$.{column}')"))
        .collect();
    format!(
        "UPDATE {} SET ({columns}) = ({}) FROM job_undo AS u
        WHERE u.job_id = ?2 AND u.table_name = '{}' AND u.change = 'updated' AND {} AND {}",
        table.sql,
        before.join(", "),
        table.sql,
        table.is_noted(),
        table.is_as_left(),
    )
}

/// What takes away rows that are as the import left them and that nothing refers to, at most `piece` of them.
fn remove_list(table: &UndoTable, piece: Option<u64>) -> String {
    let unused = if table.is_used() {
        format!(" AND {}", table.is_unused(false))
    } else {
        String::new()
    };
    let piece = piece.map_or(String::new(), |piece| format!(" LIMIT {piece}"));
    format!(
        "DELETE FROM {sql} WHERE ({key}) IN (
            SELECT {noted} FROM job_undo AS u JOIN {sql} ON {is_noted}
            WHERE u.job_id = ?2 AND u.table_name = '{sql}' AND u.change IN ('added', 'made') AND {is_as_left}{unused}{piece}
        )",
        sql = table.sql,
        key = table.key.join(", "),
        noted = (0..table.key.len())
            .map(|place| format!("json_extract(u.row_key, '$[{place}]')"))
            .collect::<Vec<_>>()
            .join(", "),
        is_noted = table.is_noted(),
        is_as_left = table.is_as_left(),
    )
}

/// Currency and taxes as they were, unless somebody said others since.
const AMOUNTS_BEFORE: &str = "UPDATE dataset
    SET currency = json_extract(u.before, '$.currency'), taxes = json_extract(u.before, '$.taxes') FROM job_undo AS u
    WHERE dataset.id = 1 AND u.job_id = ?2 AND u.table_name = 'dataset'
        AND json_extract(u.after, '$.currency') IS dataset.currency AND json_extract(u.after, '$.taxes') IS dataset.taxes";

/// Nothing is said of the amounts of a database without any.
const NO_AMOUNTS: &str = "UPDATE dataset SET currency = NULL, taxes = NULL
    WHERE id = 1 AND EXISTS (SELECT 1 FROM job_undo WHERE job_id = ?2 AND table_name = 'dataset')
        AND NOT EXISTS (SELECT 1 FROM sales)";

/// Takes away the products and stores that job `of` added or made and that nothing refers to, and drops its notes; what
/// stays is said in the result of job `by`, and goes with the import whose lines refer to it.
pub(crate) async fn take_away_lists(db: &DbClient, by: i64, of: i64) -> Result<(), DbError> {
    for table in [&STORES, &PRODUCTS] {
        let removed = format!("$.{}.removed", table.sql);
        loop {
            let statements = vec![
                statement(remove_list(table, Some(PIECE)), by, of),
                statement(
                    format!(
                        "UPDATE jobs SET result = json_set(result, '{removed}', result ->> '{removed}' + changes()),
                            source_read = source_read + changes()
                        WHERE id = ?1"
                    ),
                    by,
                    of,
                ),
            ];
            let results = db.transaction_within(ALL_AT_ONCE, statements).await?;
            if results.first().is_none_or(|result| result.rows_affected < PIECE) {
                break;
            }
        }
    }
    hand_over(db, by, of).await
}

/// What stays of a table.
#[derive(Debug, Deserialize)]
struct Stays {
    rows: u64,
    #[serde(deserialize_with = "db_client::json_text")]
    examples: Vec<String>,
}

/// Says in the result of job `by` which new products and stores of job `of` stay, gives them to the imports whose lines
/// refer to them, and drops the notes of `of`.
async fn hand_over(db: &DbClient, by: i64, of: i64) -> Result<(), DbError> {
    let mut kept = Vec::new();
    let mut statements = Vec::new();
    for (table, column) in [(&STORES, "store_id"), (&PRODUCTS, "product_id")] {
        let sql = table.sql;
        let stay = format!(
            "FROM job_undo AS u JOIN {sql} ON {} WHERE u.job_id = ?2 AND u.table_name = '{sql}' AND u.change IN ('added', 'made')",
            table.is_noted()
        );
        let called = table
            .called
            .replace("note", "u.after")
            .replace("row_key", "u.row_key");
        let stays: Option<Stays> = db
            .first_row(
                &format!(
                    "SELECT (SELECT COUNT(*) {stay}) AS rows, (
                        SELECT json_group_array(called) FROM (SELECT {called} AS called {stay} LIMIT {EXAMPLES})
                    ) AS examples"
                ),
                [by.into(), of.into()],
            )
            .await?;
        let Some(stays) = stays.filter(|stays| stays.rows > 0) else {
            continue;
        };
        kept.push(UndoKept {
            table: sql.to_owned(),
            rows: stays.rows,
            examples: stays.examples,
        });
        let users = format!(
            "(SELECT {column} AS id, MIN(import_job_id) AS job FROM sales WHERE import_job_id IS NOT NULL GROUP BY {column})"
        );
        for sql in [
            format!(
                "INSERT INTO job_undo (job_id, table_name, row_key, change, after)
                SELECT users.job, u.table_name, u.row_key, u.change, u.after
                FROM job_undo AS u JOIN {users} AS users ON users.id = json_extract(u.row_key, '$[0]')
                WHERE u.job_id = ?2 AND u.table_name = '{sql}' AND u.change = 'made'
                ON CONFLICT DO NOTHING"
            ),
            format!(
                "UPDATE {sql} SET made_by_job = (SELECT job FROM {users} AS users WHERE users.id = {sql}.id)
                WHERE made_by_job = ?2"
            ),
        ] {
            statements.push(statement(sql, by, of));
        }
    }
    statements.push(say("kept", by, serde_json::to_string(&kept).unwrap_or_default()));
    statements.extend(forget(of));
    db.transaction_within(ALL_AT_ONCE, statements).await.map(drop)
}

/// Statements that drop the notes of `job`.
fn forget(job: i64) -> [Statement; 2] {
    [
        "DELETE FROM job_undo WHERE job_id = ?1",
        "DELETE FROM sales_changed_since WHERE job_id = ?1",
    ]
    .map(|sql| Statement::new(sql, [job.into()]))
}

/// The result of a job that takes back.
#[derive(Debug, Deserialize)]
struct Kept {
    #[serde(deserialize_with = "db_client::json_text")]
    result: Option<Undone>,
}

/// What was taken back in the name of job `by`, as far as it is.
pub(crate) async fn result(db: &DbClient, by: i64) -> Result<Undone, DbError> {
    let result: Option<Kept> = db
        .first_row("SELECT result FROM jobs WHERE id = ?1", [by.into()])
        .await?;
    Ok(result.and_then(|kept| kept.result).unwrap_or_default())
}
