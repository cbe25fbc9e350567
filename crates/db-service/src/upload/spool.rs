//! A body on disk, as it was sent: what is compressed stays so until it is read.
//!
//! A few hundred kilobytes may unpack to gigabytes, so nothing is unpacked before somebody reads it, and no further than
//! they do. The files have no names: the system takes them back when they are closed, however the process ends.

use super::BodyFault;
use crate::config::Limits;
use crate::engine::{Control, EngineError, Full, Party, Share, Shares};
use crate::error::ApiError;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use db_api::ErrorCode;
use flate2::bufread::MultiGzDecoder;
use futures_util::TryStreamExt as _;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::{SpooledTempFile, spooled_tempfile_in};
use tokio::io::AsyncReadExt as _;
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
}

/// Where bodies are kept, and how much of them.
pub(crate) struct Spool<'a> {
    /// Of all callers, in bytes.
    pub room: &'a Arc<Shares>,
    /// Where they are on the disk.
    pub folder: &'a Path,
    /// Whose body it is.
    pub party: Party,
    /// The limits.
    pub limits: &'a Limits,
}

/// A body that is whole.
pub(crate) struct Spooled {
    /// As it was sent.
    file: SpooledTempFile,
    /// What it takes of the room for all.
    room: Share,
    /// Digest of its bytes.
    pub digest: blake3::Hasher,
}

impl Spool<'_> {
    /// Keeps `body` as it comes.
    ///
    /// # Errors
    ///
    /// When it is too large, stalls or breaks off, or when there is no room for it.
    pub(crate) async fn keep(&self, body: Body) -> Result<Spooled, ApiError> {
        let stall = Duration::from_millis(self.limits.stall_timeout_ms);
        let mut body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
        let mut kept = Spooled {
            file: spooled_tempfile_in(IN_MEMORY, self.folder),
            room: self
                .room
                .take(self.party, 0)
                .map_err(|full| self.no_room(full, 0))?,
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
                            self.limits.stall_timeout_ms
                        ),
                    )
                })?;
            let read = read.map_err(|cause| {
                ApiError::Refused(
                    ErrorCode::InvalidRequest,
                    format!("the body broke off: {cause}; nothing was written"),
                )
            })?;
            length += read as u64;
            if length > self.limits.max_bulk_bytes {
                return Err(EngineError::from(BodyFault::TooLarge {
                    limit: self.limits.max_bulk_bytes,
                })
                .into());
            }
            if read == 0 {
                if length > IN_MEMORY as u64 {
                    self.take_room(&mut kept, pending.len(), length)?;
                }
                return flush(kept, pending, true).await;
            }
            if pending.len() >= IN_MEMORY {
                self.take_room(&mut kept, pending.len(), length)?;
                let full = std::mem::replace(&mut pending, Vec::with_capacity(IN_MEMORY + READ));
                kept = flush(kept, full, false).await?;
            }
        }
    }

    fn take_room(&self, kept: &mut Spooled, bytes: usize, length: u64) -> Result<(), ApiError> {
        let taken = kept.room.grow(bytes as u64);
        taken.map_err(|full| self.no_room(full, length))
    }

    /// Why a body of `length` bytes or more is not kept.
    fn no_room(&self, full: Full, length: u64) -> ApiError {
        let limit = self.limits.max_spool_bytes;
        if length > limit {
            let words =
                format!("the body is larger than {limit} bytes (max_spool_bytes); nothing was written");
            return EngineError::TooLarge(words).into();
        }
        EngineError::NoRoom(self.room.why(full)).into()
    }
}

/// Writes `pending` off the runtime's threads.
async fn flush(mut kept: Spooled, pending: Vec<u8>, last: bool) -> Result<Spooled, ApiError> {
    let written = tokio::task::spawn_blocking(move || {
        kept.digest.update(&pending);
        kept.file.write_all(&pending)?;
        if last {
            kept.file.flush()?;
        }
        Ok::<_, io::Error>(kept)
    });
    match written.await {
        Ok(Ok(kept)) => Ok(kept),
        Ok(Err(cause)) => Err(EngineError::from_disk(&cause).into()),
        Err(cause) => Err(EngineError::broken(cause).into()),
    }
}

impl Spooled {
    /// What is in it, unpacked; reading ends at `most` bytes, and when `control` stops it.
    pub(crate) fn unpacked(self, coding: Coding, most: u64, control: Arc<Control>) -> Unpacked {
        Unpacked {
            state: State::Whole(self.file),
            coding,
            most,
            read: 0,
            control,
            _room: self.room,
        }
    }
}

/// A body as it was before it was compressed. It can be read from its beginning again and again, and from nowhere else.
pub(crate) struct Unpacked {
    state: State,
    coding: Coding,
    most: u64,
    /// How much was read.
    read: u64,
    control: Arc<Control>,
    _room: Share,
}

/// A packed body between two readings, or in one: what unpacks it takes memory only while it does.
enum State {
    Whole(SpooledTempFile),
    Plain(SpooledTempFile),
    Gzip(Box<MultiGzDecoder<BufReader<SpooledTempFile>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<SpooledTempFile>>),
    /// It could not be unpacked.
    Lost,
}

impl Unpacked {
    /// Begins to unpack.
    fn begin(&mut self) -> io::Result<()> {
        if let State::Whole(_) = self.state
            && let State::Whole(mut file) = std::mem::replace(&mut self.state, State::Lost)
        {
            file.rewind()?;
            self.state = match self.coding {
                Coding::Identity => State::Plain(file),
                Coding::Gzip => {
                    let packed = BufReader::with_capacity(READ, file);
                    State::Gzip(Box::new(MultiGzDecoder::new(packed)))
                }
                Coding::Zstd => {
                    let packed = BufReader::with_capacity(READ, file);
                    State::Zstd(zstd::stream::read::Decoder::with_buffer(packed)?)
                }
            };
        }
        Ok(())
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.begin()?;
        if let Some(reason) = self.control.must_stop().then(|| self.control.reason()).flatten() {
            return Err(io::Error::other(BodyFault::Stopped(reason)));
        }
        let read = match &mut self.state {
            State::Plain(file) | State::Whole(file) => file.read(buffer)?,
            State::Gzip(packed) => packed.read(buffer).map_err(|cause| cannot_be_unpacked(&cause))?,
            State::Zstd(packed) => packed.read(buffer).map_err(|cause| cannot_be_unpacked(&cause))?,
            State::Lost => return Err(io::Error::other("the body was lost")),
        };
        self.read += read as u64;
        if self.read > self.most {
            return Err(io::Error::other(BodyFault::TooLarge { limit: self.most }));
        }
        Ok(read)
    }
}

impl Seek for Unpacked {
    /// Goes back to the beginning.
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        if position != SeekFrom::Start(0) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.read = 0;
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Whole(file) | State::Plain(file) => State::Whole(file),
            State::Gzip(packed) => State::Whole(packed.into_inner().into_inner()),
            State::Zstd(packed) => State::Whole(packed.finish().into_inner()),
            State::Lost => return Err(io::Error::other("the body was lost")),
        };
        Ok(0)
    }
}

fn cannot_be_unpacked(cause: &io::Error) -> io::Error {
    io::Error::other(BodyFault::Packed(cause.to_string()))
}
