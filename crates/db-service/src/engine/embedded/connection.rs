//! A connection with its guards: what may run on it, until when, and what its errors mean.

use super::codes;
use super::courtesy;
use super::gate::{Denial, Gate, Place};
use super::text::{self, Need};
use crate::config::{Limits, Synchronous};
use crate::engine::{Cell, Control, EngineError, Halt, Rights};
use db_api::{ColumnHead, Params, Value};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, Statement, ToSql, ffi};
use std::cell::{Cell as StdCell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many virtual machine steps pass between two looks at the clock: some 20 µs.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;
/// How many compiled statements a connection keeps.
const STATEMENT_CACHE: usize = 128;
/// How many texts a connection remembers as volatile or not.
const REMEMBERED_TEXTS: usize = 2_048;
/// How long a connection waits for a lock. Only another program that opens the file can hold one.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens the file for writing; it is made when there is none.
pub(super) fn open_writer(
    path: &Path,
    synchronous: Synchronous,
    limits: &Limits,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set_up_writer(&conn, synchronous)?;
    limit(&conn, limits)?;
    Ok(conn)
}

/// The settings of a connection that writes. Set again after a pragma of a caller ran on it.
pub(super) fn set_up_writer(conn: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "recursive_triggers", false)?;
    conn.pragma_update(None, "writable_schema", false)?;
    conn.pragma_update(None, "ignore_check_constraints", false)?;
    conn.pragma_update(None, "cache_size", -16_000)?;
    conn.pragma_update(None, "journal_size_limit", 67_108_864)?;
    conn.pragma_update(
        None,
        "synchronous",
        match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        },
    )
}

/// Opens the file for one caller at a time.
pub(super) fn open_session(
    path: &Path,
    synchronous: Synchronous,
    limits: &Limits,
) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set_up_writer(&conn, synchronous)?;
    conn.pragma_update(None, "cache_size", -2_000)?;
    // The writer sees to checkpoints.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    limit(&conn, limits)?;
    Ok(conn)
}

/// The flags of a connection that only reads.
pub(super) fn reader_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// The settings of a connection that only reads.
pub(super) fn set_up_reader(conn: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -2_000)?;
    limit(conn, limits)
}

fn limit(conn: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let clamp = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX);
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, clamp(limits.max_value_bytes))?;
    conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, clamp(limits.max_sql_bytes))?;
    Ok(())
}

/// What the statement that runs is stopped by.
#[derive(Default)]
struct Watch {
    control: Option<Arc<Control>>,
    until: Option<Instant>,
    /// When its thread gives way to others.
    gives_way_at: Option<Instant>,
}

impl Watch {
    fn must_stop(&mut self) -> bool {
        if self.gives_way_at.take_if(|at| Instant::now() >= *at).is_some() {
            courtesy::give_way();
        }
        self.control.as_ref().is_some_and(|control| control.must_stop())
            || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// A connection with its guards. `C` is the connection or its place in a pool.
pub(super) struct Guarded<C> {
    conn: C,
    gate: Arc<Mutex<Gate>>,
    watch: Arc<Mutex<Watch>>,
    compiled_under: StdCell<Option<(u64, Place)>>,
    volatile: RefCell<HashMap<String, bool>>,
    max_value_bytes: u64,
    max_sql_bytes: u64,
}

impl<C: Deref<Target = Connection>> Guarded<C> {
    /// Puts the guards on.
    pub(super) fn new(conn: C, limits: &Limits) -> rusqlite::Result<Self> {
        if !conn.is_autocommit() {
            // It comes from a reader that panicked, and would show the data as it was then.
            conn.execute_batch("ROLLBACK")?;
        }
        let watch: Arc<Mutex<Watch>> = Arc::default();
        let watched = Arc::clone(&watch);
        conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || lock(&watched).must_stop()))?;
        let guarded = Self {
            conn,
            gate: Arc::new(Mutex::new(Gate::new())),
            watch,
            compiled_under: StdCell::new(None),
            volatile: RefCell::default(),
            max_value_bytes: limits.max_value_bytes,
            max_sql_bytes: limits.max_sql_bytes,
        };
        guarded.install_gate()?;
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
        place: Place,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if self.compiled_under.get() != Some((rights.id, place)) {
            // Setting the authorizer anew makes SQLite compile every kept statement again before it runs,
            // so that none passes that was compiled under other rights or for another place.
            self.install_gate().map_err(EngineError::broken)?;
            self.compiled_under.set(Some((rights.id, place)));
            self.volatile.borrow_mut().clear();
        }
        {
            let mut gate = lock(&self.gate);
            if !Arc::ptr_eq(&gate.rights, rights) {
                gate.rights = Arc::clone(rights);
            }
            gate.place = place;
            gate.denied = None;
        }
        lock(&self.watch).control = Some(Arc::clone(control));
        let outcome = work();
        lock(&self.watch).control = None;
        lock(&self.gate).place = Place::Own;
        outcome
    }

