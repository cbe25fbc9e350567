//! HTTP load from one thread: connections that each send the next request when the answer to the last is there.

use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Writes request number `sequence` of connection `connection` into the buffer; answers which class it has.
pub(crate) type Requests = Arc<dyn Fn(&mut Vec<u8>, usize, u64) -> usize + Send + Sync>;

/// What a load met.
#[derive(Debug, Default, Clone)]
pub(crate) struct Met {
    /// Answers a second.
    pub(crate) per_s: f64,
    /// Latencies by class, sorted, in microseconds.
    pub(crate) latencies_us: Vec<Vec<u32>>,
    /// Answers with another status than 200.
    pub(crate) failed: u64,
}

impl Met {
    /// How many answers came.
    pub(crate) fn count(&self) -> usize {
        self.latencies_us.iter().map(Vec::len).sum()
    }

    /// A percentile of one class, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "an index into at most some million latencies"
    )]
    pub(crate) fn percentile_ms(&self, class: usize, percent: f64) -> f64 {
        let sorted = &self.latencies_us[class];
        let index = ((sorted.len() as f64) * percent / 100.0) as usize;
        sorted
            .get(index.min(sorted.len().saturating_sub(1)))
            .map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// Runs `connections` connections for `seconds`.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    classes: usize,
    seconds: f64,
    requests: &Requests,
) -> anyhow::Result<Met> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let mut tasks = Vec::new();
        for connection in 0..connections {
            let stream = TcpStream::connect(address).await.context("connect")?;
            stream.set_nodelay(true)?;
            let task = one_connection(
                stream,
                connection,
                classes,
                Arc::clone(&stop),
                Arc::clone(requests),
            );
            tasks.push(tokio::spawn(task));
        }
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        stop.store(true, Ordering::Relaxed);
        let mut met = Met {
            latencies_us: vec![Vec::new(); classes],
            ..Met::default()
        };
        for task in tasks {
            let (latencies, failed) = task.await??;
            met.failed += failed;
            for (all, one) in met.latencies_us.iter_mut().zip(latencies) {
                all.extend(one);
            }
        }
        let elapsed = started.elapsed().as_secs_f64();
        met.latencies_us
            .iter_mut()
            .for_each(|latencies| latencies.sort_unstable());
        #[expect(clippy::cast_precision_loss, reason = "some million answers")]
        let count = met.count() as f64;
        met.per_s = count / elapsed;
        Ok(met)
    })
}

async fn one_connection(
    mut stream: TcpStream,
    connection: usize,
    classes: usize,
    stop: Arc<AtomicBool>,
    requests: Requests,
) -> anyhow::Result<(Vec<Vec<u32>>, u64)> {
    let mut latencies = vec![Vec::new(); classes];
    let mut failed = 0;
    let mut request = Vec::new();
    let mut answer = Vec::with_capacity(16 * 1_024);
    let mut sequence = 0;
    while !stop.load(Ordering::Relaxed) {
        request.clear();
        let class = requests(&mut request, connection, sequence);
        sequence += 1;
        let sent = Instant::now();
        stream.write_all(&request).await?;
        if !read_answer(&mut stream, &mut answer).await? {
            failed += 1;
        }
        latencies[class].push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok((latencies, failed))
}

/// Reads one answer with a content length; whether its status is 200.
pub(crate) async fn read_answer(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
    answer: &mut Vec<u8>,
) -> anyhow::Result<bool> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let length = content_length(&answer[..head]).context("an answer without content length")?;
        while answer.len() < head + 4 + length {
            if stream.read_buf(answer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        return Ok(answer.starts_with(b"HTTP/1.1 200"));
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            value.trim().parse().ok()
        } else {
            None
        }
    })
}

/// A POST of JSON.
pub(crate) fn post(buffer: &mut Vec<u8>, path: &str, body: &str) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(
        buffer,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// What a request carries.
pub(crate) enum Body<'a> {
    /// Text.
    Text(&'a str),
    /// A file.
    File(&'a std::path::Path),
}

/// How long a request waits for the end of its job at most, in seconds.
pub(crate) const MOST_WAIT_S: u64 = 600;

/// One request on a connection of its own, its answer waited for. Gives the answer's body.
pub(crate) fn call(address: SocketAddr, head: &str, body: &Body<'_>) -> anyhow::Result<String> {
    Connection::open(address)?.call(head, body)
}

/// A connection for one request after the other.
pub(crate) struct Connection {
    runtime: tokio::runtime::Runtime,
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stream = runtime.block_on(TcpStream::connect(address))?;
        stream.set_nodelay(true)?;
        Ok(Self { runtime, stream })
    }

    /// Sends a request, `head` being its method and path, and gives the answer's body. An answer that comes
    /// before all is sent ends it.
    pub(crate) fn call(&mut self, head: &str, body: &Body<'_>) -> anyhow::Result<String> {
        let length = match body {
            Body::Text(text) => text.len() as u64,
            Body::File(path) => std::fs::metadata(path)?.len(),
        };
        let text = format!(
            "{head} HTTP/1.1\r\nHost: 127.0.0.1\r\nPrefer: wait={MOST_WAIT_S}\r\nContent-Length: {length}\r\n\r\n"
        );
        let (mut reading, mut writing) = self.stream.split();
        let send = async {
            writing.write_all(text.as_bytes()).await?;
            match body {
                Body::Text(text) => writing.write_all(text.as_bytes()).await,
                Body::File(path) => {
                    let mut file = tokio::fs::File::open(path).await?;
                    let mut buffer = vec![0; 1 << 18];
                    loop {
                        let read = file.read(&mut buffer).await?;
                        if read == 0 {
                            return Ok(());
                        }
                        writing.write_all(&buffer[..read]).await?;
                    }
                }
            }
        };
        let mut answer = Vec::new();
        let done = self.runtime.block_on(async {
            let receive = read_answer(&mut reading, &mut answer);
            tokio::pin!(send, receive);
            let mut sending = true;
            loop {
                tokio::select! {
                    received = &mut receive => return received,
                    // A server that has answered may have hung up; its answer says how it went.
                    _ = &mut send, if sending => sending = false,
                }
            }
        })?;
        let answer = String::from_utf8_lossy(&answer);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        anyhow::ensure!(done, "{head}: {body}");
        Ok(body.to_owned())
    }
}
