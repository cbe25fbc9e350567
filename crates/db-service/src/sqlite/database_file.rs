//! The file on the disk: no other process opens it, and it is still the one that was opened.
//!
//! SQLite goes on writing into a file that was removed or replaced, and all is lost when it is closed. So its name is
//! looked up after each commit, before the callers are answered, and every second.

use super::connection::lock;
use crate::engine::EngineError;
use anyhow::{Context as _, bail};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tracing::error;

/// How often the file is looked at while nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a process that is ending may take to let go of the file.
const HELD_FOR: Duration = Duration::from_secs(2);
/// How often it is tried again meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Which file it is: its device and its number there.
type Identity = (u64, u64);

/// The database file and its log.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    log: PathBuf,
    identity: Identity,
    /// The log is made by the first statement.
    log_identity: Mutex<Option<Identity>>,
    /// What has become of it.
    lost: OnceLock<String>,
    /// Held for as long as the process has the file open.
    held: Mutex<Option<File>>,
}

/// The right to open a file, until it is dropped.
pub(super) struct Held(File);

/// Takes the file for this process alone, before it is opened: an exclusive lock on a file beside it. The database
/// itself must not be opened and closed for that, since SQLite's own locks would go with it.
pub(super) fn hold(database: &Path) -> anyhow::Result<Held> {
    // Two names of one file have one lock.
    let real = match database.canonicalize() {
        Ok(real) => real,
        Err(_) => database.to_owned(),
    };
    let path = beside(&real, ".lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("open the lock file {}", path.display()))?;
    let until = Instant::now() + HELD_FOR;
    while let Err(refused) = file.try_lock() {
        match refused {
            std::fs::TryLockError::WouldBlock if Instant::now() < until => thread::sleep(TRY_EVERY),
            std::fs::TryLockError::WouldBlock => {
                let mut holder = String::new();
                // What cannot be read is said to be unknown.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process",
                    holder => holder,
                };
                bail!(
                    "{} is held by {holder}, which has the lock on {}: one process opens the file; stop it first",
                    database.display(),
                    path.display()
                );
            }
            std::fs::TryLockError::Error(cause) => {
                return Err(cause).with_context(|| format!("lock {}", path.display()));
            }
        }
    }
    file.set_len(0)?;
    writeln!(file, "db-service, process {}", std::process::id())?;
    Ok(Held(file))
}

impl DatabaseFile {
    /// The file that was opened, and a thread that looks at it for as long as it is used.
    pub(super) fn watch(held: Held, path: &Path, log: &Path) -> anyhow::Result<Arc<Self>> {
        let file = Arc::new(Self {
            path: path.to_owned(),
            log: log.to_owned(),
            identity: identity(path).with_context(|| format!("look at {}", path.display()))?,
            log_identity: Mutex::default(),
            lost: OnceLock::new(),
            held: Mutex::new(Some(held.0)),
        });
        let watched = Arc::downgrade(&file);
        thread::Builder::new()
            .name("db-file-watch".into())
            .spawn(move || {
                while let Some(file) = watched.upgrade().filter(|file| lock(&file.held).is_some()) {
                    // Whoever writes next is told; the log says it now.
                    let _ = file.check();
                    drop(file);
                    thread::sleep(LOOK_EVERY);
                }
            })?;
        Ok(file)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its log is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Whether what is written goes into the file that bears the name. Once it does not, it never does again.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        if let Some(why) = self.lost.get() {
            return Err(EngineError::Lost(why.clone()));
        }
        if lock(&self.held).is_none() {
            return Ok(());
        }
        let Some(why) = self.fault() else { return Ok(()) };
        let said = self.lost.get_or_init(|| {
            error!(
                "{why}: nothing is written any more; stop the service, put the file back, and start it again"
            );
            why
        });
        Err(EngineError::Lost(said.clone()))
    }

    /// Lets another process open the file.
    pub(super) fn release(&self) {
        drop(lock(&self.held).take());
    }

    fn fault(&self) -> Option<String> {
        let database = || format!("the database file {}", self.path.display());
        match identity(&self.path) {
            Ok(found) if found == self.identity => {}
            Ok(_) => return Some(format!("{} was replaced by another", database())),
            Err(cause) if is_gone(&cause) => return Some(format!("{} is gone", database())),
            Err(cause) => return Some(format!("{} cannot be looked at: {cause}", database())),
        }
        let log = || format!("the log of the database, {},", self.log.display());
        let mut known = lock(&self.log_identity);
        match (*known, identity(&self.log)) {
            (None, Ok(found)) => {
                *known = Some(found);
                None
            }
            (Some(known), Ok(found)) if known == found => None,
            (Some(_), Ok(_)) => Some(format!("{} was replaced by another", log())),
            (Some(_), Err(_)) => Some(format!("{} is gone", log())),
            (None, Err(_)) => None,
        }
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    let file = std::fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

fn is_gone(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// `path` with `end` after its last letter.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
