//! `json_patch` and `jsonb_patch`: SQLite looks for every name of the patch among all names of the target. What that may
//! take is limited; the rest is SQLite's own.

use super::plain::evaluate;
use super::{fault, flags};
use rusqlite::functions::{Context, FunctionFlags, SubType};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

/// How long both values may be, multiplied with each other, in bytes: two of 64 KiB.
const LARGEST_PRODUCT: usize = 1 << 32;
/// What SQLite marks texts with that are JSON.
const JSON: u32 = b'J' as u32;

pub(super) fn add(conn: &Connection) -> Result<()> {
    let flags = flags() | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    conn.create_scalar_function("json_patch", 2, flags, |context| {
        patch(context, "json_patch", "SELECT json_patch(?1, ?2)", Some(JSON))
    })?;
    conn.create_scalar_function("jsonb_patch", 2, flags, |context| {
        patch(context, "jsonb_patch", "SELECT jsonb_patch(?1, ?2)", None)
    })
}

fn patch(context: &Context<'_>, name: &str, sql: &str, subtype: SubType) -> Result<(Value, SubType)> {
    let (target, patch) = (context.get_raw(0), context.get_raw(1));
    let (one, other) = (length(target), length(patch));
    if one.saturating_mul(other) > LARGEST_PRODUCT {
        return Err(fault(format!(
            "{name}() takes a target and a patch whose lengths multiply to at most {LARGEST_PRODUCT} bytes, and these \
             are {one} and {other} bytes long"
        )));
    }
    let patched = evaluate(sql, &[target, patch])?;
    let subtype = subtype.filter(|_| patched != Value::Null);
    Ok((patched, subtype))
}

fn length(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    }
}
