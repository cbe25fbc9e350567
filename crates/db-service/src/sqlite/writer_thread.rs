//! The one thread that writes.
//!
//! Writes that arrive while a commit is being synced share the next one, each in its own savepoint. A caller
//! is answered only after the commit that holds its write is on disk (`--synchronous full`). When a shared transaction is lost, by a
//! statement that rolls all of it back or by a commit that fails, its writes run again, each in a transaction of
//! its own, so that only the one at fault fails.

use super::authorizer::Surface;
use super::checkpoint::Checkpoints;
use super::connection::WriterConnection;
use super::database_file::DatabaseFile;
use super::idempotency;
use super::open::set_up_writer;
use super::sql_text::{self, Need};
use super::write::{run_by_itself, run_statement, would_commit};
use super::write_queue::{Counters, Lease, Pending, Turn};
use crate::config::{Limits, Synchronous};
use crate::engine::{EngineError, Timing, Write, Written};
use db_api::{BatchMode, Statement};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use tracing::error;

/// A shared transaction takes no more writes after running for this long.
const GROUP_TIME: Duration = Duration::from_millis(4);

/// What the thread works with.
pub(super) struct WriterThread {
    pub conn: WriterConnection,
    pub turns: Receiver<Turn>,
    pub counters: Arc<Counters>,
    pub limits: Limits,
    pub synchronous: Synchronous,
    pub checkpoints: Checkpoints,
    pub keys: idempotency::Keys,
    pub file: Arc<DatabaseFile>,
}

/// A write that ran in the open transaction and waits for its commit.
struct Ran {
    pending: Pending,
    outcome: Result<Written, EngineError>,
}

