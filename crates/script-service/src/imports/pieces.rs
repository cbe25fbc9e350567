//! Where the bytes of a source come from: a file under the data folder, or pieces kept in db-service.

use crate::params::positional;
use anyhow::{Context as _, bail};
use bytes::Bytes;
use db_client::db_api::Value;
use db_client::{DbClient, DbError};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use tabular::SourceRead;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How large a kept piece is before it is packed, in bytes; all but the last of an upload are this large.
const PIECE_BYTES: usize = 1 << 20;
/// How many pieces of an upload may be on their way to db-service: they share commits.
const PIECES_ON_THEIR_WAY: usize = 4;
/// The level of zstd that packs pieces: the quickest.
const PACKING_LEVEL: i32 = 1;
/// How old pieces without a job must be before they are deleted, in milliseconds.
const ORPHAN_AGE_MS: i64 = 3_600_000;

/// Bytes that can be read from their beginning as often as needed.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// A file.
    File(PathBuf),
    /// Pieces in db-service.
    Upload { id: String, bytes: u64 },
}

impl Location {
    /// The file that `path` names under `folder`. Nothing else is ever read: no `..`, no absolute path, no
    /// link that leads out.
    pub(crate) fn under(folder: &Path, path: &str) -> anyhow::Result<Self> {
        let relative = Path::new(path);
        let plain = relative
            .components()
            .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
        if !plain || path.is_empty() {
            bail!("`{path}` does not lie under the data folder");
        }
        let folder = folder
            .canonicalize()
            .with_context(|| format!("the data folder {} cannot be read", folder.display()))?;
        let file = folder
            .join(relative)
            .canonicalize()
            .with_context(|| format!("there is no file `{path}` under the data folder"))?;
        if !file.starts_with(&folder) {
            bail!("`{path}` does not lie under the data folder");
        }
        if !file.is_file() {
            bail!("`{path}` is not a file");
        }
        Ok(Self::File(file))
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Upload { bytes, .. } => Ok(*bytes),
        }
    }

    /// A reader at the beginning. It blocks: not for a task's own thread.
    pub(crate) fn open(&self, db: &DbClient, runtime: &Handle) -> io::Result<Box<dyn SourceRead>> {
        Ok(match self {
            Self::File(path) => Box::new(std::fs::File::open(path)?),
            Self::Upload { id, bytes } => Box::new(PieceReader {
                db: db.clone(),
                runtime: runtime.clone(),
                id: id.clone(),
                length: *bytes,
                position: 0,
                piece: None,
                ahead: None,
            }),
        })
    }
}

/// Reads the pieces of an upload.
struct PieceReader {
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
    let params = [
        Value::Text(id),
        Value::Integer(i64::try_from(seq).unwrap_or(i64::MAX)),
    ];
    let result = db
        .query(
            "SELECT chunk, packed FROM job_uploads WHERE upload_id = ?1 AND seq = ?2",
            params,
        )
        .await
        .map_err(io::Error::other)?;
    let row = result.rows.into_iter().next().unwrap_or_default();
    match <[Value; 2]>::try_from(row) {
        Ok([Value::Blob(bytes), Value::Integer(0)]) => Ok(bytes),
        Ok([Value::Blob(bytes), _]) => zstd::bulk::decompress(&bytes, PIECE_BYTES),
        _ => Err(io::Error::new(
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
        delete_upload(&self.db, &self.id).await
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
    // What is packed already only grows.
    let (chunk, packed) = match packed {
        Ok(packed) if packed.len() < piece.len() => (packed, 1),
        _ => (piece, 0),
    };
    db.execute(
        "INSERT INTO job_uploads (upload_id, seq, chunk, created_at_ms, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
        positional([
            id.into(),
            seq.into(),
            chunk.into(),
            jiff::Timestamp::now().as_millisecond().into(),
            packed.into(),
        ]),
    )
    .await
    .map(drop)
}

/// Deletes the pieces of an upload.
pub(crate) async fn delete_upload(db: &DbClient, id: &str) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM job_uploads WHERE upload_id = ?1",
        positional([id.into()]),
    )
    .await
    .map(drop)
}

/// Deletes the pieces that `job` no longer needs, uploaded or fetched.
pub(crate) async fn delete_uploads_of(db: &DbClient, job: i64) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM job_uploads WHERE upload_id IN (
            SELECT upload_id FROM job_sources WHERE job_id = ?1
            UNION ALL
            SELECT value ->> '$.upload.id' FROM jobs, json_each(jobs.request, '$.sources') WHERE jobs.id = ?1
        )",
        positional([job.into()]),
    )
    .await
    .map(drop)
}

/// Deletes pieces that no unfinished job refers to: what a killed process left. Young ones may belong to a
/// request that is still coming in.
pub(crate) async fn delete_orphans(db: &DbClient) -> Result<(), DbError> {
    let youngest = jiff::Timestamp::now().as_millisecond() - ORPHAN_AGE_MS;
    db.execute(
        "DELETE FROM job_uploads WHERE created_at_ms < ?1 AND upload_id NOT IN (
            SELECT upload_id FROM job_sources
            JOIN jobs ON jobs.id = job_sources.job_id
            WHERE upload_id IS NOT NULL AND state IN ('queued', 'running', 'interrupted')
            UNION ALL
            SELECT value ->> '$.upload.id' FROM jobs, json_each(jobs.request, '$.sources')
            WHERE state IN ('queued', 'running', 'interrupted') AND value ->> '$.upload.id' IS NOT NULL
        )",
        positional([youngest.into()]),
    )
    .await
    .map(drop)
}

/// A name that nothing else has.
pub(crate) fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_under_the_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("a.csv"), "x").unwrap();
        std::fs::write(folder.path().join("secret.csv"), "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), data.join("link.csv")).unwrap();

        assert!(Location::under(&data, "a.csv").is_ok());
        assert!(Location::under(&data, "./a.csv").is_ok());
        let absolute = folder.path().join("secret.csv");
        for path in [
            "../secret.csv",
            "link.csv",
            absolute.to_str().unwrap(),
            "",
            ".",
            "b.csv",
        ] {
            assert!(Location::under(&data, path).is_err(), "{path}");
        }
    }
}
