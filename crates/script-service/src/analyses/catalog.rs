//! The analyses there are: those built in, and those of a folder.

use super::compute;
use super::header::{self, Header};
use db_client::{DbClient, DbError};
use include_dir::{Dir, include_dir};
use script_api::HeaderError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;
use tracing::{info, warn};

/// The files of the built-in analyses.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/analyses");

/// An analysis that can be asked for.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub name: String,
    pub header: Header,
    pub built_in: bool,
    /// Changes with the file: part of an answer's `ETag`.
    pub digest: String,
}

/// A file of the folder that is no analysis, and why.
#[derive(Debug, Clone)]
pub(crate) struct BrokenFile {
    pub file: String,
    pub errors: Vec<HeaderError>,
}

#[derive(Debug, Default)]
struct Folder {
    analyses: BTreeMap<String, Arc<Analysis>>,
    broken: Vec<BrokenFile>,
    /// What the folder looked like when it was read.
    seen: Vec<(PathBuf, Option<SystemTime>, u64)>,
}

/// All analyses. The folder is read again when one of its files changed.
#[derive(Debug)]
pub(crate) struct Catalog {
    built_in: Vec<Arc<Analysis>>,
    folder: Option<PathBuf>,
    own: RwLock<Folder>,
}

impl Catalog {
    /// The built-in analyses and those in `folder`. Faults in the folder's files are logged.
    ///
    /// # Panics
    ///
    /// When a built-in file has a fault, which a test rules out.
    pub(crate) fn open(folder: Option<PathBuf>) -> Self {
        let mut built_in: Vec<Arc<Analysis>> = built_in()
            .map(|(name, text)| {
                let header = header::parse(text).expect("a test parses every built-in file");
                Arc::new(analysis(name, header, true, text))
            })
            .collect();
        built_in.sort_by(|one, other| {
            let place = |analysis: &Analysis| (analysis.header.position, analysis.name.clone());
            place(one).cmp(&place(other))
        });
        let catalog = Self {
            built_in,
            folder,
            own: RwLock::default(),
        };
        catalog.refresh();
        catalog
    }

    /// The analysis `name`, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Analysis>> {
        self.refresh();
        self.built_in
            .iter()
            .find(|analysis| analysis.name == name)
            .cloned()
            .or_else(|| self.own().analyses.get(name).cloned())
    }

    /// All analyses, and the files that are none.
    pub(crate) fn list(&self) -> (Vec<Arc<Analysis>>, Vec<BrokenFile>) {
        self.refresh();
        let own = self.own();
        let all = self
            .built_in
            .iter()
            .chain(own.analyses.values())
            .cloned()
            .collect();
        (all, own.broken.clone())
    }

    /// All analyses that the database can run, and the files that are none, with their faults.
    ///
    /// # Errors
    ///
    /// When the database gave no answer.
    pub(crate) async fn checked(
        &self,
        db: &DbClient,
    ) -> Result<(Vec<Arc<Analysis>>, Vec<BrokenFile>), DbError> {
        let (all, mut broken) = self.list();
        let mut sound = Vec::with_capacity(all.len());
        for analysis in all {
            let fault = if analysis.built_in {
                None
            } else {
                compute::fault(db, &analysis).await?
            };
            match fault {
                None => sound.push(analysis),
                Some(fault) => broken.push(BrokenFile {
                    file: format!("{}.sql", analysis.name),
                    errors: vec![fault],
                }),
            }
        }
        broken.sort_by(|one, other| one.file.cmp(&other.file));
        Ok((sound, broken))
    }

    fn own(&self) -> std::sync::RwLockReadGuard<'_, Folder> {
        self.own.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads the folder again when it changed.
    fn refresh(&self) {
        let Some(folder) = &self.folder else {
            return;
        };
        let seen = look(folder);
        if self.own().seen == seen {
            return;
        }
        let read = self.read(seen);
        for broken in &read.broken {
            for error in &broken.errors {
                warn!(file = %broken.file, "not an analysis: {error}");
            }
        }
        info!("read {} analyses of the folder", read.analyses.len());
        *self
            .own
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = read;
    }

    fn read(&self, seen: Vec<(PathBuf, Option<SystemTime>, u64)>) -> Folder {
        let mut read = Folder::default();
        for (path, _, _) in &seen {
            let name = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let parsed = std::fs::read_to_string(path)
                .map_err(|error| vec![fault(format!("cannot be read: {error}"))])
                .and_then(|text| header::parse(&text).map(|header| (header, text)))
                .and_then(|parsed| self.check_name(&name).map(|()| parsed));
            match parsed {
                Ok((header, text)) => {
                    read.analyses
                        .insert(name.clone(), Arc::new(analysis(&name, header, false, &text)));
                }
                Err(errors) => read.broken.push(BrokenFile {
                    file: path
                        .file_name()
                        .map(|file| file.to_string_lossy().into_owned())
                        .unwrap_or_default(),
                    errors,
                }),
            }
        }
        read.seen = seen;
        read
    }

    fn check_name(&self, name: &str) -> Result<(), Vec<HeaderError>> {
        let plain = !name.is_empty()
            && name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
            });
        if !plain {
            return Err(vec![fault(
                "the file name must be lower-case letters, digits, `-` and `_`",
            )]);
        }
        if name == "results" || self.built_in.iter().any(|analysis| analysis.name == name) {
            return Err(vec![fault(format!(
                "`{name}` is the name of a built-in analysis"
            ))]);
        }
        Ok(())
    }
}

