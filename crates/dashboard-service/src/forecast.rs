//! Forecasts that were kept: what pages read of them.

use crate::answer::{self, NamedAnswer, Row, number, text};
use crate::figure::Outlook;
use crate::filter::Filters;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::table::{Table, shown};
use jiff::ToSpan as _;
use jiff::civil::Date;
use script_client::script_api::{ColumnType, ForecastPoint, ForecastRun};
use script_client::{ScriptClient, ScriptError};
use serde_json::Value;

/// How many kept forecasts are looked through for one that continues the curve.
const LOOKED_THROUGH: &str = "50";

/// The newest forecast of what `filters` choose that begins the day after `to`.
pub(crate) async fn latest(
    script: &ScriptClient,
    filters: &Filters,
    to: Date,
) -> Result<Option<ForecastRun>, ScriptError> {
    let mut query = Vec::new();
    if let Some(region) = &filters.region {
        query.push(("region", region.clone()));
    }
    if let Some(product) = filters.product {
        query.push(("product", product.to_string()));
    }
    let fits = |run: &ForecastRun| {
        run.region == filters.region
            && run.product == filters.product
            && run.category.is_none()
            && run.window.to == to
    };
    let latest = match script.latest_forecast(&query).await {
        Ok(run) => run,
        Err(error) if error.is_refusal() => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = if fits(&latest) {
        latest
    } else {
        query.push(("page_size", LOOKED_THROUGH.to_owned()));
        let history = script.forecasts(&query).await?;
        let Some(kept) = history.forecasts.iter().find(|run| fits(run)) else {
            return Ok(None);
        };
        script.forecast(kept.id).await?
    };
    let first = points(&found).first().map(|point| point.date);
    Ok(Some(found).filter(|_| first.is_some_and(|first| follows(first, to))))
}

/// The values of `run`; none of one in a list.
fn points(run: &ForecastRun) -> &[ForecastPoint] {
    run.points.as_deref().unwrap_or_default()
}

/// The same by the names of their members.
fn rows(run: &ForecastRun) -> Vec<Row> {
    points(run).iter().map(answer::row).collect()
}

/// How many days were forecast.
fn horizon(run: &ForecastRun) -> i64 {
    i64::try_from(run.horizon).unwrap_or(i64::MAX)
}

/// The last day that was forecast.
pub(crate) fn last_day(run: &ForecastRun) -> Date {
    let days = jiff::Span::new().try_days(horizon(run));
    days.map_or(Date::MAX, |days| run.window.to.saturating_add(days))
}

/// The days that were forecast, in words.
pub(crate) fn days(run: &ForecastRun, language: Language) -> String {
    let first = run.window.to.saturating_add(1.day());
    format::period(first, last_day(run), language)
}

/// The same in a table.
pub(crate) fn short_days(run: &ForecastRun) -> String {
    let first = format::short_date(run.window.to.saturating_add(1.day()));
    let last = format::short_date(last_day(run));
    if first == last {
        first
    } else {
        format!("{first} – {last}")
    }
}

/// Which model made it, why that one, and how far it was off before.
pub(crate) fn note(run: &ForecastRun, language: Language) -> String {
    let w = language.words();
    let mut note = w.note_model.replace("{name}", &run.label);
    if run.requested == "auto" {
        note.push_str(w.note_chosen);
    }
    note.push('.');
    let Some(metrics) = &run.metrics else {
        return note;
    };
    let of = |value: Value, kind: ColumnType| shown(&value, kind, language);
    let sentence = if metrics.windows == 1 {
        w.note_error_once
    } else {
        w.note_error
    };
    note.push(' ');
    note.push_str(
        &sentence
            .replace("{windows}", &of(metrics.windows.into(), ColumnType::Integer))
            .replace("{days}", &format::number(horizon(run), 0, language))
            .replace("{share}", &of(metrics.smape.into(), ColumnType::Percent))
            .replace("{}", &of(metrics.mae.into(), ColumnType::Money)),
    );
    note
}

/// Its values as a table.
pub(crate) fn table(run: &ForecastRun, language: Language) -> Table {
    let w = language.words();
    let bound = |side: &str, level: &str| format!("{side} {level}\u{202f}%");
    let (low, high) = (bound(w.lower, "80"), bound(w.upper, "80"));
    let (lowest, highest) = (bound(w.lower, "95"), bound(w.upper, "95"));
    let columns = [
        ("date", w.day, ColumnType::Date),
        ("value", w.forecast, ColumnType::Money),
        ("lower_80", low.as_str(), ColumnType::Money),
        ("upper_80", high.as_str(), ColumnType::Money),
        ("lower_95", lowest.as_str(), ColumnType::Money),
        ("upper_95", highest.as_str(), ColumnType::Money),
    ];
    let rows = rows(run);
    let there = |name: &str| rows.iter().any(|row| row.contains_key(name));
    let columns: Vec<_> = columns.into_iter().filter(|(name, ..)| there(name)).collect();
    Table::from_rows(w.forecast, &columns, &rows, language)
}

/// Its values as a drawing.
pub(crate) fn outlook(run: &ForecastRun, language: Language) -> Outlook {
    let w = language.words();
    let rows = rows(run);
    let column = |name: &str| -> Vec<Value> {
        rows.iter()
            .map(|row| row.get(name).cloned().unwrap_or_default())
            .collect()
    };
    let values = column("value");
    Outlook {
        name: format!("{} {}", w.forecast, run.label),
        interval: w.interval.to_owned(),
        x: column("date"),
        texts: values
            .iter()
            .map(|value| shown(value, ColumnType::Money, language))
            .collect(),
        low: column("lower_80"),
        high: column("upper_80"),
        values,
    }
}

/// Which sales it is of, in words.
pub(crate) fn scope(run: &ForecastRun, products: &NamedAnswer, language: Language) -> String {
    let w = language.words();
    let product = run.product.map(|id| {
        let row = products
            .rows
            .iter()
            .find(|row| number(row, "product_id", 0) == Some(id));
        row.map_or_else(
            || format!("{} {id}", w.product),
            |row| text(row, "name").to_owned(),
        )
    });
    let region = run
        .region
        .as_deref()
        .map(|name| labels::value(name, language).to_owned());
    let parts: Vec<String> = [region, product, run.category.clone()]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        w.all_sales.to_owned()
    } else {
        parts.join(" · ")
    }
}

/// Whether a forecast whose first day is `first` begins where the window ends.
fn follows(first: Date, to: Date) -> bool {
    to.checked_add(1.day()).is_ok_and(|next| next == first)
}
