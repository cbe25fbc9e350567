//! Between what script-api says on the wire and what the models say.
//!
//! The models know nothing of the wire and the wire nothing of them, so each is taken apart and put together here,
//! member by member: what is added on one side does not compile until the other one follows.

use forecast::prophet::{HolidayCalendar, ProphetOptions};
use forecast::{Candidate, Comparison, Coverage, FitSummary, Interval, Metrics, Params, Point, Warning};
use script_api::{
    Diffuse, ForecastCandidate, ForecastFit, ForecastInterval, ForecastMetrics, ForecastParams,
    ForecastPoint, ForecastWarning, Holidays, IntervalCoverage, ProphetParams,
};

fn diffuse(wire: Diffuse) -> forecast::Diffuse {
    match wire {
        Diffuse::UnitFree => forecast::Diffuse::Concentrated,
        Diffuse::Statsmodels => forecast::Diffuse::StatsmodelsDefault,
    }
}

fn diffuse_said(inner: forecast::Diffuse) -> Diffuse {
    match inner {
        forecast::Diffuse::Concentrated => Diffuse::UnitFree,
        forecast::Diffuse::StatsmodelsDefault => Diffuse::Statsmodels,
    }
}

fn holidays(wire: Holidays) -> HolidayCalendar {
    match wire {
        Holidays::Fr => HolidayCalendar::France,
    }
}

fn holidays_said(inner: HolidayCalendar) -> Holidays {
    match inner {
        HolidayCalendar::France => Holidays::Fr,
    }
}

/// The settings that were asked for; what was left out is as the models have it.
pub(super) fn params(wire: &ForecastParams) -> Params {
    let ForecastParams {
        order,
        seasonal_order,
        diffuse: treatment,
        period,
        non_negative,
        prophet: ref of_prophet,
    } = *wire;
    let otherwise = Params::default();
    Params {
        order,
        seasonal_order,
        diffuse: treatment.map_or(otherwise.diffuse, diffuse),
        period,
        non_negative: non_negative.unwrap_or(otherwise.non_negative),
        prophet: of_prophet.as_ref().map_or(otherwise.prophet, prophet),
    }
}

fn prophet(wire: &ProphetParams) -> ProphetOptions {
    let ProphetParams {
        weekly,
        yearly,
        holidays: calendar,
        changepoints,
        changepoint_prior_scale,
        seasonality_prior_scale,
        holidays_prior_scale,
        samples,
    } = *wire;
    let otherwise = ProphetOptions::default();
    ProphetOptions {
        weekly,
        yearly,
        holidays: calendar.map(holidays),
        changepoints: changepoints.unwrap_or(otherwise.changepoints),
        changepoint_prior_scale: changepoint_prior_scale.unwrap_or(otherwise.changepoint_prior_scale),
        seasonality_prior_scale: seasonality_prior_scale.unwrap_or(otherwise.seasonality_prior_scale),
        holidays_prior_scale: holidays_prior_scale.unwrap_or(otherwise.holidays_prior_scale),
        samples: samples.unwrap_or(otherwise.samples),
    }
}

/// Settings with all their defaults.
pub(super) fn params_said(inner: &Params) -> ForecastParams {
    let &Params {
        order,
        seasonal_order,
        diffuse,
        period,
        non_negative,
        prophet:
            ProphetOptions {
                weekly,
                yearly,
                holidays,
                changepoints,
                changepoint_prior_scale,
                seasonality_prior_scale,
                holidays_prior_scale,
                samples,
            },
    } = inner;
    ForecastParams {
        order,
        seasonal_order,
        diffuse: Some(diffuse_said(diffuse)),
        period,
        non_negative: Some(non_negative),
        prophet: Some(ProphetParams {
            weekly,
            yearly,
            holidays: holidays.map(holidays_said),
            changepoints: Some(changepoints),
            changepoint_prior_scale: Some(changepoint_prior_scale),
            seasonality_prior_scale: Some(seasonality_prior_scale),
            holidays_prior_scale: Some(holidays_prior_scale),
            samples: Some(samples),
        }),
    }
}

