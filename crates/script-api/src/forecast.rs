//! Forecasts: what may be asked, what was made, how right it was, and models compared.

use crate::day;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The models that can be asked for: `auto`, which takes the one that did best, and then each by itself.
pub const MODELS: [&str; 9] = [
    "auto",
    "arima",
    "sarima",
    "auto_arima",
    "prophet",
    "ets",
    "mstl",
    "seasonal_naive",
    "naive",
];

/// What a day without sales counts as, within the days that the data covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// A day of zero revenue.
    #[default]
    Zero,
    /// A day that nothing is known of.
    Missing,
}

impl Gaps {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Missing => "missing",
        }
    }

    /// The choice of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Zero, Self::Missing]
            .into_iter()
            .find(|gaps| gaps.as_str() == name)
    }
}

/// How the ARIMA family treats its unknown starting level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Diffuse {
    /// So that the answer does not depend on the unit.
    UnitFree,
    /// As `statsmodels` in Python does.
    Statsmodels,
}

/// Whose public holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holidays {
    /// The eleven of France.
    Fr,
}

/// A forecast that is asked for. Every field may be left out: a week of total revenue by the model that did
/// best on the end of the history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastRequest {
    /// `arima`, `sarima`, `auto_arima`, `prophet`, `ets`, `mstl`, `seasonal_naive`, `naive`, or `auto`, which
    /// takes the one that did best.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "arima")]
    pub model: Option<String>,
    /// Days to forecast, 1 to 3660; 7 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 7, minimum = 1, maximum = 3660)]
    pub horizon: Option<usize>,
    /// First day of the history; the first sale by default.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "day::optional")]
    #[schema(value_type = Option<String>, format = Date, example = "2023-11-01")]
    pub from: Option<Date>,
    /// Last day of the history; the latest sale by default. The forecast begins on the next day.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "day::optional")]
    #[schema(value_type = Option<String>, format = Date, example = "2023-11-30")]
    pub to: Option<Date>,
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
    /// Levels of the intervals in percent; 80 and 95 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([80, 95]))]
    pub levels: Option<Vec<f64>>,
    /// Settings of the models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<ForecastParams>,
    /// What a day without sales counts as, between the first sale and the latest: `zero` (the default) or
    /// `missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// Windows of the backtest that gives the metrics, 0 to 52; 4 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 52)]
    pub windows: Option<usize>,
    /// Seed of simulated intervals; the same request on the same data gives the same answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// Settings of the models; each model reads its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastParams {
    /// `[p, d, q]` of `arima` (5,1,0 by default) and `sarima` (1,1,1 by default).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([5, 1, 0]))]
    pub order: Option<[usize; 3]>,
    /// `[P, D, Q, s]`; `[0, 1, 1, 7]` by default for `sarima`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([0, 1, 1, 7]))]
    pub seasonal_order: Option<[usize; 4]>,
    /// How the ARIMA family treats its unknown starting level: `unit-free` (the default), or `statsmodels` as
    /// Python does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "unit-free")]
    pub diffuse: Option<Diffuse>,
    /// Days in a season; 7 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 7)]
    pub period: Option<usize>,
    /// Sets what falls below zero to zero when the history has nothing below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = false)]
    pub non_negative: Option<bool>,
    /// Settings of Prophet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prophet: Option<ProphetParams>,
}

/// Settings of Prophet, with Prophet's own defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProphetParams {
    /// Weekly season; by default when the history spans two weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<bool>,
    /// Yearly season; by default when the history spans 730 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<bool>,
    /// Public holidays with an effect of their own; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "fr")]
    pub holidays: Option<Holidays>,
    /// Possible changes of the trend, 0 to 100; 25 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changepoints: Option<u32>,
    /// How readily the trend changes, 0.0001 to 100; 0.05 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changepoint_prior_scale: Option<f64>,
    /// How large seasons may be, 0.0001 to 1000; 10 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seasonality_prior_scale: Option<f64>,
    /// How large effects of holidays may be, 0.0001 to 1000; 10 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays_prior_scale: Option<f64>,
    /// Simulated futures from which the intervals are read, 100 to 100 000; 1000 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
}

/// The days of a history, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryWindow {
    /// First day.
    #[schema(value_type = String, example = "2023-11-01")]
    pub from: Date,
    /// Last day; a forecast begins on the next.
    #[schema(value_type = String, example = "2023-11-30")]
    pub to: Date,
}

