//! A stream that is opened for one statement: what the SDKs send for `execute`.
//!
//! It needs no connection of its own. A read runs where those of `/v1/query` do, and a write shares its commit with
//! others, so that as many clients as there are wait for one sync. Whatever is not plainly one of the two is left to a
//! stream.

use super::error::StatementError;
use super::pipeline::ResultRows;
use super::proto::{Statement, Text};
use crate::answer::kept::Kept;
use crate::engine::{Cell, Effect, EngineError, Halt, Kind, Read, RowSink, Ticket, Timing, Write, WriteSink};
use crate::sqlite::first_word;
use crate::state::{App, Caller};
use bytes::Bytes;
use db_api::{BatchMode, ColumnHead, Params};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Runs `statement` and gives its result as JSON; none when it takes a stream.
pub(super) async fn execute(
    app: &App,
    caller: &Caller,
    route: &'static str,
    statement: &Statement,
) -> Option<Result<Bytes, StatementError>> {
    let Text::Sql(sql) = &statement.text else {
        return None;
    };
    let word = first_word(sql);
    let is_one_of = |words: &[&str]| words.iter().any(|one| word.eq_ignore_ascii_case(one));
    let reads = is_one_of(&["SELECT", "VALUES"]);
    if !reads && !is_one_of(&["INSERT", "REPLACE", "UPDATE", "DELETE"]) {
        return None;
    }
    let params = params(statement)?;
    let ticket = app.ticket(Kind::Hrana, sql, caller);
    let result = ResultRows::new(statement.want_rows, app.limits.max_result_bytes);
    let outcome = if reads {
        read(app, caller, sql, params, result, &ticket).await
    } else {
        write(app, caller, sql, params, result, &ticket).await
    };
    match outcome {
        Ok((result, timing)) => {
            app.metrics.ran(route, Kind::Hrana, timing);
            Some(Ok(result))
        }
        // More values than the statement takes, or a place where it may not run: nothing has happened, and a stream
        // knows more ways.
        Err(
            EngineError::Parameters(_)
            | EngineError::ReadOnly(_)
            | EngineError::OnlyReads(_)
            | EngineError::OwnTransaction(_)
            | EngineError::NeedsSession(_)
            | EngineError::Invalid(_),
        ) => None,
        Err(error) => Some(Err(error.into())),
    }
}

/// The values as the engine takes them: by position or by name.
fn params(statement: &Statement) -> Option<Params> {
    let named = &statement.named_args;
    if named.is_empty() {
        return Some(Params::Positional(statement.args.clone()));
    }
    let by_name = named
        .iter()
        .cloned()
        .collect::<std::collections::BTreeMap<_, _>>();
    (statement.args.is_empty() && by_name.len() == named.len()).then_some(Params::Named(by_name))
}

async fn read(
    app: &App,
    caller: &Caller,
    sql: &str,
    params: Params,
    result: ResultRows,
    ticket: &Ticket,
) -> Result<(Bytes, Timing), EngineError> {
    let (reply, answer) = oneshot::channel();
    let read = Read {
        sql: sql.to_owned(),
        params,
        rights: Arc::clone(&caller.0),
        control: Arc::clone(&ticket.control),
        timeout: app.limits.statement_timeout(None),
    };
    let sink = OneShotRead {
        out: Kept::with_capacity(256),
        result,
        reply,
    };
    app.engine.read(read, Box::new(sink));
    answer
        .await
        .map_err(|_| EngineError::broken("a reading thread ended without an answer"))?
}

async fn write(
    app: &App,
    caller: &Caller,
    sql: &str,
    params: Params,
    result: ResultRows,
    ticket: &Ticket,
) -> Result<(Bytes, Timing), EngineError> {
    let write = Write {
        statements: vec![db_api::Statement::new(sql, params)],
        mode: BatchMode::Atomic,
        dry_run: false,
        rights: Arc::clone(&caller.0),
        control: Arc::clone(&ticket.control),
        timeout: app.limits.statement_timeout(None),
        idempotency: None,
        sink: Box::new(OneShotWrite {
            out: Kept::with_capacity(256),
            result,
        }),
    };
    let written = app.engine.write(write).await?;
    Ok((written.body, written.timing))
}

/// The result of a read.
struct OneShotRead {
    out: Kept,
    result: ResultRows,
    reply: oneshot::Sender<Result<(Bytes, Timing), EngineError>>,
}

impl RowSink for OneShotRead {
    fn begin(&mut self, columns: Vec<ColumnHead>, _volatile: bool) -> Result<(), Halt> {
        ResultRows::begin(&mut self.out, &columns);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.result.row(&mut self.out, cells)
    }

    fn restart(&mut self) -> bool {
        self.out.clear();
        self.result.restart();
        true
    }

    fn finish(self: Box<Self>, outcome: Result<Timing, EngineError>) {
        let Self {
            mut out,
            result,
            reply,
        } = *self;
        let answer = outcome.map(|timing| {
            let effect = Effect {
                ran: timing.ran,
                ..Effect::default()
            };
            result.end(&mut out, &effect);
            (out.into(), timing)
        });
        // Nobody listens when the client went away.
        let _ = reply.send(answer);
    }
}

/// The result of a write.
struct OneShotWrite {
    out: Kept,
    result: ResultRows,
}

impl WriteSink for OneShotWrite {
    fn reset(&mut self) {
        self.out.clear();
        self.result.restart();
    }

    fn columns(&mut self, columns: Vec<ColumnHead>) -> Result<(), Halt> {
        ResultRows::begin(&mut self.out, &columns);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.result.row(&mut self.out, cells)
    }

    fn done(&mut self, effect: Effect) -> Result<(), EngineError> {
        if self.out.is_empty() {
            ResultRows::begin(&mut self.out, &[]);
        }
        self.result.end(&mut self.out, &effect);
        Ok(())
    }

    fn failed(&mut self, _error: &EngineError) {
        // Only a batch of independent statements goes on after an error; this is one statement.
        self.reset();
    }

    fn rows_affected(&self) -> u64 {
        // It carries no key, so nobody asks.
        0
    }

    fn body(&mut self, _ran: Duration) -> Bytes {
        std::mem::take(&mut self.out).into()
    }
}
