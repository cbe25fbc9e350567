//! The engine inside the process: one SQLite file, one thread that writes, several that read.
//!
//! The only place that knows rusqlite. Invariants: the file is in WAL mode; only the writer's connection, or the
//! holder of its lease, writes; every statement of a caller is compiled under that caller's rights.

mod authorizer;
mod backup;
mod bind;
mod bulk;
mod catalog;
mod checkpoint;
mod connection;
mod database_file;
mod functions;
mod idempotency;
mod open;
mod reader_pool;
mod readiness;
mod restore;
mod result_codes;
mod schema;
mod schema_depth;
mod session;
mod short_statements;
mod slow;
mod sql_text;
mod sql_tokens;
mod text_rights;
mod thread_priority;
mod verify;
mod versions;
mod warm_reads;
mod watch;
mod watchdog;
mod write;
mod write_queue;
mod writer;
mod writer_thread;

pub use restore::{Restored, restore};
pub(crate) use sql_text::{first_word, refuse_nul, statements};
pub use verify::{Verified, verify};

use crate::config::{Config, Limits};
use crate::engine::{
    Bulk, BulkDone, BulkSource, Cell, Control, Engine, EngineError, EngineFuture, Halt, Kind, OpenReads,
    Party, Read, Registry, Rights, RowSink, Session, Stats, Timing, Write, Written,
};
use authorizer::Surface;
use bytes::Bytes;
use connection::Reader;
use database_file::DatabaseFile;
use db_api::{PlanNode, Table, TableKind, TableSummary};
use reader_pool::ReaderPool;
use readiness::Readiness;
use session::Sessions;
use short_statements::ShortStatements;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};
use warm_reads::WarmReads;
use writer::Writer;

/// Less room than this on the disk, in bytes, and the service is not ready.
const LEAST_ROOM: u64 = 16 << 20;

/// The engine.
pub(crate) struct SqliteEngine {
    path: PathBuf,
    wal: PathBuf,
    limits: Limits,
    readers: ReaderPool,
    short_statements: Arc<ShortStatements>,
    writer: Arc<Writer>,
    sessions: Arc<Sessions>,
    readiness: Readiness,
}

