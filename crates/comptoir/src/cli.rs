//! The commands, their dispatch, and the exit codes.

use crate::commands::asking::Unanswered;
use crate::commands::{
    analyze, backup, forecast, generate, import, jobs, openapi, query, rejects, restore, schedule, token, up,
};
use crate::interrupts::Interrupted;
use crate::outcome::Outcome;
use clap::{Parser, Subcommand};
use db_client::DbError;
use script_client::ScriptError;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Puts a SQLite file on the network and makes a small company's sales readable.
///
/// Without a command it does what `up` does: it starts every service and waits.
#[derive(Debug, Parser)]
#[command(
    name = "comptoir",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXIT_CODES
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Up,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 imported but some records were \
                          rejected, 4 a service cannot be reached, 130 ended by Ctrl-C.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start every service in one process and wait.
    Up(up::Up),
    /// Import a file or a URL into a table.
    Import(import::Import),
    /// Print the records that an import did not take.
    Rejects(rejects::Rejects),
    /// Import corrected rejects.
    Replay(rejects::Replay),
    /// Take imports back, and go on with jobs.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Keep schedules: imports, analyses and forecasts at certain times, or when a file comes.
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Compute an analysis.
    Analyze(analyze::Analyze),
    /// Forecast daily revenue, or a series in a file.
    Forecast(forecast::Forecast),
    /// Run one read-only SQL statement.
    Query(query::Query),
    /// Write sales of any length, or the sample data, as CSV files.
    Generate(generate::Generate),
    /// Copy the database of a running db-service into a file.
    Backup(backup::Backup),
    /// Put a backup in the place of a database that no service has open.
    Restore(restore::Restore),
    /// Make tokens for db-service.
    #[command(subcommand)]
    Token(token::Token),
    /// Print the HTTP contract of all services as YAML.
    Openapi,
}

const FAILED: u8 = 1;
const WRONG_ARGUMENTS: u8 = 2;
const SOME_REJECTED: u8 = 3;
const UNREACHABLE: u8 = 4;
/// What shells say of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the command that the arguments of this process name.
///
/// A failure is one line on standard error, and one more for each of several faults. A reader of standard output that goes away (`| head`) ends the
/// command quietly.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command.unwrap_or(Command::Up(cli.up))) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeRejected) => ExitCode::from(SOME_REJECTED),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told when standard error is closed too.
            let _ = writeln!(io::stderr(), "comptoir: {error:#}{}", advice(&error));
            ExitCode::from(code_of(&error))
        }
    }
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Up(up) => {
            service_kit::logging::start_with_default("warn");
            service_kit::take_handles();
            block_on(up.run())
        }
        Command::Import(import) => block_on(import.run()),
        Command::Rejects(rejects) => block_on(rejects.run()),
        Command::Replay(replay) => block_on(replay.run()),
        Command::Jobs(jobs) => block_on(jobs.run()),
        Command::Schedule(schedule) => block_on(schedule.run()),
        Command::Analyze(analyze) => block_on(analyze.run()),
        Command::Forecast(forecast) => block_on(forecast.run()),
        Command::Query(query) => block_on(query.run()),
        Command::Backup(backup) => block_on(backup.run()),
        Command::Generate(generate) => generate.run(),
        Command::Restore(restore) => restore.run(),
        Command::Token(token) => token.run(),
        Command::Openapi => openapi::run(),
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(db_service::STACK_BYTES)
        .enable_all()
        .build()?
        .block_on(work)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// What to do about `error`, where that is the same for every command.
fn advice(error: &anyhow::Error) -> &'static str {
    match error.chain().find_map(|cause| cause.downcast_ref()) {
        Some(ScriptError::Unreachable { .. }) => {
            "; start it with `comptoir up`, or name another with --script-url"
        }
        _ => "",
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(FAILED)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(DbError::Unreachable { .. }) = cause.downcast_ref() {
        return Some(UNREACHABLE);
    }
    if cause.is::<Interrupted>() {
        return Some(INTERRUPTED);
    }
    if cause.is::<Unanswered>() {
        return Some(WRONG_ARGUMENTS);
    }
    match cause.downcast_ref::<ScriptError>()? {
        error if error.is_of_a_missing_service() => Some(UNREACHABLE),
        error if error.is_of_the_request() => Some(WRONG_ARGUMENTS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_flags_of_up_need_no_command() {
        let cli = Cli::parse_from(["comptoir", "--db-port", "0", "--no-sample"]);

        assert!(cli.command.is_none());
        assert_eq!(cli.up.db_port, 0);
        assert!(cli.up.no_sample);
    }

    #[test]
    fn a_closed_standard_output_is_no_failure() {
        let pipe = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("print the rows");

        assert!(is_broken_pipe(&pipe));
        assert!(!is_broken_pipe(&anyhow::anyhow!("no such table")));
    }

    #[test]
    fn what_ended_a_command_tells_its_exit_code() {
        let refused = |code: &str| {
            let problem = serde_json::json!({"code": code, "detail": "no", "retryable": true});
            let error = ScriptError::Refused(serde_json::from_value(problem).unwrap());
            code_of(&anyhow::Error::from(error).context("import december.csv"))
        };

        assert_eq!(refused("invalid_request"), 2);
        assert_eq!(refused("not_found"), 2);
        assert_eq!(refused("not_ready"), 4);
        assert_eq!(refused("queue_full"), 1);
        assert_eq!(code_of(&Interrupted("left job 7".into()).into()), 130);
        assert_eq!(code_of(&anyhow::anyhow!("no such file")), 1);
    }
}
