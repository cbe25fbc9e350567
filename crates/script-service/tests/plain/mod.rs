//! What every built-in analysis says, as plain SQL over `sales`: one file each, to compare with.
//!
//! The files are SQL for SQLite and for `DuckDB` but for days: `{days from X}` stands for all days from X to the end of
//! the window, `{days of M}` for how many days month M has, `{weekday of D}` for its number, Sunday being 0.

use serde_json::Value;
use std::collections::BTreeMap;

/// The analyses and their plain SQL.
pub(crate) const ANALYSES: [(&str, &str); 12] = [
    ("abc", include_str!("abc.sql")),
    ("category", include_str!("category.sql")),
    ("growth", include_str!("growth.sql")),
    ("month", include_str!("month.sql")),
    ("product", include_str!("product.sql")),
    ("region", include_str!("region.sql")),
    ("seasonality", include_str!("seasonality.sql")),
    ("store", include_str!("store.sql")),
    ("summary", include_str!("summary.sql")),
    ("targets", include_str!("targets.sql")),
    ("total", include_str!("total.sql")),
    ("trend", include_str!("trend.sql")),
];

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    DuckDb,
}

/// The days that a question is about, as `YYYY-MM-DD`.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) previous_from: String,
    pub(crate) previous_to: String,
    /// The first and the last day with sales.
    pub(crate) first: String,
    pub(crate) last: String,
    /// Six days before `from`.
    pub(crate) six_days_before: String,
}

/// `sql` about `days` in `dialect`.
pub(crate) fn render(sql: &str, dialect: Dialect, days: &Days) -> String {
    let begins = (&days.from).max(&days.first);
    let ends = (&days.to).min(&days.last);
    let reach = (&days.six_days_before).max(&days.first);
    let comparable = i32::from(days.previous_from >= days.first && days.to <= days.last);
    let mut text = sql.to_owned();
    while let Some((before, rest)) = text.split_once('{') {
        let (placeholder, after) = rest.split_once('}').unwrap_or((rest, ""));
        let expression = |prefix: &str| placeholder.strip_prefix(prefix);
        let written = match (
            dialect,
            expression("days from "),
            expression("days of "),
            expression("weekday of "),
        ) {
            (Dialect::Sqlite, Some(from), ..) => format!(
                "(WITH RECURSIVE each_day (day) AS (SELECT {from} WHERE {from} <= :ends UNION ALL \
                 SELECT DATE(day, '+1 day') FROM each_day WHERE day < :ends) SELECT day FROM each_day)"
            ),
            (Dialect::DuckDb, Some(from), ..) => format!(
                "(SELECT CAST(day AS DATE) AS day FROM generate_series(CAST({from} AS DATE), CAST(:ends AS DATE), \
                 INTERVAL 1 DAY) AS series (day))"
            ),
            (Dialect::Sqlite, _, Some(month), _) => {
                format!("CAST(STRFTIME('%d', DATE({month} || '-01', '+1 month', '-1 day')) AS INTEGER)")
            }
            (Dialect::DuckDb, _, Some(month), _) => format!("DAY(LAST_DAY(CAST({month} || '-01' AS DATE)))"),
            (Dialect::Sqlite, .., Some(day)) => format!("CAST(STRFTIME('%w', {day}) AS INTEGER)"),
            (Dialect::DuckDb, .., Some(day)) => format!("DAYOFWEEK({day})"),
            (_, None, None, None) => placeholder.to_owned(),
        };
        text = format!("{before}{written}{after}");
    }
    for (name, day) in [
        (":previous_from", &days.previous_from),
        (":previous_to", &days.previous_to),
        (":six_days_before", reach),
        (":begins", begins),
        (":ends", ends),
        (":from", &days.from),
        (":to", &days.to),
    ] {
        text = text.replace(name, &format!("'{day}'"));
    }
    text.replace(":comparable", &comparable.to_string())
}

/// Whether an answer of `GET /analysis/{name}` says what `rows` of plain SQL say, to the cent; otherwise how they
/// differ. `rows` are objects, money in cents.
pub(crate) fn same(answer: &Value, rows: &[Value]) -> Result<(), String> {
    let columns = answer["columns"].as_array().ok_or("an answer without columns")?;
    let kinds: BTreeMap<&str, &str> = columns
        .iter()
        .filter_map(|column| Some((column["name"].as_str()?, column["type"].as_str()?)))
        .collect();
    let key = columns
        .first()
        .and_then(|column| column["name"].as_str())
        .unwrap_or_default();
    let answers = answer["rows"].as_array().ok_or("an answer without rows")?;
    if answers.len() != rows.len() {
        return Err(format!(
            "{} rows where plain SQL has {}",
            answers.len(),
            rows.len()
        ));
    }
    for row in rows {
        let found = answers
            .iter()
            .find(|found| rows.len() == 1 || found[key] == row[key])
            .ok_or_else(|| format!("no row for {}", row[key]))?;
        for (name, plain) in row.as_object().ok_or("a row that is no object")? {
            // What is no column of the rows is a figure beside them, an amount.
            let kind = kinds.get(name.as_str()).copied().unwrap_or("money");
            let ours = found.get(name).unwrap_or(&answer[name]);
            if !agree(kind, ours, plain) {
                return Err(format!("{name} of {}: {ours}, by plain SQL {plain}", row[key]));
            }
        }
    }
    Ok(())
}

fn agree(kind: &str, ours: &Value, plain: &Value) -> bool {
    match kind {
        // As plain SQL computes a rate in floats, its last digit may be rounded another way.
        "percent" | "index" => match (ours.as_f64(), plain.as_f64()) {
            (Some(ours), Some(plain)) => (ours - plain).abs() < 0.050_001,
            _ => ours.is_null() && plain.is_null(),
        },
        "money" => match (ours.as_f64(), plain.as_f64()) {
            (Some(ours), Some(cents)) => ours.mul_add(100.0, -cents).abs() < 0.01,
            _ => ours.is_null() && plain.is_null(),
        },
        "boolean" => {
            ours.as_bool()
                == plain
                    .as_bool()
                    .or_else(|| plain.as_i64().map(|number| number != 0))
        }
        _ => ours == plain || ours.as_f64().is_some() && ours.as_f64() == plain.as_f64(),
    }
}
