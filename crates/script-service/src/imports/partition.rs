//! Which rows of a batch are new, which change what is there, and which are there as they are.

use super::foreseen::{ForeseenRows, row_digest};
use crate::store::rows::{self, Rows};
use db_client::db_api::Value;
use db_client::{DbClient, DbError};
use script_api::{ImportTable, Mode};
use std::collections::HashMap;
use tabular::{Kind, Spec};

/// Rows by what has to be done with them.
#[derive(Debug, Default)]
pub(super) struct Partition {
    pub new: Rows,
    pub changed: Vec<Vec<Value>>,
    pub unchanged: u64,
    /// The places of rows that are rejected because their keys are in the table already.
    pub duplicates: Vec<usize>,
}

/// Tells rows apart by what is in the table, or would be.
#[derive(Debug)]
pub(super) struct Partitioner {
    db: DbClient,
    spec: &'static Spec,
    /// The SQL names of the rows' columns.
    columns: Vec<&'static str>,
    mode: Mode,
    /// Rows without keys, and those that are staged, are all new.
    all_are_new: bool,
    /// No key above this one is in the table, as far as is known.
    highest_key: Option<i64>,
    key_queried: bool,
    /// Where nothing is written: the rows that would be there.
    foreseen: Option<ForeseenRows>,
}

impl Partitioner {
    /// Tells rows of `table` apart, whose values are those of `columns`. `foreseen` are rows that earlier sources
    /// would have left, and it adds its own to them.
    pub(super) fn new(
        db: DbClient,
        (table, spec): (ImportTable, &'static Spec),
        columns: Vec<&'static str>,
        has_key: bool,
        mode: Mode,
        foreseen: Option<ForeseenRows>,
    ) -> Self {
        Self {
            db,
            spec,
            columns,
            mode,
            all_are_new: !has_key || (mode.replaces() && table == ImportTable::Sales),
            highest_key: None,
            key_queried: false,
            foreseen,
        }
    }

    /// What it was given to foresee, and what it added.
    pub(super) fn into_foreseen(self) -> Option<ForeseenRows> {
        self.foreseen
    }

    /// A row with this key is in the table.
    pub(super) fn note_highest(&mut self, key: Option<i64>) {
        self.highest_key = self.highest_key.max(key);
    }

    /// Tells new rows from those that are in the table, or would be: `batch` is the number of theirs. `look`
    /// looks even where the highest key says that all are new.
    pub(super) async fn partition(
        &mut self,
        rows: &Rows,
        batch: u64,
        look: bool,
    ) -> Result<Partition, DbError> {
        if self.all_are_new || self.are_above_all(rows, look).await? {
            return Ok(Partition {
                new: rows.clone(),
                ..Partition::default()
            });
        }
        let known = self.look_up(rows).await?;
        let mut partition = Partition {
            new: Rows::new(self.columns.len()),
            ..Partition::default()
        };
        for (index, row) in rows.iter().enumerate() {
            let key = key_text(&row[..self.spec.key]);
            let digest = self.foreseen.as_ref().map(|_| row_digest(&self.columns, row));
            let foreseen = self.foreseen.as_ref().zip(digest);
            let is_same = foreseen
                .and_then(|(foreseen, digest)| foreseen.find(&key, digest, batch))
                .or_else(|| known.get(&key).map(|there| there == row));
            match is_same {
                None => partition.new.push(row),
                Some(_) if self.mode == Mode::Append => {
                    partition.duplicates.push(index);
                    continue;
                }
                Some(false) if self.mode != Mode::InsertNew => partition.changed.push(row.to_vec()),
                Some(_) => {
                    partition.unchanged += 1;
                    continue;
                }
            }
            if let Some((foreseen, digest)) = self.foreseen.as_mut().zip(digest) {
                foreseen.insert(key, digest, batch);
            }
        }
        Ok(partition)
    }

    /// Whether the keys of `rows` are above all that are in the table.
    async fn are_above_all(&mut self, rows: &Rows, look: bool) -> Result<bool, DbError> {
        let [key] = self.key_columns()[..] else {
            return Ok(false);
        };
        if self.spec.columns[0].kind != Kind::Integer {
            return Ok(false);
        }
        if !self.key_queried {
            self.highest_key = rows::highest(&self.db, self.spec.stored_as, key).await?;
            self.key_queried = true;
        }
        let above = |row: &[Value]| self.highest_key.is_none() || row[0].as_i64() > self.highest_key;
        Ok(!look && self.foreseen.is_none() && rows.iter().all(above))
    }

    fn key_columns(&self) -> Vec<&'static str> {
        self.spec.columns[..self.spec.key]
            .iter()
            .map(|column| column.stored_as)
            .collect()
    }

    /// The rows of the table that have a key of `rows`.
    async fn look_up(&self, rows: &Rows) -> Result<HashMap<String, Vec<Value>>, DbError> {
        let keys = self.key_columns();
        let found = rows::find_by_keys(&self.db, self.spec.stored_as, &self.columns, &keys, rows).await?;
        Ok(found
            .into_iter()
            .map(|row| (key_text(&row[..self.spec.key]), row))
            .collect())
    }
}

/// A key as text, to look it up by.
fn key_text(key: &[Value]) -> String {
    let mut text = String::new();
    for value in key {
        match value {
            Value::Integer(number) => text.push_str(&number.to_string()),
            Value::Text(word) => text.push_str(word),
            _ => {}
        }
        text.push('\u{1f}');
    }
    text
}
