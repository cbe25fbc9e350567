//! The lease of a running job: its process renews it with a sign of life, and writes down the progress with it.

use super::context::JobContext;
use crate::outages::Outage;
use crate::store::running_jobs::{self as store, Beat};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Renews the lease of a job and writes down its progress, until it is aborted.
pub(super) async fn keep(context: JobContext, owner: String) {
    let lease_ms = context.config.job_lease_ms;
    let pause = Duration::from_millis((lease_ms / 4).clamp(10, 500));
    let mut outage = Outage::apart("renewing the lease of a job");
    let mut next = pause;
    loop {
        tokio::time::sleep(next).await;
        next = pause;
        let progress = context.progress.snapshot();
        let beat = store::beat(&context.db, context.job, &owner, lease_ms, &progress).await;
        if beat.is_ok() {
            outage.over();
        }
        match beat {
            Ok(Beat::Ours { cancel_requested }) => {
                if cancel_requested {
                    context.cancel.store(true, Ordering::Relaxed);
                }
                context.changed();
            }
            Ok(Beat::Lost) => context.lost.store(true, Ordering::Relaxed),
            Err(error) => next = outage.failed(&error).max(pause),
        }
    }
}
