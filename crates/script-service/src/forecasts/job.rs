//! Forecast jobs: a forecast that is kept in `forecast_runs` and `forecast_points`.

use crate::forecasts::history::{self, HistoryQuery};
use crate::forecasts::request::ForecastRequest;
use crate::forecasts::{runs, work};
use crate::runner::{JobContext, Stop};
use std::borrow::Cow;
use std::sync::Arc;
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
    context.progress.begin("fitting", None);
    let (series, asked) = (history.series.clone(), request.to_forecast());
    let limit = Duration::from_millis(context.config.forecast_timeout_ms);
    let progress = Arc::clone(&context.progress);
    let fit = work::off_thread(limit, move |stop| {
        let mut tell = |step: forecast::Progress| progress.begin(phase(step), None);
        forecast::run_with_progress(&series, &asked, &mut tell, stop)
    });
    let forecast = tokio::select! {
        forecast = fit => forecast?,
        stop = context.until_stop() => return Err(stop),
    };
    runs::insert(&context.db, context.job, request, &history, &forecast).await?;
    Ok(())
}

/// What a comparison of models is at, such as `comparing ets (3 of 8)`.
fn phase(step: forecast::Progress) -> Cow<'static, str> {
    match step.next {
        Some(model) => format!("comparing {model} ({} of {})", step.done + 1, step.total).into(),
        None => "fitting".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forecast::{Model, Progress};

    #[test]
    fn a_comparison_tells_which_model_it_is_at() {
        let at = |done, next| phase(Progress { done, total: 6, next });

        assert_eq!(
            at(0, Some(Model::SeasonalNaive)),
            "comparing seasonal_naive (1 of 6)"
        );
        assert_eq!(at(5, Some(Model::Prophet)), "comparing prophet (6 of 6)");
        assert_eq!(at(6, None), "fitting");
    }
}
