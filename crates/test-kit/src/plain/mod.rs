//! What every built-in analysis says, as plain SQL over `sales`: one file each, to compare with.
//!
//! The files are SQL for SQLite and for `DuckDB` but for days: what stands in braces is written for either. `{days from
//! X}` stands for all days from X to the end of the window, `{days from X to Y}` for how many days Y is after X, `{N
//! days after D}` and `{N months after D}` for a day, `{month of D}`, `{quarter of D}`, `{year of D}` and `{monday of
//! D}` for the first of those that D is in, `{week of D}` for its ISO week, `{days of M}` for how many days month M
//! has, `{weekday of D}` for its number, Sunday being 0.

#![expect(clippy::expect_used, reason = "a test that cannot read its files has failed")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The analyses and their plain SQL, by name.
pub static ANALYSES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/plain");
    let mut analyses: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the folder of plain SQL")
        .map(|entry| entry.expect("a file of plain SQL").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(&path).expect("plain SQL"))
        })
        .collect();
    analyses.sort();
    analyses
});

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// That of SQLite.
    Sqlite,
    /// That of `DuckDB`.
    DuckDb,
}

/// The days that a question is about, as `YYYY-MM-DD`.
#[derive(Debug, Clone)]
pub struct Days {
    /// The first day of the window.
    pub from: String,
    /// Its last day.
    pub to: String,
    /// The first day of the window before; the last is before it where there is none.
    pub previous_from: String,
    /// The last day of the window before.
    pub previous_to: String,
    /// The end of as many days of the window before as there is data of this one.
    pub previous_to_date: String,
    /// The first day with sales.
    pub first: String,
    /// The last day with sales.
    pub last: String,
    /// Six days before `from`.
    pub six_days_before: String,
}

impl Days {
    /// Whether there is a window before and both lie inside the data.
    fn are_comparable(&self) -> bool {
        self.previous_from <= self.previous_to && self.previous_from >= self.first && self.to <= self.last
    }
}

/// `sql` about `days` in `dialect`.
#[must_use]
pub fn render(sql: &str, dialect: Dialect, days: &Days) -> String {
    let begins = (&days.from).max(&days.first);
    let ends = (&days.to).min(&days.last);
    let reach = (&days.six_days_before).max(&days.first);
    let mut text = sql.to_owned();
    while let Some((before, rest)) = text.split_once('{') {
        let (placeholder, after) = rest.split_once('}').unwrap_or((rest, ""));
        text = format!("{before}{}{after}", write(placeholder, dialect));
    }
    for (name, day) in [
        (":previous_from", &days.previous_from),
        (":previous_to_date", &days.previous_to_date),
        (":previous_to", &days.previous_to),
        (":six_days_before", reach),
        (":begins", begins),
        (":ends", ends),
        (":first", &days.first),
        (":from", &days.from),
        (":to", &days.to),
    ] {
        text = text.replace(name, &format!("'{day}'"));
    }
    text.replace(":comparable", if days.are_comparable() { "1" } else { "0" })
}

