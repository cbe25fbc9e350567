//! Runs an analysis: a window, filters, the statement, exact figures.
//!
//! Before a statement runs, days that somebody changed by hand are summed again; an answer is given only when the
//! data stayed the same around it, or when it changed each time that it was computed.

use super::answer::{self, Composed};
use super::catalog::Analysis;
use super::parameters::{bind, reach};
use super::question::{self, Question};
use super::window::{self, Span};
use crate::store::analysis_sources::{reads, with_sources};
use crate::store::daily_sums::{count_tickets, current_state};
use db_client::db_api::Value;
use db_client::{DbClient, DbError};
use script_api::HeaderError;
use service_kit::validation::Faults;

/// How often an answer is computed again when the data changes under it.
const ATTEMPTS: usize = 4;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComputeError {
    /// The question makes no sense.
    #[error("{0}")]
    Question(Faults),
    /// The file of the analysis is at fault.
    #[error("analysis `{name}`: {detail}")]
    Analysis { name: String, detail: String },
    /// There is none of that name.
    #[error("analysis {0} does not exist")]
    NotFound(String),
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

/// Answers `question` by `analysis`.
pub(crate) async fn answer(
    db: &DbClient,
    analysis: &Analysis,
    question: &Question,
) -> Result<Composed, ComputeError> {
    let own = question::parameters(analysis, question).map_err(ComputeError::Question)?;
    let mut state = current_state(db).await?;
    let mut attempt = 1;
    loop {
        // Who asks for all days means also those that are hardly right.
        let is_all = question.window.period.as_deref() == Some("all");
        let coverage = if is_all { state.reach } else { state.coverage };
        let span = window::resolve(&question.window, analysis.header.window, coverage)
            .map_err(ComputeError::Question)?;
        let sql = with_sources(&analysis.header.sql, question.taken());
        let params = bind(&sql, &span, question, &own, analysis.header.reads);
        if reads(&analysis.header.sql, "tickets") {
            let (from, to) = reach(&span, analysis.header.reads);
            count_tickets(db, &from.into(), &to.into()).await?;
        }
        let result = db
            .query(&sql, params)
            .await
            .map_err(|error| of_file(analysis, error))?;
        let after = current_state(db).await?;
        if after.version == state.version || attempt == ATTEMPTS {
            return answer::compose(analysis, &span, &result, &state, question);
        }
        state = after;
        attempt += 1;
    }
}

/// An SQL fault in a file of the folder is the file's, not the database's.
fn of_file(analysis: &Analysis, error: DbError) -> ComputeError {
    match error {
        DbError::Refused(problem) if !analysis.built_in && !problem.retryable => ComputeError::Analysis {
            name: analysis.name.clone(),
            detail: problem.detail,
        },
        other => ComputeError::Db(other),
    }
}

/// What SQLite has against the statement of `analysis`, and on which line of its file; `None` when it would run.
///
/// # Errors
///
/// When the database gave no answer.
pub(crate) async fn fault(db: &DbClient, analysis: &Analysis) -> Result<Option<HeaderError>, DbError> {
    const EXPLAIN: &str = "EXPLAIN ";
    let header = &analysis.header;
    let question = Question::default();
    let own = header
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), Value::Null))
        .collect();
    let sql = with_sources(&header.sql, question.taken());
    let params = bind(&sql, &Span::default(), &question, &own, header.reads);
    match db.query(&format!("{EXPLAIN}{sql}"), params).await {
        Ok(_) => Ok(None),
        Err(DbError::Refused(problem)) if !problem.retryable => {
            // The end of the statement is the file's; what is before may be ours.
            let behind = (EXPLAIN.len() + sql.len()) as u64 - problem.sql_offset.unwrap_or_default();
            let before = header
                .sql
                .len()
                .saturating_sub(usize::try_from(behind).unwrap_or(usize::MAX));
            let lines = header.sql.get(..before).unwrap_or_default().matches('\n').count();
            Ok(Some(HeaderError {
                line: header.sql_line + lines as u64,
                message: problem.detail,
            }))
        }
        Err(error) => Err(error),
    }
}
