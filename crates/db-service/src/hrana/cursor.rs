//! `POST /v3/cursor`: a batch whose rows are streamed, with flat memory.
//!
//! The baton is told before the batch runs, and the stream is free again before the last line is sent. An answer
//! without its last line, `replication_index`, has broken off.

use super::encode::{push_columns, push_json, push_number, push_row};
use super::error::Refusal;
use super::proto::{Cursor, Statement, parse};
use super::runner::{Client, Presence, Runner};
use crate::answer::kept::Kept;
use crate::engine::{Cell, EngineError, Halt, SessionSink};
use crate::state::{App, Caller};
use axum::body::Body;
use bytes::Bytes;
use db_api::ColumnHead;
use futures_util::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How much is sent at a time, in bytes.
const CHUNK: usize = 64 * 1024;
/// How many chunks may wait for the client.
const CHUNKS_AHEAD: usize = 2;

/// A part of the answer.
enum Part {
    /// More follows.
    More(Bytes),
    /// The end of the answer.
    Last(Bytes),
}

/// Runs the batch in `body` and gives the answer while it runs.
pub(crate) async fn answer(
    app: &Arc<App>,
    caller: &Caller,
    route: &'static str,
    body: &[u8],
) -> Result<Body, Refusal> {
    let cursor: Cursor = parse(body)?;
    cursor.batch.check()?;
    let mut held = app.streams.take(cursor.baton.as_deref(), caller).await?;
    held.make_room().await?;
    let baton = held.announce();
    let timeout = app.limits.stream_timeout(None);
    let (runner, client) = Runner::new(app, caller, route, timeout, held);
    let (parts, mut received) = mpsc::channel(CHUNKS_AHEAD);
    let mut lines = Lines {
        out: Kept::with_capacity(1_024),
        parts,
        presence: runner.presence(),
        stall: Duration::from_millis(app.limits.stall_timeout_ms),
        max_held_bytes: app.limits.max_result_bytes,
        runtime: Handle::current(),
    };
    lines.out.extend_from_slice(b"{\"baton\":");
    push_json(&mut lines.out, &baton);
    lines.out.extend_from_slice(b",\"base_url\":null}\n");
    tokio::task::spawn_blocking(move || run(runner, &cursor, lines));
    match received.recv().await {
        Some(Part::Last(whole)) => Ok(Body::from(whole)),
        Some(Part::More(first)) => Ok(Body::from_stream(Parts {
            first: Some(first),
            more: received,
            ended: false,
            _client: client,
        })),
        None => Err(EngineError::broken("a cursor ended without an answer").into()),
    }
}

/// Runs the batch and sends what it gives.
fn run(mut runner: Runner, cursor: &Cursor, mut lines: Lines) {
    runner.batch(&cursor.batch, |runner, index, statement| {
        statement.is_some_and(|statement| run_step(runner, index, statement, &mut lines))
    });
    lines
        .out
        .extend_from_slice(b"{\"type\":\"replication_index\",\"replication_index\":null}\n");
    // The client may send the next request as soon as it has the last line.
    runner.into_held().give_back();
    // Nobody takes it when the client has gone.
    let _ = lines.send(Part::Last);
}

/// Runs a step; whether it succeeded.
fn run_step(runner: &mut Runner, index: usize, statement: &Statement, lines: &mut Lines) -> bool {
    let begins = lines.out.len();
    let mut sink = StepSink {
        lines,
        index,
        want_rows: statement.want_rows,
        holds_up_writers: false,
        sent: false,
    };
    let outcome = runner.execute(statement, &mut sink);
    let sent = sink.sent;
    let out = &mut lines.out;
    match outcome {
        Ok(effect) => {
            out.extend_from_slice(b"{\"type\":\"step_end\",\"affected_row_count\":");
            push_number(out, effect.rows_affected);
            out.extend_from_slice(b",\"last_insert_rowid\":");
            match effect.last_insert_rowid {
                Some(rowid) => push_number(out, rowid),
                None => out.extend_from_slice(b"null"),
            }
            out.extend_from_slice(b"}\n");
            true
        }
        Err(error) => {
            if !sent {
                out.truncate(begins);
            }
            out.extend_from_slice(b"{\"type\":\"step_error\",\"step\":");
            push_number(out, index);
            out.extend_from_slice(b",\"error\":");
            error.push(out);
            out.extend_from_slice(b"}\n");
            false
        }
    }
}

