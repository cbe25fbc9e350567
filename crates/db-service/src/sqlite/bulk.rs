//! Bulk insert: rows read on one thread, inserted on the writer's, in one transaction.

use super::authorizer::Surface;
use super::bind::Bound;
use super::connection::WriterConnection;
use super::schema::{self, quoted};
use crate::engine::{Bulk, BulkBatch, EngineError};
use db_api::{BulkReport, OnConflict, OnError, RowError, Table, TableKind, Value};
use rusqlite::CachedStatement;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

/// How many batches the reading thread may be ahead.
const BATCHES_AHEAD: usize = 4;

/// Reads the body on a thread of its own; the batches arrive through the receiver.
pub(super) fn read_ahead(
    source: Box<dyn crate::engine::BulkSource>,
) -> Result<Receiver<Result<BulkBatch, EngineError>>, EngineError> {
    let (sender, batches) = sync_channel(BATCHES_AHEAD);
    std::thread::Builder::new()
        .name("db-bulk-read".into())
        .spawn(move || {
            // The receiver is gone when the insert has failed.
            let read = source.read(&mut |batch| sender.send(Ok(batch)).is_ok());
            if let Err(error) = read {
                let _ = sender.send(Err(error));
            }
        })
        .map_err(EngineError::broken)?;
    Ok(batches)
}

/// Inserts all batches in the open transaction, which the caller commits or rolls back.
pub(super) fn insert(
    conn: &WriterConnection,
    bulk: &Bulk,
    batches: &Receiver<Result<BulkBatch, EngineError>>,
) -> Result<BulkReport, EngineError> {
    let started = Instant::now();
    conn.keep_up()?;
    let table = conn
        .own(|| schema::find(conn.conn(), &bulk.table))?
        .ok_or_else(|| EngineError::NoTable {
            name: bulk.table.clone(),
        })?;
    if table.kind == TableKind::View {
        return Err(EngineError::Invalid(format!(
            "`{}` is a view; rows go into tables",
            table.name
        )));
    }
    let mut report = BulkReport::default();
    conn.as_caller(&bulk.rights, &bulk.control, Surface::Writer, || {
        let mut shapes: Vec<Result<Shape<'_>, RowFault>> = Vec::new();
        while let Ok(batch) = batches.recv() {
            if let Some(reason) = bulk.control.must_stop().then(|| bulk.control.reason()).flatten() {
                return Err(reason);
            }
            insert_batch(conn, bulk, &table, &mut shapes, batch?, &mut report)?;
        }
        Ok(())
    })?;
    report.errors.sort_by_key(|error| error.line);
    report.elapsed_ms = started.elapsed().as_secs_f64().mul_add(1_000_000.0, 0.5).floor() / 1_000.0;
    Ok(report)
}

fn insert_batch<'c>(
    conn: &'c WriterConnection,
    bulk: &Bulk,
    table: &Table,
    shapes: &mut Vec<Result<Shape<'c>, RowFault>>,
    batch: BulkBatch,
    report: &mut BulkReport,
) -> Result<(), EngineError> {
    for columns in &batch.new_shapes {
        shapes.push(match Shape::compile(conn, table, columns, bulk.on_conflict) {
            Ok(shape) => Ok(shape),
            Err(Fault::Row(fault)) if !batch.has_header => Err(fault),
            Err(Fault::Row(fault)) => return Err(EngineError::Invalid(fault.reason)),
            Err(Fault::Body(error)) => return Err(error),
        });
    }
    report.received += batch.unreadable_count;
    report.rejected += batch.unreadable_count;
    for error in batch.unreadable {
        list(report, bulk.max_errors, error);
    }
    if report.rejected > 0 && bulk.on_error == OnError::Abort {
        return Err(EngineError::Rows {
            report: Box::new(std::mem::take(report)),
            constraint: false,
        });
    }
    for row in &batch.rows {
        report.received += 1;
        let shape = match &mut shapes[row.shape] {
            Ok(shape) => shape,
            Err(fault) => {
                reject(bulk, report, row.line, fault.clone(), false)?;
                continue;
            }
        };
        let values = &batch.values[row.start..row.start + shape.width];
        match shape.insert(conn, values) {
            Ok(Done::Inserted) => report.inserted += 1,
            Ok(Done::Updated) => report.updated += 1,
            Ok(Done::Ignored) => report.ignored += 1,
            Err(error) => {
                let (reason, datatype) = match &error {
                    EngineError::Constraint { message, sqlite_code } => (
                        message.clone(),
                        *sqlite_code == "SQLITE_CONSTRAINT_DATATYPE" || *sqlite_code == "SQLITE_MISMATCH",
                    ),
                    EngineError::TooLarge(message) => (message.clone(), true),
                    _ => return Err(error),
                };
                if conn.conn().is_autocommit() {
                    // A trigger rolled all of it back; nothing can be left out.
                    return Err(error);
                }
                let column = column_of(&reason, table);
                reject(bulk, report, row.line, RowFault { column, reason }, !datatype)?;
            }
        }
    }
    Ok(())
}

