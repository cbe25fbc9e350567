//! The rows of schedules in db-service.

use super::times::Times;
use super::{Definition, Trigger};
use crate::error::ApiError;
use crate::jobs::store::now;
use crate::params::positional;
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use jiff::Timestamp;
use script_api::{JobKind, JobState, Schedule, ScheduledJob};
use serde_json::value::RawValue;

/// How many of the next times a schedule shows.
const SHOWN_TIMES: usize = 3;
/// How many schedules there may be.
const MAX_SCHEDULES: i64 = 1_000;

/// Columns of a schedule in the order in which [`schedule_of`] reads them.
const COLUMNS: &str = "schedules.id, name, schedules.kind, schedules.request, cron, time_zone, watch, catch_up, \
    enabled, next_due_ms, skipped, last_skip, schedules.created_at, last.id, last.state, last.occurrence";
const TABLES: &str = "schedules LEFT JOIN jobs AS last ON last.id = (
    SELECT MAX(jobs.id) FROM jobs WHERE jobs.schedule_id = schedules.id
)";

/// All schedules, by name.
pub(crate) async fn list(db: &DbClient) -> Result<Vec<Schedule>, ApiError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY name");
    let result = db.query(&sql, positional([])).await?;
    result.rows.iter().map(|row| schedule_of(row)).collect()
}

/// The schedule `name`.
pub(crate) async fn get(db: &DbClient, name: &str) -> Result<Schedule, ApiError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE name = ?1");
    let result = db.query(&sql, positional([name.into()])).await?;
    let row = result.rows.first().ok_or_else(|| unknown(name))?;
    schedule_of(row)
}

fn unknown(name: &str) -> ApiError {
    ApiError::NotFound {
        what: "schedule",
        id: format!("`{name}`"),
    }
}

fn schedule_of(row: &[Value]) -> Result<Schedule, ApiError> {
    let text = |index: usize| row[index].as_str().map(str::to_owned);
    let needed = |index: usize| text(index).unwrap_or_default();
    let kind = JobKind::parse(&needed(2))
        .ok_or_else(|| anyhow::anyhow!("unknown kind `{}`", needed(2)))
        .map_err(ApiError::Internal)?;
    let last_job = row[13].as_i64().zip(JobState::parse(&needed(14)));
    let due = row[9]
        .as_i64()
        .and_then(|due| Timestamp::from_millisecond(due).ok());
    let times = text(4)
        .zip(text(5))
        .and_then(|(cron, zone)| Times::parse(&cron, &zone).ok());
    let enabled = row[8].as_i64() == Some(1);
    let next_runs = match (times, due) {
        (Some(times), Some(due)) if enabled => {
            // The time that is due is one of them.
            let just_before = due
                .checked_sub(jiff::SignedDuration::from_millis(1))
                .unwrap_or(due);
            times.next(just_before, SHOWN_TIMES)
        }
        _ => Vec::new(),
    };
    Ok(Schedule {
        name: needed(1),
        job: kind,
        request: RawValue::from_string(needed(3)).map_err(|error| ApiError::Internal(error.into()))?,
        cron: text(4),
        time_zone: text(5),
        watch: text(6),
        catch_up: row[7].as_i64() == Some(1),
        enabled,
        next_runs,
        skipped: row[10].as_i64().unwrap_or_default(),
        last_skip: text(11),
        last_job: last_job.map(|(id, state)| ScheduledJob {
            id,
            state,
            occurrence: needed(15),
        }),
        created_at: needed(12),
    })
}

