//! What is said about exports of shops: questions that they leave open, and what they brought.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Something that was decided about the sales in a file, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SalesDecision {
    /// What it is about: `amount`, `product`, `store`, `keys`, `status`, `currency`, `numbers`.
    #[schema(example = "amount")]
    pub about: String,
    /// What was decided, in words.
    #[schema(example = "quantity × `Prix_unitaire`")]
    pub text: String,
    /// The same in French, where it is kept with a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fr: Option<String>,
}

/// What a file brought to a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportDay {
    /// The day.
    pub day: String,
    /// Lines of the file.
    pub lines: u64,
    /// Their sum, in cents.
    pub revenue_cents: i64,
}

/// One of the largest lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportLine {
    /// Where it stands.
    pub line: u64,
    /// Its day.
    pub day: String,
    /// Its product.
    pub product: String,
    /// Its amount, in cents.
    pub amount_cents: i64,
}

/// How many products and stores were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Created {
    /// Products.
    pub products: u64,
    /// Stores.
    pub stores: u64,
}

/// What a file of sales holds, in the words of a shop: lines of which some may be there already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// The first day.
    pub first_day: Option<String>,
    /// The last day.
    pub last_day: Option<String>,
    /// Lines of sales.
    pub lines: u64,
    /// Their sum, in cents.
    pub revenue_cents: i64,
    /// The code of the currency.
    pub currency: String,
    /// Whether amounts are with taxes: `included`, `excluded`, or `unsaid`.
    pub taxes: String,
    /// Days, the first 400 of them.
    pub days: Vec<ReportDay>,
    /// Days that are far from all others: hardly right.
    pub far_days: Vec<String>,
    /// The lines with the largest amounts.
    pub largest: Vec<ReportLine>,
    /// How many products and stores are made.
    pub created: Created,
    /// The names of the first of them.
    pub new_products: Vec<String>,
    /// The names of the first of them.
    pub new_stores: Vec<String>,
    /// Names that were taken for the same: the first, and another.
    #[schema(value_type = Vec<Vec<String>>)]
    pub same_names: Vec<(String, String)>,
    /// Records that are no sales, by the words that say so.
    pub skipped: BTreeMap<String, u64>,
}
