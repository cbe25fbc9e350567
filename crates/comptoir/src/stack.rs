//! Starts the services in one process, one after the other, and stops them in reverse.
//!
//! The invariant: a service is started when those it calls are ready, and stopped when those that call it are
//! gone, so none of them ever meets a closed door.

use anyhow::{Context as _, anyhow};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How often a service that starts is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Binds `address`. `flag` is the flag that changes its port.
pub async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => anyhow!(
                "port {} is in use by another program: stop it, or choose another port with {flag}",
                address.port()
            ),
            _ => anyhow::Error::from(error)
                .context(format!("listen on {address} (change the port with {flag})")),
        })
}

/// The running services, in the order of their start. They end when it is dropped, not waited for.
#[derive(Debug, Default)]
pub struct Stack {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Stack {
    /// A stack without services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the service that `run` makes of its shutdown future, and waits until `is_ready`.
    ///
    /// # Errors
    ///
    /// When the service ends instead.
    pub async fn start<F>(
        &mut self,
        name: &'static str,
        run: impl FnOnce(Shutdown) -> F,
        is_ready: impl AsyncFn() -> bool,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(Shutdown(stopped)));
        self.running.push(Running { name, stop, task });
        tokio::select! {
            failure = self.failure() => Err(failure),
            () = async {
                while !is_ready().await {
                    tokio::time::sleep(ASK_EVERY).await;
                }
            } => Ok(()),
        }
    }

    /// Waits for a service that ends by itself, and says why. It waits for ever while all of them run.
    pub async fn failure(&mut self) -> anyhow::Error {
        std::future::poll_fn(|context| {
            for position in 0..self.running.len() {
                let running = &mut self.running[position];
                if let std::task::Poll::Ready(ended) = std::pin::Pin::new(&mut running.task).poll(context) {
                    let Running { name, .. } = self.running.remove(position);
                    return std::task::Poll::Ready(match outcome(ended) {
                        Ok(()) => anyhow!("{name} ended by itself"),
                        Err(error) => error.context(format!("{name} cannot go on")),
                    });
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Stops the services, the last started first, each when the one before has finished what was in flight.
    ///
    /// # Errors
    ///
    /// The first failure of a service; the others are stopped all the same.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let mut first = Ok(());
        while let Some(Running { name, stop, task }) = self.running.pop() {
            // A service that has ended needs no signal.
            let _ = stop.send(());
            let ended = outcome(task.await).with_context(|| format!("{name} did not stop cleanly"));
            first = first.and(ended);
        }
        first
    }
}

/// Done when the service that holds it is to stop.
#[derive(Debug)]
pub struct Shutdown(oneshot::Receiver<()>);

impl Shutdown {
    /// As the future that a service's `run` takes.
    pub async fn wait(self) {
        // A dropped sender means stop too.
        let _ = self.0.await;
    }
}

fn outcome(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    match ended {
        Ok(outcome) => outcome,
        Err(error) => Err(anyhow!("it panicked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn services_stop_in_reverse() {
        let stopped = Arc::new(Mutex::new(Vec::new()));
        let mut stack = Stack::new();
        for name in ["first", "second", "third"] {
            let stopped = Arc::clone(&stopped);
            let run = |shutdown: Shutdown| async move {
                shutdown.wait().await;
                stopped.lock().unwrap().push(name);
                Ok(())
            };
            stack.start(name, run, async || true).await.unwrap();
        }

        stack.stop().await.unwrap();

        assert_eq!(*stopped.lock().unwrap(), ["third", "second", "first"]);
    }

    #[tokio::test]
    async fn a_service_that_cannot_start_is_named_with_its_reason() {
        let mut stack = Stack::new();

        let error = stack
            .start(
                "db-service",
                |_| async { Err(anyhow!("disk full")) },
                async || false,
            )
            .await
            .unwrap_err();

        assert_eq!(format!("{error:#}"), "db-service cannot go on: disk full");
        stack.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_with_the_flag_that_changes_it() {
        let taken = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();

        let error = bind(taken.local_addr().unwrap(), "--db-port").await.unwrap_err();

        let text = format!("{error:#}");
        assert!(text.contains("in use") && text.contains("--db-port"), "{text}");
    }
}