impl SqliteEngine {
    /// Opens the file, or makes it. `reads` are ended when they keep the log from starting anew.
    pub(crate) fn open(config: &Config, reads: Arc<dyn OpenReads>) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let path = config.database.clone();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("make the folder {}", folder.display()))?;
        }
        let held = database_file::hold(&path)?;
        if !sqlite_budget::install() {
            warn!("SQLite was in use before the service began, so the memory of statements is not limited");
        }
        backup::sweep(&config.folder(), &path);
        if let Some(folder) = &config.backup_folder {
            backup::sweep(folder, &path);
        }
        backup::sweep(&config.folder().join("backups"), &path);
        let conn = open::open_writer(
            &path,
            config.synchronous,
            &config.limits,
            config.allow_double_quoted_texts,
        )
        .with_context(|| format!("open the database {}", path.display()))?;
        let temp_folder = config.temp_folder();
        std::fs::create_dir_all(&temp_folder)
            .with_context(|| format!("make the folder {}", temp_folder.display()))?;
        open::keep_temporary_files_in(&conn, &temp_folder)
            .with_context(|| format!("keep temporary files in {}", temp_folder.display()))?;
        let bytes = open::schema_bytes(&conn)?;
        if bytes > config.limits.max_schema_bytes {
            anyhow::bail!(
                "the texts of the schema of {} are {bytes} bytes long, more than {} (--max-schema-bytes)",
                path.display(),
                config.limits.max_schema_bytes
            );
        }
        let depth = schema_depth::depth(&schema_depth::read(&conn)?);
        if depth > config.limits.max_schema_depth {
            anyhow::bail!(
                "views, triggers and keys of {} build on each other {depth} deep, more than {} (--max-schema-depth)",
                path.display(),
                config.limits.max_schema_depth
            );
        }
        if !config.allow_double_quoted_texts {
            for object in open::in_need_of_double_quotes(&conn)? {
                warn!(
                    "{object}: texts in double quotes are off; write them in single quotes, or say \
                     --allow-double-quoted-texts"
                );
            }
        }
        let mut wal = path.clone().into_os_string();
        wal.push("-wal");
        let wal = PathBuf::from(wal);
        let warm_reads = Arc::new(WarmReads::default());
        let file = DatabaseFile::watch(held, &path, &wal)?;
        let writer = Arc::new(Writer::start(
            conn,
            file,
            config.synchronous,
            &config.limits,
            Arc::clone(&warm_reads),
            Arc::clone(&reads),
        )?);
        let readers = ReaderPool::open(
            &path,
            &config.limits,
            config.allow_double_quoted_texts,
            warm_reads,
            reads,
        )?;
        Ok(Self {
            path: path.clone(),
            wal,
            limits: config.limits.clone(),
            readers,
            short_statements: Arc::default(),
            sessions: Arc::new(Sessions::new(
                path,
                config.synchronous,
                &config.limits,
                config.allow_double_quoted_texts,
                Arc::clone(&writer),
            )),
            writer,
            readiness: Readiness::default(),
        })
    }

    /// Runs `work` on a reading thread.
    async fn on_reader<T: Send + 'static>(
        &self,
        party: Party,
        work: impl FnOnce(&Reader) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.readers.submit(
            party,
            Box::new(move |reader| {
                let outcome = reader.and_then(|reader| {
                    // Statements of the gateway ask for the schema as well.
                    reader.keep_up()?;
                    work(reader)
                });
                // Nobody listens when the client went away.
                let _ = reply.send(outcome);
            }),
        );
        answer
            .await
            .map_err(|_| EngineError::broken("a reading thread ended without an answer"))?
    }

    /// Makes a copy of the database in `folder`, on a reading thread.
    fn copy(
        &self,
        control: Arc<Control>,
        folder: PathBuf,
        checked: bool,
    ) -> impl FnOnce(&Reader) -> Result<NamedTempFile, EngineError> + Send + use<> {
        let database = self.path.clone();
        let bytes_per_s = self.limits.backup_mib_per_s << 20;
        let limit = Duration::from_millis(self.limits.stream_timeout_ms);
        move |reader| {
            control.start(limit);
            let order = backup::Order {
                database: &database,
                folder: &folder,
                bytes_per_s,
                checked,
            };
            reader.watched(&control, || backup::copy(reader.conn(), &order, &control))
        }
    }

    /// The folder of the database.
    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

impl Engine for SqliteEngine {
    fn read(&self, read: Read, mut sink: Box<dyn RowSink>) {
        if sink.restart() && self.short_statements.is_short(&read.sql) {
            let at_once = self.readers.at_once(|reader| {
                reader.within(short_statements::BUDGET, || {
                    run_read(reader, &read, sink.as_mut())
                })
            });
            match at_once {
                Some(Err(EngineError::Overrun)) => {
                    self.short_statements.ran(&read.sql, short_statements::BUDGET);
                    sink.restart();
                }
                Some(outcome) => return sink.finish(outcome),
                None => {}
            }
        }
        let slow_ms = self.limits.slow_statement_ms;
        let short_statements = Arc::clone(&self.short_statements);
        let party = read.control.party();
        self.readers.submit(
            party,
            Box::new(move |reader| {
                let outcome = reader.and_then(|reader| {
                    let timing = reader.giving_way(|| run_read(reader, &read, sink.as_mut()))?;
                    short_statements.ran(&read.sql, timing.ran);
                    if timing.ran.as_millis() >= u128::from(slow_ms) {
                        slow::log(reader.conn(), &read.sql, timing.ran, read.rights.token.as_deref());
                    }
                    Ok(timing)
                });
                sink.finish(outcome);
            }),
        );
    }

