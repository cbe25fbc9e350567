//! A kind of job: what its request is, how it is run, what it leaves to clean up.

use super::context::{JobContext, Stop};
use crate::analyses::catalog::Catalog;
use crate::config::Config;
use db_client::DbError;
use script_api::JobState;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service_kit::validation::{self, Asked, Faults};
use std::future::Future;
use std::pin::Pin;

/// What is asked of a job, and how it is done. Run twice, it leaves what one run leaves.
pub(crate) trait Job: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stored name, which stays what it is.
    const NAME: &'static str;

    /// The request in `body`, with what is wrong with its form; an empty body asks for nothing in particular.
    fn parse(body: &[u8]) -> Result<Asked<Self>, Faults> {
        if validation::is_nothing(body) {
            return Ok(Asked {
                value: Self::default(),
                faults: Faults::default(),
            });
        }
        validation::json(body)
    }

    /// All that is wrong with what it asks for.
    fn faults(&self, catalog: &Catalog) -> Faults;

    /// What of it only the service may say.
    fn not_set_by_callers(&self) -> Faults {
        Faults::default()
    }

    /// Why it cannot be asked for again and again.
    fn not_repeatable(&self) -> Faults {
        Faults::default()
    }

    /// The request with what it leaves to the moment at which it is submitted.
    #[must_use]
    fn at_submission(self, _config: &Config) -> Self {
        self
    }

    /// Does it, from the checkpoint of `context` on.
    fn run(&self, context: &JobContext) -> impl Future<Output = Result<Ended, Stop>> + Send;

    /// Whether nothing of what it read is in the tables unless it succeeds.
    fn is_all_or_nothing(&self) -> bool {
        false
    }

    /// Takes back what it wrote before it was cancelled, if the request asks for that; the result of the job then.
    fn take_back(
        &self,
        _context: &JobContext,
    ) -> impl Future<Output = Result<Option<String>, DbError>> + Send {
        std::future::ready(Ok(None))
    }

    /// Drops what nobody needs once the job has ended.
    fn clean_up(&self, _context: &JobContext) -> impl Future<Output = Result<(), DbError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// How a job succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub state: JobState,
    /// What it found, as JSON.
    pub result: String,
}

impl Ended {
    /// It found `result`, and nothing is missing.
    pub(crate) fn whole(result: String) -> Self {
        Self {
            state: JobState::Succeeded,
            result,
        }
    }
}

type Outcome<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A job whose kind is not known by type.
pub(crate) trait AnyJob: Send + Sync {
    /// See [`Job::run`].
    fn run<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<Ended, Stop>>;
    /// See [`Job::is_all_or_nothing`].
    fn is_all_or_nothing(&self) -> bool;
    /// See [`Job::take_back`].
    fn take_back<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<Option<String>, DbError>>;
    /// See [`Job::clean_up`].
    fn clean_up<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<(), DbError>>;
}

impl<J: Job> AnyJob for J {
    fn run<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<Ended, Stop>> {
        Box::pin(Job::run(self, context))
    }

    fn is_all_or_nothing(&self) -> bool {
        Job::is_all_or_nothing(self)
    }

    fn take_back<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<Option<String>, DbError>> {
        Box::pin(Job::take_back(self, context))
    }

    fn clean_up<'a>(&'a self, context: &'a JobContext) -> Outcome<'a, Result<(), DbError>> {
        Box::pin(Job::clean_up(self, context))
    }
}

/// An entry of the registry: a kind of job by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub name: &'static str,
    stored: fn(&str) -> serde_json::Result<Box<dyn AnyJob>>,
    repeatable: fn(&[u8], &Catalog) -> Result<String, Faults>,
    at_submission: fn(&str, &Config) -> serde_json::Result<String>,
}

impl Kind {
    /// The kind of the jobs `J`.
    pub(crate) const fn of<J: Job>() -> Self {
        Self {
            name: J::NAME,
            stored: |request| Ok(Box::new(serde_json::from_str::<J>(request)?)),
            repeatable: |body, catalog| {
                let Asked { value, mut faults } = J::parse(body)?;
                faults.extend(value.not_set_by_callers());
                faults.extend(value.not_repeatable());
                faults.extend(value.faults(catalog));
                faults.or(serde_json::to_string(&value).unwrap_or_default())
            },
            at_submission: |request, config| {
                serde_json::to_string(&serde_json::from_str::<J>(request)?.at_submission(config))
            },
        }
    }

    /// The job that a stored `request` describes.
    pub(crate) fn stored(&self, request: &str) -> serde_json::Result<Box<dyn AnyJob>> {
        (self.stored)(request)
    }

    /// The request in `body`, to be stored, for jobs that are made again and again. `Err` says all that is wrong.
    pub(crate) fn repeatable(&self, body: &[u8], catalog: &Catalog) -> Result<String, Faults> {
        (self.repeatable)(body, catalog)
    }

    /// A stored `request` with what it leaves to the moment at which its job is made.
    pub(crate) fn at_submission(&self, request: &str, config: &Config) -> serde_json::Result<String> {
        (self.at_submission)(request, config)
    }
}
