//! Serving: accept, answer, drain.
//!
//! No client can hold what others need: the head of a request, its body and what is taken of its answer each have a
//! limit of time, connections have limits of number, and the loop that accepts them goes on whatever fails.

mod door;
mod pace;

pub(crate) use pace::{Late, paced};

use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::service::Limits;
use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use door::Door;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

/// How long the next try waits after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the log tells that connections cannot be accepted.
const TELL_EVERY: Duration = Duration::from_mins(1);
/// How many connections beyond the limits are told so at once; others are closed without a word.
const REFUSALS: usize = 64;
/// How long a connection that is refused may take for its request.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// When a caller whose connection is refused may come again, in seconds.
const REFUSED_RETRY_AFTER_S: u64 = 1;

/// Where a request comes from, as an extension of it. One machine of IPv6 has all addresses of its /64, and is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Answers requests on `listener` until `shutdown` is done, then lets those in flight finish within the drain limit.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    limits: Limits,
    metrics: HttpMetrics,
) -> io::Result<()> {
    let door = Door::new(&limits);
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let house = House {
        limits,
        closing: CancellationToken::new(),
        cutting: CancellationToken::new(),
    };
    let connections = TaskTracker::new();
    let mut accepting = Accepting { listener, told: None };
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, address) = tokio::select! {
            accepted = accepting.next() => accepted,
            () = &mut shutdown => break,
        };
        let caller = door::caller(address.ip());
        match door.admit(caller) {
            Ok(admitted) => {
                let (house, router) = (house.clone(), router.clone());
                let open = metrics.connection();
                connections.spawn(async move {
                    let service = service_fn(move |mut request: hyper::Request<_>| {
                        request.extensions_mut().insert(ClientAddress(caller));
                        let mut router = router.clone();
                        tower_service::Service::call(&mut router, request)
                    });
                    house.hold(stream, service, house.limits.header).await;
                    drop((admitted, open));
                });
            }
            Err(why) => {
                metrics.refused_connection();
                // Without a permit the connection ends here.
                if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                    debug!(%address, "a connection is refused: {why}");
                    let house = house.clone();
                    connections.spawn(async move {
                        let service = service_fn(|_| std::future::ready(Ok::<_, Infallible>(refused(&why))));
                        house.hold(stream, service, REFUSAL_TIMEOUT).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(accepting);
    house.closing.cancel();
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait())
        .await
        .is_err()
    {
        warn!(
            "stopping with requests in flight: they did not finish within {} ms",
            limits.drain.as_millis()
        );
        house.cutting.cancel();
    }
    Ok(())
}

/// The listener, and when it last told that it cannot accept.
struct Accepting {
    listener: TcpListener,
    told: Option<Instant>,
}

impl Accepting {
    /// The next connection. When handles or memory run out, it tries again until there are some.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(cause) if is_of_one_connection(&cause) => {}
                Err(cause) => {
                    if self.told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
                        self.told = Some(Instant::now());
                        error!(
                            "no connection can be accepted: {cause}; it is tried again every {} ms",
                            ACCEPT_PAUSE.as_millis()
                        );
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether the client went away before it was accepted, which is nobody else's concern.
fn is_of_one_connection(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// What every connection obeys.
#[derive(Clone)]
struct House {
    limits: Limits,
    /// Requests in flight are finished, others not taken.
    closing: CancellationToken,
    /// Everything ends.
    cutting: CancellationToken,
}

impl House {
    /// Answers the requests of one connection by `service`. The head of each must come within `head_timeout`.
    async fn hold<S>(&self, stream: TcpStream, service: S, head_timeout: Duration)
    where
        S: HttpService<hyper::body::Incoming, ResBody = axum::body::Body, Error = Infallible>,
    {
        // Answers are written whole, so waiting for more bytes to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.limits.stall));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let mut is_closing = false;
        let ended = loop {
            tokio::select! {
                ended = &mut connection => break ended,
                () = self.closing.cancelled(), if !is_closing => {
                    is_closing = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                () = self.cutting.cancelled() => return,
            }
        };
        let Err(cause) = ended else { return };
        if cause.is_timeout() {
            let parts = connection.into_parts();
            // A connection between two requests ends without a word.
            if !parts.read_buf.is_empty() {
                let answer = head_too_slow(head_timeout);
                let mut stream = parts.io.into_inner();
                // Nothing can be done for a client that is gone.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        }
    }
}

/// What a connection beyond the limits is answered.
fn refused(why: &str) -> Response {
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", why);
    problem.retry_after_s = Some(REFUSED_RETRY_AFTER_S);
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The answer to half a head, as bytes: there is no request to which it could be one.
fn head_too_slow(limit: Duration) -> Vec<u8> {
    let problem = Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "upload_timeout",
        format!(
            "the head of the request did not arrive within {} ms (header_timeout_ms)",
            limit.as_millis()
        ),
    );
    let document = problem.to_json().to_string();
    format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
        crate::problem::PROBLEM_JSON,
        document.len()
    )
    .into_bytes()
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
    use tokio::io::AsyncReadExt as _;

    const LIMITS: Limits = Limits {
        drain: Duration::ZERO,
        stall: Duration::from_secs(30),
        header: Duration::from_secs(30),
        connections: 100,
        connections_per_address: 100,
    };

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
        let limits = Limits { stall, ..LIMITS };
        let serving = tokio::spawn(serve(
            listener,
            router,
            std::future::pending(),
            limits,
            HttpMetrics::new("test"),
        ));

        let mut client = std::net::TcpStream::connect(address).unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();

        let ended = tokio::time::timeout(Duration::from_secs(10), dropped.recv()).await;
        serving.abort();
        assert_eq!(ended, Ok(Some(())));
    }

    /// A service with these limits, and where it is.
    async fn service(limits: Limits) -> (SocketAddr, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "soup"));
        let metrics = HttpMetrics::new("test");
        let serving = tokio::spawn(serve(listener, router, std::future::pending(), limits, metrics));
        (address, serving)
    }

    async fn connect(address: SocketAddr, sent: &str) -> TcpStream {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(sent.as_bytes()).await.unwrap();
        client
    }

    /// All that comes until the connection is closed.
    async fn rest(mut client: TcpStream) -> String {
        let mut answer = Vec::new();
        let read = client.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .expect("the connection is closed")
            .unwrap();
        String::from_utf8(answer).unwrap()
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const LAST_REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn half_a_head_is_answered_408_and_closed_at_the_limit() {
        let header = Duration::from_millis(100);
        let (address, serving) = service(Limits { header, ..LIMITS }).await;

        let first = connect(address, "GET / HTTP/1.1\r\nHost: local").await;
        let second = connect(address, &format!("{REQUEST}GET / HT")).await;

        let (first, second) = (rest(first).await, rest(second).await);
        assert!(first.starts_with("HTTP/1.1 408 "), "{first}");
        assert!(first.contains("100 ms (header_timeout_ms)"), "{first}");
        assert!(
            second.starts_with("HTTP/1.1 200 ") && second.contains("HTTP/1.1 408 "),
            "{second}"
        );
        serving.abort();
    }

    #[tokio::test]
    async fn a_connection_between_two_requests_is_closed_without_a_word() {
        let header = Duration::from_millis(100);
        let (address, serving) = service(Limits { header, ..LIMITS }).await;

        let new = connect(address, "").await;
        let used = connect(address, REQUEST).await;

        assert_eq!(rest(new).await, "");
        assert!(rest(used).await.ends_with("soup"));
        serving.abort();
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_are_told_so_until_one_is_closed() {
        for limits in [
            Limits {
                connections: 2,
                ..LIMITS
            },
            Limits {
                connections_per_address: 2,
                ..LIMITS
            },
        ] {
            let (address, serving) = service(limits).await;
            let mut held = Vec::new();
            for _ in 0..2 {
                let mut client = connect(address, REQUEST).await;
                // It is let in when it is answered.
                client.read_u8().await.unwrap();
                held.push(client);
            }

            let beyond = rest(connect(address, REQUEST).await).await;
            assert!(beyond.starts_with("HTTP/1.1 503 "), "{beyond}");
            assert!(
                beyond.contains("max_connections") && beyond.contains("retry-after: 1"),
                "{beyond}"
            );

            held.pop();
            let answered = async {
                while !rest(connect(address, LAST_REQUEST).await)
                    .await
                    .starts_with("HTTP/1.1 200 ")
                {}
            };
            tokio::time::timeout(Duration::from_secs(20), answered)
                .await
                .expect("the place of a closed connection is free");
            serving.abort();
        }
    }

    #[tokio::test]
    async fn requests_in_flight_finish_and_idle_connections_do_not_hold_up_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (entered, mut is_in) = tokio::sync::mpsc::channel(1);
        let (go, wait) = tokio::sync::watch::channel(false);
        let slow = get(async move || {
            entered.send(()).await.unwrap();
            wait.clone().wait_for(|go| *go).await.unwrap();
            "done"
        });
        let limits = Limits {
            drain: Duration::from_secs(30),
            ..LIMITS
        };
        let shutdown = async move { drop(stopped.await) };
        let router = Router::new().route("/", slow);
        let serving = tokio::spawn(serve(
            listener,
            router,
            shutdown,
            limits,
            HttpMetrics::new("test"),
        ));
        let _idle = connect(address, "").await;
        let busy = connect(address, REQUEST).await;
        is_in.recv().await.unwrap();

        stop.send(()).unwrap();
        // The listener is gone when nobody is let in any more.
        while TcpStream::connect(address).await.is_ok() {}
        go.send(true).unwrap();

        assert!(rest(busy).await.ends_with("done"));
        serving.await.unwrap().unwrap();
    }
}
