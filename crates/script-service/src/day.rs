//! Days in requests, refused in words.

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A day such as `2023-11-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// The day that `text` names, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("it must be a day such as 2023-11-30, not `{text}`"))
}