/// What stands for `placeholder` in `dialect`.
fn write(placeholder: &str, dialect: Dialect) -> String {
    let after = |prefix: &str| placeholder.strip_prefix(prefix);
    if let Some((from, to)) = after("days from ").and_then(|days| days.split_once(" to ")) {
        return match dialect {
            Dialect::Sqlite => format!("CAST(JULIANDAY({to}) - JULIANDAY({from}) AS INTEGER)"),
            Dialect::DuckDb => format!("DATE_DIFF('day', CAST({from} AS DATE), CAST({to} AS DATE))"),
        };
    }
    if let Some((count, day)) = placeholder.split_once(" days after ") {
        return match dialect {
            Dialect::Sqlite => format!("DATE({day}, ({count}) || ' days')"),
            Dialect::DuckDb => format!("(CAST({day} AS DATE) + CAST({count} AS INTEGER))"),
        };
    }
    if let Some((count, day)) = placeholder.split_once(" months after ") {
        return match dialect {
            Dialect::Sqlite => format!("DATE({day}, ({count}) || ' months')"),
            Dialect::DuckDb => {
                format!("CAST(CAST({day} AS DATE) + TO_MONTHS(CAST({count} AS INTEGER)) AS DATE)")
            }
        };
    }
    let (what, of) = placeholder
        .split_once(" from ")
        .or_else(|| placeholder.split_once(" of "))
        .unwrap_or((placeholder, ""));
    match (dialect, what) {
        (Dialect::Sqlite, "days") if after("days from ").is_some() => format!(
            "(WITH RECURSIVE each_day (day) AS (SELECT {of} WHERE {of} <= :ends UNION ALL \
             SELECT DATE(day, '+1 day') FROM each_day WHERE day < :ends) SELECT day FROM each_day)"
        ),
        (Dialect::DuckDb, "days") if after("days from ").is_some() => format!(
            "(SELECT CAST(day AS DATE) AS day FROM generate_series(CAST({of} AS DATE), CAST(:ends AS DATE), \
             INTERVAL 1 DAY) AS series (day))"
        ),
        (Dialect::Sqlite, "days") => {
            format!("CAST(STRFTIME('%d', DATE({of} || '-01', '+1 month', '-1 day')) AS INTEGER)")
        }
        (Dialect::DuckDb, "days") => format!("DAY(LAST_DAY(CAST({of} || '-01' AS DATE)))"),
        (Dialect::Sqlite, "weekday") => format!("CAST(STRFTIME('%w', {of}) AS INTEGER)"),
        (Dialect::DuckDb, "weekday") => format!("DAYOFWEEK({of})"),
        // The Thursday of a week is in the year that the week counts to.
        (Dialect::Sqlite, "week") => format!(
            "(STRFTIME('%Y', {of}, '-3 days', 'weekday 4') || '-W' || \
             SUBSTR('0' || ((STRFTIME('%j', {of}, '-3 days', 'weekday 4') - 1) / 7 + 1), -2))"
        ),
        (Dialect::DuckDb, "week") => format!("STRFTIME({of}, '%G-W%V')"),
        (Dialect::Sqlite, "monday") => format!("DATE({of}, '-6 days', 'weekday 1')"),
        (Dialect::DuckDb, "monday") => format!("CAST(DATE_TRUNC('week', {of}) AS DATE)"),
        (Dialect::Sqlite, "month") => format!("DATE({of}, 'start of month')"),
        (Dialect::Sqlite, "quarter") => {
            format!("DATE({of}, 'start of month', (-(STRFTIME('%m', {of}) - 1) % 3) || ' months')")
        }
        (Dialect::Sqlite, "year") => format!("DATE({of}, 'start of year')"),
        (Dialect::DuckDb, "month" | "quarter" | "year") => {
            format!("CAST(DATE_TRUNC('{what}', CAST({of} AS DATE)) AS DATE)")
        }
        _ => placeholder.to_owned(),
    }
}

/// Whether an answer of `GET /analysis/{name}` says what `rows` of plain SQL say, to the cent and in the same order;
/// otherwise how they differ. `description` is what `GET /analysis` says of it; `rows` are objects, money in cents,
/// that hold every column and figure of the analysis.
pub fn same(description: &Value, answer: &Value, rows: &[Value]) -> Result<(), String> {
    let list = |member: &str| {
        description[member]
            .as_array()
            .ok_or_else(|| format!("a description without {member}"))
    };
    let (columns, figures) = (list("columns")?, list("figures")?);
    let text = |column: &Value, member: &str| column[member].as_str().unwrap_or_default().to_owned();
    let kinds: BTreeMap<String, (String, bool)> = columns
        .iter()
        .map(|column| (column, false))
        .chain(figures.iter().map(|figure| (figure, true)))
        .map(|(column, is_figure)| (text(column, "name"), (text(column, "type"), is_figure)))
        .collect();
    let answers = answer["rows"].as_array().ok_or("an answer without rows")?;
    if answers.len() != rows.len() {
        return Err(format!(
            "{} rows where plain SQL has {}",
            answers.len(),
            rows.len()
        ));
    }
    for (number, (row, plain)) in answers.iter().zip(rows).enumerate() {
        for (name, (kind, is_figure)) in &kinds {
            let said = plain
                .get(name)
                .ok_or_else(|| format!("plain SQL does not tell {name}"))?;
            let ours = if *is_figure { &answer[name] } else { &row[name] };
            if !agree(kind, ours, said) {
                return Err(format!("{name} in row {number}: {ours}, by plain SQL {said}"));
            }
        }
    }
    Ok(())
}

fn agree(kind: &str, ours: &Value, plain: &Value) -> bool {
    let within = |most: f64, scale: f64| match (ours.as_f64(), plain.as_f64()) {
        (Some(ours), Some(plain)) => ours.mul_add(scale, -plain).abs() < most,
        _ => ours.is_null() && plain.is_null(),
    };
    match kind {
        // As plain SQL computes a rate in floats, its last digit may be rounded another way.
        "percent" | "index" => within(0.050_001, 1.0),
        "number" => within(0.005_001, 1.0),
        "money" => within(0.01, 100.0),
        "boolean" => {
            ours.as_bool()
                == plain
                    .as_bool()
                    .or_else(|| plain.as_i64().map(|number| number != 0))
        }
        _ => ours == plain || ours.as_f64().is_some() && ours.as_f64() == plain.as_f64(),
    }
}
