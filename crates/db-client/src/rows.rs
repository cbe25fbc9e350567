//! Rows as values of a type, by the names of their columns.

use crate::DbError;
use db_api::{ColumnHead, ExecuteResult, QueryResult, Value};
use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;

/// An answer that holds rows.
pub trait Rows {
    /// The rows as values of `T`: a struct by the names of the columns, a tuple by their order, and anything else from
    /// the only column. Columns that `T` does not know are left out; an INTEGER of 0 or 1 is a `bool`, a BLOB bytes.
    ///
    /// # Errors
    ///
    /// When a row does not fit; the error names row and column.
    fn rows_as<T: DeserializeOwned>(self) -> Result<Vec<T>, DbError>;
}

impl Rows for QueryResult {
    fn rows_as<T: DeserializeOwned>(self) -> Result<Vec<T>, DbError> {
        convert(&self.columns, self.rows)
    }
}

impl Rows for ExecuteResult {
    fn rows_as<T: DeserializeOwned>(self) -> Result<Vec<T>, DbError> {
        convert(&self.columns, self.rows)
    }
}

fn convert<T: DeserializeOwned>(columns: &[ColumnHead], rows: Vec<Vec<Value>>) -> Result<Vec<T>, DbError> {
    rows.into_iter()
        .enumerate()
        .map(|(index, values)| {
            T::deserialize(Row { columns, values })
                .map_err(|why| DbError::Broken(format!("row {} does not fit: {why}", index + 1)))
        })
        .collect()
}

/// For a member whose column holds JSON as text: `#[serde(deserialize_with = "db_client::json_text")]`. NULL is read as
/// JSON's null.
///
/// # Errors
///
/// When the text is not JSON of that shape.
pub fn json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    serde_json::from_str(text.as_deref().unwrap_or("null")).map_err(de::Error::custom)
}

/// What does not fit, with its column.
#[derive(Debug)]
struct Misfit(String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Misfit {
    fn in_column(self, column: &str) -> Self {
        Self(format!("column `{column}`: {self}"))
    }
}

struct Row<'a> {
    columns: &'a [ColumnHead],
    values: Vec<Value>,
}

impl Row<'_> {
    /// The value of the only column.
    fn only(mut self) -> Result<Cell, Misfit> {
        match (self.values.pop(), self.values.is_empty()) {
            (Some(value), true) => Ok(Cell(value)),
            _ => Err(Misfit(format!(
                "there are {} columns where one is expected",
                self.columns.len()
            ))),
        }
    }
}