/// Makes the schedule `name`, or changes it; whether it is new. One whose definition stays keeps what it
/// knows of the past; any other begins anew, so files that are there are imported again.
pub(crate) async fn put(
    db: &DbClient,
    name: &str,
    definition: &Definition,
    enabled: bool,
) -> Result<bool, ApiError> {
    let (cron, zone, watch) = match &definition.trigger {
        Trigger::Cron { pattern, time_zone } => (Some(pattern), Some(time_zone), None),
        Trigger::Watch(pattern) => (None, None, Some(pattern)),
    };
    let next_due = match (cron, zone) {
        (Some(cron), Some(zone)) => Times::parse(cron, zone)?
            .after(Timestamp::now())
            .map(|next| next.timestamp().as_millisecond()),
        _ => None,
    };
    // What makes it the schedule that it is: the first six parameters of each statement.
    let identity = || -> Vec<Value> {
        vec![
            name.into(),
            definition.kind.as_str().into(),
            definition.request.as_str().into(),
            cron.cloned().into(),
            zone.cloned().into(),
            watch.cloned().into(),
        ]
    };
    let statement = |sql: &str, further: Vec<Value>| {
        let params = identity().into_iter().chain(further).collect();
        Statement::new(sql, Params::Positional(params))
    };
    let catch_up = Value::from(i64::from(definition.catch_up));
    let is_enabled = Value::from(i64::from(enabled));
    let statements = vec![
        statement(
            "UPDATE schedules SET catch_up = ?7, enabled = ?8,
                next_due_ms = CASE WHEN enabled = 0 THEN ?9 ELSE next_due_ms END
            WHERE name = ?1 AND kind = ?2 AND request = ?3 AND cron IS ?4 AND time_zone IS ?5 AND watch IS ?6",
            vec![catch_up.clone(), is_enabled.clone(), next_due.into()],
        ),
        statement(
            "DELETE FROM schedules WHERE name = ?1 AND NOT (
                kind = ?2 AND request = ?3 AND cron IS ?4 AND time_zone IS ?5 AND watch IS ?6
            )",
            Vec::new(),
        ),
        statement(
            "INSERT INTO schedules
                (name, kind, request, cron, time_zone, watch, catch_up, enabled, next_due_ms, created_at)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
            WHERE NOT EXISTS (SELECT 1 FROM schedules WHERE name = ?1)
                AND (SELECT COUNT(*) FROM schedules) < ?11",
            vec![catch_up, is_enabled, next_due.into(), now().into(), MAX_SCHEDULES.into()],
        ),
    ];
    let results = db.transaction(statements).await?;
    let [updated, deleted, inserted] = [0, 1, 2].map(|index| results[index].rows_affected);
    if updated + inserted == 0 {
        return Err(ApiError::Invalid(format!(
            "there are {MAX_SCHEDULES} schedules already"
        )));
    }
    Ok(inserted > 0 && deleted == 0)
}

/// Deletes the schedule `name`. The jobs that it made stay.
pub(crate) async fn delete(db: &DbClient, name: &str) -> Result<(), ApiError> {
    let result = db
        .execute("DELETE FROM schedules WHERE name = ?1", positional([name.into()]))
        .await?;
    if result.rows_affected == 0 {
        return Err(unknown(name));
    }
    Ok(())
}

/// A schedule as the clock sees it.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub id: i64,
    pub name: String,
    pub kind: JobKind,
    pub request: String,
    pub trigger: Trigger,
    pub catch_up: bool,
    pub next_due_ms: Option<i64>,
}

/// Schedules that have something to do: those that are due at `now_ms`, and those that watch.
pub(crate) async fn active(db: &DbClient, now_ms: i64) -> Result<Vec<Active>, DbError> {
    let result = db
        .query(
            "SELECT id, name, kind, request, cron, time_zone, watch, catch_up, next_due_ms
            FROM schedules WHERE enabled = 1 AND (watch IS NOT NULL OR next_due_ms <= ?1)
            ORDER BY next_due_ms, id",
            positional([now_ms.into()]),
        )
        .await?;
    Ok(result
        .rows
        .iter()
        .filter_map(|row| {
            let text = |index: usize| row[index].as_str().map(str::to_owned);
            Some(Active {
                id: row[0].as_i64()?,
                name: text(1)?,
                kind: JobKind::parse(row[2].as_str()?)?,
                request: text(3)?,
                trigger: match text(6) {
                    Some(pattern) => Trigger::Watch(pattern),
                    None => Trigger::Cron {
                        pattern: text(4)?,
                        time_zone: text(5)?,
                    },
                },
                catch_up: row[7].as_i64() == Some(1),
                next_due_ms: row[8].as_i64(),
            })
        })
        .collect())
}

/// What became of a time that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// This process made the job.
    Made(i64),
    /// No job was made, and the time is over.
    Skipped,
    /// Another process was faster, or the queue is full: nothing changed.
    Left,
}

