//! A body on disk.

use crate::config::Limits;
use crate::error::ApiError;
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use db_api::ErrorCode;
use futures_util::TryStreamExt as _;
use std::io::{Seek as _, Write as _};
use std::pin::Pin;
use std::time::Duration;
use tempfile::SpooledTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;

/// A body of at most this size stays in memory.
const IN_MEMORY: usize = 1 << 20;
/// How much is read at a time, in bytes.
const READ: usize = 64 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// One gzip member or several, one after the other.
    Gzip,
    /// One zstd frame or several, one after the other.
    Zstd,
}

impl Coding {
    /// What `Content-Encoding` says.
    ///
    /// # Errors
    ///
    /// When it is another, or several.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(named) = headers.get(CONTENT_ENCODING) else {
            return Ok(Self::Identity);
        };
        match named.as_bytes().to_ascii_lowercase().trim_ascii() {
            b"" | b"identity" => Ok(Self::Identity),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"zstd" => Ok(Self::Zstd),
            other => Err(ApiError::Refused(
                ErrorCode::UnsupportedMediaType,
                format!(
                    "Content-Encoding must be gzip or zstd, not {}",
                    String::from_utf8_lossy(other)
                ),
            )),
        }
    }

    /// `body` as it was before it was compressed.
    fn decoded(self, body: Body) -> Pin<Box<dyn AsyncRead + Send>> {
        let body = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        match self {
            Self::Identity => Box::pin(body),
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(body);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Self::Zstd => {
                let mut decoder = ZstdDecoder::new(body);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        }
    }
}

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
    /// Keeps `body` as it was before it was compressed.
    ///
    /// # Errors
    ///
    /// When it is too large, stalls, breaks off, or is not compressed as `coding` says.
    pub(crate) async fn keep(body: Body, coding: Coding, limits: &Limits) -> Result<Spooled, ApiError> {
        let stall = Duration::from_millis(limits.stall_timeout_ms);
        let mut body = coding.decoded(body);
        let mut kept = Spooled {
            file: SpooledTempFile::new(IN_MEMORY),
            digest: blake3::Hasher::new(),
        };
        let mut pending: Vec<u8> = Vec::with_capacity(IN_MEMORY + READ);
        let mut length: u64 = 0;
        loop {
            let read = tokio::time::timeout(stall, body.read_buf(&mut pending))
                .await
                .map_err(|_| {
                    ApiError::Refused(
                        ErrorCode::UploadTimeout,
                        format!(
                            "the body stalled for {} ms (stall_timeout_ms); nothing was written",
                            limits.stall_timeout_ms
                        ),
                    )
                })?;
            let read = read.map_err(|cause| {
                ApiError::Refused(
                    ErrorCode::InvalidRequest,
                    format!("the body broke off or cannot be decompressed: {cause}; nothing was written"),
                )
            })?;
            if read == 0 {
                return flush(kept, pending, true).await;
            }
            length += read as u64;
            if length > limits.max_bulk_bytes {
                return Err(ApiError::Refused(
                    ErrorCode::TooLarge,
                    format!(
                        "the body is larger than {} bytes (max_bulk_bytes); nothing was written",
                        limits.max_bulk_bytes
                    ),
                ));
            }
            if pending.len() >= IN_MEMORY {
                let full = std::mem::replace(&mut pending, Vec::with_capacity(IN_MEMORY + READ));
                kept = flush(kept, full, false).await?;
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
