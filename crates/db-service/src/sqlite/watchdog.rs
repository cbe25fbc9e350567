//! Interrupts statements whose time is up.
//!
//! SQLite asks the progress handler after a number of steps, and a step may take long. Whether it was interrupted it
//! looks at whenever a loop begins anew, so a statement that is interrupted from here ends with the step that it is at.

use super::connection::lock;
use super::watch::Watch;
use rusqlite::InterruptHandle;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;
use tracing::error;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// A connection that it looks after.
struct Watched {
    watch: Weak<Watch>,
    handle: InterruptHandle,
}

/// All of the process.
static WATCHED: OnceLock<Mutex<Vec<Watched>>> = OnceLock::new();

/// Looks after a connection, as long as `watch` is in use.
pub(super) fn look_after(watch: &Arc<Watch>, handle: InterruptHandle) {
    let watched = WATCHED.get_or_init(|| {
        let looking = thread::Builder::new().name("db-watchdog".into()).spawn(look);
        if let Err(cause) = looking {
            error!(%cause, "nothing looks after long steps of statements");
        }
        Mutex::default()
    });
    lock(watched).push(Watched {
        watch: Arc::downgrade(watch),
        handle,
    });
}

fn look() {
    loop {
        thread::sleep(INTERVAL);
        let Some(watched) = WATCHED.get() else {
            continue;
        };
        lock(watched).retain(|one| {
            let watch = one.watch.upgrade();
            if let Some(watch) = &watch {
                watch.when_over(|| one.handle.interrupt());
            }
            watch.is_some()
        });
    }
}
