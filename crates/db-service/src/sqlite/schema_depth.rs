//! How deep the objects of a schema build on each other: views on views, triggers that fire triggers, keys that cascade.
//!
//! Whoever reads a view, or writes into a table, makes SQLite compile all that stands behind it, one inside of the other:
//! that takes stack, and time that grows faster than the depth. So a schema is refused that goes too deep, when it is
//! made and when it is there at start.
//!
//! Only names are looked at: what has the name of an object counts as that object. The depth is never told too small.

use super::catalog::lower;
use super::sql_tokens::{Token, tokens};
use rusqlite::{Connection, Result};
use std::collections::{BTreeSet, HashMap};

/// A table, view or trigger.
#[derive(Debug, Clone)]
pub(super) struct Object {
    is_trigger: bool,
    is_view: bool,
    name: String,
    /// The table of a trigger; otherwise its own name.
    table: String,
    sql: String,
}

/// What the schema holds; temporary objects count too.
pub(super) fn read(conn: &Connection) -> Result<Vec<Object>> {
    conn.prepare(
        "SELECT type, name, tbl_name, sql
         FROM (SELECT * FROM main.sqlite_schema UNION ALL SELECT * FROM temp.sqlite_temp_schema)
         WHERE type IN ('table', 'view', 'trigger') AND sql IS NOT NULL",
    )?
    .query_map([], |row| {
        let kind: String = row.get(0)?;
        Ok(Object {
            is_trigger: kind == "trigger",
            is_view: kind == "view",
            name: lower(&row.get::<_, String>(1)?),
            table: lower(&row.get::<_, String>(2)?),
            sql: row.get(3)?,
        })
    })?
    .collect()
}

/// Adds what `sql`, a CREATE or an ALTER, would make.
pub(super) fn add(objects: &mut Vec<Object>, sql: &str) {
    let tokens = tokens(sql);
    if tokens.first().is_some_and(|first| first.is("ALTER")) {
        return alter(objects, &tokens, sql);
    }
    let Some(at) = tokens
        .iter()
        .position(|token| ["TABLE", "VIEW", "TRIGGER"].iter().any(|kind| token.is(kind)))
    else {
        return;
    };
    let (is_trigger, is_view) = (tokens[at].is("TRIGGER"), tokens[at].is("VIEW"));
    let mut rest = &tokens[at + 1..];
    if rest.len() > 3 && rest[0].is("IF") && rest[1].is("NOT") && rest[2].is("EXISTS") {
        rest = &rest[3..];
    }
    let Some(name) = named(rest) else {
        return;
    };
    let on = rest.iter().position(|token| token.is("ON"));
    let table = match on {
        Some(on) if is_trigger => named(&rest[on + 1..]).unwrap_or_default(),
        _ => name.clone(),
    };
    objects.push(Object {
        is_trigger,
        is_view,
        name,
        table,
        sql: sql.to_owned(),
    });
}

/// Adds what an ALTER TABLE makes: a column, or the same table under another name.
fn alter(objects: &mut Vec<Object>, tokens: &[Token<'_>], sql: &str) {
    let Some(table) = tokens.get(2..).and_then(named) else {
        return;
    };
    objects.push(Object {
        is_trigger: false,
        is_view: false,
        name: table.clone(),
        table: table.clone(),
        sql: sql.to_owned(),
    });
    let renamed = tokens
        .windows(3)
        .find(|three| three[0].is("RENAME") && three[1].is("TO"))
        .and_then(|three| three[2].name().map(lower));
    if let Some(new) = renamed {
        // What names it already reaches all that stands behind the table.
        objects.push(Object {
            is_trigger: false,
            is_view: true,
            name: new.clone(),
            table: new,
            sql: format!("\"{}\"", table.replace('"', "\"\"")),
        });
    }
}

/// The name that `tokens` begin with, without that of its schema.
fn named(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [_, Token::Sign('.'), name, ..] | [name, ..] => name.name().map(lower),
        [] => None,
    }
}

/// How many objects stand one behind the other at most. All that lie on circles, or between two of them, count as if
/// they stood behind each other.
pub(super) fn depth(objects: &[Object]) -> u64 {
    let graph = Graph::of(objects);
    let (behind, rest) = peel(&graph.next, vec![true; graph.next.len()]);
    let (before, rest) = peel(&graph.previous(), rest);
    let circles = rest.iter().filter(|left| **left).count();
    let deepest = |depths: &[usize]| depths.iter().copied().max().unwrap_or(0);
    let depth = if circles == 0 {
        deepest(&behind)
    } else {
        deepest(&behind) + circles + deepest(&before)
    };
    depth as u64
}

/// Which object compiles which.
struct Graph {
    next: Vec<BTreeSet<usize>>,
}

