//! What the statement that runs on a connection is stopped by.

use super::connection::lock;
use super::thread_priority;
use crate::engine::Control;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the statement is stopped by. It is asked by SQLite between steps and when it allocates, and by the watchdog.
#[derive(Default)]
pub(super) struct Watch(Mutex<Limits>);

#[derive(Default)]
struct Limits {
    control: Option<Arc<Control>>,
    until: Option<Instant>,
    /// When its thread gives way to others.
    gives_way_at: Option<Instant>,
}

impl Limits {
    fn over(&self) -> bool {
        self.control.as_ref().is_some_and(|control| control.must_stop())
            || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

impl Watch {
    /// Puts `control` in charge, or nothing; what was before.
    pub(super) fn put(&self, control: Option<Arc<Control>>) -> Option<Arc<Control>> {
        std::mem::replace(&mut lock(&self.0).control, control)
    }

    /// The one in charge.
    pub(super) fn control(&self) -> Option<Arc<Control>> {
        lock(&self.0).control.clone()
    }

    /// Stops what runs after `budget`, or no longer.
    pub(super) fn within(&self, budget: Option<Duration>) {
        lock(&self.0).until = budget.map(|budget| Instant::now() + budget);
    }

    /// Lets the thread give way after `time`, or no longer.
    pub(super) fn give_way_after(&self, time: Option<Duration>) {
        lock(&self.0).gives_way_at = time.map(|time| Instant::now() + time);
    }

    /// Does `stop` when the statement must stop. None begins meanwhile.
    pub(super) fn when_over(&self, stop: impl FnOnce()) {
        let limits = lock(&self.0);
        if limits.over() {
            stop();
        }
    }
}

impl sqlite_budget::Stop for Watch {
    fn must_stop(&self) -> bool {
        let mut limits = lock(&self.0);
        if limits.gives_way_at.take_if(|at| Instant::now() >= *at).is_some() {
            thread_priority::give_way();
        }
        limits.over()
    }
}
