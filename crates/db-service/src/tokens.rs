//! Who may do what: bearer tokens in a file.
//!
//! The file holds digests, never tokens. It is read again when it changes; a file that cannot be read leaves the
//! tokens as they were, and the log says why.
//!
//! ```toml
//! [[token]]
//! name = "dashboard"
//! sha256 = "…"                                # of the token, in hex
//! scope = "read"                              # read, write or admin
//! [token.tables.sales]                        # optional: nothing but these tables
//! read = ["id", "sale_date", "amount_cents"]  # columns, or "*"
//! write = "*"                                 # columns that may be set, or "*"; nothing when left out
//! ```
//!
//! A view is read, and a trigger fired, with the rights of the caller: what they read and write must be granted too. A
//! virtual table (FTS5, R*Tree) is granted as a whole or not at all, and what it keeps its data in goes with it.

use crate::engine::{Columns, Rights, Scope, TableRights};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq as _;
use tracing::{error, info};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Rights differ when their ids do. Zero is for a service without tokens.
static NEXT_RIGHTS: AtomicU64 = AtomicU64::new(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    scope: String,
    tables: Option<HashMap<String, TableEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableEntry {
    read: Option<ColumnsEntry>,
    write: Option<ColumnsEntry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ColumnsEntry {
    Star(String),
    Only(Vec<String>),
}

/// The tokens in force.
pub(crate) enum Tokens {
    /// There are none: everybody who reaches the service may do everything.
    None(Arc<Rights>),
    /// Those of a file.
    Some(RwLock<Vec<Known>>),
}

/// A token by its digest.
pub(crate) struct Known {
    digest: [u8; 32],
    rights: Arc<Rights>,
}

impl Tokens {
    /// Everybody may do everything.
    pub(crate) fn none() -> Self {
        Self::None(Arc::new(Rights::everything()))
    }

    /// The tokens of `file`.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        Ok(Self::Some(RwLock::new(parse_file(file)?)))
    }

    /// What the holder of `token` may do; `None` when it is not known.
    pub(crate) fn rights(&self, token: Option<&str>) -> Option<Arc<Rights>> {
        let known = match self {
            Self::None(rights) => return Some(Arc::clone(rights)),
            Self::Some(known) => known,
        };
        let digest: [u8; 32] = Sha256::digest(token?.as_bytes()).into();
        let known = known.read().unwrap_or_else(PoisonError::into_inner);
        // Every digest is compared, each in constant time.
        known.iter().fold(None, |found, one| {
            if bool::from(one.digest.ct_eq(&digest)) {
                Some(Arc::clone(&one.rights))
            } else {
                found
            }
        })
    }

    /// Reads the file again whenever it changes. It never ends.
    pub(crate) async fn follow(self: Arc<Self>, file: PathBuf) {
        let Self::Some(known) = &*self else {
            return;
        };
        let mut seen = version(&file);
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            let now = version(&file);
            if now == seen {
                continue;
            }
            seen = now;
            match parse_file(&file) {
                Ok(tokens) => {
                    info!(file = %file.display(), tokens = tokens.len(), "read the token file again");
                    *known.write().unwrap_or_else(PoisonError::into_inner) = tokens;
                }
                Err(cause) => {
                    error!(file = %file.display(), "the token file cannot be read, the tokens stay as they were: {cause:#}");
                }
            }
        }
    }
}

/// What tells one state of the file from another.
fn version(file: &Path) -> Option<(SystemTime, u64)> {
    let file = std::fs::metadata(file).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn parse_file(file: &Path) -> anyhow::Result<Vec<Known>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("read the token file {}", file.display()))?;
    parse(&text).with_context(|| format!("read the token file {}", file.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Known>> {
    let file: File = toml::from_str(text)?;
    let mut known: Vec<Known> = Vec::with_capacity(file.token.len());
    for entry in file.token {
        let name = entry.name.clone();
        if known
            .iter()
            .any(|other| other.rights.token.as_ref() == Some(&name))
        {
            bail!("two tokens are named `{name}`");
        }
        known.push(entry.check().with_context(|| format!("token `{name}`"))?);
    }
    Ok(known)
}

impl Entry {
    fn check(self) -> anyhow::Result<Known> {
        let digest = unhex(&self.sha256).context("sha256 must be 64 hex digits")?;
        let scope = match self.scope.as_str() {
            "read" => Scope::Read,
            "write" => Scope::Write,
            "admin" => Scope::Admin,
            other => bail!("scope must be read, write or admin, not `{other}`"),
        };
        if scope == Scope::Admin && self.tables.is_some() {
            bail!("an admin cannot be limited to tables");
        }
        let tables = self
            .tables
            .map(|tables| {
                tables
                    .into_iter()
                    .map(|(name, entry)| Ok((name.to_ascii_lowercase(), entry.check()?)))
                    .collect::<anyhow::Result<_>>()
            })
            .transpose()?;
        let id = NEXT_RIGHTS.fetch_add(1, Ordering::Relaxed);
        let rights = Rights {
            id,
            token: Some(self.name),
            scope,
            tables,
        };
        Ok(Known {
            digest,
            rights: Arc::new(rights),
        })
    }
}

impl TableEntry {
    fn check(self) -> anyhow::Result<TableRights> {
        let read = match self.read {
            Some(columns) => columns.check()?,
            None => Columns::Only(Vec::new()),
        };
        Ok(TableRights {
            read,
            write: self.write.map(ColumnsEntry::check).transpose()?,
        })
    }
}

impl ColumnsEntry {
    fn check(self) -> anyhow::Result<Columns> {
        match self {
            Self::Star(star) if star == "*" => Ok(Columns::All),
            Self::Star(other) => bail!("columns must be a list or \"*\", not \"{other}\""),
            Self::Only(columns) => Ok(Columns::Only(columns)),
        }
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(digest)
}

/// A new token and its entry for the token file. The token is shown once; the file keeps its digest.
///
/// # Errors
///
/// When the system gives no randomness.
pub fn new_token(name: &str, scope: &str) -> anyhow::Result<(String, String)> {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|why| anyhow::anyhow!("no randomness for a token: {why}"))?;
    let token = format!(
        "ct_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    );
    let digest = Sha256::digest(token.as_bytes());
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    // A JSON string is a TOML string too.
    let name = serde_json::to_string(name)?;
    let entry = format!(
        "[[token]]\nname = {name}\nsha256 = \"{}\"\nscope = \"{scope}\"\n",
        hex.concat()
    );
    parse(&entry)?;
    Ok((token, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_known_by_its_entry_only() {
        let (token, entry) = new_token("shop \"1\"", "write").unwrap();
        let tokens = Tokens::Some(RwLock::new(parse(&entry).unwrap()));

        assert!(!entry.contains(&token));
        assert_eq!(tokens.rights(Some(&token)).unwrap().scope, Scope::Write);
        assert!(tokens.rights(Some("ct_other")).is_none());
        assert!(tokens.rights(None).is_none());
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        let digest = "0".repeat(64);
        let entry = |scope: &str, sha256: &str| {
            format!("[[token]]\nname = \"a\"\nsha256 = \"{sha256}\"\nscope = \"{scope}\"\n")
        };
        let mistake = |text: &str| format!("{:#}", parse(text).err().unwrap());

        assert!(mistake(&entry("owner", &digest)).contains("owner"));
        assert!(mistake(&entry("read", "12")).contains("sha256"));
        assert!(mistake(&entry("read", &digest).repeat(2)).contains("named `a`"));
    }
}
