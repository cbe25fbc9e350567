//! Version 1 over HTTP: one statement or one batch, each on a stream of its own.
//!
//! Its paths, `/v1/execute` and `/v1/batch`, are also those of this service. The Python package `libsql-client` is
//! what still sends it; its requests are told apart by their first member, which ours do not know.

use super::error::Refusal;
use super::one_shot;
use super::pipeline::{push_batch, push_result};
use super::proto::{Batch, Statement, parse};
use super::runner::Runner;
use crate::answer::kept::Kept;
use crate::engine::EngineError;
use crate::state::{App, Caller};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct ExecuteBody {
    stmt: Statement,
}

#[derive(Deserialize)]
struct BatchBody {
    batch: Batch,
}

enum Body {
    Execute(Statement),
    Batch(Batch),
}

/// Whether the body is one of version 1.
pub(crate) fn is_version_1(body: &[u8]) -> bool {
    body.trim_ascii_start()
        .strip_prefix(b"{")
        .map(<[u8]>::trim_ascii_start)
        .is_some_and(|members| members.starts_with(b"\"stmt\"") || members.starts_with(b"\"batch\""))
}

/// Runs the statement of `POST /v1/execute`.
pub(crate) async fn execute(app: &Arc<App>, caller: &Caller, body: &[u8]) -> Result<Kept, Refusal> {
    let body: ExecuteBody = parse(body)?;
    if let Some(outcome) = one_shot::execute(app, caller, db_api::EXECUTE, &body.stmt).await {
        let mut out = Kept::from(b"{\"result\":".to_vec());
        out.extend_from_slice(&outcome.map_err(Refusal::Statement)?);
        out.push(b'}');
        return Ok(out);
    }
    answer(app, caller, db_api::EXECUTE, Body::Execute(body.stmt)).await
}

/// Runs the batch of `POST /v1/batch`.
pub(crate) async fn batch(app: &Arc<App>, caller: &Caller, body: &[u8]) -> Result<Kept, Refusal> {
    let body: BatchBody = parse(body)?;
    body.batch.check()?;
    answer(app, caller, db_api::BATCH, Body::Batch(body.batch)).await
}

async fn answer(app: &Arc<App>, caller: &Caller, route: &'static str, body: Body) -> Result<Kept, Refusal> {
    let mut held = app.streams.take(None, caller).await?;
    held.make_room().await?;
    let max_bytes = app.limits.max_result_bytes;
    let timeout = app.limits.statement_timeout(None);
    let (mut runner, client) = Runner::new(app, caller, route, timeout, held);
    let work = move || {
        let mut out = Kept::from(b"{\"result\":".to_vec());
        match body {
            Body::Execute(statement) => push_result(&mut runner, &statement, &mut out, max_bytes)?,
            Body::Batch(batch) => push_batch(&mut runner, &batch, &mut out, max_bytes),
        }
        out.push(b'}');
        Ok(out)
    };
    let answer = tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| EngineError::broken(format!("a statement ended without an answer: {cause}")))?;
    drop(client);
    answer.map_err(Refusal::Statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_told_by_its_first_member() {
        assert!(is_version_1(br#"{"stmt": {"sql": "SELECT 1"}}"#));
        assert!(is_version_1(b" { \"batch\":{}}"));
        assert!(!is_version_1(br#"{"sql": "SELECT \"stmt\""}"#));
        assert!(!is_version_1(br#"{"statements": []}"#));
    }
}
