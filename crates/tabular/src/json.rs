//! Records of JSON: one object a line (NDJSON) or an array of objects.
//!
//! The objects' own texts are cut out of the stream first and parsed one by one, so memory stays flat
//! whatever the length of the array. Numbers keep the digits they were written with.

use crate::lines::{ByteWindow, MAX_RECORD_BYTES};
use crate::record::{FieldKind, Record, Unreadable};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io::{self, Read};

/// Reads one object after the other; `names` grows by every name not seen before.
#[derive(Debug)]
pub(crate) struct JsonReader<R> {
    window: ByteWindow<R>,
    layout: Layout,
    /// The names of the fields, in the order in which they were first seen.
    pub(crate) names: Vec<String>,
    /// Whether the source ended where its format says.
    pub(crate) ended_well: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    ArrayStart,
    ArrayItems,
    /// Behind the closing bracket, where nothing should come.
    Behind,
    Ended,
}

impl<R: Read> JsonReader<R> {
    /// Reads one object a line.
    pub(crate) fn lines(reader: R, names: Vec<String>) -> Self {
        Self {
            window: ByteWindow::new(reader),
            layout: Layout::Lines,
            names,
            ended_well: true,
        }
    }

    /// Reads an array of objects.
    pub(crate) fn array(reader: R, names: Vec<String>) -> Self {
        Self {
            layout: Layout::ArrayStart,
            ended_well: false,
            ..Self::lines(reader, names)
        }
    }

    /// Fills `record` with the next object; `false` at the end. What is not an object is a record with a
    /// fault.
    pub(crate) fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        match self.layout {
            Layout::Lines => self.next_line(record),
            Layout::ArrayStart | Layout::ArrayItems | Layout::Behind => self.next_item(record),
            Layout::Ended => Ok(false),
        }
    }

    fn next_line(&mut self, record: &mut Record) -> io::Result<bool> {
        loop {
            let Some((length, terminated)) = self.window.line(b'\n')? else {
                return Ok(false);
            };
            let advance = length + usize::from(terminated);
            let line = self.window.bytes()[..length].trim_ascii();
            if line.is_empty() {
                self.window.consume(advance, u64::from(terminated));
                continue;
            }
            record.begin(self.window.line, self.window.offset);
            if length > MAX_RECORD_BYTES {
                record.raw.extend_from_slice(&line[..1024.min(line.len())]);
                record.fault = Some(Unreadable::RecordTooLong);
                self.layout = Layout::Ended;
            } else {
                record.raw.extend_from_slice(line);
                fill(record, &mut self.names);
            }
            self.window.consume(advance, u64::from(terminated));
            return Ok(true);
        }
    }

    fn next_item(&mut self, record: &mut Record) -> io::Result<bool> {
        let Some(first) = self.skip_to_item()? else {
            self.layout = Layout::Ended;
            return Ok(false);
        };
        record.begin(self.window.line, self.window.offset);
        if self.layout == Layout::Behind {
            // What is there is not read, and not passed over in silence either.
            let rest = self.window.bytes();
            record.raw.extend_from_slice(&rest[..rest.len().min(1024)]);
            record.fault = Some(Unreadable::BadJson);
            self.layout = Layout::Ended;
            return Ok(true);
        }
        let mut scan = ItemScan::default();
        let mut at = 0;
        loop {
            let bytes = self.window.bytes();
            let found = bytes[at..].iter().position(|&byte| scan.ends(byte));
            if let Some(found) = found {
                // A bare value ends before the comma or bracket behind it, an object with its brace.
                let length = at + found + usize::from(matches!(first, b'{' | b'[' | b'"'));
                record.raw.extend_from_slice(bytes[..length].trim_ascii_end());
                let lines = memchr::memchr_iter(b'\n', &bytes[..length]).count() as u64;
                self.window.consume(length, lines);
                fill(record, &mut self.names);
                return Ok(true);
            }
            at = bytes.len();
            if at > MAX_RECORD_BYTES || !self.window.fill()? {
                let cut = self.window.bytes().len();
                record
                    .raw
                    .extend_from_slice(&self.window.bytes()[..cut.min(1024)]);
                record.fault = Some(if cut > MAX_RECORD_BYTES {
                    Unreadable::RecordTooLong
                } else {
                    Unreadable::BadJson
                });
                self.layout = Layout::Ended;
                return Ok(true);
            }
        }
    }

    /// Passes over blanks, commas and the opening bracket; the first byte of the next item, `None` at the
    /// closing bracket or the end of the source.
    fn skip_to_item(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(&byte) = self.window.bytes().first() else {
                if self.window.fill()? {
                    continue;
                }
                return Ok(None);
            };
            match byte {
                b'\n' => self.window.consume(1, 1),
                b' ' | b'\t' | b'\r' => self.window.consume(1, 0),
                b'[' if self.layout == Layout::ArrayStart => {
                    self.layout = Layout::ArrayItems;
                    self.window.consume(1, 0);
                }
                b',' if self.layout == Layout::ArrayItems => self.window.consume(1, 0),
                b']' if self.layout == Layout::ArrayItems => {
                    self.ended_well = true;
                    self.layout = Layout::Behind;
                    self.window.consume(1, 0);
                }
                other => return Ok(Some(other)),
            }
        }
    }
}