    fn write(&self, write: Write) -> EngineFuture<'_, Written> {
        Box::pin(async move {
            let control = Arc::clone(&write.control);
            let answer = self.writer.write(write);
            control.turn_within(self.limits.queue_wait_ms, answer).await?
        })
    }

    fn bulk(&self, bulk: Bulk, source: Box<dyn BulkSource>) -> EngineFuture<'_, BulkDone> {
        Box::pin(async move {
            let control = Arc::clone(&bulk.control);
            let limit = Duration::from_millis(self.limits.stream_timeout_ms);
            let limits = self.limits.clone();
            let file = Arc::clone(self.writer.file());
            let (reply, answer) = oneshot::channel();
            let party = control.party();
            self.writer.alone(
                party,
                Box::new(move |conn| {
                    let done = conn
                        .and_then(|conn| bulk::run(conn, &bulk, source, limit, &limits))
                        .and_then(|done| file.check().map(|()| done));
                    // Nobody listens when the client went away; its control has stopped the insert then.
                    Box::new(move || drop(reply.send(done)))
                }),
            );
            control.turn_within(self.limits.queue_wait_ms, answer).await?
        })
    }

    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(Sessions::open(&self.sessions)?))
    }

    fn list_tables(&self, rights: Arc<Rights>) -> EngineFuture<'_, Vec<TableSummary>> {
        Box::pin(self.on_reader(Party::default(), move |reader| {
            schema::list(reader.conn(), &rights).map_err(EngineError::broken)
        }))
    }

    fn get_table(&self, name: String, rights: Arc<Rights>, count_for: Duration) -> EngineFuture<'_, Table> {
        Box::pin(self.on_reader(Party::default(), move |reader| {
            let mut table = schema::find(reader.conn(), &name)
                .map_err(EngineError::broken)?
                .filter(|table| rights.may_see(&table.name) && !authorizer::is_own(&table.name))
                .ok_or(EngineError::NoTable { name })?;
            if table.kind == TableKind::Table && rights.may_read(&table.name, "") {
                table.row_count = count_rows(reader, &table.name, count_for);
            }
            Ok(table)
        }))
    }

    fn explain(&self, read: Read) -> EngineFuture<'_, Vec<PlanNode>> {
        Box::pin(self.on_reader(read.control.party(), move |reader| explain(reader, &read)))
    }

    fn backup(
        &self,
        control: Arc<Control>,
        unchecked: bool,
        chunks: mpsc::Sender<std::io::Result<Bytes>>,
    ) -> oneshot::Receiver<Result<u64, EngineError>> {
        let (reply, began) = oneshot::channel();
        let copy = self.copy(Arc::clone(&control), self.folder().to_owned(), !unchecked);
        self.readers.submit(
            control.party(),
            Box::new(move |reader| {
                let copied = reader.and_then(copy).and_then(|copy| {
                    let disk = |cause: std::io::Error| EngineError::from_disk(&cause);
                    let length = copy.as_file().metadata().map_err(disk)?.len();
                    Ok((copy.reopen().map_err(disk)?, length))
                });
                match copied {
                    Ok((file, length)) => {
                        control.sending(true);
                        // The copy stands by itself: sending it holds no connection.
                        let sender = std::thread::Builder::new().name("db-backup".into());
                        if reply.send(Ok(length)).is_ok()
                            && let Err(cause) = sender.spawn(move || backup::send(file, &control, &chunks))
                        {
                            error!(%cause, "a thread to send a backup could not be started");
                        }
                    }
                    Err(why) => {
                        let _ = reply.send(Err(why));
                    }
                }
            }),
        );
        began
    }

    fn backup_to(
        &self,
        control: Arc<Control>,
        folder: PathBuf,
        name: String,
    ) -> EngineFuture<'_, (PathBuf, u64)> {
        let copy = self.copy(Arc::clone(&control), folder.clone(), true);
        Box::pin(self.on_reader(control.party(), move |reader| {
            let copied = copy(reader)?;
            backup::keep(copied, &folder, &name).map_err(|cause| EngineError::from_disk(&cause))
        }))
    }

    fn quick_check(&self, control: Arc<Control>) -> EngineFuture<'_, ()> {
        let limit = Duration::from_millis(self.limits.stream_timeout_ms);
        Box::pin(self.on_reader(control.party(), move |reader| {
            control.start(limit);
            let fault = reader.watched(&control, || verify::page_fault(reader.conn()));
            match fault.map_err(|error| verify::failed(error, &control))? {
                Some(fault) => Err(EngineError::Damaged(fault)),
                None => Ok(()),
            }
        }))
    }

    fn data_version(&self) -> u64 {
        self.writer.counters().versions.data()
    }

    fn stats(&self) -> Stats {
        let (reads_queued, read_connections) = self.readers.counts();
        let counters = self.writer.counters();
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        Stats {
            reads_queued,
            read_connections,
            writes_queued: counters.queued.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
            wal_bytes: size(&self.wal),
            database_bytes: size(&self.path),
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
        }
    }

    fn check(&self) -> EngineFuture<'_, ()> {
        Box::pin(async {
            let room = disk_room(self.folder()).map_err(EngineError::broken)?;
            if room < LEAST_ROOM {
                return Err(EngineError::DiskFull);
            }
            if !self.writer.is_running() {
                return Err(EngineError::Stopping);
            }
            self.writer.file().check()?;
            self.readiness.check(&self.writer, &self.limits).await?;
            self.on_reader(Party::default(), |reader| {
                reader
                    .conn()
                    .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
                    .map_err(EngineError::broken)
            })
            .await
        })
    }

    fn close(&self) -> EngineFuture<'_, ()> {
        Box::pin(async {
            let done = self.writer.close();
            done.await.map_err(|_| EngineError::Stopping)?;
            self.sessions.close();
            self.readers.close();
            self.writer.file().release();
            Ok(())
        })
    }
}

