//! What has changed, as counters that every connection looks at.

use super::catalog::{Catalog, Names};
use super::connection::lock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Counts the commits of this process, and so of everybody: no other one opens the file.
#[derive(Debug)]
pub(super) struct Versions {
    data: AtomicU64,
    schema: AtomicU64,
    /// What the database holds, as it was last read.
    catalog: Mutex<Option<Arc<Catalog>>>,
    /// The tables whose rules match texts with patterns, and at which version of the schema.
    matching_tables: Mutex<(u64, Arc<Names>)>,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            data: AtomicU64::new(0),
            // A connection begins with 0, which says that it has not looked yet.
            schema: AtomicU64::new(1),
            catalog: Mutex::default(),
            matching_tables: Mutex::default(),
        }
    }
}

impl Versions {
    /// Counts the commits that changed data; raised before their callers are answered.
    pub(super) fn data(&self) -> u64 {
        self.data.load(Ordering::Acquire)
    }

    /// Counts the commits that may have changed the schema; raised before those of the data.
    pub(super) fn schema(&self) -> u64 {
        self.schema.load(Ordering::Acquire)
    }

    /// A commit has changed data, and may have changed the schema.
    pub(super) fn changed(&self, schema: bool) {
        if schema {
            self.schema.fetch_add(1, Ordering::AcqRel);
        }
        self.data.fetch_add(1, Ordering::AcqRel);
    }

    /// What the database holds at that version of its schema, when it was read.
    pub(super) fn catalog(&self, version: u64) -> Option<Arc<Catalog>> {
        lock(&self.catalog)
            .clone()
            .filter(|catalog| catalog.version == version)
    }

    /// Keeps what was read for other connections.
    pub(super) fn keep_catalog(&self, catalog: &Arc<Catalog>) {
        *lock(&self.catalog) = Some(Arc::clone(catalog));
    }

    /// The tables whose rules match texts with patterns, as they were last looked for, and at which version of the
    /// schema; 0 when they never were.
    pub(super) fn matching_tables(&self) -> (u64, Arc<Names>) {
        lock(&self.matching_tables).clone()
    }

    /// Keeps what was found for other connections.
    pub(super) fn keep_matching_tables(&self, version: u64, names: &Arc<Names>) {
        *lock(&self.matching_tables) = (version, Arc::clone(names));
    }
}
