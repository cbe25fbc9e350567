//! The lease of a running job: its process renews it with a sign of life, and writes down the progress with it.

use super::context::JobContext;
use crate::store::running_jobs::{self as store, Beat};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tracing::warn;

/// Renews the lease of a job and writes down its progress, until it is aborted.
pub(super) async fn keep(context: JobContext, owner: String) {
    let lease_ms = context.config.job_lease_ms;
    let pause = Duration::from_millis((lease_ms / 4).clamp(10, 500));
    loop {
        tokio::time::sleep(pause).await;
        let progress = context.progress.snapshot();
        match store::beat(&context.db, context.job, &owner, lease_ms, &progress).await {
            Ok(Beat::Ours { cancel_requested }) => {
                if cancel_requested {
                    context.cancel.store(true, Ordering::Relaxed);
                }
                context.changed();
            }
            Ok(Beat::Lost) => context.lost.store(true, Ordering::Relaxed),
            Err(error) => warn!("the lease could not be renewed: {error}"),
        }
    }
}
