//! Sales that take the place of others: they wait in `staged_sales` until all of them are there.

use super::running_jobs::{self, Checkpoint};
use super::undo::notes::note_replaced;
use db_client::db_api::{BatchRequest, Statement};
use db_client::{DbClient, DbError};
use script_api::Mode;
use serde::Deserialize;
use std::time::Duration;

/// How long a transaction over millions of sales may take.
pub(crate) const ALL_AT_ONCE: Duration = Duration::from_mins(10);
/// How many sales are looked at together.
const PAGE: i64 = 20_000;

/// The condition on sales that give way to the staged ones of job `?1`.
pub(super) fn gives_way(mode: Mode) -> &'static str {
    match mode {
        Mode::ReplacePeriod => {
            "sale_date BETWEEN (SELECT MIN(sale_date) FROM staged_sales WHERE job_id = ?1)
                AND (SELECT MAX(sale_date) FROM staged_sales WHERE job_id = ?1)"
        }
        _ => "?1 IS NOT NULL",
    }
}

/// How many sales give way to the staged ones of `job`.
pub(crate) async fn count_giving_way(db: &DbClient, job: i64, mode: Mode) -> Result<u64, DbError> {
    let sql = format!("SELECT COUNT(*) FROM sales WHERE {}", gives_way(mode));
    let count = db.first_row(&sql, [job.into()]).await?;
    Ok(count.unwrap_or_default())
}

/// Puts the staged sales of `job` in the place of others, together with its checkpoint `after`.
pub(crate) async fn swap(db: &DbClient, job: i64, mode: Mode, after: &Checkpoint) -> Result<(), DbError> {
    let statements = vec![
        note_replaced(job, mode),
        Statement::new(
            format!("DELETE FROM sales WHERE {}", gives_way(mode)),
            [job.into()],
        ),
        Statement::new(
            "INSERT INTO sales
                (id, product_id, store_id, sale_date, quantity_milli, amount_cents, ticket_id, sale_time, cost_cents,
                discount_cents, tax_cents, channel, buyer, line_key, import_job_id)
            SELECT id, product_id, store_id, sale_date, quantity_milli, amount_cents, ticket_id, sale_time, cost_cents,
                discount_cents, tax_cents, channel, buyer, line_key, job_id
            FROM staged_sales WHERE job_id = ?1 ORDER BY rowid",
            [job.into()],
        ),
        Statement::new("DELETE FROM staged_sales WHERE job_id = ?1", [job.into()]),
        running_jobs::checkpoint(job, after),
    ];
    let request = BatchRequest {
        statements,
        timeout_ms: u64::try_from(ALL_AT_ONCE.as_millis()).ok(),
        ..BatchRequest::default()
    };
    super::run(db, &request, &format!("replace-{job}")).await
}

/// A sale, and whether its day is one of a period.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct SaleOfPeriod {
    pub id: i64,
    pub is_within: bool,
}

/// Some of the sales with an id above `after`, in their order; none at the end.
pub(crate) async fn page_of_sales(
    db: &DbClient,
    after: i64,
    first_day: &str,
    last_day: &str,
) -> Result<Vec<SaleOfPeriod>, DbError> {
    db.rows(
        "SELECT id, sale_date BETWEEN ?2 AND ?3 AS is_within FROM sales WHERE id > ?1 ORDER BY id LIMIT ?4",
        [after.into(), first_day.into(), last_day.into(), PAGE.into()],
    )
    .await
}

/// Whether `job` staged nothing.
pub(crate) async fn are_none(db: &DbClient, job: i64) -> Result<bool, DbError> {
    let first: Option<i64> = db
        .first_row(
            "SELECT job_id FROM staged_sales WHERE job_id = ?1 LIMIT 1",
            [job.into()],
        )
        .await?;
    Ok(first.is_none())
}

/// Ids of staged sales that cannot be: those of sales that stay, with their days, and those that come twice.
/// At most a few of each.
pub(crate) async fn conflicts(db: &DbClient, job: i64, mode: Mode) -> Result<Vec<String>, DbError> {
    let stay = format!(
        "SELECT id, sale_date FROM sales
        WHERE id IN (SELECT id FROM staged_sales WHERE job_id = ?1) AND NOT ({}) ORDER BY id LIMIT 5",
        gives_way(mode)
    );
    let twice = "SELECT id FROM staged_sales WHERE job_id = ?1 AND id IS NOT NULL
        GROUP BY id HAVING COUNT(*) > 1 ORDER BY id LIMIT 5";
    let stay: Vec<(i64, String)> = db.rows(&stay, [job.into()]).await?;
    let twice: Vec<i64> = db.rows(twice, [job.into()]).await?;
    Ok(stay
        .into_iter()
        .map(|(id, day)| format!("sale {id} of {day} stays"))
        .chain(twice.into_iter().map(|id| format!("sale {id} comes twice")))
        .collect())
}

/// Deletes what `job` staged.
pub(crate) async fn forget(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.execute("DELETE FROM staged_sales WHERE job_id = ?1", [job.into()])
        .await
        .map(drop)
}
