//! The job that takes an import back: there is one at a time, and none once one has done it.

use crate::store::jobs::IdempotencyKey;
use crate::store::now;
use db_client::{DbClient, DbError, Rows as _};

/// Puts the job of `kind` that takes `import` back into the queue, unless `limit` jobs wait there, another job takes
/// it back, or one has; its id if it is there.
pub(crate) async fn insert(
    db: &DbClient,
    kind: &str,
    request: &str,
    import: i64,
    key: Option<&IdempotencyKey>,
    limit: u32,
) -> Result<Option<i64>, DbError> {
    let result = db
        .execute(
            "INSERT INTO jobs (kind, state, request, idempotency_key, fingerprint, created_at)
            SELECT ?1, 'queued', ?2, ?3, ?4, ?5
            WHERE (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'interrupted')) < ?6
                AND NOT EXISTS (
                    SELECT 1 FROM jobs
                    WHERE state IN ('queued', 'running', 'interrupted') AND kind = ?1 AND request ->> '$.job' = ?7
                )
                AND (SELECT undone_by FROM jobs WHERE id = ?7) IS NULL
            RETURNING id",
            [
                kind.into(),
                request.into(),
                key.map(|key| key.key.as_str()).into(),
                key.map(|key| key.fingerprint.as_str()).into(),
                now().into(),
                i64::from(limit).into(),
                import.into(),
            ],
        )
        .await?;
    Ok(result.rows_as()?.pop())
}