/// Finds the end of a JSON value byte by byte.
#[derive(Debug, Default)]
struct ItemScan {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl ItemScan {
    /// Whether the value ends at `byte`.
    fn ends(&mut self, byte: u8) -> bool {
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
                return self.depth == 0;
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return self.depth == 0;
            }
            b',' | b']' => return self.depth == 0,
            _ => {}
        }
        false
    }
}

/// Parses `record.raw` as an object and sets the fields.
fn fill(record: &mut Record, names: &mut Vec<String>) {
    let raw = std::mem::take(&mut record.raw);
    record.widen(names.len());
    match serde_json::from_slice::<Object<'_>>(&raw) {
        Ok(Object(members)) => {
            for (name, value) in members {
                let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                });
                record.widen(names.len());
                set(record, index, value.get());
            }
        }
        Err(_) if std::str::from_utf8(&raw).is_err() => record.fault = Some(Unreadable::BadEncoding),
        Err(_) => record.fault = Some(Unreadable::BadJson),
    }
    record.raw = raw;
}

fn set(record: &mut Record, index: usize, value: &str) {
    match value.as_bytes().first() {
        Some(b'n') => record.set(index, b"", FieldKind::Absent),
        Some(b'"') => {
            let text: String = serde_json::from_str(value).unwrap_or_default();
            record.set(index, text.as_bytes(), FieldKind::Written);
        }
        Some(b'-' | b'0'..=b'9') => {
            let plain = if value.contains(['e', 'E']) {
                expand_exponent(value)
            } else {
                None
            };
            record.set(
                index,
                plain.as_deref().unwrap_or(value).as_bytes(),
                FieldKind::Number,
            );
        }
        _ => record.set(index, value.as_bytes(), FieldKind::Written),
    }
}

/// `1.5e3` as `1500`; `None` when that would be absurdly long.
pub(crate) fn expand_exponent(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    let exponent: i32 = exponent
        .parse()
        .ok()
        .filter(|exponent| (-30..=30).contains(exponent))?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Err(_) | Ok(0) => {
            let zeros = "0".repeat(usize::try_from(-point).ok()?);
            format!("{sign}0.{zeros}{digits}")
        }
        Ok(point) if point >= digits.len() => {
            format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
    })
}

/// The members of an object in their order, values as their source text.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (u64, Vec<String>, Option<Unreadable>);

    fn read(mut reader: JsonReader<&[u8]>) -> (Vec<String>, Vec<Found>, bool) {
        let mut record = Record::default();
        let mut found = Vec::new();
        while reader.next(&mut record).unwrap() {
            found.push((record.line, record.texts(), record.fault));
        }
        (reader.names, found, reader.ended_well)
    }

    fn fields(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn an_array_gives_its_objects_with_exact_numbers() {
        let text = "[{\"id\":1,\"amount\":12.30},\n {\"amount\":1e2,\"note\":\"a,]}\\\"b\",\"id\":2},\n3]\n";

        let (names, found, ended_well) = read(JsonReader::array(text.as_bytes(), vec![]));

        assert_eq!(names, ["id", "amount", "note"]);
        assert_eq!(
            found,
            [
                (1, fields(&["1", "12.30"]), None),
                (2, fields(&["2", "100", "a,]}\"b"]), None),
                (3, fields(&["", "", ""]), Some(Unreadable::BadJson)),
            ]
        );
        assert!(ended_well);
    }

    #[test]
    fn an_array_cut_in_the_middle_keeps_what_is_whole_and_says_so() {
        let (_, found, ended_well) = read(JsonReader::array(&b"[{\"id\":1},{\"id\":"[..], vec![]));

        assert_eq!(found[0], (1, fields(&["1"]), None));
        assert_eq!(found[1].2, Some(Unreadable::BadJson));
        assert!(!ended_well);
    }

    #[test]
    fn what_stands_behind_an_array_is_not_lost_in_silence() {
        let (_, found, ended_well) = read(JsonReader::array(&b"[{\"id\":1}]\n[{\"id\":2}]\n"[..], vec![]));

        assert_eq!(found.len(), 2);
        assert_eq!((found[1].0, found[1].2), (2, Some(Unreadable::BadJson)));
        assert!(ended_well);
    }

    #[test]
    fn a_bad_line_of_ndjson_costs_only_itself() {
        let (_, found, _) = read(JsonReader::lines(&b"{\"id\":1}\n{oops\n\n{\"id\":2}"[..], vec![]));

        assert_eq!(found[1].2, Some(Unreadable::BadJson));
        assert_eq!(found[2], (4, fields(&["2"]), None));
    }

    #[test]
    fn exponents_are_written_out() {
        for (number, expected) in [
            ("1.5e3", "1500"),
            ("-12E-1", "-1.2"),
            ("1e-3", "0.001"),
            ("0e0", "0"),
        ] {
            assert_eq!(expand_exponent(number).as_deref(), Some(expected), "{number}");
        }
    }
}
