//! What the jobs of this process wait for: db-service fails them in the same place, and they go on from there later.

use crate::store::now;
use jiff::{SignedDuration, Timestamp};
use script_api::Waiting;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The waiting jobs of this process, by id.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<BTreeMap<i64, Wait>>);

#[derive(Debug)]
struct Wait {
    /// How many batches the job had written.
    batches: u64,
    began: Instant,
    said: Waiting,
}

impl Waits {
    /// `job` failed behind so many `batches`; returns for how long it has failed there.
    pub(super) fn failed(&self, job: i64, batches: u64, because: String, patience: Duration) -> Duration {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = waits.entry(job).or_insert_with(|| Wait::begun(batches, patience));
        if wait.batches != batches {
            *wait = Wait::begun(batches, patience);
        }
        wait.said.because = because;
        wait.began.elapsed()
    }

    /// `job` waits no longer.
    pub(super) fn over(&self, job: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    }

    /// What `job` waits for, when it does.
    pub(crate) fn of(&self, job: i64) -> Option<Waiting> {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.get(&job).map(|wait| wait.said.clone())
    }
}

impl Wait {
    fn begun(batches: u64, patience: Duration) -> Self {
        let until = SignedDuration::try_from(patience)
            .ok()
            .and_then(|patience| Timestamp::now().checked_add(patience).ok());
        Self {
            batches,
            began: Instant::now(),
            said: Waiting {
                since: now(),
                because: String::new(),
                until: until.map(|until| until.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_begins_anew_where_the_job_went_on() {
        let waits = Waits::default();
        let patience = Duration::from_mins(1);
        waits.failed(7, 3, "full".into(), patience);
        let first = waits.of(7).unwrap();
        waits.failed(7, 3, "locked".into(), patience);

        let same = waits.of(7).unwrap();
        assert_eq!(
            (same.since.clone(), same.until.clone()),
            (first.since, first.until)
        );
        assert_eq!(same.because, "locked");
        assert!(waits.failed(7, 4, "full".into(), Duration::MAX) < patience);
        waits.over(7);
        assert_eq!(waits.of(7), None);
    }
}
