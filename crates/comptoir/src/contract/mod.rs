//! The HTTP contract of all services as one document, the `openapi.yaml` of this repository.
//!
//! Each service describes itself; here the parts are joined. A path belongs to the servers of the services that
//! have it. The examples are answers of a running stack with the sample data, kept in `examples.json`: the tests
//! ask for each of them again and compare.

mod examples;
mod join;

pub use examples::{Content, Example, Service};

use anyhow::Context as _;
use join::Joined;
use serde_yaml_ng::{Mapping, Value};

/// What the document says of the whole.
const DESCRIPTION: &str = "\
Two services. **db-service** puts a SQLite file on the network: SQL, transactions, bulk insert, streamed answers, \
rights. **script-service** knows sales: it imports files, analyses and keeps the results as jobs in db-service. \
Errors of both are problem documents (RFC 9457). The examples are answers for the sample data.";

/// The examples that the document shows.
///
/// # Errors
///
/// When `examples.json` does not read as examples.
pub fn examples() -> anyhow::Result<Vec<Example>> {
    examples::parse(include_str!("examples.json")).context("read the examples of the contract")
}

/// The document, in YAML.
///
/// # Errors
///
/// When the parts do not fit together or an example names an operation that does not exist.
pub fn to_yaml() -> anyhow::Result<String> {
    let mut joined = Joined::default();
    joined.add(Service::Db, serde_yaml_ng::to_value(db_service::openapi())?)?;
    joined.add(
        Service::Script,
        serde_yaml_ng::to_value(script_service::openapi())?,
    )?;
    for example in examples()? {
        joined
            .show(&example)
            .with_context(|| format!("show the example `{}`", example.name))?;
    }
    Ok(serde_yaml_ng::to_string(&document(joined))?)
}

fn document(joined: Joined) -> Value {
    let mut license = Mapping::new();
    license.insert("name".into(), "MIT".into());
    license.insert("identifier".into(), "MIT".into());
    let mut info = Mapping::new();
    info.insert("title".into(), "Comptoir".into());
    info.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    info.insert("description".into(), DESCRIPTION.into());
    info.insert("license".into(), license.into());
    let mut document = Mapping::new();
    document.insert("openapi".into(), "3.1.0".into());
    document.insert("info".into(), info.into());
    document.insert(
        "servers".into(),
        Service::ALL.map(Service::server).to_vec().into(),
    );
    document.insert("tags".into(), joined.tags.into());
    document.insert("paths".into(), joined.paths.into());
    document.insert("components".into(), joined.components.into());
    document.into()
}
