//! Writes the batches of a source, each as one transaction: rows, daily sums, rejects and the job's checkpoint.
//!
//! The rows that are there already are looked up before, so that the transaction is exact about what is new,
//! what changes and what stays, and new sales add to the daily sums without a look at the table. Should
//! somebody else write the same keys in between, the transaction fails as a whole and is made anew. That ends: each
//! time it is found again that some of its rows are there, and it has only so many.
//!
//! Two batches are on their way at a time, so that db-service reads one while it writes the other. Each fails
//! unless the one before it is in, so they stand in their order whatever happens to either.

use super::batch::{Batch, Reject, reject_statement};
use super::daily_sums::DailyAdditions;
use super::fault::{FaultCode, RecordFault};
use super::foreseen::ForeseenRows;
use super::partition::{Partition, Partitioner};
use super::questions::{self, Open};
use super::tables::TableSpec as _;
use crate::store::running_jobs::{self, Checkpoint};
use crate::store::undo::{UndoTable, notes};
use crate::store::{self, job_sources, overlaps, rows, sales};
use db_client::db_api::{BatchRequest, ErrorCode, Statement, Value};
use db_client::{DbClient, DbError};
use script_api::{Counters, ImportTable, Mode};
use tabular::Spec;
use tokio::task::JoinHandle;

/// How often in a row a transaction is made anew for nothing: with no fewer rows that are new than the time before.
const ATTEMPTS: u32 = 4;

/// Where a source is written, and how.
#[derive(Debug)]
pub(super) struct Destination {
    pub job: i64,
    pub table: ImportTable,
    /// The SQL names of the rows' values.
    pub columns: Vec<&'static str>,
    /// What the keys of its rows are.
    pub spec: &'static Spec,
    /// Whether the source says them.
    pub has_key: bool,
    pub mode: Mode,
    /// Of a source whose ids may be none: the header that they stand under, and how many percent of the sales with
    /// these ids may be of another day, store or ticket.
    pub ids_doubted: Option<(String, u32)>,
    /// In a dry run: rows that earlier sources would have inserted, which this source may refer to.
    pub dry_run: Option<Vec<Statement>>,
}

/// Why a batch is not written.
#[derive(Debug)]
pub(super) enum Refusal {
    Database(DbError),
    /// The ids of the source are in the database for other sales: the question that this leaves open.
    Ids(Box<Open>),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// Whether a batch was refused because others wrote its keys meanwhile, or because it overtook the one before it.
fn may_be_made_anew(error: &DbError) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::PreconditionFailed)
    )
}

/// Writes the batches of one source.
#[derive(Debug)]
pub(super) struct SourceWriter {
    db: DbClient,
    to: Destination,
    partitioner: Partitioner,
    /// The idle triggers as the schema has them.
    triggers: Vec<sales::Trigger>,
    /// Rows whose ids are in the table, and those of them that are other sales, in the batches so far.
    matched: (u64, u64),
    /// The batch that is on its way.
    sent: Option<Sent>,
}

/// A batch on its way to db-service.
#[derive(Debug)]
struct Sent {
    batch: Batch,
    source: u64,
    /// How far the job is when it is in.
    after: Checkpoint,
    /// How many of its rows are new.
    new: usize,
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
                store::run(&self.db, &request, &format!("{}-rows", self.key)).await?;
            }
            Some(_) => {}
        }
        statements.append(&mut self.report);
        let request = BatchRequest {
            statements,
            ..BatchRequest::default()
        };
        store::run(&self.db, &request, &self.key).await
    }
}

impl SourceWriter {
    /// Writes to `to`. `foreseen` are rows that earlier sources would have left, and it adds its own to them.
    pub(super) fn new(db: DbClient, to: Destination, foreseen: Option<ForeseenRows>) -> Self {
        Self {
            partitioner: Partitioner::new(
                db.clone(),
                (to.table, to.spec),
                to.columns.clone(),
                to.has_key,
                to.mode,
                foreseen,
            ),
            db,
            to,
            triggers: Vec::new(),
            matched: (0, 0),
            sent: None,
        }
    }

