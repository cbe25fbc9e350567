//! Analysis jobs: answers that are kept in `analysis_results`.

use crate::analyses::answer::Composed;
use crate::analyses::catalog::Catalog;
use crate::analyses::compute;
use crate::analyses::question::Question;
use crate::analyses::window::{self, WindowQuery};
use crate::error::ApiError;
use crate::params::positional;
use db_client::DbClient;
use script_api::{AnalysisRequest, DefaultWindow};
use service_kit::faults::{Fault, Faults};

/// All that is wrong with `request`.
pub(crate) fn faults(request: &AnalysisRequest, catalog: &Catalog) -> Faults {
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

/// Keeps an answer; the id of its row.
pub(crate) async fn keep(db: &DbClient, composed: &Composed, job: Option<i64>) -> Result<i64, ApiError> {
    let answer = &composed.answer;
    let details = serde_json::to_string(answer).map_err(|error| ApiError::Internal(error.into()))?;
    let result = db
        .execute(
            "INSERT INTO analysis_results (analysis_type, result_value, result_details, created_at, job_id)
            SELECT ?1, ?2, ?3, ?4, ?5
            WHERE NOT EXISTS (SELECT 1 FROM analysis_results WHERE analysis_type = ?1 AND job_id = ?5)
            RETURNING id",
            positional([
                answer.analysis.as_str().into(),
                composed.headline.into(),
                details.into(),
                answer.computed_at.as_str().into(),
                job.into(),
            ]),
        )
        .await?;
    Ok(result
        .rows
        .first()
        .and_then(|row| row[0].as_i64())
        .unwrap_or_default())
}

/// Computes and keeps what `request` names; the result of the job, as JSON. Run twice, it keeps each answer
/// once.
pub(crate) async fn run(
    db: &DbClient,
    catalog: &Catalog,
    job: i64,
    request: &AnalysisRequest,
) -> Result<String, ApiError> {
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
        let analysis = catalog.find(&name).ok_or_else(|| ApiError::NotFound {
            what: "analysis",
            id: name.clone(),
        })?;
        let composed = compute::answer(db, &analysis, &question).await?;
        keep(db, &composed, Some(job)).await?;
        let text =
            serde_json::to_string(&composed.answer).map_err(|error| ApiError::Internal(error.into()))?;
        answers.push(format!("{}:{text}", serde_json::Value::from(name)));
    }
    Ok(format!("{{{}}}", answers.join(",")))
}
