//! Claims on idempotency keys of uploads that are coming in: the rows of `receiving`.

use db_client::{DbClient, DbError};
use std::time::Duration;

/// Takes `key` for `owner` until `lease` is over, unless another owner's lease is not; whether it did.
pub(crate) async fn take(db: &DbClient, key: &str, owner: &str, lease: Duration) -> Result<bool, DbError> {
    let taken = db
        .execute(
            "INSERT INTO receiving (idempotency_key, owner, lease_until_ms) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET owner = ?2, lease_until_ms = ?3 WHERE lease_until_ms < ?4
            RETURNING 1",
            [
                key.into(),
                owner.into(),
                lease_until_ms(lease).into(),
                super::now_ms().into(),
            ],
        )
        .await?;
    Ok(!taken.rows.is_empty())
}

/// Renews the lease of `owner` on `key`.
pub(crate) async fn renew(db: &DbClient, key: &str, owner: &str, lease: Duration) -> Result<(), DbError> {
    db.execute(
        "UPDATE receiving SET lease_until_ms = ?3 WHERE idempotency_key = ?1 AND owner = ?2",
        [key.into(), owner.into(), lease_until_ms(lease).into()],
    )
    .await
    .map(drop)
}

/// Releases `key`, if `owner` has it.
pub(crate) async fn release(db: &DbClient, key: &str, owner: &str) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM receiving WHERE idempotency_key = ?1 AND owner = ?2",
        [key.into(), owner.into()],
    )
    .await
    .map(drop)
}

fn lease_until_ms(lease: Duration) -> i64 {
    super::now_ms().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}
