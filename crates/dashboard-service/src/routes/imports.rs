//! The page where files are dropped: preview, import, progress, rejects. The work is the script's; what it
//! asks for goes through the relay.

use crate::locale::Words;
use crate::page::{Failure, View, Visit};
use askama::Template;
use axum::response::Response;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsView {
    w: &'static Words,
}

/// `GET /imports`.
pub(crate) async fn get(visit: Visit) -> Response {
    let w = visit.locale.words();
    let html = ImportsView { w }.render();
    visit.answer(html.map_err(Failure::from).map(|html| View {
        title: w.imports.to_owned(),
        html,
        figures: BTreeMap::new(),
    }))
}
