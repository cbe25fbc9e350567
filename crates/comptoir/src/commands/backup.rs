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
        let written = self.copy_to(&part).await;
        if written.is_err() {
            // It may never have been made.
            let _ = tokio::fs::remove_file(&part).await;
        }
        let bytes = written?;
        tokio::fs::rename(&part, &self.out)
            .await
            .with_context(|| format!("rename {} to {}", part.display(), self.out.display()))?;
        writeln!(io::stdout(), "Wrote {} ({bytes} bytes).", self.out.display())?;
        Ok(Outcome::Done)
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
