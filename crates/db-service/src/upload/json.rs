//! JSON: objects whose keys name columns, in an array or one a line. Values are bound as they are parsed.
//!
//! An integer that does not fit keeps its digits in a column of texts, and is a fault of its row elsewhere.

use super::affinity::{Affinities, Affinity};
use super::{Builder, RowTooLong, cannot_be_read};
use crate::engine::{BulkBatch, BulkSource, EngineError};
use crate::integers::{self, Members};
use db_api::{Table, Value, ValueError};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What may stand before the first character.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The sets of keys seen so far; rows with the same keys share a statement.
#[derive(Default)]
struct Shapes {
    known: HashMap<Vec<String>, usize>,
    /// The keys of the row before: mostly the next has the same.
    last: Vec<String>,
    last_index: Option<usize>,
}

impl Shapes {
    /// Reads one object into `builder` as the row of `line`.
    fn read(&mut self, builder: &mut Builder, line: u64, text: &str, affinities: &Affinities) {
        let start = builder.mark();
        if integers::may_be_too_large(text.as_bytes()) {
            match self.read_slowly(builder, text, affinities) {
                Ok(shape) => builder.row(line, shape, start),
                Err((column, why)) => builder.unreadable(line, column, why, start),
            }
            return;
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let object = Object {
            shapes: self,
            builder,
        };
        let read = object
            .deserialize(&mut json)
            .and_then(|shape| json.end().map(|()| shape));
        match read {
            Ok(shape) => builder.row(line, shape, start),
            Err(why) => builder.unreadable(line, None, format!("no JSON object of values: {why}"), start),
        }
    }

    /// The same for an object that may hold an integer that does not fit; an error names the column.
    fn read_slowly(
        &mut self,
        builder: &mut Builder,
        text: &str,
        affinities: &Affinities,
    ) -> Result<usize, (Option<String>, String)> {
        let unreadable = |why: serde_json::Error| format!("no JSON object of values: {why}");
        let Members(members) = serde_json::from_str(text).map_err(|why| (None, unreadable(why)))?;
        let mut keys = Vec::with_capacity(members.len());
        for (key, member) in members {
            let value = if !integers::is_too_large(member.get()) {
                serde_json::from_str(member.get()).map_err(|why| (Some(key.to_string()), unreadable(why)))?
            } else if affinities.get(&key) == Some(Affinity::Text) {
                Value::Text(member.get().to_owned())
            } else {
                let why = ValueError::Integer(member.get().to_owned());
                return Err((Some(key.into_owned()), why.to_string()));
            };
            builder.push(value);
            keys.push(key.into_owned());
        }
        Ok(self.index(builder, keys))
    }

    fn index(&mut self, builder: &mut Builder, keys: Vec<String>) -> usize {
        let next = self.known.len();
        let index = *self.known.entry(keys.clone()).or_insert(next);
        if index == next {
            builder.batch.new_shapes.push(keys.clone());
        }
        self.last = keys;
        self.last_index = Some(index);
        index
    }
}

/// Pushes the values of an object; gives the index of its keys.
struct Object<'a> {
    shapes: &'a mut Shapes,
    builder: &'a mut Builder,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose keys are columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut keys: Option<Vec<String>> = None;
        let mut count = 0;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &mut keys {
                Some(keys) => keys.push(key.into_owned()),
                None if self.shapes.last.get(count).is_some_and(|last| *last == key) => {}
                None => {
                    let mut others = self.shapes.last[..count.min(self.shapes.last.len())].to_vec();
                    others.push(key.into_owned());
                    keys = Some(others);
                }
            }
            count += 1;
            self.builder.push(map.next_value::<Value>()?);
        }
        match (keys, self.shapes.last_index) {
            (None, Some(index)) if count == self.shapes.last.len() => Ok(index),
            (keys, _) => {
                let keys = keys.unwrap_or_else(|| self.shapes.last[..count].to_vec());
                Ok(self.shapes.index(self.builder, keys))
            }
        }
    }
}

/// Reads one object a line.
pub(crate) struct NdjsonRows<R> {
    body: R,
    longest_row: u64,
    affinities: Affinities,
}

