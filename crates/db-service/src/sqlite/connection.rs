//! A connection with its guards: what may run on it, until when, and what its errors mean.

use super::authorizer::{Authorizer, Denial, Surface, Touched};
use super::catalog::{self, Catalog, Names};
use super::open;
use super::result_codes;
use super::schema_depth;
use super::sql_text::{self, Need};
use super::text_rights;
use super::thread_priority;
use super::versions::Versions;
use super::watch::Watch;
use super::watchdog;
use crate::config::Limits;
use crate::engine::{Cell, Control, EngineError, Halt, Rights, TableRights};
use db_api::ColumnHead;
use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Statement, TransactionState, ffi};
use sqlite_budget::{Refusal, Stop as _};
use std::cell::{Cell as StdCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many virtual machine steps pass between two looks at the clock: some 20 µs.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;
/// How many texts a connection remembers as volatile or not.
const REMEMBERED_TEXTS: usize = 2_048;

/// In every kept statement of the gateway itself that a caller may not run. A caller's text that has it too is kept
/// under another name, so that it is never taken for the one that was compiled without asking for rights.
pub(super) const OWN_MARK: &str = "/* comptoir */";

/// A connection that only reads, from the pool.
pub(super) type Reader = Guarded<PooledConnection<SqliteConnectionManager>>;
/// A connection that writes.
pub(super) type WriterConnection = Guarded<Box<Connection>>;

/// A connection with its guards. `C` is the connection or its place in a pool.
pub(super) struct Guarded<C> {
    conn: C,
    authorizer: Arc<Mutex<Authorizer>>,
    watch: Arc<Watch>,
    budget: sqlite_budget::Limits,
    compiled_under: StdCell<Option<(u64, Surface)>>,
    /// Whether it was for a caller who is limited to tables.
    compiled_limited: StdCell<bool>,
    volatile: RefCell<HashMap<String, bool>>,
    versions: Arc<Versions>,
    /// Which version of the schema it has read outside of a transaction.
    schema_read: StdCell<u64>,
    /// Which one inside of the transaction that is open: its snapshot may be older.
    schema_read_inside: StdCell<u64>,
    /// What the database holds, for callers who are limited to tables.
    catalog: RefCell<Option<Arc<Catalog>>>,
    /// The kept statements of a limited caller that were judged.
    judged: RefCell<HashSet<String>>,
    /// The kept statements that match texts with patterns.
    matching: RefCell<HashSet<String>>,
    /// Whether values are limited as they are for those.
    limited_to_matched: StdCell<bool>,
    max_value_bytes: u64,
    max_matched_bytes: u64,
    max_sql_bytes: u64,
    max_selects: u64,
    max_schema_bytes: u64,
    max_schema_depth: u64,
}

impl<C: Deref<Target = Connection>> Guarded<C> {
    /// Puts the guards on.
    pub(super) fn new(conn: C, limits: &Limits, versions: &Arc<Versions>) -> rusqlite::Result<Self> {
        if !conn.is_autocommit() {
            // It comes from a reader that panicked, and would show the data as it was then.
            conn.execute_batch("ROLLBACK")?;
        }
        let watch: Arc<Watch> = Arc::default();
        let watched = Arc::clone(&watch);
        conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || watched.must_stop()))?;
        watchdog::look_after(&watch, conn.get_interrupt_handle());
        let guarded = Self {
            conn,
            authorizer: Arc::new(Mutex::new(Authorizer::new(limits.allow_snippet))),
            watch,
            budget: sqlite_budget::Limits {
                statement_bytes: limits.max_statement_memory_bytes,
                process_bytes: limits.max_memory_bytes,
            },
            compiled_under: StdCell::new(None),
            compiled_limited: StdCell::new(false),
            volatile: RefCell::default(),
            versions: Arc::clone(versions),
            schema_read: StdCell::new(0),
            schema_read_inside: StdCell::new(0),
            catalog: RefCell::default(),
            judged: RefCell::default(),
            matching: RefCell::default(),
            limited_to_matched: StdCell::new(false),
            max_value_bytes: limits.max_value_bytes,
            max_matched_bytes: limits.max_matched_bytes.min(limits.max_value_bytes),
            max_sql_bytes: limits.max_sql_bytes,
            max_selects: limits.max_selects,
            max_schema_bytes: limits.max_schema_bytes,
            max_schema_depth: limits.max_schema_depth,
        };
        guarded.install_authorizer()?;
        Ok(guarded)
    }

    /// The connection itself, for statements of the gateway.
    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Runs `work` as statements of a caller: under `rights`, stopped by `control`.
    pub(super) fn as_caller<T>(
        &self,
        rights: &Arc<Rights>,
        control: &Arc<Control>,
        surface: Surface,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if self.compiled_under.get() != Some((rights.id, surface)) {
            // Setting the authorizer anew makes SQLite compile every kept statement again before it runs,
            // so that none passes that was compiled under other rights or for another surface.
            self.install_authorizer().map_err(EngineError::broken)?;
            self.compiled_under.set(Some((rights.id, surface)));
            self.volatile.borrow_mut().clear();
            let limited = rights.tables.is_some();
            if self.compiled_limited.replace(limited) || limited {
                // What a statement touches is seen when it is compiled, which must be before it is judged; and one that
                // tells a limited caller nothing has no columns.
                self.forget_statements();
            }
        }
        {
            let mut authorizer = lock(&self.authorizer);
            if !Arc::ptr_eq(&authorizer.rights, rights) {
                authorizer.rights = Arc::clone(rights);
            }
            authorizer.surface = surface;
            authorizer.denied = None;
        }
        self.watch.put(Some(Arc::clone(control)));
        let stop: Arc<dyn sqlite_budget::Stop> = Arc::<Watch>::clone(&self.watch);
        let outcome = sqlite_budget::run(self.budget, stop, work);
        self.watch.put(None);
        lock(&self.authorizer).surface = Surface::Own;
        self.limit_values(false)?;
        outcome
    }

    /// Runs `work` for at most `budget`; what takes longer ends with [`EngineError::Overrun`].
    pub(super) fn within<T>(&self, budget: Duration, work: impl FnOnce() -> T) -> T {
        self.watch.within(Some(budget));
        let outcome = work();
        self.watch.within(None);
        outcome
    }

    /// Runs `work` on a thread of its own, which gives way to others when it takes long.
    pub(super) fn giving_way<T>(&self, work: impl FnOnce() -> T) -> T {
        self.watch.give_way_after(Some(thread_priority::LONG));
        let outcome = work();
        self.watch.give_way_after(None);
        outcome
    }

    /// Runs `work` as the gateway's own, stopped by `control`.
    pub(super) fn watched<T>(&self, control: &Arc<Control>, work: impl FnOnce() -> T) -> T {
        self.watch.put(Some(Arc::clone(control)));
        let outcome = work();
        self.watch.put(None);
        outcome
    }

    /// Runs a statement of the gateway in the midst of a caller's, whose limits do not hold for it.
    pub(super) fn own<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, EngineError> {
        let surface = std::mem::replace(&mut lock(&self.authorizer).surface, Surface::Own);
        let control = self.watch.put(None);
        let outcome = sqlite_budget::exempt(work);
        self.watch.put(control);
        lock(&self.authorizer).surface = surface;
        outcome.map_err(|error| self.error(error))
    }

    fn install_authorizer(&self) -> rusqlite::Result<()> {
        let authorizer = Arc::clone(&self.authorizer);
        self.conn
            .authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
                lock(&authorizer).authorize(&context)
            }))
    }

    /// Sees to it that what is compiled next is compiled against the schema as it is. SQLite finds out that its schema
    /// is an old one only when a statement begins to run: what does not compile against the old schema never gets
    /// there, and what is only described stays as it was.
    pub(super) fn keep_up(&self) -> Result<(), EngineError> {
        let now = self.versions.schema();
        if self.schema_read.get() == now {
            return Ok(());
        }
        let inside = !self.conn.is_autocommit();
        if inside && self.schema_read_inside.get() == now {
            return Ok(());
        }
        self.forget_statements();
        self.volatile.borrow_mut().clear();
        // Only drops what is in memory: the next statement reads the schema again, and takes no snapshot for it.
        self.own(|| self.conn.pragma_update(None, "writable_schema", "RESET"))?;
        if inside {
            self.schema_read_inside.set(now);
        } else {
            self.schema_read.set(now);
        }
        Ok(())
    }

    /// Compiles a caller's statement, or takes it from those that are kept compiled.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, EngineError> {
        self.before_compiling(sql)?;
        self.keep_up()?;
        let rights = Arc::clone(&lock(&self.authorizer).rights);
        text_rights::judge_own_tables(sql).map_err(|why| refused(&rights, &why))?;
        let compiled = match &rights.tables {
            Some(tables) => self.compile_limited(sql, &rights, tables)?,
            None => self.compile(sql, None).or_else(|error| match error {
                // A virtual table makes ready to write when it is first read.
                EngineError::Denied(_) => self.compile(sql, Some(self.catalog()?)),
                error => Err(error),
            })?,
        };
        if lock(&self.authorizer).surface == Surface::Reader && !compiled.readonly() {
            let written = lock(&self.authorizer).touched.written.take();
            return Err(EngineError::OnlyReads(
                written.unwrap_or_else(|| "the statement would write".to_owned()),
            ));
        }
        self.limit_values(self.is_matching(sql)?)?;
        Ok(compiled)
    }

    /// Whether `sql`, compiled just before or kept from then, matches texts with patterns: by itself, or by a rule of a
    /// table that it touches.
    fn is_matching(&self, sql: &str) -> Result<bool, EngineError> {
        let (matches, tables) = {
            let mut authorizer = lock(&self.authorizer);
            let touched = &mut authorizer.touched;
            (touched.matches, std::mem::take(&mut touched.tables))
        };
        if !matches && tables.is_empty() {
            return Ok(self.matching.borrow().contains(sql));
        }
        if !matches && self.own_matching_tables()?.is_disjoint(&tables) {
            return Ok(false);
        }
        self.matching.borrow_mut().insert(sql.to_owned());
        Ok(true)
    }

    /// The tables whose rules match texts with patterns.
    fn own_matching_tables(&self) -> Result<Arc<Names>, EngineError> {
        let version = self.versions.schema();
        let (known, names) = self.versions.matching_tables();
        if known == version || self.begins_a_transaction()? {
            return Ok(names);
        }
        let names = Arc::new(self.own(|| catalog::matching_tables(&self.conn))?);
        // A transaction may show an older schema.
        if self.conn.is_autocommit() {
            self.versions.keep_matching_tables(version, &names);
        }
        Ok(names)
    }

    /// Whether a transaction is open that has not read yet: to read now would fix what it sees.
    fn begins_a_transaction(&self) -> Result<bool, EngineError> {
        let state = self
            .conn
            .transaction_state(Some("main"))
            .map_err(EngineError::broken)?;
        Ok(!self.conn.is_autocommit() && state == TransactionState::None)
    }

    /// Limits what a text or blob may be long as it is limited for statements that match texts with patterns, or no
    /// longer.
    fn limit_values(&self, to_matched: bool) -> Result<(), EngineError> {
        if self.limited_to_matched.replace(to_matched) == to_matched {
            return Ok(());
        }
        let bytes = if to_matched {
            self.max_matched_bytes
        } else {
            self.max_value_bytes
        };
        open::limit_values(&self.conn, bytes).map_err(EngineError::broken)
    }

    /// Compiles a caller's statement in any case.
    pub(super) fn prepare_afresh(&self, sql: &str) -> Result<Statement<'_>, EngineError> {
        // What it may touch is judged with the one that is kept.
        drop(self.prepare(sql)?);
        self.conn.prepare(sql).map_err(|error| self.error(error))
    }

    fn before_compiling(&self, sql: &str) -> Result<(), EngineError> {
        if sql.len() as u64 > self.max_sql_bytes {
            return Err(EngineError::TooLarge(format!(
                "the statement is {} bytes long, more than {} (max_sql_bytes)",
                sql.len(),
                self.max_sql_bytes
            )));
        }
        sql_text::refuse_nul(sql)?;
        self.within_depth(sql)?;
        if sql_text::need(sql) == Need::Empty {
            return Err(EngineError::NoStatement);
        }
        Ok(())
    }

    /// Refuses what would take more stack to be compiled than there is.
    fn within_depth(&self, sql: &str) -> Result<(), EngineError> {
        let selects = sql_text::selects(sql, self.max_selects);
        if selects > self.max_selects {
            return Err(EngineError::TooLarge(format!(
                "the statement holds more than {} SELECTs (max_selects)",
                self.max_selects
            )));
        }
        let word = sql_text::first_word(sql);
        if !["CREATE", "ALTER"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword))
        {
            return Ok(());
        }
        let bytes = self.own(|| open::schema_bytes(&self.conn))? + sql.len() as u64;
        if bytes > self.max_schema_bytes {
            return Err(EngineError::TooLarge(format!(
                "the texts of the schema would be {bytes} bytes long, more than {} (max_schema_bytes)",
                self.max_schema_bytes
            )));
        }
        let mut objects = self.own(|| schema_depth::read(&self.conn))?;
        schema_depth::add(&mut objects, sql);
        let depth = schema_depth::depth(&objects);
        if depth > self.max_schema_depth {
            return Err(EngineError::TooLarge(format!(
                "views, triggers and keys would build on each other {depth} deep, more than {} (max_schema_depth)",
                self.max_schema_depth
            )));
        }
        Ok(())
    }

    fn compile(&self, sql: &str, catalog: Option<Arc<Catalog>>) -> Result<CachedStatement<'_>, EngineError> {
        {
            let mut authorizer = lock(&self.authorizer);
            authorizer.denied = None;
            authorizer.vacuum = sql_text::first_word(sql).eq_ignore_ascii_case("VACUUM");
            authorizer.catalog = catalog;
            authorizer.touched = Touched::default();
        }
        let compiled = if sql.contains(OWN_MARK) {
            self.conn.prepare_cached(&format!("{sql}\n--"))
        } else {
            self.conn.prepare_cached(sql)
        };
        compiled.map_err(|error| self.error(error))
    }

    /// Compiles a statement of a caller who is limited to tables, and judges what SQLite does not ask about.
    fn compile_limited(
        &self,
        sql: &str,
        rights: &Rights,
        tables: &HashMap<String, TableRights>,
    ) -> Result<CachedStatement<'_>, EngineError> {
        let catalog = self.catalog()?;
        let compiled = self.compile(sql, Some(Arc::clone(&catalog)))?;
        if self.judged.borrow().contains(sql) {
            return Ok(compiled);
        }
        let touched = std::mem::take(&mut lock(&self.authorizer).touched);
        if let Err(why) = text_rights::judge_limited(sql, rights, tables, &catalog, &touched) {
            compiled.discard();
            return Err(refused(rights, &why));
        }
        lock(&self.authorizer).touched = touched;
        if self.judged.borrow().len() >= REMEMBERED_TEXTS {
            self.forget_statements();
        }
        self.judged.borrow_mut().insert(sql.to_owned());
        Ok(compiled)
    }

    /// Forgets what was compiled, so that it is judged anew.
    fn forget_statements(&self) {
        self.conn.flush_prepared_statement_cache();
        self.judged.borrow_mut().clear();
        self.matching.borrow_mut().clear();
    }

    /// What the database holds now. It is read once for all connections, and outside of a transaction where that can be:
    /// one that has read cannot write any more when another was faster.
    fn catalog(&self) -> Result<Arc<Catalog>, EngineError> {
        let version = self.versions.schema();
        let known = self.catalog.borrow().clone();
        if let Some(known) = known.filter(|known| known.version == version) {
            return Ok(known);
        }
        let catalog = if let Some(shared) = self.versions.catalog(version) {
            shared
        } else {
            let read = Arc::new(self.own(|| Catalog::read(&self.conn, version))?);
            // A transaction may show an older schema.
            if self.conn.is_autocommit() {
                self.versions.keep_catalog(&read);
            }
            read
        };
        self.forget_statements();
        *self.catalog.borrow_mut() = Some(Arc::clone(&catalog));
        Ok(catalog)
    }

    /// Takes back that foreign keys are deferred, which a caller may have left behind.
    pub(super) fn reset_deferred_keys(&self) {
        if std::mem::take(&mut lock(&self.authorizer).defers)
            && let Err(cause) = self.own(|| self.conn.pragma_update(None, "defer_foreign_keys", false))
        {
            tracing::error!(%cause, "foreign keys stay deferred on a connection");
        }
    }

    /// Whether `sql`, prepared just before and begun to run, may answer otherwise on the same data. A text is looked at
    /// when it is compiled, be that by its first step, and the answer is kept with it.
    pub(super) fn is_volatile(&self, sql: &str) -> bool {
        let seen = lock(&self.authorizer).touched.volatile;
        let mut texts = self.volatile.borrow_mut();
        if let Some(known) = texts.get_mut(sql) {
            *known |= seen;
            return *known;
        }
        if texts.len() >= REMEMBERED_TEXTS {
            texts.clear();
            self.forget_statements();
        }
        texts.insert(sql.to_owned(), seen);
        seen
    }

    /// What an error of SQLite means here.
    pub(super) fn error(&self, error: rusqlite::Error) -> EngineError {
        let denied = lock(&self.authorizer).denied.take();
        let (code, message, offset) = match error {
            rusqlite::Error::MultipleStatement => return EngineError::ManyStatements,
            rusqlite::Error::SqlInputError {
                error, msg, offset, ..
            } => (error.extended_code, msg, u64::try_from(offset).ok()),
            rusqlite::Error::SqliteFailure(error, message) => (
                error.extended_code,
                message.unwrap_or_else(|| error.to_string()),
                None,
            ),
            rusqlite::Error::InvalidParameterCount(given, expected) => {
                return EngineError::Parameters(format!(
                    "the statement has {expected} parameters and the request gives {given}"
                ));
            }
            other => return EngineError::broken(other),
        };
        match denied {
            Some(Denial::Rights(words)) => return EngineError::Denied(words),
            Some(Denial::Hidden(words)) => return EngineError::Hidden(words),
            Some(Denial::Kept(words)) => return EngineError::Invalid(words),
            Some(Denial::OwnTransaction) => {
                return EngineError::OwnTransaction("transactions are not begun or ended here".to_owned());
            }
            Some(Denial::NeedsSession(words)) => return EngineError::NeedsSession(words),
            Some(Denial::Writes(words)) => return EngineError::OnlyReads(words),
            None => {}
        }
        let name = result_codes::name(code);
        if code == ffi::SQLITE_BUSY_SNAPSHOT {
            return EngineError::Stale;
        }
        if code == ffi::SQLITE_IOERR_NOMEM {
            return self.out_of_memory();
        }
        match code & 0xff {
            ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH => EngineError::Constraint {
                message,
                sqlite_code: name,
            },
            ffi::SQLITE_INTERRUPT => self.stopped(),
            ffi::SQLITE_NOMEM => self.out_of_memory(),
            ffi::SQLITE_AUTH => EngineError::Denied(message),
            ffi::SQLITE_READONLY => EngineError::ReadOnly(message),
            ffi::SQLITE_TOOBIG if self.limited_to_matched.get() => EngineError::TooLarge(format!(
                "{message}: in a statement that uses LIKE or GLOB a text or blob may have {} bytes (max_matched_bytes)",
                self.max_matched_bytes
            )),
            ffi::SQLITE_TOOBIG => EngineError::TooLarge(format!(
                "{message}: a text or blob is larger than {} bytes (max_value_bytes) or the statement longer \
                 than {} bytes (max_sql_bytes)",
                self.max_value_bytes, self.max_sql_bytes
            )),
            ffi::SQLITE_FULL => EngineError::DiskFull,
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => EngineError::Damaged(message),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => EngineError::Overloaded(
                "another program holds a lock on the database file; try again".to_owned(),
            ),
            ffi::SQLITE_ERROR | ffi::SQLITE_RANGE | ffi::SQLITE_SCHEMA | ffi::SQLITE_ABORT => {
                EngineError::Sql {
                    message,
                    sqlite_code: name,
                    offset,
                }
            }
            _ => EngineError::Broken {
                cause: message,
                sqlite_code: Some(name),
            },
        }
    }

    /// Why the statement was interrupted.
    fn stopped(&self) -> EngineError {
        self.watch
            .control()
            .and_then(|control| control.reason())
            .unwrap_or(EngineError::Overrun)
    }

    /// Why the statement got no memory.
    fn out_of_memory(&self) -> EngineError {
        match sqlite_budget::refusal() {
            Some(Refusal::Stopped) => self.stopped(),
            Some(refusal) => EngineError::out_of_memory(refusal),
            // SQLite says the same of what it would not compile.
            None => EngineError::TooLarge(format!(
                "the statement compiles to more than {} operations, or the machine has no memory left",
                open::MOST_OPERATIONS
            )),
        }
    }

    /// Whether a caller's statement may have left something on the connection.
    pub(super) fn has_traces(&self) -> bool {
        lock(&self.authorizer).traces
    }

    /// Steps through the rows of a bound statement. The columns are given before the first row, or at the end when
    /// there is none, so that an error of the first step is the whole answer; and they are those of the first step, which
    /// compiles the statement anew when the schema has changed.
    pub(super) fn rows(
        &self,
        statement: &mut Statement<'_>,
        mut columns: impl FnMut(Vec<ColumnHead>) -> Result<(), Halt>,
        mut row: impl FnMut(&[Cell<'_>]) -> Result<(), Halt>,
    ) -> Result<(), EngineError> {
        let mut rows = statement.raw_query();
        let mut next = rows.next().map_err(|error| self.error(error))?;
        let Some(first) = next else {
            drop(rows);
            return halted(columns(heads(statement)));
        };
        let told = columns(heads(first.as_ref()));
        if told.is_err() {
            return halted(told);
        }
        let mut cells: Vec<Cell<'_>> = Vec::new();
        while let Some(current) = next {
            // The cells borrow from the row, so their storage is handed on empty from row to row.
            let mut lent: Vec<Cell<'_>> = reuse(cells);
            for index in 0..current.as_ref().column_count() {
                lent.push(match current.get_ref(index).map_err(|error| self.error(error))? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(value) => Cell::Integer(value),
                    ValueRef::Real(value) => Cell::Real(value),
                    ValueRef::Text(bytes) => Cell::Text(bytes),
                    ValueRef::Blob(bytes) => Cell::Blob(bytes),
                });
            }
            let taken = row(&lent);
            if taken.is_err() {
                return halted(taken);
            }
            cells = reuse(lent);
            next = rows.next().map_err(|error| self.error(error))?;
        }
        Ok(())
    }
}

/// What the sink's answer means for the statement.
fn halted(told: Result<(), Halt>) -> Result<(), EngineError> {
    match told {
        Ok(()) | Err(Halt::Enough) => Ok(()),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// The refusal of what the text of a statement would do.
fn refused(rights: &Rights, why: &str) -> EngineError {
    EngineError::Denied(format!("{} {why}", rights.who()))
}

/// The storage of `cells`, emptied, for cells of another row.
fn reuse<'b>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'b>> {
    cells.clear();
    // In place: the standard library keeps the allocation of a mapped vector of the same layout.
    cells.into_iter().map(|_| Cell::Null).collect()
}

/// The columns of a statement.
pub(super) fn heads(statement: &Statement<'_>) -> Vec<ColumnHead> {
    statement
        .columns()
        .iter()
        .map(|column| ColumnHead {
            name: column.name().to_owned(),
            declared_type: column.decl_type().map(str::to_owned),
        })
        .collect()
}

/// A lock whose holder cannot leave it half-written: a panic elsewhere does not matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
