//! Asks a service on this machine whether it is ready: the health check of an image without other programs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The first bytes of an answer hold its status.
const LONGEST_HEAD: u64 = 4_096;

/// Asks the service that listens on `listen` for `/readyz`.
///
/// # Errors
///
/// When it cannot be reached, does not answer within three seconds, or is not ready.
pub async fn probe(listen: SocketAddr) -> io::Result<()> {
    tokio::time::timeout(TIMEOUT, ask(loopback(listen)))
        .await
        .map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{listen} did not answer within {} s", TIMEOUT.as_secs()),
            )
        })?
}

/// Where a program on this machine reaches what listens on `listen`.
fn loopback(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_HEAD).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status_line = answer.lines().next().unwrap_or_default();
    if status_line.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(io::Error::other(format!("{address} is not ready: {status_line}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    async fn service(status: StatusCode) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/readyz", get(async move || status));
        tokio::spawn(async { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_service_is_ready_when_it_says_so() {
        let ready = service(StatusCode::OK).await;
        let busy = service(StatusCode::SERVICE_UNAVAILABLE).await;

        assert!(probe(ready).await.is_ok());
        assert!(
            probe(SocketAddr::new([0, 0, 0, 0].into(), ready.port()))
                .await
                .is_ok()
        );
        assert!(probe(busy).await.is_err());
    }
}