impl<'de> Deserializer<'de> for Row<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.only()?.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.only()?.deserialize_option(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.only()?.deserialize_bool(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(Members {
            columns: self.columns.iter(),
            values: self.values.into_iter(),
            next: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(Elements {
            columns: self.columns.iter(),
            values: self.values.into_iter(),
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        if self.columns.len() == length {
            self.deserialize_seq(visitor)
        } else {
            Err(Misfit(format!(
                "there are {} columns where {length} are expected",
                self.columns.len()
            )))
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_tuple(length, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct identifier
        ignored_any
    }
}

/// The columns of a row as members of a struct.
struct Members<'a> {
    columns: std::slice::Iter<'a, ColumnHead>,
    values: std::vec::IntoIter<Value>,
    next: Option<&'a ColumnHead>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.next = self.columns.next();
        match self.next {
            Some(column) => seed
                .deserialize(de::value::StrDeserializer::new(&column.name))
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let name = self.next.map_or("", |column| column.name.as_str());
        let value = self.values.next().unwrap_or(Value::Null);
        seed.deserialize(Cell(value))
            .map_err(|why: Misfit| why.in_column(name))
    }
}

/// The columns of a row in their order.
struct Elements<'a> {
    columns: std::slice::Iter<'a, ColumnHead>,
    values: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let name = self.columns.next().map_or("", |column| column.name.as_str());
        seed.deserialize(Cell(value))
            .map(Some)
            .map_err(|why| why.in_column(name))
    }
}

/// One value.
struct Cell(Value);

impl<'de> Deserializer<'de> for Cell {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Integer(value) => visitor.visit_i64(value),
            Value::Real(value) => visitor.visit_f64(value),
            Value::Text(text) => visitor.visit_string(text),
            Value::RawText(bytes) | Value::Blob(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Integer(value @ (0 | 1)) => visitor.visit_bool(value == 1),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Text(name) => visitor.visit_enum(Variant(name)),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A text as the name of a variant without content.
struct Variant(String);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Misfit;
    type Variant = NoContent;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, NoContent), Misfit> {
        let name: StringDeserializer<Misfit> = StringDeserializer::new(self.0);
        Ok((seed.deserialize(name)?, NoContent))
    }
}

struct NoContent;

impl<'de> VariantAccess<'de> for NoContent {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value, Misfit> {
        Err(Misfit("a text names a variant without content".to_owned()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, _visitor: V) -> Result<V::Value, Misfit> {
        Err(Misfit("a text names a variant without content".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Misfit> {
        Err(Misfit("a text names a variant without content".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Queued,
        Done,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Job {
        id: u64,
        state: State,
        share: f64,
        cancelled: bool,
        error: Option<String>,
        #[serde(deserialize_with = "json_text")]
        notes: Vec<String>,
        upload: Value,
    }

    fn answer(columns: &[&str], rows: Vec<Vec<Value>>) -> QueryResult {
        QueryResult {
            columns: columns
                .iter()
                .map(|name| ColumnHead {
                    name: (*name).to_owned(),
                    declared_type: None,
                })
                .collect(),
            rows,
            ..QueryResult::default()
        }
    }

    #[test]
    fn a_struct_is_read_by_name_whatever_the_order_and_further_columns() {
        let jobs = answer(
            &[
                "notes",
                "cancelled",
                "kind",
                "id",
                "state",
                "share",
                "error",
                "upload",
            ],
            vec![vec![
                "[\"a\"]".into(),
                1.into(),
                "import".into(),
                7.into(),
                "done".into(),
                2.into(),
                Value::Null,
                vec![1_u8, 2].into(),
            ]],
        );

        assert_eq!(
            jobs.rows_as::<Job>().unwrap(),
            [Job {
                id: 7,
                state: State::Done,
                share: 2.0,
                cancelled: true,
                error: None,
                notes: vec!["a".to_owned()],
                upload: Value::Blob(vec![1, 2]),
            }]
        );
    }

    #[test]
    fn tuples_are_read_by_position_and_single_columns_as_they_are() {
        let rows = || vec![vec![1.into(), "a".into()], vec![2.into(), Value::Null]];

        assert_eq!(
            answer(&["n", "t"], rows())
                .rows_as::<(i64, Option<String>)>()
                .unwrap(),
            [(1, Some("a".to_owned())), (2, None)]
        );
        assert_eq!(
            answer(&["n"], vec![vec![1.into()], vec![Value::Null]])
                .rows_as::<Option<u32>>()
                .unwrap(),
            [Some(1), None]
        );
        assert!(answer(&["n", "t"], rows()).rows_as::<(i64,)>().is_err());
        assert!(answer(&["n", "t"], rows()).rows_as::<i64>().is_err());
    }

    #[test]
    fn what_does_not_fit_is_named_by_row_and_column() {
        #[derive(Debug, Deserialize)]
        struct Point {
            #[expect(dead_code, reason = "only read from the row")]
            n: u32,
        }
        let misfit = |columns: &[&str], value: Value| {
            let rows = vec![vec![1.into()], vec![value]];
            answer(columns, rows).rows_as::<Point>().unwrap_err().to_string()
        };

        let error = misfit(&["n"], (-1).into());
        assert!(
            error.contains("row 2") && error.contains("`n`") && error.contains("-1"),
            "{error}"
        );
        let error = misfit(&["m"], 1.into());
        assert!(error.contains("missing field `n`"), "{error}");
    }
}
