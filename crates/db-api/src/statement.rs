//! Statements and their answers.

use crate::Value;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// Parameters of a statement: by position (`?`, `?1`) or by name (`:name`, `@name`, `$name`).
///
/// A name may be given with or without its prefix.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Params {
    /// Bound to `?1`, `?2`, .. in this order.
    Positional(Vec<Value>),
    /// Bound by name.
    Named(BTreeMap<String, Value>),
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParamsVisitor)
    }
}

/// Written out so that a value that is none is named as such.
struct ParamsVisitor;

impl<'de> Visitor<'de> for ParamsVisitor {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters: a list of values, or an object of names and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Params, A::Error> {
        let mut values = Vec::with_capacity(list.size_hint().unwrap_or(8));
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Params::Positional(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            values.insert(name, value);
        }
        Ok(Params::Named(values))
    }

    fn visit_unit<E>(self) -> Result<Params, E> {
        Ok(Params::default())
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

impl Params {
    /// Parameters by name.
    #[must_use]
    pub fn named<const N: usize>(values: [(&str, Value); N]) -> Self {
        Self::Named(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Positional(values) => values.is_empty(),
            Self::Named(values) => values.is_empty(),
        }
    }
}

impl<const N: usize> From<[Value; N]> for Params {
    fn from(values: [Value; N]) -> Self {
        Self::Positional(values.into())
    }
}

impl From<Vec<Value>> for Params {
    fn from(values: Vec<Value>) -> Self {
        Self::Positional(values)
    }
}

/// How values are written in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueForm {
    /// Integers as plain digits, whatever their size.
    #[default]
    Plain,
    /// Integers beyond ±(2^53−1) as `{"$integer":".."}`, for clients that read numbers as doubles.
    Tagged,
}

/// Body of `POST /v1/query` and `POST /v1/explain`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One read-only statement.
    #[schema(example = "SELECT id, name FROM products WHERE price > ?1 ORDER BY id")]
    pub sql: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    #[schema(nullable)]
    pub params: Params,
    /// How values are written in the answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub values: ValueForm,
    /// How long the statement may take, in milliseconds; at most the service's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// How many rows a JSON answer may hold; at most the service's own limit. More rows set `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

/// Body of `POST /v1/execute`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecuteRequest {
    /// One statement.
    #[schema(example = "UPDATE products SET price_cents = :cents WHERE id = :id")]
    pub sql: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    #[schema(nullable)]
    pub params: Params,
    /// Runs the statement once per set, in one transaction; not together with `params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_many: Option<Vec<Params>>,
    /// How values are written in the answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub values: ValueForm,
    /// How long the statement may take, in milliseconds; at most the service's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// How many `RETURNING` rows the answer may hold; at most the service's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// How many rows the statement must insert, update or delete, all sets of parameters together and triggers not
    /// counted. With any other number it fails with `precondition_failed` and changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub must_change: Option<u64>,
    /// Runs everything and rolls it back: the answer is what would have happened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
}

/// One statement of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// One statement.
    pub sql: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    #[schema(nullable)]
    pub params: Params,
    /// Runs the statement once per set; not together with `params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_many: Option<Vec<Params>>,
    /// How many rows the statement must insert, update or delete, all sets of parameters together and triggers not
    /// counted. With any other number it fails with `precondition_failed` and changes nothing: the `If-Match` of rows,
    /// such as `UPDATE jobs SET owner = 'b' WHERE id = 7 AND owner = 'a'` that must change 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub must_change: Option<u64>,
}

impl Statement {
    /// `sql` with `params`.
    pub fn new(sql: impl Into<String>, params: impl Into<Params>) -> Self {
        Self {
            sql: sql.into(),
            params: params.into(),
            ..Self::default()
        }
    }

    /// The same statement, which must change `rows` rows.
    #[must_use]
    pub fn must_change(self, rows: u64) -> Self {
        Self {
            must_change: Some(rows),
            ..self
        }
    }
}

/// Whether the statements of a batch share one fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchMode {
    /// All or nothing.
    #[default]
    Atomic,
    /// Each statement by itself: one that fails leaves the others.
    Independent,
}

/// Body of `POST /v1/batch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The statements, in order.
    #[schema(min_items = 1)]
    pub statements: Vec<Statement>,
    /// Whether they share one fate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: BatchMode,
    /// Runs everything and rolls it back: the answer is what would have happened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
    /// How values are written in the answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub values: ValueForm,
    /// How long all of it may take, in milliseconds: at most the service's `batch_timeout_ms`; unless given,
    /// `statement_timeout_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// How many rows the answer may hold for one statement; at most the service's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

/// A column of an answer. Names may repeat, so rows are arrays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnHead {
    /// The name SQLite gives it.
    #[schema(example = "name")]
    pub name: String,
    /// The declared type of the table's column; null for an expression.
    #[serde(rename = "type")]
    #[schema(example = "TEXT")]
    pub declared_type: Option<String>,
}

/// Answer of `POST /v1/query`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryResult {
    /// The columns, in order.
    pub columns: Vec<ColumnHead>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
    /// How many rows the answer holds.
    pub row_count: u64,
    /// Whether there were more rows than `max_rows` or the service's limit.
    pub truncated: bool,
    /// How long the statement took, in milliseconds.
    pub elapsed_ms: f64,
}

/// Answer of `POST /v1/execute`, and of each statement of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecuteResult {
    /// The columns of `RETURNING` or of a query; empty otherwise.
    pub columns: Vec<ColumnHead>,
    /// The rows of `RETURNING` or of a query.
    pub rows: Vec<Vec<Value>>,
    /// How many rows the answer holds.
    pub row_count: u64,
    /// Whether there were more rows than `max_rows` or the service's limit.
    pub truncated: bool,
    /// How many rows were inserted, updated or deleted, triggers not counted.
    pub rows_affected: u64,
    /// The rowid of the last inserted row of this statement; null when it inserted none.
    pub last_insert_rowid: Option<i64>,
    /// How long the statement took, in milliseconds.
    pub elapsed_ms: f64,
}

/// What became of one statement of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchOutcome {
    /// It ran.
    Ok(ExecuteResult),
    /// It failed; only in mode `independent`.
    Error(crate::Problem),
}

/// Answer of `POST /v1/batch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchResult {
    /// One outcome per statement, in order.
    pub results: Vec<BatchOutcome>,
    /// Whether it was rolled back because `dry_run` was asked.
    pub dry_run: bool,
    /// How long all of it took, in milliseconds, the wait for the writer not counted.
    pub elapsed_ms: f64,
}

/// One step of a query plan, as `EXPLAIN QUERY PLAN` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanNode {
    /// SQLite's number of the step.
    pub id: i64,
    /// What SQLite does.
    #[schema(example = "SEARCH sales USING INDEX sales_by_date (sale_date>?)")]
    pub detail: String,
    /// The steps inside it.
    #[schema(no_recursion)]
    pub children: Vec<PlanNode>,
}

/// A statement that is running now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunningStatement {
    /// To stop it: `DELETE /v1/queries/{id}`.
    pub id: u64,
    /// Its text.
    pub sql: String,
    /// `read`, `write`, `bulk`, `backup` or `hrana`.
    pub kind: String,
    /// `queued`, `running` or `sending`.
    pub state: String,
    /// The name of the token it came with; null without tokens.
    pub token: Option<String>,
    /// How long since it arrived, in milliseconds.
    pub elapsed_ms: u64,
}

/// Answer of `GET /v1/queries`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunningStatements {
    /// Oldest first.
    pub queries: Vec<RunningStatement>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
