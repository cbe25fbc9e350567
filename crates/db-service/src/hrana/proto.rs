//! The shape of requests.
//!
//! Fields that are not known, or null, are passed over: clients send those of other versions as a matter of course.

use super::error::Refusal;
use db_api::Value;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// The body of `POST /v2/pipeline` and `POST /v3/pipeline`.
#[derive(Debug, Deserialize)]
pub(super) struct Pipeline {
    /// From the latest answer of the stream; none opens a new one.
    pub baton: Option<String>,
    /// What to do, in order.
    pub requests: Vec<Request>,
}

/// The body of `POST /v3/cursor`.
#[derive(Debug, Deserialize)]
pub(super) struct Cursor {
    /// From the latest answer of the stream; none opens a new one.
    pub baton: Option<String>,
    /// What to do.
    pub batch: Batch,
}

/// A request of a pipeline.
#[derive(Debug, Deserialize)]
#[serde(try_from = "AnyRequest")]
pub(super) enum Request {
    /// Run one statement.
    Execute(Statement),
    /// Run statements, each under its condition.
    Batch(Batch),
    /// Run the statements of one text.
    Sequence(Text),
    /// Tell what a statement is.
    Describe(Text),
    /// Keep a text.
    StoreSql { id: i32, sql: String },
    /// Forget a text.
    CloseSql { id: i32 },
    /// Tell whether no transaction is open.
    GetAutocommit,
    /// End the stream.
    Close,
}

/// A text, or the id of a stored one.
#[derive(Debug)]
pub(super) enum Text {
    /// The text.
    Sql(String),
    /// Stored under this id.
    Stored(i32),
}

/// A statement with its values.
#[derive(Debug, Deserialize)]
#[serde(try_from = "AnyStatement")]
pub(super) struct Statement {
    /// What to run.
    pub text: Text,
    /// Values by position.
    pub args: Vec<Value>,
    /// Values by name.
    pub named_args: Vec<(String, Value)>,
    /// Whether the rows are wanted.
    pub want_rows: bool,
}

impl Statement {
    /// One without values; its text is elsewhere.
    pub(super) fn without_values() -> Self {
        Self {
            text: Text::Sql(String::new()),
            args: Vec::new(),
            named_args: Vec::new(),
            want_rows: false,
        }
    }
}

/// Statements, each under its condition.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    /// In order.
    pub steps: Vec<Step>,
}

/// A statement and its condition.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    /// Without one it always runs.
    pub condition: Option<Condition>,
    /// What to run.
    pub stmt: Statement,
}

/// When a step runs.
#[derive(Debug, Deserialize)]
#[serde(try_from = "AnyCondition")]
pub(super) enum Condition {
    /// That step ran and succeeded.
    Ok(usize),
    /// That step did not succeed: it failed, or did not run.
    Error(usize),
    /// Not that.
    Not(Box<Condition>),
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// No transaction is open.
    IsAutocommit,
}

/// Reads a body, whatever its content type says.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::Protocol(format!(
            "the body is not a request of the Hrana protocol: {error}"
        ))
    })
}

impl Pipeline {
    /// What the shape alone does not say.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (index, request) in self.requests.iter().enumerate() {
            match request {
                Request::Close if index + 1 < self.requests.len() => {
                    return Err(Refusal::Protocol(format!(
                        "request {index} is `close`, and it is not the last one"
                    )));
                }
                Request::Batch(batch) => batch.check()?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Batch {
    /// Whether conditions speak of earlier steps only.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (index, step) in self.steps.iter().enumerate() {
            if let Some(late) = step
                .condition
                .as_ref()
                .and_then(|condition| condition.names_one_from(index))
            {
                return Err(Refusal::Protocol(format!(
                    "the condition of step {index} speaks of step {late}, which is not an earlier one"
                )));
            }
        }
        Ok(())
    }
}

