//! Rights enforced by SQLite's authorizer, when a statement is compiled.
//!
//! The authorizer sees every table and column that a statement would touch, those inside views, triggers and
//! subqueries included, so no text gets around it.

mod names;
mod pragmas;

pub(super) use names::{is_function_of_rows, is_own};

use super::catalog::{Catalog, Names, lower};
use crate::engine::{Columns, Rights, Scope};
use names::{is_schema, names};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::HashMap;
use std::sync::Arc;

/// Tables of the gateway itself begin with this; no statement of a caller reaches them.
pub(crate) const OWN_TABLES: &str = "_comptoir_";

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A connection that only reads, shared by all.
    Reader,
    /// A connection that only reads, for a statement that is compiled and not run.
    Plan,
    /// The connection that writes, in a transaction that several callers share.
    Writer,
    /// The connection that writes, in a transaction of one caller.
    Transaction,
    /// A connection of one caller.
    Session,
    /// A statement of the gateway itself.
    Own,
}

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

/// Functions of SQLite that compare a pattern at every place of a text in one step.
const MATCHING: [&str; 2] = ["like", "glob"];

/// What the authorizer knows and has seen while the current statement was compiled.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Authorizer {
    /// Who asks.
    pub rights: Arc<Rights>,
    /// Where it runs.
    pub surface: Surface,
    /// The first thing that was refused, in words.
    pub denied: Option<Denial>,
    /// Whether the statement is `VACUUM`, which attaches a database of its own.
    pub vacuum: bool,
    /// Whether a statement was let through that leaves something on the connection: a temporary object, an
    /// attached database, a pragma.
    pub traces: bool,
    /// Whether foreign keys may be deferred on the connection until its next transaction ends.
    pub defers: bool,
    /// What the database holds; rights to tables cannot be judged without it.
    pub catalog: Option<Arc<Catalog>>,
    /// What the statement touches.
    pub touched: Touched,
    /// Whether FTS may look for the best part of a text.
    pub allow_snippet: bool,
}

/// What the authorizer was asked about while a statement was compiled.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Tables into which rows go.
    pub inserted: Names,
    /// Columns that are set, by table.
    pub updated: HashMap<String, Names>,
    /// The first thing that would be written where only reads are taken, in words.
    pub written: Option<String>,
    /// Whether it asks for the time, or chance.
    pub volatile: bool,
    /// Whether it matches texts with patterns in a way that no time limit stops.
    pub matches: bool,
    /// All tables that it reads or writes.
    pub tables: Names,
}

/// Why the authorizer refused.
#[derive(Debug, Clone)]
pub(crate) enum Denial {
    /// The rights do not allow it.
    Rights(String),
    /// The rights are limited to tables, and it would show others.
    Hidden(String),
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
    pub(crate) fn new(allow_snippet: bool) -> Self {
        Self {
            rights: Arc::new(Rights::everything()),
            surface: Surface::Own,
            denied: None,
            vacuum: false,
            traces: false,
            defers: false,
            catalog: None,
            touched: Touched::default(),
            allow_snippet,
        }
    }

    /// Answers SQLite's question.
    pub(crate) fn authorize(&mut self, context: &AuthContext<'_>) -> Authorization {
        if self.surface == Surface::Own {
            return Authorization::Allow;
        }
        match self.decide(&context.action) {
            Ok(verdict) => verdict,
            Err(denial) => {
                self.denied.get_or_insert(denial);
                Authorization::Deny
            }
        }
    }

    fn decide(&mut self, action: &AuthAction<'_>) -> Result<Authorization, Denial> {
        match *action {
            // What runs over all tables leaves those of the gateway out.
            AuthAction::Analyze { table_name: name } | AuthAction::Reindex { index_name: name }
                if is_own(name) =>
            {
                return Ok(Authorization::Ignore);
            }
            AuthAction::Pragma {
                pragma_name,
                pragma_value,
            } if !self.vacuum => return self.pragma(pragma_name, pragma_value),
            _ => {}
        }
        self.decide_allowed(action).map(|()| Authorization::Allow)
    }

