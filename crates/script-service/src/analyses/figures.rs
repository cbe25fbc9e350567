//! Exact values of answers.

use super::header::DeclaredColumn;
use db_client::db_api::Value;
use script_api::ColumnType;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Figure {
    /// Undefined or absent.
    Null,
    /// Text, days and months.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A decimal number: `scaled` divided by ten to the power of `decimals`.
    Decimal {
        /// The digits without the point.
        scaled: i128,
        /// How many of them stand after it.
        decimals: u32,
    },
    /// A float that SQL computed.
    Real(f64),
    /// Yes or no.
    Boolean(bool),
}

impl Figure {
    /// The value of `column`, taken from the statement's row by `get`.
    pub(crate) fn of<'a>(column: &DeclaredColumn, get: impl Fn(&str) -> Option<&'a Value>) -> Self {
        if let Some((above, below)) = &column.quotient {
            let (Some(above), Some(below)) =
                (get(above).and_then(thousandths), get(below).and_then(thousandths))
            else {
                return Self::Null;
            };
            let (factor, decimals) = match column.kind {
                ColumnType::Money => (1, 2),
                ColumnType::Number => (100, 2),
                _ => (1_000, 1),
            };
            return match divide(above * factor, below) {
                Some(scaled) => Self::Decimal { scaled, decimals },
                None => Self::Null,
            };
        }
        let Some(value) = get(&column.name) else {
            return Self::Null;
        };
        match (column.kind, value) {
            (_, Value::Null | Value::Blob(_) | Value::RawText(_)) => Self::Null,
            (ColumnType::Money, Value::Integer(cents)) => Self::Decimal {
                scaled: i128::from(*cents),
                decimals: 2,
            },
            // Quantities are whole or have up to three decimals; sums of such floats are right to the last of them.
            (ColumnType::Money, Value::Real(_)) => match thousandths(value) {
                Some(number) => Self::Decimal {
                    scaled: divide(number, 1_000).unwrap_or_default(),
                    decimals: 2,
                },
                None => Self::Null,
            },
            (ColumnType::Integer, Value::Real(_)) => match thousandths(value) {
                Some(number) if number % 1_000 == 0 => {
                    Self::Integer(i64::try_from(number / 1_000).unwrap_or(i64::MAX))
                }
                Some(scaled) => Self::Decimal { scaled, decimals: 3 },
                None => Self::Null,
            },
            (ColumnType::Boolean, Value::Integer(number)) => Self::Boolean(*number != 0),
            (_, Value::Integer(number)) => Self::Integer(*number),
            (_, Value::Real(number)) => Self::Real(*number),
            (_, Value::Text(text)) => Self::Text(text.clone()),
        }
    }

    /// Whether it is there and neither zero nor false.
    pub(crate) fn is_set(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.is_empty(),
            Self::Integer(number) => *number != 0,
            Self::Decimal { scaled, .. } => *scaled != 0,
            Self::Real(number) => *number != 0.0,
            Self::Boolean(yes) => *yes,
        }
    }

    /// The value as a float, for places that hold nothing finer.
    #[expect(clippy::cast_precision_loss, reason = "the caller asks for a float")]
    pub(crate) fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Decimal { .. } => self.to_text('.').parse().ok(),
            Self::Real(number) => Some(*number),
            Self::Boolean(yes) => Some(f64::from(u8::from(*yes))),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// The value as text, with `mark` before its decimals; empty for null.
    pub(crate) fn to_text(&self, mark: char) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => number.to_string().replace('.', &mark.to_string()),
            Self::Boolean(yes) => yes.to_string(),
            Self::Decimal { scaled, decimals } => {
                let sign = if *scaled < 0 { "-" } else { "" };
                let power = 10_u128.pow(*decimals);
                let magnitude = scaled.unsigned_abs();
                format!(
                    "{sign}{}{mark}{:0width$}",
                    magnitude / power,
                    magnitude % power,
                    width = *decimals as usize
                )
            }
        }
    }
}

/// A number in thousandths: quantities have no finer part.
fn thousandths(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(i128::from(*number) * 1_000),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is beyond i64 is no quantity"
        )]
        Value::Real(number) if number.is_finite() => Some(i128::from((number * 1_000.0).round() as i64)),
        _ => None,
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Null | Self::Real(_) => serializer.serialize_unit(),
            Self::Boolean(yes) => serializer.serialize_bool(*yes),
            // A JSON number with exactly these digits, which no float in between could change.
            Self::Decimal { .. } => RawValue::from_string(self.to_text('.'))
                .map_err(S::Error::custom)?
                .serialize(serializer),
        }
    }
}

/// `above / below`, half up (away from zero); `None` when `below` is zero.
pub(crate) fn divide(above: i128, below: i128) -> Option<i128> {
    if below == 0 {
        return None;
    }
    let magnitude = (2 * above.abs() + below.abs()) / (2 * below.abs());
    Some(magnitude * above.signum() * below.signum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyses::header;

    fn column(declaration: &str) -> DeclaredColumn {
        let text = format!("-- title: x\n-- column: {declaration}\nSELECT 1");
        header::parse(&text).unwrap().columns.remove(0)
    }

    fn json(declaration: &str, row: &[(&str, Value)]) -> String {
        let figure = Figure::of(&column(declaration), |name| {
            row.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
        });
        serde_json::to_string(&figure).unwrap()
    }

    #[test]
    fn money_and_shares_are_exact() {
        assert_eq!(json("x money", &[("x", Value::Integer(45_023_000))]), "450230.00");
        assert_eq!(json("x money", &[("x", Value::Integer(-5))]), "-0.05");
        let shares = [
            ("a", Value::Integer(45_023_000)),
            ("b", Value::Integer(124_567_800)),
        ];
        assert_eq!(json("x percent = a / b", &shares), "36.1");
    }

    #[test]
    fn a_zero_base_is_null() {
        let row = [("a", Value::Integer(5)), ("b", Value::Integer(0))];

        assert_eq!(json("x percent = a / b", &row), "null");
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(divide(5, 2), Some(3));
        assert_eq!(divide(-5, 2), Some(-3));
        assert_eq!(divide(5, -2), Some(-3));
        assert_eq!(divide(4, 3), Some(1));
    }
}
