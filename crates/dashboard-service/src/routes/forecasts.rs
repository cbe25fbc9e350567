//! Forecasts: what was made, new ones, models compared, and how right past ones were.

use super::overview::follows;
use crate::App;
use crate::answer::{Answer, Kind, Row, number, text};
use crate::figure::{self, Figure, Lines, Outlook};
use crate::filter::{Filters, Query};
use crate::format;
use crate::labels;
use crate::locale::{Locale, Words};
use crate::page::{self, Failure, View, Visit};
use crate::script::{Script, ScriptError};
use crate::table::{Table, shown};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Models that can be asked for.
const MODELS: [&str; 9] = [
    "auto",
    "arima",
    "sarima",
    "auto_arima",
    "prophet",
    "ets",
    "mstl",
    "seasonal_naive",
    "naive",
];

/// How many days before a forecast its page draws.
const DAYS_BEFORE: i64 = 30;

/// How many kept forecasts are looked through for one that continues the curve.
const LOOKED_THROUGH: &str = "50";

/// A forecast that was kept.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Forecast {
    id: i64,
    requested: String,
    label: String,
    horizon: i64,
    window: Window,
    region: Option<String>,
    product: Option<i64>,
    category: Option<String>,
    #[serde(default)]
    metrics: Option<Map<String, Value>>,
    #[serde(default)]
    warnings: Vec<Warned>,
    created_at: String,
    /// Left out in lists.
    #[serde(default)]
    points: Vec<Row>,
}

/// The days that a forecast was made from.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Window {
    to: Date,
}

#[derive(Debug, Clone, Deserialize)]
struct Warned {
    detail: String,
}

#[derive(Debug, Deserialize)]
struct History {
    forecasts: Vec<Forecast>,
    next_page_token: Option<String>,
}

