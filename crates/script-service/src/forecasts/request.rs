//! What may be asked of a forecast. Each refusal names its field.

use crate::store::history::SalesOf;
use forecast::{ForecastError, Model, Params};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::faults::{self, Asked, Fault, Faults};
use utoipa::ToSchema;

/// What a day without sales counts as, within the days that the data covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gaps {
    /// A day of zero revenue.
    #[default]
    Zero,
    /// A day that nothing is known of.
    Missing,
}

impl Gaps {
    /// The stored name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Missing => "missing",
        }
    }

    /// The choice of that name.
    pub(crate) fn parse(name: &str) -> anyhow::Result<Self> {
        [Self::Zero, Self::Missing]
            .into_iter()
            .find(|gaps| gaps.as_str() == name)
            .ok_or_else(|| anyhow::anyhow!("`{name}` is neither zero nor missing"))
    }
}

/// Which sales are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Scope {
    /// Only sales in stores of this region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Île-de-France")]
    pub region: Option<String>,
    /// Only sales of this product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<i64>,
    /// Only sales of products of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

impl Scope {
    /// The sales that it means.
    pub(super) fn sales(&self) -> SalesOf<'_> {
        SalesOf {
            region: self.region.as_deref(),
            product: self.product,
            category: self.category.as_deref(),
        }
    }
}

/// A forecast that is asked for. Every field may be left out: a week of total revenue by the model that did
/// best on the end of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ForecastRequest {
    /// `arima`, `sarima`, `auto_arima`, `prophet`, `ets`, `mstl`, `seasonal_naive`, `naive`, or `auto`, which
    /// takes the one that did best.
    #[schema(value_type = Option<String>, example = "arima")]
    pub model: Model,
    /// Days to forecast, 1 to 3660; 7 by default.
    #[schema(value_type = Option<usize>, example = 7)]
    pub horizon: usize,
    /// First day of the history; the first sale by default.
    #[schema(value_type = Option<String>, example = "2023-11-01")]
    pub from: Option<Date>,
    /// Last day of the history; the latest sale by default. The forecast begins on the next day.
    #[schema(value_type = Option<String>, example = "2023-11-30")]
    pub to: Option<Date>,
    /// Which sales; all of them by default.
    #[serde(flatten)]
    pub scope: Scope,
    /// Levels of the intervals in percent; 80 and 95 by default.
    #[schema(value_type = Option<Vec<f64>>, example = json!([80, 95]))]
    pub levels: Vec<f64>,
    /// Settings of the models.
    #[schema(value_type = Option<ForecastParams>)]
    pub params: Params,
    /// What a day without sales counts as, between the first sale and the latest: `zero` or `missing`.
    #[schema(value_type = Option<Gaps>)]
    pub gaps: Gaps,
    /// Windows of the backtest that gives the metrics, 0 to 52; 4 by default.
    #[schema(value_type = Option<usize>)]
    pub windows: usize,
    /// Seed of simulated intervals; the same request on the same data gives the same answer.
    #[schema(value_type = Option<u64>)]
    pub seed: u64,
}

/// Settings of the models; each model reads its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForecastParams {
    /// `[p, d, q]` of `arima` (5,1,0 by default) and `sarima` (1,1,1 by default).
    #[schema(example = json!([5, 1, 0]))]
    order: Option<[usize; 3]>,
    /// `[P, D, Q, s]`; `[0, 1, 1, 7]` by default for `sarima`.
    #[schema(example = json!([0, 1, 1, 7]))]
    seasonal_order: Option<[usize; 4]>,
    /// How the ARIMA family treats its unknown starting level: `unit-free`, or `statsmodels` as Python does.
    #[schema(example = "unit-free")]
    diffuse: Option<String>,
    /// Days in a season; 7 by default.
    #[schema(example = 7)]
    period: Option<usize>,
    /// Sets what falls below zero to zero when the history has nothing below it.
    #[schema(example = false)]
    non_negative: Option<bool>,
    /// Settings of Prophet: `weekly`, `yearly`, `holidays` (`fr`), `changepoints`, `changepoint_prior_scale`,
    /// `seasonality_prior_scale`, `holidays_prior_scale`, `samples`.
    #[schema(example = json!({"holidays": "fr"}))]
    prophet: Option<Map<String, Value>>,
}

impl Default for ForecastRequest {
    fn default() -> Self {
        let forecast::Request {
            model,
            horizon,
            levels,
            params,
            seed,
            windows,
        } = forecast::Request::default();
        Self {
            model,
            horizon,
            from: None,
            to: None,
            scope: Scope::default(),
            levels,
            params,
            gaps: Gaps::default(),
            windows,
            seed,
        }
    }
}

