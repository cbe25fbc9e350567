//! Sales that take the place of others: they wait in `staged_sales` until all of them are there, then both
//! steps are one transaction. A job that dies in between has changed nothing.

use super::batch::Mode;
use super::store::{self, Checkpoint};
use crate::params::positional;
use db_client::db_api::{BatchOutcome, BatchRequest, Statement};
use db_client::{DbClient, DbError};

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

/// Deletes what `job` staged.
pub(crate) async fn forget(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM staged_sales WHERE job_id = ?1",
        positional([job.into()]),
    )
    .await
    .map(drop)
}
