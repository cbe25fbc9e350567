//! Records of JSON: one object a line (NDJSON), an array of objects, one inside an object (`{"orders": [...]}`), or
//! objects one after the other over many lines.
//!
//! The members of an object inside an object have the path to them as their name: `product.id`. The objects' own texts are cut out of the stream first and parsed one by one, so memory stays flat
//! whatever the length of the array. Numbers keep the digits they were written with.

use crate::cents::{self, DecimalMark};
use crate::lines::{ByteWindow, MAX_RECORD_BYTES};
use crate::record::{FieldKind, Record, Unreadable};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::VecDeque;
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
    /// Whether the array stands inside an object, whose rest is left out.
    is_inside: bool,
    /// Lines of the order that came last, which are records of their own.
    waiting: VecDeque<String>,
    /// Its text and where it begins, and the member that holds its lines.
    order: (Vec<u8>, u64, u64, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    /// Objects one after the other.
    Values,
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
            is_inside: false,
            waiting: VecDeque::new(),
            order: Default::default(),
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

    /// Reads objects one after the other, however they are spread over lines.
    pub(crate) fn values(reader: R, names: Vec<String>) -> Self {
        Self {
            layout: Layout::Values,
            ..Self::lines(reader, names)
        }
    }

    /// Reads the array that begins `skip` bytes behind the beginning of `reader`, on line `line`, inside an object.
    pub(crate) fn inside(reader: R, names: Vec<String>, line: u64, skip: u64) -> Self {
        let mut inside = Self::array(reader, names);
        inside.window.line = line;
        inside.window.offset = skip;
        inside.is_inside = true;
        inside
    }

    /// Fills `record` with the next object; `false` at the end. What is not an object is a record with a
    /// fault.
    pub(crate) fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        if let Some(line) = self.waiting.pop_front() {
            let (raw, number, offset, member) = &self.order;
            record.begin(*number, *offset);
            set_line(record, &mut self.names, raw, member, &line);
            record.raw.extend_from_slice(raw);
            return Ok(true);
        }
        match self.layout {
            Layout::Lines => self.next_line(record),
            Layout::Values | Layout::ArrayStart | Layout::ArrayItems | Layout::Behind => {
                self.next_item(record)
            }
            Layout::Ended => Ok(false),
        }
    }

    /// Parses `record.raw` as an object and sets the fields; lines of an order wait to be records of their own.
    fn fill(&mut self, record: &mut Record) {
        let raw = std::mem::take(&mut record.raw);
        record.widen(self.names.len());
        match serde_json::from_slice::<Object<'_>>(&raw) {
            Ok(object) => match lines_of(&object.0) {
                None => flatten(record, &mut self.names, &mut String::new(), object, 1),
                Some((member, mut lines)) => {
                    let first = lines.pop_front().unwrap_or_default();
                    set_line(record, &mut self.names, &raw, &member, &first);
                    self.waiting = lines;
                    self.order = (raw.clone(), record.line, record.byte_offset, member);
                }
            },
            Err(_) if std::str::from_utf8(&raw).is_err() => record.fault = Some(Unreadable::BadEncoding),
            Err(_) => record.fault = Some(Unreadable::BadJson),
        }
        record.raw = raw;
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
                self.fill(record);
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
                self.fill(record);
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
                _ if self.layout == Layout::Ended => return Ok(None),
                b',' if matches!(self.layout, Layout::ArrayItems | Layout::Values) => {
                    self.window.consume(1, 0);
                }
                b']' if self.layout == Layout::ArrayItems => {
                    self.ended_well = true;
                    self.layout = if self.is_inside {
                        Layout::Ended
                    } else {
                        Layout::Behind
                    };
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
    /// Whether the text that the value is in ends at `byte`.
    fn ends_string(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            return true;
        }
        false
    }

    /// Whether the value ends at `byte`.
    fn ends(&mut self, byte: u8) -> bool {
        if self.in_string {
            return self.ends_string(byte) && self.depth == 0;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return self.depth == 0;
            }
            b',' | b']' | b'}' => return self.depth == 0,
            _ => {}
        }
        false
    }
}

/// How many names the objects of a source may have together; what comes after is left out.
const MAX_NAMES: usize = 4_096;
/// How deep objects may stand in each other to be looked into.
const MAX_DEPTH: usize = 5;

/// What the lines of an order are called.
const LINES: [&str; 13] = [
    "line_items",
    "lineitems",
    "lines",
    "items",
    "lignes",
    "articles",
    "products",
    "produits",
    "order_items",
    "orderitems",
    "order_lines",
    "orderlines",
    "basket",
];

