//! Runs statements on the connection of one stream, on a thread that may block.

use super::error::StatementError;
use super::proto::{Batch, Condition, Statement, Text};
use super::streams::Held;
use crate::engine::{
    Call, Cell, Control, Description, Effect, EngineError, Halt, Kind, Session, SessionSink,
    SessionStatement, Ticket, Timing,
};
use crate::sqlite;
use crate::state::{App, Caller};
use db_api::ColumnHead;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many texts a stream stores.
const MOST_TEXTS: usize = 50;
/// How long a stored text may be, in bytes.
const LONGEST_TEXT: usize = 16 * 1_024;

/// Whether the client of a request is still there, and the statement that runs for it.
#[derive(Default)]
pub(super) struct Presence {
    gone: CancellationToken,
    running: Mutex<Option<Ticket>>,
}

/// Kept by the answer of a request: dropped with it, what runs for it is stopped.
pub(super) struct Client(Arc<Presence>);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.gone.cancel();
        self.0.set(None);
    }
}

impl Presence {
    /// What stops the statement that runs.
    pub(super) fn control(&self) -> Option<Arc<Control>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|ticket| Arc::clone(&ticket.control))
    }

    /// Changes what runs; the one before is stopped if it still does.
    fn set(&self, ticket: Option<Ticket>) {
        let before = std::mem::replace(
            &mut *self.running.lock().unwrap_or_else(PoisonError::into_inner),
            ticket,
        );
        drop(before);
    }
}

/// What a request runs with.
pub(super) struct Runner {
    app: Arc<App>,
    caller: Caller,
    route: &'static str,
    read_timeout: Duration,
    presence: Arc<Presence>,
    /// Whether the step that runs asks whether no transaction is open.
    probing: bool,
    held: Held,
}

impl Runner {
    /// For one request on the stream in `held`; a statement that only reads may run for `read_timeout`.
    pub(super) fn new(
        app: &Arc<App>,
        caller: &Caller,
        route: &'static str,
        read_timeout: Duration,
        held: Held,
    ) -> (Self, Client) {
        let presence = Arc::new(Presence::default());
        let client = Client(Arc::clone(&presence));
        let runner = Self {
            app: Arc::clone(app),
            caller: caller.clone(),
            route,
            read_timeout,
            presence,
            probing: false,
            held,
        };
        (runner, client)
    }

    /// The stream, when the request is done.
    pub(super) fn into_held(self) -> Held {
        self.held
    }

    /// What runs for the request, for those who wait for its client.
    pub(super) fn presence(&self) -> Arc<Presence> {
        Arc::clone(&self.presence)
    }

    /// Whether the client has gone.
    pub(super) fn is_alone(&self) -> bool {
        self.presence.gone.is_cancelled()
    }

    /// Runs one statement.
    pub(super) fn execute(
        &mut self,
        statement: &Statement,
        sink: &mut dyn SessionSink,
    ) -> Result<Effect, StatementError> {
        let sql = self.resolve(&statement.text)?;
        Ok(self.run(&sql, statement, sink)?)
    }

    /// Runs the statements of one text and leaves their rows out; stops at the first that fails.
    pub(super) fn sequence(&mut self, text: &Text) -> Result<(), StatementError> {
        let sql = self.resolve(text)?;
        sqlite::refuse_nul(&sql)?;
        let nothing = Statement::without_values();
        for one in sqlite::statements(&sql) {
            self.run(one, &nothing, &mut NoRows)?;
        }
        Ok(())
    }

    /// What a statement is.
    pub(super) fn describe(&mut self, text: &Text) -> Result<Description, StatementError> {
        let sql = self.resolve(text)?;
        Ok(self.with_session(&sql, |session, call| session.describe(call, &sql))?)
    }

    /// Runs every step whose condition holds. `step` gets its number and runs it through `execute`.
    pub(super) fn batch(
        &mut self,
        batch: &Batch,
        mut step: impl FnMut(&mut Self, usize, Option<&Statement>) -> bool,
    ) {
        let mut succeeded = Vec::with_capacity(batch.steps.len());
        for (index, one) in batch.steps.iter().enumerate() {
            let runs = one
                .condition
                .as_ref()
                .is_none_or(|condition| self.holds(condition, &succeeded));
            self.probing = matches!(one.condition, Some(Condition::IsAutocommit));
            let ok = step(self, index, runs.then_some(&one.stmt));
            succeeded.push(runs && ok);
        }
        self.probing = false;
    }

    /// Whether no transaction is open.
    pub(super) fn is_autocommit(&mut self) -> bool {
        self.held
            .stream()
            .session
            .as_ref()
            .is_none_or(|session| session.state().transaction_since.is_none())
    }