/// A forecast that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastRun {
    /// Its id.
    pub id: i64,
    /// The model that made it.
    #[schema(example = "arima")]
    pub model: String,
    /// The model that was asked for, such as `auto`.
    #[schema(example = "arima")]
    pub requested: String,
    /// The model with its order or form, for people.
    #[schema(example = "ARIMA(5,1,0)")]
    pub label: String,
    /// One sentence: which model, and why it.
    pub explanation: String,
    /// Days that were forecast.
    pub horizon: u64,
    /// The days of the history.
    pub window: HistoryWindow,
    /// Only sales in stores of this region; null for all.
    pub region: Option<String>,
    /// Only sales of this product; null for all.
    pub product: Option<i64>,
    /// Only sales of products of this category; null for all.
    pub category: Option<String>,
    /// What a day without sales counted as.
    pub gaps: Gaps,
    /// Days of the history without sales.
    pub days_without_sales: u64,
    /// Levels of the intervals in percent.
    pub levels: Vec<f64>,
    /// Settings that were asked for, with their defaults.
    pub params: ForecastParams,
    /// Estimated parameters and criteria.
    pub fit: ForecastFit,
    /// Accuracy of the model on the end of the history; null when the history is too short.
    pub metrics: Option<ForecastMetrics>,
    /// What a reader should know.
    pub warnings: Vec<ForecastWarning>,
    /// Where the history is not what was asked for.
    pub notes: Vec<String>,
    /// The unit of the values.
    #[schema(example = "EUR")]
    pub unit: String,
    /// The values, one a day; left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<ForecastPoint>>,
    /// The state of the data that was read.
    pub dataset_version: i64,
    /// When it was made.
    pub created_at: String,
    /// The job that made it.
    pub job_id: i64,
}

/// What a fit found. Fields that a model has no notion of are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastFit {
    /// The model with its order or form, for people.
    #[schema(example = "ARIMA(5,1,0)")]
    pub label: String,
    /// Estimated parameters by name.
    #[schema(example = json!({"ar.L1": -0.8}))]
    pub parameters: BTreeMap<String, Option<f64>>,
    /// Log-likelihood; for Prophet the log-posterior without its constants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// Akaike's criterion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aic: Option<f64>,
    /// Akaike's criterion, corrected for short histories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aicc: Option<f64>,
    /// Bayes' criterion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<f64>,
    /// Whether the optimizer met a tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<bool>,
    /// Iterations of the optimizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// How the unknown starting level was treated, for the ARIMA family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffuse: Option<Diffuse>,
    /// Largest relative difference between the forecasts of the two treatments; 0.01 is 1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffuse_gap: Option<f64>,
    /// Known values of the history.
    pub known: usize,
    /// Gaps of the history.
    pub gaps: usize,
}

/// Accuracy over the windows of a backtest, each with the same weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastMetrics {
    /// Mean absolute error in EUR.
    pub mae: f64,
    /// Root of the mean squared error in EUR.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200.
    pub smape: f64,
    /// `mae` over the mean seasonal step of the history; null where that step is 0 or unknown.
    pub mase: Option<f64>,
    /// How often the actual value lay within each interval.
    pub coverage: Vec<IntervalCoverage>,
    /// Windows that were averaged.
    pub windows: usize,
}

/// How often actual values lay within the interval of one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IntervalCoverage {
    /// Level of the interval in percent.
    #[schema(example = 80)]
    pub level: f64,
    /// Share of the actual values within it, 0 to 1.
    pub share: f64,
    /// Mean width of the interval in EUR.
    pub mean_width: f64,
}

/// Something that a reader of a forecast should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForecastWarning {
    /// The kind, for programs.
    #[schema(example = "short_history")]
    pub code: String,
    /// The words, for people.
    pub detail: String,
}

/// The forecast of a day. Its bounds are members such as `lower_80` and `upper_97.5`, two for each level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastPoint {
    /// The day.
    #[schema(value_type = String, example = "2023-12-01")]
    pub date: Date,
    /// The forecast in EUR.
    #[schema(example = 28_450.0)]
    pub value: f64,
    /// One interval for each level, the narrowest first.
    #[serde(flatten, with = "bounds")]
    #[schema(value_type = ForecastBounds)]
    pub intervals: Vec<ForecastInterval>,
}

/// A central prediction interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastInterval {
    /// Probability that the actual value lies within, in percent.
    pub level: f64,
    /// Lower bound in EUR.
    pub lower: f64,
    /// Upper bound in EUR.
    pub upper: f64,
}

/// The bounds of a day. Other levels have members of the same form, such as `lower_97.5`.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it says what `bounds` writes")]
struct ForecastBounds {
    /// Lower bound of the 80 % interval.
    lower_80: Option<f64>,
    /// Upper bound of the 80 % interval.
    upper_80: Option<f64>,
    /// Lower bound of the 95 % interval.
    lower_95: Option<f64>,
    /// Upper bound of the 95 % interval.
    upper_95: Option<f64>,
}

