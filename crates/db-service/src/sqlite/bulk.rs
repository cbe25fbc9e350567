//! Bulk insert: rows read on one thread, inserted on the writer's, in one transaction.
//!
//! Keys that are checked when the transaction commits (`DEFERRABLE INITIALLY DEFERRED`) name no row when they fail. The
//! body is then read again: once to learn which row has which line, and again without the rows at fault, until what is
//! left can be committed.

use super::authorizer::Surface;
use super::bind::Bound;
use super::connection::WriterConnection;
use super::idempotency;
use super::schema::{self, quoted};
use super::write::{commit, would_commit};
use crate::config::Limits;
use crate::engine::{Bulk, BulkBatch, BulkDone, BulkSource, EngineError};
use db_api::{BulkReport, OnConflict, OnError, RowError, Table, TableKind, Value};
use rusqlite::{CachedStatement, Statement};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// How many batches the reading thread may be ahead.
const BATCHES_AHEAD: usize = 4;

/// The rows that were inserted or changed, and their lines.
type Lines = HashMap<i64, u64>;
/// Rows that are left out, by their lines.
type LeftOut = HashMap<u64, RowFault>;

/// Runs a bulk insert; the writer rolls back what it leaves open.
pub(super) fn run(
    conn: &WriterConnection,
    bulk: &Bulk,
    mut source: Box<dyn BulkSource>,
    limit: Duration,
    limits: &Limits,
) -> Result<BulkDone, EngineError> {
    if !bulk.control.start(limit) {
        return Err(EngineError::Cancelled("its client went away"));
    }
    let mut keys = idempotency::Keys::new(limits);
    let mut lines: Option<Lines> = None;
    let mut left_out = LeftOut::new();
    loop {
        conn.own(|| conn.conn().execute_batch("BEGIN IMMEDIATE"))?;
        if let Some(key) = &bulk.idempotency
            && let Some(answer) = keys.find(conn.conn(), key)?
        {
            return Ok(BulkDone::Replayed(answer));
        }
        let report;
        (report, source) = insert(conn, bulk, source, &left_out, lines.as_mut())?;
        let committed = if bulk.dry_run {
            would_commit(conn)
        } else {
            if let Some(key) = &bulk.idempotency {
                let answer = serde_json::to_vec(&report).map_err(EngineError::broken)?;
                keys.keep(conn.conn(), key, &answer, report.inserted + report.updated)?;
            }
            commit(conn)
        };
        let Err(error) = committed else {
            return Ok(BulkDone::Report(report));
        };
        if error.sqlite_code() != Some("SQLITE_CONSTRAINT_FOREIGNKEY") || conn.conn().is_autocommit() {
            return Err(error);
        }
        match &mut lines {
            None => lines = Some(Lines::new()),
            Some(known) => {
                let found = conn.own(|| at_fault(conn, bulk, known))?;
                if found.is_empty() {
                    return Err(error);
                }
                if bulk.on_error == OnError::Abort {
                    return Err(refused(bulk, report, found));
                }
                left_out.extend(found);
                known.clear();
            }
        }
        conn.own(|| conn.conn().execute_batch("ROLLBACK"))?;
    }
}

/// Why nothing is written: the rows at fault, first lines first.
fn refused(bulk: &Bulk, mut report: BulkReport, found: LeftOut) -> EngineError {
    let mut found: Vec<(u64, RowFault)> = found.into_iter().collect();
    found.sort_by_key(|(line, _)| *line);
    report.rejected += found.len() as u64;
    for (line, RowFault { column, reason }) in found {
        list(&mut report, bulk.max_errors, RowError { line, column, reason });
    }
    EngineError::Rows {
        report: Box::new(report),
        constraint: true,
    }
}

