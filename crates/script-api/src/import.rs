//! What an import is asked to do, and the records that it did not take.

use crate::decisions::{ImportTable, ReadOptions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What happens to rows whose key is in the table already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are updated where they differ.
    #[default]
    Upsert,
    /// They stay as they are; only new ones are inserted.
    InsertNew,
    /// They are rejected; a source without keys gets new ones.
    Append,
    /// The sales of all days from the first to the last of the sources give way to those of the sources, all
    /// at once at the end.
    ReplacePeriod,
    /// All sales give way to those of the sources, all at once at the end.
    ReplaceAll,
}

impl Mode {
    /// Whether rows wait until all of them are there.
    #[must_use]
    pub fn replaces(self) -> bool {
        matches!(self, Self::ReplacePeriod | Self::ReplaceAll)
    }

    /// Whether a source may come without keys.
    #[must_use]
    pub fn makes_keys(self) -> bool {
        self == Self::Append || self.replaces()
    }
}

/// What happens to records that cannot be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// They are left out and listed; the job ends as `succeeded_with_rejects`.
    #[default]
    Skip,
    /// The job fails before anything is written; the records at fault are listed.
    Abort,
}

/// What becomes of what a cancelled import has written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCancel {
    /// It stays.
    #[default]
    Keep,
    /// It is taken back, all at once.
    Rollback,
}

/// How many rejects are too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, try_from = "serde_json::Value")]
pub enum MaxRejects {
    /// More than so many.
    Count(u64),
    /// More than this part of the records, such as `"2%"`.
    Percent(String),
}

impl TryFrom<serde_json::Value> for MaxRejects {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        match (value.as_u64(), value.as_str()) {
            (Some(count), _) => Ok(Self::Count(count)),
            (_, Some(text)) => Ok(Self::Percent(text.to_owned())),
            _ => Err(format!(
                "it is a whole number, or a percentage such as \"2%\", not `{value}`"
            )),
        }
    }
}

impl MaxRejects {
    /// Whether `rejected` of `read` are too many. `Err` says what is wrong with the limit.
    pub fn exceeded(&self, rejected: u64, read: u64) -> Result<bool, String> {
        match self {
            Self::Count(limit) => Ok(rejected > *limit),
            Self::Percent(text) => {
                let percent: f64 = text
                    .strip_suffix('%')
                    .and_then(|number| number.trim().parse().ok())
                    .filter(|percent| (0.0..=100.0).contains(percent))
                    .ok_or_else(|| format!("it is a number, or a percentage such as \"2%\", not `{text}`"))?;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a limit in percent needs no more precision"
                )]
                let part = rejected as f64 * 100.0;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a limit in percent needs no more precision"
                )]
                let whole = read as f64 * percent;
                Ok(part > whole)
            }
        }
    }
}

/// A source of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceRequest {
    /// The table it goes to.
    pub table: ImportTable,
    /// A file under the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sales.csv")]
    pub path: Option<String>,
    /// Where to fetch it: http or https. Credentials before the host are used; they, and the values of parameters
    /// such as `token` or `X-Amz-Signature`, are kept sealed and never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Set by the service: the address with its secrets, sealed; `url` is then as it may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub sealed_url: Option<String>,
    /// Set by the service: the bytes that came with the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub upload: Option<UploadRef>,
    /// How it is read.
    #[serde(flatten)]
    pub options: ReadOptions,
    /// Members that nobody knows; refused when the request comes in.
    #[serde(flatten)]
    #[schema(ignore)]
    pub unknown: BTreeMap<String, serde_json::Value>,
}

impl SourceRequest {
    /// A source for `table`, of which nothing else is said yet.
    #[must_use]
    pub fn new(table: ImportTable) -> Self {
        Self {
            table,
            path: None,
            url: None,
            sealed_url: None,
            upload: None,
            options: ReadOptions::default(),
            unknown: BTreeMap::new(),
        }
    }
}

/// Bytes that came with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRef {
    /// Where they are kept.
    pub id: String,
    /// How many they are.
    pub bytes: u64,
    /// What the sender called them.
    pub name: String,
}

/// What an import job is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportRequest {
    /// The sources, in the order in which they are imported; the configured ones when there are none.
    pub sources: Vec<SourceRequest>,
    /// What happens to rows whose key is in the table already.
    pub mode: Mode,
    /// What happens to records that cannot be taken.
    pub on_error: OnError,
    /// How many rejects let the job fail before anything is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rejects: Option<MaxRejects>,
    /// Says what would happen and changes nothing.
    pub dry_run: bool,
    /// What becomes of what is written when the import is cancelled.
    pub on_cancel: OnCancel,
    /// Fetches a URL again even where its server says that nothing changed.
    pub force: bool,
    /// Set by the service: the job whose rejects these are, corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub replay_of: Option<i64>,
}

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectedRecord {
    /// Which source of the job, the first being 0.
    pub source: i64,
    /// What the source is called.
    pub origin: String,
    /// The physical line where the record begins; the header is line 1.
    pub line: i64,
    /// The number of the record, the first after the header being 1.
    pub record: i64,
    /// Where it begins, in bytes of the text decoded to UTF-8.
    pub byte_offset: i64,
    /// Its source text, at most 4 KiB.
    pub raw: String,
    /// The column at fault, when one is.
    pub column: Option<String>,
    /// The text found there.
    pub value: Option<String>,
    /// What is wrong: a stable name.
    #[schema(example = "unknown_product")]
    pub code: String,
    /// The same in words.
    pub message: String,
    /// The job that replayed it, when one did.
    pub replayed_by: Option<i64>,
}

/// The rejects of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectList {
    /// The job.
    pub job: i64,
    /// In the order of sources and records.
    pub rejects: Vec<RejectedRecord>,
    /// Whether there are more; `?format=ndjson` has all of them.
    pub truncated: bool,
}

/// A reject as it comes back; what is left out stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CorrectedRecord {
    /// Which source of the job; the first, 0, unless given.
    pub source: Option<u64>,
    /// The number of the record.
    pub record: u64,
    /// Its whole source text, corrected.
    pub raw: Option<String>,
    /// The text of the column at fault, corrected.
    pub value: Option<String>,
    /// The text of further columns, by name.
    pub values: Option<BTreeMap<String, String>>,
}