impl Forecast {
    /// The newest forecast of what `filters` choose that begins the day after `to`.
    pub(crate) async fn latest(
        script: &Script,
        filters: &Filters,
        to: Date,
    ) -> Result<Option<Self>, ScriptError> {
        let mut query = Vec::new();
        if let Some(region) = &filters.region {
            query.push(("region", region.clone()));
        }
        if let Some(product) = filters.product {
            query.push(("product", product.to_string()));
        }
        let fits = |forecast: &Self| {
            forecast.region == filters.region
                && forecast.product == filters.product
                && forecast.category.is_none()
                && forecast.window.to == to
        };
        let latest: Self = match script.get("/forecasts/latest", &query).await {
            Ok(forecast) => forecast,
            Err(ScriptError::Missing(_) | ScriptError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = if fits(&latest) {
            latest
        } else {
            query.push(("page_size", LOOKED_THROUGH.to_owned()));
            let history: History = script.get("/forecasts", &query).await?;
            let Some(kept) = history.forecasts.iter().find(|forecast| fits(forecast)) else {
                return Ok(None);
            };
            script.get(&format!("/forecasts/{}", kept.id), &[]).await?
        };
        Ok(Some(found).filter(|forecast| forecast.first_day().is_some_and(|first| follows(first, to))))
    }

    fn first_day(&self) -> Option<Date> {
        text(self.points.first()?, "date").parse().ok()
    }

    /// The days that were forecast, in words.
    fn days(&self, locale: Locale) -> String {
        let first = self.window.to.saturating_add(1.day());
        format::period(first, self.window.to.saturating_add(self.horizon.days()), locale)
    }

    /// The same in a table.
    fn short_days(&self) -> String {
        let first = format::short_date(self.window.to.saturating_add(1.day()));
        let last = format::short_date(self.window.to.saturating_add(self.horizon.days()));
        if first == last {
            first
        } else {
            format!("{first} – {last}")
        }
    }

    /// Which model made it, why that one, and how far it was off before.
    pub(crate) fn note(&self, locale: Locale) -> String {
        let w = locale.words();
        let mut note = w.note_model.replace("{name}", &self.label);
        if self.requested == "auto" {
            note.push_str(w.note_chosen);
        }
        note.push('.');
        let Some(metrics) = &self.metrics else {
            return note;
        };
        let of = |name: &str, kind: Kind| shown(metrics.get(name).unwrap_or(&Value::Null), kind, locale);
        let sentence = if metrics.get("windows") == Some(&Value::from(1)) {
            w.note_error_once
        } else {
            w.note_error
        };
        note.push(' ');
        note.push_str(
            &sentence
                .replace("{windows}", &of("windows", Kind::Integer))
                .replace("{days}", &format::number(self.horizon, 0, locale))
                .replace("{share}", &of("smape", Kind::Percent))
                .replace("{}", &of("mae", Kind::Money)),
        );
        note
    }

    /// Its values as a table.
    pub(crate) fn table(&self, locale: Locale) -> Table {
        let w = locale.words();
        let bound = |side: &str, level: &str| format!("{side} {level}\u{202f}%");
        let (low, high) = (bound(w.lower, "80"), bound(w.upper, "80"));
        let (lowest, highest) = (bound(w.lower, "95"), bound(w.upper, "95"));
        let columns = [
            ("date", w.day, Kind::Date),
            ("value", w.forecast, Kind::Money),
            ("lower_80", low.as_str(), Kind::Money),
            ("upper_80", high.as_str(), Kind::Money),
            ("lower_95", lowest.as_str(), Kind::Money),
            ("upper_95", highest.as_str(), Kind::Money),
        ];
        let there = |name: &str| self.points.iter().any(|point| point.contains_key(name));
        let columns: Vec<_> = columns.into_iter().filter(|(name, ..)| there(name)).collect();
        Table::from_rows(w.forecast, &columns, &self.points, locale)
    }

    /// Its values as a drawing.
    pub(crate) fn outlook(&self, locale: Locale) -> Outlook {
        let w = locale.words();
        let column = |name: &str| -> Vec<Value> {
            self.points
                .iter()
                .map(|point| point.get(name).cloned().unwrap_or_default())
                .collect()
        };
        let values = column("value");
        Outlook {
            name: format!("{} {}", w.forecast, self.label),
            interval: w.interval.to_owned(),
            x: column("date"),
            texts: values
                .iter()
                .map(|value| shown(value, Kind::Money, locale))
                .collect(),
            low: column("lower_80"),
            high: column("upper_80"),
            values,
        }
    }

    /// Which sales it is of, in words.
    fn scope(&self, products: &Answer, locale: Locale) -> String {
        let w = locale.words();
        let product = self.product.map(|id| {
            let row = products
                .rows
                .iter()
                .find(|row| number(row, "product_id", 0) == Some(id));
            row.map_or_else(
                || format!("{} {id}", w.product),
                |row| text(row, "name").to_owned(),
            )
        });
        let region = self
            .region
            .as_deref()
            .map(|name| labels::value(name, locale).to_owned());
        let parts: Vec<String> = [region, product, self.category.clone()]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            w.all_sales.to_owned()
        } else {
            parts.join(" · ")
        }
    }
}

#[derive(Template)]
#[template(path = "forecasts.html")]
struct ForecastsView {
    w: &'static Words,
    models: Vec<Choice>,
    regions: Vec<Choice>,
    products: Vec<Choice>,
    history: Vec<Kept>,
    next: Option<String>,
    compared: Option<Compared>,
    compare_failed: String,
}

/// Something that can be chosen.
struct Choice {
    value: String,
    label: String,
}

/// Models compared, best first.
struct Compared {
    note: String,
    table: String,
}

/// A line of the history.
struct Kept {
    id: i64,
    model: String,
    made: String,
    when: String,
    days: String,
    first: String,
    scope: String,
    error: String,
    error_sort: String,
}

#[derive(Template)]
#[template(path = "forecast.html")]
struct ForecastView {
    w: &'static Words,
    id: i64,
    title: String,
    period: String,
    note: String,
    warnings: Vec<String>,
    table: String,
    figures: Vec<(String, String)>,
    accuracy: String,
}

/// `GET /forecasts?compare=yes&page_token=`: the history, and the models compared when that is asked for.
pub(crate) async fn list(
    State(app): State<App>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    visit.answer(history(&app.script, visit.locale, &query).await)
}

async fn history(script: &Script, locale: Locale, query: &Query) -> Result<View, Failure> {
    let w = locale.words();
    let page: Vec<(&str, String)> = query
        .get("page_token")
        .filter(|token| !token.is_empty())
        .map(|token| ("page_token", token.clone()))
        .into_iter()
        .collect();
    let all = [("period", "all".to_owned())];
    let (history, products, regions) = tokio::try_join!(
        script.get::<History>("/forecasts", &page),
        script.get::<Answer>("/analysis/product", &all),
        script.get::<Answer>("/analysis/region", &all),
    )?;
    let (mut compared, mut compare_failed) = (None, String::new());
    if query.contains_key("compare") {
        match script.get::<Value>("/forecasts/compare", &[]).await {
            Ok(answer) => {
                compared = Some(Compared {
                    note: chosen(&answer, locale),
                    table: page::table(&comparison(&answer, locale), locale)?,
                });
            }
            Err(error @ (ScriptError::Missing(_) | ScriptError::Refused(_) | ScriptError::Slow(_))) => {
                compare_failed = error.to_string();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let kept = history.forecasts.iter().map(|forecast| {
        let error = forecast.metrics.as_ref().and_then(|metrics| metrics.get("smape"));
        let error = error.unwrap_or(&Value::Null);
        Kept {
            id: forecast.id,
            model: forecast.label.clone(),
            made: forecast.created_at.clone(),
            when: format::time(&forecast.created_at),
            days: forecast.short_days(),
            first: forecast.window.to.to_string(),
            scope: forecast.scope(&products, locale),
            error: shown(error, Kind::Percent, locale),
            error_sort: error.to_string(),
        }
    });
    let choices = |answer: &Answer, key: &str, label: &str| -> Vec<Choice> {
        let choice = |row: &Row| Choice {
            value: shown(row.get(key).unwrap_or(&Value::Null), Kind::Text, Locale::En),
            label: shown(row.get(label).unwrap_or(&Value::Null), Kind::Text, locale),
        };
        answer.rows.iter().map(choice).collect()
    };
    let mut regions = choices(&regions, "region", "region");
    regions.sort_by(|a, b| a.label.cmp(&b.label));
    let html = ForecastsView {
        w,
        models: MODELS
            .into_iter()
            .map(|model| Choice {
                value: model.to_owned(),
                label: labels::model(model, locale).to_owned(),
            })
            .collect(),
        regions,
        products: choices(&products, "product_id", "name"),
        history: kept.collect(),
        next: history
            .next_page_token
            .map(|token| url::form_urlencoded::byte_serialize(token.as_bytes()).collect()),
        compared,
        compare_failed,
    }
    .render()?;
    Ok(View {
        title: w.forecasts.to_owned(),
        html,
        figures: BTreeMap::new(),
    })
}

/// Which model of a comparison is the one to use.
fn chosen(answer: &Value, locale: Locale) -> String {
    let model = answer["chosen"].as_str().unwrap_or_default();
    locale
        .words()
        .compare_chosen
        .replace("{name}", labels::model(model, locale))
}

/// What a comparison answers, best first; the one to use is marked.
fn comparison(answer: &Value, locale: Locale) -> Table {
    let w = locale.words();
    let rows: Vec<Row> = answer["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|candidate| {
            let mut row = candidate.as_object()?.clone();
            if let Some(Value::Object(metrics)) = row.get("metrics").cloned() {
                row.extend(metrics);
            }
            for within in row["coverage"].as_array().cloned().into_iter().flatten() {
                let share = within["share"].as_f64().map(|share| 100.0 * share);
                row.insert(format!("within_{}", within["level"]), share.into());
            }
            let label = labels::model(row.get("model")?.as_str()?, locale);
            row.insert("label".to_owned(), label.into());
            Some(row)
        })
        .collect();
    let within = w.within.replace("{}", "80\u{202f}%");
    let columns = [
        ("label", w.model, Kind::Text),
        ("mae", w.mean_error, Kind::Money),
        ("rmse", "RMSE", Kind::Money),
        ("smape", "sMAPE", Kind::Percent),
        ("mase", "MASE", Kind::Number),
        ("within_80.0", within.as_str(), Kind::Percent),
        ("error", w.why_not, Kind::Text),
    ];
    let failed = rows.iter().any(|row| row.contains_key("error"));
    let columns = &columns[..columns.len() - usize::from(!failed)];
    let mut table = Table::from_rows(w.compare, columns, &rows, locale);
    for (line, row) in table.rows.iter_mut().zip(&rows) {
        line.chosen = row.get("model") == Some(&answer["chosen"]);
    }
    table
}

/// `GET /forecasts/{id}`: one forecast, and what came of it.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    visit.answer(one(&app.script, &id, visit.locale).await)
}

/// The table of a forecast, as its page shows it.
pub(crate) async fn table(app: &App, visit: &Visit, id: &str) -> Result<Table, Failure> {
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let forecast: Forecast = app.script.get(&format!("/forecasts/{id}"), &[]).await?;
    Ok(forecast.table(visit.locale))
}

async fn one(script: &Script, id: &str, locale: Locale) -> Result<View, Failure> {
    let w = locale.words();
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let forecast: Forecast = script.get(&format!("/forecasts/{id}"), &[]).await?;
    let path = format!("/forecasts/{id}/accuracy");
    let all = [("period", "all".to_owned())];
    let around = around(&forecast);
    let (accuracy, products, trend) = tokio::try_join!(
        script.get::<Value>(&path, &[]),
        script.get::<Answer>("/analysis/product", &all),
        script.get::<Answer>("/analysis/trend", &around),
    )?;
    let came: Vec<Row> = accuracy["points"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| point.as_object().cloned())
        .filter(|point| point.get("actual").is_some_and(|actual| !actual.is_null()))
        .collect();
    let title = w
        .forecast_title
        .replace("{}", &id.to_string())
        .replace("{name}", &forecast.label);
    let html = ForecastView {
        w,
        id,
        title: title.clone(),
        period: format!(
            "{} · {}",
            forecast.days(locale),
            forecast.scope(&products, locale)
        ),
        note: forecast.note(locale),
        warnings: forecast
            .warnings
            .iter()
            .map(|warned| warned.detail.clone())
            .collect(),
        table: page::table(&forecast.table(locale), locale)?,
        figures: measured(&accuracy, locale),
        accuracy: if came.is_empty() {
            String::new()
        } else {
            page::table(&against(&came, locale), locale)?
        },
    }
    .render()?;
    let mut actual = figure::series(&trend, "total_sales", Kind::Money, locale);
    w.actual.clone_into(&mut actual.name);
    let lines = Lines {
        label: title.clone(),
        x: figure::column(&trend, "date"),
        series: vec![actual],
        forecast: Some(forecast.outlook(locale)),
    };
    Ok(View {
        title,
        html,
        figures: BTreeMap::from([("forecast".to_owned(), Figure::Lines(lines))]),
    })
}

/// How to ask for the days before a forecast and its own.
fn around(forecast: &Forecast) -> Vec<(&'static str, String)> {
    let to = forecast.window.to;
    let mut query = vec![
        ("from", to.saturating_sub((DAYS_BEFORE - 1).days()).to_string()),
        ("to", to.saturating_add(forecast.horizon.days()).to_string()),
    ];
    let scope = [
        ("region", forecast.region.clone()),
        ("product", forecast.product.map(|id| id.to_string())),
        ("category", forecast.category.clone()),
    ];
    query.extend(scope.into_iter().filter_map(|(name, value)| Some((name, value?))));
    query
}

/// How right a forecast was so far, as figures with their names; empty while no day has come.
fn measured(accuracy: &Value, locale: Locale) -> Vec<(String, String)> {
    let w = locale.words();
    let metrics = &accuracy["metrics"];
    if metrics.is_null() {
        return Vec::new();
    }
    let count = |name: &str| shown(&accuracy[name], Kind::Integer, locale);
    let mut figures = vec![
        (
            w.days_come.to_owned(),
            format!("{} / {}", count("days_come"), count("days")),
        ),
        (
            w.mean_error.to_owned(),
            shown(&metrics["mae"], Kind::Money, locale),
        ),
        (
            w.mean_error_share.to_owned(),
            shown(&metrics["mape"], Kind::Percent, locale),
        ),
    ];
    for within in metrics["coverage"].as_array().into_iter().flatten() {
        let level = shown(&within["level"], Kind::Number, locale);
        let level = format!(
            "{}\u{202f}%",
            level.trim_end_matches("00").trim_end_matches([',', '.'])
        );
        let share = within["share"].as_f64().map(|share| 100.0 * share);
        figures.push((
            w.within.replace("{}", &level),
            shown(&share.into(), Kind::Percent, locale),
        ));
    }
    figures
}

/// Forecast days beside what came.
fn against(came: &[Row], locale: Locale) -> Table {
    let w = locale.words();
    let columns = [
        ("date", w.day, Kind::Date),
        ("value", w.forecast, Kind::Money),
        ("actual", w.actual, Kind::Money),
        ("error", w.error, Kind::Money),
    ];
    Table::from_rows(w.accuracy, &columns, came, locale)
}
