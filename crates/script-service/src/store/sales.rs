//! Sales that an import adds: their rows, and the triggers that have nothing to do meanwhile.

use super::rows::{self, Rows};
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use serde::Deserialize;

/// From how many new sales on a batch does without the triggers that would do nothing.
const WORTH_NO_TRIGGERS: usize = 1_000;
/// The triggers on `sales` that do nothing when an import inserts.
const IDLE_TRIGGERS: [&str; 2] = ["sales_before_insert", "sales_after_insert"];

/// A trigger of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    name: &'static str,
    /// The statement that makes it.
    sql: String,
}

/// The idle triggers as the schema makes them.
pub(crate) async fn idle_triggers(db: &DbClient) -> Result<Vec<Trigger>, DbError> {
    let found: Vec<(String, String)> = db
        .rows(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'sales' ORDER BY rowid",
            Params::default(),
        )
        .await?;
    let idle = found.into_iter().filter_map(|(name, sql)| {
        let name = IDLE_TRIGGERS.into_iter().find(|idle| *idle == name)?;
        Some(Trigger { name, sql })
    });
    Ok(idle.collect())
}

/// A sale that is there.
#[derive(Debug, Deserialize)]
pub(crate) struct SaleThere {
    pub id: i64,
    pub sale_date: String,
    pub import_job_id: Option<i64>,
    /// Whether it has an id only because rows have one.
    pub has_no_id: bool,
}

/// Those of the sales `ids` that are there, in their order.
pub(crate) async fn days_of(db: &DbClient, ids: &[i64]) -> Result<Vec<SaleThere>, DbError> {
    db.rows(
        "SELECT id, sale_date, import_job_id, line_key IS NOT NULL AS has_no_id FROM sales
        WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id",
        [serde_json::to_string(ids).unwrap_or_default().into()],
    )
    .await
}

/// `change`, which changes sales, as the work of an import: it is not taken for SQL by hand.
pub(crate) fn by_import(change: Statement) -> [Statement; 3] {
    let importing = |yes: i64| {
        let sql = format!("UPDATE dataset SET importing = {yes} WHERE id = 1");
        Statement::new(sql, Params::default())
    };
    [importing(1), change, importing(0)]
}

/// What inserts new sales of `job`, and `sums`, which adds them to the sums by day. `triggers` are the idle ones.
pub(crate) fn insert(
    job: i64,
    columns: &[&str],
    new: Rows,
    sums: Vec<Statement>,
    triggers: &[Trigger],
) -> Vec<Statement> {
    // Many rows are worth taking the triggers away, which see row by row that they have nothing to do: a trigger costs
    // a quarter of an insert or more, even one whose WHEN looks at no table, as SQLite then keeps a journal for each
    // run. The transaction puts them back, so nobody else writes without them; readers prepare their statements again.
    let without = if new.len() >= WORTH_NO_TRIGGERS {
        triggers
    } else {
        &[]
    };
    let plain = |sql: &str| Statement::new(sql, Params::default());
    let mut statements: Vec<Statement> = without
        .iter()
        .map(|trigger| plain(&format!("DROP TRIGGER IF EXISTS {}", trigger.name)))
        .collect();
    statements.push(plain(
        "UPDATE dataset SET importing = 1, version = version + 1 WHERE id = 1",
    ));
    let job = Value::Integer(job);
    statements.extend(rows::insert("sales", columns, Some(("import_job_id", &job)), new));
    statements.extend(sums);
    statements.push(plain("UPDATE dataset SET importing = 0 WHERE id = 1"));
    statements.extend(without.iter().map(|trigger| plain(&trigger.sql)));
    statements
}
