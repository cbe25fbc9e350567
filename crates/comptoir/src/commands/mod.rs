//! One file per command: its arguments, and what it does with them.

pub(crate) mod analyze;
pub(crate) mod asking;
pub(crate) mod backup;
mod follow;
pub(crate) mod forecast;
pub(crate) mod generate;
pub(crate) mod import;
mod imported;
pub(crate) mod jobs;
pub(crate) mod openapi;
mod preview;
pub(crate) mod query;
pub(crate) mod rejects;
pub(crate) mod restore;
pub(crate) mod schedule;
pub(crate) mod token;
mod told;
pub(crate) mod up;

use clap::Args;
use db_client::{DbClient, DbError};

/// Where db-service is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DbAddress {
    /// Address of db-service.
    #[arg(long, env = "COMPTOIR_DB_URL", default_value = "http://127.0.0.1:8080")]
    db_url: String,
    /// Token for db-service, when it asks for one.
    #[arg(long, env = "COMPTOIR_DB_TOKEN", hide_env_values = true)]
    db_token: Option<String>,
}

impl DbAddress {
    /// A client of it.
    fn client(&self) -> Result<DbClient, DbError> {
        DbClient::new(&self.db_url, self.db_token.clone())
    }
}

/// Where script-service is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScriptAddress {
    /// Address of script-service.
    #[arg(long, env = "COMPTOIR_SCRIPT_URL", default_value = "http://127.0.0.1:5000")]
    script_url: String,
}

/// `NAME=VALUE` taken apart.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}
