//! One batch of rows as one transaction: rows, daily sums, rejects and the job's checkpoint.
//!
//! The rows that are there already are looked up before, so that the transaction is exact about what is new,
//! what changes and what stays, and new sales add to the daily sums without a look at the table. Should
//! somebody else write the same keys in between, the transaction fails as a whole and is made anew.
//!
//! Two batches are on their way at a time, so that db-service reads one while it writes the other. Each fails
//! unless the one before it is in, so they stand in their order whatever happens to either.

use super::store::{self, Checkpoint};
use super::undo;
use crate::config::DailySums;
use crate::import::fault::{FaultCode, RecordFault};
use crate::import::tables::TableSpec as _;
use crate::params::positional;
use db_client::db_api::{BatchOutcome, BatchRequest, ErrorCode, Params, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::{Counters, Mode, OnCancel, Table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use tabular::Spec;
use tokio::task::JoinHandle;

/// How often a transaction is made anew when others write the same rows.
const ATTEMPTS: u32 = 4;
/// How many rows one run of an insert takes. Because of the triggers, SQLite keeps what each run may have to
/// take back: run by run that costs as much for one row as for many.
const INSERTED_TOGETHER: usize = 100;
/// From how many new sales on a batch does without the triggers that would do nothing.
const WORTH_NO_TRIGGERS: usize = 1_000;
/// The triggers on `sales` that do nothing when an import inserts.
const IDLE_TRIGGERS: [&str; 2] = ["sales_before_insert", "sales_after_insert"];

/// A record that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
    pub raw: String,
    pub fault: RecordFault,
}

/// Some records of a source, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// How many records it stands for.
    pub read: u64,
    /// Rows, and the records that they come from.
    pub rows: Rows,
    pub places: Vec<Place>,
    /// The source text of each row, where an import rejects rows that are in the table already.
    pub raws: Vec<String>,
    pub rejects: Vec<Reject>,
    pub warnings: u64,
}

/// Rows of the same width, their values one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    /// None yet; each will have `width` values.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            values: Vec::new(),
        }
    }

    /// The values, for one more row to be added behind them.
    pub(crate) fn values_mut(&mut self) -> &mut Vec<Value> {
        &mut self.values
    }

    /// The rows in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// Row `index`.
    fn get(&self, index: usize) -> &[Value] {
        &self.values[index * self.width..][..self.width]
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn push(&mut self, row: &[Value]) {
        self.values.extend_from_slice(row);
    }
}

/// Where a row comes from, to be able to reject it later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
}

/// The rows that batches before would have left, had they been written: what a batch of a dry run, or of a
/// check before an import, finds beside the rows of the table.
#[derive(Debug, Default)]
pub(crate) struct ForeseenRows(HashMap<String, ForeseenRow>);

#[derive(Debug, Clone, Copy)]
struct ForeseenRow {
    /// A digest of its columns and values: rows of sources with other columns are taken for others.
    digest: u64,
    /// The number of the batch that it came with.
    batch: u64,
}

impl ForeseenRows {
    /// Whether a batch before number `batch` left a row with this `key`, and if so whether it is the same.
    fn find(&self, key: &str, digest: u64, batch: u64) -> Option<bool> {
        let row = self.0.get(key).filter(|row| row.batch < batch)?;
        Some(row.digest == digest)
    }
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
    /// The idle triggers as the schema has them.
    triggers: Vec<Trigger>,
    /// No key above this one is in the table, as far as is known.
    highest_key: Option<i64>,
    key_queried: bool,
    /// The batch that is on its way.
    sent: Option<Sent>,
    /// Where nothing is written: the rows that would be there.
    foreseen: Option<ForeseenRows>,
}

/// A trigger of the schema.
#[derive(Debug)]
struct Trigger {
    name: &'static str,
    /// The statement that makes it.
    sql: String,
}

/// A batch on its way to db-service.
#[derive(Debug)]
struct Sent {
    batch: Batch,
    source: u64,
    /// How far the job is when it is in.
    after: Checkpoint,
    /// The highest key among its new rows.
    highest: Option<i64>,
    answer: JoinHandle<Result<(), DbError>>,
}