/// Lines on their way to the client.
struct Lines {
    out: Kept,
    parts: mpsc::Sender<Part>,
    presence: Arc<Presence>,
    stall: Duration,
    max_held_bytes: u64,
    runtime: Handle,
}

impl Lines {
    /// Sends what is there, and waits for the client if it must.
    fn send(&mut self, part: fn(Bytes) -> Part) -> Result<(), EngineError> {
        let full = std::mem::take(&mut self.out);
        let gone = || EngineError::Cancelled("its client went away");
        match self.parts.try_send(part(Bytes::from(full))) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(gone()),
            Err(mpsc::error::TrySendError::Full(part)) => {
                let control = self.presence.control();
                let sending = |sending| control.iter().for_each(|control| control.sending(sending));
                let stopped = async {
                    match &control {
                        Some(control) => control.stopped().await,
                        None => std::future::pending().await,
                    }
                };
                sending(true);
                let sent = self.runtime.block_on(async {
                    tokio::select! {
                        biased;
                        sent = self.parts.send(part) => Some(sent),
                        () = stopped => None,
                        () = tokio::time::sleep(self.stall) => None,
                    }
                });
                sending(false);
                match sent {
                    Some(Ok(())) => Ok(()),
                    Some(Err(_)) => Err(gone()),
                    None => {
                        // The client is told of the reason if it takes the rest.
                        Err(control.and_then(|control| control.reason()).unwrap_or_else(|| {
                            // What it has stays without its last line, and it must not wait for more.
                            self.parts = mpsc::channel(1).0;
                            EngineError::Stalled { limit: self.stall }
                        }))
                    }
                }
            }
        }
    }
}

/// Writes the lines of one step.
struct StepSink<'a> {
    lines: &'a mut Lines,
    index: usize,
    want_rows: bool,
    holds_up_writers: bool,
    sent: bool,
}

impl SessionSink for StepSink<'_> {
    fn begin(&mut self, columns: Vec<ColumnHead>, holds_up_writers: bool) -> Result<(), Halt> {
        self.holds_up_writers = holds_up_writers;
        let out = &mut self.lines.out;
        out.extend_from_slice(b"{\"type\":\"step_begin\",\"step\":");
        push_number(out, self.index);
        out.extend_from_slice(b",\"cols\":");
        push_columns(out, &columns);
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        if !self.want_rows {
            return Ok(());
        }
        let out = &mut self.lines.out;
        out.extend_from_slice(b"{\"type\":\"row\",\"row\":");
        push_row(out, cells);
        out.extend_from_slice(b"}\n");
        if out.len() < CHUNK {
            return Ok(());
        }
        if self.holds_up_writers {
            // A slow client must not keep others from writing, so the rows wait here.
            if out.len() as u64 > self.lines.max_held_bytes {
                return Err(Halt::Failed(EngineError::ResultTooLarge {
                    limit_bytes: self.lines.max_held_bytes,
                }));
            }
            return out.count().map_err(Halt::Failed);
        }
        self.sent = true;
        self.lines.send(Part::More).map_err(Halt::Failed)
    }
}

/// The body of an answer. Dropped before its end, the batch is stopped.
struct Parts {
    first: Option<Bytes>,
    more: mpsc::Receiver<Part>,
    ended: bool,
    _client: Client,
}

impl Stream for Parts {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        self.more.poll_recv(context).map(|part| match part {
            Some(Part::More(bytes)) => Some(Ok(bytes)),
            Some(Part::Last(bytes)) => {
                self.ended = true;
                Some(Ok(bytes))
            }
            None => {
                self.ended = true;
                Some(Err(std::io::Error::other("the answer broke off")))
            }
        })
    }
}
