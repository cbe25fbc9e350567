//! Schedules: their definitions, and the jobs that they made.

use super::{StoreError, now};
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError, Rows as _};
use script_api::{JobKind, JobState};
use serde::Deserialize;

/// How many schedules there may be.
const MAX_SCHEDULES: i64 = 1_000;

/// The columns of a schedule, as [`ScheduleRow`] has them.
const COLUMNS: &str = "name, schedules.kind AS kind, schedules.request AS request, cron, time_zone, watch, catch_up, \
    enabled, next_due_ms, schedules.skipped AS skipped, last_skip, schedules.created_at AS created_at, last.id AS last_id, \
    last.state AS last_state, last.occurrence AS last_occurrence";
const TABLES: &str = "schedules LEFT JOIN jobs AS last ON last.id = (
    SELECT MAX(jobs.id) FROM jobs WHERE jobs.schedule_id = schedules.id
)";

/// A schedule that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub kind: JobKind,
    /// The arguments of its jobs, as JSON; for a watch without the file.
    pub request: String,
    pub trigger: Trigger,
    pub catch_up: bool,
}

/// What makes a schedule make jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trigger {
    Cron { pattern: String, time_zone: String },
    Watch(String),
}

impl Trigger {
    /// The trigger that the columns `cron`, `time_zone` and `watch` say.
    fn of(cron: Option<String>, time_zone: Option<String>, watch: Option<String>) -> Option<Self> {
        match watch {
            Some(pattern) => Some(Self::Watch(pattern)),
            None => Some(Self::Cron {
                pattern: cron?,
                time_zone: time_zone?,
            }),
        }
    }
}

/// A schedule with the last job that it made.
#[derive(Debug, Deserialize)]
pub(crate) struct ScheduleRow {
    pub name: String,
    pub kind: JobKind,
    /// The arguments of its jobs, as JSON.
    pub request: String,
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub watch: Option<String>,
    pub catch_up: bool,
    pub enabled: bool,
    pub next_due_ms: Option<i64>,
    pub skipped: i64,
    pub last_skip: Option<String>,
    pub created_at: String,
    pub last_id: Option<i64>,
    pub last_state: Option<JobState>,
    pub last_occurrence: Option<String>,
}

/// All schedules, by name.
pub(crate) async fn list(db: &DbClient) -> Result<Vec<ScheduleRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY name");
    db.rows(&sql, Params::default()).await
}

/// The schedule `name`.
pub(crate) async fn get(db: &DbClient, name: &str) -> Result<ScheduleRow, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE name = ?1");
    let row = db.first_row(&sql, [name.into()]).await?;
    row.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> StoreError {
    StoreError::NotFound {
        what: "schedule",
        id: format!("`{name}`"),
    }
}

/// Makes the schedule `name`, or changes it; whether it is new. One whose definition stays keeps what it
/// knows of the past; any other begins anew, so files that are there are imported again.
pub(crate) async fn put(
    db: &DbClient,
    name: &str,
    definition: &Definition,
    enabled: bool,
    next_due_ms: Option<i64>,
) -> Result<bool, StoreError> {
    let (cron, zone, watch) = match &definition.trigger {
        Trigger::Cron { pattern, time_zone } => (Some(pattern), Some(time_zone), None),
        Trigger::Watch(pattern) => (None, None, Some(pattern)),
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
            vec![catch_up.clone(), is_enabled.clone(), next_due_ms.into()],
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
            vec![catch_up, is_enabled, next_due_ms.into(), now().into(), MAX_SCHEDULES.into()],
        ),
    ];
    let results = db.transaction(statements).await?;
    let [updated, deleted, inserted] = [0, 1, 2].map(|index| results[index].rows_affected);
    if updated + inserted == 0 {
        return Err(StoreError::TooManySchedules { limit: MAX_SCHEDULES });
    }
    Ok(inserted > 0 && deleted == 0)
}

