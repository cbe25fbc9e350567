//! Serving: accept, answer, drain.

use axum::Router;
use axum::serve::ListenerExt as _;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// Answers requests on `listener` until `shutdown` is done, then lets those in flight finish for at
/// most `drain`.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> std::io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let listener = listener.tap_io(|connection| {
        // Answers are written whole, so waiting for more bytes to fill a packet only delays them.
        let _ = connection.set_nodelay(true);
    });
    let answering = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        let _ = stopping.send(());
    });
    tokio::select! {
        outcome = async { answering.await } => outcome,
        () = async {
            if stopped.await.is_ok() {
                tokio::time::sleep(drain).await;
            } else {
                std::future::pending::<()>().await;
            }
        } => {
            warn!("stopping with requests in flight: they did not finish within {} s", drain.as_secs());
            Ok(())
        }
    }
}

/// Done when the process is asked to stop, by Ctrl-C or SIGTERM.
pub async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => info!("stopping: interrupted"),
        () = terminate => info!("stopping: asked to terminate"),
    }
}
