//! `instr`, `replace`, `trim` and its kin, and `unhex` with characters to pass over: SQLite's own compare the second
//! value at every place of the first.

use super::plain::text;
use super::{Steps, flags, sqlite_error};
use memchr::memmem;
use rusqlite::functions::Context;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Result, ToSql, ffi};
use sqlite_budget::Charge;

/// Shorter results are not charged.
const SMALL: usize = 4_096;

pub(super) fn add(conn: &Connection, max_value_bytes: usize) -> Result<()> {
    conn.create_scalar_function("instr", 2, flags(), instr)?;
    conn.create_scalar_function("replace", 3, flags(), move |context| {
        replace(context, max_value_bytes)
    })?;
    for (name, left, right) in [
        ("trim", true, true),
        ("ltrim", true, false),
        ("rtrim", false, true),
    ] {
        conn.create_scalar_function(name, 1, flags(), move |context| trim(context, left, right))?;
        conn.create_scalar_function(name, 2, flags(), move |context| trim(context, left, right))?;
    }
    conn.create_scalar_function("unhex", 2, flags(), unhex)
}

/// A text or a blob that was made here, charged as long as SQLite has not copied it.
struct Made {
    bytes: Vec<u8>,
    is_text: bool,
    _charge: Charge,
}

impl Made {
    /// An empty one with room for `bytes`.
    fn with_room(bytes: usize, is_text: bool) -> Result<Self> {
        let mut charge = Charge::default();
        if bytes > SMALL && charge.cover(bytes).is_err() {
            return Err(sqlite_error(ffi::SQLITE_NOMEM));
        }
        Ok(Self {
            bytes: Vec::with_capacity(bytes),
            is_text,
            _charge: charge,
        })
    }

    fn text(bytes: &[u8]) -> Result<Self> {
        let mut made = Self::with_room(bytes.len(), true)?;
        made.bytes.extend_from_slice(bytes);
        Ok(made)
    }
}

impl ToSql for Made {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(if self.is_text {
            ValueRef::Text(&self.bytes)
        } else {
            ValueRef::Blob(&self.bytes)
        }))
    }
}

/// Whether a byte of UTF-8 goes on with a character.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// `instr(text, part)`: where the part begins first, in characters from 1, or in bytes when both are blobs; 0 when it is
/// not there.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (whole, part) = (context.get_raw(0), context.get_raw(1));
    let is_text = !matches!((whole, part), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (Some(whole), Some(part)) = (text(whole)?, text(part)?) else {
        return Ok(None);
    };
    let Some(&first) = part.first() else {
        return Ok(Some(1));
    };
    let found = if is_text && continues(first) {
        // Only the beginning of the text is looked at that is within a character.
        whole.starts_with(&part).then_some(0)
    } else {
        memmem::find(&whole, &part)
    };
    let place = found.map_or(0, |at| {
        if is_text {
            1 + whole
                .get(1..=at)
                .unwrap_or_default()
                .iter()
                .filter(|byte| !continues(**byte))
                .count()
        } else {
            1 + at
        }
    });
    Ok(Some(i64::try_from(place).unwrap_or(i64::MAX)))
}

/// `replace(text, part, by)`: the text with `by` in place of every part, from left to right.
fn replace(context: &Context<'_>, max_value_bytes: usize) -> Result<Option<Made>> {
    let Some(whole) = text(context.get_raw(0))? else {
        return Ok(None);
    };
    let Some(part) = text(context.get_raw(1))? else {
        return Ok(None);
    };
    if part.first().is_none_or(|first| *first == 0) {
        return Made::text(&whole).map(Some);
    }
    let Some(by) = text(context.get_raw(2))? else {
        return Ok(None);
    };
    let mut steps = Steps::default();
    let finder = memmem::Finder::new(&*part);
    let mut length = whole.len();
    if by.len() != part.len() {
        let mut last = 0;
        for at in finder.find_iter(&whole) {
            steps.take(at - last + 1)?;
            last = at;
            length = length - part.len() + by.len();
            if by.len() > part.len() && length > max_value_bytes {
                return Err(sqlite_error(ffi::SQLITE_TOOBIG));
            }
        }
    }
    let mut made = Made::with_room(length, true)?;
    let mut rest = 0;
    for at in finder.find_iter(&whole) {
        steps.take(at - rest + by.len() + 1)?;
        made.bytes.extend_from_slice(&whole[rest..at]);
        made.bytes.extend_from_slice(&by);
        rest = at + part.len();
    }
    made.bytes.extend_from_slice(&whole[rest..]);
    Ok(Some(made))
}

