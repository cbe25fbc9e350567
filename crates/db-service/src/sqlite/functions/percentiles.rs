//! `median`, `percentile` and its kin: SQLite's own sort so that some orders of many values take for ever.

use super::{fault, flags, sqlite_error};
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, ffi};
use sqlite_budget::Charge;

pub(super) fn add(conn: &Connection) -> Result<()> {
    for (name, values, top, discrete) in [
        ("median", 1, 1.0, false),
        ("percentile", 2, 100.0, false),
        ("percentile_cont", 2, 1.0, false),
        ("percentile_disc", 2, 1.0, true),
    ] {
        let percentile = Percentile { name, top, discrete };
        conn.create_window_function(name, values, flags(), percentile)?;
    }
    Ok(())
}

/// One of the functions.
struct Percentile {
    name: &'static str,
    /// What the fraction is a part of.
    top: f64,
    /// Whether the answer is one of the values, and not between two.
    discrete: bool,
}

/// The numbers of a group.
#[derive(Default)]
struct Numbers {
    fraction: Option<f64>,
    values: Vec<f64>,
    sorted: bool,
    /// Whether they are asked for again and again, so that they stay sorted.
    stays_sorted: bool,
    charge: Charge,
}

impl Percentile {
    fn fraction(&self, context: &Context<'_>) -> Result<f64> {
        if context.len() < 2 {
            return Ok(0.5);
        }
        number(context.get_raw(1))
            .map(|fraction| fraction / self.top)
            .filter(|fraction| (0.0..=1.0).contains(fraction))
            .ok_or_else(|| {
                fault(format!(
                    "the fraction argument to {}() is not between 0.0 and {:.1}",
                    self.name, self.top
                ))
            })
    }

    /// The answer of the numbers, when there are some.
    fn answer(&self, numbers: &mut Numbers) -> Option<f64> {
        let last = numbers.values.len().checked_sub(1)?;
        let place = numbers.fraction? * count(last);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the whole part of a place between 0 and the last"
        )]
        let low = (place as usize).min(last);
        let low_number = numbers.at(low);
        if self.discrete {
            return Some(low_number);
        }
        let between = place - count(low);
        let high = if between == 0.0 || low == last {
            low
        } else {
            low + 1
        };
        let high_number = numbers.at(high);
        Some(low_number + (high_number - low_number) * between)
    }
}

impl Numbers {
    /// The number at `place` in their order.
    fn at(&mut self, place: usize) -> f64 {
        if self.stays_sorted {
            self.sort();
        }
        if self.sorted {
            return self.values[place];
        }
        *self.values.select_nth_unstable_by(place, f64::total_cmp).1
    }

    fn sort(&mut self) {
        if !self.sorted {
            self.values.sort_unstable_by(f64::total_cmp);
            self.sorted = true;
        }
    }

    /// Where `number` is, or would be.
    fn place(&self, number: f64) -> std::result::Result<usize, usize> {
        self.values.binary_search_by(|one| one.total_cmp(&number))
    }
}

impl Aggregate<Numbers, Option<f64>> for Percentile {
    fn init(&self, _: &mut Context<'_>) -> Result<Numbers> {
        Ok(Numbers::default())
    }

