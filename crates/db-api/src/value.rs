//! SQLite values as JSON, bit for bit in both directions.
//!
//! | storage class | JSON |
//! | --- | --- |
//! | NULL | `null` |
//! | INTEGER | a number without fraction or exponent; `{"$integer":"9223372036854775807"}` is accepted too |
//! | REAL | a number with a fraction or an exponent; `{"$real":"Infinity"}`, `{"$real":"-Infinity"}` |
//! | TEXT | a string; `{"$text":"<base64>"}` when the bytes are not UTF-8 |
//! | BLOB | `{"$blob":"<base64>"}` |
//!
//! SQLite itself stores NaN as NULL, so `{"$real":"NaN"}` is accepted and becomes NULL.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Standard base64 that reads padded and unpadded text.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One SQLite value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, infinities and negative zero included.
    Real(f64),
    /// Text in UTF-8; it may hold NUL.
    Text(String),
    /// Text whose bytes are not UTF-8, as `CAST(x'ff' AS TEXT)` gives.
    RawText(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Why a JSON value is no SQLite value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueError {
    /// `$blob` or `$text` holds something that is not base64.
    Base64(String),
    /// `$integer` holds something that is not a 64-bit signed integer.
    Integer(String),
    /// `$real` holds something that is not a float.
    Real(String),
    /// An object that is none of the tags.
    Tag(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64(why) => write!(f, "not base64: {why}"),
            Self::Integer(text) => write!(f, "`{text}` is not an integer between -2^63 and 2^63-1"),
            Self::Real(text) => write!(f, "`{text}` is not a real number"),
            Self::Tag(key) => write!(
                f,
                "an object here must be {{\"$blob\":..}}, {{\"$real\":..}}, {{\"$integer\":..}} or {{\"$text\":..}}, not {{\"{key}\":..}}"
            ),
        }
    }
}

impl std::error::Error for ValueError {}

impl Value {
    /// The value that `{tag: payload}` stands for.
    pub fn from_tag(tag: &str, payload: &str) -> Result<Self, ValueError> {
        match tag {
            "$blob" => decode_base64(payload).map(Self::Blob),
            "$text" => Ok(match String::from_utf8(decode_base64(payload)?) {
                Ok(text) => Self::Text(text),
                Err(not_utf8) => Self::RawText(not_utf8.into_bytes()),
            }),
            "$integer" => payload
                .parse()
                .map(Self::Integer)
                .map_err(|_| ValueError::Integer(payload.to_owned())),
            "$real" => payload
                .parse()
                .map(Self::Real)
                .map_err(|_| ValueError::Real(payload.to_owned())),
            other => Err(ValueError::Tag(other.to_owned())),
        }
    }

    /// The integer, when it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, when it is one; integers beyond 2^53 lose digits.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the caller asks for a float")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, when it is text in UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Decodes standard base64, padded or not.
fn decode_base64(text: &str) -> Result<Vec<u8>, ValueError> {
    LENIENT
        .decode(text)
        .map_err(|error| ValueError::Base64(error.to_string()))
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (tag, payload) = match self {
            Self::Null => return serializer.serialize_unit(),
            Self::Integer(value) => return serializer.serialize_i64(*value),
            Self::Real(value) if value.is_nan() => return serializer.serialize_unit(),
            Self::Real(value) if value.is_finite() => return serializer.serialize_f64(*value),
            Self::Text(text) => return serializer.serialize_str(text),
            Self::Real(value) => (
                "$real",
                Cow::from(if *value > 0.0 { "Infinity" } else { "-Infinity" }),
            ),
            Self::RawText(bytes) => ("$text", Cow::from(STANDARD.encode(bytes))),
            Self::Blob(bytes) => ("$blob", Cow::from(STANDARD.encode(bytes))),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(tag, &payload)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number, a string, true, false or a tagged value such as {\"$blob\":\"..\"}")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Integer(i64::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Integer)
            .map_err(|_| E::custom(ValueError::Integer(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Blob(value.to_owned()))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Blob(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(tag) = map.next_key::<Cow<'de, str>>()? else {
            return Err(de::Error::custom(ValueError::Tag(String::new())));
        };
        if !matches!(tag.as_ref(), "$blob" | "$text" | "$integer" | "$real") {
            return Err(de::Error::custom(ValueError::Tag(tag.into_owned())));
        }
        let payload: Cow<'de, str> = map.next_value()?;
        let value = Value::from_tag(&tag, &payload).map_err(de::Error::custom)?;
        if let Some(extra) = map.next_key::<Cow<'de, str>>()? {
            return Err(de::Error::custom(ValueError::Tag(extra.into_owned())));
        }
        Ok(value)
    }
}

impl utoipa::PartialSchema for Value {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(
                "null, a number, a string, {\"$blob\":\"<base64>\"}, {\"$real\":\"Infinity\"}, \
                 {\"$integer\":\"<digits>\"} or {\"$text\":\"<base64>\"}",
            ))
            .into()
    }
}

impl utoipa::ToSchema for Value {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<u64>().prop_map(|bits| {
                let real = f64::from_bits(bits);
                if real.is_nan() {
                    Value::Null
                } else {
                    Value::Real(real)
                }
            }),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Blob),
        ]
    }

    fn bits(value: &Value) -> String {
        match value {
            Value::Real(real) => format!("real {:x}", real.to_bits()),
            other => format!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_in_bit_for_bit(value in any_value()) {
            let json = serde_json::to_string(&value).unwrap();
            let back: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(bits(&back), bits(&value), "{}", json);
        }
    }

    #[test]
    fn integers_out_of_range_are_refused_by_name() {
        let error = serde_json::from_str::<Value>("9223372036854775808").unwrap_err();

        assert!(error.to_string().contains("9223372036854775808"), "{error}");
    }

    #[test]
    fn an_unknown_tag_is_named() {
        let error = serde_json::from_str::<Value>(r#"{"$date":"2023"}"#).unwrap_err();

        assert!(error.to_string().contains("$date"), "{error}");
    }

    #[test]
    fn base64_without_padding_is_read() {
        let value: Value = serde_json::from_str(r#"{"$blob":"AQ"}"#).unwrap();

        assert_eq!(value, Value::Blob(vec![1]));
    }
}
