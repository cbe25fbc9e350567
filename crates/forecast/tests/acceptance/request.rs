//! What callers rely on: the JSON, the choice, the deadline, the sentence.

use std::sync::atomic::{AtomicUsize, Ordering};

use forecast::{
    ComparisonProgress, ForecastError, Model, Params, Request, Series, Step, WarningCode, compare, run, stop,
};
use jiff::civil::date;

use crate::references::case;

#[test]
fn the_answer_has_dated_points_with_flat_bounds() {
    let series = case("rev60_weekend").series();
    let request = Request {
        model: Model::Arima,
        ..Request::default()
    };

    let forecast = run(&series, &request, stop::never()).unwrap();
    let json = serde_json::to_value(&forecast).unwrap();

    assert_eq!(json["model"], "arima");
    assert_eq!(json["label"], "ARIMA(5,1,0)");
    assert_eq!(json["diffuse"], "unit-free");
    assert_eq!(json["points"].as_array().unwrap().len(), 7);
    let point = json["points"][0].as_object().unwrap();
    assert_eq!(point["date"], "2024-03-01");
    let first = &forecast.points[0];
    for (key, expected) in [
        ("value", first.value),
        ("lower_80", first.intervals[0].lower),
        ("upper_80", first.intervals[0].upper),
        ("lower_95", first.intervals[1].lower),
        ("upper_95", first.intervals[1].upper),
    ] {
        assert_eq!(point[key].as_f64(), Some(expected), "{key}");
    }
    assert!(
        json["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|warning| warning["code"] == "diffuse_gap")
    );
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let series = case("rev180").series();
    for model in Model::ALL {
        let request = Request {
            model,
            ..Request::default()
        };
        let once = serde_json::to_string(&run(&series, &request, stop::never()).unwrap()).unwrap();
        let again = serde_json::to_string(&run(&series, &request, stop::never()).unwrap()).unwrap();
        assert_eq!(once, again, "{model}");
    }
}

#[test]
fn auto_explains_itself_in_one_sentence_and_never_picks_what_is_asked_for_by_name() {
    for id in ["rev60_weekend", "rev180", "airpassengers", "nile"] {
        let forecast = run(&case(id).series(), &Request::default(), stop::never()).unwrap();

        assert_eq!(forecast.requested, Model::Auto);
        assert!(
            !matches!(forecast.model, Model::Auto | Model::Arima | Model::Sarima),
            "{id}"
        );
        let sentence = &forecast.explanation;
        assert!(
            sentence.starts_with(forecast.model.name()) && sentence.ends_with('.'),
            "{sentence}"
        );
        assert!(!sentence.contains(". "), "{sentence}");
    }
}

#[test]
fn a_model_replaces_seasonal_naive_only_when_clearly_better() {
    let weekly: Vec<Option<f64>> = [1.0, 2.0, 3.0, 4.0, 9.0, 9.0, 1.0].map(Some).repeat(10);
    let series = Series::new(date(2024, 1, 1), Step::Day, weekly).unwrap();

    let forecast = run(&series, &Request::default(), stop::never()).unwrap();

    assert_eq!(forecast.model, Model::SeasonalNaive);
    assert!(forecast.metrics.unwrap().mae < 1e-12);
}

#[test]
fn a_comparison_reports_each_model_and_ranks_them() {
    let mut seen = Vec::new();

    let comparison = compare(
        &case("rev60_weekend").series(),
        &[Model::Arima, Model::Mstl],
        &Request::default(),
        &mut |progress: ComparisonProgress| seen.push(progress),
        stop::never(),
    )
    .unwrap();

    assert_eq!(seen.len(), 4);
    assert_eq!(
        seen[3],
        ComparisonProgress {
            done: 3,
            total: 3,
            next: None
        }
    );
    let errors: Vec<f64> = comparison
        .candidates
        .iter()
        .map(|c| c.metrics.as_ref().unwrap().mase.unwrap())
        .collect();
    assert!(errors.is_sorted());
    assert!(
        comparison
            .candidates
            .iter()
            .any(|candidate| candidate.model == Model::SeasonalNaive)
    );
}

#[test]
fn a_deadline_ends_every_model_soon() {
    let series = case("rev730").series();
    for model in Model::ALL {
        for allowed in [0, 3, 20] {
            let asked = AtomicUsize::new(0);
            let stop = || asked.fetch_add(1, Ordering::Relaxed) >= allowed;

            let result = run(
                &series,
                &Request {
                    model,
                    ..Request::default()
                },
                &stop,
            );

            let asked_in_all = asked.into_inner();
            match result {
                Err(ForecastError::Stopped) => {
                    assert!(asked_in_all <= allowed + 3, "{model}: {asked_in_all}");
                }
                Ok(_) => assert!(asked_in_all <= allowed, "{model} went on after it was stopped"),
                Err(other) => panic!("{model}: {other}"),
            }
        }
    }
}

#[test]
fn bounds_below_zero_are_clamped_only_for_histories_without_negatives() {
    let values = |low: f64| {
        (0..40)
            .map(|at| Some(if at % 2 == 0 { 10.0 } else { low }))
            .collect()
    };
    let request = Request {
        model: Model::Naive,
        params: Params {
            non_negative: true,
            ..Params::default()
        },
        ..Request::default()
    };
    let lowest = |low: f64| {
        let series = Series::new(date(2024, 1, 1), Step::Day, values(low)).unwrap();
        let forecast = run(&series, &request, stop::never()).unwrap();
        let clamped = forecast
            .warnings
            .iter()
            .any(|warning| warning.code == WarningCode::ClampedAtZero);
        let bounds = forecast
            .points
            .iter()
            .flat_map(|point| point.intervals.iter().map(|bounds| bounds.lower));
        (bounds.fold(f64::INFINITY, f64::min), clamped)
    };

    assert_eq!(lowest(0.0), (0.0, true));
    assert!(lowest(-1.0).0 < 0.0 && !lowest(-1.0).1);
}
