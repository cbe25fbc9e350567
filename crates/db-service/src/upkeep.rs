//! What the service does by itself at set times: backups, each checked before it counts, and a look at every page of the
//! live file.
//!
//! A backup that was due while the service was down is made when it starts.

use crate::config::Config;
use crate::engine::Kind;
use crate::state::{App, Caller};
use anyhow::{Context as _, bail};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};

/// The longest sleep: the clock may be set meanwhile, or the machine asleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// How the time of a backup is written in its name; the time is UTC.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// What a setting says for "never".
const OFF: &str = "off";

/// The times of a cron pattern.
#[derive(Debug)]
struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    fn parse(pattern: &str, zone: &TimeZone, setting: &str) -> anyhow::Result<Self> {
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(pattern)
            .map_err(|why| {
                anyhow::anyhow!(
                    "{setting}: `{pattern}` is not minute, hour, day of month, month and day of week, such as \
                     `30 2 * * *`: {why}"
                )
            })?;
        let times = Self {
            cron,
            zone: zone.clone(),
        };
        if times.after(Timestamp::now()).is_none() {
            bail!("{setting}: `{pattern}` never comes");
        }
        Ok(times)
    }

    /// The first time after `instant`.
    fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        let start = instant.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?;
        Some(next.timestamp())
    }
}

/// Where backups go, and which stay.
#[derive(Debug, Clone)]
struct Backups {
    folder: PathBuf,
    /// What their names begin with.
    stem: String,
    keep: usize,
    keep_days: i64,
}

impl Backups {
    fn name(&self, at: Timestamp) -> String {
        format!("{}-{}.db", self.stem, at.strftime(TIME_FORMAT))
    }

    /// When the backup of this name was made; `None` for what is none of ours.
    fn time(&self, name: &str) -> Option<Timestamp> {
        let time = name
            .strip_prefix(self.stem.as_str())?
            .strip_prefix('-')?
            .strip_suffix(".db")?;
        let time = DateTime::strptime(TIME_FORMAT, time).ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }

    /// Those that are there, newest first.
    fn list(&self) -> std::io::Result<Vec<(Timestamp, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Some(time) = self.time(&entry.file_name().to_string_lossy()) {
                found.push((time, entry.path()));
            }
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(found)
    }

    /// Removes what is too much or too old. The newest stays however old it is.
    fn thin_out(&self, now: Timestamp) -> std::io::Result<()> {
        let hours = self.keep_days.saturating_mul(24).min(1_000_000);
        let oldest = now.checked_sub(hours.hours()).unwrap_or(Timestamp::MIN);
        for (place, (time, path)) in self.list()?.into_iter().enumerate() {
            let too_many = self.keep > 0 && place >= self.keep;
            let too_old = self.keep_days > 0 && time < oldest;
            if place > 0 && (too_many || too_old) {
                std::fs::remove_file(&path)?;
                info!("removed the backup {}", path.display());
            }
        }
        Ok(())
    }
}

/// What is done by itself, and when.
pub(crate) struct Upkeep {
    app: Arc<App>,
    backups: Option<(Backups, Times)>,
    check: Option<Times>,
}

impl Upkeep {
    /// As the settings say.
    ///
    /// # Errors
    ///
    /// When a pattern or the time zone is none, or the folder cannot be made.
    pub(crate) fn new(config: &Config, app: Arc<App>) -> anyhow::Result<Self> {
        let zone = TimeZone::get(&config.time_zone).map_err(|_| {
            anyhow::anyhow!(
                "--time-zone: `{}` is not a time zone; their names look like Europe/Paris or UTC",
                config.time_zone
            )
        })?;
        let check = match config.check_schedule.as_str() {
            OFF => None,
            pattern => Some(Times::parse(pattern, &zone, "--check-schedule")?),
        };
        let backups = match &config.backup_schedule {
            None => None,
            Some(pattern) => {
                let times = Times::parse(pattern, &zone, "--backup-schedule")?;
                Some((backups(config)?, times))
            }
        };
        Ok(Self { app, backups, check })
    }

    /// Waits for what is next and does it, one thing at a time. It never ends.
    pub(crate) async fn run(self) {
        let now = Timestamp::now();
        let mut backup_at = self.backups.as_ref().and_then(|(backups, times)| {
            let newest = backups.list().ok()?.first().map(|(time, _)| *time);
            // The first proves that the settings work.
            newest.map_or(Some(now), |newest| times.after(newest))
        });
        let mut check_at = self.check.as_ref().and_then(|times| times.after(now));
        loop {
            let now = Timestamp::now();
            if let Some((backups, times)) = &self.backups
                && backup_at.is_some_and(|at| at <= now)
            {
                self.back_up(backups).await;
                backup_at = times.after(Timestamp::now());
            } else if let Some(times) = &self.check
                && check_at.is_some_and(|at| at <= now)
            {
                self.look_at_pages().await;
                check_at = times.after(Timestamp::now());
            }
            let next = [backup_at, check_at].into_iter().flatten().min();
            let sleep = next.map_or(LONGEST_SLEEP, |next| {
                Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
            });
            tokio::time::sleep(sleep.min(LONGEST_SLEEP)).await;
        }
    }