/// The rows of this insert, by line, that have a key without a row it refers to.
fn at_fault(conn: &WriterConnection, bulk: &Bulk, lines: &Lines) -> rusqlite::Result<LeftOut> {
    let mut found = LeftOut::new();
    let mut columns = conn
        .conn()
        .prepare("SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2 ORDER BY seq")?;
    let mut check = conn
        .conn()
        .prepare("SELECT rowid, parent, fkid FROM pragma_foreign_key_check(?1)")?;
    let mut rows = check.query([&bulk.table])?;
    while let Some(row) = rows.next()? {
        let Some(line) = row.get::<_, Option<i64>>(0)?.and_then(|rowid| lines.get(&rowid)) else {
            continue;
        };
        let (parent, key): (String, i64) = (row.get(1)?, row.get(2)?);
        let names = columns
            .query_map((&bulk.table, key), |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let fault = RowFault {
            reason: format!(
                "FOREIGN KEY constraint failed: `{parent}` has no row that {} refers to",
                names.join(", ")
            ),
            column: names.into_iter().next(),
        };
        found.entry(*line).or_insert(fault);
    }
    Ok(found)
}

/// Reads the body on a thread of its own; the batches arrive through the receiver, and the thread gives it back.
#[expect(clippy::type_complexity, reason = "said once, here")]
fn read_ahead(
    mut source: Box<dyn BulkSource>,
) -> Result<
    (
        Receiver<Result<BulkBatch, EngineError>>,
        std::thread::JoinHandle<Box<dyn BulkSource>>,
    ),
    EngineError,
> {
    let (sender, batches) = sync_channel(BATCHES_AHEAD);
    let thread = std::thread::Builder::new()
        .name("db-bulk-read".into())
        .spawn(move || {
            // The receiver is gone when the insert has failed.
            let read = source.read(&mut |batch| sender.send(Ok(batch)).is_ok());
            if let Err(error) = read {
                let _ = sender.send(Err(error));
            }
            source
        })
        .map_err(EngineError::broken)?;
    Ok((batches, thread))
}

/// Inserts all batches in the open transaction, which the caller commits or rolls back, except the rows that are
/// `left_out`; notes in `lines` which row came from which line. Gives the source back.
fn insert(
    conn: &WriterConnection,
    bulk: &Bulk,
    source: Box<dyn BulkSource>,
    left_out: &LeftOut,
    mut lines: Option<&mut Lines>,
) -> Result<(BulkReport, Box<dyn BulkSource>), EngineError> {
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
    let (batches, reading) = read_ahead(source)?;
    let mut report = BulkReport::default();
    conn.as_caller(&bulk.rights, &bulk.control, Surface::Writer, || {
        let mut shapes: Vec<Result<Shape<'_>, RowFault>> = Vec::new();
        while let Ok(batch) = batches.recv() {
            if let Some(reason) = bulk.control.must_stop().then(|| bulk.control.reason()).flatten() {
                return Err(reason);
            }
            let pass = Pass {
                table: &table,
                left_out,
                lines: lines.as_deref_mut(),
            };
            insert_batch(conn, bulk, pass, &mut shapes, batch?, &mut report)?;
        }
        Ok(())
    })?;
    let source = reading
        .join()
        .map_err(|_| EngineError::broken("the thread that reads the body panicked"))?;
    report.errors.sort_by_key(|error| error.line);
    report.elapsed_ms = started.elapsed().as_secs_f64().mul_add(1_000_000.0, 0.5).floor() / 1_000.0;
    Ok((report, source))
}

/// One reading of the body.
struct Pass<'a> {
    table: &'a Table,
    left_out: &'a LeftOut,
    lines: Option<&'a mut Lines>,
}

