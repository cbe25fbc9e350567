//! Analysis jobs: answers that are kept in `analysis_results`.

use crate::analyses::answer::Answer;
use crate::analyses::catalog::Catalog;
use crate::analyses::compute;
use crate::analyses::header::DefaultWindow;
use crate::analyses::question::Question;
use crate::analyses::window::{self, WindowQuery};
use crate::error::ApiError;
use crate::params::positional;
use db_client::DbClient;
use serde::{Deserialize, Serialize};
use service_kit::faults::{Fault, Faults};
use utoipa::ToSchema;

/// What an analysis job is asked to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnalysisRequest {
    /// The analyses; all built-in ones when there are none.
    #[schema(example = json!(["region", "growth"]))]
    pub analyses: Vec<String>,
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Instead of first and last day: `2023-11`, `last_30_days`, `all`, ..
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

impl AnalysisRequest {
    /// All that is wrong with it.
    pub(crate) fn faults(&self, catalog: &Catalog) -> Faults {
        let mut faults: Faults = self
            .analyses
            .iter()
            .enumerate()
            .filter(|(_, name)| catalog.find(name).is_none())
            .map(|(index, name)| {
                let reason = format!("there is no analysis `{name}`; GET /analysis lists them");
                Fault::at(format!("/analyses/{index}"), reason)
            })
            .collect();
        let span = window::resolve(&self.window(), DefaultWindow::default(), None);
        faults.take(span);
        faults
    }

    fn window(&self) -> WindowQuery {
        WindowQuery {
            from: self.from.clone(),
            to: self.to.clone(),
            period: self.period.clone(),
            ..WindowQuery::default()
        }
    }
}

/// Keeps `answer`; the id of its row.
pub(crate) async fn keep(db: &DbClient, answer: &Answer, job: Option<i64>) -> Result<i64, ApiError> {
    let details = serde_json::to_string(answer).map_err(|error| ApiError::Internal(error.into()))?;
    let result = db
        .execute(
            "INSERT INTO analysis_results (analysis_type, result_value, result_details, created_at, job_id)
            SELECT ?1, ?2, ?3, ?4, ?5
            WHERE NOT EXISTS (SELECT 1 FROM analysis_results WHERE analysis_type = ?1 AND job_id = ?5)
            RETURNING id",
            positional([
                answer.analysis.as_str().into(),
                answer.headline.into(),
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
        window: request.window(),
        ..Question::default()
    };
    let mut answers = Vec::new();
    for name in names {
        let analysis = catalog.find(&name).ok_or_else(|| ApiError::NotFound {
            what: "analysis",
            id: name.clone(),
        })?;
        let answer = compute::answer(db, &analysis, &question).await?;
        keep(db, &answer, Some(job)).await?;
        let text = serde_json::to_string(&answer).map_err(|error| ApiError::Internal(error.into()))?;
        answers.push(format!("{}:{text}", serde_json::Value::from(name)));
    }
    Ok(format!("{{{}}}", answers.join(",")))
}
