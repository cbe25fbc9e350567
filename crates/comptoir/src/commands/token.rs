//! `comptoir token new`: a token for db-service.

use crate::outcome::Outcome;
use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Make tokens for db-service.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token. It is shown once; the token file keeps only its digest.
    New {
        /// What the token is for, such as `dashboard`.
        #[arg(long)]
        name: String,
        /// What its holder may do.
        #[arg(long, value_enum)]
        scope: Scope,
        /// The token file to add it to; it is made when there is none. Without it the entry is printed.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Query.
    Read,
    /// Query and write.
    Write,
    /// Everything, backups and running statements included.
    Admin,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl Token {
    /// Standard output gets the token alone, so that a script can keep it.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let Self::New { name, scope, file } = self;
        let (token, entry) = db_service::new_token(&name, scope.name())?;
        if let Some(file) = &file {
            append(file, &name, &entry).with_context(|| format!("add the token to {}", file.display()))?;
        }
        writeln!(io::stdout(), "{token}")?;
        match file {
            Some(file) => writeln!(
                io::stderr(),
                "The token is shown once. {} keeps its digest; db-service reads it with --tokens.",
                file.display()
            )?,
            None => writeln!(
                io::stderr(),
                "The token is shown once. Add this to the token file of db-service:\n\n{entry}"
            )?,
        }
        Ok(Outcome::Done)
    }
}

/// Adds `entry` to the file, which only its owner may read.
fn append(file: &Path, name: &str, entry: &str) -> anyhow::Result<()> {
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let line = format!("name = {}", serde_json::to_string(name)?);
    if before.lines().any(|known| known.trim() == line) {
        bail!("it has a token named `{name}` already; choose another name or remove the old entry");
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let separator = if before.is_empty() { "" } else { "\n" };
    let mut file = options.open(file)?;
    file.write_all(format!("{separator}{entry}").as_bytes())?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        let (_, entry) = db_service::new_token("dashboard", "read").unwrap();

        append(&file, "dashboard", &entry).unwrap();

        assert!(append(&file, "dashboard", &entry).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), entry);
    }
}
