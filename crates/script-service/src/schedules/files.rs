//! The files that a pattern under the data folder names.

use crate::imports::locate::Location;
use std::path::{Component, Path};
use std::time::SystemTime;
use wildmatch::WildMatch;

/// A folder under the data folder, and which names in it.
#[derive(Debug, Clone)]
pub(crate) struct FilePattern {
    folder: String,
    name: WildMatch,
}

/// A file as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Its path under the data folder.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was changed last.
    pub changed: SystemTime,
}

impl FilePattern {
    /// The pattern of `text`, such as `inbox/*.csv`. `Err` says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let plain = !text.is_empty()
            && Path::new(text)
                .components()
                .all(|component| matches!(component, Component::Normal(_)));
        if !plain || text.ends_with('/') {
            return Err(format!(
                "`{text}` names no files under the data folder; a pattern is like `inbox/*.csv`"
            ));
        }
        let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
        if folder.contains(['*', '?']) {
            return Err(format!("`{text}`: `*` and `?` stand only in the last part"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            name: WildMatch::new(name),
        })
    }

    /// The files that are there now, those that changed first first. Hidden files, and links that lead out of
    /// the data folder, are none of them. A folder that is not there has no files.
    pub(crate) fn look(&self, data: &Path) -> Vec<FoundFile> {
        let Ok(entries) = std::fs::read_dir(data.join(&self.folder)) else {
            return Vec::new();
        };
        let mut found: Vec<FoundFile> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                if name.starts_with('.') || !self.name.matches(&name) {
                    return None;
                }
                let path = if self.folder.is_empty() {
                    name
                } else {
                    format!("{}/{name}", self.folder)
                };
                let Location::File(file) = Location::under(data, &path).ok()? else {
                    return None;
                };
                let metadata = std::fs::metadata(file).ok()?;
                Some(FoundFile {
                    path,
                    bytes: metadata.len(),
                    changed: metadata.modified().ok()?,
                })
            })
            .collect();
        found.sort_by(|one, other| (one.changed, &one.path).cmp(&(other.changed, &other.path)));
        found
    }
}

impl FoundFile {
    /// What a job for this state of the file is known by.
    pub(crate) fn occurrence(&self) -> String {
        let since_1970 = self
            .changed
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        format!("{}, {} bytes, {}", self.path, self.bytes, since_1970.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_under_the_folder_that_fit_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("inbox/old.csv")).unwrap();
        std::fs::write(folder.path().join("secret.csv"), "x").unwrap();
        for name in ["a.csv", "b.csv", ".c.csv", "d.csv.part"] {
            std::fs::write(data.join("inbox").join(name), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), data.join("inbox/e.csv")).unwrap();

        let found = FilePattern::parse("inbox/*.csv").unwrap().look(&data);

        let mut paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["inbox/a.csv", "inbox/b.csv"]);
        assert!(FilePattern::parse("nowhere/*").unwrap().look(&data).is_empty());
    }

    #[test]
    fn a_pattern_stays_under_the_folder() {
        for text in ["", "/etc/*", "../*.csv", "in*/a.csv", "inbox/"] {
            assert!(FilePattern::parse(text).is_err(), "{text}");
        }
    }
}
