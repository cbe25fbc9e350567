//! Jobs: what was asked for and what became of it.

use super::report;
use crate::App;
use crate::answer::{Row, Title};
use crate::filter::Query;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure, View, Visit};
use crate::reasons;
use crate::table::{Table, shown};
use crate::words::Words;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use script_client::ScriptClient;
use script_client::script_api::{
    AnalysisRequest, ColumnType, Counters, Decisions, ForecastRequest, ImportRequest, Job, JobKind, JobSource,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many rejected rows a job's page shows; all of them can be saved.
const REJECTS_SHOWN: usize = 50;

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

/// `job` as a line or a page shows it.
fn line(job: &Job, language: Language) -> Shown {
    let Counters {
        read,
        inserted,
        updated,
        moved: _,
        unchanged,
        rejected,
        skipped: _,
        warnings: _,
    } = job.counters;
    let counters = [read, inserted, updated, unchanged, rejected];
    let (kind, state) = (job.kind.as_str(), job.state.as_str());
    Shown {
        id: job.id,
        kind: labels::kind(kind, language).to_owned(),
        detail: detail(job, language),
        link: job
            .forecast_id()
            .filter(|_| job.kind == JobKind::Forecast)
            .map(|id| format!("/forecasts/{id}")),
        state: state.to_owned(),
        words: labels::state(state, language).to_owned(),
        created: format::time(&job.created_at),
        finished: job.finished_at.as_deref().map(format::time).unwrap_or_default(),
        counters: counters
            .into_iter()
            .map(|count| match job.kind {
                JobKind::Import => shown(&count.into(), ColumnType::Integer, language),
                JobKind::Analysis | JobKind::Forecast | JobKind::Undo => String::new(),
            })
            .collect(),
        percent: job.progress.percent,
        running: !job.state.is_final(),
        rejects: rejected > 0,
        error: job.problem().map(|problem| problem.detail).unwrap_or_default(),
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
    report: String,
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
    visit.answer(history(&app.script, &query, visit.language).await)
}

async fn history(script: &ScriptClient, query: &Query, language: Language) -> Result<View, Failure> {
    let token = query.get("page_token").filter(|token| !token.is_empty());
    let asked: Vec<(&str, String)> = token
        .map(|token| ("page_token", token.clone()))
        .into_iter()
        .collect();
    let page = script.jobs(&asked).await?;
    let w = language.words();
    let jobs: Vec<Shown> = page.jobs.iter().map(|job| line(job, language)).collect();
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
    visit.answer(one(&app.script, &id, visit.language).await)
}

async fn one(script: &ScriptClient, id: &str, language: Language) -> Result<View, Failure> {
    let w = language.words();
    let id: i64 = id.parse().map_err(|_| Failure::Missing)?;
    let job = script.job(id).await?;
    let line = line(&job, language);
    let rejects = if line.rejects {
        rejects(script, id, language).await?
    } else {
        String::new()
    };
    let report = if job.kind == JobKind::Import && job.state.is_final() {
        report::section(script, &job, language).await?
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
        sources: job.sources.iter().map(|of| source(of, language)).collect(),
        notes: job.notes,
        rejects,
        report,
        job: line,
    }
    .render()?;
    Ok(View {
        title,
        html,
        figures: BTreeMap::new(),
    })
}

async fn rejects(script: &ScriptClient, id: i64, language: Language) -> Result<String, Failure> {
    let w = language.words();
    let list = match script.reject_list(id).await {
        Ok(list) => list,
        Err(error) if error.is_not_found() => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    let rows: Vec<Row> = list
        .rejects
        .into_iter()
        .take(REJECTS_SHOWN)
        .map(|reject| {
            Row::from_iter([
                ("line".to_owned(), reject.line.into()),
                ("code".to_owned(), reject.code.into()),
                ("message".to_owned(), reject.message.into()),
                ("raw".to_owned(), reject.raw.into()),
            ])
        })
        .collect();
    let columns = [
        ("line", "#", ColumnType::Integer),
        ("code", "Code", ColumnType::Text),
        ("message", w.why, ColumnType::Text),
        ("raw", w.read, ColumnType::Text),
    ];
    Ok(page::table(
        &Table::from_rows(w.rejects, &columns, &rows, language),
        language,
    )?)
}

fn source(source: &JobSource, language: Language) -> Source {
    let decisions = source.decisions.as_ref();
    Source {
        name: format!("{} → {}", source.origin, source.table),
        decisions: decisions.map_or_else(Vec::new, |decisions| decided(decisions, language)),
    }
}

/// What was decided about a source, in words.
fn decided(decisions: &Decisions, language: Language) -> Vec<(String, String)> {
    let terms = labels::terms(language);
    let term = |name: &str| {
        let known = terms.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| name.replace('_', " "), |(_, term)| (*term).to_owned())
    };
    let part = |name: &str| {
        let known = reasons::of(&reasons::PARTS, name, language);
        known.map_or_else(|| name.replace('_', " "), str::to_owned)
    };
    let dialect = decisions.dialect.as_ref();
    let facts = [
        ("format", Some(choice(decisions.format))),
        ("packing", decisions.packing.clone()),
        ("encoding", Some(decisions.encoding.clone())),
        ("delimiter", dialect.map(|dialect| dialect.delimiter.to_string())),
        (
            "skip_lines",
            dialect
                .filter(|dialect| dialect.skip_lines > 0)
                .map(|dialect| dialect.skip_lines.to_string()),
        ),
    ];
    let mut lines: Vec<(String, String)> = facts
        .into_iter()
        .filter_map(|(name, value)| Some((term(name), value?.replace('\t', "tab"))))
        .collect();
    for mapped in &decisions.mapping {
        if mapped.header != mapped.column {
            lines.push((mapped.header.clone(), format!("→ {}", part(&mapped.column))));
        }
    }
    for column in &decisions.columns {
        let how = [
            column.decimal.map(choice),
            column.date_order.map(choice),
            Some(choice(column.decided_by)),
        ];
        let how: Vec<String> = how.into_iter().flatten().map(|name| term(&name)).collect();
        lines.push((part(&column.column), how.join(", ")));
    }
    lines
}

/// The name of a choice on the wire.
fn choice(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// What a job is about: the files of an import, the analyses, the model of a forecast.
fn detail(job: &Job, language: Language) -> String {
    const SHOWN: usize = 3;
    let request = job.request.get();
    let list = |values: Vec<String>| {
        let more = values.len().saturating_sub(SHOWN);
        let mut text = values[..values.len() - more].join(", ");
        if more > 0 {
            text = format!("{text} (+{more})");
        }
        text
    };
    match job.kind {
        JobKind::Import => {
            let import: ImportRequest = serde_json::from_str(request).unwrap_or_default();
            let names = import.sources.into_iter().map(|source| {
                let named = source
                    .upload
                    .map(|upload| upload.name)
                    .or(source.path)
                    .or(source.url);
                named.unwrap_or_else(|| source.table.to_string())
            });
            let names = list(names.collect());
            if import.dry_run {
                format!("{names} ({})", language.words().dry_run_mark)
            } else {
                names
            }
        }
        JobKind::Analysis => {
            let asked: AnalysisRequest = serde_json::from_str(request).unwrap_or_default();
            let result = result(job);
            let title = |name: &String| {
                // Once its answer is there; its name until then.
                let title: Option<Title> = serde_json::from_value(result[name.as_str()].clone()).ok();
                title.map_or_else(|| name.clone(), |title| title.in_language(language).to_owned())
            };
            list(asked.analyses.iter().map(title).collect())
        }
        JobKind::Undo => {
            let asked: Value = serde_json::from_str(request).unwrap_or_default();
            format!("#{}", asked["job"])
        }
        JobKind::Forecast => result(job)["label"].as_str().map_or_else(
            || {
                let asked: ForecastRequest = serde_json::from_str(request).unwrap_or_default();
                labels::model(asked.model.as_deref().unwrap_or_default(), language).to_owned()
            },
            str::to_owned,
        ),
    }
}

/// What `job` found; null as long as there is nothing.
fn result(job: &Job) -> Value {
    let result = job
        .result
        .as_ref()
        .map(|result| serde_json::from_str(result.get()));
    result.and_then(Result::ok).unwrap_or_default()
}

/// The newest imports, as a table of links; empty when there are none.
pub(crate) async fn recent_imports(script: &ScriptClient, language: Language) -> Result<String, Failure> {
    let asked = [("kind", "import".to_owned()), ("page_size", "10".to_owned())];
    let page = script.jobs(&asked).await?;
    if page.jobs.is_empty() {
        return Ok(String::new());
    }
    Ok(JobsTable {
        w: language.words(),
        jobs: page.jobs.iter().map(|job| line(job, language)).collect(),
    }
    .render()?)
}
