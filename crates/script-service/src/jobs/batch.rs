//! One batch of rows as one transaction: rows, daily sums, rejects and the job's checkpoint.
//!
//! The rows that are there already are looked up before, so that the transaction is exact about what is new,
//! what changes and what stays, and new sales add to the daily sums without a look at the table. Should
//! somebody else write the same keys in between, the transaction fails as a whole and is made anew.

use super::Counters;
use super::replace;
use super::store::{self, Checkpoint};
use super::undo::{self, OnCancel};
use crate::config::DailySums;
use crate::import::fault::{Fault, FaultCode};
use crate::import::tables::{Spec, Table};
use crate::params::positional;
use db_client::db_api::{BatchOutcome, BatchRequest, ErrorCode, Params, Statement, Value};
use db_client::{DbClient, DbError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;

/// How often a transaction is made anew when others write the same rows.
const ATTEMPTS: u32 = 4;

/// What happens to rows whose key is in the table already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// They are updated where they differ.
    #[default]
    Upsert,
    /// They stay as they are; only new ones are inserted.
    InsertNew,
    /// They are rejected; a source without keys gets new ones.
    Append,
    /// The sales of all days from the first to the last of the sources give way to those of the sources, all
    /// at once at the end.
    ReplacePeriod,
    /// All sales give way to those of the sources, all at once at the end.
    ReplaceAll,
}

impl Mode {
    /// Whether rows wait until all of them are there.
    pub(crate) fn replaces(self) -> bool {
        matches!(self, Self::ReplacePeriod | Self::ReplaceAll)
    }

    /// Whether a source may come without keys.
    pub(crate) fn makes_keys(self) -> bool {
        self == Self::Append || self.replaces()
    }
}

/// A record that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
    pub raw: String,
    pub fault: Fault,
}

/// Some records of a source, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// How many records it stands for.
    pub read: u64,
    /// Rows, and the records that they come from.
    pub rows: Vec<Vec<Value>>,
    pub places: Vec<Place>,
    pub rejects: Vec<Reject>,
    pub warnings: u64,
}

/// Where a row comes from, to be able to reject it later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
}

/// Writes the batches of one source.
#[derive(Debug)]
pub(crate) struct Writer {
    db: DbClient,
    table: Table,
    spec: &'static Spec,
    /// The SQL names of the rows' columns.
    columns: Vec<&'static str>,
    has_key: bool,
    mode: Mode,
    job: i64,
    dry_run: bool,
    daily_sums: DailySums,
    on_cancel: OnCancel,
    /// In a dry run: rows that earlier sources would have inserted, which this source may refer to.
    parents: Vec<Statement>,
    /// No key above this one is in the table, as far as is known.
    highest_key: Option<i64>,
    key_queried: bool,
}

/// Rows by what has to be done with them.
#[derive(Debug, Default)]
struct Partition {
    new: Vec<Vec<Value>>,
    changed: Vec<Vec<Value>>,
    unchanged: u64,
    duplicates: Vec<usize>,
}

impl Writer {
    /// Writes to `table` for `job`; `columns` are the SQL names of the rows' values.
    #[expect(clippy::too_many_arguments, reason = "each is said once, by one caller")]
    pub(crate) fn new(
        db: DbClient,
        table: Table,
        columns: Vec<&'static str>,
        has_key: bool,
        mode: Mode,
        job: i64,
        dry_run: bool,
        daily_sums: DailySums,
        parents: Vec<Statement>,
    ) -> Self {
        Self {
            db,
            table,
            spec: table.spec(),
            columns,
            has_key,
            mode,
            job,
            dry_run,
            daily_sums,
            on_cancel: OnCancel::Keep,
            parents,
            highest_key: None,
            key_queried: false,
        }
    }

