//! The one thread that writes.
//!
//! Writes that arrive while a commit is being synced share the next one, each in its own savepoint. A caller
//! is answered only after the commit that holds its write is on disk. When a shared transaction is lost, by a
//! statement that rolls all of it back or by a commit that fails, its writes run again, each in a transaction of
//! its own, so that only the one at fault fails.

use super::checkpoint::Checkpoints;
use super::connection::{Guarded, lock, set_up_writer};
use super::gate::Place;
use super::idempotency;
use super::snapshots::Snapshots;
use super::text::{self, Need};
use crate::config::{Limits, Synchronous};
use crate::engine::{Effect, EngineError, Timing, Write, Written};
use bytes::Bytes;
use db_api::{BatchMode, Params, Statement};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::error;

/// A shared transaction takes no more writes after running for this long.
const GROUP_TIME: Duration = Duration::from_millis(4);

/// The connection that writes.
pub(super) type WriterConnection = Guarded<Box<Connection>>;
/// Work that needs the writer for itself, such as a bulk insert; what it gives back tells its caller.
pub(super) type AloneTask = Box<dyn FnOnce(Result<&WriterConnection, EngineError>) -> Tell + Send>;
/// Answers a caller. It is called when the new version of the data is counted, so that what the caller reads next is
/// not older than its own write.
pub(super) type Tell = Box<dyn FnOnce() + Send>;

/// What waits for the writer.
enum Turn {
    Write(Pending),
    Alone(AloneTask),
    Lease(oneshot::Sender<Lease>),
    Close(oneshot::Sender<()>),
}

/// A write and where its outcome goes.
struct Pending {
    write: Write,
    reply: oneshot::Sender<Result<Written, EngineError>>,
}

/// The right to write, handed to another connection. The writer waits until it is dropped.
pub(super) struct Lease {
    counters: Arc<Counters>,
    changed: bool,
    _back: SyncSender<()>,
}

impl Lease {
    /// Its holder has changed data.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.changed {
            self.counters.committed(1);
        }
    }
}

/// What the writer counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Commits that changed data.
    pub data_version: Arc<AtomicU64>,
    /// Commits.
    pub commits: AtomicU64,
    /// Writes in them.
    pub writes: AtomicU64,
    /// Writes that wait.
    pub queued: AtomicU64,
    /// Checkpoints.
    pub checkpoints: Arc<AtomicU64>,
}

impl Counters {
    fn committed(&self, writes: u64) {
        self.data_version.fetch_add(1, Ordering::AcqRel);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }
}

