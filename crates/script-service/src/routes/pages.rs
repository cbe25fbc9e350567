//! How many things a page of a list has.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

const USUAL: u32 = 50;
const MOST: u32 = 500;

/// A number of things from 1 to 500; 50 unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSize(u32);

impl PageSize {
    /// The number.
    pub(super) fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            size @ 1..=MOST => Ok(Self(size)),
            size => Err(D::Error::custom(format!("a page has 1 to {MOST}, not {size}"))),
        }
    }
}