impl Sent {
    /// What became of it.
    async fn answer(&mut self) -> Result<(), DbError> {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(why) => Err(DbError::Broken(why.to_string())),
        }
    }
}

/// Rows by what has to be done with them.
#[derive(Debug, Default)]
struct Partition {
    new: Rows,
    changed: Vec<Vec<Value>>,
    unchanged: u64,
    duplicates: Vec<usize>,
}

/// A batch as a request.
struct Delivery {
    db: DbClient,
    /// In a dry run, what its rows may refer to.
    dry_run: Option<Vec<Statement>>,
    turn: Statement,
    rows: Vec<Statement>,
    report: Vec<Statement>,
    key: String,
}

impl Delivery {
    async fn send(mut self) -> Result<(), DbError> {
        let mut statements = vec![self.turn];
        match self.dry_run {
            None => statements.append(&mut self.rows),
            Some(mut parents) if !self.rows.is_empty() => {
                parents.append(&mut self.rows);
                let request = BatchRequest {
                    statements: parents,
                    dry_run: true,
                    ..BatchRequest::default()
                };
                checked_batch(&self.db, &request, &format!("{}-rows", self.key)).await?;
            }
            Some(_) => {}
        }
        statements.append(&mut self.report);
        let request = BatchRequest {
            statements,
            ..BatchRequest::default()
        };
        checked_batch(&self.db, &request, &self.key).await
    }
}

