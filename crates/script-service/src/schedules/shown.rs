//! A schedule as callers see it: with its next times and its last job.

use super::times::Times;
use crate::secrets::requests;
use crate::store::schedules::ScheduleRow;
use jiff::Timestamp;
use script_api::{Schedule, ScheduledJob};
use serde_json::value::RawValue;

/// How many of the next times a schedule shows.
const SHOWN_TIMES: usize = 3;

/// The schedule that `row` holds.
pub(crate) fn shown(row: ScheduleRow) -> anyhow::Result<Schedule> {
    let last_job = row.last_id.zip(row.last_state).map(|(id, state)| ScheduledJob {
        id,
        state,
        occurrence: row.last_occurrence.clone().unwrap_or_default(),
    });
    Ok(Schedule {
        next_runs: next_runs(&row),
        name: row.name,
        job: row.kind,
        request: RawValue::from_string(requests::shown(row.request))?,
        cron: row.cron,
        time_zone: row.time_zone,
        watch: row.watch,
        catch_up: row.catch_up,
        enabled: row.enabled,
        skipped: row.skipped,
        last_skip: row.last_skip,
        last_job,
        created_at: row.created_at,
    })
}

fn next_runs(row: &ScheduleRow) -> Vec<String> {
    let due = row
        .next_due_ms
        .and_then(|due| Timestamp::from_millisecond(due).ok());
    let times = row
        .cron
        .as_deref()
        .zip(row.time_zone.as_deref())
        .and_then(|(cron, zone)| Times::parse(cron, zone).ok());
    match (times, due) {
        (Some(times), Some(due)) if row.enabled => {
            // The time that is due is one of them.
            let just_before = due
                .checked_sub(jiff::SignedDuration::from_millis(1))
                .unwrap_or(due);
            times.next(just_before, SHOWN_TIMES)
        }
        _ => Vec::new(),
    }
}
