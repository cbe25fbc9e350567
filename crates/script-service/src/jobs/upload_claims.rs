//! Idempotency keys of uploads that are coming in, known to every process: a second request with the key is told
//! so instead of racing the first.
//!
//! A claim has a lease that is renewed while the body comes in, so the key of a process that was killed is free
//! again soon. Once the job is there, its row knows the key.

use crate::outages::Outage;
use crate::random_id;
use crate::store::{StoreError, upload_claims};
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
    is_released: bool,
}

impl Claim {
    /// Takes `key`, unless another request has it.
    pub(crate) async fn take(db: &DbClient, key: &str) -> Result<Self, StoreError> {
        let owner = random_id()?;
        if !upload_claims::take(db, key, &owner, LEASE).await? {
            return Err(StoreError::KeyInFlight);
        }
        let renewal = tokio::spawn(renew(db.clone(), key.to_owned(), owner.clone()));
        Ok(Self {
            db: db.clone(),
            key: key.to_owned(),
            owner,
            renewal,
            is_released: false,
        })
    }

    /// Releases the key.
    pub(crate) async fn release(mut self) -> Result<(), DbError> {
        self.renewal.abort();
        self.is_released = true;
        upload_claims::release(&self.db, &self.key, &self.owner).await
    }
}

impl Drop for Claim {
    /// The client went away in the middle: whoever retries need not wait for the end of the lease.
    fn drop(&mut self) {
        self.renewal.abort();
        if self.is_released {
            return;
        }
        let (db, key, owner) = (self.db.clone(), self.key.clone(), self.owner.clone());
        tokio::spawn(async move {
            if let Err(error) = upload_claims::release(&db, &key, &owner).await {
                tracing::warn!("an idempotency key stays taken until its lease ends: {error}");
            }
        });
    }
}

async fn renew(db: DbClient, key: String, owner: String) {
    let mut turns = tokio::time::interval(LEASE / 3);
    let mut outage = Outage::apart("renewing the lease of an idempotency key");
    loop {
        turns.tick().await;
        match upload_claims::renew(&db, &key, &owner, LEASE).await {
            Ok(()) => outage.over(),
            // The next turn comes later than any pause.
            Err(error) => drop(outage.failed(&error)),
        }
    }
}
