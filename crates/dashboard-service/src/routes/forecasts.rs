//! Forecasts: what was made, new ones, models compared, and how right past ones were.

use super::overview::follows;
use crate::App;
use crate::answer::{Kind, Row, text};
use crate::figure::{Figure, Lines, Outlook, Series};
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
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Models that can be asked for.
const MODELS: [&str; 5] = ["auto", "arima", "prophet", "ets", "seasonal_naive"];

/// A forecast that was kept.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Forecast {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    explanation: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    product: Option<i64>,
    #[serde(default)]
    points: Vec<Row>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Forecast {
    /// The latest forecast of what `filters` choose, when it begins the day after `to`.
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
        let forecast: Self = match script.get("/forecasts/latest", &query).await {
            Ok(forecast) => forecast,
            Err(ScriptError::Missing(_) | ScriptError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let same = forecast.region == filters.region && forecast.product == filters.product;
        Ok(Some(forecast)
            .filter(|forecast| same && forecast.first_day().is_some_and(|first| follows(first, to))))
    }

    fn first_day(&self) -> Option<Date> {
        text(self.points.first()?, "date").parse().ok()
    }

    /// The model with its order or form, for people.
    fn model_name(&self) -> &str {
        self.label.as_deref().or(self.model.as_deref()).unwrap_or("?")
    }

    /// Which model made it, and why that one.
    pub(crate) fn note(&self, locale: Locale) -> String {
        let model = format!("{} : {}", locale.words().model, self.model_name());
        let model = match locale {
            Locale::Fr => model.replace(" :", "\u{a0}:"),
            Locale::En => model.replace(" :", ":"),
        };
        match self.explanation.as_deref().filter(|_| locale == Locale::En) {
            Some(explanation) => format!("{model}. {explanation}"),
            None => model,
        }
    }

    /// Its values as a table.
    pub(crate) fn table(&self, locale: Locale) -> Table {
        let w = locale.words();
        let low = format!("{} 80\u{202f}%", w.lower);
        let high = format!("{} 80\u{202f}%", w.upper);
        let columns = [
            ("date", w.day, Kind::Date),
            ("value", w.forecast, Kind::Money),
            ("lower_80", low.as_str(), Kind::Money),
            ("upper_80", high.as_str(), Kind::Money),
        ];
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
            name: format!("{} {}", w.forecast, self.model_name()),
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

    fn when(&self) -> String {
        let made = self
            .more
            .get("created_at")
            .and_then(Value::as_str)
            .unwrap_or_default();
        format::time(made)
    }
}

#[derive(Debug, Default, Deserialize)]
struct History {
    #[serde(default)]
    forecasts: Vec<Forecast>,
}

#[derive(Template)]
#[template(path = "forecasts.html")]
struct ForecastsView {
    w: &'static Words,
    models: [&'static str; 5],
    history: Vec<Kept>,
    compared: Option<String>,
    compare_failed: String,
}

/// A line of the history.
struct Kept {
    id: i64,
    model: String,
    when: String,
    days: String,
    scope: String,
}

#[derive(Template)]
#[template(path = "forecast.html")]
struct ForecastView {
    w: &'static Words,
    title: String,
    note: String,
    table: String,
    accuracy: String,
}

/// `GET /forecasts?compare=yes`: the history, and the models compared when that is asked for.
pub(crate) async fn list(
    State(app): State<App>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    visit.answer(history(&app.script, visit.locale, query.contains_key("compare")).await)
}

async fn history(script: &Script, locale: Locale, compare: bool) -> Result<View, Failure> {
    let w = locale.words();
    let history: History = match script.get("/forecasts", &[]).await {
        Ok(history) => history,
        // A service without forecasts has no history of them.
        Err(ScriptError::Missing(_)) => History::default(),
        Err(error) => return Err(error.into()),
    };
    let (mut compared, mut compare_failed) = (None, String::new());
    if compare {
        match script.get::<Value>("/forecasts/compare", &[]).await {
            Ok(answer) => compared = Some(page::table(&comparison(&answer, locale), locale)?),
            Err(error @ (ScriptError::Missing(_) | ScriptError::Refused(_) | ScriptError::Slow(_))) => {
                compare_failed = error.to_string();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let kept = history
        .forecasts
        .into_iter()
        .map(|forecast| Kept {
            id: forecast.id.unwrap_or_default(),
            model: forecast.model_name().to_owned(),
            when: forecast.when(),
            days: days(&forecast, locale),
            scope: forecast
                .region
                .clone()
                .unwrap_or_else(|| w.all_regions.to_owned()),
        })
        .collect();
    let html = ForecastsView {
        w,
        models: MODELS,
        history: kept,
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

/// The first and the last day of a forecast, in words.
fn days(forecast: &Forecast, locale: Locale) -> String {
    let day = |point: Option<&Row>| -> Option<Date> { text(point?, "date").parse().ok() };
    if let (Some(first), Some(last)) = (day(forecast.points.first()), day(forecast.points.last())) {
        return format::period(first, last, locale);
    }
    let horizon = forecast.more.get("horizon").unwrap_or(&Value::Null);
    format!(
        "{} {}",
        shown(horizon, Kind::Integer, locale),
        locale.words().window.to_lowercase()
    )
}

/// What a comparison answers, best first. The figures of a model stand beside it or under `metrics`.
fn comparison(answer: &Value, locale: Locale) -> Table {
    let w = locale.words();
    let candidates = ["candidates", "models", "ranking"]
        .into_iter()
        .find_map(|name| answer[name].as_array());
    let rows: Vec<Row> = candidates
        .into_iter()
        .flatten()
        .filter_map(|candidate| {
            let mut row = candidate.as_object()?.clone();
            if let Some(Value::Object(metrics)) = row.get("metrics").cloned() {
                row.extend(metrics);
            }
            if !row.contains_key("label") {
                let model = row.get("model").cloned().unwrap_or_default();
                row.insert("label".to_owned(), model);
            }
            Some(row)
        })
        .collect();
    let columns = [
        ("label", w.model, Kind::Text),
        ("mae", "MAE", Kind::Money),
        ("rmse", "RMSE", Kind::Money),
        ("smape", "sMAPE", Kind::Percent),
        ("mase", "MASE", Kind::Number),
    ];
    Table::from_rows(w.compare, &columns, &rows, locale)
}

/// `GET /forecasts/{id}`: one forecast, and what came of it.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    visit.answer(one(&app.script, &id, visit.locale).await)
}

async fn one(script: &Script, id: &str, locale: Locale) -> Result<View, Failure> {
    let w = locale.words();
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let forecast: Forecast = script.get(&format!("/forecasts/{id}"), &[]).await?;
    let accuracy: Value = match script.get(&format!("/forecasts/{id}/accuracy"), &[]).await {
        Ok(accuracy) => accuracy,
        Err(ScriptError::Missing(_) | ScriptError::Refused(_)) => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let came: Vec<Row> = accuracy["points"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| point.as_object().cloned())
        .filter(|point| point.get("actual").is_some_and(|actual| !actual.is_null()))
        .collect();
    let title = format!("{} {id}: {}", w.forecast, forecast.model_name());
    let html = ForecastView {
        w,
        title: title.clone(),
        note: forecast.note(locale),
        table: page::table(&forecast.table(locale), locale)?,
        accuracy: if came.is_empty() {
            String::new()
        } else {
            page::table(&against(&came, locale), locale)?
        },
    }
    .render()?;
    let mut series = Vec::new();
    if !came.is_empty() {
        let values: Vec<Value> = came
            .iter()
            .map(|row| row.get("actual").cloned().unwrap_or_default())
            .collect();
        series.push(Series {
            name: w.actual.to_owned(),
            texts: values
                .iter()
                .map(|value| shown(value, Kind::Money, locale))
                .collect(),
            values,
        });
    }
    let lines = Lines {
        label: title.clone(),
        x: came
            .iter()
            .map(|row| row.get("date").cloned().unwrap_or_default())
            .collect(),
        series,
        forecast: Some(forecast.outlook(locale)),
    };
    Ok(View {
        title,
        html,
        figures: BTreeMap::from([("forecast".to_owned(), Figure::Lines(lines))]),
    })
}

/// Forecast days beside what came.
fn against(came: &[Row], locale: Locale) -> Table {
    let w = locale.words();
    let value = if came.iter().any(|row| row.contains_key("value")) {
        "value"
    } else {
        "forecast"
    };
    let columns = [
        ("date", w.day, Kind::Date),
        (value, w.forecast, Kind::Money),
        ("actual", w.actual, Kind::Money),
        ("error", w.error, Kind::Money),
    ];
    let mut table = Table::from_rows(w.accuracy, &columns, came, locale);
    if !came.iter().any(|row| row.contains_key("error")) {
        table.columns.pop();
        for line in &mut table.rows {
            line.cells.pop();
        }
    }
    table.caption = labels::column(w.accuracy, locale);
    table
}
