//! What others changed since an import, so that it cannot be taken back as it was.

use super::{LISTS, SALES, UndoTable};
use db_client::db_api::{Params, QueryRequest};
use db_client::{DbClient, DbError, Rows as _, json_text};
use script_api::{UndoConflict, UndoConflictCode as Code};
use serde::Deserialize;

/// How many rows of a kind are named.
const EXAMPLES: u32 = 3;

/// A kind of conflict: a query for the rows of job `?2` that have it, by what they are called (`called`) and who
/// changed them (`by_job`).
struct Check {
    code: Code,
    table: &'static UndoTable,
    sql: String,
}

/// The key of the note `u`, where it is one number.
const ID: &str = "json_extract(u.row_key, '$[0]')";

/// The condition that SQL by hand changed the sale of the note `u`.
const BY_HAND: &str = "EXISTS (SELECT 1 FROM sales_changed_since AS c WHERE c.job_id = ?2 AND c.sale_id = json_extract(u.row_key, '$[0]'))";
/// The condition that a later import changed or replaced the sale of the note `u`.
const BY_IMPORT: &str = "EXISTS (SELECT 1 FROM job_undo AS k
    WHERE k.of_job = ?2 AND k.table_name = 'sales' AND k.row_key = u.row_key AND k.job_id <> ?2)";

fn sales_checks() -> Vec<Check> {
    let check = |code, sql: String| Check {
        code,
        table: &SALES,
        sql,
    };
    let called = SALES
        .called
        .replace("note", "u.before")
        .replace("row_key", "u.row_key");
    let by_import = |change: &str| {
        format!(
            "SELECT {called} AS called, u.job_id AS by_job FROM job_undo AS u
            WHERE u.of_job = ?2 AND u.table_name = 'sales' AND u.job_id <> ?2 AND u.change = '{change}'"
        )
    };
    let noted = |condition: &str| {
        format!(
            "SELECT {called} AS called, NULL AS by_job FROM job_undo AS u
            WHERE u.job_id = ?2 AND u.table_name = 'sales' AND {condition}"
        )
    };
    vec![
        check(
            Code::ChangedByHand,
            "SELECT concat('sale ', c.sale_id, ' of ', sales.sale_date) AS called, NULL AS by_job
            FROM sales_changed_since AS c LEFT JOIN sales ON sales.id = c.sale_id
            WHERE c.job_id = ?2"
                .to_owned(),
        ),
        check(Code::ChangedByImport, by_import("updated")),
        check(Code::ReplacedByImport, by_import("deleted")),
        check(
            Code::DeletedSince,
            noted(&format!(
                "u.change = 'updated'
                AND NOT EXISTS (SELECT 1 FROM sales WHERE sales.id = {ID} AND sales.import_job_id = ?2)
                AND NOT {BY_HAND} AND NOT {BY_IMPORT}"
            )),
        ),
        check(
            Code::PlaceTaken,
            noted(&format!(
                "u.change = 'deleted'
                AND (EXISTS (SELECT 1 FROM sales WHERE sales.id = {ID} AND sales.import_job_id IS NOT ?2)
                    OR EXISTS (
                        SELECT 1 FROM sales
                        WHERE sales.line_key = json_extract(u.before, '$.line_key') AND sales.import_job_id IS NOT ?2
                    ))"
            )),
        ),
        check(
            Code::ReferenceGone,
            noted(&format!("u.change IN ('updated', 'deleted') AND NOT {REFERS}")),
        ),
    ]
}

/// The condition that what the sale before the note `u` referred to is there.
pub(super) const REFERS: &str =
    "(EXISTS (SELECT 1 FROM products WHERE products.id = json_extract(u.before, '$.product_id'))
    AND EXISTS (SELECT 1 FROM stores WHERE stores.id = json_extract(u.before, '$.store_id')))";

fn list_checks() -> impl Iterator<Item = Check> {
    LISTS.into_iter().flat_map(|table| {
        let called = table
            .called
            .replace("note", "COALESCE(u.after, u.before)")
            .replace("row_key", "u.row_key");
        let (sql, is_noted, is_as_left) = (table.sql, table.is_noted(), table.is_as_left());
        let noted = |condition: &str| {
            format!(
                "SELECT {called} AS called, NULL AS by_job FROM job_undo AS u
                WHERE u.job_id = ?2 AND u.table_name = '{sql}' AND {condition}"
            )
        };
        let changed = noted(&format!(
            "(u.change = 'updated' AND NOT EXISTS (SELECT 1 FROM {sql} WHERE {is_noted} AND {is_as_left})
                OR u.change = 'added' AND EXISTS (SELECT 1 FROM {sql} WHERE {is_noted} AND NOT ({is_as_left})))"
        ));
        let used = table.is_used().then(|| {
            let unused = table.is_unused(true);
            (Code::Used, noted(&format!("u.change = 'added' AND NOT ({unused})")))
        });
        std::iter::once((Code::ChangedSince, changed))
            .chain(used)
            .map(move |(code, sql)| Check { code, table, sql })
    })
}

fn checks() -> impl Iterator<Item = Check> {
    sales_checks().into_iter().chain(list_checks())
}

/// The condition that nothing of job `?2` conflicts.
pub(super) fn none() -> String {
    let none: Vec<String> = checks()
        .map(|check| format!("NOT EXISTS ({})", check.sql))
        .collect();
    none.join(" AND ")
}

/// Rows with the same conflict.
#[derive(Debug, Deserialize)]
struct Found {
    by_job: Option<i64>,
    rows: u64,
    #[serde(deserialize_with = "json_text")]
    examples: Vec<String>,
}

/// What of `job` cannot be taken back, and why.
pub(crate) async fn find(db: &DbClient, job: i64) -> Result<Vec<UndoConflict>, DbError> {
    let mut conflicts = Vec::new();
    for check in checks() {
        let sql = format!(
            "WITH found AS MATERIALIZED ({}),
                counted AS (SELECT by_job, COUNT(*) AS rows FROM found GROUP BY by_job)
            SELECT by_job, rows, (
                SELECT json_group_array(called)
                FROM (SELECT called FROM found WHERE found.by_job IS counted.by_job LIMIT {EXAMPLES})
            ) AS examples
            FROM counted ORDER BY by_job",
            check.sql
        );
        // The first parameter is for who asks; these queries do not.
        let params: Params = [job.into(), job.into()].into();
        let found = db
            .query_request(&QueryRequest {
                sql,
                params,
                ..QueryRequest::default()
            })
            .await?;
        let found: Vec<Found> = found.rows_as()?;
        conflicts.extend(found.into_iter().map(|found| UndoConflict {
            code: check.code,
            table: check.table.sql.to_owned(),
            rows: found.rows,
            by_job: found.by_job,
            examples: found.examples,
        }));
    }
    Ok(conflicts)
}
