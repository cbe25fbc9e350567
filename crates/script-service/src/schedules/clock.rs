//! The clock: looks for schedules that are due and for files that came, and makes their jobs.
//!
//! Every process has one. Which of them makes a job is decided by the database.
//!
//! Times that passed while no process ran are made up for by one job, for the last of them, or by none where
//! the schedule says so.

use super::files::{FilePattern, FoundFile};
use super::times::Times;
use crate::config::Config;
use crate::jobs::context::Signals;
use crate::kinds;
use crate::outages::Outage;
use crate::store::schedules::{self, Active, Due, Trigger};
use db_client::{DbClient, DbError};
use jiff::{SignedDuration, Timestamp};
use script_api::{ImportRequest, JobKind};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// How late a time may be seen and still not count as missed.
const LATENESS: SignedDuration = SignedDuration::from_mins(1);

/// Makes the jobs of schedules.
#[derive(Debug)]
pub(crate) struct Clock {
    db: DbClient,
    config: Arc<Config>,
    signals: Arc<Signals>,
    outage: Outage,
    stopping: watch::Receiver<bool>,
    /// By schedule: its files as they were at the last look.
    seen: HashMap<i64, Vec<FoundFile>>,
    /// By schedule: what is known to have a job.
    done: HashMap<i64, HashSet<String>>,
}

impl Clock {
    pub(crate) fn new(
        db: DbClient,
        config: Arc<Config>,
        signals: Arc<Signals>,
        outage: Outage,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            db,
            config,
            signals,
            outage,
            stopping,
            seen: HashMap::new(),
            done: HashMap::new(),
        }
    }

    /// Looks again and again until the service stops.
    pub(crate) async fn run(mut self) {
        let pause = Duration::from_millis(self.config.schedule_poll_ms);
        while !*self.stopping.borrow() {
            let looked = self.look(Timestamp::now()).await;
            let pause = match looked {
                Ok(()) => {
                    self.outage.over();
                    pause
                }
                Err(error) => self.outage.failed(&error).max(pause),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stopping.changed() => {}
            }
        }
    }

    async fn look(&mut self, now: Timestamp) -> Result<(), DbError> {
        let active = schedules::active(&self.db, now.as_millisecond()).await?;
        let watches = |id: &i64| {
            active
                .iter()
                .any(|schedule| schedule.id == *id && matches!(schedule.trigger, Trigger::Watch(_)))
        };
        self.seen.retain(|id, _| watches(id));
        self.done.retain(|id, _| watches(id));
        for schedule in &active {
            match &schedule.trigger {
                Trigger::Cron { pattern, time_zone } => {
                    let Ok(times) = Times::parse(pattern, time_zone) else {
                        warn!(schedule = %schedule.name, "its times are no longer understood");
                        continue;
                    };
                    self.make_due(schedule, &times, now).await?;
                }
                Trigger::Watch(pattern) => {
                    let Ok(pattern) = FilePattern::parse(pattern) else {
                        warn!(schedule = %schedule.name, "its pattern is no longer understood");
                        continue;
                    };
                    self.import_new_files(schedule, pattern).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes the job of a schedule whose time has come, for the last such time.
    async fn make_due(&self, schedule: &Active, times: &Times, now: Timestamp) -> Result<(), DbError> {
        let Some(last) = times.up_to(now) else {
            return Ok(());
        };
        let late = now.duration_since(last.timestamp()) > LATENESS;
        let skip = (late && !schedule.catch_up).then_some("no service ran then");
        let occurrence = last.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let next = times.after(now).map(|next| next.timestamp().as_millisecond());
        let request = self.request_of(schedule);
        let limit = self.config.queue_limit;
        match schedules::make_due(&self.db, schedule, &request, &occurrence, next, skip, limit).await? {
            Due::Made(job) => {
                info!(schedule = %schedule.name, job, "schedule {} made job {job}", schedule.name);
                self.signals.submitted(job);
            }
            Due::Skipped => {
                warn!(schedule = %schedule.name, "schedule {} passed over {occurrence}", schedule.name);
            }
            Due::Left => {}
        }
        Ok(())
    }

    fn request_of(&self, schedule: &Active) -> String {
        request_now(schedule.kind, &schedule.request, &self.config)
    }

    /// Makes jobs for files that did not change between two looks.
    async fn import_new_files(&mut self, schedule: &Active, pattern: FilePattern) -> Result<(), DbError> {
        let data = self.config.data.clone();
        let looked = tokio::task::spawn_blocking(move || pattern.look(&data)).await;
        let found = looked.unwrap_or_default(); // a look that panicked found nothing
        let before = self.seen.insert(schedule.id, found.clone()).unwrap_or_default();
        let done = self.done.entry(schedule.id).or_default();
        let mut new: Vec<(FoundFile, String)> = found
            .into_iter()
            .filter(|file| before.contains(file))
            .map(|file| {
                let occurrence = file.occurrence();
                (file, occurrence)
            })
            .filter(|(_, occurrence)| !done.contains(occurrence))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let asked: Vec<String> = new.iter().map(|(_, occurrence)| occurrence.clone()).collect();
        done.extend(schedules::made(&self.db, schedule.id, &asked).await?);
        new.retain(|(_, occurrence)| !done.contains(occurrence));
        for (file, occurrence) in new {
            let Some(request) = request_for(&schedule.request, &file.path) else {
                warn!(schedule = %schedule.name, "its request is no longer understood");
                return Ok(());
            };
            let limit = self.config.queue_limit;
            let made =
                schedules::make_once(&self.db, schedule.id, schedule.kind, &request, &occurrence, limit)
                    .await?;
            if let Some(job) = made {
                info!(schedule = %schedule.name, job, "schedule {} imports {}", schedule.name, file.path);
                self.signals.submitted(job);
                done.insert(occurrence);
            }
        }
        Ok(())
    }
}

/// The arguments of a job that is made now.
pub(crate) fn request_now(kind: JobKind, request: &str, config: &Config) -> String {
    kinds::find(kind)
        .and_then(|kind| kind.at_submission(request, config).ok())
        .unwrap_or_else(|| request.to_owned())
}

/// The arguments of the import of the file `path`.
fn request_for(request: &str, path: &str) -> Option<String> {
    let mut import: ImportRequest = serde_json::from_str(request).ok()?;
    path.clone_into(import.sources.first_mut()?.path.get_or_insert_default());
    serde_json::to_string(&import).ok()
}
