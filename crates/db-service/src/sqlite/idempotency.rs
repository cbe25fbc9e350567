//! Answers kept under the idempotency key of their request, in the transaction of its effect.

use crate::engine::{EngineError, Idempotency};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often old keys are removed.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// The table of kept answers.
pub(super) struct Keys {
    keep_s: i64,
    table_made: bool,
    purged: Option<Instant>,
}

impl Keys {
    /// Answers are kept for `hours`.
    pub(super) fn new(hours: u64) -> Self {
        Self {
            keep_s: i64::try_from(hours.saturating_mul(3_600)).unwrap_or(i64::MAX),
            table_made: false,
            purged: None,
        }
    }

    /// The answer kept under `key`, when there is one.
    ///
    /// # Errors
    ///
    /// When the key was used for another request.
    pub(super) fn find(
        &mut self,
        conn: &Connection,
        key: &Idempotency,
    ) -> Result<Option<Bytes>, EngineError> {
        self.make_table(conn).map_err(EngineError::broken)?;
        let kept: Option<(Vec<u8>, Vec<u8>)> = conn
            .prepare_cached("SELECT fingerprint, answer FROM main._comptoir_idempotency WHERE key = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([&key.key], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(EngineError::broken)?;
        match kept {
            Some((fingerprint, _)) if fingerprint != key.fingerprint => Err(EngineError::KeyReused),
            Some((_, answer)) => Ok(Some(Bytes::from(answer))),
            None => Ok(None),
        }
    }

    /// Keeps `answer` under `key`.
    pub(super) fn keep(
        &mut self,
        conn: &Connection,
        key: &Idempotency,
        answer: &[u8],
    ) -> Result<(), EngineError> {
        self.store(conn, key, answer).map_err(EngineError::broken)
    }

    fn store(&mut self, conn: &Connection, key: &Idempotency, answer: &[u8]) -> rusqlite::Result<()> {
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        conn.prepare_cached(
            "INSERT INTO main._comptoir_idempotency (key, fingerprint, answer, created_s)
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

    /// Makes the table in the open transaction. When that is rolled back, it is made again by the next.
    fn make_table(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        if self.table_made {
            return Ok(());
        }
        conn.execute_batch(
            "CREATE TABLE IF NOT EXISTS main._comptoir_idempotency (
                 -- one row is the answer to one request that carried a key
                 key TEXT NOT NULL PRIMARY KEY, -- name of the token, a blank, the key as sent
                 fingerprint BLOB NOT NULL, -- digest of method, path and body
                 answer BLOB NOT NULL, -- JSON
                 created_s INTEGER NOT NULL -- seconds since 1970
             ) STRICT;
             CREATE INDEX IF NOT EXISTS main._comptoir_idempotency_by_age
                 ON _comptoir_idempotency (created_s);",
        )?;
        Ok(())
    }

    /// The transaction that used the table is committed, so the table stays.
    pub(super) fn committed(&mut self) {
        self.table_made = true;
    }
}
