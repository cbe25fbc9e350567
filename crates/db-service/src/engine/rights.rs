//! What a caller may do.

use std::collections::HashMap;

/// How far a caller may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Read-only statements.
    Read,
    /// Statements that write.
    Write,
    /// Everything, running statements and backups included.
    Admin,
}

impl Scope {
    /// The name in files and messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Every one.
    All,
    /// These, in lower case; SQLite compares names without regard to case.
    Only(Vec<String>),
}

impl Columns {
    fn contains(&self, column: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(columns) => columns.iter().any(|allowed| allowed.eq_ignore_ascii_case(column)),
        }
    }
}

/// What a caller may do with one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRights {
    /// Columns to read.
    pub read: Columns,
    /// Columns to write; `None` for none. Rows can be inserted and deleted only where it is every column.
    pub write: Option<Columns>,
}

/// What a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Differs between rights that differ: a statement compiled under one is not run under another.
    pub id: u64,
    /// The name of the token; none when the service has no tokens.
    pub token: Option<String>,
    /// How far.
    pub scope: Scope,
    /// The only tables, by name in lower case; `None` for every table.
    pub tables: Option<HashMap<String, TableRights>>,
}

impl Rights {
    /// Everything, for callers of a service without tokens.
    pub(crate) fn everything() -> Self {
        Self {
            id: 0,
            token: None,
            scope: Scope::Admin,
            tables: None,
        }
    }

    /// The token in words.
    pub(crate) fn who(&self) -> String {
        match &self.token {
            Some(name) => format!("token `{name}`"),
            None => "this caller".to_owned(),
        }
    }

    /// Whether `column` of `table` may be read.
    pub(crate) fn may_read(&self, table: &str, column: &str) -> bool {
        self.allows(table, |rights| match &rights.read {
            // A count reads no column and names none; the rowid is no column.
            Columns::Only(columns) if column.is_empty() || column.eq_ignore_ascii_case("rowid") => {
                !columns.is_empty()
            }
            columns => columns.contains(column),
        })
    }

    /// Whether it may be told that there is a table of that name, and what its columns are.
    pub(crate) fn may_see(&self, table: &str) -> bool {
        self.allows(table, |rights| {
            rights.write.is_some() || rights.read != Columns::Only(Vec::new())
        })
    }

    /// Whether `column` of `table` may be set.
    pub(crate) fn may_update(&self, table: &str, column: &str) -> bool {
        self.scope >= Scope::Write
            && self.allows(table, |rights| {
                rights
                    .write
                    .as_ref()
                    .is_some_and(|columns| columns.contains(column))
            })
    }

    /// Whether rows of `table` may be inserted and deleted.
    pub(crate) fn may_insert_and_delete(&self, table: &str) -> bool {
        self.scope >= Scope::Write && self.allows(table, |rights| rights.write == Some(Columns::All))
    }

    /// Whether tables may be made, altered and dropped.
    pub(crate) fn may_change_schema(&self) -> bool {
        self.scope >= Scope::Write && self.tables.is_none()
    }

    /// Whether tables are not limited, or this one is in the list and `allowed` there.
    fn allows(&self, table: &str, allowed: impl FnOnce(&TableRights) -> bool) -> bool {
        match &self.tables {
            None => true,
            Some(tables) => tables.get(&table.to_ascii_lowercase()).is_some_and(allowed),
        }
    }
}
