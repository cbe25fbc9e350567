//! The schema and the plans, as data.

use super::authorizer::OWN_TABLES;
use crate::engine::Rights;
use db_api::{Column, ForeignKey, Index, IndexColumn, PlanNode, Table, TableKind, TableSummary, Trigger};
use rusqlite::{Connection, OptionalExtension as _, Result};

/// Tables and views that `rights` may see, by name; those of SQLite and of the gateway are left out.
pub(super) fn list(conn: &Connection, rights: &Rights) -> Result<Vec<TableSummary>> {
    let all: Vec<TableSummary> = conn
        .prepare_cached(
            "SELECT /* comptoir */ name, type, ncol
         FROM pragma_table_list
         WHERE schema = 'main'
           AND type IN ('table', 'view', 'virtual')
           AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
           AND substr(name, 1, length(?1)) <> ?1
         ORDER BY name",
        )?
        .query_map([OWN_TABLES], |row| {
            let kind: String = row.get(1)?;
            Ok(TableSummary {
                name: row.get(0)?,
                kind: table_kind(&kind),
                column_count: row.get::<_, u32>(2)?.into(),
            })
        })?
        .collect::<Result<_>>()?;
    Ok(all
        .into_iter()
        .filter(|table| rights.may_see(&table.name))
        .collect())
}

/// The table or view whose name is `name`, compared as SQLite does; its rows are not counted.
pub(super) fn find(conn: &Connection, name: &str) -> Result<Option<Table>> {
    let found = conn
        .prepare_cached(
            "SELECT /* comptoir */ list.name, list.type, list.wr, list.strict, schema.sql
             FROM pragma_table_list AS list
             JOIN sqlite_schema AS schema
               ON schema.name = list.name AND schema.type IN ('table', 'view')
             WHERE list.schema = 'main' AND list.name = ?1 COLLATE NOCASE",
        )?
        .query_row([name], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, bool>(3)?,
                row.get::<_, Option<String>>(4)?,
            ))
        })
        .optional()?;
    let Some((name, kind, without_rowid, strict, sql)) = found else {
        return Ok(None);
    };
    let (columns, broken) = match columns(conn, &name) {
        Ok(columns) => (columns, None),
        // A view is not looked at before somebody asks for it: what it reads may have gone since.
        Err(error) if kind == "view" => (Vec::new(), Some(message(error))),
        Err(error) => return Err(error),
    };
    let mut keyed: Vec<&Column> = columns.iter().filter(|column| column.primary_key > 0).collect();
    keyed.sort_by_key(|column| column.primary_key);
    let primary_key = keyed.into_iter().map(|column| column.name.clone()).collect();
    Ok(Some(Table {
        kind: table_kind(&kind),
        primary_key,
        foreign_keys: foreign_keys(conn, &name)?,
        indexes: indexes(conn, &name)?,
        triggers: triggers(conn, &name)?,
        strict,
        without_rowid,
        row_count: None,
        broken,
        sql: sql.unwrap_or_default(),
        columns,
        name,
    }))
}

/// A name of the rowid that no column has taken; none for a table without one.
pub(super) fn rowid_name(table: &Table) -> Option<&'static str> {
    let is_free = |name: &&str| {
        let mut columns = table.columns.iter();
        !columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .filter(|_| !table.without_rowid)
        .find(is_free)
}

/// A name as SQL writes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What SQLite says.
fn message(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    }
}

fn table_kind(kind: &str) -> TableKind {
    match kind {
        "view" => TableKind::View,
        "virtual" => TableKind::Virtual,
        _ => TableKind::Table,
    }
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<Column>> {
    conn.prepare_cached(
        "SELECT /* comptoir */ name, type, \"notnull\", dflt_value, pk, hidden
         FROM pragma_table_xinfo(?1)
         WHERE hidden <> 1
         ORDER BY cid",
    )?
    .query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            primary_key: row.get::<_, u32>(4)?.into(),
            generated: match row.get::<_, u32>(5)? {
                2 => Some("virtual".to_owned()),
                3 => Some("stored".to_owned()),
                _ => None,
            },
        })
    })?
    .collect()
}

fn foreign_keys(conn: &Connection, table: &str) -> Result<Vec<ForeignKey>> {
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    let mut statement = conn.prepare_cached(
        "SELECT /* comptoir */ id, \"table\", \"from\", \"to\", on_update, on_delete
         FROM pragma_foreign_key_list(?1)
         ORDER BY id, seq",
    )?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                columns: Vec::new(),
                references_table: row.get(1)?,
                references_columns: Vec::new(),
                on_update: row.get(4)?,
                on_delete: row.get(5)?,
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            key.references_columns.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn indexes(conn: &Connection, table: &str) -> Result<Vec<Index>> {
    let mut indexes: Vec<Index> = conn
        .prepare_cached(
            "SELECT /* comptoir */ list.name, list.\"unique\", list.origin, list.partial, schema.sql
             FROM pragma_index_list(?1) AS list
             LEFT JOIN sqlite_schema AS schema ON schema.type = 'index' AND schema.name = list.name
             ORDER BY list.name",
        )?
        .query_map([table], |row| {
            Ok(Index {
                name: row.get(0)?,
                unique: row.get(1)?,
                origin: match row.get::<_, String>(2)?.as_str() {
                    "u" => "unique_constraint",
                    "pk" => "primary_key",
                    _ => "create_index",
                }
                .to_owned(),
                partial: row.get(3)?,
                columns: Vec::new(),
                sql: row.get(4)?,
            })
        })?
        .collect::<Result<_>>()?;
    for index in &mut indexes {
        index.columns = conn
            .prepare_cached("SELECT /* comptoir */ name, \"desc\" FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno")?
            .query_map([&index.name], |row| {
                Ok(IndexColumn {
                    name: row.get(0)?,
                    descending: row.get(1)?,
                })
            })?
            .collect::<Result<_>>()?;
    }
    Ok(indexes)
}

fn triggers(conn: &Connection, table: &str) -> Result<Vec<Trigger>> {
    conn.prepare_cached(
        "SELECT /* comptoir */ name, sql
         FROM sqlite_schema
         WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE
         ORDER BY name",
    )?
    .query_map([table], |row| {
        Ok(Trigger {
            name: row.get(0)?,
            sql: row.get(1)?,
        })
    })?
    .collect()
}

/// The rows of `EXPLAIN QUERY PLAN` as a tree: each is `(id, parent, detail)`, parents first.
pub(super) fn plan_tree(rows: &[(i64, i64, String)]) -> Vec<PlanNode> {
    fn children(rows: &[(i64, i64, String)], parent: i64) -> Vec<PlanNode> {
        rows.iter()
            .filter(|(_, of, _)| *of == parent)
            .map(|(id, _, detail)| PlanNode {
                id: *id,
                detail: detail.clone(),
                children: children(rows, *id),
            })
            .collect()
    }
    children(rows, 0)
}

/// The plan of a statement in one line, for the log.
pub(super) fn plan_text(conn: &Connection, sql: &str) -> Result<String> {
    // The text was compiled before, as a caller's; only its plan is asked for.
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get::<_, String>(3)?);
    }
    Ok(steps.join("; "))
}
