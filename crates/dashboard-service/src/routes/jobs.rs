//! Jobs: what was asked for and what became of it.

use crate::App;
use crate::answer::{Kind, Row, Title};
use crate::filter::Query;
use crate::format;
use crate::labels;
use crate::locale::{Locale, Words};
use crate::page::{self, Failure, View, Visit};
use crate::script::{Script, ScriptError};
use crate::table::{Table, shown};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many rejected rows a job's page shows; all of them can be saved.
const REJECTS_SHOWN: usize = 50;

/// The counters of a job, in the order in which they are shown.
const COUNTERS: [&str; 5] = ["read", "inserted", "updated", "unchanged", "rejected"];

#[derive(Debug, Deserialize)]
struct Page {
    jobs: Vec<Job>,
    #[serde(default)]
    next_page_token: Option<String>,
}

/// A job as script-service tells it.
#[derive(Debug, Deserialize)]
struct Job {
    id: i64,
    kind: String,
    state: String,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    finished_at: Option<String>,
    #[serde(default)]
    progress: Value,
    #[serde(default)]
    counters: Value,
    #[serde(default)]
    sources: Vec<Value>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    request: Value,
    #[serde(default)]
    result: Value,
}

/// A job as a line or a page shows it.
struct Shown {
    id: i64,
    kind: String,
    detail: String,
    /// Where what it made is to be seen.
    link: Option<String>,
    state: String,
    words: String,
    created: String,
    finished: String,
    counters: Vec<String>,
    percent: Option<u64>,
    running: bool,
    rejects: bool,
    error: String,
}

