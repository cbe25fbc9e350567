//! Which rows of a batch are new, which change what is there, and which are there as they are.

use super::foreseen::{ForeseenRows, row_digest};
use crate::store::rows::{self, Rows};
use db_client::db_api::Value;
use db_client::{DbClient, DbError};
use script_api::{ImportTable, Mode};
use std::collections::{BTreeMap, HashMap};
use tabular::{Kind, Spec};

/// Rows by what has to be done with them.
#[derive(Debug, Default)]
pub(super) struct Partition {
    pub new: Rows,
    pub changed: Vec<Vec<Value>>,
    pub unchanged: u64,
    /// The places of rows that are rejected because their keys are in the table already.
    pub duplicates: Vec<usize>,
    /// Rows of sales whose key is that of a sale of another day, store or ticket.
    pub moved: u64,
    /// Those of them that imports wrote: what SQL by hand writes under the ids of a file is met as it comes.
    pub doubtful: u64,
    /// The first of these.
    pub first_moved: Option<Moved>,
    /// Those whose key is that of a sale without an id of its own.
    pub of_no_id: u64,
    /// How many rows that are there as they are each import had written; 0 is none.
    pub already: BTreeMap<i64, u64>,
}

/// A row whose key is that of another sale.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub key: String,
    /// The day of the sale that is there.
    pub day: String,
    /// The import that wrote it.
    pub job: Option<i64>,
}

/// A row of the table.
struct Known {
    values: Vec<Value>,
    /// The import that wrote it.
    job: Option<i64>,
    /// Whether it has an id only because rows have one.
    has_no_id: bool,
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
                .or_else(|| known.get(&key).map(|there| there.values == row));
            if let Some(there) = known.get(&key) {
                self.compare(row, there, &mut partition);
            }
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

    /// Notes in `partition` how `row` goes together with the sale that has its key.
    fn compare(&self, row: &[Value], there: &Known, partition: &mut Partition) {
        if self.spec.stored_as != "sales" {
            return;
        }
        if there.values == row {
            *partition
                .already
                .entry(there.job.unwrap_or_default())
                .or_default() += 1;
            return;
        }
        let differs = |column: &str| {
            let place = self.columns.iter().position(|known| *known == column);
            place.is_some_and(|place| {
                let is_said =
                    column != "ticket_id" || !(there.values[place].is_null() || row[place].is_null());
                is_said && there.values[place] != row[place]
            })
        };
        let is_moved = ["sale_date", "store_id", "ticket_id"].into_iter().any(differs);
        let is_by_id = self.spec.columns[0].stored_as == "id";
        if is_moved || there.has_no_id && is_by_id {
            partition.moved += 1;
            if there.job.is_none() {
                return;
            }
            partition.doubtful += 1;
            partition.of_no_id += u64::from(there.has_no_id && is_by_id);
            partition.first_moved.get_or_insert_with(|| {
                let day = self.columns.iter().position(|known| *known == "sale_date");
                let day = day.and_then(|day| there.values[day].as_str());
                Moved {
                    key: key_text(&row[..1]).trim_end_matches('\u{1f}').to_owned(),
                    day: day.unwrap_or_default().to_owned(),
                    job: there.job,
                }
            });
        }
    }

    fn key_columns(&self) -> Vec<&'static str> {
        self.spec.columns[..self.spec.key]
            .iter()
            .map(|column| column.stored_as)
            .collect()
    }

    /// The rows of the table that have a key of `rows`.
    async fn look_up(&self, rows: &Rows) -> Result<HashMap<String, Known>, DbError> {
        let keys = self.key_columns();
        let mut columns = self.columns.clone();
        if self.spec.stored_as == "sales" {
            columns.extend(["import_job_id", "line_key IS NOT NULL"]);
        }
        let found = rows::find_by_keys(&self.db, self.spec.stored_as, &columns, &keys, rows).await?;
        let width = self.columns.len();
        Ok(found
            .into_iter()
            .map(|mut row| {
                let more = row.split_off(width);
                let known = Known {
                    job: more.first().and_then(Value::as_i64),
                    has_no_id: more.get(1).and_then(Value::as_i64) == Some(1),
                    values: row,
                };
                (key_text(&known.values[..self.spec.key]), known)
            })
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
