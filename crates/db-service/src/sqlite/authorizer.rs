//! Rights enforced by SQLite's authorizer, when a statement is compiled.
//!
//! The authorizer sees every table and column that a statement would touch, those inside views, triggers and
//! subqueries included, so no text gets around it.

use crate::engine::{Rights, Scope};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::sync::Arc;

/// Tables of the gateway itself begin with this; nobody but an admin sees them.
pub(crate) const OWN_TABLES: &str = "_comptoir_";

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A connection that only reads, shared by all.
    Reader,
    /// A connection that only reads, for a statement that is compiled and not run.
    Plan,
    /// The connection that writes, shared by all.
    Writer,
    /// A connection of one caller.
    Session,
    /// A statement of the gateway itself.
    Own,
}

/// Pragmas that only look: open to everybody, with or without an argument.
const INTROSPECTION: [&str; 16] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "database_list",
    "collation_list",
    "function_list",
    "module_list",
    "pragma_list",
    "compile_options",
    "integrity_check",
    "quick_check",
];

/// Pragmas that only look as long as they have no argument.
const READABLE: [&str; 33] = [
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "case_sensitive_like",
    "data_version",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "ignore_check_constraints",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "page_count",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "schema_version",
    "secure_delete",
    "synchronous",
    "temp_store",
    "trusted_schema",
    "user_version",
    "wal_autocheckpoint",
];

/// Pragmas whose setting the gateway keeps for itself on connections that several callers share.
const KEPT: [&str; 2] = ["query_only", "busy_timeout"];

/// Pragmas whose setting the gateway keeps for itself on every connection.
const ALWAYS_KEPT: [&str; 4] = [
    "journal_mode",
    "locking_mode",
    "wal_autocheckpoint",
    "temp_store_directory",
];

/// Pragmas that change the database and not only the connection.
const LASTING: [&str; 12] = [
    "application_id",
    "auto_vacuum",
    "encoding",
    "incremental_vacuum",
    "journal_mode",
    "optimize",
    "page_size",
    "schema_version",
    "shrink_memory",
    "user_version",
    "wal_checkpoint",
    "writable_schema",
];

/// Functions that read their arguments and no table.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];

/// Functions whose result is not a matter of the data alone.
const VOLATILE: [&str; 16] = [
    "random",
    "randomblob",
    "date",
    "time",
    "datetime",
    "julianday",
    "unixepoch",
    "strftime",
    "timediff",
    "current_date",
    "current_time",
    "current_timestamp",
    "changes",
    "total_changes",
    "last_insert_rowid",
    "sqlite_log",
];

/// What the authorizer knows and has seen while the current statement was compiled.
#[derive(Debug)]
pub(crate) struct Authorizer {
    /// Who asks.
    pub rights: Arc<Rights>,
    /// Where it runs.
    pub surface: Surface,
    /// The first thing that was refused, in words.
    pub denied: Option<Denial>,
    /// Whether the statement asks for the time, or chance.
    pub volatile: bool,
    /// Whether the statement is `VACUUM`, which attaches a database of its own.
    pub vacuum: bool,
    /// Whether a statement was let through that leaves something on the connection: a temporary object, an
    /// attached database, a pragma.
    pub traces: bool,
}

/// Why the authorizer refused.
#[derive(Debug, Clone)]
pub(crate) enum Denial {
    /// The rights do not allow it.
    Rights(String),
    /// Nobody may do it.
    Kept(String),
    /// It would begin or end a transaction where there is one already.
    OwnTransaction,
    /// It would leave something on a connection that others use.
    NeedsSession(String),
    /// What it would write, where only reads are taken.
    Writes(String),
}

impl Authorizer {
    /// One that lets the gateway's own statements through.
    pub(crate) fn new() -> Self {
        Self {
            rights: Arc::new(Rights::everything()),
            surface: Surface::Own,
            denied: None,
            volatile: false,
            vacuum: false,
            traces: false,
        }
    }

    /// Answers SQLite's question.
    pub(crate) fn authorize(&mut self, context: &AuthContext<'_>) -> Authorization {
        if self.surface == Surface::Own {
            return Authorization::Allow;
        }
        match self.decide(&context.action) {
            Ok(()) => Authorization::Allow,
            Err(denial) => {
                self.denied.get_or_insert(denial);
                Authorization::Deny
            }
        }
    }

    fn decide(&mut self, action: &AuthAction<'_>) -> Result<(), Denial> {
        if self.vacuum {
            return self.vacuum();
        }
        match *action {
            AuthAction::Select | AuthAction::Recursive => Ok(()),
            AuthAction::Function { function_name } => self.function(function_name),
            AuthAction::Read {
                table_name,
                column_name,
            } => self.read(table_name, column_name),
            AuthAction::Insert { table_name } => self.rows(
                table_name,
                "insert into",
                self.rights.may_insert_and_delete(table_name),
            ),
            AuthAction::Delete { table_name } => self.rows(
                table_name,
                "delete from",
                self.rights.may_insert_and_delete(table_name),
            ),
            AuthAction::Update {
                table_name,
                column_name,
            } => {
                let what = format!("{table_name}.{column_name}");
                self.rows(&what, "update", self.rights.may_update(table_name, column_name))
            }
            AuthAction::Pragma {
                pragma_name,
                pragma_value,
            } => self.pragma(pragma_name, pragma_value),
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => match self.surface {
                Surface::Session => Ok(()),
                _ => Err(Denial::OwnTransaction),
            },
            AuthAction::Attach { filename } => self.attach(if filename.is_empty() {
                "a database"
            } else {
                filename
            }),
            AuthAction::Detach { database_name } => self.attach(database_name),
            AuthAction::CreateTempTable { table_name: name }
            | AuthAction::CreateTempView { view_name: name }
            | AuthAction::CreateTempIndex { index_name: name, .. }
            | AuthAction::CreateTempTrigger {
                trigger_name: name, ..
            } => {
                if self.surface != Surface::Session {
                    return Err(Denial::NeedsSession(format!(
                        "temporary objects such as `{name}` live on one connection only"
                    )));
                }
                self.traces = true;
                self.schema()
            }
            _ => self.schema(),
        }
    }