/// Intervals as members of the day: `lower_80`, `upper_80`, `lower_97.5`.
mod bounds {
    use super::ForecastInterval;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{SerializeMap as _, Serializer};
    use serde_json::Value;
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(intervals: &[ForecastInterval], to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2 * intervals.len()))?;
        for ForecastInterval { level, lower, upper } in intervals {
            map.serialize_entry(&format!("lower_{level}"), lower)?;
            map.serialize_entry(&format!("upper_{level}"), upper)?;
        }
        map.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ForecastInterval>, D::Error> {
        let members = BTreeMap::<String, Value>::deserialize(from)?;
        let bound = |side: &str, level: &str| {
            let name = format!("{side}_{level}");
            let bound = members.get(&name).and_then(Value::as_f64);
            bound.ok_or_else(|| D::Error::custom(format!("{name} is missing or no number")))
        };
        let mut intervals = members
            .keys()
            .filter_map(|name| name.strip_prefix("lower_"))
            .map(|level| {
                Ok(ForecastInterval {
                    level: level
                        .parse()
                        .map_err(|_| D::Error::custom(format!("lower_{level} names no level")))?,
                    lower: bound("lower", level)?,
                    upper: bound("upper", level)?,
                })
            })
            .collect::<Result<Vec<_>, D::Error>>()?;
        intervals.sort_by(|one, other| one.level.total_cmp(&other.level));
        Ok(intervals)
    }
}

/// A page of forecasts, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastPage {
    /// The forecasts, their points left out.
    pub forecasts: Vec<ForecastRun>,
    /// Where the next page begins; null on the last one.
    pub next_page_token: Option<String>,
}

/// A forecast against what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Accuracy {
    /// The forecast.
    pub forecast_id: i64,
    /// The model that made it.
    #[schema(example = "arima")]
    pub model: String,
    /// The model with its order or form.
    #[schema(example = "ARIMA(5,1,0)")]
    pub label: String,
    /// Days that were forecast.
    pub days: u64,
    /// Days of them that have come.
    pub days_come: u64,
    /// How far the days have come, in words.
    pub note: String,
    /// Errors over the days that have come; null when none has.
    pub metrics: Option<AccuracyMetrics>,
    /// The days in order; those that have not come have no `actual`.
    pub points: Vec<AccuracyPoint>,
    /// The unit of the values.
    #[schema(example = "EUR")]
    pub unit: String,
    /// The state of the data that was read.
    pub dataset_version: i64,
}

/// Errors over the days that have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccuracyMetrics {
    /// Mean absolute error in EUR.
    pub mae: f64,
    /// Root of the mean squared error in EUR.
    pub rmse: f64,
    /// Mean absolute error in percent of the actual value, over days that are not zero; null without one.
    pub mape: Option<f64>,
    /// The same in percent of the mean of both, 0 to 200.
    pub smape: f64,
    /// How often the actual value lay within each interval.
    pub coverage: Vec<IntervalCoverage>,
}

/// A day that was forecast, and what came. The bounds of its intervals stand beside `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccuracyPoint {
    /// What was forecast.
    #[serde(flatten)]
    pub forecast: ForecastPoint,
    /// What came, in EUR; null while it has not come or when nothing is known of the day.
    pub actual: Option<f64>,
    /// `actual` minus `value`.
    pub error: Option<f64>,
}

/// Models on the same windows of one history, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastComparison {
    /// The days of the history.
    pub window: HistoryWindow,
    /// Days in each window of the backtest.
    pub horizon: usize,
    /// What a day without sales counted as.
    pub gaps: Gaps,
    /// Days of the history without sales.
    pub days_without_sales: usize,
    /// The models, best first; those that could not be measured last.
    pub candidates: Vec<ForecastCandidate>,
    /// The model to use.
    #[schema(example = "seasonal_naive")]
    pub chosen: String,
    /// One sentence: which, and why it.
    pub explanation: String,
    /// Where the history is not what was asked for.
    pub notes: Vec<String>,
    /// The unit of `mae` and `rmse`.
    #[schema(example = "EUR")]
    pub unit: String,
    /// The state of the data that was read.
    pub dataset_version: i64,
}

/// One model of a comparison: its accuracy, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastCandidate {
    /// The model.
    #[schema(example = "ets")]
    pub model: String,
    /// Its accuracy, mean over the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<ForecastMetrics>,
    /// Why there is no accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_has_its_bounds_beside_its_value_and_reads_back() {
        let interval = |level, lower, upper| ForecastInterval { level, lower, upper };
        let day = AccuracyPoint {
            forecast: ForecastPoint {
                date: date(2023, 12, 1),
                value: 2.0,
                intervals: vec![interval(80.0, 1.0, 3.0), interval(97.5, 0.5, 3.5)],
            },
            actual: Some(2.5),
            error: None,
        };

        let json = serde_json::to_string(&day).unwrap();

        assert_eq!(
            json,
            r#"{"date":"2023-12-01","value":2.0,"lower_80":1.0,"upper_80":3.0,"lower_97.5":0.5,"upper_97.5":3.5,"actual":2.5,"error":null}"#
        );
        assert_eq!(serde_json::from_str::<AccuracyPoint>(&json).unwrap(), day);
        let lonely = r#"{"date":"2023-12-01","value":2.0,"lower_80":1.0}"#;
        let refusal = serde_json::from_str::<ForecastPoint>(lonely).unwrap_err();
        assert!(refusal.to_string().contains("upper_80"), "{refusal}");
    }

    #[test]
    fn a_request_says_what_was_asked_and_nothing_else() {
        let request = ForecastRequest {
            model: Some("ets".into()),
            ..ForecastRequest::default()
        };

        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"model":"ets"}"#);
    }
}
