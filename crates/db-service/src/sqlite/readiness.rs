//! Whether a write would succeed now: the writer is asked, and writes a row of its own.

use super::connection::{WriterConnection, lock};
use super::writer::Writer;
use crate::config::Limits;
use crate::engine::EngineError;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// One probe answers for this long.
const FRESH: Duration = Duration::from_secs(3);
/// How long a probe is waited for; a writer that is busy for longer is not at fault yet.
const WAIT: Duration = Duration::from_millis(500);

/// What the writer said last.
#[derive(Default)]
pub(super) struct Readiness {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: Option<(Instant, Result<(), EngineError>)>,
    /// Since when it has been asked without an answer.
    asked: Option<Instant>,
}

/// Makes the table of the row.
pub(super) fn make_table(conn: &rusqlite::Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS main._comptoir_probe (
             -- its only row says when the service last wrote to see whether it can
             id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
             at_s INTEGER NOT NULL -- seconds since 1970
         ) STRICT",
    )
}

/// Writes the row.
pub(super) fn write(conn: &WriterConnection) -> Result<(), EngineError> {
    conn.own(|| {
        conn.conn().execute_batch(
            "BEGIN IMMEDIATE;
             INSERT OR REPLACE INTO main._comptoir_probe (id, at_s) VALUES (1, unixepoch());
             COMMIT",
        )
    })
}

impl Readiness {
    /// Whether the writer writes. One that is busy is ready for as long as what it does may take.
    pub(super) async fn check(&self, writer: &Writer, limits: &Limits) -> Result<(), EngineError> {
        {
            let mut state = lock(&self.state);
            let said = state.last.clone();
            match (said, state.asked) {
                (Some((at, outcome)), _) if at.elapsed() < FRESH => return outcome,
                (said, Some(asked)) => {
                    let most_ms = limits
                        .batch_timeout_ms
                        .max(limits.stream_timeout_ms)
                        .max(limits.transaction_total_ms);
                    if asked.elapsed() > Duration::from_millis(most_ms) {
                        return Err(EngineError::Overloaded(format!(
                            "the writer has not had a turn for more than {most_ms} ms, longer than a write may take"
                        )));
                    }
                    return said.map_or(Ok(()), |(_, outcome)| outcome);
                }
                (_, None) => state.asked = Some(Instant::now()),
            }
        }
        let (reply, answer) = oneshot::channel();
        let kept = Arc::clone(&self.state);
        writer.probe(Box::new(move |conn| {
            let outcome = conn.and_then(write);
            let mut state = lock(&kept);
            state.last = Some((Instant::now(), outcome.clone()));
            state.asked = None;
            // Nobody listens when it took long.
            let _ = reply.send(outcome);
        }));
        match tokio::time::timeout(WAIT, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(EngineError::Stopping),
            Err(_) => Ok(()),
        }
    }
}