impl WriterThread {
    /// Its life: ends when it is told to, or when nobody can ask it any more.
    pub(super) fn work(mut self) {
        loop {
            let Ok(turn) = self.turns.recv() else {
                return;
            };
            // A panic costs the writes of its transaction, which are rolled back; their callers see it fail.
            match catch_unwind(AssertUnwindSafe(|| self.turn(turn))) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => {
                    error!("a write panicked; its transaction is rolled back");
                    self.rollback();
                }
            }
        }
    }

    /// Does what `turn` asks, and what of the queue shares its transaction; false when it was the last.
    fn turn(&mut self, turn: Turn) -> bool {
        let mut next = Some(turn);
        while let Some(turn) = next.take() {
            self.counters.queued.fetch_sub(1, Ordering::Relaxed);
            match turn {
                Turn::Write(pending) if pending.write.dry_run => self.rehearse(pending),
                Turn::Write(pending) if needs_alone(&pending.write) => self.outside(pending),
                Turn::Write(pending) => next = self.group(pending),
                Turn::Alone(task, place) => {
                    drop(place);
                    let before = self.conn.conn().total_changes();
                    let tell = task(self.file.check().map(|()| &self.conn));
                    self.clean_up();
                    if self.conn.conn().total_changes() != before {
                        self.counters.committed(1, false);
                    }
                    tell();
                }
                Turn::Lease(reply, place) => {
                    drop(place);
                    let (back, given_back) = sync_channel(0);
                    let lease = Lease::new(Arc::clone(&self.counters), back);
                    if reply.send(lease).is_ok() {
                        // Ends when the lease is dropped: nothing is ever sent.
                        let _ = given_back.recv();
                    }
                }
                Turn::Probe(task) => {
                    task(self.file.check().map(|()| &self.conn));
                    self.clean_up();
                }
                Turn::Close(reply) => {
                    self.checkpoints.close(self.conn.conn());
                    let _ = reply.send(());
                    return false;
                }
            }
            self.checkpoints.committed(self.conn.conn());
        }
        true
    }

    /// Runs `first` and what else waits in one transaction; what cannot share it comes back.
    fn group(&mut self, mut first: Pending) -> Option<Turn> {
        first.place = None;
        if let Err(error) = self.begin() {
            let _ = first.reply.send(Err(error));
            return None;
        }
        let began = Instant::now();
        let lone = defers_keys(&first.write.statements);
        let before = self.conn.conn().total_changes();
        let mut ran: Vec<Ran> = Vec::new();
        let mut pending = first;
        let mut rest = None;
        loop {
            let (outcome, pending_back) = self.run_in_savepoint(pending);
            if self.conn.conn().is_autocommit() {
                // The statement took the whole transaction with it.
                answer(vec![Ran {
                    pending: pending_back,
                    outcome,
                }]);
                self.each_by_itself(ran);
                return None;
            }
            ran.push(Ran {
                pending: pending_back,
                outcome,
            });
            if lone || ran.len() as u64 >= self.limits.max_group_writes || began.elapsed() > GROUP_TIME {
                break;
            }
            match self.turns.try_recv() {
                Ok(Turn::Write(mut another))
                    if !needs_alone(&another.write) && !defers_keys(&another.write.statements) =>
                {
                    self.counters.queued.fetch_sub(1, Ordering::Relaxed);
                    another.place = None;
                    pending = another;
                }
                Ok(other) => {
                    rest = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let schema = ran.iter().any(|one| may_change_schema(&one.pending.write));
        let changed = self.conn.conn().total_changes() != before || schema;
        match self.run_own("COMMIT") {
            Ok(()) => {
                if changed {
                    self.counters.committed(ran.len() as u64, schema);
                }
                if let Err(lost) = self.file.check() {
                    for one in &mut ran {
                        one.outcome = Err(lost.clone());
                    }
                }
                answer(ran);
            }
            Err(error) if ran.len() == 1 => {
                self.rollback();
                for one in &mut ran {
                    one.outcome = Err(error.clone());
                }
                answer(ran);
            }
            Err(_) => {
                self.rollback();
                self.each_by_itself(ran);
            }
        }
        rest
    }

    /// Runs writes again whose shared transaction was lost, each in one of its own.
    fn each_by_itself(&mut self, lost: Vec<Ran>) {
        for Ran { mut pending, .. } in lost {
            pending.write.sink.reset();
            if let Err(error) = self.begin() {
                let _ = pending.reply.send(Err(error));
                continue;
            }
            let before = self.conn.conn().total_changes();
            let (mut outcome, pending) = self.run_in_savepoint(pending);
            if !self.conn.conn().is_autocommit() {
                let schema = may_change_schema(&pending.write);
                let changed = self.conn.conn().total_changes() != before || schema;
                if let Err(error) = self.run_own("COMMIT") {
                    self.rollback();
                    outcome = Err(error);
                } else if changed {
                    self.counters.committed(1, schema);
                }
            }
            answer(vec![Ran { pending, outcome }]);
        }
    }

    fn run_in_savepoint(&mut self, mut pending: Pending) -> (Result<Written, EngineError>, Pending) {
        let write = &mut pending.write;
        if !write.control.start(write.timeout) {
            return (Err(EngineError::Cancelled("its client went away")), pending);
        }
        if write.control.must_stop() {
            return (Err(EngineError::Cancelled("its client went away")), pending);
        }
        // One statement is its own savepoint: SQLite takes back what a failing statement did. But it has done all before
        // it gives the first row, and the answer may have no room for the rows.
        let marked = write.idempotency.is_some()
            || write.statements.len() != 1
            || write.statements.iter().any(|one| {
                one.params_many.is_some() || one.must_change.is_some() || sql_text::may_return_rows(&one.sql)
            });
        if marked && let Err(error) = self.run_own("SAVEPOINT request") {
            return (Err(error), pending);
        }
        let before = self.conn.conn().total_changes();
        let outcome = self.run(write);
        if !marked && outcome.is_err() && self.conn.conn().total_changes() != before {
            // Only `OR FAIL` leaves in place what the statement did before it failed.
            self.rollback();
        }
        if marked && !self.conn.conn().is_autocommit() {
            let undone = if outcome.is_err() {
                self.run_own("ROLLBACK TO request")
            } else {
                Ok(())
            };
            if let Err(error) = undone.and_then(|()| self.run_own("RELEASE request")) {
                return (Err(error), pending);
            }
        }
        (outcome, pending)
    }

    /// The statements of a write, in the open transaction.
    fn run(&mut self, write: &mut Write) -> Result<Written, EngineError> {
        let queued = write.control.arrived().elapsed();
        if let Some(key) = &write.idempotency
            && let Some(body) = self.keys.find(self.conn.conn(), key)?
        {
            return Ok(Written {
                body,
                replayed: true,
                timing: Timing {
                    queued,
                    ..Timing::default()
                },
            });
        }
        let started = Instant::now();
        let conn = &self.conn;
        let Write {
            statements,
            sink,
            mode,
            rights,
            control,
            ..
        } = write;
        let surface = if defers_keys(statements) {
            Surface::Transaction
        } else {
            Surface::Writer
        };
        conn.as_caller(rights, control, surface, || {
            for (index, statement) in statements.iter().enumerate() {
                let outcome = match mode {
                    BatchMode::Atomic => run_statement(conn, statement, sink.as_mut()),
                    BatchMode::Independent => run_by_itself(conn, statement, sink.as_mut()),
                };
                match outcome {
                    Ok(()) => {}
                    Err(error) if *mode == BatchMode::Independent && !conn.conn().is_autocommit() => {
                        sink.failed(&error);
                    }
                    Err(error) => return Err(error.at_statement(index, statements.len())),
                }
            }
            Ok(())
        })?;
        let ran = started.elapsed();
        let body = write.sink.body(ran);
        if let Some(key) = &write.idempotency
            && !write.dry_run
        {
            self.keys
                .keep(self.conn.conn(), key, &body, write.sink.rows_affected())?;
        }
        self.log_if_slow(write, ran);
        Ok(Written {
            body,
            replayed: false,
            timing: Timing {
                queued,
                ran,
                volatile: true,
            },
        })
    }

    /// A write that is rolled back in the end, in a transaction of its own: its answer is what a commit would say.
    fn rehearse(&mut self, mut pending: Pending) {
        pending.place = None;
        let write = &mut pending.write;
        let outcome = self.begin().and_then(|()| {
            if !write.control.start(write.timeout) {
                return Err(EngineError::Cancelled("its client went away"));
            }
            let written = self.run(write)?;
            would_commit(&self.conn)?;
            Ok(written)
        });
        self.clean_up();
        answer(vec![Ran { pending, outcome }]);
    }

    /// A single statement that cannot run inside a transaction.
    fn outside(&mut self, mut pending: Pending) {
        pending.place = None;
        let write = &mut pending.write;
        let outcome = if write.control.start(write.timeout) {
            self.run(write)
        } else {
            Err(EngineError::Cancelled("its client went away"))
        };
        self.clean_up();
        if let Err(cause) = set_up_writer(self.conn.conn(), self.synchronous) {
            error!(%cause, "the writer's settings could not be restored");
        }
        // A pragma or VACUUM may change what readers see without counting as a change.
        self.counters.committed(1, true);
        answer(vec![Ran { pending, outcome }]);
    }

    fn begin(&mut self) -> Result<(), EngineError> {
        self.file.check()?;
        self.run_own("BEGIN IMMEDIATE")
    }

    fn rollback(&self) {
        if !self.conn.conn().is_autocommit()
            && let Err(error) = self.run_own("ROLLBACK")
        {
            error!("a transaction could not be rolled back: {error}");
        }
    }

    /// After work of others on the connection: no transaction stays open.
    fn clean_up(&self) {
        self.rollback();
    }

    /// A statement of the writer itself.
    fn run_own(&self, sql: &'static str) -> Result<(), EngineError> {
        self.conn
            .conn()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute().map(drop))
            .map_err(|error| self.conn.error(error))
    }

    fn log_if_slow(&self, write: &Write, ran: Duration) {
        if ran.as_millis() >= u128::from(self.limits.slow_statement_ms) {
            for statement in &write.statements {
                super::slow::log(
                    self.conn.conn(),
                    &statement.sql,
                    ran,
                    write.rights.token.as_deref(),
                );
            }
        }
    }
}

fn answer(ran: Vec<Ran>) {
    for Ran { pending, outcome } in ran {
        // Nobody listens when the client went away; the write stands all the same.
        let _ = pending.reply.send(outcome);
    }
}

/// Whether a write cannot share a transaction: a rehearsal, or a single statement that must run outside of one.
fn needs_alone(write: &Write) -> bool {
    let outside = match write.statements.as_slice() {
        [statement] => sql_text::need(&statement.sql) == Need::Outside,
        _ => false,
    };
    write.dry_run || outside
}

/// Whether a write has a transaction of its own since one of several statements defers foreign keys, which lasts for the
/// whole transaction.
fn defers_keys(statements: &[Statement]) -> bool {
    statements.len() > 1
        && statements
            .iter()
            .any(|statement| sql_text::first_word(&statement.sql).eq_ignore_ascii_case("PRAGMA"))
}

/// Whether a write may change the schema, and so what is read without a change of rows that SQLite counts.
fn may_change_schema(write: &Write) -> bool {
    write
        .statements
        .iter()
        .any(|statement| !sql_text::changes_rows_only(&statement.sql))
}
