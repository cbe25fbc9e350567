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
    /// How long a client may take for the next 64 KiB of a body, and how long it may take nothing of an answer, in
    /// milliseconds.
    #[arg(long, env = "DASHBOARD_STALL_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub stall_timeout_ms: u64,
    /// How long a connection may take for the head of its next request, in milliseconds; then it is closed.
    #[arg(long, env = "DASHBOARD_HEADER_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub header_timeout_ms: u64,
    /// How many connections may be open; further ones are answered 503.
    #[arg(long, env = "DASHBOARD_MAX_CONNECTIONS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// How many of them may come from one address; a proxy before the service is one.
    #[arg(long, env = "DASHBOARD_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,
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
