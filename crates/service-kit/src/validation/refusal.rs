//! Why serde does not take something: its kind and its field as serde says them, and words for people.
//!
//! The errors of formats keep the words only, so what is looked at again for its faults is read by the deserializers of
//! this module.

use super::FaultCode;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Of a text that is not what was expected, how many characters are shown.
const SHOWN: usize = 60;

/// Why something is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What kind of fault it is.
    pub code: FaultCode,
    /// The field that is missing.
    pub missing: Option<&'static str>,
    /// What is wrong, in words.
    pub words: String,
}

impl Refusal {
    fn invalid(words: String) -> Self {
        Self {
            code: FaultCode::InvalidValue,
            missing: None,
            words,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::invalid(words.to_string())
    }

    fn invalid_type(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid(format!("expected {}, not {}", plain(expected), shown(given)))
    }

    fn invalid_value(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(given, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::invalid(format!("expected {}, not {length} elements", plain(expected)))
    }

    fn unknown_variant(given: &str, expected: &'static [&'static str]) -> Self {
        Self::invalid(format!("`{}` is not one of {}", cut(given), listed(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let field = cut(field);
        let words = if expected.is_empty() {
            format!("unknown field `{field}`; there are no fields here")
        } else {
            format!("unknown field `{field}`; the fields are {}", listed(expected))
        };
        Self {
            code: FaultCode::UnknownField,
            ..Self::invalid(words)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            code: FaultCode::MissingField,
            missing: Some(field),
            words: format!("missing field `{field}`: it must be given"),
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::invalid(format!("`{field}` is given twice"))
    }
}

/// What is expected, without the names that only the code has.
fn plain(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    let most = match expected.as_str() {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => return "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => return "a whole number".to_owned(),
        "f32" | "f64" => return "a number".to_owned(),
        "a boolean" => return "true or false".to_owned(),
        "a sequence" => return "a list".to_owned(),
        "a map" => return "an object".to_owned(),
        text if text.starts_with("struct ") => return "an object".to_owned(),
        _ => return expected,
    };
    format!("a whole number from 0 to {most}")
}

/// What was given.
fn shown(given: Unexpected<'_>) -> String {
    match given {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) => format!("the text \"{}\"", cut(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// `text`, its end left out when it is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A JSON document that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'de>(pub &'de Value);

impl<'de> IntoDeserializer<'de, Refusal> for Document<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Document<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(elements) => {
                let mut elements = SeqDeserializer::new(elements.iter().map(Document));
                let value = visitor.visit_seq(&mut elements)?;
                elements.end()?;
                Ok(value)
            }
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| (name.as_str(), Document(value)));
                let mut members = MapDeserializer::new(members);
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.as_str().into_deserializer()),
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| (name.as_str(), Document(value)));
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(members)))
            }
            Value::Bool(value) => Err(de::Error::invalid_type(Unexpected::Bool(*value), &"a name")),
            Value::Null => Err(de::Error::invalid_type(Unexpected::Unit, &"a name")),
            Value::Number(number) => Err(de::Error::custom(format!("expected a name, not {number}"))),
            Value::Array(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"a name")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The value of a parameter, a text that may stand for a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'de>(pub &'de str);

impl Text<'_> {
    fn parse<T: FromStr>(self, expected: &'static str) -> Result<T, Refusal> {
        self.0
            .parse()
            .map_err(|_| de::Error::invalid_type(Unexpected::Str(self.0), &expected))
    }
}

impl<'de> IntoDeserializer<'de, Refusal> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The methods that read a number or a truth value.
macro_rules! parsed {
    ($($method:ident: $visit:ident, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            visitor.$visit(self.parse($expected)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed! {
        deserialize_bool: visit_bool, "a boolean";
        deserialize_i8: visit_i8, "i8";
        deserialize_i16: visit_i16, "i16";
        deserialize_i32: visit_i32, "i32";
        deserialize_i64: visit_i64, "i64";
        deserialize_u8: visit_u8, "u8";
        deserialize_u16: visit_u16, "u16";
        deserialize_u32: visit_u32, "u32";
        deserialize_u64: visit_u64, "u64";
        deserialize_f32: visit_f32, "f32";
        deserialize_f64: visit_f64, "f64";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
