//! Serving: accept, answer, drain.

use axum::Router;
use axum::serve::Listener;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_io_timeout::TimeoutWriter;
use tracing::{info, warn};

/// How long a client may take nothing of its answer, for a service that has no setting for it.
pub const STALL: Duration = Duration::from_secs(30);

/// Answers requests on `listener` until `shutdown` is done, then lets those in flight finish for at
/// most `drain`. The connection of a client that takes nothing of its answer for as long as `stall` is closed.
///
/// # Errors
///
/// When the listener fails for good.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
    stall: Duration,
) -> std::io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let listener = Impatient { listener, stall };
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

/// A listener whose connections fail when their client takes nothing for too long. What is written to them is dropped
/// then, and with it whatever waits to write more.
struct Impatient {
    listener: TcpListener,
    stall: Duration,
}

impl Listener for Impatient {
    type Io = Pin<Box<TimeoutWriter<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (connection, address) = Listener::accept(&mut self.listener).await;
        // Answers are written whole, so waiting for more bytes to fill a packet only delays them.
        let _ = connection.set_nodelay(true);
        let mut connection = TimeoutWriter::new(connection);
        connection.set_timeout(Some(self.stall));
        (Box::pin(connection), address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use futures_util::stream;
    use std::io::Write as _;

    struct TellsWhenDropped(tokio::sync::mpsc::Sender<()>);

    impl Drop for TellsWhenDropped {
        fn drop(&mut self) {
            let _ = self.0.try_send(());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_connection_of_a_client_that_takes_nothing_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, mut dropped) = tokio::sync::mpsc::channel(1);
        let endless = get(async move || {
            let body = TellsWhenDropped(tell);
            let chunks = stream::repeat_with(move || {
                let _kept_with_the_body = &body;
                Ok::<_, std::io::Error>(vec![b'x'; 65_536])
            });
            Body::from_stream(chunks)
        });
        let router = Router::new().route("/", endless);
        let stall = Duration::from_millis(200);
        let serving = tokio::spawn(serve(
            listener,
            router,
            std::future::pending(),
            Duration::ZERO,
            stall,
        ));

        let mut client = std::net::TcpStream::connect(address).unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();

        let ended = tokio::time::timeout(Duration::from_secs(10), dropped.recv()).await;
        serving.abort();
        assert_eq!(ended, Ok(Some(())));
    }
}
