//! ARIMA against `statsmodels`, both treatments of the starting level.

use std::collections::BTreeMap;

use forecast::arima::{self, ArimaFit};
use forecast::{Diffuse, Fitted, Order, stop};

use crate::references::{ArimaReference, Case, REFERENCES, case, relative, worst};

fn order(name: &str) -> Option<Order> {
    let order = match name {
        "arima_5_1_0" => Order::new(5, 1, 0),
        "arima_1_1_1" => Order::new(1, 1, 1),
        "sarima_1_1_1_0_1_1_7" => Order::new(1, 1, 1).seasonal(0, 1, 1, 7),
        "sarima_1_1_1_0_1_1_12" => Order::new(1, 1, 1).seasonal(0, 1, 1, 12),
        _ => return None,
    };
    Some(order)
}

fn mode(name: &str) -> Diffuse {
    match name {
        "statsmodels_default" => Diffuse::StatsmodelsDefault,
        "statsmodels_concentrated" => Diffuse::Concentrated,
        other => panic!("unknown mode {other}"),
    }
}

/// Each fit of the fixtures with ours.
fn fits() -> impl Iterator<Item = (String, ArimaReference, ArimaFit)> {
    let fits_of = |case: &'static Case| {
        case.expected
            .keys()
            .filter_map(|name| Some((name, order(name)?)))
            .flat_map(move |(name, order)| {
                let modes: BTreeMap<String, ArimaReference> = case.expected(name).unwrap();
                modes.into_iter().map(move |(mode_name, reference)| {
                    let fit = arima::fit(&case.series(), order, mode(&mode_name), stop::never()).unwrap();
                    (format!("{} {name} {mode_name}", case.id), reference, fit)
                })
            })
    };
    REFERENCES.cases.iter().flat_map(fits_of)
}

fn fit(id: &str, order: Order, diffuse: Diffuse) -> ArimaFit {
    arima::fit(&case(id).series(), order, diffuse, stop::never()).unwrap()
}

fn points(fit: &ArimaFit) -> Vec<f64> {
    fit.standard_errors(7)
        .unwrap()
        .into_iter()
        .map(|(value, _)| value)
        .collect()
}

#[test]
fn every_fit_that_python_finished_agrees_with_python() {
    let mut misses = Vec::new();
    let mut bound = 0;
    for (name, reference, fit) in fits() {
        if !["at optimum", "close to optimum"].contains(&reference.reference_quality.as_str()) {
            continue;
        }
        bound += 1;
        let ahead = fit.standard_errors(7).unwrap();
        let loglik = (fit.summary().log_likelihood.unwrap() - reference.loglik).abs();
        let values = worst(ahead.iter().map(|(value, _)| *value), &reference.forecast);
        let errors = worst(ahead.iter().map(|(_, error)| *error), &reference.se);
        // A flat seasonal likelihood stops where rounding has it, in Python as well.
        let flat = name.contains("sarima") && reference.reference_quality == "close to optimum";
        let allowed = if flat { 2e-3 } else { 1e-3 };
        if loglik > allowed || values > 1e-4 || errors > 1e-3 {
            misses.push(format!(
                "{name}: log-likelihood off by {loglik:.1e}, forecasts by {values:.1e}, errors by {errors:.1e}"
            ));
        }
    }
    assert!(bound >= 70, "only {bound} fits were compared");
    assert!(
        misses.is_empty(),
        "{} of {bound}:\n{}",
        misses.len(),
        misses.join("\n")
    );
}

#[test]
fn no_fit_ends_below_the_best_likelihood_known() {
    let low: Vec<String> = fits()
        .filter_map(|(name, reference, fit)| {
            let short = reference.optimum_loglik - fit.summary().log_likelihood.unwrap();
            (short > 0.1).then(|| format!("{name}: {short:.3} short"))
        })
        .collect();

    assert!(low.is_empty(), "{}", low.join("\n"));
}

#[test]
fn criteria_and_intervals_agree_with_python() {
    for (name, reference, fit) in
        fits().filter(|(_, reference, _)| reference.reference_quality == "at optimum")
    {
        let summary = fit.summary();
        for (ours, theirs) in [
            (summary.aic, reference.aic),
            (summary.aicc, reference.aicc),
            (summary.bic, reference.bic),
        ] {
            assert!(
                (ours.unwrap() - theirs).abs() < 2e-3,
                "{name}: {ours:?} for {theirs}"
            );
        }
        let prediction = fit.predict(7, &[80.0, 95.0], 0, stop::never()).unwrap();
        for (at, bounds) in prediction.intervals.iter().enumerate() {
            let width = reference.hi95[at] - reference.forecast[at];
            assert!(
                (bounds[0].lower - reference.lo80[at]).abs() < 2e-3 * width,
                "{name}"
            );
            assert!(
                (bounds[1].upper - reference.hi95[at]).abs() < 2e-3 * width,
                "{name}"
            );
        }
    }
}

#[test]
fn the_unit_changes_pythons_default_and_not_ours() {
    let order = Order::new(5, 1, 0);
    let forecasts = |diffuse| {
        let units = points(&fit("rev60_weekend", order, diffuse));
        let thousands = points(&fit("rev60_weekend_thousands", order, diffuse));
        worst(thousands.iter().map(|value| value * 1000.0), &units)
    };

    assert!(forecasts(Diffuse::StatsmodelsDefault) > 0.01);
    assert!(forecasts(Diffuse::Concentrated) < 1e-6);
}

#[test]
fn spot_values_of_the_guide_hold() {
    let default = fit("rev60_weekend", Order::new(5, 1, 0), Diffuse::StatsmodelsDefault);
    let unit_free = fit("rev60_weekend", Order::new(5, 1, 0), Diffuse::Concentrated);

    assert!((default.summary().log_likelihood.unwrap() + 504.9644).abs() < 1e-3);
    assert!((unit_free.summary().log_likelihood.unwrap() + 492.5098).abs() < 1e-3);
    assert!(relative(points(&default)[0], 14_503.56) < 1e-5);
    assert!(relative(points(&unit_free)[0], 15_209.69) < 1e-5);
}

#[test]
fn the_gap_between_the_two_modes_is_told() {
    let series = case("rev60_weekend").series();
    let fit = fit("rev60_weekend", Order::new(5, 1, 0), Diffuse::Concentrated);

    let gap = arima::diffuse_gap(&series, &fit, 7, stop::never())
        .unwrap()
        .unwrap();

    assert!((0.03..0.06).contains(&gap), "{gap}");
}