/// The first of `members` that holds lines of an order: its name, and the texts of the lines.
fn lines_of(members: &[(String, &RawValue)]) -> Option<(String, VecDeque<String>)> {
    members.iter().find_map(|(name, value)| {
        let is_lines = value.get().starts_with('[') && LINES.contains(&name.to_ascii_lowercase().as_str());
        let lines: Vec<&RawValue> = is_lines
            .then(|| serde_json::from_str(value.get()).ok())
            .flatten()?;
        let are_objects = lines.first().is_some_and(|line| line.get().starts_with('{'));
        are_objects.then(|| {
            (
                name.clone(),
                lines.into_iter().map(|line| line.get().to_owned()).collect(),
            )
        })
    })
}

/// Sets the fields of one `line` of the order `raw`, which holds its lines under the name `member`: what the order says,
/// and what the line says behind that name.
fn set_line(record: &mut Record, names: &mut Vec<String>, raw: &[u8], member: &str, line: &str) {
    record.widen(names.len());
    let Ok(Object(mut members)) = serde_json::from_slice::<Object<'_>>(raw) else {
        record.fault = Some(Unreadable::BadJson);
        return;
    };
    members.retain(|(name, _)| name != member);
    flatten(record, names, &mut String::new(), Object(members), 1);
    match serde_json::from_str::<Object<'_>>(line) {
        Ok(line) => flatten(record, names, &mut format!("{member}."), line, 2),
        Err(_) => record.fault = Some(Unreadable::BadJson),
    }
}

/// What was given back in all, where the parts of `value` say it as `total` or `amount`.
fn refunded(value: &RawValue) -> Option<String> {
    let parts: Vec<Object<'_>> = serde_json::from_str(value.get()).ok()?;
    let mut sum = 0_i64;
    for Object(members) in parts {
        let (_, total) = members
            .into_iter()
            .find(|(name, _)| name == "total" || name == "amount")?;
        let amount = cents::parse(total.get().trim_matches('"'), DecimalMark::Point)?;
        sum = sum.checked_add(amount.cents.abs())?;
    }
    Some(cents::to_decimal(sum))
}