impl Condition {
    /// A step that it speaks of and that is not before `index`.
    fn names_one_from(&self, index: usize) -> Option<usize> {
        match self {
            Self::Ok(step) | Self::Error(step) => Some(*step).filter(|step| *step >= index),
            Self::Not(condition) => condition.names_one_from(index),
            Self::And(conditions) | Self::Or(conditions) => conditions
                .iter()
                .find_map(|condition| condition.names_one_from(index)),
            Self::IsAutocommit => None,
        }
    }
}

/// All fields that a request may have, so that it is read in one go whatever their order.
#[derive(Deserialize)]
struct AnyRequest {
    #[serde(rename = "type")]
    kind: String,
    stmt: Option<Statement>,
    batch: Option<Batch>,
    sql: Option<String>,
    sql_id: Option<i32>,
}

impl TryFrom<AnyRequest> for Request {
    type Error = String;

    fn try_from(any: AnyRequest) -> Result<Self, String> {
        let AnyRequest {
            kind,
            stmt,
            batch,
            sql,
            sql_id,
        } = any;
        let lacks = |field: &str| format!("a request of type `{kind}` needs `{field}`");
        Ok(match kind.as_str() {
            "execute" => Self::Execute(stmt.ok_or_else(|| lacks("stmt"))?),
            "batch" => Self::Batch(batch.ok_or_else(|| lacks("batch"))?),
            "sequence" => Self::Sequence(Text::one_of(sql, sql_id)?),
            "describe" => Self::Describe(Text::one_of(sql, sql_id)?),
            "store_sql" => Self::StoreSql {
                id: sql_id.ok_or_else(|| lacks("sql_id"))?,
                sql: sql.ok_or_else(|| lacks("sql"))?,
            },
            "close_sql" => Self::CloseSql {
                id: sql_id.ok_or_else(|| lacks("sql_id"))?,
            },
            "get_autocommit" => Self::GetAutocommit,
            "close" => Self::Close,
            other => return Err(format!("there is no request of type `{other}`")),
        })
    }
}

