//! Files on disk. A file appears under its name only when it is whole: a generator that is killed leaves a
//! `.part` file behind and never a short CSV that imports without complaint.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file that a generator has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where it is: the directory asked for, then the name.
    pub path: PathBuf,
    /// Data rows, without the header.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A generated file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes `name` below `dir` with the header and `rows` rows that `fill` puts into it, and makes the
/// directories on the way. A file of this name is replaced.
pub(super) fn write_file(
    dir: &Path,
    name: &str,
    rows: u64,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<WrittenFile, WriteError> {
    let path = dir.join(name);
    let part = dir.join(format!("{name}.part"));
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut out = File::create(&part)?;
        fill(&mut out)?;
        let bytes = out.metadata()?.len();
        drop(out);
        fs::rename(&part, &path)?;
        Ok(bytes)
    };
    match write() {
        Ok(bytes) => Ok(WrittenFile { path, rows, bytes }),
        Err(source) => {
            // Half a file is of no use; should it not go away either, the first error is the one that counts.
            let _ = fs::remove_file(&part);
            Err(WriteError { path, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io::{self, Write as _};

    use super::write_file;

    #[test]
    fn a_file_that_fails_half_way_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();

        let error = write_file(dir.path(), "sales.csv", 1, |file| {
            file.write_all(b"id\n1\n")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();

        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        assert!(error.to_string().ends_with("sales.csv"));
        assert_eq!(error.source().unwrap().to_string(), "disk full");
    }
}