impl Job {
    fn shown(&self, locale: Locale) -> Shown {
        Shown {
            id: self.id,
            kind: labels::kind(&self.kind, locale).to_owned(),
            detail: detail(self, locale),
            link: self.result["id"]
                .as_i64()
                .filter(|_| self.kind == "forecast")
                .map(|id| format!("/forecasts/{id}")),
            state: self.state.clone(),
            words: labels::state(&self.state, locale).to_owned(),
            created: self.created_at.as_deref().map(format::time).unwrap_or_default(),
            finished: self.finished_at.as_deref().map(format::time).unwrap_or_default(),
            counters: COUNTERS
                .iter()
                .map(|name| match self.kind.as_str() {
                    "import" => shown(&self.counters[*name], Kind::Integer, locale),
                    _ => String::new(),
                })
                .collect(),
            percent: self.progress["percent"].as_u64(),
            running: matches!(self.state.as_str(), "queued" | "running" | "interrupted"),
            rejects: self.counters["rejected"].as_u64().unwrap_or(0) > 0,
            error: self.error["detail"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsView {
    w: &'static Words,
    jobs: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "jobs_table.html")]
struct JobsTable {
    w: &'static Words,
    jobs: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobView {
    w: &'static Words,
    job: Shown,
    counters: Vec<(&'static str, String)>,
    sources: Vec<Source>,
    notes: Vec<String>,
    rejects: String,
}

/// A file of an import and how it was read.
struct Source {
    name: String,
    decisions: Vec<(String, String)>,
}

/// `GET /jobs?page_token=`: the history, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    visit.answer(history(&app.script, &query, visit.locale).await)
}

async fn history(script: &Script, query: &Query, locale: Locale) -> Result<View, Failure> {
    let token = query.get("page_token").filter(|token| !token.is_empty());
    let asked: Vec<(&str, String)> = token
        .map(|token| ("page_token", token.clone()))
        .into_iter()
        .collect();
    let page: Page = script.get("/jobs", &asked).await?;
    let w = locale.words();
    let jobs: Vec<Shown> = page.jobs.iter().map(|job| job.shown(locale)).collect();
    let html = JobsView {
        w,
        jobs: if jobs.is_empty() {
            String::new()
        } else {
            JobsTable { w, jobs }.render()?
        },
        next: page
            .next_page_token
            .map(|token| url::form_urlencoded::byte_serialize(token.as_bytes()).collect()),
    }
    .render()?;
    Ok(View {
        title: w.jobs.to_owned(),
        html,
        figures: BTreeMap::new(),
    })
}

/// `GET /jobs/{id}`.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    visit.answer(one(&app.script, &id, visit.locale).await)
}

async fn one(script: &Script, id: &str, locale: Locale) -> Result<View, Failure> {
    let w = locale.words();
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let job: Job = script.get(&format!("/jobs/{id}"), &[]).await?;
    let line = job.shown(locale);
    let rejects = if line.rejects {
        rejects(script, id, locale).await?
    } else {
        String::new()
    };
    let labels = [w.read, w.inserted, w.updated_rows, w.unchanged, w.rejected];
    let title = format!("{} {id}", w.job);
    let html = JobView {
        w,
        counters: labels
            .into_iter()
            .zip(line.counters.clone())
            .filter(|(_, count)| !count.is_empty())
            .collect(),
        sources: job.sources.iter().map(|of| source(of, locale)).collect(),
        notes: job.notes,
        rejects,
        job: line,
    }
    .render()?;
    Ok(View {
        title,
        html,
        figures: BTreeMap::new(),
    })
}

async fn rejects(script: &Script, id: i64, locale: Locale) -> Result<String, Failure> {
    let w = locale.words();
    let list: Value = match script.get(&format!("/jobs/{id}/rejects"), &[]).await {
        Ok(list) => list,
        Err(ScriptError::Missing(_)) => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    let rows: Vec<Row> = list["rejects"]
        .as_array()
        .into_iter()
        .flatten()
        .take(REJECTS_SHOWN)
        .filter_map(|reject| reject.as_object().cloned())
        .collect();
    let columns = [
        ("line", "#", Kind::Integer),
        ("code", "Code", Kind::Text),
        ("message", w.why, Kind::Text),
        ("raw", w.read, Kind::Text),
    ];
    Ok(page::table(
        &Table::from_rows(w.rejects, &columns, &rows, locale),
        locale,
    )?)
}

fn source(source: &Value, locale: Locale) -> Source {
    Source {
        name: format!("{} → {}", plain(&source["origin"]), plain(&source["table"])),
        decisions: decided(&source["decisions"], locale),
    }
}

/// What was decided about a source, in words.
fn decided(decisions: &Value, locale: Locale) -> Vec<(String, String)> {
    let terms = labels::terms(locale);
    let term = |name: &str| {
        let known = terms.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| name.replace('_', " "), |(_, term)| (*term).to_owned())
    };
    let facts = ["format", "packing", "encoding"].map(|name| (name, &decisions[name]));
    let dialect = ["delimiter", "skip_lines"].map(|name| (name, &decisions["dialect"][name]));
    let mut lines: Vec<(String, String)> = facts
        .into_iter()
        .chain(dialect)
        .filter(|(_, value)| !value.is_null() && **value != 0)
        .map(|(name, value)| (term(name), plain(value).replace('\t', "tab")))
        .collect();
    for mapped in decisions["mapping"].as_array().into_iter().flatten() {
        if mapped["header"] != mapped["column"] {
            lines.push((
                plain(&mapped["header"]),
                format!("→ {}", plain(&mapped["column"])),
            ));
        }
    }
    for column in decisions["columns"].as_array().into_iter().flatten() {
        let how: Vec<String> = ["decimal", "date_order", "decided_by"]
            .into_iter()
            .filter(|name| !column[*name].is_null())
            .map(|name| term(&plain(&column[name])))
            .collect();
        lines.push((plain(&column["column"]), how.join(", ")));
    }
    lines
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What a job is about: the files of an import, the analyses, the model of a forecast.
fn detail(job: &Job, locale: Locale) -> String {
    const SHOWN: usize = 3;
    let request = &job.request;
    let list = |values: Vec<String>| {
        let more = values.len().saturating_sub(SHOWN);
        let mut text = values[..values.len() - more].join(", ");
        if more > 0 {
            text = format!("{text} (+{more})");
        }
        text
    };
    match job.kind.as_str() {
        "import" => {
            let names = request["sources"].as_array().into_iter().flatten().map(|source| {
                let named = [&source["upload"]["name"], &source["path"], &source["url"]];
                let name = named.into_iter().find_map(Value::as_str);
                name.map_or_else(|| plain(&source["table"]), str::to_owned)
            });
            let names = list(names.collect());
            if request["dry_run"] == true {
                format!("{names} ({})", locale.words().dry_run_mark)
            } else {
                names
            }
        }
        "analysis" => {
            let names = request["analyses"].as_array().into_iter().flatten();
            list(
                names
                    .map(|name| analysis_title(job, &plain(name), locale))
                    .collect(),
            )
        }
        "forecast" => job.result["label"].as_str().map_or_else(
            || labels::model(request["model"].as_str().unwrap_or_default(), locale).to_owned(),
            str::to_owned,
        ),
        _ => String::new(),
    }
}

/// The title of an analysis of `job`, once its answer is there; its name until then.
fn analysis_title(job: &Job, name: &str, locale: Locale) -> String {
    let title: Option<Title> = serde_json::from_value(job.result[name].clone()).ok();
    title.map_or_else(|| name.to_owned(), |title| title.in_locale(locale).to_owned())
}

/// The newest imports, as a table of links; empty when there are none.
pub(crate) async fn recent_imports(script: &Script, locale: Locale) -> Result<String, Failure> {
    let asked = [("kind", "import".to_owned()), ("page_size", "10".to_owned())];
    let page: Page = script.get("/jobs", &asked).await?;
    if page.jobs.is_empty() {
        return Ok(String::new());
    }
    Ok(JobsTable {
        w: locale.words(),
        jobs: page.jobs.iter().map(|job| job.shown(locale)).collect(),
    }
    .render()?)
}
