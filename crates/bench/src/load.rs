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
pub(crate) async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<bool> {
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
