//! Uploads and fetched files in pieces: written as they come, read from their beginning as often as needed.

use crate::random_id;
use crate::store::uploads::{self, Piece};
use bytes::Bytes;
use db_client::{DbClient, DbError};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How large a kept piece is before it is packed, in bytes; all but the last of an upload are this large.
const PIECE_BYTES: usize = 1 << 20;
/// How many pieces of an upload may be on their way to db-service: they share commits.
const PIECES_ON_THEIR_WAY: usize = 4;
/// The level of zstd that packs pieces: the quickest.
const PACKING_LEVEL: i32 = 1;

/// Reads the pieces of an upload.
pub(super) struct PieceReader {
    db: DbClient,
    runtime: Handle,
    id: String,
    length: u64,
    position: u64,
    piece: Option<(u64, Vec<u8>)>,
    /// The piece behind it, on its way.
    ahead: Option<(u64, JoinHandle<io::Result<Vec<u8>>>)>,
}

impl PieceReader {
    /// A reader at the beginning of upload `id`, which has `length` bytes.
    pub(super) fn new(db: DbClient, runtime: Handle, id: String, length: u64) -> Self {
        Self {
            db,
            runtime,
            id,
            length,
            position: 0,
            piece: None,
            ahead: None,
        }
    }

    fn load(&mut self, seq: u64) -> io::Result<()> {
        if self.piece.as_ref().is_some_and(|(loaded, _)| *loaded == seq) {
            return Ok(());
        }
        let piece = match self.ahead.take() {
            Some((coming, piece)) if coming == seq => {
                self.runtime.block_on(piece).map_err(io::Error::other).flatten()?
            }
            _ => {
                let piece = load_piece(self.db.clone(), self.id.clone(), seq);
                self.runtime.block_on(piece)?
            }
        };
        self.piece = Some((seq, piece));
        if (seq + 1) * (PIECE_BYTES as u64) < self.length {
            let piece = load_piece(self.db.clone(), self.id.clone(), seq + 1);
            self.ahead = Some((seq + 1, self.runtime.spawn(piece)));
        }
        Ok(())
    }
}

/// Piece `seq` of upload `id`, unpacked.
async fn load_piece(db: DbClient, id: String, seq: u64) -> io::Result<Vec<u8>> {
    let seq = i64::try_from(seq).map_err(io::Error::other)?;
    match uploads::piece(&db, id, seq).await.map_err(io::Error::other)? {
        Some(Piece {
            bytes,
            is_packed: false,
        }) => Ok(bytes),
        Some(piece) => zstd::bulk::decompress(&piece.bytes, PIECE_BYTES),
        None => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a piece of the upload is gone",
        )),
    }
}

impl Read for PieceReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || output.is_empty() {
            return Ok(0);
        }
        let size = PIECE_BYTES as u64;
        self.load(self.position / size)?;
        let Some((_, piece)) = &self.piece else {
            return Ok(0);
        };
        let start = usize::try_from(self.position % size).map_err(io::Error::other)?;
        let rest = piece.get(start..).unwrap_or_default();
        let count = rest.len().min(output.len());
        output[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for PieceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the beginning"))?;
        Ok(self.position)
    }
}

/// Keeps bytes as they come, in pieces.
#[derive(Debug)]
pub(crate) struct UploadWriter {
    db: DbClient,
    id: String,
    seq: i64,
    pending: Vec<u8>,
    bytes: u64,
    hasher: blake3::Hasher,
    /// Pieces on their way, in their order.
    storing: VecDeque<JoinHandle<Result<(), DbError>>>,
    /// Whether the bytes are kept, or only counted and digested.
    keep: bool,
}

/// A finished upload.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub id: String,
    pub bytes: u64,
    pub digest: String,
}

impl UploadWriter {
    /// An empty upload.
    pub(crate) fn new(db: DbClient, keep: bool) -> anyhow::Result<Self> {
        Ok(Self {
            db,
            id: random_id()?,
            seq: 0,
            pending: Vec::new(),
            bytes: 0,
            hasher: blake3::Hasher::new(),
            storing: VecDeque::new(),
            keep,
        })
    }

    /// How many bytes came so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    pub(crate) async fn push(&mut self, bytes: &Bytes) -> Result<(), DbError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if !self.keep {
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        while self.pending.len() >= PIECE_BYTES {
            let rest = self.pending.split_off(PIECE_BYTES);
            let piece = std::mem::replace(&mut self.pending, rest);
            self.store(piece).await?;
        }
        Ok(())
    }

    /// Waits until no more than `most` pieces are on their way.
    async fn settle(&mut self, most: usize) -> Result<(), DbError> {
        while self.storing.len() > most
            && let Some(oldest) = self.storing.pop_front()
        {
            oldest
                .await
                .map_err(|why| DbError::Broken(why.to_string()))
                .flatten()?;
        }
        Ok(())
    }

    /// Keeps what is left.
    pub(crate) async fn finish(mut self) -> Result<Upload, DbError> {
        if !self.pending.is_empty() {
            let piece = std::mem::take(&mut self.pending);
            self.store(piece).await?;
        }
        self.settle(0).await?;
        Ok(Upload {
            id: self.id,
            bytes: self.bytes,
            digest: self.hasher.finalize().to_hex().to_string(),
        })
    }

    /// Forgets everything.
    pub(crate) async fn abandon(mut self) -> Result<(), DbError> {
        self.settle(0).await?;
        uploads::delete(&self.db, &self.id).await
    }

    async fn store(&mut self, piece: Vec<u8>) -> Result<(), DbError> {
        self.settle(PIECES_ON_THEIR_WAY - 1).await?;
        let stored = store_piece(self.db.clone(), self.id.clone(), self.seq, piece);
        self.storing.push_back(tokio::spawn(stored));
        self.seq += 1;
        Ok(())
    }
}

async fn store_piece(db: DbClient, id: String, seq: i64, piece: Vec<u8>) -> Result<(), DbError> {
    let packed = zstd::bulk::compress(&piece, PACKING_LEVEL);
    // What is packed already grows.
    let piece = match packed {
        Ok(packed) if packed.len() < piece.len() => Piece {
            bytes: packed,
            is_packed: true,
        },
        _ => Piece {
            bytes: piece,
            is_packed: false,
        },
    };
    uploads::insert(&db, id, seq, piece).await
}
