//! Connections of single callers, for interactive transactions.
//!
//! A session reads without waiting for anybody. Before it writes it takes the writer's [`Lease`]: for one statement
//! outside of a transaction, from the first write to the end inside of one, and at once with `BEGIN IMMEDIATE`. So two
//! connections never compete for SQLite's own lock. A session that ends rolls back, and its connection is used
//! again unless a caller left something on it. When SQLite has rolled a transaction back because of an error (a time limit,
//! a full disk, `OR ROLLBACK`), the session runs nothing more of it until its caller ends it.

use super::authorizer::Surface;
use super::connection::{Guarded, lock};
use super::open::open_session;
use super::sql_text::{self, TransactionEnd};
use super::write::Inserts;
use super::write_queue::Lease;
use super::writer::Writer;
use crate::config::{Limits, Synchronous};
use crate::engine::{
    Call, Cell, Description, Effect, EngineError, Halt, Scope, Session, SessionSink, SessionState,
    SessionStatement,
};
use db_api::ColumnHead;
use rusqlite::{Connection, Statement, TransactionState};
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tracing::error;

/// This many connections are kept open for the next caller.
const MOST_IDLE: usize = 32;

type SessionConnection = Guarded<Box<Connection>>;

/// Where sessions get their connections from.
pub(super) struct Sessions {
    path: PathBuf,
    synchronous: Synchronous,
    limits: Limits,
    double_quoted_texts: bool,
    writer: Arc<Writer>,
    idle: Mutex<Vec<SessionConnection>>,
}

impl Sessions {
    /// None is open yet.
    pub(super) fn new(
        path: PathBuf,
        synchronous: Synchronous,
        limits: &Limits,
        double_quoted_texts: bool,
        writer: Arc<Writer>,
    ) -> Self {
        Self {
            path,
            synchronous,
            limits: limits.clone(),
            double_quoted_texts,
            writer,
            idle: Mutex::default(),
        }
    }

    /// A session on a connection that waits for one, or on a new one.
    pub(super) fn open(home: &Arc<Self>) -> Result<SqliteSession, EngineError> {
        let idle = lock(&home.idle).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => open_session(
                &home.path,
                home.synchronous,
                &home.limits,
                home.double_quoted_texts,
            )
            .and_then(|conn| Guarded::new(Box::new(conn), &home.limits, &home.writer.counters().versions))
            .map_err(EngineError::broken)?,
        };
        Ok(SqliteSession {
            conn: Some(conn),
            home: Arc::clone(home),
            open: Open::default(),
            aborted: false,
        })
    }

    /// Closes the connections that wait for a session.
    pub(super) fn close(&self) {
        lock(&self.idle).clear();
    }

    /// The right to write, within the time that a write may wait.
    fn lease(&self, call: &Call<'_>) -> Result<Lease, EngineError> {
        self.writer.file().check()?;
        let wait_ms = self.limits.queue_wait_ms;
        let mut lease = self.writer.lease(call.control.party())?;
        if let Ok(lease) = lease.try_recv() {
            return Ok(lease);
        }
        Handle::current().block_on(async {
            tokio::select! {
                biased;
                lease = &mut lease => lease.map_err(|_| EngineError::Stopping),
                () = call.gone.cancelled() => Err(EngineError::Cancelled("its client went away")),
                () = call.control.stopped() => Err(call.control.reason().unwrap_or(EngineError::Stopping)),
                () = tokio::time::sleep(Duration::from_millis(wait_ms)) => Err(EngineError::Overloaded(format!(
                    "other writes kept the writer busy for {wait_ms} ms (queue_wait_ms); try again"
                ))),
            }
        })
    }
}

/// What is open on a session's connection.
#[derive(Default)]
struct Open {
    /// Since when a transaction is.
    transaction_since: Option<Instant>,
    /// Whether it was begun as one that only reads.
    read_only: bool,
    /// The right to write, and since when.
    lease: Option<(Lease, Instant)>,
    /// Whether a statement has written under the lease.
    wrote: bool,
    /// Whether one of them may have changed the schema.
    changed_schema: bool,
}

/// A session.
pub(super) struct SqliteSession {
    /// There until the session is dropped.
    conn: Option<SessionConnection>,
    home: Arc<Sessions>,
    open: Open,
    /// Whether an error has rolled back the transaction and the caller has not ended it yet. What the caller sends
    /// meanwhile belongs to it, and would be committed by itself.
    aborted: bool,
}

