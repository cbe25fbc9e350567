//! Sets of ids, small in memory when ids are dense.

use db_client::db_api::Value;
use roaring::RoaringTreemap;
use std::collections::HashSet;

/// A set of integer ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdSet(RoaringTreemap);

impl IdSet {
    /// Adds `id`; whether it is new.
    pub(crate) fn insert(&mut self, id: i64) -> bool {
        self.0.insert(id.cast_unsigned())
    }

    /// Whether `id` is in it.
    pub(crate) fn contains(&self, id: i64) -> bool {
        self.0.contains(id.cast_unsigned())
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0 |= &others.0;
    }
}

impl FromIterator<i64> for IdSet {
    fn from_iter<T: IntoIterator<Item = i64>>(ids: T) -> Self {
        Self(ids.into_iter().map(i64::cast_unsigned).collect())
    }
}

/// Ids that a row may refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct References {
    /// The products there are.
    pub products: IdSet,
    /// The stores there are.
    pub stores: IdSet,
}

/// The keys that a source had so far.
#[derive(Debug, Default)]
pub(crate) struct SeenKeys {
    ids: IdSet,
    others: HashSet<String>,
}

impl SeenKeys {
    /// Notes `key`; whether it is new.
    pub(crate) fn insert(&mut self, key: &[Value]) -> bool {
        match key {
            [Value::Integer(id)] => self.ids.insert(*id),
            other => {
                let mut text = String::new();
                for value in other {
                    match value {
                        Value::Integer(number) => text.push_str(&number.to_string()),
                        Value::Text(word) => text.push_str(word),
                        _ => {}
                    }
                    text.push('\u{1f}');
                }
                self.others.insert(text)
            }
        }
    }
}
