//! What is wrong with a request: all of it, each fault with its place.
//!
//! serde stops at the first fault. [`query`] and [`json`] take the part at fault out and read the rest again, so the
//! caller learns of every fault at once, and a service can go on to check what is left.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// How many faults of one request are looked for by reading it again.
const MAX_FAULTS: usize = 20;
/// Of how many members an object may be for the one at fault to be found by leaving each out.
const MAX_MEMBERS: usize = 100;
/// Of a body that is longer, in bytes, only the first fault is told: the others cost reading it once each.
const MAX_EXPLAINED: usize = 1 << 20;

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the body: a JSON pointer (RFC 6901); empty for the body as a whole.
    Pointer(String),
    /// A parameter of the path or of the query string.
    Parameter(String),
    /// A header of the request.
    Header(String),
}

impl Place {
    /// The place as people write it: `params.order` for `/params/order`.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Pointer(pointer) => pointer.trim_start_matches('/').replace('/', ".").into(),
            Self::Parameter(name) | Self::Header(name) => name.into(),
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What kind of fault, a stable name: `unknown_field`, `missing_field` or `invalid_value`.
    pub code: &'static str,
    /// What is wrong and what to do, in words; it does not repeat the place.
    pub detail: String,
}

impl Fault {
    /// A value at `pointer` in the body that cannot be taken.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Pointer(pointer.into()), detail)
    }

    /// A parameter that cannot be taken.
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Parameter(name.into()), detail)
    }

    /// A header that cannot be taken.
    pub fn header(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Header(name.into()), detail)
    }

    fn new(place: Place, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        // serde has no other sign of these than its words.
        let code = if detail.starts_with("unknown field") {
            "unknown_field"
        } else if detail.starts_with("missing field") {
            "missing_field"
        } else {
            "invalid_value"
        };
        Self { place, code, detail }
    }

    /// The same fault of a request whose fields came in the query string.
    #[must_use]
    pub fn in_query(self) -> Self {
        let place = match self.place {
            Place::Pointer(_) => Place::Parameter(self.place.name().into_owned()),
            other => other,
        };
        Self { place, ..self }
    }

    /// The same fault of a document that stands at `pointer` in the body.
    #[must_use]
    pub fn under(self, pointer: &str) -> Self {
        let place = match self.place {
            Place::Pointer(inner) => Place::Pointer(format!("{pointer}{inner}")),
            other => other,
        };
        Self { place, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.place.name();
        if name.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{name}: {}", self.detail)
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            #[serde(flatten)]
            place: &'a Place,
            code: &'a str,
            detail: &'a str,
        }
        Members {
            place: &self.place,
            code: self.code,
            detail: &self.detail,
        }
        .serialize(serializer)
    }
}

/// All that is wrong with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Adds faults.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    /// What `outcome` holds, its faults added.
    pub fn take<T, F: Into<Self>>(&mut self, outcome: Result<T, F>) -> Option<T> {
        outcome.map_err(|faults| self.extend(faults.into())).ok()
    }

    /// Whether there is a fault at `pointer` in the body.
    #[must_use]
    pub fn has(&self, pointer: &str) -> bool {
        self.0
            .iter()
            .any(|fault| matches!(&fault.place, Place::Pointer(known) if known == pointer))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if there is no fault.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        let detail = faults.to_string();
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
            .with("errors", serde_json::to_value(faults.0).unwrap_or_default())
    }
}

/// What was asked for, the parts at fault left out, and these faults.
#[derive(Debug)]
pub struct Asked<T> {
    /// What is left of the request.
    pub value: T,
    /// What is wrong with it so far.
    pub faults: Faults,
}

impl<T> Asked<T> {
    /// The request, if nothing is wrong with it.
    pub fn whole(self) -> Result<T, Faults> {
        self.faults.or(self.value)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri).map_err(Problem::from)
    }
}

/// The query string of a request, refused with all that is wrong with it.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri)
            .and_then(Asked::whole)
            .map(Self)
            .map_err(Problem::from)
    }
}

