//! Sales that take the place of others: they wait in `staged_sales` until all of them are there, then both
//! steps are one transaction. A job that dies in between has changed nothing.

use super::batch::Rows;
use super::store::{self, Checkpoint};
use crate::import::ids::IdSet;
use crate::params::positional;
use db_client::db_api::{BatchOutcome, BatchRequest, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::Mode;
use std::time::Duration;

/// How long the swap of millions of sales may take.
pub(super) const ALL_AT_ONCE: Duration = Duration::from_mins(10);

/// The condition on sales that give way to the staged ones of job `?1`.
fn gives_way(mode: Mode) -> &'static str {
    match mode {
        Mode::ReplacePeriod => {
            "sale_date BETWEEN (SELECT MIN(sale_date) FROM staged_sales WHERE job_id = ?1)
                AND (SELECT MAX(sale_date) FROM staged_sales WHERE job_id = ?1)"
        }
        _ => "?1 IS NOT NULL",
    }
}

/// Puts the staged sales of `job` in the place of others. `checkpoint` moves with them, so it happens once.
pub(crate) async fn swap(
    db: &DbClient,
    job: i64,
    mode: Mode,
    checkpoint: &mut Checkpoint,
) -> Result<(), DbError> {
    let mut after = checkpoint.clone();
    after.source += 1;
    after.source_read = 0;
    let count = db
        .query(
            &format!("SELECT COUNT(*) FROM sales WHERE {}", gives_way(mode)),
            positional([job.into()]),
        )
        .await?;
    let deleted = count
        .rows
        .first()
        .and_then(|row| row[0].as_i64())
        .unwrap_or_default();
    after.deleted = deleted.max(0).cast_unsigned();
    let statements = vec![
        Statement::new(
            format!("DELETE FROM sales WHERE {}", gives_way(mode)),
            positional([job.into()]),
        ),
        Statement::new(
            "INSERT INTO sales
                (id, product_id, store_id, sale_date, quantity, amount_cents, ticket_id, import_job_id)
            SELECT id, product_id, store_id, sale_date, quantity, amount_cents, ticket_id, job_id
            FROM staged_sales WHERE job_id = ?1 ORDER BY rowid",
            positional([job.into()]),
        ),
        Statement::new(
            "DELETE FROM staged_sales WHERE job_id = ?1",
            positional([job.into()]),
        ),
        store::checkpoint_statement(job, &after),
    ];
    let request = BatchRequest {
        statements,
        timeout_ms: u64::try_from(ALL_AT_ONCE.as_millis()).ok(),
        ..BatchRequest::default()
    };
    let result = db.batch(&request, &format!("replace-{job}")).await?;
    for outcome in result.results {
        if let BatchOutcome::Error(problem) = outcome {
            return Err(DbError::Refused(Box::new(problem)));
        }
    }
    *checkpoint = after;
    Ok(())
}

/// What a dry run knows of the sales that would take the place of others.
#[derive(Debug, Default)]
pub(crate) struct Replacement {
    ids: IdSet,
    /// An id that came twice.
    twice: Option<i64>,
    /// The first and the last day.
    days: Option<(String, String)>,
}

impl Replacement {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.days.is_none()
    }

    /// Adds `rows`, whose values are those of `columns`.
    pub(crate) fn note(&mut self, rows: &Rows, columns: &[&'static str]) {
        let place = |name: &str| columns.iter().position(|column| *column == name);
        let (id, day) = (place("id"), place("sale_date"));
        for row in rows.iter() {
            if let Some(id) = id.and_then(|place| row[place].as_i64())
                && !self.ids.insert(id)
            {
                self.twice = Some(id);
            }
            let Some(day) = day.and_then(|place| row[place].as_str()) else {
                continue;
            };
            match &mut self.days {
                None => self.days = Some((day.to_owned(), day.to_owned())),
                Some((first, _)) if day < first.as_str() => day.clone_into(first),
                Some((_, last)) if day > last.as_str() => day.clone_into(last),
                Some(_) => {}
            }
        }
    }
}

/// How many sales would give way to `replacement`; the inner `Err` is an id that two sales would have.
pub(crate) async fn foresee(
    db: &DbClient,
    mode: Mode,
    replacement: &Replacement,
) -> Result<Result<u64, i64>, DbError> {
    if let Some(id) = replacement.twice {
        return Ok(Err(id));
    }
    // Without a row there is no period; days that no date is between stand for it.
    let (first, last) = replacement.days.clone().unwrap_or(("1".into(), "0".into()));
    let mut deleted = 0;
    let mut after = i64::MIN;
    loop {
        let page = db
            .query(
                "SELECT id, sale_date BETWEEN ?2 AND ?3 FROM sales WHERE id > ?1 ORDER BY id LIMIT 20000",
                positional([after.into(), first.as_str().into(), last.as_str().into()]),
            )
            .await?;
        let Some(highest) = page.rows.last().and_then(|row| row[0].as_i64()) else {
            return Ok(Ok(deleted));
        };
        for row in &page.rows {
            let id = row[0].as_i64().unwrap_or_default();
            if mode == Mode::ReplaceAll || row[1].as_i64() == Some(1) {
                deleted += 1;
            } else if replacement.ids.contains(id) {
                return Ok(Err(id));
            }
        }
        after = highest;
    }
}

/// Whether `job` staged nothing.
pub(crate) async fn stages_nothing(db: &DbClient, job: i64) -> Result<bool, DbError> {
    let result = db
        .query(
            "SELECT 1 FROM staged_sales WHERE job_id = ?1 LIMIT 1",
            positional([job.into()]),
        )
        .await?;
    Ok(result.rows.is_empty())
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
    let number = |row: &[Value]| row[0].as_i64().unwrap_or_default();
    let mut found = Vec::new();
    for row in &db.query(&stay, positional([job.into()])).await?.rows {
        let day = row[1].as_str().unwrap_or_default();
        found.push(format!("sale {} of {day} stays", number(row)));
    }
    for row in &db.query(twice, positional([job.into()])).await?.rows {
        found.push(format!("sale {} comes twice", number(row)));
    }
    Ok(found)
}

/// Deletes what `job` staged.
pub(crate) async fn forget(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM staged_sales WHERE job_id = ?1",
        positional([job.into()]),
    )
    .await
    .map(drop)
}