/// `trim(text)` and `trim(text, characters)`: the text without these characters at its ends; blanks when none are given.
fn trim(context: &Context<'_>, left: bool, right: bool) -> Result<Option<Made>> {
    let Some(whole) = text(context.get_raw(0))? else {
        return Ok(None);
    };
    let set = if context.len() > 1 {
        match text(context.get_raw(1))? {
            Some(set) => set,
            None => return Ok(None),
        }
    } else {
        b" ".as_slice().into()
    };
    let set = until_nul(&set);
    let kept = if set.iter().all(|byte| *byte < 0xc0) {
        trim_bytes(&whole, set, left, right)
    } else {
        trim_characters(&whole, set, left, right)?
    };
    Made::text(kept).map(Some)
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    memchr::memchr(0, bytes).map_or(bytes, |end| &bytes[..end])
}

/// When every character is a byte.
fn trim_bytes<'a>(whole: &'a [u8], set: &[u8], left: bool, right: bool) -> &'a [u8] {
    let mut is_in = [false; 256];
    for byte in set {
        is_in[usize::from(*byte)] = true;
    }
    let kept = |byte: &u8| !is_in[usize::from(*byte)];
    let begin = if left {
        whole.iter().position(kept).unwrap_or(whole.len())
    } else {
        0
    };
    let whole = &whole[begin..];
    let end = if right {
        whole.iter().rposition(kept).map_or(0, |last| last + 1)
    } else {
        whole.len()
    };
    &whole[..end]
}

/// In general: the first character of the set that fits goes.
fn trim_characters<'a>(mut whole: &'a [u8], set: &[u8], left: bool, right: bool) -> Result<&'a [u8]> {
    let mut characters: Vec<&[u8]> = Vec::new();
    let mut charge = Charge::default();
    let mut rest = set;
    while let Some((first, tail)) = rest.split_first() {
        let length = if *first < 0xc0 {
            1
        } else {
            1 + tail.iter().take_while(|byte| continues(**byte)).count()
        };
        let (character, after) = rest.split_at(length);
        characters.push(character);
        rest = after;
        if characters.len().is_multiple_of(SMALL)
            && charge.cover(characters.len() * 2 * size_of::<&[u8]>()).is_err()
        {
            return Err(sqlite_error(ffi::SQLITE_NOMEM));
        }
    }
    let mut steps = Steps::default();
    let mut first = |fits: &dyn Fn(&[u8]) -> bool| -> Result<Option<usize>> {
        for character in &characters {
            steps.take(1 + character.len() / 16)?;
            if fits(character) {
                return Ok(Some(character.len()));
            }
        }
        Ok(None)
    };
    while left && let Some(length) = first(&|character| whole.starts_with(character))? {
        whole = &whole[length..];
    }
    while right && let Some(length) = first(&|character| whole.ends_with(character))? {
        whole = &whole[..whole.len() - length];
    }
    Ok(whole)
}

