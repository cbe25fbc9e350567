//! Jobs of a schedule that are asked for by hand, whether it is due or not.

use super::clock::request_now;
use crate::config::Config;
use crate::error::ApiError;
use crate::store::{now, schedules};
use db_client::DbClient;

/// Makes a job of the schedule `name` now; its id, and whether an earlier request with the same `key` made it.
pub(crate) async fn run_now(
    db: &DbClient,
    config: &Config,
    name: &str,
    key: Option<&str>,
) -> Result<(i64, bool), ApiError> {
    let template = schedules::find(db, name).await?;
    if template.watches {
        return Err(ApiError::Invalid(format!(
            "schedule `{name}` imports files when they come; there is nothing to run at another time"
        )));
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
        None => Err(ApiError::QueueFull { limit }),
    }
}
