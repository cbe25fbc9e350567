//! The query string of a request, with everything that is wrong with it.

use super::refusal::{Refusal, Text};
use super::{Asked, Fault, Faults, MAX_FAULTS};
use axum::http::Uri;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;

/// A parameter: its name and its value, decoded.
type Pair = (String, String);

/// The query string of `uri`. `Err` when nothing can be made of it even without the parameters at fault.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<Asked<T>, Faults> {
    let text = uri.query().unwrap_or_default();
    let mut faults = Faults::default();
    let mut pairs: Vec<Pair> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decoded(name), decoded(value)) {
            (Ok(name), Ok(value)) => pairs.push((name, value)),
            (Ok(name), Err(why)) => faults.push(Fault::parameter(name, why)),
            (Err(why), _) => faults.push(Fault::parameter(name, why)),
        }
    }
    loop {
        let (at, refusal) = match read::<T>(&pairs) {
            Ok(value) => return Ok(Asked { value, faults }),
            Err(fault) => fault,
        };
        if let Some(name) = refusal.missing {
            // A parameter that was taken out for its fault is not missing as well.
            if faults.is_empty() {
                faults.push(Fault::parameter(name, refusal.words).coded(refusal.code));
            }
            return Err(faults);
        }
        // The last one first: of a parameter that comes twice, the second is too many.
        let named = pairs.iter().rposition(|(name, _)| Some(name) == at.as_ref());
        let culprit = named.or_else(|| {
            (0..pairs.len()).rev().find(|&index| {
                let mut others = pairs.clone();
                others.remove(index);
                read::<T>(&others).err().is_none_or(|(_, other)| other != refusal)
            })
        });
        let Some(culprit) = culprit.filter(|_| faults.0.len() < MAX_FAULTS) else {
            faults.push(Fault::parameter("query string", refusal.words).coded(refusal.code));
            return Err(faults);
        };
        let (name, _) = pairs.remove(culprit);
        faults.push(Fault::parameter(name, refusal.words).coded(refusal.code));
    }
}

/// `pairs` as a `T`, or the parameter with the first fault, where serde knows it, and what is wrong.
fn read<T: DeserializeOwned>(pairs: &[Pair]) -> Result<T, (Option<String>, Refusal)> {
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), Text(value)));
    serde_path_to_error::deserialize(MapDeserializer::new(pairs)).map_err(|error| {
        let name = error.path().iter().next().and_then(|segment| match segment {
            serde_path_to_error::Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        (name, error.into_inner())
    })
}

/// A name or a value as it was meant. Refuses what percent-encoding makes no text of: other characters would come to
/// stand in its place.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte else {
                    return Err(
                        "a `%` is not followed by two hex digits; a percent sign is written `%25`".to_owned(),
                    );
                };
                bytes.push(byte);
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| "its percent-encoded bytes are not UTF-8".to_owned())
}
