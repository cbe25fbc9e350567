//! Which pragmas callers may use, and where.

use super::names::is_own;
use super::{Authorizer, Denial, Surface};
use crate::engine::Scope;
use rusqlite::hooks::Authorization;

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

/// Pragmas that tell of one table, which their argument names.
const OF_A_TABLE: [&str; 8] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
];

/// Pragmas that tell of one index, which their argument names.
const OF_AN_INDEX: [&str; 2] = ["index_info", "index_xinfo"];

/// Pragmas whose setting the gateway keeps for itself on connections that several callers share.
const KEPT: [&str; 2] = ["query_only", "busy_timeout"];

/// Pragmas whose setting the gateway keeps for itself on every connection.
const ALWAYS_KEPT: [&str; 7] = [
    "hard_heap_limit",
    "soft_heap_limit",
    "trusted_schema",
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

impl Authorizer {
    /// Whether a pragma may be used, and with that value.
    pub(super) fn pragma(&mut self, name: &str, value: Option<&str>) -> Result<Authorization, Denial> {
        let is_in = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_in(&INTROSPECTION) {
            return self.introspection(name, value);
        }
        if value.is_none() && is_in(&READABLE) {
            return Ok(Authorization::Allow);
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
            return Ok(Authorization::Allow);
        }
        // It lasts until the transaction ends, where all keys are checked.
        if name.eq_ignore_ascii_case("defer_foreign_keys") && self.rights.scope >= Scope::Write {
            match self.surface {
                Surface::Session | Surface::Transaction => {
                    self.defers |= self.surface == Surface::Session;
                    return Ok(Authorization::Allow);
                }
                Surface::Writer => {
                    return Err(Denial::NeedsSession(
                        "PRAGMA defer_foreign_keys lasts until its transaction ends: give it in a batch with the \
                         statements that it is for"
                            .to_owned(),
                    ));
                }
                _ => {}
            }
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
        let shared = matches!(self.surface, Surface::Writer | Surface::Transaction);
        if shared && value.is_some() && !is_in(&LASTING) {
            return Err(Denial::NeedsSession(format!(
                "PRAGMA {name} would be set for one connection only"
            )));
        }
        self.traces |= self.surface == Surface::Session;
        Ok(Authorization::Allow)
    }

    /// A pragma that only looks. Of what a caller may not see it tells what it tells of what is not there.
    fn introspection(&self, name: &str, value: Option<&str>) -> Result<Authorization, Denial> {
        let is_in = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        let (of_a_table, of_an_index) = (is_in(&OF_A_TABLE), is_in(&OF_AN_INDEX));
        if value.is_some_and(is_own) {
            return Ok(Authorization::Ignore);
        }
        if self.rights.tables.is_none() || !of_a_table && !of_an_index {
            return Ok(Authorization::Allow);
        }
        let Some(value) = value else {
            return Err(Denial::Hidden(format!(
                "{} may not use PRAGMA {name} without the name of a table, since it would tell of others too",
                self.rights.who()
            )));
        };
        let table = if of_an_index {
            self.catalog
                .as_deref()
                .and_then(|catalog| catalog.table_of_index(value))
        } else {
            Some(value)
        };
        Ok(if table.is_some_and(|table| self.rights.may_see(table)) {
            Authorization::Allow
        } else {
            Authorization::Ignore
        })
    }
}