async fn checked_batch(db: &DbClient, request: &BatchRequest, key: &str) -> Result<(), DbError> {
    let result = db.batch(request, key).await?;
    for outcome in result.results {
        if let BatchOutcome::Error(problem) = outcome {
            return Err(DbError::Refused(Box::new(problem)));
        }
    }
    Ok(())
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
            triggers: Vec::new(),
            highest_key: None,
            key_queried: false,
            sent: None,
            foreseen: None,
        }
    }

    /// The same; `foreseen` are rows that earlier sources would have left, and it adds its own to them.
    pub(crate) fn foreseeing(mut self, foreseen: Option<ForeseenRows>) -> Self {
        self.foreseen = foreseen;
        self
    }

    /// What it was given to foresee, and what it added.
    pub(crate) fn into_foreseen(self) -> Option<ForeseenRows> {
        self.foreseen
    }

    /// The records of `batch`, the one with that `number`, that would be rejected because their keys are in
    /// the table, or would be by then.
    pub(crate) async fn duplicates(&mut self, batch: &Batch, number: u64) -> Result<Vec<Reject>, DbError> {
        if self.mode != Mode::Append {
            return Ok(Vec::new());
        }
        let partition = self.partition(&batch.rows, number, true).await?;
        Ok(self.rejects(batch, &partition.duplicates))
    }

    /// The same; `on_cancel` says whether what it writes can be taken back.
    pub(crate) fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = on_cancel;
        self
    }

    /// Reads how the schema makes the idle triggers.
    pub(crate) async fn look_at_triggers(&mut self) -> Result<(), DbError> {
        if self.table != Table::Sales {
            return Ok(());
        }
        let result = self
            .db
            .query(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'sales' ORDER BY rowid",
                positional([]),
            )
            .await?;
        self.triggers = result
            .rows
            .iter()
            .filter_map(|row| {
                let name = IDLE_TRIGGERS
                    .into_iter()
                    .find(|name| row[0].as_str() == Some(name))?;
                let sql = row[1].as_str()?.to_owned();
                Some(Trigger { name, sql })
            })
            .collect();
        Ok(())
    }

    /// Sends `batch`, and moves `checkpoint` past the one before it once that is in. `source` is the source's
    /// number. After an error nothing is on its way.
    pub(crate) async fn write(
        &mut self,
        batch: Batch,
        source: u64,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), DbError> {
        let before = self.sent.take();
        let ahead = before.as_ref().map_or(&*checkpoint, |before| &before.after);
        let sent = self.send(batch, source, ahead, 0).await;
        let mut unsent = Ok(());
        match sent {
            Ok(sent) => self.sent = Some(sent),
            Err(error) => unsent = Err(error),
        }
        if let Some(before) = before {
            self.receive(before, checkpoint).await?;
        }
        unsent?;
        if self.dry_run {
            // Its rows are rolled back, so the next batch has nothing to wait for.
            self.settle(checkpoint).await?;
        }
        Ok(())
    }

    /// Waits until nothing is on its way, and moves `checkpoint` to where the job then is.
    pub(crate) async fn settle(&mut self, checkpoint: &mut Checkpoint) -> Result<(), DbError> {
        match self.sent.take() {
            Some(sent) => self.receive(sent, checkpoint).await,
            None => Ok(()),
        }
    }

    /// Waits for the answer to `sent` and moves `checkpoint` past it. When others wrote its keys meanwhile, or
    /// when it overtook the batch before it on the way, it is made anew, and so is the batch behind it, which
    /// failed with it.
    async fn receive(&mut self, mut sent: Sent, checkpoint: &mut Checkpoint) -> Result<(), DbError> {
        let mut attempt = 0;
        let mut behind = None;
        let outcome = loop {
            match sent.answer().await {
                Ok(()) => break Ok(()),
                Err(DbError::Refused(problem))
                    if problem.code == ErrorCode::ConstraintViolation && attempt + 1 < ATTEMPTS =>
                {
                    attempt += 1;
                    if let Some(mut failed) = self.sent.take() {
                        // It cannot have been written without the one before it.
                        let _ = failed.answer().await;
                        behind = Some(failed);
                    }
                    match self.send(sent.batch, sent.source, checkpoint, attempt).await {
                        Ok(again) => sent = again,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = outcome {
            if let Some(mut failed) = self.sent.take() {
                let _ = failed.answer().await;
            }
            return Err(error);
        }
        self.highest_key = self.highest_key.max(sent.highest);
        *checkpoint = sent.after;
        if let Some(behind) = behind {
            self.sent = Some(self.send(behind.batch, behind.source, checkpoint, 1).await?);
        }
        Ok(())
    }

    /// Sends `batch` as the one behind `checkpoint`. A further `attempt` looks at the table even where the
    /// highest key says that all rows are new.
    async fn send(
        &mut self,
        batch: Batch,
        source: u64,
        checkpoint: &Checkpoint,
        attempt: u32,
    ) -> Result<Sent, DbError> {
        let partition = self
            .partition(&batch.rows, checkpoint.batches, attempt > 0)
            .await?;
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
        let turn = store::turn_statement(self.job, checkpoint);
        let delivery = Delivery {
            db: self.db.clone(),
            dry_run: self.dry_run.then(|| self.parents.clone()),
            turn,
            rows,
            report,
            key,
        };
        Ok(Sent {
            batch,
            source,
            after,
            highest,
            answer: tokio::spawn(delivery.send()),
        })
    }

    /// Tells new rows from those that are in the table, or would be: `batch` is the number of theirs. `look`
    /// looks even where the highest key says that all are new.
    async fn partition(&mut self, rows: &Rows, batch: u64, look: bool) -> Result<Partition, DbError> {
        if !self.has_key || self.stages() {
            return Ok(Partition {
                new: rows.clone(),
                ..Partition::default()
            });
        }
        if self.spec.key == 1 && !self.key_queried {
            let sql = format!(
                "SELECT MAX({}) FROM {}",
                self.spec.columns[0].stored_as, self.spec.stored_as
            );
            let result = self.db.query(&sql, positional([])).await?;
            self.highest_key = result.rows.first().and_then(|row| row[0].as_i64());
            self.key_queried = true;
        }
        let above = |row: &[Value]| self.highest_key.is_none() || row[0].as_i64() > self.highest_key;
        if !look && self.foreseen.is_none() && self.spec.key == 1 && rows.iter().all(above) {
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
                foreseen.0.insert(key, ForeseenRow { digest, batch });
            }
        }
        Ok(partition)
    }

    /// The rows of the table that have a key of `rows`.
    async fn look_up(&self, rows: &Rows) -> Result<HashMap<String, Vec<Value>>, DbError> {
        let columns = self.columns.join(", ");
        let table = self.spec.stored_as;
        let (sql, keys) = if let [key] = &self.spec.columns[..self.spec.key] {
            let mut keys: Vec<i64> = rows.iter().filter_map(|row| row[0].as_i64()).collect();
            keys.sort_unstable();
            keys.dedup();
            let sql = format!(
                "SELECT {columns} FROM {table} WHERE {} IN (SELECT value FROM json_each(?1))",
                key.stored_as
            );
            (sql, serde_json::to_string(&keys))
        } else {
            // Each key by itself: all rows that share a part of one may be too many for an answer.
            let keys: Vec<&[Value]> = rows.iter().map(|row| &row[..self.spec.key]).collect();
            let names: Vec<&str> = self.spec.columns[..self.spec.key]
                .iter()
                .map(|column| column.stored_as)
                .collect();
            let parts: Vec<String> = (0..names.len()).map(|part| format!("value ->> {part}")).collect();
            let sql = format!(
                "SELECT {columns} FROM {table} WHERE ({}) IN (SELECT {} FROM json_each(?1))",
                names.join(", "),
                parts.join(", ")
            );
            (sql, serde_json::to_string(&keys))
        };
        let keys = keys.unwrap_or_default();
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

    fn row_statements(&self, new: Rows, changed: Vec<Vec<Value>>) -> Vec<Statement> {
        let is_sales = self.table == Table::Sales;
        let mut statements = Vec::new();
        if self.stages() {
            insert_together(
                &mut statements,
                &format!("staged_sales ({}, job_id)", self.columns.join(", ")),
                "",
                new,
                Some(&Value::Integer(self.job)),
            );
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
        if new.is_empty() {
            return statements;
        }
        let into = format!("{} ({}", self.spec.stored_as, self.columns.join(", "));
        if !is_sales {
            insert_together(&mut statements, &format!("{into})"), "", new, None);
            return statements;
        }
        let sums = match self.daily_sums {
            DailySums::Kept => self.sums(&new).statements(),
            DailySums::LeftToReaders => vec![mark_days("dirty_days", self.days(&new))],
        };
        // Many rows are worth taking the triggers away, which see that they have nothing to do row by row. The
        // transaction puts them back, so nobody else ever writes without them.
        let without: &[Trigger] = if new.len() >= WORTH_NO_TRIGGERS {
            &self.triggers
        } else {
            &[]
        };
        for trigger in without {
            let sql = format!("DROP TRIGGER IF EXISTS {}", trigger.name);
            statements.push(Statement::new(sql, positional([])));
        }
        statements.push(Statement::new(
            "UPDATE dataset SET importing = 1, version = version + 1 WHERE id = 1",
            positional([]),
        ));
        let job = Value::Integer(self.job);
        insert_together(
            &mut statements,
            &format!("{into}, import_job_id)"),
            "",
            new,
            Some(&job),
        );
        statements.extend(sums);
        statements.push(Statement::new(
            "UPDATE dataset SET importing = 0 WHERE id = 1",
            positional([]),
        ));
        statements.extend(
            without
                .iter()
                .map(|trigger| Statement::new(trigger.sql.clone(), positional([]))),
        );
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
            self.spec.stored_as,
            others.join(", "),
            key.join(" AND ")
        )
    }

    /// The place of `column` in the rows, if they have it.
    fn find_place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| *known == column)
    }

    /// The place of `column`, which all rows of the table have.
    fn place(&self, column: &str) -> usize {
        self.find_place(column).unwrap_or_default()
    }

    /// The days of `rows` of sales.
    fn days(&self, rows: &Rows) -> Vec<Vec<Value>> {
        let place = self.place("sale_date");
        let days: BTreeSet<&str> = rows.iter().filter_map(|row| row[place].as_str()).collect();
        days.into_iter().map(|day| vec![day.into()]).collect()
    }

    /// What `rows` of sales add to the daily sums.
    fn sums<'a>(&self, rows: &'a Rows) -> DailyAdditions<'a> {
        let (product, store) = (self.place("product_id"), self.place("store_id"));
        let (date, quantity, amount) = (
            self.place("sale_date"),
            self.place("quantity"),
            self.place("amount_cents"),
        );
        let ticket = self.find_place("ticket_id");
        let mut days = DailyAdditions::default();
        let mut rows = rows.iter().peekable();
        while let Some(first) = rows.peek() {
            let day = first[date].as_str().unwrap_or_default();
            let sums = days.0.entry(day).or_default();
            // Mostly many rows of a day stand together.
            while let Some(row) = rows.next_if(|row| row[date].as_str().unwrap_or_default() == day) {
                let number = |place: usize| row[place].as_i64().unwrap_or_default();
                let (units, cents) = (number(quantity), number(amount));
                sums.products
                    .entry(number(product))
                    .or_default()
                    .add(units, cents);
                let (of_lines, of_tickets) = sums.stores.entry(number(store)).or_default();
                of_lines.add(units, cents);
                if ticket.is_some_and(|ticket| !row[ticket].is_null()) {
                    of_tickets.add(units, cents);
                }
            }
        }
        days
    }

    fn reject_statements(&self, batch: &Batch, duplicates: &[usize], source: u64) -> Vec<Statement> {
        let mut rejects = batch.rejects.clone();
        rejects.extend(self.rejects(batch, duplicates));
        reject_statement(self.job, source, &rejects).into_iter().collect()
    }

    /// The rejects of the rows of `batch` that are `duplicates`.
    fn rejects(&self, batch: &Batch, duplicates: &[usize]) -> Vec<Reject> {
        duplicates
            .iter()
            .map(|&index| {
                let place = batch.places[index];
                let key = batch.rows.get(index)[0].as_i64().unwrap_or_default().to_string();
                Reject {
                    record: place.record,
                    line: place.line,
                    byte_offset: place.byte_offset,
                    raw: batch.raws.get(index).cloned().unwrap_or_default(),
                    fault: RecordFault::of_field(
                        self.spec.columns[0].name,
                        &key,
                        FaultCode::DuplicateKey,
                        format!("{key} is in {} already", self.table),
                    ),
                }
            })
            .collect()
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

/// What adds `days` to a table of days that are to be looked at again.
fn mark_days(table: &str, days: Vec<Vec<Value>>) -> Statement {
    let sql = format!("INSERT INTO {table} (sale_date) VALUES (?1) ON CONFLICT DO NOTHING");
    many(sql, days)
}

/// Adds to `statements` what inserts `rows` into `into`, a table and its columns; `last` is the value of one
/// more column, the same in all rows.
fn insert_together(
    statements: &mut Vec<Statement>,
    into: &str,
    behind: &str,
    rows: Rows,
    last: Option<&Value>,
) {
    let width = rows.width;
    let shared = usize::from(last.is_some());
    let sql = |count: usize| {
        let mut sql = format!("INSERT INTO {into} VALUES ");
        let mut place = shared;
        for row in 0..count {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                place += 1;
                let comma = if column == 0 { "" } else { ", " };
                let _ = write!(sql, "{comma}?{place}"); // a String takes every write
            }
            sql.push_str(if shared == 1 { ", ?1)" } else { ")" });
        }
        sql + behind
    };
    let together = rows.len() / INSERTED_TOGETHER * INSERTED_TOGETHER;
    let mut values = rows.values.into_iter();
    for (count, rows) in [
        (INSERTED_TOGETHER, together),
        (1, values.len() / width.max(1) - together),
    ] {
        if rows == 0 {
            continue;
        }
        let sets = (0..rows / count).map(|_| {
            let set = last
                .into_iter()
                .cloned()
                .chain(values.by_ref().take(count * width));
            Params::Positional(set.collect())
        });
        statements.push(Statement {
            sql: sql(count),
            params_many: Some(sets.collect()),
            ..Statement::default()
        });
    }
}