    /// Keeps a text for the stream.
    pub(super) fn store(&mut self, id: i32, sql: &str) -> Result<(), StatementError> {
        sqlite::refuse_nul(sql)?;
        let texts = &mut self.held.stream().texts;
        if sql.len() > LONGEST_TEXT {
            return Err(StatementError::new(
                "SQL_STORE_TOO_LARGE",
                format!(
                    "the text is {} bytes long, more than a stored one may have ({LONGEST_TEXT})",
                    sql.len()
                ),
            ));
        }
        if texts.len() >= MOST_TEXTS && !texts.contains_key(&id) {
            return Err(StatementError::new(
                "SQL_STORE_TOO_MANY",
                format!("the stream stores {MOST_TEXTS} texts already; close one"),
            ));
        }
        texts.insert(id, sql.to_owned());
        Ok(())
    }

    /// Forgets a text.
    pub(super) fn forget(&mut self, id: i32) {
        self.held.stream().texts.remove(&id);
    }

    fn resolve<'a>(&mut self, text: &'a Text) -> Result<std::borrow::Cow<'a, str>, StatementError> {
        match text {
            Text::Sql(sql) => Ok(sql.into()),
            Text::Stored(id) => {
                let stored = self.held.stream().texts.get(id).cloned();
                stored.map(Into::into).ok_or_else(|| {
                    StatementError::new(
                        "SQL_INPUT_ERROR",
                        format!("the stream stores no text with sql_id {id}"),
                    )
                })
            }
        }
    }

    fn holds(&mut self, condition: &Condition, succeeded: &[bool]) -> bool {
        match condition {
            Condition::Ok(step) => succeeded.get(*step) == Some(&true),
            Condition::Error(step) => succeeded.get(*step) != Some(&true),
            Condition::Not(inner) => !self.holds(inner, succeeded),
            Condition::And(all) => all.iter().all(|inner| self.holds(inner, succeeded)),
            Condition::Or(any) => any.iter().any(|inner| self.holds(inner, succeeded)),
            Condition::IsAutocommit => self.is_autocommit(),
        }
    }

    fn run(
        &mut self,
        sql: &str,
        statement: &Statement,
        sink: &mut dyn SessionSink,
    ) -> Result<Effect, EngineError> {
        if self.probing && sql.eq_ignore_ascii_case("SELECT 1") {
            return probe(sink);
        }
        let (app, route) = (Arc::clone(&self.app), self.route);
        self.with_session(sql, |session, call| {
            let effect = session.run(
                call,
                SessionStatement {
                    sql,
                    positional: &statement.args,
                    named: &statement.named_args,
                },
                sink,
            )?;
            let timing = Timing {
                queued: call.control.arrived().elapsed().saturating_sub(effect.ran),
                ran: effect.ran,
                volatile: true,
            };
            app.metrics.ran(route, Kind::Hrana, timing);
            Ok(effect)
        })
    }

    /// Runs `work` on the stream's connection as a statement that can be seen and stopped.
    fn with_session<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&mut dyn Session, &Call<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let Self {
            app,
            caller,
            presence,
            held,
            ..
        } = self;
        let session = &mut held.stream().session;
        let session = match session {
            Some(session) => session,
            None => session.insert(app.engine.session()?),
        };
        let ticket = app.ticket(Kind::Hrana, sql, caller);
        let control = Arc::clone(&ticket.control);
        presence.set(Some(ticket));
        if presence.gone.is_cancelled() {
            presence.set(None);
            return Err(EngineError::Cancelled("its client went away"));
        }
        let call = Call {
            rights: &caller.0,
            control: &control,
            gone: &presence.gone,
            read_timeout: self.read_timeout,
            write_timeout: app.limits.statement_timeout(None),
        };
        let outcome = work(session.as_mut(), &call);
        presence.set(None);
        outcome
    }
}

/// The answer to what SDKs add to a batch only to learn whether a transaction is open. It needs no connection.
fn probe(sink: &mut dyn SessionSink) -> Result<Effect, EngineError> {
    let column = ColumnHead {
        name: "1".to_owned(),
        declared_type: None,
    };
    let told = sink.begin(vec![column], false);
    match told.and_then(|()| sink.row(&[Cell::Integer(1)])) {
        Ok(()) | Err(Halt::Enough) => Ok(Effect::default()),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// Takes no rows.
struct NoRows;

impl SessionSink for NoRows {
    fn begin(&mut self, _columns: Vec<ColumnHead>, _holds_up_writers: bool) -> Result<(), Halt> {
        Ok(())
    }

    fn row(&mut self, _cells: &[Cell<'_>]) -> Result<(), Halt> {
        Ok(())
    }
}