    /// What it was given to foresee, and what it added.
    pub(super) fn into_foreseen(self) -> Option<ForeseenRows> {
        self.partitioner.into_foreseen()
    }

    /// The records of `batch`, the one with that `number`, that would be rejected because their keys are in
    /// the table, or would be by then.
    pub(super) async fn duplicates(&mut self, batch: &Batch, number: u64) -> Result<Vec<Reject>, DbError> {
        if self.to.mode != Mode::Append {
            return Ok(Vec::new());
        }
        let partition = self.partitioner.partition(&batch.rows, number, true).await?;
        Ok(self.rejects(batch, &partition.duplicates))
    }

    /// Reads how the schema makes the idle triggers.
    pub(super) async fn look_at_triggers(&mut self) -> Result<(), DbError> {
        if self.to.table == ImportTable::Sales {
            self.triggers = sales::idle_triggers(&self.db).await?;
        }
        Ok(())
    }

    /// Sends `batch`, and moves `checkpoint` past the one before it once that is in. `source` is the source's
    /// number. After an error nothing is on its way.
    pub(super) async fn write(
        &mut self,
        batch: Batch,
        source: u64,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), Refusal> {
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
        if self.to.dry_run.is_some() {
            // Its rows are rolled back, so the next batch has nothing to wait for.
            self.settle(checkpoint).await?;
        }
        Ok(())
    }

    /// Waits until nothing is on its way, and moves `checkpoint` to where the job then is.
    pub(super) async fn settle(&mut self, checkpoint: &mut Checkpoint) -> Result<(), Refusal> {
        match self.sent.take() {
            Some(sent) => self.receive(sent, checkpoint).await,
            None => Ok(()),
        }
    }