impl Session for SqliteSession {
    fn run(
        &mut self,
        call: &Call<'_>,
        statement: SessionStatement<'_>,
        sink: &mut dyn SessionSink,
    ) -> Result<Effect, EngineError> {
        let end = sql_text::transaction_end(statement.sql);
        let overdue = self.end_overdue();
        if self.aborted {
            if end.is_some() {
                self.aborted = false;
            }
            return match (end, overdue) {
                (Some(TransactionEnd::Rollback), _) => nothing(sink),
                (_, Err(error)) => Err(error),
                (_, Ok(())) => Err(EngineError::Aborted),
            };
        }
        let Self { conn, home, open, .. } = self;
        let was_open = open.transaction_since.is_some();
        if let Some(since) = open.transaction_since.filter(|_| open.lease.is_none()) {
            call.control.reads_since(since);
        }
        let conn = conn.as_ref().ok_or(EngineError::Stopping)?;
        let (sql, read_only) = begin_read_only(statement.sql);
        let outcome = conn.as_caller(call.rights, call.control, Surface::Session, || {
            run_in(
                conn,
                home,
                open,
                call,
                SessionStatement {
                    sql: &sql,
                    ..statement
                },
                sink,
            )
        });
        if outcome.is_ok() && read_only {
            open.read_only = true;
        }
        let committed = settle(conn, open, &sql);
        let outcome = if committed {
            outcome.and_then(|effect| home.writer.file().check().map(|()| effect))
        } else {
            outcome
        };
        let lost = was_open && outcome.is_err() && conn.conn().is_autocommit();
        let outcome = match outcome {
            Err(error) if lost => {
                // The caller is told that the transaction is gone; with COMMIT it has ended it itself.
                self.aborted = end.is_none();
                Err(EngineError::RolledBack(Box::new(error)))
            }
            Err(error @ EngineError::SnapshotTooOld { .. }) if was_open => {
                self.roll_back();
                self.aborted = end.is_none();
                Err(EngineError::RolledBack(Box::new(error)))
            }
            Err(EngineError::Timeout { limit }) => {
                Err(self.end_overdue().err().unwrap_or(EngineError::Timeout { limit }))
            }
            other => other,
        };
        if let Ok(effect) = &outcome
            && effect.ran.as_millis() >= u128::from(self.home.limits.slow_statement_ms)
            && let Some(conn) = &self.conn
        {
            super::slow::log(conn.conn(), &sql, effect.ran, call.rights.token.as_deref());
        }
        outcome
    }

    fn describe(&mut self, call: &Call<'_>, sql: &str) -> Result<Description, EngineError> {
        let conn = self.conn.as_ref().ok_or(EngineError::Stopping)?;
        let (sql, _) = begin_read_only(sql);
        if !call.control.start(call.read_timeout) {
            return Err(EngineError::Cancelled("its client went away"));
        }
        conn.as_caller(call.rights, call.control, Surface::Session, || {
            // It is not stepped, which is what makes a kept statement fit a new schema and other rights.
            let compiled = conn.prepare_afresh(&sql)?;
            Ok(Description {
                params: (1..=compiled.parameter_count())
                    .map(|index| compiled.parameter_name(index).map(str::to_owned))
                    .collect(),
                columns: super::connection::heads(&compiled),
                is_explain: compiled.is_explain() != 0,
                is_readonly: compiled.readonly(),
            })
        })
    }

    fn state(&self) -> SessionState {
        SessionState {
            transaction_since: self.open.transaction_since,
            has_read: self.conn.as_ref().is_some_and(has_read),
            aborted: self.aborted,
            writer_since: self.open.lease.as_ref().map(|(_, since)| *since),
            traces: self.conn.as_ref().is_some_and(Guarded::has_traces),
        }
    }
}

impl SqliteSession {
    /// Rolls back a transaction that has been open for too long, and says so.
    fn end_overdue(&mut self) -> Result<(), EngineError> {
        match self.open.remaining(&self.home.limits) {
            Some((left, limit, name)) if left.is_zero() => {
                self.roll_back();
                self.aborted = true;
                Err(EngineError::TransactionTimeout { limit, name })
            }
            _ => Ok(()),
        }
    }

