//! The baselines, exponential smoothing and the backtest against `statsforecast`.

use forecast::{Model, Params, Plan, backtest, stop};
use serde::Deserialize;

use crate::references::{Bounds, REFERENCES, relative, worst};

/// Predicts seven steps of each case that has a reference of this name.
fn predictions(model: Model, name: &str) -> Vec<(String, Bounds, forecast::Prediction)> {
    let predict = |series: &forecast::Series, period| {
        let params = Params {
            period: Some(period),
            ..Params::default()
        };
        let fit = model.fit(series, &params, stop::never()).unwrap();
        fit.predict(7, &[80.0, 95.0], 0, stop::never()).unwrap()
    };
    REFERENCES
        .cases
        .iter()
        .filter_map(|case| {
            let reference: Bounds = case.expected(name)?;
            Some((
                case.id.clone(),
                reference,
                predict(&case.series(), case.season_length),
            ))
        })
        .collect()
}

/// Largest relative difference of the values, and of the widths of the intervals.
fn differences(reference: &Bounds, ours: &forecast::Prediction) -> (f64, f64) {
    let widths = ours.intervals.iter().enumerate().flat_map(|(at, bounds)| {
        let theirs = [
            reference.hi80[at] - reference.lo80[at],
            reference.hi95[at] - reference.lo95[at],
        ];
        bounds
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| relative(ours.upper - ours.lower, theirs))
            .collect::<Vec<_>>()
    });
    (
        worst(ours.values.iter().copied(), &reference.forecast),
        widths.fold(0.0, f64::max),
    )
}

#[test]
fn seasonal_naive_is_exact() {
    let all = predictions(Model::SeasonalNaive, "seasonal_naive_statsforecast");

    assert!(all.len() >= 12);
    for (id, reference, ours) in &all {
        let (values, widths) = differences(reference, ours);
        assert!(
            values < 1e-9 && widths < 1e-9,
            "{id}: values {values:.1e}, widths {widths:.1e}"
        );
    }
}

#[test]
fn exponential_smoothing_agrees_with_statsforecast() {
    let all = predictions(Model::Ets, "auto_ets_nonseasonal_statsforecast");

    let off: Vec<String> = all
        .iter()
        .map(|(id, reference, ours)| (id, differences(reference, ours)))
        .filter(|(_, (values, widths))| *values > 1e-6 || *widths > 1e-6)
        .map(|(id, (values, widths))| format!("{id}: values {values:.1e}, widths {widths:.1e}"))
        .collect();

    assert!(
        off.is_empty(),
        "{} of {}:\n{}",
        off.len(),
        all.len(),
        off.join("\n")
    );
}

#[test]
fn mstl_agrees_with_statsforecast_within_two_percent() {
    let mut values: Vec<(f64, String)> = predictions(Model::Mstl, "mstl_ets_statsforecast")
        .iter()
        .map(|(id, reference, ours)| (differences(reference, ours).0, id.clone()))
        .collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));

    assert!(values[values.len() / 2].0 < 2e-3, "{values:?}");
    assert!(values[values.len() - 1].0 < 2e-2, "{values:?}");
}

#[derive(Deserialize)]
struct Measured {
    windows: Vec<MeasuredWindow>,
    mean_mae: f64,
    mean_rmse: f64,
    mean_smape: f64,
    mean_mase: f64,
    coverage80: Option<f64>,
    coverage95: Option<f64>,
}

#[derive(Deserialize)]
struct MeasuredWindow {
    train_size: usize,
    mae: f64,
    mase: f64,
}

#[test]
fn backtests_agree_with_python() {
    use forecast::Diffuse::{Concentrated, StatsmodelsDefault};
    let runs = [
        ("seasonal_naive", Model::SeasonalNaive, Concentrated, 1e-9),
        ("arima_5_1_0_default", Model::Arima, StatsmodelsDefault, 1e-3),
        ("arima_5_1_0_concentrated", Model::Arima, Concentrated, 1e-3),
    ];
    let mut compared = 0;
    for case in &REFERENCES.cases {
        let Some(reference) = &case.backtest else { continue };
        for (name, model, diffuse, tolerance) in runs {
            let reference: Measured = serde_json::from_value(reference["results"][name].clone()).unwrap();
            let params = Params {
                diffuse,
                ..Params::default()
            };
            let plan = Plan {
                horizon: 7,
                windows: 4,
                levels: &[80.0, 95.0],
                params: &params,
                seed: 0,
            };

            let ours = backtest(&case.series(), model, &plan, stop::never()).unwrap();

            compared += 1;
            let label = format!("{} {name}", case.id);
            for (ours, theirs) in ours.windows.iter().zip(&reference.windows) {
                assert_eq!(ours.trained_on, theirs.train_size, "{label}");
                assert!(relative(ours.metrics.mae, theirs.mae) < tolerance, "{label}");
                assert!(
                    relative(ours.metrics.mase.unwrap(), theirs.mase) < tolerance,
                    "{label}"
                );
            }
            for (ours, theirs) in [
                (ours.mean.mae, reference.mean_mae),
                (ours.mean.rmse, reference.mean_rmse),
                (ours.mean.smape, reference.mean_smape),
                (ours.mean.mase.unwrap(), reference.mean_mase),
            ] {
                assert!(relative(ours, theirs) < tolerance, "{label}: {ours} for {theirs}");
            }
            for (coverage, theirs) in ours
                .mean
                .coverage
                .iter()
                .zip([reference.coverage80, reference.coverage95])
            {
                assert!(
                    theirs.is_none_or(|theirs| (coverage.share - theirs).abs() < 1e-9),
                    "{label}"
                );
            }
        }
    }
    assert!(compared >= 15, "{compared} backtests were compared");
}