/// Sets a field for each member of an object that `path` leads to.
fn flatten(
    record: &mut Record,
    names: &mut Vec<String>,
    path: &mut String,
    Object(members): Object<'_>,
    depth: usize,
) {
    let length = path.len();
    for (name, value) in members {
        path.push_str(&name);
        if depth == 1
            && name == "refunds"
            && let Some(sum) = refunded(value)
        {
            path.push_str(".total");
            set_named(record, names, path, &sum);
            path.truncate(length);
            continue;
        }
        let inner = (depth < MAX_DEPTH && value.get().starts_with('{'))
            .then(|| serde_json::from_str::<Object<'_>>(value.get()).ok())
            .flatten();
        if let Some(inner) = inner {
            path.push('.');
            flatten(record, names, path, inner, depth + 1);
        } else {
            set_named(record, names, path, value.get());
        }
        path.truncate(length);
    }
}

/// Sets the field called `name`, which may be new.
fn set_named(record: &mut Record, names: &mut Vec<String>, name: &str, value: &str) {
    let index = names.iter().position(|known| known == name).or_else(|| {
        (names.len() < MAX_NAMES).then(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    });
    if let Some(index) = index {
        record.widen(names.len());
        set(record, index, value);
    }
}

/// How the records of a JSON text stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One object a line.
    Lines,
    /// Objects one after the other.
    Values,
    /// An array of them.
    Array,
    /// An array inside an object, under the name `member`, `skip` bytes from the beginning on line `line`.
    Inside { member: String, skip: u64, line: u64 },
}

/// How the records stand in a text that begins with `head`, the first of whose bytes is a brace or a bracket.
/// `recognised` counts the columns among names.
pub(crate) fn shape(head: &[u8], recognised: impl Fn(&[String]) -> usize) -> Shape {
    let start = head
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(0);
    if head.get(start) == Some(&b'[') {
        return Shape::Array;
    }
    let (own, arrays) = members(head, start);
    if recognised(&own) == 0 {
        let inside = arrays.into_iter().find(|array| recognised(&array.names) > 0);
        if let Some(array) = inside {
            let line = memchr::memchr_iter(b'\n', &head[..array.at]).count() as u64 + 1;
            return Shape::Inside {
                member: array.member,
                skip: array.at as u64,
                line,
            };
        }
    }
    let line = &head[start..];
    let line = memchr::memchr(b'\n', line).map_or(line, |end| &line[..end]);
    let mut scan = ItemScan::default();
    let is_whole = line.iter().any(|&byte| scan.ends(byte));
    if is_whole || line.len() == head.len() - start {
        Shape::Lines
    } else {
        Shape::Values
    }
}

/// An array of objects inside an object.
struct InnerArray {
    member: String,
    /// Where its bracket stands.
    at: usize,
    /// The names of the first object's members.
    names: Vec<String>,
}

/// The names of the members of the object that begins at `start`, but for arrays of objects, and those arrays. An
/// object that goes on behind the end of `head` is looked at as far as it is there.
fn members(head: &[u8], start: usize) -> (Vec<String>, Vec<InnerArray>) {
    let (mut own, mut arrays) = (Vec::new(), Vec::new());
    let skip = |mut at: usize, marks: &[u8]| {
        while head
            .get(at)
            .is_some_and(|byte| byte.is_ascii_whitespace() || marks.contains(byte))
        {
            at += 1;
        }
        at
    };
    let mut at = skip(start + 1, b"");
    while head.get(at) == Some(&b'"') && own.len() + arrays.len() < MAX_NAMES {
        let mut scan = ItemScan::default();
        let Some(end) = head[at + 1..].iter().position(|&byte| {
            scan.in_string = true;
            scan.ends_string(byte)
        }) else {
            break;
        };
        let name: String = serde_json::from_slice(&head[at..=at + 1 + end]).unwrap_or_default();
        at = skip(at + end + 2, b":");
        let first = skip(at + 1, b"");
        if head.get(at) == Some(&b'[') && head.get(first) == Some(&b'{') {
            let (names, _) = members(head, first);
            arrays.push(InnerArray {
                member: name,
                at,
                names,
            });
        } else {
            own.push(name);
        }
        let mut scan = ItemScan::default();
        let Some(length) = head[at..].iter().position(|&byte| scan.ends(byte)) else {
            break;
        };
        // What is no text, array or object ends before the mark behind it.
        let closes = matches!(head[at], b'"' | b'[' | b'{');
        at = skip(at + length + usize::from(closes), b",");
    }
    (own, arrays)
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
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
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
    fn objects_over_many_lines_are_whole_and_their_inner_objects_have_paths() {
        let text = "{\n \"id\": 1,\n \"product\": {\"id\": 7, \"tags\": [1]}\n}\n{\"id\": 2}";

        let (names, found, ended_well) = read(JsonReader::values(text.as_bytes(), vec![]));

        assert_eq!(names, ["id", "product.id", "product.tags"]);
        assert_eq!(found[0], (1, fields(&["1", "7", "[1]"]), None));
        assert_eq!(found[1], (5, fields(&["2", "", ""]), None));
        assert!(ended_well);
    }

    #[test]
    fn the_shape_of_a_text_is_told_by_its_beginning() {
        let known = |names: &[String]| {
            names
                .iter()
                .filter(|name| ["id", "amount"].contains(&name.as_str()))
                .count()
        };
        let shape = |head: &str| shape(head.as_bytes(), known);

        assert_eq!(shape(" [{\"id\":1}]"), Shape::Array);
        assert_eq!(shape("{\"id\":1}\n{\"id\":2}"), Shape::Lines);
        assert_eq!(shape("{\"id\":1}"), Shape::Lines);
        assert_eq!(shape("{\n\"id\":1\n}"), Shape::Values);
        assert_eq!(
            shape("{\"page\":1,\n\"note\":\"a]\\\"}\",\"orders\":\n [ {\"id\":1"),
            Shape::Inside {
                member: "orders".to_owned(),
                skip: 37,
                line: 3
            }
        );
        assert_eq!(
            shape("{\"id\":1,\"lines\":[{\"amount\":1}]}\n{\"id\":2"),
            Shape::Lines
        );
        let text = "{\"n\":2,\"orders\":[{\"id\":1},\n{\"id\":2}],\"more\":[{\"id\":9}]}";
        let Shape::Inside { skip, line, .. } = shape(text) else {
            panic!("{:?}", shape(text));
        };
        let inside = &text.as_bytes()[usize::try_from(skip).unwrap()..];
        let (_, found, ended_well) = read(JsonReader::inside(inside, vec![], line, skip));
        assert_eq!(found, [(1, fields(&["1"]), None), (2, fields(&["2"]), None)]);
        assert!(ended_well);
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
