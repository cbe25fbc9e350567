//! `comptoir backup`: a consistent copy of a database in use.

use super::DbAddress;
use crate::outcome::Outcome;
use crate::progress::{ProgressLine, Unit};
use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt as _;

/// Copy the database of a running db-service into a file, while writes go on.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
    /// Check the copy before it gets its name: its pages, its foreign keys, and its rows counted.
    #[arg(long)]
    verify: bool,
    /// Replace the file when it exists.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    db: DbAddress,
}

impl Backup {
    /// The file appears under its name only when it is whole.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if self.out.exists() && !self.force {
            bail!(
                "{} exists; choose another name or say --force",
                self.out.display()
            );
        }
        let mut part = OsString::from(&self.out);
        part.push(".part");
        let part = PathBuf::from(part);
        let written = self.copy_and_verify(&part).await;
        if written.is_err() {
            // It may never have been made.
            let _ = tokio::fs::remove_file(&part).await;
        }
        let (bytes, verified) = written?;
        tokio::fs::rename(&part, &self.out)
            .await
            .with_context(|| format!("rename {} to {}", part.display(), self.out.display()))?;
        writeln!(io::stdout(), "Wrote {} ({bytes} bytes).", self.out.display())?;
        if let Some(tables) = verified {
            let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
            let tables = tables.len();
            writeln!(io::stdout(), "It is whole: {rows} rows in {tables} tables.")?;
        }
        Ok(Outcome::Done)
    }

    /// The size of the copy in bytes, and its tables with their rows where it was checked.
    async fn copy_and_verify(&self, part: &Path) -> anyhow::Result<(u64, Option<Vec<(String, u64)>>)> {
        let bytes = self.copy_to(part).await?;
        if !self.verify {
            return Ok((bytes, None));
        }
        let part = part.to_owned();
        let verified = tokio::task::spawn_blocking(move || db_service::verify(&part)).await??;
        Ok((bytes, Some(verified.tables)))
    }

    async fn copy_to(&self, part: &Path) -> anyhow::Result<u64> {
        let mut chunks = Box::pin(self.db.client()?.backup().await?);
        let write = || format!("write {}", part.display());
        let mut file = tokio::fs::File::create(part).await.with_context(write)?;
        let mut progress = ProgressLine::start("Copying", Unit::Bytes);
        let mut bytes = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            file.write_all(&chunk).await.with_context(write)?;
            bytes += chunk.len() as u64;
            progress.set(bytes, None);
        }
        file.sync_all().await.with_context(write)?;
        Ok(bytes)
    }
}
