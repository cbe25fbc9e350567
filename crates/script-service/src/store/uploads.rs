//! Uploads and fetched files: their bytes, in pieces.

use db_client::db_api::Value;
use db_client::{DbClient, DbError};

/// How old pieces without a job must be before they are deleted, in milliseconds.
const ORPHAN_AGE_MS: i64 = 3_600_000;

/// A piece as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub bytes: Vec<u8>,
    /// Whether the bytes are packed with zstd.
    pub is_packed: bool,
}

/// Piece `seq` of upload `id`, if it is there.
pub(crate) async fn piece(db: &DbClient, id: String, seq: i64) -> Result<Option<Piece>, DbError> {
    let result = db
        .query(
            "SELECT chunk, packed FROM job_uploads WHERE upload_id = ?1 AND seq = ?2",
            [id.into(), seq.into()],
        )
        .await?;
    // Taken as it is: a piece has a million bytes.
    let row = result.rows.into_iter().next().unwrap_or_default();
    Ok(match <[Value; 2]>::try_from(row) {
        Ok([Value::Blob(bytes), packed]) => Some(Piece {
            bytes,
            is_packed: packed != Value::Integer(0),
        }),
        _ => None,
    })
}

/// Keeps a piece.
pub(crate) async fn insert(db: &DbClient, id: String, seq: i64, piece: Piece) -> Result<(), DbError> {
    db.execute(
        "INSERT INTO job_uploads (upload_id, seq, chunk, created_at_ms, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
        [
            id.into(),
            seq.into(),
            piece.bytes.into(),
            super::now_ms().into(),
            i64::from(piece.is_packed).into(),
        ],
    )
    .await
    .map(drop)
}

/// Deletes the pieces of an upload.
pub(crate) async fn delete(db: &DbClient, id: &str) -> Result<(), DbError> {
    db.execute("DELETE FROM job_uploads WHERE upload_id = ?1", [id.into()])
        .await
        .map(drop)
}

/// Deletes the pieces that `job` no longer needs, uploaded or fetched.
pub(crate) async fn delete_of_job(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM job_uploads WHERE upload_id IN (
            SELECT upload_id FROM job_sources WHERE job_id = ?1
            UNION ALL
            SELECT value ->> '$.upload.id' FROM jobs, json_each(jobs.request, '$.sources') WHERE jobs.id = ?1
        )",
        [job.into()],
    )
    .await
    .map(drop)
}

/// Deletes pieces that no unfinished job refers to: what a killed process left. Young ones may belong to a
/// request that is still coming in.
pub(crate) async fn delete_orphans(db: &DbClient) -> Result<(), DbError> {
    let youngest = super::now_ms() - ORPHAN_AGE_MS;
    db.execute(
        "DELETE FROM job_uploads WHERE created_at_ms < ?1 AND upload_id NOT IN (
            SELECT upload_id FROM job_sources
            JOIN jobs ON jobs.id = job_sources.job_id
            WHERE upload_id IS NOT NULL AND state IN ('queued', 'running', 'interrupted')
            UNION ALL
            SELECT value ->> '$.upload.id' FROM jobs, json_each(jobs.request, '$.sources')
            WHERE state IN ('queued', 'running', 'interrupted') AND value ->> '$.upload.id' IS NOT NULL
        )",
        [youngest.into()],
    )
    .await
    .map(drop)
}