    /// The same; `on_cancel` says whether what it writes can be taken back.
    pub(crate) fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = on_cancel;
        self
    }

    /// Writes `batch` and moves `checkpoint` past it, in one transaction. `source` is the source's number.
    pub(crate) async fn write(
        &mut self,
        batch: Batch,
        source: u64,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), DbError> {
        let mut attempt = 0;
        loop {
            let partition = self.partition(&batch.rows, attempt > 0).await?;
            let mut after = checkpoint.clone();
            let counters = Counters {
                read: batch.read,
                inserted: partition.new.len() as u64,
                updated: partition.changed.len() as u64,
                unchanged: partition.unchanged,
                rejected: (batch.rejects.len() + partition.duplicates.len()) as u64,
                warnings: batch.warnings,
            };
            after.source_read += batch.read;
            after.batches += 1;
            after.counters += counters;
            let key = format!("import-{}-{}-{attempt}", self.job, checkpoint.batches);
            let highest = partition.new.iter().filter_map(|row| row[0].as_i64()).max();
            let rows = self.row_statements(partition.new, partition.changed);
            let mut report = self.reject_statements(&batch, &partition.duplicates, source);
            report.push(source_statement(self.job, source, &counters));
            report.push(store::checkpoint_statement(self.job, &after));
            match self.send(rows, report, &key).await {
                Ok(()) => {
                    if let Some(highest) = highest {
                        self.highest_key = self.highest_key.max(Some(highest));
                    }
                    *checkpoint = after;
                    return Ok(());
                }
                Err(DbError::Refused(problem))
                    if problem.code == ErrorCode::ConstraintViolation && attempt + 1 < ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn send(&self, mut rows: Vec<Statement>, report: Vec<Statement>, key: &str) -> Result<(), DbError> {
        if !self.dry_run {
            rows.extend(report);
            let request = BatchRequest {
                statements: rows,
                ..BatchRequest::default()
            };
            return self.checked_batch(&request, key).await;
        }
        if !rows.is_empty() {
            let mut statements = self.parents.clone();
            statements.extend(rows);
            let request = BatchRequest {
                statements,
                dry_run: true,
                ..BatchRequest::default()
            };
            self.checked_batch(&request, &format!("{key}-rows")).await?;
        }
        let request = BatchRequest {
            statements: report,
            ..BatchRequest::default()
        };
        self.checked_batch(&request, key).await
    }

    async fn checked_batch(&self, request: &BatchRequest, key: &str) -> Result<(), DbError> {
        let result = self.db.batch(request, key).await?;
        for outcome in result.results {
            if let BatchOutcome::Error(problem) = outcome {
                return Err(DbError::Refused(Box::new(problem)));
            }
        }
        Ok(())
    }

    /// Tells new rows from those that are in the table. `look` looks even where the highest key says that
    /// all are new.
    async fn partition(&mut self, rows: &[Vec<Value>], look: bool) -> Result<Partition, DbError> {
        if !self.has_key || self.stages() {
            return Ok(Partition {
                new: rows.to_vec(),
                ..Partition::default()
            });
        }
        if self.spec.key == 1 && !self.key_queried {
            let sql = format!("SELECT MAX({}) FROM {}", self.spec.columns[0].sql, self.spec.sql);
            let result = self.db.query(&sql, positional([])).await?;
            self.highest_key = result.rows.first().and_then(|row| row[0].as_i64());
            self.key_queried = true;
        }
        let above = |row: &Vec<Value>| self.highest_key.is_none() || row[0].as_i64() > self.highest_key;
        if !look && self.spec.key == 1 && rows.iter().all(above) {
            return Ok(Partition {
                new: rows.to_vec(),
                ..Partition::default()
            });
        }
        let known = self.look_up(rows).await?;
        let mut partition = Partition::default();
        for (index, row) in rows.iter().enumerate() {
            match known.get(&key_text(&row[..self.spec.key])) {
                None => partition.new.push(row.clone()),
                Some(_) if self.mode == Mode::Append => partition.duplicates.push(index),
                Some(there) if self.mode != Mode::InsertNew && there != row => {
                    partition.changed.push(row.clone());
                }
                Some(_) => partition.unchanged += 1,
            }
        }
        Ok(partition)
    }

    /// The rows of the table that have a key of `rows`.
    async fn look_up(&self, rows: &[Vec<Value>]) -> Result<HashMap<String, Vec<Value>>, DbError> {
        let mut keys: Vec<i64> = rows.iter().filter_map(|row| row[0].as_i64()).collect();
        keys.sort_unstable();
        keys.dedup();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} IN (SELECT value FROM json_each(?1))",
            self.columns.join(", "),
            self.spec.sql,
            self.spec.columns[0].sql
        );
        let keys = serde_json::to_string(&keys).unwrap_or_default();
        let result = self.db.query(&sql, positional([keys.into()])).await?;
        Ok(result
            .rows
            .into_iter()
            .map(|row| (key_text(&row[..self.spec.key]), row))
            .collect())
    }

    /// Whether the rows go to the staging table first.
    fn stages(&self) -> bool {
        self.mode.replaces() && self.table == Table::Sales
    }

    fn row_statements(&self, new: Vec<Vec<Value>>, changed: Vec<Vec<Value>>) -> Vec<Statement> {
        let is_sales = self.table == Table::Sales;
        let mut statements = Vec::new();
        if self.stages() {
            if !new.is_empty() {
                statements.push(many(replace::stage_sql(&self.columns), self.with_job(new)));
            }
            return statements;
        }
        if self.on_cancel == OnCancel::Rollback {
            statements.extend(undo::note_changed(self.job, self.table, &changed));
            statements.extend(undo::note_added(self.job, self.table, &new));
        }
        if !changed.is_empty() {
            // The triggers on sales mark the days of changed lines, before and after, to be summed again.
            statements.push(many(self.update_sql(), self.with_job(changed)));
        }
        if !new.is_empty() {
            let days = (is_sales && self.daily_sums == DailySums::LeftToReaders).then(|| self.days(&new));
            let sums = (is_sales && days.is_none()).then(|| self.sums(&new));
            if is_sales {
                statements.push(Statement::new(
                    "UPDATE dataset SET importing = 1, version = version + 1 WHERE id = 1",
                    positional([]),
                ));
            }
            statements.push(many(self.insert_sql(), self.with_job(new)));
            if let Some((products, stores)) = sums {
                statements.push(many(add_sums_sql("product_days", "product_id"), products));
                statements.push(many(add_sums_sql("store_days", "store_id"), stores));
            }
            if let Some(days) = days {
                statements.push(many(
                    "INSERT INTO dirty_days (sale_date) VALUES (?1) ON CONFLICT DO NOTHING".to_owned(),
                    days,
                ));
            }
            if is_sales {
                statements.push(Statement::new(
                    "UPDATE dataset SET importing = 0 WHERE id = 1",
                    positional([]),
                ));
            }
        }
        statements
    }

    fn with_job(&self, mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
        if self.table == Table::Sales {
            for row in &mut rows {
                row.push(Value::Integer(self.job));
            }
        }
        rows
    }

    fn insert_sql(&self) -> String {
        let mut columns = self.columns.clone();
        if self.table == Table::Sales {
            columns.push("import_job_id");
        }
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.spec.sql,
            columns.join(", "),
            places.join(", ")
        )
    }

    fn update_sql(&self) -> String {
        let mut columns = self.columns.clone();
        if self.table == Table::Sales {
            columns.push("import_job_id");
        }
        let set = |(index, column): (usize, &&str)| format!("{column} = ?{}", index + 1);
        let key: Vec<String> = columns.iter().enumerate().take(self.spec.key).map(set).collect();
        let others: Vec<String> = columns.iter().enumerate().skip(self.spec.key).map(set).collect();
        format!(
            "UPDATE {} SET {} WHERE {}",
            self.spec.sql,
            others.join(", "),
            key.join(" AND ")
        )
    }

    /// The days of `rows` of sales.
    fn days(&self, rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
        let place = self.columns.iter().position(|column| *column == "sale_date");
        let days: BTreeSet<&str> = rows
            .iter()
            .filter_map(|row| row.get(place?).and_then(Value::as_str))
            .collect();
        days.into_iter().map(|day| vec![day.into()]).collect()
    }

    /// What `rows` of sales add to the sums by product and by store.
    fn sums(&self, rows: &[Vec<Value>]) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
        let place = |name: &str| {
            self.columns
                .iter()
                .position(|column| *column == name)
                .unwrap_or_default()
        };
        let (product, store, date) = (place("product_id"), place("store_id"), place("sale_date"));
        let (quantity, amount) = (place("quantity"), place("amount_cents"));
        let mut by_product: BTreeMap<(&str, i64), Sum> = BTreeMap::new();
        let mut by_store: BTreeMap<(&str, i64), Sum> = BTreeMap::new();
        for row in rows {
            let number = |place: usize| row[place].as_i64().unwrap_or_default();
            let day = row[date].as_str().unwrap_or_default();
            let (units, cents) = (number(quantity), number(amount));
            by_product
                .entry((day, number(product)))
                .or_default()
                .add(units, cents);
            by_store
                .entry((day, number(store)))
                .or_default()
                .add(units, cents);
        }
        let rows = |sums: BTreeMap<(&str, i64), Sum>| {
            sums.into_iter()
                .map(|((day, id), sum)| {
                    vec![
                        day.into(),
                        id.into(),
                        sum.lines.into(),
                        sum.units.into(),
                        sum.cents.into(),
                        sum.returns_cents.into(),
                    ]
                })
                .collect()
        };
        (rows(by_product), rows(by_store))
    }

    fn reject_statements(&self, batch: &Batch, duplicates: &[usize], source: u64) -> Vec<Statement> {
        let mut rejects = batch.rejects.clone();
        for &index in duplicates {
            let place = batch.places[index];
            let key = batch.rows[index][0].as_i64().unwrap_or_default().to_string();
            rejects.push(Reject {
                record: place.record,
                line: place.line,
                byte_offset: place.byte_offset,
                raw: String::new(),
                fault: Fault::of_field(
                    self.spec.columns[0].name,
                    &key,
                    FaultCode::DuplicateKey,
                    format!("{key} is in {} already", self.table),
                ),
            });
        }
        reject_statement(self.job, source, &rejects).into_iter().collect()
    }
}

