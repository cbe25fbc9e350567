//! Analysis jobs: answers that are kept in `analysis_results`.

use crate::analyses::answer::Composed;
use crate::analyses::catalog::Catalog;
use crate::analyses::compute::{self, ComputeError};
use crate::analyses::question::Question;
use crate::analyses::window::{self, WindowQuery};
use crate::jobs::context::{JobContext, Stop};
use crate::jobs::kind::{Ended, Job};
use crate::store::results::{self, NewResult};
use anyhow::Context as _;
use db_client::DbClient;
use script_api::{AnalysisRequest, DefaultWindow};
use service_kit::validation::{Fault, Faults};

/// All that is wrong with `request`.
fn faults(request: &AnalysisRequest, catalog: &Catalog) -> Faults {
    let mut faults: Faults = request
        .analyses
        .iter()
        .enumerate()
        .filter(|(_, name)| catalog.find(name).is_none())
        .map(|(index, name)| {
            let reason = format!("there is no analysis `{name}`; GET /analysis lists them");
            Fault::at(format!("/analyses/{index}"), reason)
        })
        .collect();
    let span = window::resolve(&window_of(request), DefaultWindow::default(), None);
    faults.take(span);
    faults
}

fn window_of(request: &AnalysisRequest) -> WindowQuery {
    WindowQuery {
        from: request.from.clone(),
        to: request.to.clone(),
        period: request.period.clone(),
        ..WindowQuery::default()
    }
}

/// Keeps an answer, once for a job.
pub(crate) async fn keep(db: &DbClient, composed: &Composed, job: Option<i64>) -> Result<(), ComputeError> {
    let answer = &composed.answer;
    let details = serde_json::to_string(answer).context("write an answer")?;
    let result = NewResult {
        analysis: &answer.analysis,
        headline: composed.headline,
        details,
        computed_at: &answer.computed_at,
        job,
    };
    results::insert(db, result).await?;
    Ok(())
}

impl Job for AnalysisRequest {
    const NAME: &'static str = "analysis";

    fn faults(&self, catalog: &Catalog) -> Faults {
        faults(self, catalog)
    }

    async fn run(&self, context: &JobContext) -> Result<Ended, Stop> {
        Ok(Ended::whole(compute_all(context, self).await?))
    }
}

/// Computes and keeps what `request` names; the answers by name, as JSON. Run twice, it keeps each answer once.
async fn compute_all(context: &JobContext, request: &AnalysisRequest) -> Result<String, ComputeError> {
    let (db, catalog) = (&context.db, &context.catalog);
    let names = if request.analyses.is_empty() {
        let (all, _) = catalog.list();
        all.iter()
            .filter(|analysis| analysis.built_in)
            .map(|analysis| analysis.name.clone())
            .collect()
    } else {
        request.analyses.clone()
    };
    let question = Question {
        window: window_of(request),
        ..Question::default()
    };
    let mut answers = Vec::new();
    for name in names {
        let analysis = catalog
            .find(&name)
            .ok_or_else(|| ComputeError::NotFound(name.clone()))?;
        let composed = compute::answer(db, &analysis, &question).await?;
        keep(db, &composed, Some(context.job)).await?;
        let text = serde_json::to_string(&composed.answer).context("write an answer")?;
        answers.push(format!("{}:{text}", serde_json::Value::from(name)));
    }
    Ok(format!("{{{}}}", answers.join(",")))
}