    /// Runs `work` for at most `budget`; what takes longer ends with [`EngineError::Overrun`].
    pub(super) fn within<T>(&self, budget: Duration, work: impl FnOnce() -> T) -> T {
        lock(&self.watch).until = Some(Instant::now() + budget);
        let outcome = work();
        lock(&self.watch).until = None;
        outcome
    }

    /// Runs `work` on a thread of its own, which gives way to others when it takes long.
    pub(super) fn giving_way<T>(&self, work: impl FnOnce() -> T) -> T {
        lock(&self.watch).gives_way_at = Some(Instant::now() + courtesy::LONG);
        let outcome = work();
        lock(&self.watch).gives_way_at = None;
        outcome
    }

    /// Runs `work` as the gateway's own, stopped by `control`.
    pub(super) fn watched<T>(&self, control: &Arc<Control>, work: impl FnOnce() -> T) -> T {
        lock(&self.watch).control = Some(Arc::clone(control));
        let outcome = work();
        lock(&self.watch).control = None;
        outcome
    }

    /// Runs a statement of the gateway in the midst of a caller's.
    pub(super) fn own<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, EngineError> {
        let place = std::mem::replace(&mut lock(&self.gate).place, Place::Own);
        let outcome = work();
        lock(&self.gate).place = place;
        outcome.map_err(|error| self.error(error))
    }

