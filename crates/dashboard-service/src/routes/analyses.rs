//! Every analysis that script-service has, the user's own included, each with the chart of its hint.

use crate::App;
use crate::answer::{self, NamedAnswer};
use crate::figure;
use crate::filter::Query;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure, View, Visit};
use crate::table::{Table, shown};
use crate::words::Words;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use script_client::ScriptClient;
use script_client::script_api::{AnalysisColumn, AnalysisDescription, BrokenAnalysis, ColumnType};
use std::collections::BTreeMap;

/// Parts of a query string that are not for the analysis.
const OWN: [&str; 3] = ["format", "_sort", "_order"];

/// What an analysis shows, for people, with the parameters of `query` put in.
fn describe(described: &AnalysisDescription, query: &Query, language: Language) -> Description {
    let translated = described.descriptions.get(language.tag());
    let mut text = translated.unwrap_or(&described.description).to_owned();
    for parameter in &described.parameters {
        let value = query.get(&parameter.name).or(parameter.default.as_ref());
        let value = value.map(String::as_str).unwrap_or_default();
        text = text.replace(&format!("{{{}}}", parameter.name), value);
    }
    Description {
        text,
        language: translated.map_or(Language::En, |_| language).tag(),
    }
}

fn title(described: &AnalysisDescription, language: Language) -> String {
    let translated = described.titles.get(language.tag());
    translated.unwrap_or(&described.title).to_owned()
}

/// What an analysis shows, and in which language that is said.
struct Description {
    text: String,
    language: &'static str,
}

#[derive(Template)]
#[template(path = "analyses.html")]
struct AnalysesView {
    w: &'static Words,
    analyses: Vec<Entry>,
    broken: Vec<String>,
}

struct Entry {
    name: String,
    title: String,
    description: Description,
    own: bool,
}

#[derive(Template)]
#[template(path = "analysis.html")]
struct AnalysisView {
    w: &'static Words,
    name: String,
    title: String,
    description: Description,
    presets: Vec<Preset>,
    period: String,
    from: String,
    to: String,
    fields: Vec<Field>,
    drawn: bool,
    figures: Vec<(String, String)>,
    notes: Vec<String>,
    table: String,
    empty: bool,
    save: String,
}

/// A period that can be chosen.
struct Preset {
    label: &'static str,
    link: String,
    chosen: bool,
}

/// Periods to choose from, the other parameters kept.
fn presets(name: &str, query: &Query, answer: &NamedAnswer, language: Language) -> Vec<Preset> {
    let w = language.words();
    let year = answer
        .days()
        .map_or(String::new(), |(_, to)| to.year().to_string());
    let known = [
        (w.days_7, "last_7_days".to_owned()),
        (w.days_30, "last_30_days".to_owned()),
        (w.days_90, "last_90_days".to_owned()),
        (w.this_month, "month".to_owned()),
        (w.this_year, year),
        (w.everything, "all".to_owned()),
    ];
    known
        .into_iter()
        .filter(|(_, period)| !period.is_empty())
        .map(|(label, period)| {
            let mut link = url::form_urlencoded::Serializer::new(String::new());
            link.append_pair("period", &period);
            let dates = ["period", "from", "to"];
            let others = query
                .iter()
                .filter(|(key, _)| !dates.contains(&key.as_str()) && !OWN.contains(&key.as_str()));
            link.extend_pairs(others);
            Preset {
                label,
                chosen: query.get("period") == Some(&period),
                link: format!("/analyses/{name}?{}", link.finish()),
            }
        })
        .collect()
}

/// A parameter to be filled in.
struct Field {
    name: String,
    label: String,
    value: String,
    /// Whether it is answered with yes or no.
    yes_or_no: bool,
}

/// `GET /analyses`.
pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Response {
    visit.answer(index(&app.script, visit.language).await)
}

async fn index(script: &ScriptClient, language: Language) -> Result<View, Failure> {
    let catalogue = script.analyses().await?;
    let w = language.words();
    let html = AnalysesView {
        w,
        analyses: catalogue
            .analyses
            .into_iter()
            .map(|described| Entry {
                title: title(&described, language),
                description: describe(&described, &Query::new(), language),
                own: !described.built_in,
                name: described.name,
            })
            .collect(),
        broken: catalogue.broken.iter().map(fault).collect(),
    }
    .render()?;
    Ok(View {
        title: w.analyses.to_owned(),
        html,
        figures: BTreeMap::new(),
    })
}

