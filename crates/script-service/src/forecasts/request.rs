//! What may be asked of a forecast. Each refusal names its field.

use super::history::{HistoryQuery, Scope};
use super::wire;
use forecast::{ForecastError, Model};
use script_api::ForecastRequest;
use service_kit::validation::{Fault, Faults};

/// What a request comes to: the history, and what the models are asked about it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub history: HistoryQuery,
    pub models: forecast::Request,
}

impl Plan {
    /// What `request` comes to, the fields at fault left out, and all that is out of its range.
    pub(crate) fn of(request: &ForecastRequest) -> (Self, Faults) {
        let ForecastRequest {
            model,
            horizon,
            from,
            to,
            region,
            product,
            category,
            levels,
            params,
            gaps,
            windows,
            seed,
        } = request.clone();
        let mut faults = Faults::default();
        let otherwise = forecast::Request::default();
        let model = model.and_then(|name| faults.take(parse_model(&name)));
        let models = forecast::Request {
            model: model.unwrap_or(otherwise.model),
            horizon: horizon.unwrap_or(otherwise.horizon),
            levels: levels.unwrap_or(otherwise.levels),
            params: params.as_ref().map_or(otherwise.params, wire::params),
            seed: seed.unwrap_or(otherwise.seed),
            windows: windows.unwrap_or(otherwise.windows),
        };
        faults.extend(models.faults().into_iter().map(fault_of));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            faults.push(Fault::at("/from", format!("{from} is later than `to`, {to}")));
        }
        let scope = Scope {
            region,
            product,
            category,
        };
        let history = HistoryQuery {
            scope,
            from,
            to,
            gaps: gaps.unwrap_or_default(),
        };
        (Self { history, models }, faults)
    }
}

/// `request` with what it leaves out.
pub(super) fn with_defaults(request: ForecastRequest) -> ForecastRequest {
    let (Plan { history, models }, _) = Plan::of(&request);
    ForecastRequest {
        model: request.model.or_else(|| Some(models.model.name().to_owned())),
        horizon: Some(models.horizon),
        levels: Some(models.levels),
        params: Some(wire::params_said(&models.params)),
        gaps: Some(history.gaps),
        windows: Some(models.windows),
        seed: Some(models.seed),
        ..request
    }
}

/// The model of that name.
fn parse_model(name: &str) -> Result<Model, Faults> {
    name.parse()
        .map_err(|error: ForecastError| Fault::at("/model", error.to_string()).into())
}

/// A refusal by the models, with its place in the request.
pub(crate) fn fault_of(error: ForecastError) -> Fault {
    match error {
        ForecastError::Request { field, reason } => {
            let pointer = field.replace('.', "/");
            match field {
                "horizon" | "levels" | "windows" => Fault::at(format!("/{pointer}"), reason),
                _ => Fault::at(format!("/params/{pointer}"), reason),
            }
        }
        other => Fault::at("/model", other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::kind::Job;
    use service_kit::validation::Asked;

    fn planned(body: &str) -> Result<Plan, Faults> {
        let Asked { value, mut faults } = <ForecastRequest as Job>::parse(body.as_bytes())?;
        let (plan, more) = Plan::of(&value);
        faults.extend(more);
        faults.or(plan)
    }

    fn refused(body: &str) -> String {
        planned(body).unwrap_err().to_string()
    }

    #[test]
    fn nothing_in_particular_is_a_week_of_the_best_model() {
        for body in [
            "",
            "{}",
            r#"{"model":null,"levels":null,"params":{"prophet":null}}"#,
        ] {
            let plan = planned(body).unwrap();

            assert_eq!(plan.models, forecast::Request::default(), "{body}");
            assert_eq!(plan.history, HistoryQuery::default(), "{body}");
        }
    }

    #[test]
    fn a_request_that_was_stored_says_all_it_asks_and_reads_back() {
        let body = r#"{"model":"ARIMA","from":"2023-11-01","region":"Occitanie","gaps":"missing",
            "params":{"order":[5,1,0],"diffuse":"statsmodels","prophet":{"holidays":"fr"}}}"#;
        let request = <ForecastRequest as Job>::parse(body.as_bytes()).unwrap().value;

        let stored = serde_json::to_string(&request).unwrap();

        assert_eq!(serde_json::from_str::<ForecastRequest>(&stored).unwrap(), request);
        assert_eq!((request.horizon, request.windows), (Some(7), Some(4)));
        let (plan, faults) = Plan::of(&request);
        assert!(faults.is_empty(), "{faults}");
        assert_eq!(plan.models.model, Model::Arima);
    }

    #[test]
    fn a_request_that_an_older_version_stored_reads_too() {
        let stored = r#"{"model":"auto","horizon":7,"from":null,"to":null,"levels":[80.0,95.0],
            "params":{"diffuse":"unit-free","non_negative":false,"prophet":{"changepoints":25,
            "changepoint_prior_scale":0.05,"seasonality_prior_scale":10.0,"holidays_prior_scale":10.0,
            "samples":1000}},"gaps":"zero","windows":4,"seed":0}"#;

        let plan = planned(stored).unwrap();

        assert_eq!(plan.models, forecast::Request::default());
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let faults = refused(
            r#"{"model":"theta","horizon":0,"levels":[80,80],"horizn":1,"params":{"period":0,"ordre":1}}"#,
        );

        for name in ["model: ", "horizon: ", "levels: ", "horizn: ", "params.ordre: "] {
            assert!(faults.contains(name), "{name} {faults}");
        }
    }

    #[test]
    fn a_refusal_names_its_field() {
        for (body, name) in [
            (r#"{"model":"theta"}"#, "model"),
            (r#"{"horizon":0}"#, "horizon"),
            (r#"{"horizon":"x"}"#, "horizon"),
            (r#"{"from":"yesterday"}"#, "from"),
            (r#"{"from":"2023-12-01","to":"2023-11-01"}"#, "from"),
            (r#"{"levels":[0.8]}"#, "levels"),
            (r#"{"gaps":"ignore"}"#, "gaps"),
            (r#"{"windows":99}"#, "windows"),
            (r#"{"horizn":7}"#, "horizn"),
            (r#"{"params":{"order":[5,1]}}"#, "params.order"),
            (r#"{"params":{"order":[50,1,0]}}"#, "params.order"),
            (r#"{"params":{"period":0}}"#, "params.period"),
            (r#"{"params":{"diffuse":"exact"}}"#, "params.diffuse"),
            (
                r#"{"params":{"prophet":{"samples":1}}}"#,
                "params.prophet.samples",
            ),
            (
                r#"{"params":{"prophet":{"holidays":"be"}}}"#,
                "params.prophet.holidays",
            ),
            (r#"{"params":{"ordre":1}}"#, "params.ordre"),
        ] {
            let refusal = refused(body);
            assert!(refusal.starts_with(&format!("{name}: ")), "{body}: {refusal}");
        }
    }
}