impl Graph {
    fn of(objects: &[Object]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for object in objects.iter().filter(|object| !object.is_trigger) {
            let number = numbers.len();
            numbers.entry(&object.name).or_insert(number);
        }
        let mut next = vec![BTreeSet::new(); numbers.len()];
        for object in objects {
            let Some(&own) = numbers.get(object.table.as_str()) else {
                continue;
            };
            let tokens = tokens(&object.sql);
            let names = tokens
                .iter()
                .filter_map(|token| token.name().map(lower))
                .filter_map(|name| numbers.get(name.as_str()).copied())
                .filter(|number| *number != own);
            if object.is_trigger || object.is_view {
                next[own].extend(names);
            } else if tokens.iter().any(|token| token.is("CASCADE") || token.is("SET")) {
                // A change of a table that is referred to goes on in the one that refers to it.
                for parent in names {
                    next[parent].insert(own);
                }
            }
        }
        Self { next }
    }

    fn previous(&self) -> Vec<BTreeSet<usize>> {
        let mut previous = vec![BTreeSet::new(); self.next.len()];
        for (from, all) in self.next.iter().enumerate() {
            for to in all {
                previous[*to].insert(from);
            }
        }
        previous
    }
}

/// Takes away, again and again, what has none of those left after it that `next` names: how long the chain from each is,
/// itself included, 0 for what stays; and what stays.
fn peel(next: &[BTreeSet<usize>], mut left: Vec<bool>) -> (Vec<usize>, Vec<bool>) {
    let mut depths = vec![0; next.len()];
    let mut waits: Vec<usize> = next
        .iter()
        .map(|all| all.iter().filter(|to| left[**to]).count())
        .collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for (from, all) in next.iter().enumerate() {
        for to in all {
            waiting[*to].push(from);
        }
    }
    let mut free: Vec<usize> = (0..next.len())
        .filter(|one| left[*one] && waits[*one] == 0)
        .collect();
    while let Some(one) = free.pop() {
        left[one] = false;
        let longest = next[one].iter().map(|to| depths[*to]).max().unwrap_or(0);
        depths[one] = 1 + longest;
        for before in &waiting[one] {
            waits[*before] = waits[*before].saturating_sub(1);
            if waits[*before] == 0 && left[*before] {
                free.push(*before);
            }
        }
    }
    (depths, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> u64 {
        let mut objects = Vec::new();
        for sql in texts {
            add(&mut objects, sql);
        }
        depth(&objects)
    }

    #[test]
    fn what_builds_on_each_other_is_counted() {
        let table = "CREATE TABLE t (a)";
        let other = "CREATE TABLE IF NOT EXISTS main.[u] (a REFERENCES t ON DELETE CASCADE)";
        for (texts, deep) in [
            (vec![table], 1),
            (vec![table, "CREATE VIEW v AS SELECT * FROM T"], 2),
            (
                vec![
                    table,
                    "CREATE VIEW v AS SELECT * FROM t",
                    "CREATE TEMP VIEW w AS SELECT * FROM \"v\"",
                ],
                3,
            ),
            // A view may be made before what it reads.
            (
                vec!["CREATE VIEW w AS SELECT * FROM v", "CREATE VIEW v AS SELECT 1"],
                2,
            ),
            (vec![table, other], 2),
            (vec![table, "CREATE TABLE u (a REFERENCES t)"], 1),
            (
                vec![
                    table,
                    other,
                    "CREATE TRIGGER g AFTER DELETE ON u BEGIN DELETE FROM x; END",
                    "CREATE TABLE x (a)",
                ],
                3,
            ),
            // On a circle, and before and behind it.
            (
                vec![
                    table,
                    other,
                    "CREATE TRIGGER g AFTER DELETE ON u BEGIN DELETE FROM t; END",
                ],
                2,
            ),
            (
                vec![
                    table,
                    other,
                    "CREATE TRIGGER g AFTER DELETE ON u BEGIN DELETE FROM t; DELETE FROM x; END",
                    "CREATE TABLE x (a)",
                    "CREATE VIEW v AS SELECT * FROM t",
                ],
                4,
            ),
            // Under its new name the table is read by a view.
            (
                vec![
                    "CREATE VIEW a AS SELECT * FROM b",
                    table,
                    other,
                    "ALTER TABLE t RENAME TO b",
                ],
                4,
            ),
            (
                vec![
                    table,
                    "CREATE TABLE u (a)",
                    "ALTER TABLE u ADD COLUMN b REFERENCES t ON DELETE SET NULL",
                ],
                2,
            ),
        ] {
            assert_eq!(of(&texts), deep, "{texts:?}");
        }
    }
}
