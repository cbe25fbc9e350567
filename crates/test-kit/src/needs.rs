//! Tests that need a program from outside: without it they count as *ignored*, not as passed.
//!
//! The harness of Rust knows at compile time what it ignores. These tests run under libtest-mimic, which is told at
//! run time; a test crate of them has `harness = false` and lists its tests with [`trials!`](crate::trials).

use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tests, and what they need.
#[derive(Debug, Default)]
pub struct Trials(Vec<Trial>);

/// What some tests need.
#[derive(Debug, Clone)]
pub struct Need {
    /// Why they cannot run, and what to do about it; `None` when they can.
    missing: Option<String>,
    /// The variable that makes it a failure.
    required_by: &'static str,
}

impl Need {
    /// Something that is `missing` or not. Where it is and the variable `required_by` is set, the tests fail.
    #[must_use]
    pub fn new(missing: Option<String>, required_by: &'static str) -> Self {
        Self { missing, required_by }
    }

    /// A test under `name`: run when what it needs is there, otherwise ignored, or failed where it is required.
    ///
    /// # Panics
    ///
    /// In the test, when it has no runtime.
    #[expect(clippy::expect_used, reason = "a test without a runtime has failed")]
    pub fn trial<F: Future<Output = ()>>(
        &self,
        name: &str,
        test: impl FnOnce() -> F + Send + 'static,
    ) -> Trial {
        let missing = self.missing.clone();
        let required = std::env::var_os(self.required_by).is_some_and(|value| value != "0");
        let ignored = missing.is_some() && !required;
        let trial = Trial::test(name, move || {
            if let Some(missing) = missing {
                return Err(missing.into());
            }
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(test());
            Ok(())
        });
        match &self.missing {
            Some(missing) if ignored => trial.with_kind(missing).with_ignored_flag(true),
            _ => trial,
        }
    }
}

impl Trials {
    /// More tests.
    #[must_use]
    pub fn and(mut self, more: Vec<Trial>) -> Self {
        self.0.extend(more);
        self
    }

    /// Runs those that the arguments ask for.
    #[must_use]
    pub fn run(self) -> ExitCode {
        libtest_mimic::run(&Arguments::from_args(), self.0).exit_code()
    }
}

/// The tests of modules, each an `async fn` without arguments: `trials!(need; module: [test, other], ..)`.
#[macro_export]
macro_rules! trials {
    ($need:expr; $($module:ident: [$($test:ident),* $(,)?]),* $(,)?) => {
        vec![$($(
            $need.trial(concat!(stringify!($module), "::", stringify!($test)), $module::$test)
        ),*),*]
    };
}

/// The program on `PATH` that has one of `names`.
#[must_use]
pub fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| Path::is_file(file))
}