/// A statement that keeps `rejects`; none when there are none. Keeping them twice keeps them once.
pub(crate) fn reject_statement(job: i64, source: u64, rejects: &[Reject]) -> Option<Statement> {
    if rejects.is_empty() {
        return None;
    }
    let signed = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let rows = rejects
        .iter()
        .map(|reject| {
            vec![
                job.into(),
                signed(source),
                signed(reject.record),
                signed(reject.line),
                signed(reject.byte_offset),
                reject.raw.as_str().into(),
                reject.fault.column.into(),
                reject.fault.value.clone().into(),
                reject.fault.code.as_str().into(),
                reject.fault.message.as_str().into(),
            ]
        })
        .collect();
    Some(many(
        "INSERT INTO job_rejects
            (job_id, source, record, line, byte_offset, raw, column_name, value, code, message)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT DO NOTHING"
            .to_owned(),
        rows,
    ))
}

/// A statement that adds `counters` to those of a source.
pub(crate) fn source_statement(job: i64, source: u64, counters: &Counters) -> Statement {
    let signed = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    Statement::new(
        "UPDATE job_sources SET read = read + ?3, inserted = inserted + ?4, updated = updated + ?5,
            unchanged = unchanged + ?6, rejected = rejected + ?7, warnings = warnings + ?8
        WHERE job_id = ?1 AND source = ?2",
        positional([
            job.into(),
            signed(source),
            signed(counters.read),
            signed(counters.inserted),
            signed(counters.updated),
            signed(counters.unchanged),
            signed(counters.rejected),
            signed(counters.warnings),
        ]),
    )
}

fn many(sql: String, rows: Vec<Vec<Value>>) -> Statement {
    Statement {
        sql,
        params_many: Some(rows.into_iter().map(Params::Positional).collect()),
        ..Statement::default()
    }
}

fn add_sums_sql(table: &str, key: &str) -> String {
    format!(
        "INSERT INTO {table} (sale_date, {key}, lines, units, amount_cents, returns_cents)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (sale_date, {key}) DO UPDATE SET
            lines = lines + excluded.lines,
            units = units + excluded.units,
            amount_cents = amount_cents + excluded.amount_cents,
            returns_cents = returns_cents + excluded.returns_cents"
    )
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

#[derive(Debug, Default)]
struct Sum {
    lines: i64,
    units: i64,
    cents: i64,
    returns_cents: i64,
}

impl Sum {
    fn add(&mut self, units: i64, cents: i64) {
        self.lines += 1;
        self.units += units;
        self.cents += cents;
        self.returns_cents += cents.min(0);
    }
}
