//! `POST /v2/pipeline`, `POST /v3/pipeline`: requests on one stream, answered in one piece.

use super::encode::{push_columns, push_description, push_effect, push_json, push_number, push_row};
use super::error::{Refusal, StatementError};
use super::one_shot;
use super::proto::{Batch, Pipeline, Request, Statement, parse};
use super::runner::Runner;
use crate::answer::kept::Kept;
use crate::engine::{Cell, Effect, EngineError, Halt, SessionSink};
use crate::state::{App, Caller};
use bytes::Bytes;
use db_api::ColumnHead;
use std::sync::Arc;

/// Runs the requests in `body` and gives the answer.
pub(crate) async fn answer(
    app: &Arc<App>,
    caller: &Caller,
    route: &'static str,
    body: &[u8],
) -> Result<Kept, Refusal> {
    let pipeline: Pipeline = parse(body)?;
    pipeline.check()?;
    if pipeline.baton.is_none()
        && let [Request::Execute(statement), Request::Close] = &pipeline.requests[..]
        && let Some(outcome) = one_shot::execute(app, caller, route, statement).await
    {
        return Ok(executed_and_closed(outcome));
    }
    let mut held = app.streams.take(pipeline.baton.as_deref(), caller).await?;
    if !matches!(pipeline.requests[..], [] | [Request::Close]) {
        held.make_room().await?;
    }
    let timeout = app.limits.statement_timeout(None);
    let max_bytes = app.limits.max_result_bytes;
    let (runner, client) = Runner::new(app, caller, route, timeout, held);
    let work = move || run(runner, &pipeline.requests, max_bytes);
    let answer = tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| EngineError::broken(format!("a pipeline ended without an answer: {cause}")))?;
    drop(client);
    Ok(answer)
}

/// The answer to `execute` and `close`.
fn executed_and_closed(outcome: Result<Bytes, StatementError>) -> Kept {
    let mut out = Kept::with_capacity(512);
    out.extend_from_slice(b"{\"results\":[");
    match outcome {
        Ok(result) => {
            out.extend_from_slice(b"{\"type\":\"ok\",\"response\":{\"type\":\"execute\",\"result\":");
            out.extend_from_slice(&result);
            out.extend_from_slice(b"}}");
        }
        Err(error) => push_error(&mut out, &error),
    }
    out.extend_from_slice(
        b",{\"type\":\"ok\",\"response\":{\"type\":\"close\"}}],\"baton\":null,\"base_url\":null}",
    );
    out
}

fn push_error(out: &mut Vec<u8>, error: &StatementError) {
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":");
    error.push(out);
    out.push(b'}');
}

/// Runs the requests, one after the other.
fn run(mut runner: Runner, requests: &[Request], max_bytes: u64) -> Kept {
    let mut out = Kept::with_capacity(512);
    out.extend_from_slice(b"{\"results\":[");
    for (index, request) in requests.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let begins = out.len();
        out.extend_from_slice(b"{\"type\":\"ok\",\"response\":{\"type\":");
        match push_response(&mut runner, request, &mut out, max_bytes) {
            Ok(()) => out.extend_from_slice(b"}}"),
            Err(error) => {
                out.truncate(begins);
                push_error(&mut out, &error);
            }
        }
    }
    let closed = matches!(requests, [] | [.., Request::Close]);
    // Nobody will ever have the baton of a client that has gone.
    let ends = closed || runner.is_alone();
    let held = runner.into_held();
    let next = if ends {
        drop(held);
        None
    } else {
        held.give_back()
    };
    out.extend_from_slice(b"],\"baton\":");
    push_json(&mut out, &next.as_ref().map(|next| &next.baton));
    out.extend_from_slice(b",\"base_url\":null");
    if let Some(next) = next {
        out.extend_from_slice(b",\"stream_ttl_ms\":");
        push_number(&mut out, next.ttl_ms);
    }
    out.push(b'}');
    out
}

