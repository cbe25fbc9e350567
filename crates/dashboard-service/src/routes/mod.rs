//! The route table.

mod analyses;
mod export;
mod forecasts;
mod imports;
mod jobs;
mod language;
mod overview;
mod relay;
mod report;
mod schedules;

use crate::App;
use crate::assets;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

/// Every route of its own.
pub(crate) fn table() -> Router<App> {
    let pages = Router::new()
        .route("/", get(overview::get))
        .route("/analyses", get(analyses::list))
        .route("/analyses/{name}", get(analyses::get))
        .route("/imports", get(imports::get))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::get))
        .route("/forecasts", get(forecasts::list))
        .route("/forecasts/{id}", get(forecasts::get))
        .route("/language/{tag}", get(language::set))
        .route("/export/{widget}", get(export::widget))
        .route("/analyses/{name}/export", get(export::analysis))
        .route("/forecasts/{id}/export", get(export::forecast));
    let relayed = Router::new()
        .route("/api/jobs/import", post(relay::send))
        .route("/api/imports/preview", post(relay::send))
        .route("/api/jobs/analysis", post(relay::send))
        .route("/api/jobs/forecast", post(relay::send))
        .route("/api/jobs/{id}", get(relay::send))
        .route("/api/jobs/{id}/cancel", post(relay::send))
        .route("/api/jobs/{id}/undo", post(relay::send))
        .route("/api/jobs/{id}/events", get(relay::send))
        .route("/api/jobs/{id}/rejects", get(relay::send))
        .route("/api/jobs/{id}/rejects/replay", post(relay::send))
        .route("/api/schedules/{name}", put(relay::send).delete(relay::send))
        .route("/api/schedules/{name}/run", post(relay::send))
        .route("/api/events", get(relay::send))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .merge(pages)
        .merge(relayed)
        .route("/assets/{hash}/{name}", get(assets::get))
}
