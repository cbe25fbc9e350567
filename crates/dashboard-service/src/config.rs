//! Every setting of dashboard-service: flag, variable, default and unit.

use clap::Parser;
use std::net::SocketAddr;

/// The page that people look at: sales, imports, jobs and forecasts.
#[derive(Debug, Clone, Parser)]
#[command(name = "dashboard-service", version)]
pub struct Config {
    /// Address to listen on.
    #[arg(long, env = "DASHBOARD_LISTEN", default_value = "127.0.0.1:8501")]
    pub listen: SocketAddr,
    /// Address of script-service.
    #[arg(long, env = "DASHBOARD_SCRIPT_URL", default_value = "http://127.0.0.1:5000")]
    pub script_url: String,
    /// How long script-service may take for an answer before the page says that it is slow, in milliseconds.
    #[arg(long, env = "DASHBOARD_ANSWER_TIMEOUT_MS", default_value_t = 10_000)]
    pub answer_timeout_ms: u64,
    /// How long requests in flight may take to finish when the service stops, in milliseconds.
    #[arg(long, env = "DASHBOARD_DRAIN_MS", default_value_t = 2_000)]
    pub drain_ms: u64,
}

impl service_kit::Settings for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

impl Config {
    /// The defaults, for the script-service at `script_url`.
    #[must_use]
    pub fn for_script(script_url: impl Into<String>) -> Self {
        Self {
            script_url: script_url.into(),
            ..Self::parse_from(["dashboard-service"])
        }
    }
}
