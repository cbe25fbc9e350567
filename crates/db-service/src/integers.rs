//! Integers in JSON that are none to SQLite.
//!
//! A JSON parser that meets an integer beyond 64 bits gives a float, and its last digits are lost. So digits are looked
//! at where a request could hold such a one.

use serde_json::value::RawValue;
use std::borrow::Cow;

/// No integer of fewer digits is too large.
const FIT: usize = 18;
/// No request has more levels; what lies deeper is refused by its parser.
const DEEPEST: usize = 128;

/// Whether `json` may hold an integer that does not fit, so that it is worth a closer look: whether there are enough
/// digits in a row. Only every 19th byte is looked at, since such a row cannot pass between two of them.
pub(crate) fn may_be_too_large(json: &[u8]) -> bool {
    let mut at = FIT;
    while let Some(byte) = json.get(at) {
        if byte.is_ascii_digit() {
            let before = json[..at]
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let after = json[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if before + after > FIT {
                return true;
            }
        }
        at += FIT + 1;
    }
    false
}

/// Whether a JSON value is an integer that does not fit into 64 bits with a sign.
pub(crate) fn is_too_large(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    digits.len() > FIT && digits.bytes().all(|byte| byte.is_ascii_digit()) && json.parse::<i64>().is_err()
}

/// The integers in `json` that do not fit, each with its JSON pointer.
pub(crate) fn too_large(json: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if may_be_too_large(json.as_bytes()) {
        look(json.trim(), DEEPEST, &mut String::new(), &mut found);
    }
    found
}

fn look(json: &str, levels: usize, pointer: &mut String, found: &mut Vec<(String, String)>) {
    let length = pointer.len();
    let Some(levels) = levels.checked_sub(1) else {
        return;
    };
    match json.as_bytes().first() {
        Some(b'[') => {
            let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json) else {
                return;
            };
            for (index, element) in elements.into_iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                look(element.get(), levels, pointer, found);
                pointer.truncate(length);
            }
        }
        Some(b'{') => {
            let Ok(Members(members)) = serde_json::from_str(json) else {
                return;
            };
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                look(member.get(), levels, pointer, found);
                pointer.truncate(length);
            }
        }
        _ if is_too_large(json) => found.push((pointer.clone(), json.to_owned())),
        _ => {}
    }
}

/// The members of an object in their order, each as it is written.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_found_with_its_place() {
        let json =
            r#" {"a": [1, 18446744073709551616, {"b/c": -9223372036854775809}], "d": 9223372036854775808} "#;

        let found = too_large(json);

        assert_eq!(
            found,
            [
                ("/a/1".to_owned(), "18446744073709551616".to_owned()),
                ("/a/2/b~1c".to_owned(), "-9223372036854775809".to_owned()),
                ("/d".to_owned(), "9223372036854775808".to_owned()),
            ]
        );
    }

    #[test]
    fn what_fits_or_is_no_integer_is_left_alone() {
        let json = r#"{"a": ["18446744073709551616", 9223372036854775807, -9223372036854775808, 1e20,
            18446744073709551616.0, 1844674407370955161600000E-5, "\"99999999999999999999"]}"#;

        assert_eq!(too_large(json), []);
    }

    #[test]
    fn a_row_of_digits_is_seen_wherever_it_begins() {
        for before in 0..60 {
            let json = format!("{}{}", " ".repeat(before), "1234567890123456789");
            assert!(may_be_too_large(json.as_bytes()), "{before}");
            let json = format!("{}{}", " 12345678901234567".repeat(before), ",123456789012345678");
            assert!(!may_be_too_large(json.as_bytes()), "{before}");
        }
    }
}