/// Makes the job of `schedule` for the time `occurrence` and moves it on to `next_due_ms`, in one
/// transaction. No job is made while the one before is not finished, or with `skip`, which says why.
pub(crate) async fn make_due(
    db: &DbClient,
    schedule: &Active,
    request: &str,
    occurrence: &str,
    next_due_ms: Option<i64>,
    skip: Option<&str>,
    queue_limit: u32,
) -> Result<Due, DbError> {
    let due = schedule.next_due_ms;
    let insert = Statement::new(
        "INSERT INTO jobs (kind, state, request, created_at, schedule_id, occurrence)
        SELECT ?1, 'queued', ?2, ?3, ?4, ?5
        WHERE ?8 IS NULL
            AND EXISTS (SELECT 1 FROM schedules WHERE id = ?4 AND enabled = 1 AND next_due_ms IS ?6)
            AND NOT EXISTS (
                SELECT 1 FROM jobs WHERE schedule_id = ?4 AND state IN ('queued', 'running', 'interrupted')
            )
            AND (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?7
        ON CONFLICT DO NOTHING
        RETURNING id",
        positional([
            schedule.kind.as_str().into(),
            request.into(),
            now().into(),
            schedule.id.into(),
            occurrence.into(),
            due.into(),
            i64::from(queue_limit).into(),
            skip.into(),
        ]),
    );
    let advance = Statement::new(
        "UPDATE schedules SET
            next_due_ms = ?3,
            skipped = skipped + NOT EXISTS (
                SELECT 1 FROM jobs WHERE schedule_id = ?1 AND occurrence = ?4
            ),
            last_skip = CASE
                WHEN EXISTS (SELECT 1 FROM jobs WHERE schedule_id = ?1 AND occurrence = ?4) THEN last_skip
                ELSE ?4 || ': ' || COALESCE(?5, 'the job before it was not finished')
            END
        WHERE id = ?1 AND enabled = 1 AND next_due_ms IS ?2 AND (
            ?5 IS NOT NULL
            OR EXISTS (
                SELECT 1 FROM jobs WHERE schedule_id = ?1
                    AND (occurrence = ?4 OR state IN ('queued', 'running', 'interrupted'))
            )
        )",
        positional([
            schedule.id.into(),
            due.into(),
            next_due_ms.into(),
            occurrence.into(),
            skip.into(),
        ]),
    );
    let results = db.transaction(vec![insert, advance]).await?;
    if let Some(id) = results[0].rows.first().and_then(|row| row[0].as_i64()) {
        return Ok(Due::Made(id));
    }
    Ok(if results[1].rows_affected > 0 {
        Due::Skipped
    } else {
        Due::Left
    })
}

/// Makes the job of `schedule` for `occurrence`, unless there is one; its id if this process made it.
pub(crate) async fn make_once(
    db: &DbClient,
    schedule: i64,
    kind: JobKind,
    request: &str,
    occurrence: &str,
    queue_limit: u32,
) -> Result<Option<i64>, DbError> {
    let result = db
        .execute(
            "INSERT INTO jobs (kind, state, request, created_at, schedule_id, occurrence)
            SELECT ?1, 'queued', ?2, ?3, ?4, ?5
            WHERE EXISTS (SELECT 1 FROM schedules WHERE id = ?4)
                AND (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?6
            ON CONFLICT DO NOTHING
            RETURNING id",
            positional([
                kind.as_str().into(),
                request.into(),
                now().into(),
                schedule.into(),
                occurrence.into(),
                i64::from(queue_limit).into(),
            ]),
        )
        .await?;
    Ok(result.rows.first().and_then(|row| row[0].as_i64()))
}

/// The job that `schedule` made for `occurrence`, if it did.
pub(crate) async fn made_for(db: &DbClient, schedule: i64, occurrence: &str) -> Result<Option<i64>, DbError> {
    let result = db
        .query(
            "SELECT id FROM jobs WHERE schedule_id = ?1 AND occurrence = ?2",
            positional([schedule.into(), occurrence.into()]),
        )
        .await?;
    Ok(result.rows.first().and_then(|row| row[0].as_i64()))
}

/// Which of `occurrences` have a job of `schedule`.
pub(crate) async fn made(
    db: &DbClient,
    schedule: i64,
    occurrences: &[String],
) -> Result<Vec<String>, DbError> {
    let list = serde_json::to_string(occurrences).unwrap_or_default();
    let result = db
        .query(
            "SELECT occurrence FROM jobs
            WHERE schedule_id = ?1 AND occurrence IN (SELECT value FROM json_each(?2))",
            positional([schedule.into(), list.into()]),
        )
        .await?;
    Ok(result
        .rows
        .iter()
        .filter_map(|row| row[0].as_str().map(str::to_owned))
        .collect())
}

/// What a job is made from: the schedule `name`, whether enabled or not.
pub(crate) async fn find(db: &DbClient, name: &str) -> Result<(i64, JobKind, String, bool), ApiError> {
    let result = db
        .query(
            "SELECT id, kind, request, watch IS NOT NULL FROM schedules WHERE name = ?1",
            positional([name.into()]),
        )
        .await?;
    let row = result.rows.first().ok_or_else(|| unknown(name))?;
    let kind = row[1]
        .as_str()
        .and_then(JobKind::parse)
        .ok_or_else(|| ApiError::Internal(anyhow::anyhow!("unknown kind of job")))?;
    Ok((
        row[0].as_i64().unwrap_or_default(),
        kind,
        row[2].as_str().unwrap_or_default().to_owned(),
        row[3].as_i64() == Some(1),
    ))
}