/// The name and the text of each built-in analysis.
fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN
        .files()
        .filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?)))
}

fn fault(message: impl Into<String>) -> HeaderError {
    HeaderError {
        line: 1,
        message: message.into(),
    }
}

fn analysis(name: &str, header: Header, built_in: bool, text: &str) -> Analysis {
    Analysis {
        name: name.to_owned(),
        header,
        built_in,
        digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
    }
}

/// The `.sql` files of `folder` with their times and sizes, by name.
fn look(folder: &Path) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok()?;
            Some((path, metadata.modified().ok(), metadata.len()))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_parses_and_describes_itself() {
        assert_eq!(built_in().count(), BUILT_IN.files().count());
        for (name, text) in built_in() {
            let header = header::parse(text).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert!(
                !header.columns.is_empty() && !header.description.is_empty() && header.chart.is_some(),
                "{name}"
            );
            let is_translated = header.titles.contains_key("fr")
                && header.descriptions.contains_key("fr")
                && header
                    .parameters
                    .iter()
                    .all(|parameter| parameter.descriptions.contains_key("fr"));
            assert!(is_translated, "{name} has no French texts");
        }
    }

    #[test]
    fn built_in_analyses_are_listed_in_the_order_of_their_positions() {
        let (all, _) = Catalog::open(None).list();

        let positions: Vec<u64> = all.iter().map(|analysis| analysis.header.position).collect();
        let counted: Vec<u64> = (1..=all.len() as u64).collect();
        assert_eq!(positions, counted);
    }

    #[test]
    fn a_folder_is_read_again_when_a_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(Some(folder.path().to_owned()));
        assert!(catalog.find("mine").is_none());

        std::fs::write(folder.path().join("mine.sql"), "-- title: Mine\nSELECT 1 AS one").unwrap();
        std::fs::write(folder.path().join("total.sql"), "-- title: Mine\nSELECT 1 AS one").unwrap();
        std::fs::write(folder.path().join("bad.sql"), "-- title: Mine\nDROP TABLE sales").unwrap();

        assert!(catalog.find("mine").is_some());
        let (_, broken) = catalog.list();
        let files: Vec<&str> = broken.iter().map(|broken| broken.file.as_str()).collect();
        assert_eq!(files, ["bad.sql", "total.sql"]);
        assert_eq!(broken[0].errors[0].line, 2);
    }
}
