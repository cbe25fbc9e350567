//! A JSON body, with everything that is wrong with it.

use super::refusal::{Document, Refusal};
use super::{Asked, Fault, Faults, MAX_FAULTS};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Of how many members an object may be for the one at fault to be found by leaving each out.
const MAX_MEMBERS: usize = 100;
/// Of a body that is longer, in bytes, only the first fault is told: the others cost reading it once each.
const MAX_EXPLAINED: usize = 1 << 20;

/// Whether a body that may be left out says nothing: it is empty, or `null`.
#[must_use]
pub fn is_nothing(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii(), b"" | b"null")
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
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(Asked {
            value,
            faults: Faults::default(),
        });
    }
    match serde_json::from_slice(bytes) {
        Ok(document @ Value::Object(_)) if bytes.len() > MAX_EXPLAINED => match read::<T>(&document) {
            Ok(value) => Ok(Asked {
                value,
                faults: Faults::default(),
            }),
            Err((at, refusal)) => Err(fault(at, refusal).into()),
        },
        Ok(document @ Value::Object(_)) => value(document),
        Ok(_) => Err(Fault::at("", "the body is not a JSON object").into()),
        Err(why) => Err(Fault::at("", format!("the body is not JSON: {why}")).into()),
    }
}

/// `document` as a `T`. `Err` when nothing can be made of it even without the members at fault.
pub fn value<T: DeserializeOwned>(mut document: Value) -> Result<Asked<T>, Faults> {
    let mut faults = Faults::default();
    let mut gone = Gone::default();
    loop {
        let (at, refusal) = match read::<T>(&document) {
            // An element that is gone may be what further checks would ask for.
            Ok(_) if !gone.elements.is_empty() => return Err(faults),
            Ok(value) => return Ok(Asked { value, faults }),
            Err(fault) => fault,
        };
        let at = if let Some(name) = refusal.missing {
            let pointer = format!("{}/{}", gone.place(&at), escaped(name));
            // A member that was taken out for its fault is not missing as well.
            if !faults.has(&pointer) {
                faults.push(fault(pointer, refusal));
            }
            at
        } else {
            let at = culprit::<T>(&document, &at, &refusal).unwrap_or(at);
            // What is empty now had its fault inside.
            if !(gone.has_emptied(&at) && document.pointer(&at) == Some(&Value::Object(Map::new()))) {
                faults.push(fault(gone.place(&at), refusal));
            }
            at
        };
        if faults.0.len() >= MAX_FAULTS || !gone.take_out(&mut document, &at) {
            return Err(faults);
        }
    }
}

fn fault(pointer: String, refusal: Refusal) -> Fault {
    Fault::at(pointer, refusal.words).coded(refusal.code)
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
fn read<T: DeserializeOwned>(document: &Value) -> Result<T, (String, Refusal)> {
    serde_path_to_error::deserialize(Document(document))
        .map_err(|error| (pointer_of(error.path()), error.into_inner()))
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

/// The member of the object at `pointer` without which `refusal` is gone: serde reads the members of flattened
/// structures later, when their places are forgotten.
fn culprit<T: DeserializeOwned>(document: &Value, pointer: &str, refusal: &Refusal) -> Option<String> {
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
        let is_gone = match read::<T>(&others) {
            Ok(_) => true,
            Err((_, other)) => other != *refusal && other.missing != Some(name.as_str()),
        };
        is_gone.then_some(member)
    })
}

/// `name` as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that a part of a JSON pointer stands for.
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
