//! Statements of a write, in the transaction that is open.

use super::connection::WriterConnection;
use super::sql_text::{self, Need};
use crate::engine::{Effect, EngineError, WriteSink};
use db_api::{Params, Statement};
use std::time::Instant;

/// Commits the open transaction as far as to learn whether SQLite would: deferred keys are checked, and then a hook
/// turns the commit into a roll-back.
pub(super) fn would_commit(conn: &WriterConnection) -> Result<(), EngineError> {
    conn.own(|| conn.conn().commit_hook(Some(|| true)))?;
    let committed = commit(conn);
    conn.own(|| conn.conn().commit_hook(None::<fn() -> bool>))?;
    match committed {
        Err(error) if error.sqlite_code() == Some("SQLITE_CONSTRAINT_COMMITHOOK") => Ok(()),
        other => other,
    }
}

/// Commits the open transaction.
pub(super) fn commit(conn: &WriterConnection) -> Result<(), EngineError> {
    conn.own(|| conn.conn().execute_batch("COMMIT"))
}

/// Runs a statement of an independent batch in a savepoint of its own.
pub(super) fn run_by_itself(
    conn: &WriterConnection,
    statement: &Statement,
    sink: &mut dyn WriteSink,
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
pub(super) fn run_statement(
    conn: &WriterConnection,
    statement: &Statement,
    sink: &mut dyn WriteSink,
) -> Result<(), EngineError> {
    let started = Instant::now();
    if sql_text::need(&statement.sql) == Need::TransactionControl {
        return Err(EngineError::OwnTransaction(format!(
            "{} is not taken here",
            sql_text::first_word(&statement.sql).to_ascii_uppercase()
        )));
    }
    let mut effect = Effect::default();
    let mut compiled = conn.prepare(&statement.sql)?;
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
        let changed = run_set(conn, &mut compiled, params, sink, &mut columns_told).map_err(|error| {
            if sets.len() > 1 {
                error.at_set(index)
            } else {
                error
            }
        })?;
        effect.rows_affected += changed;
        if changed > 0 {
            effect.last_insert_rowid = inserts
                .rowid(before, conn.conn().last_insert_rowid())
                .or(effect.last_insert_rowid);
        }
    }
    if let Some(wanted) = statement.must_change
        && effect.rows_affected != wanted
    {
        return Err(EngineError::Precondition {
            changed: effect.rows_affected,
            wanted,
        });
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
        let word = sql_text::first_word(sql);
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
    sink: &mut dyn WriteSink,
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
