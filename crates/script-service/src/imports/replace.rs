//! Sales that take the place of others: they wait in `staged_sales` until all of them are there, then both
//! steps are one transaction. A job that dies in between has changed nothing.

use super::failure::failed;
use super::ids::IdSet;
use crate::jobs::context::{JobContext, Stop};
use crate::store::rows::Rows;
use crate::store::running_jobs::{self, Checkpoint};
use crate::store::staged_sales;
use db_client::db_api::ErrorCode;
use db_client::{DbClient, DbError};
use script_api::Mode;

/// Puts the staged sales in the place of others, once: a job whose `checkpoint` is behind its `sources` has done it.
pub(super) async fn replace(
    context: &JobContext,
    mode: Mode,
    sources: usize,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    if checkpoint.source > sources as u64 {
        return Ok(());
    }
    let (db, job) = (&context.db, context.job);
    context.progress.begin("replacing", None);
    if mode == Mode::ReplaceAll && staged_sales::are_none(db, job).await? {
        return Err(nothing_to_replace_with());
    }
    let mut after = checkpoint.clone();
    after.source += 1;
    after.source_read = 0;
    after.deleted = staged_sales::count_giving_way(db, job, mode).await?;
    match staged_sales::swap(db, job, mode, &after).await {
        Ok(()) => {
            *checkpoint = after;
            Ok(())
        }
        Err(error) => Err(failure(context, mode, error).await),
    }
}

/// Says in `checkpoint` how many sales `replacement` would take away.
pub(super) async fn foresee(
    context: &JobContext,
    mode: Mode,
    replacement: &Replacement,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    if mode == Mode::ReplaceAll && replacement.is_empty() {
        return Err(nothing_to_replace_with());
    }
    checkpoint.deleted = count_replaced(&context.db, mode, replacement)
        .await?
        .map_err(|id| {
            failed(
                "conflicting_keys",
                format!("a row has the id of one that stays, {id}; nothing would be replaced"),
            )
        })?;
    let foreseen = running_jobs::checkpoint(context.job, checkpoint);
    context.db.transaction(vec![foreseen]).await?;
    Ok(())
}

/// All sales would go and none come: hardly what was meant.
fn nothing_to_replace_with() -> Stop {
    failed(
        "nothing_to_replace_with",
        "no record could be taken, so no sale was replaced; the rejects say why, and SQL deletes all sales \
         where that is what is meant",
    )
}

/// A key that stays in the table outside what is replaced is the request's fault.
async fn failure(context: &JobContext, mode: Mode, error: DbError) -> Stop {
    match error {
        DbError::Refused(problem) if problem.code == ErrorCode::ConstraintViolation => {
            let which = match staged_sales::conflicts(&context.db, context.job, mode).await {
                Ok(conflicts) if !conflicts.is_empty() => conflicts.join(", "),
                Ok(_) => problem.detail,
                Err(error) => return Stop::from(error),
            };
            failed(
                "conflicting_keys",
                format!("a row has the id of one that stays; nothing was replaced: {which}"),
            )
        }
        other => Stop::from(other),
    }
}

/// What a dry run knows of the sales that would take the place of others.
#[derive(Debug, Default)]
pub(super) struct Replacement {
    ids: IdSet,
    /// An id that came twice.
    twice: Option<i64>,
    /// The first and the last day.
    days: Option<(String, String)>,
}

impl Replacement {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.days.is_none()
    }

    /// Adds `rows`, whose values are those of `columns`.
    pub(super) fn note(&mut self, rows: &Rows, columns: &[&'static str]) {
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
async fn count_replaced(
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
        let page = staged_sales::page_of_sales(db, after, &first, &last).await?;
        let Some(highest) = page.last() else {
            return Ok(Ok(deleted));
        };
        after = highest.id;
        for sale in page {
            if mode == Mode::ReplaceAll || sale.is_within {
                deleted += 1;
            } else if replacement.ids.contains(sale.id) {
                return Ok(Err(sale.id));
            }
        }
    }
}