impl Text {
    fn one_of(sql: Option<String>, sql_id: Option<i32>) -> Result<Self, String> {
        match (sql, sql_id) {
            (Some(sql), None) => Ok(Self::Sql(sql)),
            (None, Some(id)) => Ok(Self::Stored(id)),
            _ => Err("exactly one of `sql` and `sql_id` is needed".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct AnyStatement {
    sql: Option<String>,
    sql_id: Option<i32>,
    args: Option<Vec<Wire>>,
    named_args: Option<Vec<Named>>,
    want_rows: Option<bool>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    value: Wire,
}

impl TryFrom<AnyStatement> for Statement {
    type Error = String;

    fn try_from(any: AnyStatement) -> Result<Self, String> {
        Ok(Self {
            text: Text::one_of(any.sql, any.sql_id)?,
            args: any
                .args
                .unwrap_or_default()
                .into_iter()
                .map(|value| value.0)
                .collect(),
            named_args: any
                .named_args
                .unwrap_or_default()
                .into_iter()
                .map(|named| (named.name, named.value.0))
                .collect(),
            want_rows: any.want_rows.unwrap_or(true),
        })
    }
}

#[derive(Deserialize)]
struct AnyCondition {
    #[serde(rename = "type")]
    kind: String,
    step: Option<usize>,
    cond: Option<Box<Condition>>,
    conds: Option<Vec<Condition>>,
}

impl TryFrom<AnyCondition> for Condition {
    type Error = String;

    fn try_from(any: AnyCondition) -> Result<Self, String> {
        let AnyCondition {
            kind,
            step,
            cond,
            conds,
        } = any;
        let lacks = |field: &str| format!("a condition of type `{kind}` needs `{field}`");
        Ok(match kind.as_str() {
            "ok" => Self::Ok(step.ok_or_else(|| lacks("step"))?),
            "error" => Self::Error(step.ok_or_else(|| lacks("step"))?),
            "not" => Self::Not(cond.ok_or_else(|| lacks("cond"))?),
            "and" => Self::And(conds.ok_or_else(|| lacks("conds"))?),
            "or" => Self::Or(conds.ok_or_else(|| lacks("conds"))?),
            "is_autocommit" => Self::IsAutocommit,
            other => return Err(format!("there is no condition of type `{other}`")),
        })
    }
}

/// A value as it is sent.
#[derive(Debug, Deserialize)]
#[serde(try_from = "AnyValue")]
struct Wire(Value);

#[derive(Deserialize)]
struct AnyValue<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    value: Option<Scalar>,
    #[serde(borrow)]
    base64: Option<Cow<'a, str>>,
}

impl TryFrom<AnyValue<'_>> for Wire {
    type Error = String;

    fn try_from(any: AnyValue<'_>) -> Result<Self, String> {
        let misfit = || format!("a value of type `{}` does not fit its type", any.kind);
        Ok(Self(match (any.kind.as_ref(), any.value, any.base64) {
            ("null", ..) | ("float", None, _) => Value::Null,
            ("integer", Some(Scalar::Text(digits)), _) => {
                Value::from_tag("$integer", &digits).map_err(|error| error.to_string())?
            }
            ("integer", Some(Scalar::Integer(value)), _) => Value::Integer(value),
            ("float", Some(Scalar::Float(value)), _) => Value::Real(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "JSON does not tell 1 from 1.0, and the client means a float"
            )]
            ("float", Some(Scalar::Integer(value)), _) => Value::Real(value as f64),
            ("text", Some(Scalar::Text(text)), _) => Value::Text(text),
            ("blob", _, Some(base64)) => {
                Value::from_tag("$blob", &base64).map_err(|error| error.to_string())?
            }
            ("integer" | "float" | "text" | "blob", ..) => return Err(misfit()),
            (other, ..) => return Err(format!("there is no value of type `{other}`")),
        }))
    }
}

/// What a value carries: text or a number.
enum Scalar {
    Text(String),
    Integer(i64),
    Float(f64),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number beyond the integers of SQLite can only be a float"
    )]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(json: &str) -> Statement {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn values_are_read_with_and_without_padding_and_escapes() {
        let read = statement(
            r#"{"sql":"x","args":[{"type":"integer","value":"-9223372036854775808"},{"type":"float","value":2},
                {"type":"blob","base64":"YQ=="},{"type":"blob","base64":"YQ"},{"type":"text","value":"\u00e9\n"},
                {"type":"float","value":-0.0}]}"#,
        );

        assert_eq!(
            read.args[..5],
            [
                Value::Integer(i64::MIN),
                Value::Real(2.0),
                Value::Blob(b"a".to_vec()),
                Value::Blob(b"a".to_vec()),
                Value::Text("é\n".to_owned())
            ]
        );
        assert!(read.args[5].as_f64().is_some_and(f64::is_sign_negative));
    }

    #[test]
    fn fields_of_other_versions_and_nulls_are_passed_over() {
        let body = br#"{"baton":null,"requests":[{"type":"execute","stmt":{"sql":"SELECT 1","sql_id":null,
            "args":null,"want_rows":null,"replication_index":null}},{"stmt":null,"type":"close"}]}"#;
        let pipeline: Pipeline = parse(body).unwrap();

        assert!(matches!(
            pipeline.requests[..],
            [Request::Execute(_), Request::Close]
        ));
    }

    #[test]
    fn a_condition_speaks_of_earlier_steps_only() {
        let batch: Batch = serde_json::from_str(
            r#"{"steps":[{"stmt":{"sql":"x"},"condition":{"type":"not","cond":{"type":"ok","step":0}}}]}"#,
        )
        .unwrap();

        assert!(batch.check().unwrap_err().to_string().contains("step 0"));
    }
}
