//! `comptoir restore`: a backup takes the place of a database.

use crate::outcome::Outcome;
use clap::Args;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Put a backup in the place of a database that no service has open.
///
/// The backup is checked first. What was in its place is kept beside it as `….before-restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// The database to replace; it may be missing.
    #[arg(long, default_value = "data/sales.db")]
    database: PathBuf,
}

impl Restore {
    /// Restores; the database is as it was when that fails.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let restored = db_service::restore(&self.file, &self.database)?;
        let mut out = io::stdout();
        writeln!(
            out,
            "Restored {} from {} ({} bytes).",
            self.database.display(),
            self.file.display(),
            restored.bytes
        )?;
        if let Some(replaced) = restored.replaced {
            writeln!(out, "What was there is kept as {}.", replaced.display())?;
        }
        Ok(Outcome::Done)
    }
}