    fn decide_allowed(&mut self, action: &AuthAction<'_>) -> Result<(), Denial> {
        if self.vacuum {
            return self.vacuum();
        }
        if let Some(own) = names(action).into_iter().flatten().find(|name| is_own(name)) {
            return Err(Denial::Rights(format!(
                "{} may not reach {own}: it belongs to the service",
                self.rights.who()
            )));
        }
        if let AuthAction::Read { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } = *action
        {
            self.touched.tables.insert(lower(table_name));
        }
        match *action {
            AuthAction::Select | AuthAction::Recursive => Ok(()),
            AuthAction::Function { function_name } => self.function(function_name),
            AuthAction::Read {
                table_name,
                column_name,
            } => self.read(table_name, column_name),
            AuthAction::Insert { table_name } => {
                self.rows(
                    table_name,
                    "insert into",
                    self.rights.may_insert_and_delete(table_name),
                )?;
                if self.rights.tables.is_some() {
                    self.touched.inserted.insert(lower(table_name));
                }
                Ok(())
            }
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
                self.rows(&what, "update", self.rights.may_update(table_name, column_name))?;
                if self.rights.tables.is_some() {
                    self.touched
                        .updated
                        .entry(lower(table_name))
                        .or_default()
                        .insert(lower(column_name));
                }
                Ok(())
            }
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
        if name.eq_ignore_ascii_case("snippet") && !self.allow_snippet {
            return Err(Denial::Kept(
                "snippet() compares every match in a text with every other, and no time limit stops it there: use \
                 highlight(), or start the service with --allow-snippet"
                    .to_owned(),
            ));
        }
        let is_in = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        self.touched.volatile |= is_in(&VOLATILE);
        self.touched.matches |= is_in(&MATCHING);
        Ok(())
    }

    fn read(&self, table: &str, column: &str) -> Result<(), Denial> {
        let Some(tables) = &self.rights.tables else {
            return Ok(());
        };
        let who = self.rights.who();
        if is_schema(table) {
            return Err(Denial::Hidden(format!(
                "{who} may not read {table}, which names the tables of others too"
            )));
        }
        let catalog = self.catalog.as_deref();
        let relation = catalog.and_then(|catalog| catalog.relation(table));
        if let Some(relation) = relation {
            if let Some(parent) = &relation.shadow_of {
                return self.whole(parent);
            }
            if relation.is_virtual && tables.contains_key(&lower(table)) {
                return self.whole(table);
            }
        } else if is_function_of_rows(table) || column.is_empty() && catalog.is_some() {
            // A name without a table is that of a common table expression or a subquery, and what these read is asked
            // about by itself.
            return Ok(());
        }
        if self.rights.may_read(table, column) {
            return Ok(());
        }
        let object = if column.is_empty() {
            table.to_owned()
        } else {
            format!("{table}.{column}")
        };
        Err(Denial::Rights(format!("{who} may not read {object}")))
    }

    /// Whether all of a virtual table may be read: its module does not tell columns apart.
    fn whole(&self, table: &str) -> Result<(), Denial> {
        let granted = self.rights.tables.as_ref().is_none_or(|tables| {
            tables
                .get(&lower(table))
                .is_some_and(|granted| granted.read == Columns::All)
        });
        if granted {
            return Ok(());
        }
        Err(Denial::Rights(format!(
            "{} may not read {table}: a virtual table is read as a whole (read = \"*\") or not at all",
            self.rights.who()
        )))
    }

    fn rows(&mut self, object: &str, verb: &str, allowed: bool) -> Result<(), Denial> {
        let table = object.split('.').next().unwrap_or(object);
        if self.surface == Surface::Reader {
            // A virtual table makes ready to write when it is first read; whether the statement writes is seen when it
            // is compiled.
            self.touched
                .written
                .get_or_insert_with(|| format!("the statement would {verb} {object}"));
            return Ok(());
        }
        if is_schema(table) {
            return self.schema();
        }
        if let Some(parent) = self
            .catalog
            .as_deref()
            .and_then(|catalog| catalog.shadow_of(table))
        {
            // Only the module writes here: SQLite refuses everybody else, since the connection is a defensive one.
            return self.whole(parent);
        }
        if !allowed {
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
}