    fn step(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> Result<()> {
        let fraction = self.fraction(context)?;
        let known = *numbers.fraction.get_or_insert(fraction);
        if (known - fraction).abs() > 0.001 {
            return Err(fault(format!(
                "the fraction argument to {}() is not the same for all input rows",
                self.name
            )));
        }
        let number = match context.get_raw(0) {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(number) => real(number),
            ValueRef::Real(number) => number,
            _ => return Err(fault(format!("input to {}() is not numeric", self.name))),
        };
        if number.is_infinite() {
            return Err(fault(format!("Inf input to {}()", self.name)));
        }
        if numbers.values.len() == numbers.values.capacity() {
            let room = (numbers.values.capacity() * 2).max(64);
            // The old and the new place are there at once for a moment.
            if room > 1_024 && numbers.charge.cover(room * size_of::<f64>()).is_err() {
                return Err(sqlite_error(ffi::SQLITE_NOMEM));
            }
            numbers.values.reserve_exact(room - numbers.values.len());
        }
        if numbers.stays_sorted {
            let place = numbers.place(number).unwrap_or_else(|place| place);
            numbers.values.insert(place, number);
        } else {
            numbers.sorted = numbers.values.is_empty()
                || numbers.sorted && numbers.values.last().is_some_and(|last| number >= *last);
            numbers.values.push(number);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, numbers: Option<Numbers>) -> Result<Option<f64>> {
        Ok(numbers.and_then(|mut numbers| self.answer(&mut numbers)))
    }
}

impl WindowAggregate<Numbers, Option<f64>> for Percentile {
    fn value(&self, numbers: Option<&mut Numbers>) -> Result<Option<f64>> {
        Ok(numbers.and_then(|numbers| {
            numbers.stays_sorted = true;
            numbers.sort();
            self.answer(numbers)
        }))
    }

    fn inverse(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> Result<()> {
        let number = match context.get_raw(0) {
            ValueRef::Integer(number) => real(number),
            ValueRef::Real(number) => number,
            _ => return Ok(()),
        };
        numbers.stays_sorted = true;
        numbers.sort();
        if let Ok(place) = numbers.place(number) {
            numbers.values.remove(place);
        }
        Ok(())
    }
}

/// A number, or a text that is one.
fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(number) => Some(real(number)),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?.trim_ascii();
            let is_plain = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            text.parse().ok().filter(|_| is_plain)
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as SQLite does it")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there is no memory for as many numbers"
)]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::plain::evaluate;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use rusqlite::types::Value;

    proptest! {
        #[test]
        fn the_results_are_those_of_sqlite(
            numbers in prop::collection::vec(prop::option::of(-9_i32..9), 0..12),
            percent in 0_u8..=100,
            frame in 0_u8..4,
        ) {
            let rows: Vec<String> = numbers
                .iter()
                .map(|number| number.map_or("(NULL)".to_owned(), |number| format!("({number} / 4.0)")))
                .collect();
            let rows = if rows.is_empty() { "SELECT 1 WHERE 0".to_owned() } else { format!("VALUES {}", rows.join(",")) };
            let fraction = f64::from(percent) / 100.0;
            for call in [
                "median(x)".to_owned(),
                format!("percentile(x, {percent})"),
                format!("percentile(x, '{percent}')"),
                format!("percentile_cont(x, {fraction})"),
                format!("percentile_disc(x, {fraction})"),
            ] {
                for sql in [
                    format!("WITH t (x) AS ({rows}) SELECT quote({call}) FROM t"),
                    format!(
                        "WITH t (x) AS ({rows}) SELECT group_concat(v) FROM (SELECT quote({call} OVER (
                             ROWS BETWEEN {frame} PRECEDING AND {frame} FOLLOWING)) AS v FROM t)"
                    ),
                ] {
                    let conn = Connection::open_in_memory().expect("a connection");
                    super::add(&conn).expect("the functions");
                    let here: rusqlite::Result<Value> = conn.query_row(&sql, [], |row| row.get(0));
                    prop_assert_eq!(here, evaluate(&sql, &[]), "{}", sql);
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused_in_sqlites_words() {
        let conn = Connection::open_in_memory().expect("a connection");
        super::add(&conn).expect("the functions");

        for sql in [
            "SELECT median('a')",
            "SELECT percentile(1, 101)",
            "SELECT percentile_cont(1, 2)",
            "SELECT percentile_disc(1, 'x')",
            "SELECT percentile(1, NULL)",
            "SELECT median(9e999)",
            "SELECT percentile(column1, column2) FROM (VALUES (1, 50), (2, 60))",
        ] {
            let words = |error: rusqlite::Error| error.to_string().replace(" in SQL", "");
            let here = conn
                .query_row(sql, [], |row| row.get::<_, Value>(0))
                .map_err(words);
            assert_eq!(here, evaluate(sql, &[]).map_err(words), "{sql}");
        }
    }
}