/// Appends the type of a response and what belongs to it.
fn push_response(
    runner: &mut Runner,
    request: &Request,
    out: &mut Kept,
    max_bytes: u64,
) -> Result<(), StatementError> {
    match request {
        Request::Execute(statement) => {
            out.extend_from_slice(b"\"execute\",\"result\":");
            push_result(runner, statement, out, max_bytes)?;
        }
        Request::Batch(batch) => {
            out.extend_from_slice(b"\"batch\",\"result\":");
            push_batch(runner, batch, out, max_bytes);
        }
        Request::Sequence(text) => {
            out.extend_from_slice(b"\"sequence\"");
            runner.sequence(text)?;
        }
        Request::Describe(text) => {
            out.extend_from_slice(b"\"describe\",\"result\":");
            push_description(out, &runner.describe(text)?);
        }
        Request::StoreSql { id, sql } => {
            out.extend_from_slice(b"\"store_sql\"");
            runner.store(*id, sql)?;
        }
        Request::CloseSql { id } => {
            out.extend_from_slice(b"\"close_sql\"");
            runner.forget(*id);
        }
        Request::GetAutocommit => {
            out.extend_from_slice(b"\"get_autocommit\",\"is_autocommit\":");
            push_json(out, &runner.is_autocommit());
        }
        Request::Close => out.extend_from_slice(b"\"close\""),
    }
    Ok(())
}

/// Runs a batch and appends its result.
pub(super) fn push_batch(runner: &mut Runner, batch: &Batch, out: &mut Kept, max_bytes: u64) {
    let mut errors = Vec::new();
    out.extend_from_slice(b"{\"step_results\":[");
    runner.batch(batch, |runner, index, statement| {
        if index > 0 {
            out.push(b',');
            errors.push(b',');
        }
        let begins = out.len();
        match statement.map(|statement| push_result(runner, statement, out, max_bytes)) {
            None => {
                out.extend_from_slice(b"null");
                errors.extend_from_slice(b"null");
                false
            }
            Some(Ok(())) => {
                errors.extend_from_slice(b"null");
                true
            }
            Some(Err(error)) => {
                out.truncate(begins);
                out.extend_from_slice(b"null");
                error.push(&mut errors);
                false
            }
        }
    });
    out.extend_from_slice(b"],\"step_errors\":[");
    out.extend_from_slice(&errors);
    out.extend_from_slice(b"]}");
}

/// Runs a statement and appends its result.
pub(super) fn push_result(
    runner: &mut Runner,
    statement: &Statement,
    out: &mut Kept,
    max_bytes: u64,
) -> Result<(), StatementError> {
    let mut sink = ResultSink {
        out,
        rows: ResultRows::new(statement.want_rows, max_bytes),
    };
    let effect = runner.execute(statement, &mut sink)?;
    sink.rows.end(sink.out, &effect);
    Ok(())
}

/// Writes columns and rows into the answer.
struct ResultSink<'a> {
    out: &'a mut Kept,
    rows: ResultRows,
}

impl SessionSink for ResultSink<'_> {
    fn begin(&mut self, columns: Vec<ColumnHead>, _holds_up_writers: bool) -> Result<(), Halt> {
        ResultRows::begin(self.out, &columns);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows.row(self.out, cells)
    }
}

/// The result of a statement as it is written, within a limit.
pub(super) struct ResultRows {
    want_rows: bool,
    rows: u64,
    max_bytes: u64,
}

impl ResultRows {
    /// No row yet.
    pub(super) fn new(want_rows: bool, max_bytes: u64) -> Self {
        Self {
            want_rows,
            rows: 0,
            max_bytes,
        }
    }

    /// Forgets the rows, since the statement runs anew.
    pub(super) fn restart(&mut self) {
        self.rows = 0;
    }

    /// Appends what goes before the rows.
    pub(super) fn begin(out: &mut Vec<u8>, columns: &[ColumnHead]) {
        out.extend_from_slice(b"{\"cols\":");
        push_columns(out, columns);
        out.extend_from_slice(b",\"rows\":[");
    }

    /// Appends a row.
    pub(super) fn row(&mut self, out: &mut Kept, cells: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows += 1;
        if !self.want_rows {
            return Ok(());
        }
        if self.rows > 1 {
            out.push(b',');
        }
        push_row(out, cells);
        if out.len() as u64 > self.max_bytes {
            return Err(Halt::Failed(EngineError::ResultTooLarge {
                limit_bytes: self.max_bytes,
            }));
        }
        out.count().map_err(Halt::Failed)
    }

    /// Appends what goes after the rows.
    pub(super) fn end(&self, out: &mut Vec<u8>, effect: &Effect) {
        out.push(b']');
        push_effect(out, effect, self.rows);
    }
}
