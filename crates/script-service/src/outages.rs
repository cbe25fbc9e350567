//! Outages: loops that ask db-service pause when it answers an error, and say so.
//!
//! A loop that fails waits, each time longer up to a limit. Its first failure and its recovery are a line of the log
//! each, and so is a change of the reason; what comes in between is not repeated. Loops without which no work is done
//! make the service unready meanwhile.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::{info, warn};

/// The first pause after a failure; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What keeps the loops of this process from their work.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    /// By what is not done: why.
    reasons: Mutex<BTreeMap<&'static str, String>>,
}

impl Outages {
    /// The outages of the loop that does `what`. The service is unready while it fails.
    pub(crate) fn of(self: &Arc<Self>, what: &'static str) -> Outage {
        let mut outage = Outage::apart(what);
        outage.all = Some(Arc::clone(self));
        outage
    }

    /// What is not done, and why; none when all is well.
    pub(crate) fn reason(&self) -> Option<String> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let (what, why) = reasons.first_key_value()?;
        Some(format!("{what} fails: {why}"))
    }

    fn set(&self, what: &'static str, why: Option<&str>) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => reasons.insert(what, why.to_owned()),
            None => reasons.remove(what),
        };
    }
}

/// The failures of one loop in a row.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    all: Option<Arc<Outages>>,
    what: &'static str,
    why: Option<String>,
    /// The next pause.
    pause: Duration,
}

impl Outage {
    /// The outages of a loop that does `what`, of which the service's readiness does not depend.
    pub(crate) fn apart(what: &'static str) -> Self {
        Self {
            all: None,
            what,
            why: None,
            pause: FIRST_PAUSE,
        }
    }

    /// A turn of the loop went well.
    pub(crate) fn over(&mut self) {
        if self.why.take().is_some() {
            info!("{} works again", self.what);
            self.pause = FIRST_PAUSE;
            if let Some(all) = &self.all {
                all.set(self.what, None);
            }
        }
    }

    /// A turn of the loop failed: how long to wait before the next.
    pub(crate) fn failed(&mut self, error: &impl Display) -> Duration {
        let why = error.to_string();
        if self.why.as_deref() != Some(&why) {
            warn!("{} fails, and is tried again: {why}", self.what);
            if let Some(all) = &self.all {
                all.set(self.what, Some(&why));
            }
            self.why = Some(why);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl Drop for Outage {
    /// The loop is over: nothing is kept from its work.
    fn drop(&mut self) {
        if let (Some(all), Some(_)) = (&self.all, &self.why) {
            all.set(self.what, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew_after_a_success() {
        let all = Arc::new(Outages::default());
        let mut outage = all.of("looking for jobs");
        assert_eq!(all.reason(), None);

        let pauses: Vec<u128> = (0..8).map(|_| outage.failed(&"locked").as_millis()).collect();

        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(all.reason().unwrap(), "looking for jobs fails: locked");
        outage.failed(&"full");
        assert_eq!(all.reason().unwrap(), "looking for jobs fails: full");
        outage.over();
        assert_eq!(all.reason(), None);
        assert_eq!(outage.failed(&"locked"), FIRST_PAUSE);
    }

    #[test]
    fn a_loop_that_ends_leaves_no_reason_behind() {
        let all = Arc::new(Outages::default());
        let mut outage = all.of("looking for jobs");
        outage.failed(&"locked");
        drop(outage);
        assert_eq!(all.reason(), None);
    }
}