/// Counts and lists a row that cannot be taken; with `on_error=abort` it is the end.
fn reject(
    bulk: &Bulk,
    report: &mut BulkReport,
    line: u64,
    fault: RowFault,
    constraint: bool,
) -> Result<(), EngineError> {
    let RowFault { column, reason } = fault;
    report.rejected += 1;
    list(report, bulk.max_errors, RowError { line, column, reason });
    if bulk.on_error == OnError::Skip {
        return Ok(());
    }
    Err(EngineError::Rows {
        report: Box::new(std::mem::take(report)),
        constraint,
    })
}

fn list(report: &mut BulkReport, most: usize, error: RowError) {
    if report.errors.len() < most {
        report.errors.push(error);
    }
}

/// The column that SQLite's message names as `table.column`.
fn column_of(message: &str, table: &Table) -> Option<String> {
    let named = message.rsplit([' ', '.']).next()?;
    table
        .columns
        .iter()
        .find(|column| column.name == named)
        .map(|column| column.name.clone())
}

/// Why a row cannot be taken.
#[derive(Debug, Clone)]
struct RowFault {
    column: Option<String>,
    reason: String,
}

/// Why rows with certain columns have no statement.
enum Fault {
    /// No such row can be taken.
    Row(RowFault),
    /// The insert as a whole fails.
    Body(EngineError),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Body(error)
    }
}

impl Fault {
    fn column(column: &str, reason: String) -> Self {
        Self::Row(RowFault {
            column: Some(column.to_owned()),
            reason,
        })
    }
}

enum Done {
    Inserted,
    Updated,
    Ignored,
}

/// The statements for rows that have the same columns.
struct Shape<'c> {
    width: usize,
    insert: CachedStatement<'c>,
    /// For a row whose key is there.
    meet: Option<CachedStatement<'c>>,
}

impl<'c> Shape<'c> {
    fn compile(
        conn: &'c WriterConnection,
        table: &Table,
        columns: &[String],
        on_conflict: OnConflict,
    ) -> Result<Self, Fault> {
        let mut names: Vec<&str> = Vec::with_capacity(columns.len());
        for column in columns {
            let known = table
                .columns
                .iter()
                .find(|known| known.name.eq_ignore_ascii_case(column))
                .ok_or_else(|| unknown_column(table, column))?;
            if known.generated.is_some() {
                let reason = format!(
                    "column `{}` of `{}` is generated from others and cannot be inserted",
                    known.name, table.name
                );
                return Err(Fault::column(&known.name, reason));
            }
            if names.contains(&known.name.as_str()) {
                let reason = format!("column `{}` is given twice", known.name);
                return Err(Fault::column(&known.name, reason));
            }
            names.push(&known.name);
        }
        let values = Self::values(table, &names);
        let insert = match on_conflict {
            OnConflict::Abort => format!("INSERT INTO {values}"),
            _ => format!("INSERT INTO {values} ON CONFLICT DO NOTHING"),
        };
        let meet = match on_conflict {
            OnConflict::Abort | OnConflict::Ignore => None,
            OnConflict::Replace => Some(format!("INSERT OR REPLACE INTO {values}")),
            OnConflict::Update => Self::update(table, &names, &values)?,
        };
        Ok(Self {
            width: names.len(),
            insert: conn.prepare(&insert)?,
            meet: meet.map(|sql| conn.prepare(&sql)).transpose()?,
        })
    }