/// A file that is no analysis, and why, in one line.
fn fault(broken: &BrokenAnalysis) -> String {
    let errors = broken
        .errors
        .iter()
        .map(|error| format!("{}: {}", error.line, error.message));
    std::iter::once(broken.file.clone())
        .chain(errors)
        .collect::<Vec<_>>()
        .join(" · ")
}

/// `GET /analyses/{name}` with its parameters in the query string.
pub(crate) async fn get(
    State(app): State<App>,
    Path(name): Path<String>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    visit.answer(one(&app.script, &name, &query, visit.language).await)
}

/// The table of an analysis, as its page shows it.
pub(crate) async fn table(app: &App, visit: &Visit, query: &Query, name: &str) -> Result<Table, Failure> {
    let answer = compute(&app.script, name, query).await?;
    Ok(Table::of(&answer, &[], visit.language))
}

async fn compute(script: &ScriptClient, name: &str, query: &Query) -> Result<NamedAnswer, Failure> {
    let asked: Vec<(&str, String)> = query
        .iter()
        .filter(|(key, value)| !OWN.contains(&key.as_str()) && !value.trim().is_empty())
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    Ok(answer::ask(script, name, &asked).await?)
}

async fn one(script: &ScriptClient, name: &str, query: &Query, language: Language) -> Result<View, Failure> {
    let w = language.words();
    let catalogue = script.analyses().await?;
    let described = catalogue
        .analyses
        .into_iter()
        .find(|described| described.name == name)
        .ok_or(Failure::Missing)?;
    let answer = compute(script, name, query).await?;
    let table = Table::of(&answer, &[], language);
    let figure = described
        .chart
        .as_ref()
        .and_then(|hint| figure::by_hint(&answer, hint, language));
    let figure = figure.filter(|_| !answer.rows.is_empty());
    let title = title(&described, language);
    let description = describe(&described, query, language);
    let fields = described.parameters.into_iter().map(|parameter| {
        let default = parameter.default.unwrap_or_default();
        Field {
            label: if let Some(translated) = parameter.descriptions.get(language.tag()) {
                translated.clone()
            } else if parameter.description.is_empty() {
                labels::column(&parameter.name, language)
            } else {
                parameter.description
            },
            yes_or_no: parameter.kind == ColumnType::Boolean,
            value: query.get(&parameter.name).cloned().unwrap_or(default),
            name: parameter.name,
        }
    });
    let known = described
        .figures
        .iter()
        .map(|figure| (figure.name.as_str(), figure.kind));
    let figures = known
        .chain(unlisted(&answer, &described.figures))
        .filter_map(|(name, kind)| {
            let value = answer.figures.get(name).filter(|value| !value.is_null())?;
            Some((labels::column(name, language), shown(value, kind, language)))
        })
        .collect();
    let save = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query.iter().filter(|(key, _)| !OWN.contains(&key.as_str())))
        .finish();
    let html = AnalysisView {
        w,
        name: name.to_owned(),
        title: title.clone(),
        description,
        presets: presets(name, query, &answer, language),
        period: answer
            .days()
            .map_or_else(String::new, |(from, to)| format::period(from, to, language)),
        from: answer.window.from.map(|day| day.to_string()).unwrap_or_default(),
        to: answer.window.to.map(|day| day.to_string()).unwrap_or_default(),
        fields: fields.collect(),
        drawn: figure.is_some(),
        figures,
        notes: answer.notes.clone(),
        empty: answer.rows.is_empty(),
        table: page::table(&table, language)?,
        save: if save.is_empty() { save } else { format!("&{save}") },
    }
    .render()?;
    Ok(View {
        title,
        html,
        figures: figure
            .map(|figure| ("chart".to_owned(), figure))
            .into_iter()
            .collect(),
    })
}

/// Numbers beside the rows that the catalogue does not describe.
fn unlisted<'a>(answer: &'a NamedAnswer, listed: &[AnalysisColumn]) -> Vec<(&'a str, ColumnType)> {
    let numbers = answer
        .figures
        .iter()
        .filter(|(name, value)| value.is_number() && !listed.iter().any(|column| column.name == **name));
    numbers
        .map(|(name, _)| {
            let kind = match name.as_str() {
                "weekend_uplift" | "total_growth" => ColumnType::Percent,
                "gross_revenue" | "returns" => ColumnType::Money,
                _ => ColumnType::Number,
            };
            let whole = answer.figures[name].is_i64() && kind == ColumnType::Number;
            (name.as_str(), if whole { ColumnType::Integer } else { kind })
        })
        .collect()
}