    fn install_gate(&self) -> rusqlite::Result<()> {
        let gate = Arc::clone(&self.gate);
        self.conn
            .authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
                lock(&gate).authorize(&context)
            }))
    }

    /// Compiles a caller's statement.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, EngineError> {
        if sql.len() as u64 > self.max_sql_bytes {
            return Err(EngineError::TooLarge(format!(
                "the statement is {} bytes long, more than {} (max_sql_bytes)",
                sql.len(),
                self.max_sql_bytes
            )));
        }
        if text::need(sql) == Need::Empty {
            return Err(EngineError::NoStatement);
        }
        {
            let mut gate = lock(&self.gate);
            gate.volatile = false;
            gate.denied = None;
            gate.vacuum = text::first_word(sql).eq_ignore_ascii_case("VACUUM");
        }
        self.conn.prepare_cached(sql).map_err(|error| self.error(error))
    }

    /// Whether `sql`, just prepared, may answer otherwise on the same data.
    pub(super) fn is_volatile(&self, sql: &str) -> bool {
        let mut texts = self.volatile.borrow_mut();
        if let Some(known) = texts.get(sql) {
            return *known;
        }
        if texts.len() >= REMEMBERED_TEXTS {
            texts.clear();
        }
        let volatile = lock(&self.gate).volatile;
        texts.insert(sql.to_owned(), volatile);
        volatile
    }

    /// What an error of SQLite means here.
    pub(super) fn error(&self, error: rusqlite::Error) -> EngineError {
        let denied = lock(&self.gate).denied.take();
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
            rusqlite::Error::NulError(_) => {
                return EngineError::Sql {
                    message: "the statement holds a NUL character; pass it as a parameter".to_owned(),
                    sqlite_code: "SQLITE_ERROR",
                    offset: None,
                };
            }
            other => return EngineError::broken(other),
        };
        match denied {
            Some(Denial::Rights(words)) => return EngineError::Denied(words),
            Some(Denial::Place(words)) => return EngineError::Invalid(words),
            Some(Denial::Writes(words)) => return EngineError::ReadOnly(words),
            None => {}
        }
        let name = codes::name(code);
        if code == ffi::SQLITE_BUSY_SNAPSHOT {
            return EngineError::Stale;
        }
        match code & 0xff {
            ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH => EngineError::Constraint {
                message,
                sqlite_code: name,
            },
            ffi::SQLITE_INTERRUPT => lock(&self.watch)
                .control
                .as_ref()
                .and_then(|control| control.reason())
                .unwrap_or(EngineError::Overrun),
            ffi::SQLITE_AUTH => EngineError::Denied(message),
            ffi::SQLITE_READONLY => EngineError::ReadOnly(message),
            ffi::SQLITE_TOOBIG => EngineError::TooLarge(format!(
                "{message}: a text or blob is larger than {} bytes (max_value_bytes) or the statement longer \
                 than {} bytes (max_sql_bytes)",
                self.max_value_bytes, self.max_sql_bytes
            )),
            ffi::SQLITE_FULL => EngineError::DiskFull,
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

    /// Binds parameters, all of them and no more.
    pub(super) fn bind(&self, statement: &mut Statement<'_>, params: &Params) -> Result<(), EngineError> {
        match params {
            Params::Positional(values) => {
                let expected = statement.parameter_count();
                if values.len() != expected {
                    return Err(EngineError::Parameters(format!(
                        "the statement has {expected} parameters and the request gives {}",
                        values.len()
                    )));
                }
                for (index, value) in values.iter().enumerate() {
                    statement
                        .raw_bind_parameter(index + 1, Bound(value))
                        .map_err(|error| self.error(error))?;
                }
            }
            Params::Named(values) => self.bind_named(statement, values)?,
        }
        Ok(())
    }

    /// Binds parameters by SQLite's own index, so that positions, `?NNN` with holes and names may be mixed.
    /// A name goes before a position; values that the statement does not take are left out.
    pub(super) fn bind_by_index(
        &self,
        statement: &mut Statement<'_>,
        positional: &[Value],
        named: &[(String, Value)],
    ) -> Result<(), EngineError> {
        for index in 1..=statement.parameter_count() {
            let name = statement.parameter_name(index);
            let by_name = name.and_then(|name| {
                named.iter().find(|(given, _)| {
                    given == name || given.strip_prefix([':', '@', '$']).unwrap_or(given) == &name[1..]
                })
            });
            let Some(value) = by_name
                .map(|(_, value)| value)
                .or_else(|| positional.get(index - 1))
            else {
                let which = name.map_or_else(|| index.to_string(), str::to_owned);
                return Err(EngineError::Parameters(format!(
                    "parameter {which} of the statement has no value"
                )));
            };
            statement
                .raw_bind_parameter(index, Bound(value))
                .map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    /// Whether a caller's statement may have left something on the connection.
    pub(super) fn has_traces(&self) -> bool {
        lock(&self.gate).traces
    }

    fn bind_named(
        &self,
        statement: &mut Statement<'_>,
        values: &std::collections::BTreeMap<String, Value>,
    ) -> Result<(), EngineError> {
        let mut used = 0;
        for index in 1..=statement.parameter_count() {
            let Some(name) = statement.parameter_name(index) else {
                return Err(EngineError::Parameters(format!(
                    "parameter {index} of the statement has no name; give the parameters as a list"
                )));
            };
            let Some(value) = values.get(name).or_else(|| values.get(&name[1..])) else {
                return Err(EngineError::Parameters(format!(
                    "the statement has a parameter {name} that the request does not give"
                )));
            };
            statement
                .raw_bind_parameter(index, Bound(value))
                .map_err(|error| self.error(error))?;
            used += 1;
        }
        if used < values.len() {
            let unknown: Vec<_> = values
                .keys()
                .filter(|key| {
                    let bare = key.strip_prefix([':', '@', '$']).unwrap_or(key);
                    [":", "@", "$"].iter().all(|prefix| {
                        !matches!(statement.parameter_index(&format!("{prefix}{bare}")), Ok(Some(_)))
                    })
                })
                .map(String::as_str)
                .collect();
            if !unknown.is_empty() {
                return Err(EngineError::Parameters(format!(
                    "the statement has no parameter {}",
                    unknown.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Steps through the rows of a bound statement. The columns are given before the first row, or at the
    /// end when there is none, so that an error of the first step is the whole answer.
    pub(super) fn rows(
        &self,
        statement: &mut Statement<'_>,
        mut columns: impl FnMut(Vec<ColumnHead>) -> Result<(), Halt>,
        mut row: impl FnMut(&[Cell<'_>]) -> Result<(), Halt>,
    ) -> Result<(), EngineError> {
        let heads = heads(statement);
        let width = heads.len();
        let mut heads = Some(heads);
        let mut cells: Vec<Cell<'_>> = Vec::new();
        let mut rows = statement.raw_query();
        loop {
            let next = rows.next().map_err(|error| self.error(error))?;
            if let Some(heads) = heads.take() {
                match columns(heads) {
                    Ok(()) => {}
                    Err(Halt::Enough) => return Ok(()),
                    Err(Halt::Failed(error)) => return Err(error),
                }
            }
            let Some(current) = next else {
                return Ok(());
            };
            // The cells borrow from the row, so their storage is handed on empty from row to row.
            let mut lent: Vec<Cell<'_>> = reuse(cells);
            for index in 0..width {
                lent.push(match current.get_ref(index).map_err(|error| self.error(error))? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(value) => Cell::Integer(value),
                    ValueRef::Real(value) => Cell::Real(value),
                    ValueRef::Text(bytes) => Cell::Text(bytes),
                    ValueRef::Blob(bytes) => Cell::Blob(bytes),
                });
            }
            match row(&lent) {
                Ok(()) => {}
                Err(Halt::Enough) => return Ok(()),
                Err(Halt::Failed(error)) => return Err(error),
            }
            cells = reuse(lent);
        }
    }
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

/// A value on its way into a statement, without a copy.
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::RawText(bytes) => ValueRef::Text(bytes),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A lock whose holder cannot leave it half-written: a panic elsewhere does not matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