    /// `"table" ("a", "b") VALUES (?, ?)`, every name taken from the schema.
    fn values(table: &Table, names: &[&str]) -> String {
        if names.is_empty() {
            return format!("{} DEFAULT VALUES", quoted(&table.name));
        }
        let columns: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        format!(
            "{} ({}) VALUES ({marks})",
            quoted(&table.name),
            columns.join(", ")
        )
    }

    /// Sets the columns of the body on the row with the same key, when any differs.
    fn update(table: &Table, names: &[&str], values: &str) -> Result<Option<String>, Fault> {
        let has = |columns: &[String]| {
            !columns.is_empty() && columns.iter().all(|column| names.contains(&column.as_str()))
        };
        let unique_index = table
            .indexes
            .iter()
            .filter(|index| index.unique && !index.partial)
            .find_map(|index| {
                let columns: Option<Vec<String>> =
                    index.columns.iter().map(|column| column.name.clone()).collect();
                columns.filter(|columns| has(columns))
            });
        let key = if has(&table.primary_key) {
            Some(table.primary_key.clone())
        } else {
            unique_index
        };
        let key = key.ok_or_else(|| {
            Fault::Row(RowFault {
                column: None,
                reason: format!(
                    "on_conflict=update needs the columns of the primary key or of a unique index of `{}` in every row",
                    table.name
                ),
            })
        })?;
        let set: Vec<&&str> = names
            .iter()
            .filter(|name| !key.iter().any(|column| column == **name))
            .collect();
        if set.is_empty() {
            return Ok(None);
        }
        let keys: Vec<String> = key.iter().map(|name| quoted(name)).collect();
        let assign: Vec<String> = set
            .iter()
            .map(|name| format!("{0} = excluded.{0}", quoted(name)))
            .collect();
        let differ: Vec<String> = set
            .iter()
            .map(|name| format!("{}.{1} IS NOT excluded.{1}", quoted(&table.name), quoted(name)))
            .collect();
        Ok(Some(format!(
            "INSERT INTO {values} ON CONFLICT ({}) DO UPDATE SET {} WHERE {}",
            keys.join(", "),
            assign.join(", "),
            differ.join(" OR ")
        )))
    }

    fn insert(&mut self, conn: &WriterConnection, values: &[Value]) -> Result<Done, EngineError> {
        if run(conn, &mut self.insert, values)? > 0 {
            return Ok(Done::Inserted);
        }
        // Its key was there, or a trigger with RAISE(IGNORE) left it out.
        let changed = match &mut self.meet {
            Some(meet) => run(conn, meet, values)?,
            None => 0,
        };
        Ok(if changed > 0 { Done::Updated } else { Done::Ignored })
    }
}

/// Runs a compiled insert; how many rows it changed.
fn run(
    conn: &WriterConnection,
    statement: &mut CachedStatement<'_>,
    values: &[Value],
) -> Result<usize, EngineError> {
    for (index, value) in values.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, Bound(value))
            .map_err(|error| conn.error(error))?;
    }
    statement.raw_execute().map_err(|error| conn.error(error))
}

fn unknown_column(table: &Table, column: &str) -> Fault {
    let known: Vec<&str> = table
        .columns
        .iter()
        .filter(|known| known.generated.is_none())
        .map(|known| known.name.as_str())
        .collect();
    let reason = format!(
        "`{}` has no column `{column}`; its columns are {}",
        table.name,
        known.join(", ")
    );
    Fault::column(column, reason)
}
