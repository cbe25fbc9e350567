//! Forecast jobs: a forecast that is kept in `forecast_runs` and `forecast_points`.

use crate::analyses::catalog::Catalog;
use crate::forecasts::request::{self, Plan};
use crate::forecasts::{ForecastFailure, history, runs, work};
use crate::jobs::context::{JobContext, Stop};
use crate::jobs::kind::{Ended, Job};
use script_api::ForecastRequest;
use service_kit::validation::{self, Asked, Faults};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

impl Job for ForecastRequest {
    const NAME: &'static str = "forecast";

    /// With its defaults, so that whoever looks at the job sees what it does.
    fn parse(body: &[u8]) -> Result<Asked<Self>, Faults> {
        let asked = if validation::is_nothing(body) {
            Asked {
                value: Self::default(),
                faults: Faults::default(),
            }
        } else {
            validation::json(body)?
        };
        Ok(Asked {
            value: request::with_defaults(asked.value),
            ..asked
        })
    }

    fn faults(&self, _catalog: &Catalog) -> Faults {
        Plan::of(self).1
    }

    /// Makes and keeps the forecast. Run twice, it keeps the first one.
    async fn run(&self, context: &JobContext) -> Result<Ended, Stop> {
        if runs::find_by_job(&context.db, context.job).await?.is_none() {
            make(context, self).await?;
        }
        let kept = runs::find_by_job(&context.db, context.job).await?;
        let kept = kept.ok_or_else(|| anyhow::anyhow!("the forecast that was kept is gone"))?;
        let result = serde_json::to_string(&kept).map_err(|error| Stop::Broken(error.into()))?;
        Ok(Ended::whole(result))
    }
}

async fn make(context: &JobContext, request: &ForecastRequest) -> Result<(), Stop> {
    context.progress.begin("reading", None);
    let (plan, faults) = Plan::of(request);
    faults.or(()).map_err(ForecastFailure::from)?;
    let history = history::read(&context.db, &plan.history).await?;
    context.progress.begin("fitting", None);
    let (series, asked) = (history.series.clone(), plan.models.clone());
    let limit = Duration::from_millis(context.config.forecast_timeout_ms);
    let progress = Arc::clone(&context.progress);
    let fit = work::off_thread(limit, move |stop| {
        let mut tell = |step: forecast::ComparisonProgress| progress.begin(phase(step), None);
        forecast::run_with_progress(&series, &asked, &mut tell, stop)
    });
    let forecast = tokio::select! {
        forecast = fit => forecast?,
        stop = context.until_stop() => return Err(stop),
    };
    runs::insert(&context.db, context.job, &plan, &history, forecast).await?;
    Ok(())
}

/// What a comparison of models is at, such as `comparing ets (3 of 8)`.
fn phase(step: forecast::ComparisonProgress) -> Cow<'static, str> {
    match step.next {
        Some(model) => format!("comparing {model} ({} of {})", step.done + 1, step.total).into(),
        None => "fitting".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forecast::{ComparisonProgress, Model};

    #[test]
    fn a_comparison_tells_which_model_it_is_at() {
        let at = |done, next| phase(ComparisonProgress { done, total: 6, next });

        assert_eq!(
            at(0, Some(Model::SeasonalNaive)),
            "comparing seasonal_naive (1 of 6)"
        );
        assert_eq!(at(5, Some(Model::Prophet)), "comparing prophet (6 of 6)");
        assert_eq!(at(6, None), "fitting");
    }
}