/// Deletes the schedule `name`. The jobs that it made stay.
pub(crate) async fn delete(db: &DbClient, name: &str) -> Result<(), StoreError> {
    let result = db
        .execute("DELETE FROM schedules WHERE name = ?1", [name.into()])
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

/// A row of `schedules` as the clock sees it.
#[derive(Debug, Deserialize)]
struct ActiveRow {
    id: i64,
    name: String,
    kind: JobKind,
    request: String,
    cron: Option<String>,
    time_zone: Option<String>,
    watch: Option<String>,
    catch_up: bool,
    next_due_ms: Option<i64>,
}

/// Schedules that have something to do: those that are due at `now_ms`, and those that watch.
pub(crate) async fn active(db: &DbClient, now_ms: i64) -> Result<Vec<Active>, DbError> {
    let rows: Vec<ActiveRow> = db
        .rows(
            "SELECT id, name, kind, request, cron, time_zone, watch, catch_up, next_due_ms
            FROM schedules WHERE enabled = 1 AND (watch IS NOT NULL OR next_due_ms <= ?1)
            ORDER BY next_due_ms, id",
            [now_ms.into()],
        )
        .await?;
    let active = rows.into_iter().filter_map(|row| {
        Some(Active {
            id: row.id,
            name: row.name,
            kind: row.kind,
            request: row.request,
            trigger: Trigger::of(row.cron, row.time_zone, row.watch)?,
            catch_up: row.catch_up,
            next_due_ms: row.next_due_ms,
        })
    });
    Ok(active.collect())
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
        [
            schedule.kind.as_str().into(),
            request.into(),
            now().into(),
            schedule.id.into(),
            occurrence.into(),
            due.into(),
            i64::from(queue_limit).into(),
            skip.into(),
        ],
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
        [
            schedule.id.into(),
            due.into(),
            next_due_ms.into(),
            occurrence.into(),
            skip.into(),
        ],
    );
    let mut results = db.transaction(vec![insert, advance]).await?;
    let is_over = results[1].rows_affected > 0;
    if let Some(id) = results.swap_remove(0).rows_as()?.pop() {
        return Ok(Due::Made(id));
    }
    Ok(if is_over { Due::Skipped } else { Due::Left })
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
            [
                kind.as_str().into(),
                request.into(),
                now().into(),
                schedule.into(),
                occurrence.into(),
                i64::from(queue_limit).into(),
            ],
        )
        .await?;
    Ok(result.rows_as()?.pop())
}

/// The job that `schedule` made for `occurrence`, if it did.
pub(crate) async fn made_for(db: &DbClient, schedule: i64, occurrence: &str) -> Result<Option<i64>, DbError> {
    db.first_row(
        "SELECT id FROM jobs WHERE schedule_id = ?1 AND occurrence = ?2",
        [schedule.into(), occurrence.into()],
    )
    .await
}

/// Which of `occurrences` have a job of `schedule`.
pub(crate) async fn made(
    db: &DbClient,
    schedule: i64,
    occurrences: &[String],
) -> Result<Vec<String>, DbError> {
    let list = serde_json::to_string(occurrences).unwrap_or_default();
    db.rows(
        "SELECT occurrence FROM jobs
        WHERE schedule_id = ?1 AND occurrence IN (SELECT value FROM json_each(?2))",
        [schedule.into(), list.into()],
    )
    .await
}

/// What a job by hand is made from.
#[derive(Debug, Deserialize)]
pub(crate) struct Template {
    pub id: i64,
    pub kind: JobKind,
    /// The arguments of its jobs, as JSON.
    pub request: String,
    pub watches: bool,
}

/// What a job is made from: the schedule `name`, whether enabled or not.
pub(crate) async fn find(db: &DbClient, name: &str) -> Result<Template, StoreError> {
    let row = db
        .first_row(
            "SELECT id, kind, request, watch IS NOT NULL AS watches FROM schedules WHERE name = ?1",
            [name.into()],
        )
        .await?;
    row.ok_or_else(|| unknown(name))
}