/// Bytes free for this user on the disk of `folder`.
fn disk_room(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn run_read(reader: &Reader, read: &Read, sink: &mut dyn RowSink) -> Result<Timing, EngineError> {
    let queued = read.control.arrived().elapsed();
    if !read.control.start(read.timeout) {
        return Err(EngineError::Cancelled("its client went away"));
    }
    let started = Instant::now();
    reader.as_caller(&read.rights, &read.control, Surface::Reader, || {
        let mut statement = reader.prepare(&read.sql)?;
        reader.bind(&mut statement, &read.params)?;
        // The sink is told the columns and then the rows, by two closures that never run at once.
        let sink = std::cell::RefCell::new(sink);
        let volatile = std::cell::Cell::new(true);
        reader.rows(
            &mut statement,
            |heads| {
                volatile.set(reader.is_volatile(&read.sql));
                sink.borrow_mut().begin(heads, volatile.get())
            },
            |cells| sink.borrow_mut().row(cells),
        )?;
        Ok(Timing {
            queued,
            ran: started.elapsed(),
            volatile: volatile.get(),
        })
    })
}

fn explain(reader: &Reader, read: &Read) -> Result<Vec<PlanNode>, EngineError> {
    reader.as_caller(&read.rights, &read.control, Surface::Plan, || {
        // Compiled first by itself: what is not one statement, or not allowed, is refused here.
        drop(reader.prepare_afresh(&read.sql)?);
        let mut statement = reader.prepare(&format!("EXPLAIN QUERY PLAN {}", read.sql))?;
        let mut steps = Vec::new();
        reader.rows(
            &mut statement,
            |_| Ok(()),
            |cells| {
                if let [Cell::Integer(id), Cell::Integer(parent), _, Cell::Text(detail)] = cells {
                    steps.push((*id, *parent, String::from_utf8_lossy(detail).into_owned()));
                }
                Ok::<(), Halt>(())
            },
        )?;
        Ok(schema::plan_tree(&steps))
    })
}

/// The rows of a table, when they can be counted within `limit`.
fn count_rows(reader: &Reader, table: &str, limit: Duration) -> Option<u64> {
    let registry = Arc::new(Registry::default());
    let ticket = registry.open(Kind::Read, "count", None, Party::default());
    ticket.control.start(limit);
    let sql = format!("SELECT count(*) FROM {}", schema::quoted(table));
    reader
        .watched(&ticket.control, || {
            reader
                .conn()
                .query_row(&sql, [], |row| row.get::<_, i64>(0))
                .map_err(EngineError::broken)
        })
        .ok()
        .and_then(|count| u64::try_from(count).ok())
}
