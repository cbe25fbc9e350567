//! A body on disk.

use crate::config::Limits;
use crate::error::ApiError;
use axum::body::Body;
use db_api::ErrorCode;
use http_body_util::BodyExt as _;
use std::io::{Seek as _, Write as _};
use std::time::Duration;
use tempfile::SpooledTempFile;

/// A body of at most this size stays in memory.
const IN_MEMORY: usize = 1 << 20;

/// A body that is being kept.
pub(crate) struct Spool;

/// A body that is whole.
pub(crate) struct Spooled {
    /// At its beginning.
    pub file: SpooledTempFile,
    /// Digest of its bytes.
    pub digest: blake3::Hasher,
}

impl Spool {
    /// Keeps `body`, which is decompressed already.
    ///
    /// # Errors
    ///
    /// When it is too large, stalls, or breaks off.
    pub(crate) async fn keep(body: Body, limits: &Limits) -> Result<Spooled, ApiError> {
        let stall = Duration::from_millis(limits.stall_timeout_ms);
        let mut body = body;
        let mut kept = Spooled {
            file: SpooledTempFile::new(IN_MEMORY),
            digest: blake3::Hasher::new(),
        };
        let mut pending: Vec<u8> = Vec::new();
        let mut length: u64 = 0;
        loop {
            let frame = tokio::time::timeout(stall, body.frame()).await.map_err(|_| {
                ApiError::Refused(
                    ErrorCode::UploadTimeout,
                    format!(
                        "the body stalled for {} ms (stall_timeout_ms); nothing was written",
                        limits.stall_timeout_ms
                    ),
                )
            })?;
            let Some(frame) = frame else {
                return flush(kept, pending, true).await;
            };
            let frame = frame.map_err(|cause| {
                ApiError::Refused(
                    ErrorCode::InvalidRequest,
                    format!("the body broke off or cannot be decompressed: {cause}; nothing was written"),
                )
            })?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            length += data.len() as u64;
            if length > limits.max_bulk_bytes {
                return Err(ApiError::Refused(
                    ErrorCode::TooLarge,
                    format!(
                        "the body is larger than {} bytes (max_bulk_bytes); nothing was written",
                        limits.max_bulk_bytes
                    ),
                ));
            }
            pending.extend_from_slice(data);
            if pending.len() >= IN_MEMORY {
                kept = flush(kept, std::mem::take(&mut pending), false).await?;
            }
        }
    }
}

/// Writes `pending` off the runtime's threads; rewinds after the last.
async fn flush(mut kept: Spooled, pending: Vec<u8>, last: bool) -> Result<Spooled, ApiError> {
    let written = tokio::task::spawn_blocking(move || {
        kept.digest.update(&pending);
        kept.file.write_all(&pending)?;
        if last {
            kept.file.rewind()?;
        }
        Ok::<_, std::io::Error>(kept)
    });
    match written.await {
        Ok(Ok(kept)) => Ok(kept),
        Ok(Err(cause)) if cause.kind() == std::io::ErrorKind::StorageFull => {
            Err(crate::engine::EngineError::DiskFull.into())
        }
        Ok(Err(cause)) => Err(crate::engine::EngineError::broken(cause).into()),
        Err(cause) => Err(crate::engine::EngineError::broken(cause).into()),
    }
}