    fn roll_back(&mut self) {
        if let Some(conn) = &self.conn
            && !conn.conn().is_autocommit()
            && let Err(cause) = conn.own(|| conn.conn().execute_batch("ROLLBACK"))
        {
            error!("the transaction of a session could not be rolled back: {cause}");
        }
        self.open = Open::default();
    }
}

impl Drop for SqliteSession {
    fn drop(&mut self) {
        self.roll_back();
        let Some(conn) = self.conn.take() else { return };
        conn.reset_deferred_keys();
        if conn.has_traces() || !conn.conn().is_autocommit() {
            return;
        }
        let mut idle = lock(&self.home.idle);
        if idle.len() < MOST_IDLE {
            idle.push(conn);
        }
    }
}

impl Open {
    /// How long the transaction may still be open, its limit and the limit's name.
    fn remaining(&self, limits: &Limits) -> Option<(Duration, Duration, &'static str)> {
        let (since, limit_ms, name) = match &self.lease {
            Some((_, since)) => (*since, limits.transaction_total_ms, "transaction_total_ms"),
            None => (
                self.transaction_since?,
                limits.stream_timeout_ms,
                "stream_timeout_ms",
            ),
        };
        let limit = Duration::from_millis(limit_ms);
        Some((limit.saturating_sub(since.elapsed()), limit, name))
    }
}

/// Whether the open transaction has read.
fn has_read(conn: &SessionConnection) -> bool {
    let state = conn.conn().transaction_state::<&str>(None);
    !matches!(state, Ok(TransactionState::None))
}

/// The outcome of a statement that has nothing to do.
fn nothing(sink: &mut dyn SessionSink) -> Result<Effect, EngineError> {
    match sink.begin(Vec::new(), false) {
        Ok(()) | Err(Halt::Enough) => Ok(Effect::default()),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// Runs one statement of a caller.
fn run_in(
    conn: &SessionConnection,
    home: &Sessions,
    open: &mut Open,
    call: &Call<'_>,
    statement: SessionStatement<'_>,
    sink: &mut dyn SessionSink,
) -> Result<Effect, EngineError> {
    let mut compiled = conn.prepare(statement.sql)?;
    conn.bind_by_index(&mut compiled, statement.positional, statement.named)?;
    let reads = compiled.readonly();
    let mut taken_now = false;
    if !reads && call.rights.scope < Scope::Write {
        // Whoever may not write holds up nobody who may. All else that would write was refused when it was compiled.
        if sql_text::need(statement.sql) == sql_text::Need::TransactionControl {
            return Err(EngineError::Denied(format!(
                "{} (scope {}) may not begin a transaction that holds up writers; BEGIN without IMMEDIATE or \
                 EXCLUSIVE reads",
                call.rights.who(),
                call.rights.scope.as_str()
            )));
        }
    } else if !reads {
        if open.read_only {
            return Err(EngineError::ReadOnly(
                "the transaction was begun as one that only reads (BEGIN READONLY), and the statement would write"
                    .to_owned(),
            ));
        }
        if open.lease.is_none() {
            open.lease = Some((home.lease(call)?, Instant::now()));
            taken_now = true;
        }
    }
    let timeout = if reads {
        call.read_timeout
    } else {
        call.write_timeout
    };
    let left = open
        .remaining(&home.limits)
        .map_or(timeout, |(left, ..)| left.min(timeout));
    if !call.control.start(left) {
        return Err(EngineError::Cancelled("its client went away"));
    }
    let started = Instant::now();
    let changes_before = conn.conn().total_changes();
    let rowid_before = conn.conn().last_insert_rowid();
    let holds_up_writers = !reads && conn.conn().is_autocommit();
    let ran =
        if !reads && compiled.column_count() > 0 && sql_text::need(statement.sql) == sql_text::Need::Ordinary
        {
            rows_or_nothing(conn, &mut compiled, sink, holds_up_writers)
        } else {
            rows(conn, &mut compiled, sink, holds_up_writers)
        };
    let changed = conn.conn().total_changes() != changes_before;
    // A statement can fail and leave changes all the same (OR FAIL), and change the schema without counting as a
    // change of rows.
    open.wrote |= changed
        || ran.is_ok() && !reads && sql_text::need(statement.sql) != sql_text::Need::TransactionControl;
    open.changed_schema |= !reads && !sql_text::changes_rows_only(statement.sql);
    if let Err(EngineError::Stale) = ran
        && taken_now
    {
        // It will never write, so nobody else need wait for it.
        open.lease = None;
    }
    ran?;
    // Rows changed by triggers are part of the total but not of the statement's own count.
    let rows_affected = if changed { conn.conn().changes() } else { 0 };
    Ok(Effect {
        rows_affected,
        last_insert_rowid: if rows_affected > 0 {
            Inserts::of(statement.sql).rowid(rowid_before, conn.conn().last_insert_rowid())
        } else {
            None
        },
        ran: started.elapsed(),
    })
}

/// Runs a statement to its end.
fn rows(
    conn: &SessionConnection,
    compiled: &mut Statement<'_>,
    sink: &mut dyn SessionSink,
    holds_up_writers: bool,
) -> Result<(), EngineError> {
    // The sink is told the columns and then the rows, by two closures that never run at once.
    let sink = RefCell::new(sink);
    conn.rows(
        compiled,
        |heads| sink.borrow_mut().begin(heads, holds_up_writers),
        |cells| sink.borrow_mut().row(cells),
    )
}

/// Runs a statement that writes and gives rows. SQLite has written all before it gives the first row, so a statement
/// whose rows cannot be taken is undone: an error must mean that nothing has happened.
fn rows_or_nothing(
    conn: &SessionConnection,
    compiled: &mut Statement<'_>,
    sink: &mut dyn SessionSink,
    holds_up_writers: bool,
) -> Result<(), EngineError> {
    let mark = |sql: &'static str| {
        conn.own(|| {
            conn.conn()
                .prepare_cached(sql)
                .and_then(|mut marked| marked.raw_execute().map(drop))
        })
    };
    let alone = conn.conn().is_autocommit();
    mark("SAVEPOINT comptoir_statement")?;
    let mut sink = Watched { sink, refused: false };
    let ran = rows(conn, compiled, &mut sink, holds_up_writers);
    if conn.conn().is_autocommit() {
        return ran;
    }
    if sink.refused {
        mark("ROLLBACK TO comptoir_statement")?;
    }
    let released = mark("RELEASE comptoir_statement");
    if alone && !conn.conn().is_autocommit() {
        mark("ROLLBACK")?;
    }
    ran.and(released)
}

/// Remembers whether a sink has refused what it was given.
struct Watched<'a> {
    sink: &'a mut dyn SessionSink,
    refused: bool,
}