impl<R: Read + Seek> NdjsonRows<R> {
    /// Nothing is read yet; the types come from the columns of `table`.
    pub(crate) fn new(body: R, longest_row: u64, table: &Table) -> Self {
        Self {
            body,
            longest_row,
            affinities: Affinities::of(table),
        }
    }
}

impl<R: Read + Seek + Send> BulkSource for NdjsonRows<R> {
    fn read(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> Result<(), EngineError> {
        self.body.rewind().map_err(EngineError::broken)?;
        let mut body = BufReader::with_capacity(64 * 1024, &mut self.body);
        let mut builder = Builder::default();
        let mut shapes = Shapes::default();
        let mut bytes = Vec::new();
        let mut line = 0;
        loop {
            bytes.clear();
            let read = (&mut body)
                .take(self.longest_row.saturating_add(1))
                .read_until(b'\n', &mut bytes)
                .map_err(|cause| cannot_be_read(&cause))?;
            if read == 0 {
                builder.flush(emit);
                return Ok(());
            }
            line += 1;
            if read as u64 > self.longest_row {
                let limit = self.longest_row;
                return Err(RowTooLong { line, limit }.into());
            }
            let row = match line {
                1 => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes),
                _ => &bytes,
            };
            match std::str::from_utf8(row) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => shapes.read(&mut builder, line, text, &self.affinities),
                Err(_) => {
                    let start = builder.mark();
                    builder.unreadable(line, None, "the line is not UTF-8".to_owned(), start);
                }
            }
            if !builder.flush_if_full(emit) {
                return Ok(());
            }
        }
    }
}

/// Reads an array of objects.
pub(crate) struct JsonRows<R> {
    body: R,
    longest_row: u64,
    affinities: Affinities,
}

impl<R: Read + Seek> JsonRows<R> {
    /// Nothing is read yet; the types come from the columns of `table`.
    pub(crate) fn new(body: R, longest_row: u64, table: &Table) -> Self {
        Self {
            body,
            longest_row,
            affinities: Affinities::of(table),
        }
    }
}

impl<R: Read + Seek + Send> BulkSource for JsonRows<R> {
    fn read(&mut self, emit: &mut dyn FnMut(BulkBatch) -> bool) -> Result<(), EngineError> {
        self.body.rewind().map_err(EngineError::broken)?;
        let limit = self.longest_row;
        let left = Arc::new(AtomicU64::new(limit));
        let mut body = BufReader::with_capacity(
            64 * 1024,
            Bounded {
                body: &mut self.body,
                left: Arc::clone(&left),
            },
        );
        if body
            .fill_buf()
            .map_err(|cause| cannot_be_read(&cause))?
            .starts_with(BYTE_ORDER_MARK)
        {
            body.consume(BYTE_ORDER_MARK.len());
        }
        let mut json = serde_json::Deserializer::from_reader(body);
        let mut builder = Builder::default();
        let mut number = 0;
        let elements = Elements {
            builder: &mut builder,
            affinities: &self.affinities,
            emit,
            number: &mut number,
            limit,
            left: &left,
            stopped: false,
        };
        let stopped = json
            .deserialize_seq(elements)
            .and_then(|stopped| {
                if stopped {
                    Ok(true)
                } else {
                    json.end().map(|()| false)
                }
            })
            .map_err(|why| {
                if why.is_io() && left.load(Ordering::Relaxed) == 0 {
                    let line = number + 1;
                    return RowTooLong { line, limit }.into();
                }
                if why.is_io() {
                    return cannot_be_read(&why.into());
                }
                EngineError::Invalid(format!("the body is no JSON array of objects: {why}"))
            })?;
        if !stopped {
            builder.flush(emit);
        }
        Ok(())
    }
}

