//! The `main` of a service.

use crate::{logging, probe, stop_signal};
use anyhow::Context as _;
use clap::{Arg, ArgAction};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpListener;
use tracing::warn;

/// The settings of a service, as its program reads them.
pub trait Settings: clap::Parser {
    /// The address to listen on; `--listen` sets it.
    fn listen(&self) -> SocketAddr;
}

/// Done when the process is asked to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// More file handles than this are not asked for.
const HANDLES: u64 = 65_536;

const PROBE: &str = "probe";

/// Reads settings, listens, and runs the service until it is asked to stop. With `--probe` it asks the service that
/// listens there whether it is ready instead, and succeeds when it is.
///
/// # Errors
///
/// When the address cannot be listened on, and what `run` says.
pub async fn program<C, F>(run: impl FnOnce(C, TcpListener, Stop) -> F) -> anyhow::Result<()>
where
    C: Settings,
    F: Future<Output = anyhow::Result<()>>,
{
    logging::start();
    take_handles();
    let mut arguments = command::<C>().get_matches();
    let settings = C::from_arg_matches_mut(&mut arguments).map_err(|error| error.format(&mut command::<C>()));
    let settings = settings.unwrap_or_else(|error| error.exit());
    let address = settings.listen();
    if arguments.get_flag(PROBE) {
        return Ok(probe(address).await?);
    }
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address} (change it with --listen)"))?;
    run(settings, listener, Box::pin(stop_signal())).await
}

/// Lets the process have as many file handles as it may ask for: each connection takes one, and many systems start
/// programs with a thousand.
pub fn take_handles() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(HANDLES).min(HANDLES);
        if limit.current.is_some_and(|current| current < wanted) {
            let raised = Rlimit {
                current: Some(wanted),
                ..limit
            };
            if let Err(cause) = setrlimit(Resource::Nofile, raised) {
                warn!("the process keeps its limit of file handles: {cause}");
            }
        }
    }
}

fn command<C: Settings>() -> clap::Command {
    C::command().arg(
        Arg::new(PROBE)
            .long(PROBE)
            .action(ArgAction::SetTrue)
            .help("Asks the service that listens there whether it is ready, and ends: with 0 when it is"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Kitchen {
        #[arg(long, default_value = "127.0.0.1:1")]
        listen: SocketAddr,
    }

    impl Settings for Kitchen {
        fn listen(&self) -> SocketAddr {
            self.listen
        }
    }

    #[test]
    fn a_program_takes_the_settings_of_its_service_and_the_probe() {
        command::<Kitchen>().debug_assert();
        let mut arguments = command::<Kitchen>()
            .try_get_matches_from(["kitchen", "--listen", "127.0.0.1:2", "--probe"])
            .unwrap();

        let settings = <Kitchen as clap::FromArgMatches>::from_arg_matches_mut(&mut arguments).unwrap();

        assert_eq!(settings.listen().port(), 2);
        assert!(arguments.get_flag(PROBE));
    }
}