impl SessionSink for Watched<'_> {
    fn begin(&mut self, columns: Vec<ColumnHead>, holds_up_writers: bool) -> Result<(), Halt> {
        let taken = self.sink.begin(columns, holds_up_writers);
        self.refused |= taken.is_err();
        taken
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        let taken = self.sink.row(cells);
        self.refused |= taken.is_err();
        taken
    }
}

/// Takes note of a transaction that began or ended with the statement `sql`; whether it has committed a change.
fn settle(conn: &SessionConnection, open: &mut Open, sql: &str) -> bool {
    if !conn.conn().is_autocommit() {
        open.transaction_since.get_or_insert_with(Instant::now);
        return false;
    }
    let Open {
        lease,
        wrote,
        changed_schema,
        ..
    } = std::mem::take(open);
    if let Some((mut lease, _)) = lease
        && wrote
        && !sql_text::first_word(sql).eq_ignore_ascii_case("ROLLBACK")
    {
        lease.changed(changed_schema);
        return true;
    }
    false
}

/// `BEGIN READONLY` and `BEGIN TRANSACTION READONLY` of the libSQL clients, in SQLite's words; and whether it was one.
fn begin_read_only(sql: &str) -> (Cow<'_, str>, bool) {
    if sql_text::first_word(sql).eq_ignore_ascii_case("BEGIN") {
        let words: Vec<&str> = sql
            .trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace())
            .split_ascii_whitespace()
            .collect();
        let matches = |wanted: &[&str]| {
            words.len() == wanted.len()
                && words
                    .iter()
                    .zip(wanted)
                    .all(|(word, wanted)| word.eq_ignore_ascii_case(wanted))
        };
        if matches(&["BEGIN", "READONLY"]) || matches(&["BEGIN", "TRANSACTION", "READONLY"]) {
            return (Cow::Borrowed("BEGIN DEFERRED"), true);
        }
    }
    (Cow::Borrowed(sql), false)
}