    /// Waits for the answer to `sent` and moves `checkpoint` past it. When others wrote its keys meanwhile, or
    /// when it overtook the batch before it on the way, it is made anew, and so is the batch behind it, which
    /// failed with it.
    async fn receive(&mut self, mut sent: Sent, checkpoint: &mut Checkpoint) -> Result<(), Refusal> {
        let (mut attempt, mut for_nothing) = (0, 0);
        let mut behind = None;
        let outcome = loop {
            match sent.answer().await {
                Ok(()) => break Ok(()),
                Err(error) if may_be_made_anew(&error) && for_nothing + 1 < ATTEMPTS => {
                    attempt += 1;
                    if let Some(mut failed) = self.sent.take() {
                        // It cannot have been written without the one before it.
                        let _ = failed.answer().await;
                        behind = Some(failed);
                    }
                    let sent_new = sent.new;
                    match self.send(sent.batch, sent.source, checkpoint, attempt).await {
                        Ok(again) => {
                            let is_nearer = again.new < sent_new;
                            for_nothing = if is_nearer { 0 } else { for_nothing + 1 };
                            sent = again;
                        }
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
            return Err(error.into());
        }
        self.partitioner.note_highest(sent.highest);
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
    ) -> Result<Sent, Refusal> {
        let partition = self
            .partitioner
            .partition(&batch.rows, checkpoint.batches, attempt > 0)
            .await?;
        if attempt == 0 {
            self.doubt_ids(&partition)?;
        }
        let mut after = checkpoint.clone();
        let counters = Counters {
            read: batch.counted(),
            skipped: batch.skipped,
            inserted: partition.new.len() as u64,
            updated: partition.changed.len() as u64,
            moved: partition.moved,
            unchanged: partition.unchanged,
            rejected: (batch.rejects.len() + partition.duplicates.len()) as u64,
            warnings: batch.warnings,
        };
        after.source_read += batch.read;
        after.batches += 1;
        after.counters += counters;
        let job = self.to.job;
        let new = partition.new.len();
        let highest = partition.new.iter().filter_map(|row| row[0].as_i64()).max();
        let mut rejects = batch.rejects.clone();
        rejects.extend(self.rejects(&batch, &partition.duplicates));
        let mut report: Vec<Statement> = reject_statement(job, source, &rejects).into_iter().collect();
        report.extend(overlaps::add(job, source, &partition.already));
        report.push(job_sources::add_counters(job, source, &counters));
        report.push(running_jobs::checkpoint(job, &after));
        let delivery = Delivery {
            db: self.db.clone(),
            dry_run: self.to.dry_run.clone(),
            turn: running_jobs::turn(job, checkpoint),
            rows: self.row_statements(partition),
            report,
            key: format!("import-{job}-{}-{attempt}", checkpoint.batches),
        };
        Ok(Sent {
            batch,
            source,
            after,
            new,
            highest,
            answer: tokio::spawn(delivery.send()),
        })
    }

    /// Refuses a source whose ids are in the database for other sales.
    fn doubt_ids(&mut self, partition: &Partition) -> Result<(), Refusal> {
        let Some((header, percent)) = &self.to.ids_doubted else {
            return Ok(());
        };
        let there = partition.changed.len() as u64 + partition.unchanged;
        self.matched.0 += there;
        self.matched.1 += partition.doubtful;
        let (matched, moved) = self.matched;
        let Some(first) = &partition.first_moved else {
            return Ok(());
        };
        if partition.of_no_id == 0 && moved * 100 <= matched * u64::from(*percent) {
            return Ok(());
        }
        let question = questions::about_ids(header, (moved, matched), first);
        Err(Refusal::Ids(Box::new(question)))
    }

    fn row_statements(&self, Partition { new, changed, .. }: Partition) -> Vec<Statement> {
        let Destination {
            job, table, columns, ..
        } = &self.to;
        let (job, is_sales) = (*job, *table == ImportTable::Sales);
        if self.to.mode.replaces() && is_sales {
            let job = Value::Integer(job);
            return rows::insert("staged_sales", columns, Some(("job_id", &job)), new);
        }
        let undo = UndoTable::of(*table);
        let mut statements = Vec::new();
        statements.extend(notes::note_changed(job, undo, &self.key_columns(), &changed));
        if !is_sales {
            let rows = changed.iter().map(Vec::as_slice).chain(new.iter());
            let left = notes::note_left(job, undo, rows);
            if !changed.is_empty() {
                statements.push(self.update(changed));
            }
            statements.extend(rows::insert(table.spec().stored_as, columns, None, new));
            statements.extend(left);
            return statements;
        }
        if !changed.is_empty() {
            // The triggers on sales mark the days of changed lines, before and after, to be summed again.
            statements.extend(sales::by_import(self.update(changed)));
        }
        if new.is_empty() {
            return statements;
        }
        let sums = DailyAdditions::of(&new, columns).statements();
        statements.extend(sales::insert(job, columns, new, sums, &self.triggers));
        statements
    }

    /// The SQL names of the columns that the key of a row is in.
    fn key_columns(&self) -> Vec<&'static str> {
        let key = &self.to.spec.columns[..self.to.spec.key];
        key.iter().map(|column| column.stored_as).collect()
    }

    fn update(&self, mut changed: Vec<Vec<Value>>) -> Statement {
        let mut columns = self.to.columns.clone();
        if self.to.table == ImportTable::Sales {
            columns.push("import_job_id");
            for row in &mut changed {
                row.push(Value::Integer(self.to.job));
            }
        }
        let spec = self.to.spec;
        rows::update(spec.stored_as, &columns, spec.key, changed)
    }

    /// The rejects of the rows of `batch` that are `duplicates`.
    fn rejects(&self, batch: &Batch, duplicates: &[usize]) -> Vec<Reject> {
        duplicates
            .iter()
            .map(|&index| {
                let position = batch.positions[index];
                let key = match &batch.rows.get(index)[0] {
                    Value::Text(key) => key.clone(),
                    key => key.as_i64().unwrap_or_default().to_string(),
                };
                Reject {
                    record: position.record,
                    line: position.line,
                    byte_offset: position.byte_offset,
                    raw: batch.raws.get(index).cloned().unwrap_or_default(),
                    fault: RecordFault::of_field(
                        self.to.spec.columns[0].name,
                        &key,
                        FaultCode::DuplicateKey,
                        format!("{key} is in {} already", self.to.table),
                    ),
                }
            })
            .collect()
    }
}
