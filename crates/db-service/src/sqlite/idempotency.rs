//! Answers kept under the idempotency key of their request, in the transaction of its effect.

use super::connection::OWN_MARK;
use crate::config::Limits;
use crate::engine::{EngineError, Idempotency};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::warn;

/// How often old keys are removed.
const PURGE_EVERY: Duration = Duration::from_mins(10);
/// What stands before the number of rows changed, in the place of an answer that was too large. No JSON begins so.
const NOT_KEPT: u8 = 0;

const COLUMNS: [&str; 4] = ["key", "fingerprint", "answer", "created_s"];

/// Makes the table. One that is not as it should be is made anew: its answers are of no use then.
pub(super) fn make_table(conn: &Connection) -> rusqlite::Result<()> {
    let columns: Vec<String> = conn
        .prepare("SELECT name FROM pragma_table_xinfo('_comptoir_idempotency', 'main')")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if !columns.is_empty() && columns != COLUMNS {
        warn!(
            "the table of idempotency keys was altered from outside: it is made anew, and its answers are lost"
        );
        conn.execute_batch("DROP TABLE main._comptoir_idempotency")?;
    }
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS main._comptoir_idempotency (
             -- one row is the answer to one request that carried a key
             key TEXT NOT NULL PRIMARY KEY, -- name of the token, a blank, the key as sent
             fingerprint BLOB NOT NULL, -- digest of method, path and body
             answer BLOB NOT NULL, -- JSON; a zero byte and the number of rows changed when it was too large
             created_s INTEGER NOT NULL -- seconds since 1970
         ) STRICT;
         CREATE INDEX IF NOT EXISTS main._comptoir_idempotency_by_age
             ON _comptoir_idempotency (created_s);",
    )
}

/// The table of kept answers.
pub(super) struct Keys {
    keep_s: i64,
    max_answer_bytes: u64,
    purged: Option<Instant>,
}

impl Keys {
    /// Answers are kept for as long, and up to the size, that the limits say.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            keep_s: i64::try_from(limits.idempotency_hours.saturating_mul(3_600)).unwrap_or(i64::MAX),
            max_answer_bytes: limits.max_kept_answer_bytes,
            purged: None,
        }
    }

    /// The answer kept under `key`, when there is one.
    ///
    /// # Errors
    ///
    /// When the key was used for another request, or the answer was too large to be kept.
    pub(super) fn find(&self, conn: &Connection, key: &Idempotency) -> Result<Option<Bytes>, EngineError> {
        const FIND: &str =
            "SELECT /* comptoir */ fingerprint, answer FROM main._comptoir_idempotency WHERE key = ?1";
        debug_assert!(FIND.contains(OWN_MARK), "a caller may have the same text");
        let kept: Option<(Vec<u8>, Vec<u8>)> = conn
            .prepare_cached(FIND)
            .and_then(|mut statement| {
                statement
                    .query_row([&key.key], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(EngineError::broken)?;
        match kept {
            Some((fingerprint, _)) if fingerprint != key.fingerprint => Err(EngineError::KeyReused),
            Some((_, answer)) => match answer.split_first() {
                Some((&NOT_KEPT, rows)) => Err(EngineError::AnswerNotKept {
                    rows: String::from_utf8_lossy(rows).parse().unwrap_or_default(),
                    limit_bytes: self.max_answer_bytes,
                }),
                _ => Ok(Some(Bytes::from(answer))),
            },
            None => Ok(None),
        }
    }

    /// Keeps `answer` under `key`; one that is too large leaves how many rows were changed.
    pub(super) fn keep(
        &mut self,
        conn: &Connection,
        key: &Idempotency,
        answer: &[u8],
        rows: u64,
    ) -> Result<(), EngineError> {
        if answer.len() as u64 <= self.max_answer_bytes {
            return self.store(conn, key, answer).map_err(EngineError::broken);
        }
        let mut instead = vec![NOT_KEPT];
        instead.extend_from_slice(rows.to_string().as_bytes());
        self.store(conn, key, &instead).map_err(EngineError::broken)
    }

    fn store(&mut self, conn: &Connection, key: &Idempotency, answer: &[u8]) -> rusqlite::Result<()> {
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        conn.prepare_cached(
            "INSERT /* comptoir */ INTO main._comptoir_idempotency (key, fingerprint, answer, created_s)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((&key.key, &key.fingerprint[..], answer, now_s))?;
        if self.purged.is_none_or(|purged| purged.elapsed() > PURGE_EVERY) {
            self.purged = Some(Instant::now());
            conn.execute(
                "DELETE FROM main._comptoir_idempotency WHERE created_s < ?1",
                [now_s.saturating_sub(self.keep_s)],
            )?;
        }
        Ok(())
    }
}
