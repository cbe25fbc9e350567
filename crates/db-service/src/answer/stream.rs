//! Rows as a stream of NDJSON or CSV, with flat memory.
//!
//! The head of an answer leaves with its first chunk, so that an error before that is still a problem document.
//! A reading thread fills chunks and waits for its client, for at most the stall limit a chunk and at most the
//! stream limit in all; then its read transaction ends. NDJSON ends with a trailer that says how it went. CSV has no
//! place for one, so a CSV answer that breaks off ends its connection without the closing chunk, which every HTTP client
//! reports.

use super::{csv, json};
use crate::engine::{Cell, Control, EngineError, Halt, RowSink, Timing};
use bytes::Bytes;
use db_api::{ColumnHead, ValueForm};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// How much is sent at a time, in bytes.
const CHUNK: usize = 64 * 1024;
/// How many chunks may wait for the client.
const CHUNKS_AHEAD: usize = 2;

/// The form of a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// First line the columns, then an array a row, last line a trailer.
    Ndjson(ValueForm),
    /// A header line, then a line a row.
    Csv(ValueForm),
}

impl Form {
    /// What `Content-Type` says.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson(_) => "application/x-ndjson",
            Self::Csv(_) => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// A part of a streamed answer.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The next bytes.
    Chunk(Bytes),
    /// The answer breaks off, and this is why.
    Failed(EngineError),
    /// The answer is whole. Without this piece it broke off.
    End,
}

/// What a client gets of a stream: whether it began, then the pieces.
pub(crate) struct Stream {
    /// Said with the first piece.
    pub began: oneshot::Receiver<Result<Timing, EngineError>>,
    /// The body.
    pub pieces: mpsc::Receiver<Piece>,
    /// The end of the body, when the client took so little of it that there was no room for more pieces.
    pub last_words: Arc<OnceLock<Bytes>>,
}

/// Sends rows on.
pub(crate) struct StreamSink {
    form: Form,
    buffer: Vec<u8>,
    rows: u64,
    began: Option<oneshot::Sender<Result<Timing, EngineError>>>,
    /// What the head says, from the first step of the statement on.
    timing: Timing,
    pieces: mpsc::Sender<Piece>,
    last_words: Arc<OnceLock<Bytes>>,
    control: Arc<Control>,
    stall: Duration,
    runtime: Handle,
}

impl StreamSink {
    /// A sink and what its client gets. It must be made on a thread of the runtime.
    pub(crate) fn new(form: Form, control: Arc<Control>, stall: Duration) -> (Box<Self>, Stream) {
        let (began, told) = oneshot::channel();
        let (pieces, received) = mpsc::channel(CHUNKS_AHEAD);
        let last_words: Arc<OnceLock<Bytes>> = Arc::default();
        let sink = Self {
            form,
            buffer: Vec::with_capacity(CHUNK + 1_024),
            rows: 0,
            began: Some(began),
            timing: Timing::default(),
            pieces,
            last_words: Arc::clone(&last_words),
            control,
            stall,
            runtime: Handle::current(),
        };
        (
            Box::new(sink),
            Stream {
                began: told,
                pieces: received,
                last_words,
            },
        )
    }

    fn send(&mut self, piece: Piece) -> Result<(), EngineError> {
        let piece = match self.pieces.try_send(piece) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(EngineError::Cancelled("its client went away"));
            }
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
        };
        self.control.sending(true);
        let left = self
            .control
            .deadline()
            .map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
        let wait = left.map_or(self.stall, |left| left.min(self.stall));
        let sent = self.runtime.block_on(async {
            tokio::select! {
                biased;
                sent = self.pieces.send(piece) => Some(sent),
                () = self.control.stopped() => None,
                () = tokio::time::sleep(wait) => None,
            }
        });
        self.control.sending(false);
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(EngineError::Cancelled("its client went away")),
            None => Err(self
                .control
                .reason()
                .unwrap_or(EngineError::Stalled { limit: self.stall })),
        }
    }

    fn send_buffer(&mut self) -> Result<(), EngineError> {
        if let Some(began) = self.began.take() {
            // Nobody listens when the client went away; the chunk finds out.
            let _ = began.send(Ok(self.timing));
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + 1_024));
        self.send(Piece::Chunk(Bytes::from(full)))
    }
}

impl RowSink for StreamSink {
    fn begin(&mut self, columns: Vec<ColumnHead>, volatile: bool) -> Result<(), Halt> {
        match self.form {
            Form::Ndjson(_) => {
                self.buffer.extend_from_slice(b"{\"columns\":");
                json::push_json(&mut self.buffer, &columns);
                self.buffer.extend_from_slice(b"}\n");
            }
            Form::Csv(_) => csv::push_header(&mut self.buffer, &columns),
        }
        self.timing = Timing {
            queued: self.control.arrived().elapsed(),
            volatile,
            ..Timing::default()
        };
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows += 1;
        match self.form {
            Form::Ndjson(values) => {
                json::push_row(&mut self.buffer, cells, values);
                self.buffer.push(b'\n');
            }
            Form::Csv(values) => csv::push_row(&mut self.buffer, cells, values),
        }
        if self.buffer.len() >= CHUNK {
            self.send_buffer().map_err(Halt::Failed)
        } else {
            Ok(())
        }
    }

    fn restart(&mut self) -> bool {
        false
    }

    fn finish(mut self: Box<Self>, outcome: Result<Timing, EngineError>) {
        if let Err(error) = &outcome
            && let Some(began) = self.began.take()
        {
            self.control.end();
            let _ = began.send(Err(error.clone()));
            return;
        }
        let sent = match (self.form, outcome) {
            (Form::Ndjson(_), Ok(timing)) => {
                self.buffer.extend_from_slice(b"{\"row_count\":");
                self.buffer
                    .extend_from_slice(itoa::Buffer::new().format(self.rows).as_bytes());
                self.buffer
                    .extend_from_slice(b",\"truncated\":false,\"elapsed_ms\":");
                json::push_ms(&mut self.buffer, timing.ran);
                self.buffer.extend_from_slice(b"}\n");
                self.send_buffer()
            }
            (Form::Ndjson(_), Err(error)) => {
                let mut line = b"{\"error\":".to_vec();
                json::push_json(&mut line, &crate::error::problem(&error));
                line.extend_from_slice(b"}\n");
                // Nobody waits for a client that takes nothing: rows for which there is no room are left out.
                let _ = self.pieces.try_send(Piece::Chunk(Bytes::from(self.buffer)));
                let _ = self.last_words.set(Bytes::from(line));
                self.control.end();
                return;
            }
            (Form::Csv(_), Ok(_)) => self.send_buffer(),
            (Form::Csv(_), Err(error)) => {
                // A client that is slow learns less, but no one waits for it.
                let _ = self.pieces.try_send(Piece::Failed(error.clone()));
                Err(error)
            }
        };
        self.control.end();
        // Without the last piece the connection ends without the closing chunk.
        if let Err(error) = sent.and_then(|()| self.send(Piece::End)) {
            tracing::debug!("a streamed answer broke off: {error}");
        }
    }
}
