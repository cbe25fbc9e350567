//! Jobs of a schedule that are asked for by hand, whether it is due or not.

use super::clock::request_now;
use crate::config::Config;
use crate::store::{StoreError, now, schedules};
use db_client::{DbClient, DbError};

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoJob {
    #[error("schedule `{0}` imports files when they come; there is nothing to run at another time")]
    Watches(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for NoJob {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// Makes a job of the schedule `name` now; its id, and whether an earlier request with the same `key` made it.
pub(crate) async fn run_now(
    db: &DbClient,
    config: &Config,
    name: &str,
    key: Option<&str>,
) -> Result<(i64, bool), NoJob> {
    let template = schedules::find(db, name).await?;
    if template.watches {
        return Err(NoJob::Watches(name.to_owned()));
    }
    let request = request_now(template.kind, &template.request, config);
    let occurrence = match key {
        // A schedule makes one job for an occurrence, so a key makes one.
        Some(key) => format!("asked for with key {key}"),
        None => format!("asked for at {}", now()),
    };
    if let Some(job) = schedules::made_for(db, template.id, &occurrence).await? {
        return Ok((job, true));
    }
    let limit = config.queue_limit;
    let made = schedules::make_once(db, template.id, template.kind, &request, &occurrence, limit).await?;
    if let Some(job) = made {
        return Ok((job, false));
    }
    match schedules::made_for(db, template.id, &occurrence).await? {
        Some(job) => Ok((job, true)),
        None => Err(StoreError::QueueFull { limit }.into()),
    }
}
