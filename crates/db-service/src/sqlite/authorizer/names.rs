//! What an action names, and what a name means.

use super::OWN_TABLES;
use rusqlite::hooks::AuthAction;

/// Functions that read their arguments and no table.
const TABLE_FUNCTIONS: [&str; 3] = ["json_each", "json_tree", "generate_series"];

/// The tables, views, indexes and triggers that an action names.
pub(super) fn names<'a>(action: &AuthAction<'a>) -> [Option<&'a str>; 2] {
    match *action {
        AuthAction::Read { table_name: one, .. }
        | AuthAction::Insert { table_name: one }
        | AuthAction::Delete { table_name: one }
        | AuthAction::Update { table_name: one, .. }
        | AuthAction::CreateTable { table_name: one }
        | AuthAction::CreateTempTable { table_name: one }
        | AuthAction::CreateView { view_name: one }
        | AuthAction::CreateTempView { view_name: one }
        | AuthAction::CreateVtable { table_name: one, .. }
        | AuthAction::DropTable { table_name: one }
        | AuthAction::DropTempTable { table_name: one }
        | AuthAction::DropView { view_name: one }
        | AuthAction::DropTempView { view_name: one }
        | AuthAction::DropVtable { table_name: one, .. }
        | AuthAction::AlterTable { table_name: one, .. }
        | AuthAction::Analyze { table_name: one }
        | AuthAction::Reindex { index_name: one } => [Some(one), None],
        AuthAction::CreateIndex {
            index_name: one,
            table_name: two,
        }
        | AuthAction::CreateTempIndex {
            index_name: one,
            table_name: two,
        }
        | AuthAction::DropIndex {
            index_name: one,
            table_name: two,
        }
        | AuthAction::DropTempIndex {
            index_name: one,
            table_name: two,
        }
        | AuthAction::CreateTrigger {
            trigger_name: one,
            table_name: two,
        }
        | AuthAction::CreateTempTrigger {
            trigger_name: one,
            table_name: two,
        }
        | AuthAction::DropTrigger {
            trigger_name: one,
            table_name: two,
        }
        | AuthAction::DropTempTrigger {
            trigger_name: one,
            table_name: two,
        } => [Some(one), Some(two)],
        _ => [None, None],
    }
}

/// Whether a name is that of the gateway's own tables, or of an index that SQLite made for one.
pub(in crate::sqlite) fn is_own(name: &str) -> bool {
    let name = name.strip_prefix("sqlite_autoindex_").unwrap_or(name);
    name.get(..OWN_TABLES.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OWN_TABLES))
}

/// Whether a name without a table is that of a function that gives rows.
pub(in crate::sqlite) fn is_function_of_rows(name: &str) -> bool {
    let is_pragma = name
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("pragma_"));
    is_pragma || TABLE_FUNCTIONS.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Whether a name is that of the schema itself.
pub(super) fn is_schema(table: &str) -> bool {
    [
        "sqlite_master",
        "sqlite_schema",
        "sqlite_temp_master",
        "sqlite_temp_schema",
    ]
    .iter()
    .any(|name| table.eq_ignore_ascii_case(name))
}