    fn function(&mut self, name: &str) -> Result<(), Denial> {
        if name.eq_ignore_ascii_case("load_extension") {
            return Err(Denial::Rights(
                "load_extension() is switched off in this service".to_owned(),
            ));
        }
        self.volatile |= VOLATILE
            .iter()
            .any(|volatile| name.eq_ignore_ascii_case(volatile));
        Ok(())
    }

    fn read(&self, table: &str, column: &str) -> Result<(), Denial> {
        if self.rights.scope < Scope::Admin && is_own(table) {
            return Err(Denial::Rights(format!(
                "{} may not read {table}",
                self.rights.who()
            )));
        }
        let is_no_table = |table: &str| {
            table.starts_with("pragma_") || TABLE_FUNCTIONS.iter().any(|one| table.eq_ignore_ascii_case(one))
        };
        if is_schema(table) || is_no_table(table) || self.rights.may_read(table, column) {
            return Ok(());
        }
        let object = if column.is_empty() {
            table.to_owned()
        } else {
            format!("{table}.{column}")
        };
        Err(Denial::Rights(format!(
            "{} may not read {object}",
            self.rights.who()
        )))
    }

    fn rows(&self, object: &str, verb: &str, allowed: bool) -> Result<(), Denial> {
        let table = object.split('.').next().unwrap_or(object);
        if self.surface == Surface::Reader {
            return Err(Denial::Writes(format!("the statement would {verb} {object}")));
        }
        if is_schema(table) {
            return self.schema();
        }
        if self.rights.scope < Scope::Admin && is_own(table) || !allowed {
            return Err(Denial::Rights(format!(
                "{} (scope {}) may not {verb} {object}",
                self.rights.who(),
                self.rights.scope.as_str()
            )));
        }
        Ok(())
    }

    fn schema(&self) -> Result<(), Denial> {
        if self.surface == Surface::Reader {
            return Err(Denial::Writes("the statement would change the schema".to_owned()));
        }
        if self.rights.may_change_schema() {
            return Ok(());
        }
        Err(Denial::Rights(format!(
            "{} (scope {}) may not change the schema",
            self.rights.who(),
            self.rights.scope.as_str()
        )))
    }

    fn attach(&mut self, what: &str) -> Result<(), Denial> {
        if self.rights.scope < Scope::Admin {
            return Err(Denial::Rights(format!(
                "{} may not attach or detach {what}; that needs scope admin",
                self.rights.who()
            )));
        }
        match self.surface {
            Surface::Session => {
                self.traces = true;
                Ok(())
            }
            _ => Err(Denial::NeedsSession(format!(
                "{what} would be attached for one connection only"
            ))),
        }
    }

    fn vacuum(&self) -> Result<(), Denial> {
        if self.rights.scope < Scope::Admin {
            let who = self.rights.who();
            return Err(Denial::Rights(format!(
                "{who} may not use VACUUM; that needs scope admin"
            )));
        }
        match self.surface {
            Surface::Reader | Surface::Plan => Err(Denial::Writes("VACUUM writes".to_owned())),
            _ => Ok(()),
        }
    }

    fn pragma(&mut self, name: &str, value: Option<&str>) -> Result<(), Denial> {
        let is_in = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_in(&INTROSPECTION) || value.is_none() && is_in(&READABLE) {
            return Ok(());
        }
        let sets = |pragma: &str, to: &[&str]| {
            name.eq_ignore_ascii_case(pragma)
                && value.is_some_and(|value| to.iter().any(|one| value.eq_ignore_ascii_case(one)))
        };
        // What is so already may be set again, since many a program begins with it. A session may have been told
        // otherwise before.
        let already = sets("foreign_keys", &["on", "1", "true", "yes"]) && !self.traces
            || sets("journal_mode", &["wal"]);
        if already {
            return Ok(());
        }
        if self.rights.scope < Scope::Admin {
            return Err(Denial::Rights(format!(
                "{} may not use PRAGMA {name} here; that needs scope admin",
                self.rights.who()
            )));
        }
        if is_in(&ALWAYS_KEPT) || is_in(&KEPT) && self.surface != Surface::Session {
            return Err(Denial::Kept(format!(
                "PRAGMA {name} is set by the service and cannot be changed"
            )));
        }
        if self.surface == Surface::Reader {
            return Err(Denial::Writes(format!(
                "PRAGMA {name} would change the connection"
            )));
        }
        if self.surface == Surface::Writer && value.is_some() && !is_in(&LASTING) {
            return Err(Denial::NeedsSession(format!(
                "PRAGMA {name} would be set for one connection only"
            )));
        }
        self.traces |= self.surface == Surface::Session;
        Ok(())
    }
}

fn is_own(table: &str) -> bool {
    table
        .get(..OWN_TABLES.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OWN_TABLES))
}

fn is_schema(table: &str) -> bool {
    [
        "sqlite_master",
        "sqlite_schema",
        "sqlite_temp_master",
        "sqlite_temp_schema",
    ]
    .iter()
    .any(|name| table.eq_ignore_ascii_case(name))
}
