//! No caller takes what all callers share, and a client that takes nothing loses it to those who wait.

use super::http::{Answer, ENDLESS, ENDLESS_ROWS, get, until};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use test_kit::TestDb;
use tokio::task::JoinHandle;

/// A client at another address of this machine.
fn client(last: u8) -> Client {
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
    Client::builder().local_address(address).build().unwrap()
}

fn ask(db: &TestDb, from: u8, path: &str, body: &Value) -> RequestBuilder {
    client(from).post(format!("{}{path}", db.url)).json(body)
}

fn query(db: &TestDb, from: u8, sql: &str) -> RequestBuilder {
    ask(db, from, "/v1/query", &json!({"sql": sql}))
}

/// A client that takes nothing of its endless answer.
async fn unread(db: &TestDb, from: u8) -> Response {
    let asked = query(db, from, ENDLESS_ROWS).header("accept", "application/x-ndjson");
    let response = asked.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

fn begin(db: &TestDb, from: u8) -> RequestBuilder {
    let requests = json!([{"type": "execute", "stmt": {"sql": "BEGIN"}}, {"type": "execute", "stmt": {"sql": "SELECT 1"}}]);
    ask(db, from, "/v3/pipeline", &json!({"requests": requests}))
}

fn spawn(request: RequestBuilder) -> JoinHandle<Answer> {
    tokio::spawn(super::http::send(request))
}

async fn metric(db: &TestDb, name: &str) -> f64 {
    let text = get(db, "/metrics").await.text;
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(name))
        .unwrap_or_else(|| panic!("no metric {name}"));
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn sending(db: &TestDb) -> usize {
    get(db, "/v1/queries").await.text.matches("\"sending\"").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_its_share_of_the_connections_that_read() {
    let db = TestDb::start_with(|config| {
        config.limits.read_connections = 4;
        config.limits.queue_wait_ms = 500;
        config.limits.crowded_stall_ms = 3_600_000;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(unread(&db, 2).await);
    }
    until("three wait for their clients", async || sending(&db).await == 3).await;

    let fourth = super::http::send(query(&db, 2, "SELECT 4")).await;
    let other = super::http::send(query(&db, 3, "SELECT 5")).await;

    assert_eq!((fourth.status, fourth.code().as_str()), (503, "overloaded"));
    assert_eq!(other.status, 200, "{}", other.text);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_nothing_lose_their_connections_to_those_who_wait() {
    let db = TestDb::start_with(|config| {
        config.limits.read_connections = 4;
        config.limits.crowded_stall_ms = 200;
        config.limits.stall_timeout_ms = 3_600_000;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(unread(&db, 1).await);
    }
    until("as many wait for their clients as one caller may", async || {
        sending(&db).await == 3
    })
    .await;

    let same = super::http::send(query(&db, 1, "SELECT 4")).await;
    let another = unread(&db, 2).await;
    until("another has the last connection", async || {
        sending(&db).await == 3
    })
    .await;
    let other = super::http::send(query(&db, 3, "SELECT 5")).await;

    assert_eq!(
        (same.status, other.status),
        (200, 200),
        "{} {}",
        same.text,
        other.text
    );
    // Those that were not ended go on for as long as they are read.
    let (ended, mut ends) = tokio::sync::mpsc::channel(3);
    let reading: Vec<_> = held
        .into_iter()
        .map(|response| {
            let ended = ended.clone();
            tokio::spawn(async move { ended.send(super::http::until_end(response).await).await })
        })
        .collect();
    let told = ends.recv().await.unwrap();
    assert!(told.contains("crowded_stall_ms"), "{told}");
    for one in reading {
        one.abort();
    }
    drop(another);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_let_be_while_nobody_waits() {
    let db = TestDb::start_with(|config| {
        config.limits.read_connections = 4;
        config.limits.crowded_stall_ms = 1;
    })
    .await;
    let mut held = unread(&db, 2).await;
    until("it waits for its client", async || sending(&db).await == 1).await;

    for round in 0..20 {
        let other = super::http::send(query(&db, 3, &format!("SELECT {round}"))).await;
        assert_eq!(other.status, 200, "{}", other.text);
    }

    for _ in 0..100 {
        assert!(held.chunk().await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_its_share_of_the_queue_of_reads() {
    let db = TestDb::start_with(|config| {
        config.limits.read_connections = 2;
        config.limits.read_queue = 4;
        config.limits.caller_share_percent = 50;
    })
    .await;
    let running = spawn(query(&db, 2, ENDLESS));
    until("it runs", async || {
        get(&db, "/v1/queries").await.text.contains("\"running\"")
    })
    .await;
    let waiting = [spawn(query(&db, 2, ENDLESS)), spawn(query(&db, 2, ENDLESS))];
    until("two wait", async || metric(&db, "db_reads_queued").await >= 2.0).await;

    let refused = super::http::send(query(&db, 2, "SELECT 4")).await;
    let other = super::http::send(query(&db, 3, "SELECT 5")).await;

    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert!(
        refused.detail().contains("(read_queue, caller_share_percent)"),
        "{}",
        refused.text
    );
    assert_eq!(other.status, 200, "{}", other.text);
    running.abort();
    for one in waiting {
        one.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_its_share_of_the_queue_of_writes() {
    let db = TestDb::start_with(|config| config.limits.write_queue = 4).await;
    super::http::run(&db, &["CREATE TABLE t (a)"]).await;
    let requests = json!([{"type": "execute", "stmt": {"sql": "BEGIN IMMEDIATE"}}]);
    let writer = super::http::send(ask(&db, 9, "/v3/pipeline", &json!({"requests": requests}))).await;
    let insert = |from| {
        ask(
            &db,
            from,
            "/v1/execute",
            &json!({"sql": "INSERT INTO t VALUES (1)"}),
        )
    };
    let waiting: Vec<_> = (0..3).map(|_| spawn(insert(2))).collect();
    until("three wait", async || {
        metric(&db, "db_writes_queued").await >= 3.0
    })
    .await;

    let refused = super::http::send(insert(2)).await;
    let other = spawn(insert(3));
    until("another waits", async || {
        metric(&db, "db_writes_queued").await >= 4.0
    })
    .await;
    let full = super::http::send(insert(4)).await;
    let end = json!({"baton": writer.json()["baton"], "requests": [{"type": "close"}]});
    super::http::send(ask(&db, 9, "/v3/pipeline", &end)).await;

    assert!(
        refused.detail().contains("(write_queue, caller_share_percent)"),
        "{}",
        refused.text
    );
    assert!(
        full.detail().contains("4 writes wait already (write_queue)"),
        "{}",
        full.text
    );
    assert_eq!(other.await.unwrap().status, 200);
    for one in waiting {
        assert_eq!(one.await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_its_share_of_the_streams() {
    let db = TestDb::start_with(|config| {
        config.limits.max_streams = 4;
        config.limits.caller_share_percent = 50;
        config.limits.queue_wait_ms = 100;
    })
    .await;
    for _ in 0..2 {
        assert_eq!(super::http::send(begin(&db, 2)).await.status, 200);
    }

    let third = super::http::send(begin(&db, 2)).await;
    let other = super::http::send(begin(&db, 3)).await;
    let last = super::http::send(begin(&db, 4)).await;
    let beyond = super::http::send(begin(&db, 5)).await;

    assert_eq!(third.status, 503, "{}", third.text);
    assert!(
        third.text.contains("(max_streams, caller_share_percent)"),
        "{}",
        third.text
    );
    assert_eq!((other.status, last.status), (200, 200));
    assert!(
        beyond.text.contains("4 streams are open already (max_streams)"),
        "{}",
        beyond.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_takes_its_share_wherever_it_comes_from() {
    let (alice, entry) = db_service::new_token("alice", "write").unwrap();
    let (bob, another) = db_service::new_token("bob", "write").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.toml");
    std::fs::write(&tokens, entry + &another).unwrap();
    let db = TestDb::start_with(|config| {
        config.tokens = Some(tokens);
        config.limits.max_streams = 4;
        config.limits.caller_share_percent = 50;
        config.limits.queue_wait_ms = 100;
    })
    .await;
    let open = async |from, token: &str| super::http::send(begin(&db, from).bearer_auth(token)).await;

    assert_eq!(open(2, &alice).await.status, 200);
    assert_eq!(open(3, &alice).await.status, 200);
    let third = open(4, &alice).await;
    assert!(third.text.contains("caller_share_percent"), "{}", third.text);
    assert_eq!(open(4, &bob).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_nobody_reads_gives_way_to_those_who_wait_for_a_stream() {
    let db = TestDb::start_with(|config| {
        config.limits.max_streams = 2;
        config.limits.caller_share_percent = 100;
        config.limits.crowded_stall_ms = 200;
    })
    .await;
    let cursor = json!({"batch": {"steps": [{"stmt": {"sql": ENDLESS_ROWS}}]}});
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(ask(&db, 2, "/v3/cursor", &cursor).send().await.unwrap());
    }
    until("both wait for their clients", async || sending(&db).await == 2).await;

    let stream = super::http::send(begin(&db, 2)).await;

    assert_eq!(stream.status, 200, "{}", stream.text);
}