/// The queue to the writing thread.
pub(super) struct Writer {
    queue: SyncSender<Turn>,
    counters: Arc<Counters>,
    limits: Limits,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread on a connection that is open.
    pub(super) fn start(
        conn: Connection,
        database: &Path,
        wal: PathBuf,
        synchronous: Synchronous,
        limits: &Limits,
        snapshots: Arc<Snapshots>,
    ) -> Result<Self, EngineError> {
        conn.pragma_update(None, "wal_autocheckpoint", 0)
            .map_err(EngineError::broken)?;
        let conn = Guarded::new(Box::new(conn), limits).map_err(EngineError::broken)?;
        let (queue, turns) = sync_channel(usize::try_from(limits.write_queue).unwrap_or(usize::MAX).max(1));
        let counters = Arc::new(Counters {
            data_version: Arc::clone(snapshots.version()),
            ..Counters::default()
        });
        let checkpoints = Checkpoints::start(
            database,
            wal,
            synchronous,
            limits.max_wal_bytes,
            Arc::clone(&counters.checkpoints),
            snapshots,
        )
        .map_err(EngineError::broken)?;
        let thread = WriterThread {
            conn,
            turns,
            counters: Arc::clone(&counters),
            limits: limits.clone(),
            synchronous,
            checkpoints,
            keys: idempotency::Keys::new(limits.idempotency_hours),
        };
        let thread = std::thread::Builder::new()
            .name("db-write".into())
            .spawn(move || thread.work())
            .map_err(EngineError::broken)?;
        Ok(Self {
            queue,
            counters,
            limits: limits.clone(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What it counts.
    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Queues a write.
    pub(super) fn write(&self, write: Write) -> oneshot::Receiver<Result<Written, EngineError>> {
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.send(Turn::Write(Pending { write, reply }))
            && let (Turn::Write(pending), error) = *refused
        {
            let _ = pending.reply.send(Err(error));
        }
        answer
    }

    /// Queues work that needs the writer for itself. It is called in any case.
    pub(super) fn alone(&self, task: AloneTask) {
        if let Err(refused) = self.send(Turn::Alone(task))
            && let (Turn::Alone(task), error) = *refused
        {
            task(Err(error))();
        }
    }

    /// Queues for the right to write on another connection.
    pub(super) fn lease(&self) -> Result<oneshot::Receiver<Lease>, EngineError> {
        let (reply, lease) = oneshot::channel();
        self.send(Turn::Lease(reply)).map_err(|refused| refused.1)?;
        Ok(lease)
    }

    /// Finishes what is queued, checkpoints and ends the thread.
    pub(super) fn close(&self) -> oneshot::Receiver<()> {
        let (reply, done) = oneshot::channel();
        let queue = self.queue.clone();
        let thread = lock(&self.thread).take();
        std::thread::spawn(move || {
            // Dropping the sender in vain tells the caller the same: the writer is gone.
            let _ = queue.send(Turn::Close(reply));
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        });
        done
    }

    /// Whether its thread runs.
    pub(super) fn is_running(&self) -> bool {
        lock(&self.thread)
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    fn send(&self, turn: Turn) -> Result<(), Box<(Turn, EngineError)>> {
        self.counters.queued.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(turn).map_err(|refused| {
            self.counters.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(turn) => {
                    let limit = self.limits.write_queue;
                    let words = format!("{limit} writes wait already (write_queue)");
                    Box::new((turn, EngineError::Overloaded(words)))
                }
                TrySendError::Disconnected(turn) => Box::new((turn, EngineError::Stopping)),
            }
        })
    }
}

struct WriterThread {
    conn: WriterConnection,
    turns: Receiver<Turn>,
    counters: Arc<Counters>,
    limits: Limits,
    synchronous: Synchronous,
    checkpoints: Checkpoints,
    keys: idempotency::Keys,
}

/// A write that ran in the open transaction and waits for its commit.
struct Ran {
    pending: Pending,
    outcome: Result<Written, EngineError>,
}

impl WriterThread {
    fn work(mut self) {
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
                Turn::Write(pending) if needs_alone(&pending.write) => self.outside(pending),
                Turn::Write(pending) => next = self.group(pending),
                Turn::Alone(task) => {
                    let before = self.conn.conn().total_changes();
                    let tell = task(Ok(&self.conn));
                    self.clean_up();
                    if self.conn.conn().total_changes() != before {
                        self.counters.committed(1);
                    }
                    tell();
                }
                Turn::Lease(reply) => {
                    let (back, given_back) = sync_channel(0);
                    let lease = Lease {
                        counters: Arc::clone(&self.counters),
                        changed: false,
                        _back: back,
                    };
                    if reply.send(lease).is_ok() {
                        // Ends when the lease is dropped: nothing is ever sent.
                        let _ = given_back.recv();
                    }
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
    fn group(&mut self, first: Pending) -> Option<Turn> {
        if let Err(error) = self.begin() {
            let _ = first.reply.send(Err(error));
            return None;
        }
        let began = Instant::now();
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
            if ran.len() as u64 >= self.limits.max_group_writes || began.elapsed() > GROUP_TIME {
                break;
            }
            match self.turns.try_recv() {
                Ok(Turn::Write(another)) if !needs_alone(&another.write) => {
                    self.counters.queued.fetch_sub(1, Ordering::Relaxed);
                    pending = another;
                }
                Ok(other) => {
                    rest = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let changed = self.conn.conn().total_changes() != before
            || ran.iter().any(|one| may_change_uncounted(&one.pending.write));
        match self.run_own("COMMIT") {
            Ok(()) => {
                if changed {
                    self.counters.committed(ran.len() as u64);
                }
                if ran.iter().any(|one| one.pending.write.idempotency.is_some()) {
                    self.keys.committed();
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
                let changed =
                    self.conn.conn().total_changes() != before || may_change_uncounted(&pending.write);
                if let Err(error) = self.run_own("COMMIT") {
                    self.rollback();
                    outcome = Err(error);
                } else if changed {
                    self.counters.committed(1);
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
        let marked = write.dry_run
            || write.idempotency.is_some()
            || write.statements.len() != 1
            || write.statements.iter().any(|one| {
                one.params_many.is_some() || one.else_sql.is_some() || text::may_return_rows(&one.sql)
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
            let undo = outcome.is_err() || write.dry_run;
            let undone = if undo {
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
        conn.as_caller(rights, control, Place::Writer, || {
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
        let body = Bytes::from(write.sink.body(ran));
        if let Some(key) = &write.idempotency
            && !write.dry_run
        {
            self.keys.keep(self.conn.conn(), key, &body)?;
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

    /// A single statement that cannot run inside a transaction.
    fn outside(&mut self, mut pending: Pending) {
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
        self.counters.committed(1);
        answer(vec![Ran { pending, outcome }]);
    }

    fn begin(&mut self) -> Result<(), EngineError> {
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

/// Whether a write cannot share a transaction: a single statement that must run outside of one.
fn needs_alone(write: &Write) -> bool {
    match write.statements.as_slice() {
        [statement] => text::need(&statement.sql) == Need::Outside && !write.dry_run,
        _ => false,
    }
}

/// Whether a write may change what is read without a change of rows that SQLite counts, such as `CREATE TABLE`.
fn may_change_uncounted(write: &Write) -> bool {
    write
        .statements
        .iter()
        .any(|statement| !text::changes_rows_only(&statement.sql))
}

/// Runs a statement of an independent batch in a savepoint of its own.
fn run_by_itself(
    conn: &WriterConnection,
    statement: &Statement,
    sink: &mut dyn crate::engine::WriteSink,
) -> Result<(), EngineError> {
    let mark = |sql: &'static str| {
        conn.own(|| {
            conn.conn()
                .prepare_cached(sql)
                .and_then(|mut marked| marked.raw_execute().map(drop))
        })
    };
    mark("SAVEPOINT one_statement")?;
    let outcome = run_statement(conn, statement, sink);
    if !conn.conn().is_autocommit() {
        if outcome.is_err() {
            mark("ROLLBACK TO one_statement")?;
        }
        mark("RELEASE one_statement")?;
    }
    outcome
}

/// Runs a statement, once or for every set of parameters.
fn run_statement(
    conn: &WriterConnection,
    statement: &Statement,
    sink: &mut dyn crate::engine::WriteSink,
) -> Result<(), EngineError> {
    let started = Instant::now();
    if text::need(&statement.sql) == Need::TransactionControl {
        return Err(EngineError::Invalid(format!(
            "{} is not taken here: a request is a transaction already; use /v1/batch for several statements, \
             or an interactive stream (/v3/pipeline)",
            text::first_word(&statement.sql).to_ascii_uppercase()
        )));
    }
    let mut effect = Effect::default();
    let mut compiled = conn.prepare(&statement.sql)?;
    let mut compiled_else = statement
        .else_sql
        .as_deref()
        .map(|sql| conn.prepare(sql))
        .transpose()?;
    let mut columns_told = false;
    let inserts = Inserts::of(&statement.sql);
    let sets = match &statement.params_many {
        Some(_) if !statement.params.is_empty() => {
            return Err(EngineError::Parameters(
                "give `params` or `params_many`, not both".to_owned(),
            ));
        }
        Some(sets) => sets.as_slice(),
        None => std::slice::from_ref(&statement.params),
    };
    for (index, params) in sets.iter().enumerate() {
        let before = conn.conn().last_insert_rowid();
        let outcome = run_set(conn, &mut compiled, params, sink, &mut columns_told).and_then(|changed| {
            effect.rows_affected += changed;
            if changed > 0 {
                effect.last_insert_rowid = inserts
                    .rowid(before, conn.conn().last_insert_rowid())
                    .or(effect.last_insert_rowid);
            }
            let Some(compiled_else) = compiled_else.as_mut().filter(|_| changed == 0) else {
                return Ok(());
            };
            let changed = run_set(conn, compiled_else, params, sink, &mut columns_told)?;
            effect.rows_affected += changed;
            effect.else_rows_affected += changed;
            Ok(())
        });
        if let Err(error) = outcome {
            return Err(if sets.len() > 1 {
                error.at_set(index)
            } else {
                error
            });
        }
    }
    effect.ran = started.elapsed();
    sink.done(effect)
}

/// Whether a statement inserts, as far as its text says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inserts {
    inserts: bool,
    may_update: bool,
}

impl Inserts {
    /// What the text of `sql` says.
    pub(super) fn of(sql: &str) -> Self {
        let word = text::first_word(sql);
        Self {
            inserts: ["INSERT", "REPLACE"]
                .iter()
                .any(|keyword| word.eq_ignore_ascii_case(keyword)),
            may_update: sql
                .as_bytes()
                .windows(8)
                .any(|part| part.eq_ignore_ascii_case(b"conflict")),
        }
    }

    /// The rowid that the statement, which changed rows, has inserted. SQLite keeps the last one of the
    /// connection, so a statement that only updates must not show the one before it.
    pub(super) fn rowid(self, before: i64, after: i64) -> Option<i64> {
        (after != before || self.inserts && !self.may_update).then_some(after)
    }
}

/// Runs a compiled statement with one set of parameters; how many rows it changed.
fn run_set(
    conn: &WriterConnection,
    compiled: &mut rusqlite::Statement<'_>,
    params: &Params,
    sink: &mut dyn crate::engine::WriteSink,
    columns_told: &mut bool,
) -> Result<u64, EngineError> {
    conn.bind(compiled, params)?;
    let before = conn.conn().total_changes();
    if compiled.column_count() == 0 {
        compiled.raw_execute().map_err(|error| conn.error(error))?;
    } else {
        // The sink is told the columns and then the rows, by two closures that never run at once.
        let sink = std::cell::RefCell::new(sink);
        conn.rows(
            compiled,
            |heads| {
                if std::mem::replace(columns_told, true) {
                    Ok(())
                } else {
                    sink.borrow_mut().columns(heads)
                }
            },
            |cells| sink.borrow_mut().row(cells),
        )?;
    }
    // Rows changed by triggers are part of the total but not of the statement's own count.
    Ok(if conn.conn().total_changes() == before {
        0
    } else {
        conn.conn().changes()
    })
}
