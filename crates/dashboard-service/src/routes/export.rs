//! What is on the screen as a file: the same rows, columns and filters.

use super::{analyses, forecasts, overview};
use crate::App;
use crate::filter::Query;
use crate::page::{Failure, Visit};
use crate::table::{Save, Table};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

/// `GET /export/{widget}?format=csv|csv-fr|json` and the filters of the overview.
pub(crate) async fn widget(
    State(app): State<App>,
    Path(widget): Path<String>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    answer(
        &visit,
        &query,
        &widget,
        overview::table(&app, &visit, &query, &widget).await,
    )
}

/// `GET /analyses/{name}/export?format=csv|csv-fr|json` and the parameters of the analysis.
pub(crate) async fn analysis(
    State(app): State<App>,
    Path(name): Path<String>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    answer(
        &visit,
        &query,
        &name,
        analyses::table(&app, &visit, &query, &name).await,
    )
}

/// `GET /forecasts/{id}/export?format=csv|csv-fr|json`.
pub(crate) async fn forecast(
    State(app): State<App>,
    Path(id): Path<String>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    let name = format!("forecast-{id}");
    answer(&visit, &query, &name, forecasts::table(&app, &visit, &id).await)
}

fn answer(visit: &Visit, query: &Query, name: &str, table: Result<Table, Failure>) -> Response {
    let form = match query.get("format").map(String::as_str) {
        None => Some(Save::Csv),
        Some(form) => Save::parse(form),
    };
    let Some(form) = form else {
        return visit.answer(Err(Failure::BadFilter("format: csv, csv-fr, json".to_owned())));
    };
    match table {
        Ok(mut table) => {
            if let Some(column) = query.get("_sort") {
                table.sort_by(column, query.get("_order").is_some_and(|order| order == "desc"));
            }
            let safe: String = name
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
                .collect();
            let file = format!("attachment; filename=\"{safe}.{}\"", form.extension());
            let head = [
                (CONTENT_TYPE, form.media_type().to_owned()),
                (CONTENT_DISPOSITION, file),
                (CACHE_CONTROL, "no-store".to_owned()),
            ];
            (head, table.save(form)).into_response()
        }
        Err(failure) => visit.answer(Err(failure)),
    }
}
