//! A process whose file handles ran out answers again when it has some. The only test of its process: the limit is of
//! the process.

use axum::routing::get;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use service_kit::metrics::HttpMetrics;
use service_kit::{Limits, Service};
use std::fs::File;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use utoipa_axum::router::OpenApiRouter;

#[tokio::test]
async fn connections_that_wait_for_handles_are_answered_when_there_are_some() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        drain: Duration::ZERO,
        stall: Duration::from_secs(30),
        header: Duration::from_secs(30),
        connections: 100,
        connections_per_address: 100,
    };
    let routes = OpenApiRouter::new().route("/soup", get(async || "soup"));
    let service = Service::new("kitchen", routes, Vec::new(), HttpMetrics::new("kitchen"), limits);
    let check = async || Ok(());
    let serving = tokio::spawn(service.serve(listener, std::future::pending(), check));
    let current = Rlimit {
        current: Some(64),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, current).unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }

    taken.pop();
    // The last handle is the client's; the service has none to accept it with.
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET /soup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let none = tokio::time::timeout(Duration::from_millis(300), client.read_to_end(&mut answer)).await;
    assert!(none.is_err(), "there was a handle left");
    drop(taken);
    tokio::time::timeout(Duration::from_secs(30), client.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();

    assert!(String::from_utf8(answer).unwrap().ends_with("soup"));
    serving.abort();
}
