//! Forecast jobs: a forecast that is kept in `forecast_runs` and `forecast_points`.

use crate::forecasting::history::{self, HistoryQuery};
use crate::forecasting::request::ForecastRequest;
use crate::forecasting::{runs, work};
use crate::runner::{JobContext, Stop};
use forecast::Model;
use std::time::Duration;

/// Makes and keeps the forecast that `request` asks for; the result of the job, as JSON. Run twice, it keeps
/// the first one.
pub(crate) async fn run(context: &JobContext, request: &ForecastRequest) -> Result<String, Stop> {
    if runs::find_by_job(&context.db, context.job).await?.is_none() {
        make(context, request).await?;
    }
    let kept = runs::find_by_job(&context.db, context.job).await?;
    let kept = kept.ok_or_else(|| anyhow::anyhow!("the forecast that was kept is gone"));
    serde_json::to_string(&kept.map_err(Stop::Broken)?).map_err(|error| Stop::Broken(error.into()))
}

async fn make(context: &JobContext, request: &ForecastRequest) -> Result<(), Stop> {
    context.progress.begin("reading", None);
    let query = HistoryQuery {
        scope: request.scope.clone(),
        from: request.from,
        to: request.to,
        gaps: request.gaps,
    };
    let history = history::read(&context.db, &query).await?;
    let phase = if request.model == Model::Auto {
        "comparing"
    } else {
        "fitting"
    };
    context.progress.begin(phase, None);
    let (series, asked) = (history.series.clone(), request.to_forecast());
    let limit = Duration::from_millis(context.config.forecast_timeout_ms);
    let fit = work::off_thread(limit, move |stop| forecast::run(&series, &asked, stop));
    let forecast = tokio::select! {
        forecast = fit => forecast?,
        stop = context.until_stop() => return Err(stop),
    };
    runs::insert(&context.db, context.job, request, &history, &forecast).await?;
    Ok(())
}
