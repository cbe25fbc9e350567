//! Parameters into statements.

use super::connection::Guarded;
use crate::engine::EngineError;
use db_api::{Params, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql};
use std::ops::Deref;

impl<C: Deref<Target = Connection>> Guarded<C> {
    /// Binds parameters, all of them and no more.
    pub(super) fn bind(&self, statement: &mut Statement<'_>, params: &Params) -> Result<(), EngineError> {
        match params {
            Params::Positional(values) => {
                let expected = statement.parameter_count();
                if values.len() != expected {
                    return Err(EngineError::Parameters(format!(
                        "the statement has {expected} parameters and the request gives {}",
                        values.len()
                    )));
                }
                for (index, value) in values.iter().enumerate() {
                    statement
                        .raw_bind_parameter(index + 1, Bound(value))
                        .map_err(|error| self.error(error))?;
                }
            }
            Params::Named(values) => self.bind_named(statement, values)?,
        }
        Ok(())
    }

    /// Binds parameters by SQLite's own index, so that positions, `?NNN` with holes and names may be mixed.
    /// A name goes before a position; values that the statement does not take are left out.
    pub(super) fn bind_by_index(
        &self,
        statement: &mut Statement<'_>,
        positional: &[Value],
        named: &[(String, Value)],
    ) -> Result<(), EngineError> {
        for index in 1..=statement.parameter_count() {
            let name = statement.parameter_name(index);
            let by_name = name.and_then(|name| {
                named.iter().find(|(given, _)| {
                    given == name || given.strip_prefix([':', '@', '$']).unwrap_or(given) == &name[1..]
                })
            });
            let Some(value) = by_name
                .map(|(_, value)| value)
                .or_else(|| positional.get(index - 1))
            else {
                let which = name.map_or_else(|| index.to_string(), str::to_owned);
                return Err(EngineError::Parameters(format!(
                    "parameter {which} of the statement has no value"
                )));
            };
            statement
                .raw_bind_parameter(index, Bound(value))
                .map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    fn bind_named(
        &self,
        statement: &mut Statement<'_>,
        values: &std::collections::BTreeMap<String, Value>,
    ) -> Result<(), EngineError> {
        let mut used = 0;
        for index in 1..=statement.parameter_count() {
            let Some(name) = statement.parameter_name(index) else {
                return Err(EngineError::Parameters(format!(
                    "parameter {index} of the statement has no name; give the parameters as a list"
                )));
            };
            let Some(value) = values.get(name).or_else(|| values.get(&name[1..])) else {
                return Err(EngineError::Parameters(format!(
                    "the statement has a parameter {name} that the request does not give"
                )));
            };
            statement
                .raw_bind_parameter(index, Bound(value))
                .map_err(|error| self.error(error))?;
            used += 1;
        }
        if used < values.len() {
            let unknown: Vec<_> = values
                .keys()
                .filter(|key| {
                    let bare = key.strip_prefix([':', '@', '$']).unwrap_or(key);
                    [":", "@", "$"].iter().all(|prefix| {
                        !matches!(statement.parameter_index(&format!("{prefix}{bare}")), Ok(Some(_)))
                    })
                })
                .map(String::as_str)
                .collect();
            if !unknown.is_empty() {
                return Err(EngineError::Parameters(format!(
                    "the statement has no parameter {}",
                    unknown.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// A value on its way into a statement, without a copy.
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::RawText(bytes) => ValueRef::Text(bytes),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
