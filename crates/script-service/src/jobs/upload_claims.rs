//! Idempotency keys of uploads that are coming in, known to every process: a second request with the key is told
//! so instead of racing the first.
//!
//! A claim has a lease that is renewed while the body comes in, so the key of a process that was killed is free
//! again soon. Once the job is there, its row knows the key.

use super::source::random_id;
use crate::error::ApiError;
use crate::params::positional;
use db_client::{DbClient, DbError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a claim outlives its process.
const LEASE: Duration = Duration::from_secs(15);

/// An idempotency key that one request has.
#[derive(Debug)]
pub(crate) struct Claim {
    db: DbClient,
    key: String,
    owner: String,
    renewal: JoinHandle<()>,
    is_free: bool,
}

impl Claim {
    /// Takes `key`, unless another request has it.
    pub(crate) async fn take(db: &DbClient, key: &str) -> Result<Self, ApiError> {
        let owner = random_id()?;
        let taken = db
            .execute(
                "INSERT INTO receiving (idempotency_key, owner, lease_until_ms) VALUES (?1, ?2, ?3)
                ON CONFLICT DO UPDATE SET owner = ?2, lease_until_ms = ?3 WHERE lease_until_ms < ?4
                RETURNING 1",
                positional([
                    key.into(),
                    owner.as_str().into(),
                    lease_until_ms().into(),
                    now_ms().into(),
                ]),
            )
            .await?;
        if taken.rows.is_empty() {
            return Err(ApiError::KeyInFlight);
        }
        let renewal = tokio::spawn(renew(db.clone(), key.to_owned(), owner.clone()));
        Ok(Self {
            db: db.clone(),
            key: key.to_owned(),
            owner,
            renewal,
            is_free: false,
        })
    }

    /// Gives the key free.
    pub(crate) async fn release(mut self) -> Result<(), DbError> {
        self.renewal.abort();
        self.is_free = true;
        give_free(&self.db, &self.key, &self.owner).await
    }
}

impl Drop for Claim {
    /// The client went away in the middle: whoever retries need not wait for the end of the lease.
    fn drop(&mut self) {
        self.renewal.abort();
        if self.is_free {
            return;
        }
        let (db, key, owner) = (self.db.clone(), self.key.clone(), self.owner.clone());
        tokio::spawn(async move {
            if let Err(error) = give_free(&db, &key, &owner).await {
                tracing::warn!("an idempotency key stays taken until its lease ends: {error}");
            }
        });
    }
}

async fn give_free(db: &DbClient, key: &str, owner: &str) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM receiving WHERE idempotency_key = ?1 AND owner = ?2",
        positional([key.into(), owner.into()]),
    )
    .await
    .map(drop)
}

async fn renew(db: DbClient, key: String, owner: String) {
    let mut turns = tokio::time::interval(LEASE / 3);
    loop {
        turns.tick().await;
        let renewed = db
            .execute(
                "UPDATE receiving SET lease_until_ms = ?3 WHERE idempotency_key = ?1 AND owner = ?2",
                positional([
                    key.as_str().into(),
                    owner.as_str().into(),
                    lease_until_ms().into(),
                ]),
            )
            .await;
        if let Err(error) = renewed {
            tracing::warn!("the lease of an idempotency key could not be renewed: {error}");
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn lease_until_ms() -> i64 {
    now_ms().saturating_add(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
}
