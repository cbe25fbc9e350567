//! What sources would leave, had they been written: for dry runs, and for checks before an import.

use super::batch::Batch;
use super::ids::IdSet;
use super::replace::Replacement;
use super::tables::TableSpec as _;
use crate::store::rows;
use db_client::db_api::{Statement, Value};
use script_api::ImportTable;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What the sources of a dry run would have left for later ones to refer to.
#[derive(Debug, Default)]
pub(super) struct Foreseen {
    pub products: IdSet,
    pub stores: IdSet,
    pub parents: Vec<Statement>,
    /// For tables that several sources go to: the rows that they would have left.
    pub rows: BTreeMap<ImportTable, ForeseenRows>,
    pub replacement: Replacement,
}

impl Foreseen {
    /// Remembers what `batch` would add for later sources to refer to. With `columns`, also the statements that
    /// a dry run needs to check them against the schema.
    pub(super) fn add(&mut self, table: ImportTable, batch: &Batch, columns: &[&'static str]) {
        let set = match table {
            ImportTable::Products => &mut self.products,
            ImportTable::Stores => &mut self.stores,
            ImportTable::Targets | ImportTable::Sales => return,
        };
        for id in batch.rows.iter().filter_map(|row| row[0].as_i64()) {
            set.insert(id);
        }
        if !columns.is_empty() && !batch.rows.is_empty() {
            let parents = rows::insert_or_ignore(table.spec().stored_as, columns, &batch.rows);
            self.parents.push(parents);
        }
    }
}

/// The rows that batches before would have left, had they been written: what a batch of a dry run, or of a
/// check before an import, finds beside the rows of the table.
#[derive(Debug, Default)]
pub(super) struct ForeseenRows(HashMap<String, ForeseenRow>);

#[derive(Debug, Clone, Copy)]
struct ForeseenRow {
    /// A digest of its columns and values: rows of sources with other columns are taken for others.
    digest: u64,
    /// The number of the batch that it came with.
    batch: u64,
}

impl ForeseenRows {
    /// Whether a batch before number `batch` left a row with this `key`, and if so whether it is the same.
    pub(super) fn find(&self, key: &str, digest: u64, batch: u64) -> Option<bool> {
        let row = self.0.get(key).filter(|row| row.batch < batch)?;
        Some(row.digest == digest)
    }

    /// Batch number `batch` would leave a row with this `key`.
    pub(super) fn insert(&mut self, key: String, digest: u64, batch: u64) {
        self.0.insert(key, ForeseenRow { digest, batch });
    }
}

/// A digest of a row and of what its values stand for.
pub(super) fn row_digest(columns: &[&'static str], row: &[Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    columns.hash(&mut hasher);
    for value in row {
        match value {
            Value::Integer(number) => (1_u8, number).hash(&mut hasher),
            Value::Text(word) => (2_u8, word).hash(&mut hasher),
            _ => 0_u8.hash(&mut hasher), // rows hold no other values than NULL
        }
    }
    hasher.finish()
}