/// What adds `sums` to `table`, the columns of its key and of its sums; none when there are none.
fn add_sums(table: &str, keys: &[&str], columns: &[&str], sums: Rows) -> Vec<Statement> {
    let added: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} = {column} + excluded.{column}"))
        .collect();
    let mut statements = Vec::new();
    insert_together(
        &mut statements,
        &format!("{table} ({}, {})", keys.join(", "), columns.join(", ")),
        &format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            keys.join(", "),
            added.join(", ")
        ),
        sums,
        None,
    );
    statements
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

/// A digest of a row and of what its values stand for.
fn row_digest(columns: &[&'static str], row: &[Value]) -> u64 {
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

/// The columns of the sums of lines.
const LINE_SUMS: [&str; 4] = ["lines", "units", "amount_cents", "returns_cents"];
/// Those of the lines that name their ticket, but for the number of tickets.
const TICKET_SUMS: [&str; 3] = ["ticket_lines", "ticket_units", "ticket_cents"];

/// What new lines add to the daily sums, by day.
#[derive(Debug, Default)]
struct DailyAdditions<'a>(BTreeMap<&'a str, DaySums>);

/// What the lines of a day add up to.
#[derive(Debug, Default)]
struct DaySums {
    products: HashMap<i64, Sum>,
    stores: HashMap<i64, (Sum, TicketSum)>,
}

impl DailyAdditions<'_> {
    /// The statements that add them to the tables, and mark the days whose tickets are to be counted.
    fn statements(&self) -> Vec<Statement> {
        // Without tickets there is less to write.
        let mut of_stores = LINE_SUMS.to_vec();
        let days_with_tickets = self.days_with_tickets();
        if !days_with_tickets.is_empty() {
            of_stores.extend(TICKET_SUMS);
        }
        let mut days = Rows::new(1 + LINE_SUMS.len());
        let mut products = Rows::new(2 + LINE_SUMS.len());
        let mut stores = Rows::new(2 + of_stores.len());
        for (&day, sums) in &self.0 {
            let mut whole = Sum::default();
            for (product, sum) in in_order(&sums.products) {
                whole.add_all(sum);
                products.values.extend([day.into(), product.into()]);
                products.values.extend(sum.values());
            }
            days.values.push(day.into());
            days.values.extend(whole.values());
            for (store, (sum, tickets)) in in_order(&sums.stores) {
                stores.values.extend([day.into(), store.into()]);
                stores.values.extend(sum.values());
                stores.values.extend(
                    tickets
                        .values()
                        .into_iter()
                        .take(of_stores.len() - LINE_SUMS.len()),
                );
            }
        }
        let mut statements = add_sums("days", &["sale_date"], &LINE_SUMS, days);
        let (product, store) = (["sale_date", "product_id"], ["sale_date", "store_id"]);
        statements.extend(add_sums("product_days", &product, &LINE_SUMS, products));
        statements.extend(add_sums("store_days", &store, &of_stores, stores));
        if !days_with_tickets.is_empty() {
            // Only a look at all lines of the day tells which of its tickets are new, so that is left to readers.
            statements.push(mark_days("uncounted_days", days_with_tickets));
        }
        statements
    }

    /// The days with lines that name their ticket.
    fn days_with_tickets(&self) -> Vec<Vec<Value>> {
        let have_tickets = |sums: &DaySums| sums.stores.values().any(|(_, tickets)| tickets.lines > 0);
        let days = self.0.iter().filter(|(_, sums)| have_tickets(sums));
        days.map(|(&day, _)| vec![day.into()]).collect()
    }
}

fn in_order<T>(sums: &HashMap<i64, T>) -> impl Iterator<Item = (i64, &T)> {
    let mut sums: Vec<(i64, &T)> = sums.iter().map(|(&id, sum)| (id, sum)).collect();
    sums.sort_unstable_by_key(|(id, _)| *id);
    sums.into_iter()
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

    /// In the order of [`LINE_SUMS`].
    fn values(&self) -> [Value; LINE_SUMS.len()] {
        [self.lines, self.units, self.cents, self.returns_cents].map(Value::Integer)
    }

    fn add_all(&mut self, other: &Self) {
        self.lines += other.lines;
        self.units += other.units;
        self.cents += other.cents;
        self.returns_cents += other.returns_cents;
    }
}

/// What the lines that name their ticket add up to.
#[derive(Debug, Default)]
struct TicketSum {
    lines: i64,
    units: i64,
    cents: i64,
}

impl TicketSum {
    fn add(&mut self, units: i64, cents: i64) {
        self.lines += 1;
        self.units += units;
        self.cents += cents;
    }

    /// In the order of [`TICKET_SUMS`].
    fn values(&self) -> [Value; TICKET_SUMS.len()] {
        [self.lines, self.units, self.cents].map(Value::Integer)
    }
}
