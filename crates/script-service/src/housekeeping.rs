//! Housekeeping: what is old or too much is dropped, as the settings `--keep-..` say, at the start and then again and
//! again. Rows of sales, products, stores and targets are never among it.

use crate::config::Config;
use crate::outages::Outage;
use crate::store::{retention, uploads};
use db_client::{DbClient, DbError};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::info;

/// Drops what is old or too much until `stopping` says so.
pub(crate) async fn run(db: DbClient, config: Arc<Config>, mut stopping: watch::Receiver<bool>) {
    let every = Duration::from_secs(config.housekeeping_s);
    let mut outage = Outage::apart("dropping what is old");
    while !*stopping.borrow() {
        let pause = match tidy_up(&db, &config, Timestamp::now()).await {
            Ok(()) => {
                outage.over();
                every
            }
            Err(error) => outage.failed(&error),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.changed() => {}
        }
    }
}

async fn tidy_up(db: &DbClient, config: &Config, now: Timestamp) -> Result<(), DbError> {
    let before = |days: u32| day_before(now, days);
    let most = |number: u64| (number > 0).then_some(number);
    retention::drop_reject_text(db, before(config.keep_reject_text_days)).await?;
    let rejects = retention::drop_rejects(db, before(config.keep_rejects_days)).await?;
    retention::drop_undo(db, before(config.keep_undo_days), most(config.keep_undo)).await?;
    let jobs = retention::drop_jobs(db, before(config.keep_jobs_days), most(config.keep_jobs)).await?;
    let results =
        retention::drop_results(db, before(config.keep_results_days), most(config.keep_results)).await?;
    let forecasts = retention::drop_forecasts(
        db,
        before(config.keep_forecasts_days),
        most(config.keep_forecasts),
    )
    .await?;
    if rejects + jobs + results + forecasts > 0 {
        info!(
            rejects,
            jobs, results, forecasts, "dropped what is older, or more, than is kept"
        );
    }
    uploads::delete_orphans(db).await
}

/// The time `days` before `now`, as rows have it; none for 0 days, and for more than there are.
fn day_before(now: Timestamp, days: u32) -> Option<String> {
    let age = SignedDuration::from_hours(24 * i64::from(days));
    let then = now.checked_sub(age).ok().filter(|_| days > 0)?;
    Some(then.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_days_and_too_many_are_no_bound() {
        let now: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        assert_eq!(day_before(now, 30).unwrap(), "2026-10-29T10:00:00.000Z");
        assert_eq!(day_before(now, 0), None);
        assert_eq!(day_before(now, u32::MAX), None);
    }
}
