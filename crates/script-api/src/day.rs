//! Days on the wire, refused in words.

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A day such as `2023-11-30`, or none.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let day = text.parse().map(Some);
    day.map_err(|_| D::Error::custom(format!("it must be a day such as 2023-11-30, not `{text}`")))
}
