//! Logging: one line per event on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

/// Starts logging for the whole process. `RUST_LOG` sets the filter (`info` by default);
/// `COMPTOIR_LOG_FORMAT=json` writes an object a line instead of text. A second call does nothing.
pub fn start() {
    start_with_default("info");
}

/// As [`start`], with another filter where `RUST_LOG` says nothing.
pub fn start_with_default(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let writer = std::io::stderr.with_max_level(tracing::Level::TRACE);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let json = std::env::var("COMPTOIR_LOG_FORMAT").is_ok_and(|format| format == "json");
    // The error says that logging runs already, which is what the caller wants.
    let _ = if json {
        lines.json().try_init()
    } else {
        lines.try_init()
    };
}
