//! The page where files are dropped: preview, import, progress, rejects. The work is the script's; what it
//! asks for goes through the relay.

use super::{jobs, schedules};
use crate::App;
use crate::language::Language;
use crate::page::{Failure, View, Visit};
use crate::words::Words;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use script_client::ScriptClient;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsView {
    w: &'static Words,
    recent: String,
    schedules: String,
}

/// `GET /imports`.
pub(crate) async fn get(State(app): State<App>, visit: Visit) -> Response {
    visit.answer(view(&app.script, visit.language).await)
}

async fn view(script: &ScriptClient, language: Language) -> Result<View, Failure> {
    let w = language.words();
    let (recent, schedules) = tokio::try_join!(
        jobs::recent_imports(script, language),
        schedules::section(script, language),
    )?;
    Ok(View {
        title: w.imports.to_owned(),
        html: ImportsView { w, recent, schedules }.render()?,
        figures: BTreeMap::new(),
    })
}