/// What a fit found.
pub(super) fn fit_said(inner: FitSummary) -> ForecastFit {
    let FitSummary {
        label,
        parameters,
        log_likelihood,
        aic,
        aicc,
        bic,
        converged,
        iterations,
        diffuse,
        diffuse_gap,
        known,
        gaps,
    } = inner;
    ForecastFit {
        label,
        parameters: parameters
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect(),
        log_likelihood,
        aic,
        aicc,
        bic,
        converged,
        iterations,
        diffuse: diffuse.map(diffuse_said),
        diffuse_gap,
        known,
        gaps,
    }
}

/// Accuracy over windows.
pub(super) fn metrics_said(inner: Metrics) -> ForecastMetrics {
    let Metrics {
        mae,
        rmse,
        smape,
        mase,
        coverage,
        windows,
    } = inner;
    ForecastMetrics {
        mae,
        rmse,
        smape,
        mase,
        coverage: coverage.into_iter().map(coverage_said).collect(),
        windows,
    }
}

/// How often actual values lay within an interval.
pub(super) fn coverage_said(inner: Coverage) -> IntervalCoverage {
    let Coverage {
        level,
        share,
        mean_width,
    } = inner;
    IntervalCoverage {
        level,
        share,
        mean_width,
    }
}

/// What a reader should know.
pub(super) fn warning_said(Warning { code, detail }: Warning) -> ForecastWarning {
    ForecastWarning {
        code: code.name().to_owned(),
        detail,
    }
}

/// The forecast of a day.
pub(super) fn point_said(inner: Point) -> ForecastPoint {
    let Point {
        date,
        value,
        intervals,
    } = inner;
    ForecastPoint {
        date,
        value,
        intervals: intervals
            .into_iter()
            .map(|Interval { level, lower, upper }| ForecastInterval { level, lower, upper })
            .collect(),
    }
}

/// The intervals of a day.
pub(super) fn intervals(wire: &[ForecastInterval]) -> Vec<Interval> {
    wire.iter()
        .map(|&ForecastInterval { level, lower, upper }| Interval { level, lower, upper })
        .collect()
}

/// The models of a comparison, best first, with the one to use and why.
pub(crate) fn comparison_said(inner: Comparison) -> (Vec<ForecastCandidate>, String, String) {
    let Comparison {
        candidates,
        chosen,
        explanation,
    } = inner;
    let candidates = candidates
        .into_iter()
        .map(
            |Candidate {
                 model,
                 metrics,
                 error,
             }| ForecastCandidate {
                model: model.name().to_owned(),
                metrics: metrics.map(metrics_said),
                error,
            },
        )
        .collect();
    (candidates, chosen.name().to_owned(), explanation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forecast::Model;
    use std::collections::BTreeSet;

    #[test]
    fn the_models_on_the_wire_are_those_there_are() {
        let on_the_wire = BTreeSet::from(script_api::MODELS);

        assert_eq!(on_the_wire, BTreeSet::from(Model::NAMES));
    }

    #[test]
    fn what_is_left_out_is_as_the_models_have_it_and_what_is_said_comes_back() {
        let none = params(&ForecastParams::default());
        let said = params_said(&Params {
            order: Some([2, 0, 1]),
            seasonal_order: Some([0, 1, 1, 7]),
            diffuse: forecast::Diffuse::StatsmodelsDefault,
            period: Some(30),
            non_negative: true,
            prophet: ProphetOptions {
                weekly: Some(false),
                yearly: Some(true),
                holidays: Some(HolidayCalendar::France),
                changepoints: 3,
                samples: 200,
                ..ProphetOptions::default()
            },
        });

        assert_eq!(none, Params::default());
        assert_eq!(params_said(&params(&said)), said);
    }
}
