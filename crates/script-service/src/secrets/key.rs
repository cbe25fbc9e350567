//! The key of the service: 32 random bytes as hexadecimal digits in a file of its own, made when it is first needed.
//!
//! It lies beside the files of imports, not in the database, so a backup of the database does not hold it. Everything
//! that needs a key gets one that is derived from it, for its purpose alone.

use crate::config::Config;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The name of the file in the data folder where no other is set. Imports read no file whose name begins with a point.
const FILE_NAME: &str = ".script-service.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("the key file {} cannot be {what} (--key-file): {source}", path.display())]
pub(crate) struct KeyError {
    path: PathBuf,
    what: &'static str,
    source: io::Error,
}

/// The key of the service.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// The key in the file that `config` names, which is made if it is not there.
    pub(crate) fn of(config: &Config) -> Result<Self, KeyError> {
        let path = config
            .key_file
            .clone()
            .unwrap_or_else(|| config.data.join(FILE_NAME));
        match read(&path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
                make(&path).map_err(|source| KeyError {
                    path: path.clone(),
                    what: "made",
                    source,
                })?;
                read(&path)
            }
            read => read,
        }
    }

    /// A key for one `purpose`.
    pub(super) fn derived(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(&format!("comptoir script-service {purpose}"), &self.0)
    }
}

fn read(path: &Path) -> Result<Key, KeyError> {
    let failed = |source| KeyError {
        path: path.to_owned(),
        what: "read",
        source,
    };
    let text = fs::read_to_string(path).map_err(failed)?;
    let hash = blake3::Hash::from_hex(text.trim()).map_err(|_| {
        failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not 64 hexadecimal digits",
        ))
    })?;
    Ok(Key(*hash.as_bytes()))
}

/// Makes the file whole or not at all; one that another process made meanwhile stays.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let text = blake3::Hash::from_bytes(bytes).to_hex();
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::hard_link(&unfinished, path));
    let _ = fs::remove_file(&unfinished); // it is in its place, or useless
    match placed {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        Config::for_db("http://127.0.0.1:1", folder.to_owned())
    }

    #[test]
    fn a_key_is_made_once_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();

        let first = Key::of(&config(folder.path())).unwrap();
        let again = Key::of(&config(folder.path())).unwrap();

        assert_eq!(first.0, again.0);
        assert_ne!(first.derived("one"), first.derived("other"));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_holds_no_key_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, "not a key").unwrap();

        let error = Key::of(&config(folder.path())).unwrap_err().to_string();

        assert!(error.contains("64 hexadecimal digits"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }
}