    async fn back_up(&self, backups: &Backups) {
        let at = Timestamp::now();
        let ticket = self
            .app
            .ticket(Kind::Backup, "scheduled backup", &Caller::service());
        let made = self
            .app
            .engine
            .backup_to(
                Arc::clone(&ticket.control),
                backups.folder.clone(),
                backups.name(at),
            )
            .await;
        self.app.metrics.upkeep.backed_up(made.is_ok(), at.as_second());
        match made {
            Ok((path, bytes)) => info!(bytes, "backed up into {}, which passed its check", path.display()),
            Err(cause) => {
                error!(code = %cause.code(), "the scheduled backup failed, and the one before stays: {cause}");
                return;
            }
        }
        let thinned = {
            let backups = backups.clone();
            tokio::task::spawn_blocking(move || backups.thin_out(at)).await
        };
        match thinned {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => warn!(%cause, "old backups could not be removed"),
            Err(cause) => error!(%cause, "removing old backups failed"),
        }
    }

    async fn look_at_pages(&self) {
        let ticket = self
            .app
            .ticket(Kind::Backup, "scheduled check", &Caller::service());
        let outcome = self.app.engine.quick_check(Arc::clone(&ticket.control)).await;
        self.app
            .metrics
            .upkeep
            .checked(outcome.as_ref().err(), Timestamp::now().as_second());
        match outcome {
            Ok(()) => info!("every page of the database is whole"),
            Err(cause) => error!(code = %cause.code(), "the scheduled check of the database failed: {cause}"),
        }
    }
}

/// Where backups go: the folder is made when it is missing.
fn backups(config: &Config) -> anyhow::Result<Backups> {
    let beside = || config.folder().join("backups");
    let folder = config.backup_folder.clone().unwrap_or_else(beside);
    std::fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let stem = config.database.file_stem().unwrap_or_default();
    Ok(Backups {
        folder,
        stem: stem.to_string_lossy().into_owned(),
        keep: config.keep_backups,
        keep_days: i64::from(config.keep_backups_days),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn backups(folder: &Path, keep: usize, keep_days: i64) -> Backups {
        Backups {
            folder: folder.to_owned(),
            stem: "sales".to_owned(),
            keep,
            keep_days,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn left(keep: usize, keep_days: i64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let backups = backups(folder.path(), keep, keep_days);
        for day in 1..=5 {
            let name = backups.name(at(&format!("2024-06-0{day}T02:30:00Z")));
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for other in [
            "sales.db",
            "sales-copy.db",
            "other-20240601T023000Z.db",
            "notes.txt",
        ] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        backups.thin_out(at("2024-06-05T02:30:01Z")).unwrap();
        let others = std::fs::read_dir(folder.path()).unwrap().count() - backups.list().unwrap().len();
        assert_eq!(others, 4, "what is none of ours stays");
        let list = backups.list().unwrap().into_iter();
        list.map(|(time, _)| time.strftime("%d").to_string()).collect()
    }

    #[test]
    fn backups_go_by_number_and_by_age_and_the_newest_stays() {
        assert_eq!(left(0, 0), ["05", "04", "03", "02", "01"]);
        assert_eq!(left(2, 0), ["05", "04"]);
        assert_eq!(left(0, 2), ["05", "04"]);
        assert_eq!(left(4, 3), ["05", "04", "03"]);
        let folder = tempfile::tempdir().unwrap();
        let backups = backups(folder.path(), 1, 1);
        std::fs::write(folder.path().join(backups.name(at("2020-01-01T00:00:00Z"))), "").unwrap();
        backups.thin_out(at("2024-06-05T02:30:01Z")).unwrap();
        assert_eq!(backups.list().unwrap().len(), 1);
    }

    #[test]
    fn a_pattern_that_is_none_or_never_comes_is_refused_by_its_setting() {
        for pattern in ["", "61 * * * *", "* * * * * *", "0 0 31 2 *"] {
            let refused = Times::parse(pattern, &TimeZone::UTC, "--backup-schedule").unwrap_err();
            assert!(
                refused.to_string().contains("--backup-schedule"),
                "{pattern}: {refused}"
            );
        }
    }
}