impl ForecastRequest {
    /// The request in `body`; an empty body asks for nothing in particular.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Faults> {
        let members: Map<String, Value> = if body.is_empty() {
            Map::new()
        } else {
            faults::json(body).and_then(Asked::whole)?
        };
        let mut fields = Fields::new(members, "");
        let mut request = Self::default();
        if let Some(name) = fields.take::<String>("model") {
            fields.set(&mut request.model, parse_model(&name));
        }
        fields.set_if_given(&mut request.horizon, "horizon");
        request.from = fields.take("from");
        request.to = fields.take("to");
        request.scope = Scope {
            region: fields.take("region"),
            product: fields.take("product"),
            category: fields.take("category"),
        };
        fields.set_if_given(&mut request.levels, "levels");
        fields.set_if_given(&mut request.gaps, "gaps");
        fields.set_if_given(&mut request.windows, "windows");
        fields.set_if_given(&mut request.seed, "seed");
        if let Some(params) = fields.take::<Map<String, Value>>("params") {
            fields.set(&mut request.params, parse_params(params));
        }
        let mut faults = fields.finish();
        faults.extend(request.faults());
        faults.or(request)
    }

    /// What is out of its range.
    pub(crate) fn faults(&self) -> Faults {
        let mut faults: Faults = self.to_forecast().faults().into_iter().map(fault_of).collect();
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            faults.push(Fault::at("/from", format!("{from} is later than `to`, {to}")));
        }
        faults
    }

    /// The part that the models see.
    pub(crate) fn to_forecast(&self) -> forecast::Request {
        forecast::Request {
            model: self.model,
            horizon: self.horizon,
            levels: self.levels.clone(),
            params: self.params.clone(),
            seed: self.seed,
            windows: self.windows,
        }
    }
}

/// The model of that name.
pub(crate) fn parse_model(name: &str) -> Result<Model, Faults> {
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

fn parse_params(members: Map<String, Value>) -> Result<Params, Faults> {
    let mut fields = Fields::new(members, "/params");
    let mut params = Params {
        order: fields.take("order"),
        seasonal_order: fields.take("seasonal_order"),
        period: fields.take("period"),
        ..Params::default()
    };
    fields.set_if_given(&mut params.diffuse, "diffuse");
    fields.set_if_given(&mut params.non_negative, "non_negative");
    fields.set_if_given(&mut params.prophet, "prophet");
    fields.finish().or(params)
}

/// The members of an object, taken one by one; what is wrong with them is gathered.
struct Fields {
    members: Map<String, Value>,
    /// Where the object stands in the body.
    pointer: &'static str,
    faults: Faults,
}

impl Fields {
    fn new(members: Map<String, Value>, pointer: &'static str) -> Self {
        Self {
            members,
            pointer,
            faults: Faults::default(),
        }
    }

    /// The member `name`; null stands for one that is not there.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.members.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let place = format!("{}/{name}", self.pointer);
                let read = faults::value(value).and_then(Asked::whole).map_err(|faults| {
                    faults
                        .into_iter()
                        .map(|fault| fault.under(&place))
                        .collect::<Faults>()
                });
                self.faults.take(read)
            }
        }
    }

    fn set_if_given<T: DeserializeOwned>(&mut self, place: &mut T, name: &str) {
        if let Some(value) = self.take(name) {
            *place = value;
        }
    }

    fn set<T>(&mut self, place: &mut T, outcome: Result<T, Faults>) {
        if let Some(value) = self.faults.take(outcome) {
            *place = value;
        }
    }

    /// The faults, members that nobody took among them.
    fn finish(mut self) -> Faults {
        let pointer = self.pointer;
        let unknown = self.members.keys();
        self.faults.extend(unknown.map(|name| {
            Fault::at(
                format!("{pointer}/{name}"),
                format!("unknown field `{name}`: there is no such field"),
            )
        }));
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        ForecastRequest::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_in_particular_is_a_week_of_the_best_model() {
        let request = ForecastRequest::parse(b"").unwrap();

        assert_eq!(request, ForecastRequest::parse(b"{}").unwrap());
        assert_eq!((request.model, request.horizon), (Model::Auto, 7));
        assert_eq!(request.levels, [80.0, 95.0]);
    }

    #[test]
    fn a_request_that_was_stored_reads_back() {
        let body = br#"{"model":"ARIMA","from":"2023-11-01","region":"Occitanie","gaps":"missing",
            "params":{"order":[5,1,0],"diffuse":"statsmodels"}}"#;
        let request = ForecastRequest::parse(body).unwrap();

        let stored = serde_json::to_string(&request).unwrap();

        assert_eq!(ForecastRequest::parse(stored.as_bytes()).unwrap(), request);
        assert_eq!(serde_json::from_str::<ForecastRequest>(&stored).unwrap(), request);
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
            (
                r#"{"params":{"prophet":{"samples":1}}}"#,
                "params.prophet.samples",
            ),
            (r#"{"params":{"ordre":1}}"#, "params.ordre"),
        ] {
            let refusal = refused(body);
            assert!(refusal.starts_with(&format!("{name}: ")), "{body}: {refusal}");
        }
    }
}