/// `unhex(text, characters)`: the bytes that the text writes as hexadecimal digits, two each; between them may stand the
/// characters. NULL when anything else does.
fn unhex(context: &Context<'_>) -> Result<Option<Made>> {
    let (Some(digits), Some(passed)) = (text(context.get_raw(0))?, text(context.get_raw(1))?) else {
        return Ok(None);
    };
    let mut made = Made::with_room(digits.len() / 2, false)?;
    let mut steps = Steps::default();
    let mut rest = until_nul(&digits);
    'pairs: while let Some(mut first) = rest.first().copied() {
        while !first.is_ascii_hexdigit() {
            let between = read(&mut rest);
            if !contains(&passed, between, &mut steps)? {
                return Ok(None);
            }
            match rest.first() {
                Some(next) => first = *next,
                None => break 'pairs,
            }
        }
        let (Some(high), Some(low)) = (value(first), rest.get(1).and_then(|digit| value(*digit))) else {
            return Ok(None);
        };
        made.bytes.push(high << 4 | low);
        rest = &rest[2..];
    }
    Ok(Some(made))
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn contains(characters: &[u8], wanted: u32, steps: &mut Steps) -> Result<bool> {
    let mut rest = characters;
    while !rest.is_empty() {
        steps.take(4)?;
        if read(&mut rest) == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a character as SQLite reads it, which takes bytes that are no UTF-8 as well.
fn read(rest: &mut &[u8]) -> u32 {
    let Some((first, tail)) = rest.split_first() else {
        return 0;
    };
    *rest = tail;
    let mut character = u32::from(*first);
    if *first < 0xc0 {
        return character;
    }
    character &= match *first {
        ..0xe0 => 0x1f,
        0xe0..0xf0 => 0x0f,
        0xf0..0xf8 => 0x07,
        0xf8..0xfc => 0x03,
        0xfc..0xfe => 0x01,
        _ => 0,
    };
    while let Some((next, tail)) = rest.split_first()
        && continues(*next)
    {
        *rest = tail;
        character = character << 6 | u32::from(next & 0x3f);
    }
    let is_none = character < 0x80 || character & 0xffff_f800 == 0xd800 || character & 0xffff_fffe == 0xfffe;
    if is_none { 0xfffd } else { character }
}

#[cfg(test)]
mod tests {
    use super::super::plain::evaluate;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use rusqlite::types::{Value, ValueRef};

    /// Values of every type, made of so few characters that they meet; some are no UTF-8.
    fn value() -> impl Strategy<Value = Value> {
        let byte = prop::sample::select(
            [
                b"aab 0Ff-".as_slice(),
                &[0, 0xc3, 0xa9, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0x80, 0xff],
            ]
            .concat(),
        );
        let bytes = prop::collection::vec(byte, 0..12);
        prop_oneof![
            1 => Just(Value::Null),
            1 => (-20_i64..200).prop_map(Value::Integer),
            1 => prop::sample::select(vec![0.5, 1.0, -2.25, 1e300, 0.1]).prop_map(Value::Real),
            5 => bytes.clone().prop_map(Value::Blob),
            // Bytes that are no UTF-8 come as a text by way of a CAST.
            8 => bytes.prop_map(|bytes| Value::Text(String::from_utf8_lossy(&bytes).into_owned())),
        ]
    }

    fn here(sql: &str, values: &[Value]) -> rusqlite::Result<Value> {
        let conn = Connection::open_in_memory()?;
        super::add(&conn, 1_000_000_000)?;
        conn.query_row(sql, rusqlite::params_from_iter(values), |row| row.get(0))
    }

    proptest! {
        #[test]
        fn the_results_are_those_of_sqlite(one in value(), two in value(), three in value()) {
            let texts = "CAST(?1 AS TEXT), CAST(?2 AS TEXT)";
            for call in [
                "instr(?1, ?2)".to_owned(),
                format!("instr({texts})"),
                "replace(?1, ?2, ?3)".to_owned(),
                format!("replace({texts}, ?3)"),
                "trim(?1)".to_owned(),
                "trim(?1, ?2)".to_owned(),
                format!("ltrim({texts})"),
                format!("rtrim({texts})"),
                format!("trim({texts})"),
                "unhex(?1, ?2)".to_owned(),
                format!("unhex({texts})"),
            ] {
                let sql = format!("SELECT hex({call}) || typeof({call}), ?1, ?2, ?3");
                let values = [one.clone(), two.clone(), three.clone()];
                let lent: Vec<ValueRef<'_>> = values.iter().map(ValueRef::from).collect();
                let sqlite = evaluate(&sql, &lent);
                prop_assert_eq!(here(&sql, &values), sqlite, "{}", call);
            }
        }
    }
}