/// Hands a body on, and fails when more than `left` is asked for.
struct Bounded<R> {
    body: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(std::io::Error::other("the row is too long"));
        }
        let read = self.body.read(buffer)?;
        self.left
            .store(left.saturating_sub(read as u64), Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads the elements; true when nobody wants more.
struct Elements<'a> {
    builder: &'a mut Builder,
    affinities: &'a Affinities,
    emit: &'a mut dyn FnMut(BulkBatch) -> bool,
    /// The last one that was read.
    number: &'a mut u64,
    /// How long an element may be, in bytes, and how much of that is left.
    limit: u64,
    left: &'a AtomicU64,
    stopped: bool,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<bool, A::Error> {
        let mut shapes = Shapes::default();
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            *self.number += 1;
            self.left.store(self.limit, Ordering::Relaxed);
            if self.stopped {
                continue;
            }
            shapes.read(self.builder, *self.number, element.get(), self.affinities);
            self.stopped = !self.builder.flush_if_full(self.emit);
        }
        Ok(self.stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: u64 = 1 << 30;

    /// A table whose only column of a type is the text `t`.
    fn table() -> Table {
        Table {
            name: "x".to_owned(),
            kind: db_api::TableKind::Table,
            columns: vec![db_api::Column {
                name: "T".to_owned(),
                declared_type: "TEXT".to_owned(),
                not_null: false,
                default: None,
                primary_key: 0,
                generated: None,
            }],
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            strict: false,
            without_rowid: false,
            row_count: None,
            broken: None,
            sql: String::new(),
        }
    }

    fn ndjson(body: &str) -> NdjsonRows<std::io::Cursor<String>> {
        NdjsonRows::new(std::io::Cursor::new(body.to_owned()), LONGEST, &table())
    }

    fn read(mut source: impl BulkSource) -> Vec<BulkBatch> {
        let mut batches = Vec::new();
        source
            .read(&mut |batch| {
                batches.push(batch);
                true
            })
            .unwrap();
        batches
    }

    #[test]
    fn rows_with_other_keys_get_another_shape() {
        let body = "{\"a\":1,\"b\":2}\n\n{\"a\":3,\"b\":4}\n{\"a\":5}\n{\"a\":6,\"b\":7}\n{}\n";

        let batches = read(ndjson(body));

        let batch = &batches[0];
        assert_eq!(
            batch.new_shapes,
            [vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()], vec![]]
        );
        assert_eq!(
            batch.rows.iter().map(|row| row.shape).collect::<Vec<_>>(),
            [0, 0, 1, 0, 2]
        );
        assert_eq!(
            batch.rows.iter().map(|row| row.line).collect::<Vec<_>>(),
            [1, 3, 4, 5, 6]
        );
    }

    #[test]
    fn a_line_that_is_no_object_is_named_and_the_others_are_read() {
        let batches = read(ndjson("{\"a\":1}\n[1]\n{\"a\":{}}\n{\"a\":2}"));

        let batch = &batches[0];
        assert_eq!(batch.values, [Value::Integer(1), Value::Integer(2)]);
        assert_eq!(
            batch
                .unreadable
                .iter()
                .map(|error| error.line)
                .collect::<Vec<_>>(),
            [2, 3]
        );
    }

    #[test]
    fn large_rows_go_in_small_batches() {
        let text = "x".repeat(100_000);
        let body = format!("{{\"a\":\"{text}\"}}\n").repeat(50);

        let batches = read(ndjson(&body));

        assert_eq!(batches.iter().map(|batch| batch.rows.len()).sum::<usize>(), 50);
        assert!(batches.iter().all(|batch| batch.rows.len() <= 11));
    }

    #[test]
    fn integers_that_do_not_fit_keep_their_digits_as_text_or_are_named() {
        let batches = read(ndjson(
            "{\"t\":100000000000000000001,\"n\":1}\n{\"t\":1,\"n\":100000000000000000001}\n{\"t\":2,\"n\":3}",
        ));

        let batch = &batches[0];
        assert_eq!(batch.values[0], Value::Text("100000000000000000001".to_owned()));
        assert_eq!(batch.rows.iter().map(|row| row.shape).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(batch.unreadable[0].line, 2);
        assert_eq!(batch.unreadable[0].column.as_deref(), Some("n"));
        assert!(batch.unreadable[0].reason.contains("100000000000000000001"));
    }

    #[test]
    fn elements_of_an_array_are_numbered() {
        let body = std::io::Cursor::new(r#"[{"a":1}, 7, {"a":2}]"#);
        let batches = read(JsonRows::new(body, LONGEST, &table()));

        assert_eq!(batches[0].rows.len(), 2);
        assert_eq!(batches[0].unreadable[0].line, 2);
    }
}
