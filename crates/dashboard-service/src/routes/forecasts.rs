//! Forecasts: what was made, new ones, models compared, and how right past ones were.

use crate::App;
use crate::answer::{self, NamedAnswer, Row};
use crate::figure::{self, Figure, Lines};
use crate::filter::Query;
use crate::forecast;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure, View, Visit};
use crate::table::{Table, shown};
use crate::words::Words;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::ToSpan as _;
use script_client::ScriptClient;
use script_client::script_api::{
    Accuracy, AccuracyPoint, ColumnType, ForecastComparison, ForecastRun, IntervalCoverage, MODELS,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many days before a forecast its page draws.
const DAYS_BEFORE: i64 = 30;

#[derive(Template)]
#[template(path = "forecasts.html")]
struct ForecastsView {
    w: &'static Words,
    models: Vec<Choice>,
    regions: Vec<Choice>,
    products: Vec<Choice>,
    history: Vec<PastForecast>,
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
struct PastForecast {
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
    visit.answer(history(&app.script, visit.language, &query).await)
}

async fn history(script: &ScriptClient, language: Language, query: &Query) -> Result<View, Failure> {
    let w = language.words();
    let page: Vec<(&str, String)> = query
        .get("page_token")
        .filter(|token| !token.is_empty())
        .map(|token| ("page_token", token.clone()))
        .into_iter()
        .collect();
    let all = [("period", "all".to_owned())];
    let (history, products, regions) = tokio::try_join!(
        script.forecasts(&page),
        answer::ask(script, "product", &all),
        answer::ask(script, "region", &all),
    )?;
    let (mut compared, mut compare_failed) = (None, String::new());
    if query.contains_key("compare") {
        match script.compare_forecasts(&[]).await {
            Ok(answer) => {
                let name = labels::model(&answer.chosen, language);
                compared = Some(Compared {
                    note: w.compare_chosen.replace("{name}", name),
                    table: page::table(&comparison(&answer, language), language)?,
                });
            }
            Err(error) if error.is_refusal() || error.is_late() => {
                compare_failed = error.to_string();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let kept = history.forecasts.iter().map(|run| {
        let error = Value::from(run.metrics.as_ref().map(|metrics| metrics.smape));
        PastForecast {
            id: run.id,
            model: run.label.clone(),
            made: run.created_at.clone(),
            when: format::time(&run.created_at),
            days: forecast::short_days(run),
            first: run.window.to.to_string(),
            scope: forecast::scope(run, &products, language),
            error: shown(&error, ColumnType::Percent, language),
            error_sort: error.to_string(),
        }
    });
    let choices = |answer: &NamedAnswer, key: &str, label: &str| -> Vec<Choice> {
        let choice = |row: &Row| Choice {
            value: shown(
                row.get(key).unwrap_or(&Value::Null),
                ColumnType::Text,
                Language::En,
            ),
            label: shown(row.get(label).unwrap_or(&Value::Null), ColumnType::Text, language),
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
                label: labels::model(model, language).to_owned(),
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

/// What a comparison answers, best first; the one to use is marked.
fn comparison(answer: &ForecastComparison, language: Language) -> Table {
    let w = language.words();
    let rows: Vec<Row> = answer
        .candidates
        .iter()
        .map(|candidate| {
            let mut row = answer::row(candidate);
            if let Some(metrics) = &candidate.metrics {
                row.extend(answer::row(metrics));
                for within in &metrics.coverage {
                    row.insert(format!("within_{}", within.level), percent(within));
                }
            }
            let label = labels::model(&candidate.model, language);
            row.insert("label".to_owned(), label.into());
            row
        })
        .collect();
    let within = w.within.replace("{}", "80\u{202f}%");
    let columns = [
        ("label", w.model, ColumnType::Text),
        ("mae", w.mean_error, ColumnType::Money),
        ("rmse", "RMSE", ColumnType::Money),
        ("smape", "sMAPE", ColumnType::Percent),
        ("mase", "MASE", ColumnType::Number),
        ("within_80", within.as_str(), ColumnType::Percent),
        ("error", w.why_not, ColumnType::Text),
    ];
    let failed = rows.iter().any(|row| row.contains_key("error"));
    let columns = &columns[..columns.len() - usize::from(!failed)];
    let mut table = Table::from_rows(w.compare, columns, &rows, language);
    for (line, candidate) in table.rows.iter_mut().zip(&answer.candidates) {
        line.chosen = candidate.model == answer.chosen;
    }
    table
}

/// The share of values within an interval, in percent.
fn percent(within: &IntervalCoverage) -> Value {
    (100.0 * within.share).into()
}

/// `GET /forecasts/{id}`: one forecast, and what came of it.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    visit.answer(one(&app.script, &id, visit.language).await)
}

/// The table of a forecast, as its page shows it.
pub(crate) async fn table(app: &App, visit: &Visit, id: &str) -> Result<Table, Failure> {
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let run = app.script.forecast(id).await?;
    Ok(forecast::table(&run, visit.language))
}

async fn one(script: &ScriptClient, id: &str, language: Language) -> Result<View, Failure> {
    let w = language.words();
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let run = script.forecast(id).await?;
    let all = [("period", "all".to_owned())];
    let around = around(&run);
    let (accuracy, products, trend) = tokio::try_join!(
        script.forecast_accuracy(id),
        answer::ask(script, "product", &all),
        answer::ask(script, "trend", &around),
    )?;
    let came = |point: &&AccuracyPoint| point.actual.is_some();
    let came: Vec<Row> = accuracy.points.iter().filter(came).map(answer::row).collect();
    let title = w
        .forecast_title
        .replace("{}", &id.to_string())
        .replace("{name}", &run.label);
    let html = ForecastView {
        w,
        id,
        title: title.clone(),
        period: format!(
            "{} · {}",
            forecast::days(&run, language),
            forecast::scope(&run, &products, language)
        ),
        note: forecast::note(&run, language),
        warnings: run
            .warnings
            .iter()
            .map(|warning| warning.detail.clone())
            .collect(),
        table: page::table(&forecast::table(&run, language), language)?,
        figures: measured(&accuracy, language),
        accuracy: if came.is_empty() {
            String::new()
        } else {
            page::table(&against(&came, language), language)?
        },
    }
    .render()?;
    let mut actual = figure::series(&trend, "total_sales", ColumnType::Money, language);
    w.actual.clone_into(&mut actual.name);
    let lines = Lines {
        label: title.clone(),
        x: figure::column(&trend, "date"),
        series: vec![actual],
        forecast: Some(forecast::outlook(&run, language)),
    };
    Ok(View {
        title,
        html,
        figures: BTreeMap::from([("forecast".to_owned(), Figure::Lines(lines))]),
    })
}

/// How to ask for the days before a forecast and its own.
fn around(run: &ForecastRun) -> Vec<(&'static str, String)> {
    let to = run.window.to;
    let mut query = vec![
        ("from", to.saturating_sub((DAYS_BEFORE - 1).days()).to_string()),
        ("to", forecast::last_day(run).to_string()),
    ];
    let scope = [
        ("region", run.region.clone()),
        ("product", run.product.map(|id| id.to_string())),
        ("category", run.category.clone()),
    ];
    query.extend(scope.into_iter().filter_map(|(name, value)| Some((name, value?))));
    query
}

/// How right a forecast was so far, as figures with their names; empty while no day has come.
fn measured(accuracy: &Accuracy, language: Language) -> Vec<(String, String)> {
    let w = language.words();
    let Some(metrics) = &accuracy.metrics else {
        return Vec::new();
    };
    let count = |count: u64| shown(&count.into(), ColumnType::Integer, language);
    let mut figures = vec![
        (
            w.days_come.to_owned(),
            format!("{} / {}", count(accuracy.days_come), count(accuracy.days)),
        ),
        (
            w.mean_error.to_owned(),
            shown(&metrics.mae.into(), ColumnType::Money, language),
        ),
        (
            w.mean_error_share.to_owned(),
            shown(&metrics.mape.into(), ColumnType::Percent, language),
        ),
    ];
    for within in &metrics.coverage {
        let level = shown(&within.level.into(), ColumnType::Number, language);
        let level = format!(
            "{}\u{202f}%",
            level.trim_end_matches("00").trim_end_matches([',', '.'])
        );
        figures.push((
            w.within.replace("{}", &level),
            shown(&percent(within), ColumnType::Percent, language),
        ));
    }
    figures
}

/// Forecast days beside what came.
fn against(came: &[Row], language: Language) -> Table {
    let w = language.words();
    let columns = [
        ("date", w.day, ColumnType::Date),
        ("value", w.forecast, ColumnType::Money),
        ("actual", w.actual, ColumnType::Money),
        ("error", w.error, ColumnType::Money),
    ];
    Table::from_rows(w.accuracy, &columns, came, language)
}
