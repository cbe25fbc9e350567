//! `comptoir openapi`: the contract.

use crate::contract;
use crate::outcome::Outcome;
use std::io::{self, Write as _};

/// Prints the contract of all services as YAML.
pub(crate) fn run() -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    out.write_all(contract::to_yaml()?.as_bytes())?;
    out.flush()?;
    Ok(Outcome::Done)
}
