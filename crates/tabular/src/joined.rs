//! Records of one table that get what another says of the same thing: lines of orders, the orders beside them.

use crate::columns::Spec;
use crate::reading::Reading;
use crate::record::{FieldKind, Record};
use std::collections::HashMap;
use std::io;

/// What is kept of the records of the other table, in bytes.
pub const MAX_JOINED_BYTES: usize = 64 << 20;

/// Fields by what identifies them.
#[derive(Debug)]
pub struct Joined {
    /// The column of the table that is read in which the same stands.
    key: usize,
    /// How many columns that table has, and how many up to the last with a header.
    width: usize,
    named: usize,
    /// Whether its records may have another number of fields.
    is_delimited: bool,
    rows: HashMap<Vec<u8>, Vec<(Vec<u8>, FieldKind)>>,
    columns: usize,
}

impl Joined {
    /// The columns `fields` of the table that `reading` reads from `source`, for records of `of` in whose column `key`
    /// the same stands as in column `other_key`. `None` where it is larger than [`MAX_JOINED_BYTES`].
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    pub fn read(
        of: &Reading,
        key: usize,
        (reading, source, spec): (&Reading, Box<dyn crate::SourceRead>, &Spec),
        other_key: usize,
        fields: &[usize],
    ) -> io::Result<Option<Self>> {
        let mut joined = Self {
            key,
            width: of.headers.len(),
            named: crate::header::named(&of.headers),
            is_delimited: of.dialect.is_some(),
            rows: HashMap::new(),
            columns: fields.len(),
        };
        let mut records = reading.open(source, spec, &std::sync::Arc::default())?;
        let mut record = Record::default();
        let mut bytes = 0;
        while records.next(&mut record)? {
            let key = key_of(record.field(other_key).0);
            if record.fault.is_some() || key.is_empty() {
                continue;
            }
            let row: Vec<(Vec<u8>, FieldKind)> = fields
                .iter()
                .map(|field| record.field(*field))
                .map(|(bytes, kind)| (bytes.to_vec(), kind))
                .collect();
            bytes += key.len() + row.iter().map(|(bytes, _)| bytes.len() + 48).sum::<usize>();
            if bytes > MAX_JOINED_BYTES {
                return Ok(None);
            }
            joined.rows.entry(key).or_insert(row);
        }
        Ok(Some(joined))
    }

    /// How many things the other table tells of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it tells of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Gives `record` the fields of the other table; one that has not the fields of its own table stays as it is.
    pub(crate) fn extend(&self, record: &mut Record) {
        if record.fault.is_some() || (self.is_delimited && !record.fits(self.named, self.width)) {
            return;
        }
        record.widen(self.width + self.columns);
        let key = key_of(record.field(self.key).0);
        if let Some(row) = self.rows.get(&key) {
            for (at, (bytes, kind)) in row.iter().enumerate() {
                record.set(self.width + at, bytes, *kind);
            }
        }
    }
}

/// What identifies a record, however it is written: `#1001 `, `1001.0`.
#[must_use]
pub fn key_of(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim().trim_start_matches('#');
    let text = text.strip_suffix(".0").unwrap_or(text);
    text.to_lowercase().into_bytes()
}