/// The query string of `uri`. `Err` when nothing can be made of it even without the parameters at fault.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<Asked<T>, Faults> {
    let text = uri.query().unwrap_or_default();
    let mut faults = Faults::default();
    let mut pairs: Vec<&str> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        match percent_decoded(pair) {
            Ok(()) => pairs.push(pair),
            Err(why) => faults.push(Fault::parameter(
                decoded(pair.split('=').next().unwrap_or_default()),
                why,
            )),
        }
    }
    loop {
        let error = match read_query::<T>(&pairs) {
            Ok(value) => return Ok(Asked { value, faults }),
            Err(error) => error,
        };
        if let Some(name) = missing_field(bare(&error)) {
            // A parameter that was taken out for its fault is not missing as well.
            if faults.is_empty() {
                faults.push(Fault::parameter(name, bare(&error)));
            }
            return Err(faults);
        }
        // The last one first: of a parameter that comes twice, the second is too many.
        let culprit = (0..pairs.len()).rev().find(|&index| {
            let mut others = pairs.clone();
            others.remove(index);
            read_query::<T>(&others).err().as_ref() != Some(&error)
        });
        let Some(culprit) = culprit.filter(|_| faults.0.len() < MAX_FAULTS) else {
            faults.push(Fault::parameter("query string", bare(&error)));
            return Err(faults);
        };
        let pair = pairs.remove(culprit);
        let name = pair.split('=').next().unwrap_or_default();
        faults.push(Fault::parameter(decoded(name), bare(&error)));
    }
}

/// Refuses what percent-encoding makes no text of: a decoder would put other characters in its place.
fn percent_decoded(pair: &str) -> Result<(), String> {
    let mut bytes = Vec::with_capacity(pair.len());
    let mut rest = pair.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => bytes.push(byte),
            None => {
                return Err(
                    "a `%` is not followed by two hex digits; a percent sign is written `%25`".to_owned(),
                );
            }
        }
        rest = &after[2..];
    }
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err("its percent-encoded bytes are not UTF-8".to_owned()),
    }
}

fn read_query<T: DeserializeOwned>(pairs: &[&str]) -> Result<T, String> {
    let uri = Uri::try_from(format!("/?{}", pairs.join("&"))).map_err(|error| error.to_string())?;
    axum::extract::Query::try_from_uri(&uri)
        .map(|axum::extract::Query(value)| value)
        .map_err(|rejection| crate::extract::innermost(&rejection))
}

/// The name of a parameter as it was meant.
fn decoded(name: &str) -> String {
    let uri = Uri::try_from(format!("/?{name}="));
    let pairs = uri.ok().and_then(|uri| {
        axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
            .ok()
            .and_then(|axum::extract::Query(pairs)| pairs.into_iter().next())
    });
    pairs.map_or_else(|| name.to_owned(), |(name, _)| name)
}

/// The JSON object in `bytes`. `Err` when it is none, or when nothing can be made of it even without the members
/// at fault.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<Asked<T>, Faults> {
    if bytes.is_empty() {
        return Err(Fault::at("", "the body is empty; a JSON object is expected").into());
    }
    // serde would take an array as the members of a structure in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Fault::at("", "the body is an array; a JSON object is expected").into());
    }
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => {
            return Ok(Asked {
                value,
                faults: Faults::default(),
            });
        }
        Err(error) => error,
    };
    if bytes.len() > MAX_EXPLAINED && first.is_data() {
        return Err(first_fault::<T>(bytes).into());
    }
    match serde_json::from_slice(bytes) {
        Ok(document @ Value::Object(_)) if first.is_data() => value(document),
        Ok(_) if first.is_data() => Err(Fault::at("", "the body is no JSON object").into()),
        _ => Err(Fault::at("", format!("the body is not JSON: {first}")).into()),
    }
}

/// The first fault of a document that is too long to be read again and again.
fn first_fault<T: DeserializeOwned>(bytes: &[u8]) -> Fault {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut json);
    match read {
        Ok(_) => Fault::at("", "the body goes on behind its end"),
        Err(error) => Fault::at(pointer_of(error.path()), error.into_inner().to_string()),
    }
}

/// `document` as a `T`. `Err` when nothing can be made of it even without the members at fault.
pub fn value<T: DeserializeOwned>(mut document: Value) -> Result<Asked<T>, Faults> {
    let mut faults = Faults::default();
    let mut gone = Gone::default();
    loop {
        let (at, error) = match read_value::<T>(&document) {
            // An element that is gone may be what further checks would ask for.
            Ok(_) if !gone.elements.is_empty() => return Err(faults),
            Ok(value) => return Ok(Asked { value, faults }),
            Err(fault) => fault,
        };
        let at = if let Some(name) = missing_field(&error) {
            let pointer = format!("{}/{}", gone.place(&at), escaped(name));
            // A member that was taken out for its fault is not missing as well.
            if !faults.has(&pointer) {
                faults.push(Fault::at(pointer, error));
            }
            at
        } else {
            let at = culprit::<T>(&document, &at, &error).unwrap_or(at);
            // What is empty now had its fault inside.
            if !(gone.has_emptied(&at) && document.pointer(&at) == Some(&Value::Object(Map::new()))) {
                faults.push(Fault::at(gone.place(&at), error));
            }
            at
        };
        if faults.0.len() >= MAX_FAULTS || !gone.take_out(&mut document, &at) {
            return Err(faults);
        }
    }
}