fn insert_batch<'c>(
    conn: &'c WriterConnection,
    bulk: &Bulk,
    pass: Pass<'_>,
    shapes: &mut Vec<Result<Shape<'c>, RowFault>>,
    batch: BulkBatch,
    report: &mut BulkReport,
) -> Result<(), EngineError> {
    let Pass {
        table,
        left_out,
        mut lines,
    } = pass;
    for columns in &batch.new_shapes {
        let tracked = lines.is_some();
        shapes.push(
            match Shape::compile(conn, table, columns, bulk.on_conflict, tracked) {
                Ok(shape) => Ok(shape),
                Err(Fault::Row(fault)) if !batch.has_header => Err(fault),
                Err(Fault::Row(fault)) => return Err(EngineError::Invalid(fault.reason)),
                Err(Fault::Body(error)) => return Err(error),
            },
        );
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
        if let Some(fault) = left_out.get(&row.line) {
            reject(bulk, report, row.line, fault.clone(), true)?;
            continue;
        }
        let shape = match &mut shapes[row.shape] {
            Ok(shape) => shape,
            Err(fault) => {
                reject(bulk, report, row.line, fault.clone(), false)?;
                continue;
            }
        };
        let values = &batch.values[row.start..row.start + shape.width];
        match shape.insert(conn, values) {
            Ok((done, rowid)) => {
                match done {
                    Done::Inserted => report.inserted += 1,
                    Done::Updated => report.updated += 1,
                    Done::Ignored => report.ignored += 1,
                }
                if let (Some(lines), Some(rowid)) = (lines.as_deref_mut(), rowid) {
                    lines.insert(rowid, row.line);
                }
            }
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
    insert: Compiled<'c>,
    /// For a row whose key is there.
    meet: Option<Compiled<'c>>,
}

/// A compiled insert.
enum Compiled<'c> {
    Kept(CachedStatement<'c>),
    /// Gives the rowid of what it wrote. Its columns were allowed when it was compiled without.
    Tracked(Statement<'c>),
}

impl<'c> Compiled<'c> {
    fn new(conn: &'c WriterConnection, table: &Table, sql: &str, tracked: bool) -> Result<Self, EngineError> {
        let kept = conn.prepare(sql)?;
        match schema::rowid_name(table).filter(|_| tracked) {
            None => Ok(Self::Kept(kept)),
            Some(rowid) => conn
                .own(|| conn.conn().prepare(&format!("{sql} RETURNING {rowid}")))
                .map(Self::Tracked),
        }
    }
}

impl<'c> Deref for Compiled<'c> {
    type Target = Statement<'c>;

    fn deref(&self) -> &Statement<'c> {
        match self {
            Self::Kept(statement) => statement,
            Self::Tracked(statement) => statement,
        }
    }
}

impl<'c> DerefMut for Compiled<'c> {
    fn deref_mut(&mut self) -> &mut Statement<'c> {
        match self {
            Self::Kept(statement) => statement,
            Self::Tracked(statement) => statement,
        }
    }
}

impl<'c> Shape<'c> {
    fn compile(
        conn: &'c WriterConnection,
        table: &Table,
        columns: &[String],
        on_conflict: OnConflict,
        tracked: bool,
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
            insert: Compiled::new(conn, table, &insert, tracked)?,
            meet: meet
                .map(|sql| Compiled::new(conn, table, &sql, tracked))
                .transpose()?,
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

    /// What became of a row, and its rowid in a pass that asks for it.
    fn insert(
        &mut self,
        conn: &WriterConnection,
        values: &[Value],
    ) -> Result<(Done, Option<i64>), EngineError> {
        let (changed, rowid) = run_row(conn, &mut self.insert, values)?;
        if changed {
            return Ok((Done::Inserted, rowid));
        }
        // Its key was there, or a trigger with RAISE(IGNORE) left it out.
        let (changed, rowid) = match &mut self.meet {
            Some(meet) => run_row(conn, meet, values)?,
            None => (false, None),
        };
        Ok((if changed { Done::Updated } else { Done::Ignored }, rowid))
    }
}

/// Runs a compiled insert; whether it wrote the row, and its rowid in a pass that asks for it.
fn run_row(
    conn: &WriterConnection,
    statement: &mut Compiled<'_>,
    values: &[Value],
) -> Result<(bool, Option<i64>), EngineError> {
    for (index, value) in values.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, Bound(value))
            .map_err(|error| conn.error(error))?;
    }
    match statement {
        Compiled::Kept(statement) => statement.raw_execute().map(|changed| (changed > 0, None)),
        Compiled::Tracked(statement) => written_row(statement).map(|rowid| (rowid.is_some(), rowid)),
    }
    .map_err(|error| conn.error(error))
}

/// Runs a statement that gives a rowid for each row it writes.
fn written_row(statement: &mut Statement<'_>) -> rusqlite::Result<Option<i64>> {
    let mut rowid = None;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        rowid = Some(row.get(0)?);
    }
    Ok(rowid)
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