/// What was taken out of a document for its faults.
#[derive(Debug, Default)]
struct Gone {
    /// The elements of each array, by the places that they had.
    elements: BTreeMap<String, BTreeSet<usize>>,
    /// The objects that have lost a member.
    objects: BTreeSet<String>,
}

impl Gone {
    /// The place that what is at `pointer` now had in the whole document: elements that are gone count as well.
    fn place(&self, pointer: &str) -> String {
        let mut place = String::new();
        for name in pointer.split('/').skip(1) {
            let had = match (self.elements.get(&place), name.parse::<usize>()) {
                (Some(gone), Ok(now)) => (0..).filter(|index| !gone.contains(index)).nth(now),
                _ => None,
            };
            // A String takes every write.
            let _ = match had {
                Some(had) => write!(place, "/{had}"),
                None => write!(place, "/{name}"),
            };
        }
        place
    }

    /// Whether a member of the object at `pointer` was taken out.
    fn has_emptied(&self, pointer: &str) -> bool {
        self.objects.contains(&self.place(pointer))
    }

    /// Takes the member or element at `pointer` out; whether there was one.
    fn take_out(&mut self, document: &mut Value, pointer: &str) -> bool {
        let Some((parent, name)) = pointer.rsplit_once('/') else {
            return false;
        };
        match document.pointer_mut(parent) {
            Some(Value::Object(members)) => {
                self.objects.insert(self.place(parent));
                members.remove(&unescaped(name)).is_some()
            }
            Some(Value::Array(elements)) => {
                let Some(index) = name.parse().ok().filter(|index| *index < elements.len()) else {
                    return false;
                };
                elements.remove(index);
                let had = self.place(pointer);
                let had = had.rsplit('/').next().and_then(|had| had.parse().ok());
                self.elements
                    .entry(self.place(parent))
                    .or_default()
                    .insert(had.unwrap_or(index));
                true
            }
            _ => false,
        }
    }
}

/// `document` as a `T`, or where in it the first fault is and what.
fn read_value<T: DeserializeOwned>(document: &Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(document)
        .map_err(|error| (pointer_of(error.path()), error.into_inner().to_string()))
}

/// A path as a JSON pointer.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        // A String takes every write.
        let _ = match segment {
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Map { key } => write!(pointer, "/{}", escaped(key)),
            Segment::Enum { .. } | Segment::Unknown => Ok(()),
        };
    }
    pointer
}

/// The member of the object at `pointer` without which `error` is gone: serde reads the members of flattened
/// structures later, when their places are forgotten.
fn culprit<T: DeserializeOwned>(document: &Value, pointer: &str, error: &str) -> Option<String> {
    let members = document.pointer(pointer)?.as_object()?;
    if members.len() > MAX_MEMBERS {
        return None;
    }
    members.keys().find_map(|name| {
        let member = format!("{pointer}/{}", escaped(name));
        let mut others = document.clone();
        if let Some(Value::Object(members)) = others.pointer_mut(pointer) {
            members.remove(name);
        }
        let is_gone = match read_value::<T>(&others) {
            Ok(_) => true,
            Err((_, other)) => other != error && missing_field(&other) != Some(name),
        };
        is_gone.then_some(member)
    })
}

/// The field that an error of serde says is missing.
fn missing_field(error: &str) -> Option<&str> {
    error
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
}

/// `name` as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that a part of a JSON pointer stands for.
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// An error of a query string without the words before it that name the parameter, which the fault has as well.
fn bare(error: &str) -> &str {
    match error.split_once(": ") {
        Some((before, rest)) if !before.contains(' ') => rest,
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Source {
        shelf: String,
        #[serde(flatten)]
        reading: Reading,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Reading {
        strict: bool,
        skip: u32,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Request {
        sources: Vec<Source>,
        limit: u32,
        page: Option<u32>,
    }

    fn places(faults: Faults) -> Vec<String> {
        faults
            .into_iter()
            .map(|fault| fault.place.name().into_owned())
            .collect()
    }

    #[test]
    fn every_parameter_at_fault_is_named() {
        let uri = "/?limit=x&page=2&page=-1&pgae=2".parse().unwrap();

        let asked = query::<Request>(&uri).unwrap();

        assert_eq!((asked.value.limit, asked.value.page), (0, Some(2)));
        assert_eq!(places(asked.faults), ["limit", "page", "pgae"]);
    }

    #[test]
    fn a_parameter_that_must_be_given_is_named_when_it_is_not() {
        #[derive(Debug, Deserialize)]
        struct Needy {
            #[expect(dead_code, reason = "only whether it can be read matters")]
            shelf: String,
        }

        let faults = query::<Needy>(&"/?x=1".parse().unwrap()).unwrap_err();

        assert_eq!(faults.to_string(), "shelf: missing field `shelf`");
    }

    #[test]
    fn every_member_at_fault_is_pointed_at() {
        let body = json!({
            "limit": "many",
            "lmit": 3,
            "sources": [
                { "shelf": "books", "strict": "yes", "skip": -1 },
                { "shelf": 7 },
            ],
        });

        let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

        assert_eq!(
            places(faults),
            [
                "limit",
                "lmit",
                "sources.0.skip",
                "sources.0.strict",
                "sources.1.shelf"
            ]
        );
    }

    #[test]
    fn what_percent_encoding_makes_no_text_of_is_refused() {
        #[derive(Debug, serde::Deserialize)]
        struct Text {
            text: String,
            #[serde(default)]
            other: String,
        }
        let read = |text: &str| query::<Text>(&text.parse().unwrap()).and_then(Asked::whole);

        for bad in [
            "/?text=%ff",
            "/?text=%zz",
            "/?text=%4",
            "/?text=5%",
            "/?text=%c3%28",
        ] {
            let faults: Vec<Fault> = read(bad).unwrap_err().into_iter().collect();
            assert_eq!(faults.len(), 1, "{bad}: {faults:?}");
            assert_eq!(faults[0].place, Place::Parameter("text".into()), "{bad}");
        }
        assert_eq!(
            places(read("/?text=%ff&other=%zz").unwrap_err()),
            ["text", "other"]
        );
        let text = read("/?text=%E2%82%AC+%25&other=caf%C3%A9").unwrap();
        assert_eq!((text.text.as_str(), text.other.as_str()), ("€ %", "café"));
    }

    #[test]
    fn what_is_left_can_be_checked_further() {
        let asked = json::<Request>(br#"{"limit": 5, "page": true}"#).unwrap();

        assert_eq!((asked.value.limit, asked.value.page), (5, None));
        assert_eq!(
            Problem::from(asked.faults).to_json()["errors"],
            json!([{
                "pointer": "/page",
                "code": "invalid_value",
                "detail": "invalid type: boolean `true`, expected u32",
            }])
        );
    }

    #[test]
    fn every_element_of_an_array_keeps_its_place() {
        let body = json!({"sources": [
            {"shelf": 1}, {"shelf": "a"}, 5, {"skip": 2}, {"shelf": "b", "skip": "x", "strict": 1}
        ]});

        let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

        assert_eq!(
            places(faults),
            [
                "sources.0.shelf",
                "sources.2",
                "sources.3.shelf",
                "sources.4.skip",
                "sources.4.strict"
            ]
        );
    }

    #[test]
    fn of_a_long_body_the_first_fault_is_told() {
        let long = "x".repeat(MAX_EXPLAINED);
        let body = json!({"limit": "many", "sources": [{"shelf": long}, {"shelf": 5}]});

        let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

        assert_eq!(places(faults), ["limit"]);
    }

    #[test]
    fn a_missing_member_is_a_fault_of_its_own() {
        let faults = json::<Request>(br#"{"sources": [{"skip": 1}]}"#).unwrap_err();

        assert_eq!(
            faults.into_iter().collect::<Vec<_>>(),
            [Fault {
                place: Place::Pointer("/sources/0/shelf".into()),
                code: "missing_field",
                detail: "missing field `shelf`".into(),
            }]
        );
    }

    #[test]
    fn only_an_object_is_taken() {
        for body in ["[]", r#" [[{"shelf": "books"}], 5]"#, "5", "\"limit\""] {
            let faults = json::<Request>(body.as_bytes()).unwrap_err();

            assert!(faults.to_string().contains("JSON object"), "{body}: {faults}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_line_and_column() {
        let faults = json::<Request>(b"{\n\"limit\": }").unwrap_err();

        assert!(faults.to_string().contains("line 2 column"), "{faults}");
    }
}
